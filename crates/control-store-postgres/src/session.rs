//! One connection, used by one thread, and what is known about it.
//!
//! Everything runs on the thread's own single-threaded runtime: a statement is written, answered and read without waking
//! another thread.

use std::collections::HashMap;
use std::future::poll_fn;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config, SimpleQueryMessage, Statement};

use crate::error::Fault;
use crate::tls::Tls;

/// Settings of every connection. Compiling short statements costs more than running them; a transaction that its program
/// has left alone shall not hold locks for ever, nor shall one wait for ever.
const EACH: &str = "SET jit = off; SET idle_in_transaction_session_timeout = 60000; SET lock_timeout = 60000; \
     SET client_min_messages = warning; \
     SELECT pg_backend_pid(), to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS.US TZH:TZM') FROM pg_stat_activity \
     WHERE pid = pg_backend_pid()";
/// A plan is made for the sizes of tables; these change.
const PLANS_KEPT: Duration = Duration::from_secs(60);

/// The server's process behind a connection.
#[derive(Debug, Clone)]
pub(crate) struct Backend {
    pub(crate) pid: String,
    /// When it began: a number is used again.
    pub(crate) started: String,
}

/// An open connection.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) backend: Backend,
    statements: HashMap<&'static str, Statement>,
    planned_at: Instant,
    /// Whether a transaction of a reading job is still open.
    pub(crate) is_reading: bool,
}

impl Session {
    /// Connects. The connection lives on this runtime.
    pub(crate) async fn open(config: &Config, tls: &Tls) -> Result<Self, tokio_postgres::Error> {
        let (client, mut connection) = config.connect(tls.clone()).await?;
        // Ends with the client, or with the connection; who waits for an answer then hears of it.
        drop(tokio::spawn(async move {
            while let Some(Ok(_notice)) = poll_fn(|context| connection.poll_message(context)).await {}
        }));
        let rows = client.simple_query(EACH).await?;
        let backend = Backend {
            pid: first_text(&rows, 0).unwrap_or_default().to_owned(),
            started: first_text(&rows, 1).unwrap_or_default().to_owned(),
        };
        Ok(Self {
            client,
            backend,
            statements: HashMap::new(),
            planned_at: Instant::now(),
            is_reading: false,
        })
    }

    /// A prepared statement, from the first time on.
    pub(crate) async fn prepared(&mut self, sql: &'static str) -> Result<Statement, tokio_postgres::Error> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// Now and then lets the server plan its prepared statements anew: a plan for a small table is a bad one once it has
    /// grown.
    pub(crate) async fn plan_anew(&mut self) -> Result<(), tokio_postgres::Error> {
        if self.planned_at.elapsed() < PLANS_KEPT {
            return Ok(());
        }
        self.planned_at = Instant::now();
        self.client.batch_execute("DISCARD PLANS").await
    }
}

/// A column of the first row.
pub(crate) fn first_text(rows: &[SimpleQueryMessage], column: usize) -> Option<&str> {
    rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(column),
        _ => None,
    })
}

/// The connection of a thread, opened when it is needed.
pub(crate) struct Line {
    pub(crate) runtime: Runtime,
    config: Config,
    tls: Tls,
    session: Option<Session>,
}

impl Line {
    pub(crate) fn new(config: Config, tls: Tls) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        Ok(Self { runtime, config, tls, session: None })
    }

    /// The open connection, or a new one.
    pub(crate) fn session(&mut self) -> Result<(&Runtime, &mut Session), Fault> {
        if self.session.as_ref().is_some_and(|session| session.client.is_closed()) {
            self.session = None;
        }
        if self.session.is_none() {
            let opened = self.runtime.block_on(Session::open(&self.config, &self.tls));
            let session = opened.map_err(|failure| refused(&failure))?;
            self.session = Some(session);
        }
        self.current()
    }

    /// The connection that a transaction was begun on; another one would know nothing of it.
    pub(crate) fn current(&mut self) -> Result<(&Runtime, &mut Session), Fault> {
        let session = self.session.as_mut().filter(|session| !session.client.is_closed());
        let session = session.ok_or_else(|| Fault::lost("the connection to the control store was lost"))?;
        Ok((&self.runtime, session))
    }

    /// Lets time pass; the connection is served meanwhile.
    pub(crate) fn wait(&self, pause: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(pause).await });
    }

    /// Gives the connection up; the server rolls back what it had open.
    pub(crate) fn hang_up(&mut self) {
        self.session = None;
    }

    /// Ends a reading job's transaction, after its answer has been given.
    pub(crate) fn tidy(&mut self) {
        let Some(session) = self.session.as_mut().filter(|session| session.is_reading) else { return };
        session.is_reading = false;
        if self.runtime.block_on(session.client.batch_execute("ROLLBACK")).is_err() {
            self.session = None;
        }
    }
}

/// Why there is no connection, and whether there may be one soon.
fn refused(failure: &tokio_postgres::Error) -> Fault {
    let mut fault = Fault::of(failure);
    let told = crate::error::told(failure);
    fault.error.detail = format!("cannot connect to the control store: {told}");
    if failure.as_db_error().is_none() {
        fault.remedy = crate::error::Remedy::Reconnect;
    }
    fault.error.kind = hopline_control_store::ErrorKind::Unavailable;
    fault
}
