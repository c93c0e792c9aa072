//! Keeps the disk from filling while a server is loaded: what a shipper or a rotation of logs would take is removed.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Result;

/// Does something while segments that nobody ships here are removed; afterwards empties nginx's log. `directory` is the
/// server's own.
///
/// # Errors
/// Those of the work.
pub fn sweeping<T>(directory: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (done, until) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || sweep(directory, &until));
        let outcome = work();
        drop(done);
        outcome
    })
}

fn sweep(directory: &Path, until: &Receiver<()>) {
    const PAUSE: Duration = Duration::from_millis(250);
    while until.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        for stream in entries(directory) {
            let mut segments = entries(&stream);
            segments.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
            segments.sort();
            // The one that is written, the one before, and the one made ahead stay.
            for old in segments.iter().rev().skip(3) {
                drop(std::fs::remove_file(old));
            }
        }
    }
    let log = directory.join("clicks.log");
    if log.is_file() {
        // nginx appends: the next line lands at the start.
        drop(std::fs::OpenOptions::new().write(true).truncate(true).open(log));
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
