//! A database of its own for each test.

#![allow(dead_code, reason = "each test program uses a part")]

use hopline_click_store_clickhouse::{ClickHouseClickStore, ClickHouseOptions};
use hopline_testkit::ClickHouseDatabase;

/// An empty database that nobody else uses.
pub(crate) struct Database(pub(crate) ClickHouseDatabase);

impl Database {
    pub(crate) fn fresh() -> Self {
        Self(hopline_testkit::clickhouse())
    }

    pub(crate) fn options(&self) -> ClickHouseOptions {
        self.0.url().parse().unwrap()
    }

    pub(crate) async fn store(&self) -> ClickHouseClickStore {
        ClickHouseClickStore::open(&self.options()).await.unwrap()
    }

    /// Runs a statement by hand.
    pub(crate) fn run(&self, sql: &str) {
        self.ask(sql);
    }

    /// What a query gives, as text.
    pub(crate) fn ask(&self, sql: &str) -> String {
        self.0.query(sql).unwrap()
    }
}
