//! The transactional store in PostgreSQL, 15 or later.
//!
//! # Jobs
//!
//! A job is a synchronous closure, so each runs on a thread that owns a connection (module `pool`): by default up to four
//! threads for jobs that read and eight for those that write. A statement is sent and answered on the thread's own
//! runtime, without waking another thread. Jobs beyond that wait in order, at most 1,024; who brings more waits. Dropping
//! the database runs the queued jobs.
//!
//! How a job is run, and run again, stands in module `attempts`: reads see one state, writes are serialisable, bookings
//! lock what they rest on. A conflict, a deadlock or a lost connection before the commit lets the job run again; after a
//! connection was lost between commit and answer the server is asked what became of the transaction. A job that panics
//! fails alone. A failed statement is the end of the transaction, whatever the job makes of it: it cannot commit.
//!
//! # Statements
//!
//! Prepared once per connection. For many rows of values they are sent as one statement over a set (module `sets`).
//! Integers are `BIGINT`, also booleans and times; text is compared byte by byte (`COLLATE "C"`); floating point numbers
//! and `NUMERIC` do not cross the seam.
//!
//! # Durability
//!
//! That of the server: `synchronous_commit` is left as it is set there, and must not be off. After a failover to a standby
//! that had not received everything, a transaction whose answer was lost may be taken for another: let standbys be
//! synchronous.
//!
//! # Schema
//!
//! Migrations are embedded; the table `hopline_migrations` keeps number, name, SHA-256 and time of each. Each is applied in
//! one transaction under a lock, so several programs may start at once. Refused, with nothing changed: a server that is too
//! old or only reads, a database of another program or of a newer version of this one, missing rights, tables that were
//! changed by hand.
//!
//! Append-only tables are kept so by triggers. Row-level security (migration `0004_tenants`) is the second wall behind the
//! scopes of statements: [`Tx::narrow`](hopline_control_store::Tx::narrow). It holds for the tables' owner, but not for
//! superusers: [`Prepared::is_guarded`] says which it is.
//!
//! # Not supported
//!
//! Poolers that give each transaction another connection (`PgBouncer` in transaction mode): prepared statements, locks that
//! outlast a transaction and `LISTEN` need a session.

mod attempts;
mod error;
mod listen;
mod locks;
mod migrations;
mod open;
mod options;
mod pool;
mod schema;
mod session;
mod sets;
mod tls;
mod transaction;
mod value;

pub use open::{OpenError, Prepared};
pub use options::{OptionsError, PostgresOptions};
pub use tls::TlsError;

use std::sync::{Arc, Mutex, PoisonError};

use hopline_control_store::{Database, Job, JobFuture, Listener, Mode};
use hopline_types::UnixMillis;

use crate::listen::Listening;
use crate::open::{Intent, prepare};
use crate::pool::Pool;
use crate::sets::Sets;
use crate::tls::Tls;

/// The transactional store in a PostgreSQL database.
pub struct PostgresDatabase {
    options: PostgresOptions,
    tls: Tls,
    prepared: Prepared,
    read: Pool,
    write: Pool,
    listening: Mutex<Option<Listening>>,
}

impl PostgresDatabase {
    /// Opens the database and brings its schema up to date. Blocks for as long as that takes; may be called from
    /// asynchronous code, which then waits too. `now` is kept beside migrations that are applied.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(options: PostgresOptions, now: UnixMillis) -> Result<Self, OpenError> {
        let tls = Tls::new(&options.trust)?;
        let prepared = prepare(&options, &tls, Intent::Migrate(now))?;
        if !prepared.is_guarded {
            let server = options.told();
            tracing::warn!(server, "the role bypasses row-level security: use one that is no superuser");
        }
        let sets = Arc::new(Sets::default());
        let pool =
            |name, threads| Pool::new(name, threads, options.config.clone(), tls.clone(), Arc::clone(&sets));
        let read = pool("control-read", options.readers());
        let write = pool("control-write", options.writers());
        Ok(Self { options, tls, prepared, read, write, listening: Mutex::new(None) })
    }

    /// Checks that the database can be opened, and changes nothing; [`Prepared::migrations`] are those that are missing.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn verify(options: &PostgresOptions) -> Result<Prepared, OpenError> {
        prepare(options, &Tls::new(&options.trust)?, Intent::Look)
    }

    /// What [`open`](Self::open) found and did.
    #[must_use]
    pub const fn prepared(&self) -> &Prepared {
        &self.prepared
    }

    /// The migrations that [`open`](Self::open) applied, in order; empty where the schema was up to date.
    #[must_use]
    pub fn migrated(&self) -> &[&'static str] {
        &self.prepared.migrations
    }

    /// Server, user and database, without a password.
    #[must_use]
    pub fn told(&self) -> String {
        self.options.told()
    }
}

impl std::fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresDatabase")
            .field("options", &self.options)
            .field("prepared", &self.prepared)
            .field("read", &self.read)
            .field("write", &self.write)
            .finish_non_exhaustive()
    }
}

impl Database for PostgresDatabase {
    fn run(&self, mode: Mode, job: Job) -> JobFuture<'_> {
        Box::pin(match mode {
            Mode::Read => self.read.run(mode, job),
            Mode::Write | Mode::Book => self.write.run(mode, job),
        })
    }

    fn listen(&self, listener: Listener) {
        let mut listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner);
        if listening.is_none() {
            match Listening::start(self.options.config.clone(), self.tls.clone()) {
                Ok(started) => *listening = Some(started),
                Err(error) => {
                    tracing::error!(%error, "cannot start the thread that listens to the control store")
                }
            }
        }
        if let Some(listening) = listening.as_ref() {
            listening.add(listener);
        }
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let listening = self.listening.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listening) = listening {
            listening.close();
        }
        self.read.close();
        self.write.close();
    }
}
