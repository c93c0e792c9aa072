//! Talking to the servers: which one, for how long, and what its answer means.
//!
//! Statements go to the host that answered last. One that cannot be reached, or says that it cannot serve, is passed over: the
//! statement goes to the next at once, and so do those after it. A host that lets the time pass is left too, but only by the next
//! statement, as it may still be at work. Repeating is harmless: every write here is idempotent.
//!
//! The server gives up after `max_execution_time`, the client some seconds later, so that what the client takes for failed is over.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clickhouse::error::Error;
use clickhouse::query::Query;
use clickhouse::{Compression, RowOwned, RowRead};
use hopline_click_store::ClickStoreError;
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;

use crate::fault::{Fault, code_of};
use crate::options::{ClickHouseOptions, Password};
use crate::tls;

/// The client waits that much longer than the server works.
const CLIENT_EXTRA: Duration = Duration::from_secs(10);
/// Servers close connections that were idle for 3 s (older ones) or 10 s.
const POOL_IDLE: Duration = Duration::from_secs(2);
/// The most bytes of an HTTP chunk: both sides' costs grow with its size, the server's to a multiple.
const CHUNK_BYTES: usize = 256 * 1024;
/// The code for a user whose profile says `readonly`.
const READONLY: u32 = 164;
/// Secrets shorter than this are left in texts: they would be found in every word.
const SECRET_LEAST: usize = 4;

/// The servers.
#[derive(Debug)]
pub(crate) struct Client {
    hosts: Vec<Server>,
    /// Whose turn it is.
    turn: AtomicUsize,
    wait: Duration,
    password: Option<Password>,
}

#[derive(Debug)]
struct Server {
    name: String,
    http: clickhouse::Client,
}

/// Where a statement goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// To whoever answers.
    Any,
    /// To this host of the URL.
    Host(usize),
}

impl Client {
    /// Connects to nobody yet.
    pub(crate) fn new(options: &ClickHouseOptions) -> Result<Self, ClickStoreError> {
        let connector =
            tls::connector(options.ca_file.as_deref()).map_err(|error| ClickStoreError::Failed {
                doing: "prepare its connections",
                retryable: false,
                source: error.into(),
            })?;
        let pool =
            legacy::Client::builder(TokioExecutor::new()).pool_idle_timeout(POOL_IDLE).build(connector);
        let compression = if options.is_compressed { Compression::Lz4 } else { Compression::None };
        let mut common = clickhouse::Client::with_http_client(pool)
            .with_database(&options.database)
            .with_compression(compression)
            .with_product_info("hopline", env!("CARGO_PKG_VERSION"))
            .with_setting("max_execution_time", options.timeout.as_secs().to_string())
            .with_setting("session_timezone", "UTC")
            .with_setting("distributed_foreground_insert", "1")
            .with_setting("async_insert", "0");
        if options.cluster.is_some() {
            // What a subquery over all shards gives is the same on each of them.
            common = common.with_setting("distributed_product_mode", "global");
        }
        if let Some(user) = &options.user {
            common = common.with_user(user);
        }
        if let Some(password) = &options.password {
            common = common.with_password(password.expose());
        }
        let scheme = if options.is_secure { "https" } else { "http" };
        let hosts = options.hosts.iter().map(|host| Server {
            name: host.to_string(),
            http: common.clone().with_url(format!("{scheme}://{host}/")),
        });
        Ok(Self {
            hosts: hosts.collect(),
            turn: AtomicUsize::new(0),
            wait: options.timeout + CLIENT_EXTRA,
            password: options.password.clone(),
        })
    }

    /// A host's name and port.
    pub(crate) fn host(&self, index: usize) -> String {
        self.hosts.get(index).map_or_else(String::new, |server| server.name.clone())
    }

    /// How many hosts there are.
    pub(crate) fn hosts(&self) -> usize {
        self.hosts.len()
    }

    /// All rows that a query gives. `bind` gives a value to every `?` of it, and may be called once per host.
    pub(crate) async fn rows<T: RowOwned + RowRead>(
        &self,
        sql: &str,
        bind: impl Fn(Query) -> Query,
    ) -> Result<Vec<T>, Fault> {
        self.ask(At::Any, |http| bind(http.query(sql)).fetch_all()).await
    }

    /// The only row that a query gives.
    pub(crate) async fn row<T: RowOwned + RowRead>(
        &self,
        sql: &str,
        bind: impl Fn(Query) -> Query,
    ) -> Result<T, Fault> {
        self.ask(At::Any, |http| bind(http.query(sql)).fetch_one()).await
    }

    /// As [`Client::rows`], of a host, also where the database is not there yet: tables need their database's name.
    pub(crate) async fn rows_of<T: RowOwned + RowRead>(
        &self,
        at: At,
        sql: &str,
        bind: impl Fn(Query) -> Query,
    ) -> Result<Vec<T>, Fault> {
        self.ask(at, |http| bind(http.clone().with_database("system").query(sql)).fetch_all()).await
    }

    /// Runs a statement that gives no rows.
    pub(crate) async fn run(&self, sql: &str, bind: impl Fn(Query) -> Query) -> Result<(), Fault> {
        self.ask(At::Any, |http| bind(http.query(sql)).execute()).await
    }

    /// Runs a statement as it stands, with settings, also where the database is not there yet.
    pub(crate) async fn define(&self, at: At, sql: &str, settings: &[(&str, &str)]) -> Result<(), Fault> {
        self.ask(at, |http| {
            let http = http.clone().with_database("system");
            settings
                .iter()
                .fold(http.query_raw(sql), |query, (name, value)| query.with_setting(*name, *value))
                .execute()
        })
        .await
    }

    /// Sends rows: `sql` is `INSERT INTO … FORMAT …`, `body` what the format says, in pieces.
    pub(crate) async fn insert(
        &self,
        sql: &str,
        body: &[Bytes],
        settings: &[(&str, &str)],
    ) -> Result<(), Fault> {
        self.ask(At::Any, |http| {
            let insert = settings.iter().fold(http.insert_formatted_with(sql), |insert, (name, value)| {
                insert.with_setting(*name, *value)
            });
            async move {
                let mut insert = insert;
                for piece in body {
                    let mut rest = piece.clone();
                    while !rest.is_empty() {
                        insert.send(rest.split_to(rest.len().min(CHUNK_BYTES))).await?;
                    }
                }
                insert.end().await
            }
        })
        .await
    }

    async fn ask<T, F: Future<Output = Result<T, Error>>>(
        &self,
        at: At,
        work: impl Fn(&clickhouse::Client) -> F,
    ) -> Result<T, Fault> {
        // One more try than hosts: a connection kept from before may have been closed at that very moment.
        let mut left = match at {
            At::Any => self.hosts.len() + 1,
            At::Host(_) => 2,
        };
        loop {
            left -= 1;
            let turn = match at {
                At::Any => self.turn.load(Ordering::Relaxed),
                At::Host(index) => index,
            };
            let server = self.hosts.get(turn % self.hosts.len()).expect("the URL names a host");
            let fault = match timeout(self.wait, work(&server.http)).await {
                Ok(Ok(done)) => return Ok(done),
                Ok(Err(error)) => self.fault(server, error),
                Err(_) => Fault::TimedOut { host: server.name.clone(), after: self.wait },
            };
            if !fault.is_of_host() {
                return Err(fault);
            }
            if at == At::Any && self.hosts.len() > 1 {
                let next = turn.wrapping_add(1);
                // Whoever fails first moves the turn; the others find it moved.
                self.turn.compare_exchange(turn, next, Ordering::Relaxed, Ordering::Relaxed).ok();
            }
            if left == 0 || matches!(fault, Fault::TimedOut { .. }) {
                return Err(fault);
            }
            tracing::warn!(host = server.name, ?fault, "a click store's host did not serve; asking again");
        }
    }

    fn fault(&self, server: &Server, error: Error) -> Fault {
        let host = server.name.clone();
        match error {
            Error::BadResponse(message) => {
                let code = code_of(&message);
                let mut message = self.without_secret(message);
                if code == Some(READONLY) {
                    message +=
                        ": this user may only read; name one in clicks.url who may write and change settings";
                }
                Fault::Server { host, code, message }
            }
            Error::TimedOut => Fault::TimedOut { host, after: self.wait },
            Error::Network(_) | Error::Decompression(_) => Fault::Network { host, source: error },
            other => Fault::Corrupt(format!("{host} gives what was not asked for: {other}")),
        }
    }

    /// Servers do not tell passwords; a proxy might.
    fn without_secret(&self, message: String) -> String {
        match &self.password {
            Some(password) if password.expose().len() >= SECRET_LEAST => {
                message.replace(password.expose(), "***")
            }
            _ => message,
        }
    }
}
