//! The stores.

use std::any::Any;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use hopline_control_store::Database;
use hopline_control_store_postgres::PostgresDatabase;
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_testkit::PostgresServer;
use hopline_types::UnixMillis;

/// A store, and the server that it needs, if any: dropped after it.
pub(crate) struct Store {
    pub(crate) database: Arc<dyn Database>,
    /// The process of its server.
    pub(crate) server: Option<u32>,
    _server: Box<dyn Any>,
}

pub(crate) fn sqlite(directory: &Path) -> Result<Store> {
    let database = SqliteDatabase::open(directory.join("control.db"), UnixMillis(0))?;
    Ok(Store { database: Arc::new(database), server: None, _server: Box::new(()) })
}

/// A server with its data on the same disk, that syncs it as servers do.
pub(crate) fn postgres() -> Result<Store> {
    let server = PostgresServer::start()?;
    // A full page is written after every checkpoint: as seldom as on a server that somebody has set up for work.
    server.set("max_wal_size", "8GB")?;
    let fresh = server.database()?;
    let pid = fresh.query("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")?;
    let database = PostgresDatabase::open(fresh.url().parse()?, UnixMillis(0))?;
    let pid = pid.trim().parse().context("the server's process id")?;
    Ok(Store { database: Arc::new(database), server: Some(pid), _server: Box::new((fresh, server)) })
}
