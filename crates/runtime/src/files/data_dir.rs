//! The data directory: who may use it, and in which format it is.
//!
//! ```text
//! VERSION   {"format":1}                                        replaced atomically, mode 0644
//! lock      {"pid":123,"started_at":"2026-02-01T00:00:00Z"}     locked by the process that owns the directory
//! …         what the stores and spools keep
//! ```
//!
//! The lock is the system's, on the open file: it ends with the process, however that ends, so a stale `lock`
//! file is no obstacle. Its content only tells others who holds it. A directory of a newer format is refused
//! before anything in it is created or written.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hopline_types::UnixMillis;
use serde::{Deserialize, Serialize};

use super::{ReplaceError, directory_of, replace, sync_directory};

/// The format this program writes. It reads this one and all before it.
pub const FORMAT: u32 = 1;

const VERSION_FILE: &str = "VERSION";
const LOCK_FILE: &str = "lock";

#[derive(Serialize, Deserialize)]
struct Version {
    format: u32,
}

/// Who holds a data directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Process id.
    pub pid: u32,
    /// When it took the directory, RFC 3339.
    pub started_at: String,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process uses it.
    #[error("data directory {path} is held by process {pid}, started {started_at}",
        path = path.display(), pid = holder.pid, started_at = holder.started_at)]
    Held {
        /// The directory.
        path: PathBuf,
        /// Who holds it.
        holder: Holder,
    },
    /// Another process uses it and has not yet said who it is.
    #[error("data directory {path} is held by another process", path = path.display())]
    HeldByUnknown {
        /// The directory.
        path: PathBuf,
    },
    /// A newer program wrote it. Nothing was touched.
    #[error("data directory {path} has format {found}, this program knows formats up to {known}", path = path.display())]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Format found.
        found: u32,
        /// Newest format known.
        known: u32,
    },
    /// Its version file cannot be understood. Nothing was touched.
    #[error("{path} does not say {{\"format\":…}}", path = path.display())]
    Version {
        /// The version file.
        path: PathBuf,
        /// What the reader said.
        #[source]
        source: serde_json::Error,
    },
    /// The version file cannot be written.
    #[error(transparent)]
    Replace(#[from] ReplaceError),
    /// The system refused.
    #[error("cannot {step} {path}", path = path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was being done.
        step: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A data directory that may be used. While one from [`DataDir::open`] lives, no other process can open it.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    created: bool,
    _lock: Option<File>,
}

impl DataDir {
    /// Takes the directory for this process, creating it (mode 0700) where it is missing.
    ///
    /// # Errors
    /// Another process holds it, its format is newer or unreadable, or the system refuses.
    pub fn open(path: &Path, now: UnixMillis) -> Result<Self, DataDirError> {
        create_directory(path)?;
        read_version(path)?;
        let lock = take_lock(path, now)?;
        // Read again: whoever held the lock until now may have been a newer program.
        let created = read_version(path)?.is_none();
        if created {
            write_version(path)?;
        }
        Ok(Self { path: path.to_owned(), created, _lock: Some(lock) })
    }

    /// Opens the directory beside the process that may hold it, for commands that only use what allows several
    /// processes (the control store). The format is checked; the lock is neither looked at nor taken.
    ///
    /// # Errors
    /// Its format is newer or unreadable, or the system refuses.
    pub fn open_beside(path: &Path) -> Result<Self, DataDirError> {
        create_directory(path)?;
        let created = read_version(path)?.is_none();
        if created {
            write_version(path)?;
        }
        Ok(Self { path: path.to_owned(), created, _lock: None })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or directory in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether it was new, that is, had no version file.
    #[must_use]
    pub fn created(&self) -> bool {
        self.created
    }
}

fn failed(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> DataDirError {
    move |source| DataDirError::Io { path: path.to_owned(), step, source }
}

fn create_directory(path: &Path) -> Result<(), DataDirError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path, "create"))?;
    sync_directory(directory_of(path)).map_err(failed(path, "make durable"))
}

/// The format found; none where there is no version file.
fn read_version(directory: &Path) -> Result<Option<u32>, DataDirError> {
    let path = directory.join(VERSION_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&path, "read")(error)),
    };
    let version: Version =
        serde_json::from_slice(&bytes).map_err(|source| DataDirError::Version { path, source })?;
    if version.format > FORMAT {
        return Err(DataDirError::Newer { path: directory.to_owned(), found: version.format, known: FORMAT });
    }
    Ok(Some(version.format))
}

fn write_version(directory: &Path) -> Result<(), DataDirError> {
    let text = serde_json::to_string(&Version { format: FORMAT }).expect("a number can be written as JSON");
    Ok(replace(&directory.join(VERSION_FILE), format!("{text}\n").as_bytes(), 0o644)?)
}

fn take_lock(directory: &Path, now: UnixMillis) -> Result<File, DataDirError> {
    let path = directory.join(LOCK_FILE);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let mut file = options.open(&path).map_err(failed(&path, "open"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(held(directory, &mut file)),
        Err(TryLockError::Error(error)) => return Err(failed(&path, "lock")(error)),
    }
    let started_at =
        jiff::Timestamp::from_millisecond(now.get()).map(|time| time.to_string()).unwrap_or_default();
    let holder = Holder { pid: std::process::id(), started_at };
    let text = serde_json::to_string(&holder).expect("a number and a text can be written as JSON");
    let written = file.set_len(0).and_then(|()| file.write_all(text.as_bytes()));
    written.map_err(failed(&path, "write"))?;
    Ok(file)
}

fn held(directory: &Path, lock: &mut File) -> DataDirError {
    let mut text = String::new();
    let read = lock.rewind().and_then(|()| lock.read_to_string(&mut text));
    match read.ok().and_then(|_| serde_json::from_str(&text).ok()) {
        Some(holder) => DataDirError::Held { path: directory.to_owned(), holder },
        None => DataDirError::HeldByUnknown { path: directory.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const NOW: UnixMillis = UnixMillis(1_769_904_000_000); // 2026-02-01T00:00:00Z

    #[test]
    fn a_new_directory_is_private_and_says_its_format() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let directory = DataDir::open(&path, NOW).unwrap();
        assert!(directory.created());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_to_string(directory.join("VERSION")).unwrap(), "{\"format\":1}\n");
        drop(directory);
        assert!(!DataDir::open(&path, NOW).unwrap().created());
    }

    #[test]
    fn the_second_holder_is_told_who_holds_it_and_may_come_when_the_first_is_gone() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataDir::open(parent.path(), NOW).unwrap();
        let error = DataDir::open(parent.path(), NOW.plus(1)).unwrap_err().to_string();
        let expected = format!("is held by process {}, started 2026-02-01T00:00:00Z", std::process::id());
        assert!(error.ends_with(&expected), "{error}");
        assert!(DataDir::open_beside(parent.path()).is_ok());
        drop(first);
        DataDir::open(parent.path(), NOW).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused_and_nothing_is_touched() {
        let parent = tempfile::tempdir().unwrap();
        let version = parent.path().join("VERSION");
        fs::write(&version, "{\"format\":7,\"of\":\"the future\"}").unwrap();
        let before = fs::metadata(&version).unwrap().modified().unwrap();
        for opened in [DataDir::open(parent.path(), NOW), DataDir::open_beside(parent.path())] {
            let error = opened.unwrap_err().to_string();
            assert!(error.contains("has format 7") && error.contains("up to 1"), "{error}");
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
        assert_eq!(fs::metadata(&version).unwrap().modified().unwrap(), before);
        assert_eq!(fs::read_to_string(&version).unwrap(), "{\"format\":7,\"of\":\"the future\"}");
    }

    #[test]
    fn an_unreadable_version_file_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("VERSION"), "one").unwrap();
        let error = DataDir::open(parent.path(), NOW).unwrap_err();
        assert!(matches!(error, DataDirError::Version { .. }), "{error}");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
