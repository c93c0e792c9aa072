//! UTC days and the names of their files.

use std::path::{Path, PathBuf};

use hopline_types::{HOUR_MS, UnixMillis};
use jiff::civil::{Date, date};
use jiff::{Span, Unit};

const DAY_MS: i64 = 24 * HOUR_MS;
const EPOCH: Date = date(1970, 1, 1);

/// Days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i64);

impl Day {
    pub(crate) const fn of(at: UnixMillis) -> Self {
        Self(at.get().div_euclid(DAY_MS))
    }

    pub(crate) const fn start(self) -> UnixMillis {
        UnixMillis(self.0.saturating_mul(DAY_MS))
    }

    pub(crate) const fn end(self) -> UnixMillis {
        Self(self.0.saturating_add(1)).start()
    }

    /// The date, up to the year 9999.
    pub(crate) fn date(self) -> Option<Date> {
        EPOCH.checked_add(Span::new().try_days(self.0).ok()?).ok()
    }

    pub(crate) fn path(self, directory: &Path) -> Option<PathBuf> {
        Some(directory.join(format!("clicks-{}.db", self.date()?)))
    }

    fn from_name(name: &str) -> Option<Self> {
        let day: Date = name.strip_prefix("clicks-")?.strip_suffix(".db")?.parse().ok()?;
        let since = EPOCH.until((Unit::Day, day)).ok()?;
        Some(Self(i64::from(since.get_days())))
    }
}

/// The days that have a file, ascending.
pub(crate) fn list(directory: &Path) -> std::io::Result<Vec<Day>> {
    let mut days = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        if let Some(day) = entry?.file_name().to_str().and_then(Day::from_name) {
            days.push(day);
        }
    }
    days.sort_unstable();
    Ok(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_read_back_as_their_days() {
        for day in [0, 20_485, -1, 2_932_896] {
            let path = Day(day).path(Path::new("")).unwrap();
            assert_eq!(Day::from_name(path.to_str().unwrap()), Some(Day(day)));
        }
        assert_eq!(Day(20_485).path(Path::new("x")).unwrap(), Path::new("x/clicks-2026-02-01.db"));
        assert_eq!(Day(2_932_897).date(), None);
        for other in ["clicks.db", "clicks-2026-02-01.db-wal", "clicks-2026-02-30.db"] {
            assert_eq!(Day::from_name(other), None, "{other}");
        }
    }
}
