//! Opening connections.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hopline_types::UnixMillis;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::files::create_private;
use crate::migrations::{self, Migration};

/// How long a writer waits for another process's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a new file is switched to WAL while other processes do the same.
const WAL_TRIES: u32 = 100;
/// Prepared statements kept per connection: more than this program has.
const STATEMENTS_KEPT: usize = 512;

/// Settings of every connection. Page cache: 8 MiB.
const EACH: &str = "PRAGMA foreign_keys = ON; PRAGMA recursive_triggers = ON; PRAGMA cache_size = -8192;";

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be made.
    #[error("cannot create {path}")]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// SQLite refuses: no database, no right, damaged.
    #[error("{path}: {doing} failed")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// The file system has no shared memory for WAL (some network file systems).
    #[error(
        "{path}: SQLite cannot use WAL here, it offers {mode}; the data directory must be on a local disk"
    )]
    NoWal {
        /// The file.
        path: PathBuf,
        /// The journal mode that SQLite chose instead.
        mode: String,
    },
    /// A newer program has been here. Nothing was changed.
    #[error(
        "{path} has migration {number} ({name}), this program knows only up to {known}: use the newer program"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The unknown migration.
        number: i64,
        /// Its name.
        name: String,
        /// The last one known.
        known: i64,
    },
    /// A migration was edited after it was applied. Nothing was changed.
    #[error("{path}: migration {number} ({name}) was applied with another text than this program has")]
    Changed {
        /// The file.
        path: PathBuf,
        /// The migration.
        number: i64,
        /// Its name.
        name: &'static str,
    },
    /// The record of migrations is incomplete. Nothing was changed.
    #[error("{path}: the table migrations has {count} rows, but not those from 1 to {count}")]
    Gap {
        /// The file.
        path: PathBuf,
        /// Rows in the table.
        count: i64,
    },
    /// A database of another program. Nothing was changed.
    #[error("{path} is a SQLite database, but not one of this program")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A migration failed; the ones before it are kept.
    #[error("{path}: migration {name} failed")]
    Migration {
        /// The file.
        path: PathBuf,
        /// The migration.
        name: &'static str,
        /// What SQLite says.
        #[source]
        source: rusqlite::Error,
    },
    /// A thread cannot be started.
    #[error("cannot start a thread of the control store")]
    Thread {
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// The one connection that writes, with the schema up to date, and the names of the migrations applied for that.
pub(crate) fn writer(
    path: &Path,
    known: &[Migration],
    now: UnixMillis,
) -> Result<(Connection, Vec<&'static str>), OpenError> {
    match create_private(path) {
        Ok(_empty) => {}
        // Looked at before anything can write to it.
        Err(refusal) if refusal.kind() == io::ErrorKind::AlreadyExists => {
            migrations::check(&connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?, path, known)?;
        }
        Err(source) => return Err(OpenError::Create { path: path.to_owned(), source }),
    }
    let mut connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    switch_to_wal(&connection, path)?;
    connection
        .execute_batch("PRAGMA synchronous = FULL")
        .map_err(failed(path, "asking for synced commits"))?;
    let migrated = migrations::apply(&mut connection, path, known, now)?;
    Ok((connection, migrated))
}

/// The mode is kept in the file: only the first opener of a new file has something to do here.
fn switch_to_wal(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    let switch = || connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0));
    let mut switched = switch();
    for _ in 1..WAL_TRIES {
        if !matches!(&switched, Err(failure) if failure.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
        {
            break;
        }
        // Another process is at it. SQLite does not wait here by itself, but before a transaction it does.
        connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK").map_err(failed(path, "waiting for WAL"))?;
        switched = switch();
    }
    let mode: String = switched.map_err(failed(path, "switching to WAL"))?;
    if mode == "wal" { Ok(()) } else { Err(OpenError::NoWal { path: path.to_owned(), mode }) }
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path) -> Result<Connection, OpenError> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn connect(path: &Path, rights: OpenFlags) -> Result<Connection, OpenError> {
    // Each connection is used by one thread at a time, so SQLite needs no lock of its own.
    let connection = Connection::open_with_flags(path, rights | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(failed(path, "opening"))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed(path, "setting the time to wait"))?;
    connection.execute_batch(EACH).map_err(failed(path, "setting up the connection"))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    Ok(connection)
}

fn failed(path: &Path, doing: &'static str) -> impl FnOnce(rusqlite::Error) -> OpenError {
    move |source| OpenError::Sqlite { path: path.to_owned(), doing, source }
}
