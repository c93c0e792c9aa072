//! Deleting what is too old.

use std::io::ErrorKind;

use hopline_click_store::{Retained, Retention};

use crate::day::{self, Day};
use crate::fault::Fault;
use crate::writer::Files;

pub(crate) fn apply(files: &mut Files, retention: Retention) -> Result<Retained, Fault> {
    let mut retained = Retained::default();
    if let Some(before) = retention.touches_before {
        let dropped = files.main().execute("DELETE FROM touches WHERE at < ?1", [before.get()])?;
        retained.touches_dropped = u64::try_from(dropped).unwrap_or(u64::MAX);
    }
    if let Some(before) = retention.clicks_before {
        let first_kept = Day::of(before);
        // First the note, then the files: a crash in between leaves files that the next run deletes.
        files.main().execute(
            "UPDATE state SET raw_from = max(coalesce(raw_from, ?1), ?1)",
            [first_kept.start().get()],
        )?;
        for day in day::list(files.directory())?.into_iter().filter(|day| *day < first_kept) {
            files.close_day(day);
            drop_day(files, day)?;
            retained.days_dropped += 1;
        }
    }
    Ok(retained)
}

/// The main file goes last: as long as it is there, the day is listed and deleted again.
fn drop_day(files: &Files, day: Day) -> Result<(), Fault> {
    let Some(path) = day.path(files.directory()) else { return Ok(()) };
    for suffix in ["-wal", "-shm", ""] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
