//! Starts the real binary for stories over real HTTP.
//!
//! A [`Hopline`] is one process on one data directory with every listener on a free port. It is killed when it
//! goes out of scope. Nothing here sleeps for luck: waiting is polling for a condition up to a deadline
//! ([`eventually`]), and the start waits for the line that the program prints when it serves.
//!
//! Stories run over [`Backing`]s: files, or real servers. [`postgres`] and [`clickhouse`] give fresh databases on servers that
//! all tests share; a [`PostgresServer`] or [`ClickHouseServer`] of a test's own is there to be killed, and a [`Cutter`] is the
//! network before it, a [`TlsFront`] the encryption.
//!
//! A [`Browser`] is a real Chromium, a [`Site`] a web site of the test's own for it to visit.

mod backing;
mod browser;
mod clickhouse;
mod cutter;
mod http;
mod ports;
mod postgres;
mod process;
mod site;
mod tls;

pub use backing::{Backing, Servers};
pub use browser::Browser;
pub use clickhouse::{
    CLICKHOUSE_VARIABLE, ClickHouseConfig, ClickHouseDatabase, ClickHouseServer, clickhouse,
};
pub use cutter::Cutter;
pub use http::{Answer, BROWSER, Http};
pub use postgres::{POSTGRES_VARIABLE, PostgresDatabase, PostgresServer, postgres};
pub use process::{Hopline, Setup, binary, command};
pub use site::{Page, Seen, Site};
pub use tls::{Opening, TlsFront};

use std::future::Future;
use std::time::{Duration, Instant};

/// Asks `condition` again and again until it gives a value; fails with `what` after 20 seconds.
///
/// # Panics
/// When the deadline passes.
pub async fn eventually<T, F>(what: &str, condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    within(Duration::from_secs(20), what, condition).await
}

/// As [`eventually`], with another time limit: a promise to keep, or work that takes long.
///
/// # Panics
/// When the deadline passes.
pub async fn within<T, F>(limit: Duration, what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "{limit:?} passed without: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
