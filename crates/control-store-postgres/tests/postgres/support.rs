//! Databases to tell stories about.

use hopline_control_store_postgres::{PostgresDatabase, PostgresOptions};
use hopline_types::UnixMillis;

pub(crate) const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn options(url: &str) -> PostgresOptions {
    url.parse().unwrap()
}

pub(crate) fn open(url: &str) -> PostgresDatabase {
    PostgresDatabase::open(options(url), NOW).unwrap()
}
