//! A consistent copy while jobs go on.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use crate::files::create_private;
use crate::{OpenError, open};

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The source cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The new file cannot be made or synced; `AlreadyExists` where there is one.
    #[error("cannot write the backup {path}")]
    Io {
        /// The new file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// SQLite could not copy.
    #[error("cannot copy the database into {path}")]
    Copy {
        /// The new file.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The source was locked, which readers of a WAL database never see.
    #[error("the database was locked while it was copied into {path}")]
    Locked {
        /// The new file.
        path: PathBuf,
    },
}

pub(crate) fn copy(source: &Path, target: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Io { path: target.to_owned(), source };
    let source = open::reader(source)?;
    let file = create_private(target).map_err(failed)?;
    let copied = copy_pages(&source, target).and_then(|()| file.sync_all().map_err(failed));
    if copied.is_err() {
        std::fs::remove_file(target).map_err(failed)?;
    }
    copied
}

/// All pages in one step: one read transaction, so one state.
fn copy_pages(source: &Connection, target: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Copy { path: target.to_owned(), source };
    let mut copy = Connection::open_with_flags(target, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(failed)?;
    let backup = Backup::new(source, &mut copy).map_err(failed)?;
    match backup.step(-1).map_err(failed)? {
        StepResult::Done => Ok(()),
        _ => Err(BackupError::Locked { path: target.to_owned() }),
    }
}
