//! The transactional store in one SQLite file.
//!
//! # Threads
//!
//! One writer thread takes writing jobs from a queue, in order; four reader threads serve reading jobs, each on one
//! state of the database (WAL snapshot), and neither kind waits for the other. A queue holds 1,024 jobs; who brings
//! more waits. Writing jobs that wait at the same time share one sync of the disk (module `writer`); each is still
//! all or nothing on its own, and sees those before it. A job that panics fails alone; the threads go on. Dropping the
//! database runs the queued jobs and closes the file.
//!
//! # Durability
//!
//! WAL with `synchronous = FULL`: a writing job that has returned survives power loss, as far as the disk keeps what it
//! confirms. Conversions are money, and are answered only after this. Other processes (`hopline audit`, `key create`)
//! may use the file at the same time; a writer waits up to five seconds for another process's transaction and is then
//! `Unavailable`.
//!
//! # Schema
//!
//! Migrations are embedded; the table `migrations` keeps number, name, SHA-256 and time of each. Each runs in a
//! transaction, once, whoever opens first. A database with a migration that this program does not know is refused and
//! not written to; so is one whose migration's text has changed since, and a database of some other program. Foreign
//! keys are enforced; triggers also fire for rows that `INSERT OR REPLACE` would push out, so that append-only tables
//! stay so.
//!
//! # Statements
//!
//! `$n` is bound by its number, whatever the order of appearance. Floating point numbers do not cross the seam.

mod backup;
mod error;
mod files;
mod migrations;
mod open;
mod queue;
mod reader;
mod transaction;
mod value;
mod writer;

pub use backup::BackupError;
pub use open::OpenError;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use hopline_control_store::{Database, ErrorKind, Job, JobFuture, Mode, StoreError};
use hopline_types::UnixMillis;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::queue::{Queue, Work, queue};

/// Reader threads: reports and lists are short, and few people look at once.
const READERS: usize = 4;
/// Jobs that may wait for the writer, or for the readers.
const QUEUE_JOBS_MAX: usize = 1_024;

/// The transactional store in one SQLite file.
#[derive(Debug)]
pub struct SqliteDatabase {
    path: PathBuf,
    migrated: Vec<&'static str>,
    read: Threads,
    write: Threads,
}

/// Threads that serve one queue.
#[derive(Debug)]
struct Threads {
    /// `None` once closed.
    queue: Option<mpsc::Sender<Work>>,
    threads: Vec<JoinHandle<()>>,
}

impl SqliteDatabase {
    /// Opens the database, creates it where it is missing, and brings its schema up to date. Blocks for as long as
    /// the migrations take. `now` is kept beside migrations that are applied.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(path: impl AsRef<Path>, now: UnixMillis) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let (writer, migrated) = open::writer(path, migrations::MIGRATIONS, now)?;
        let readers = (0..READERS).map(|_| open::reader(path)).collect::<Result<Vec<_>, _>>()?;

        let write = Threads::start("control-write", vec![writer], writer::serve)?;
        let read = Threads::start("control-read", readers, reader::serve)?;
        Ok(Self { path: path.to_owned(), migrated, read, write })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The migrations that [`open`](Self::open) applied, in order; empty where the schema was up to date.
    #[must_use]
    pub fn migrated(&self) -> &[&'static str] {
        &self.migrated
    }

    /// Copies one consistent state into a new file, while jobs go on. The copy is synced to disk when this returns;
    /// where it fails, or the program dies meanwhile, the new file is worth nothing (removed in the first case).
    /// Dropping the future does not stop the copy.
    ///
    /// # Errors
    /// See [`BackupError`].
    pub async fn backup_to(&self, target: impl Into<PathBuf>) -> Result<(), BackupError> {
        let (source, target) = (self.path.clone(), target.into());
        let (send, receive) = oneshot::channel();
        let copy = target.clone();
        let failed = |source| BackupError::Io { path: target, source };
        let thread = std::thread::Builder::new().name("control-backup".to_owned());
        // Whoever asked may be gone.
        let run = move || send.send(backup::copy(&source, &copy)).unwrap_or_default();
        match thread.spawn(run) {
            Err(source) => Err(failed(source)),
            Ok(_detached) => {
                receive.await.map_err(|_| failed(std::io::Error::other("the copying thread died")))?
            }
        }
    }
}

impl Threads {
    /// One thread per connection.
    fn start(
        name: &str,
        connections: Vec<Connection>,
        serve: fn(&Connection, &Queue),
    ) -> Result<Self, OpenError> {
        let (send, jobs) = queue(QUEUE_JOBS_MAX);
        let jobs = Arc::new(jobs);
        let start = |connection| {
            let jobs = jobs.clone();
            std::thread::Builder::new().name(name.to_owned()).spawn(move || serve(&connection, &jobs))
        };
        let threads = connections.into_iter().map(start).collect::<Result<_, _>>();
        Ok(Self { queue: Some(send), threads: threads.map_err(|source| OpenError::Thread { source })? })
    }

    async fn run(&self, job: Job) -> Result<(), StoreError> {
        let gone = || StoreError::new(ErrorKind::Broken, "the threads of the control store are gone");
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        let (done, outcome) = oneshot::channel();
        queue.send(Work { job, done }).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    /// Lets the threads finish what is queued.
    fn close(&mut self) {
        drop(self.queue.take());
        for thread in self.threads.drain(..) {
            // A job may have held the last reference, and drops the database on a thread of its own.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the control store panicked");
            }
        }
    }
}

impl Database for SqliteDatabase {
    fn run(&self, mode: Mode, job: Job) -> JobFuture<'_> {
        Box::pin(match mode {
            Mode::Read => self.read.run(job),
            Mode::Write | Mode::Book => self.write.run(job),
        })
    }
}

impl Drop for SqliteDatabase {
    fn drop(&mut self) {
        self.read.close();
        // Last, because the connection that closes last tidies the WAL away, and readers cannot.
        self.write.close();
    }
}
