//! The stories that every click store passes, on a real server.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod server;

use hopline_click_store::ClickStore;
use hopline_click_store::conformance::Harness;
use hopline_click_store::conformance_suite;

use crate::server::Database;

impl Harness for Database {
    async fn open(&self) -> Box<dyn ClickStore> {
        Box::new(self.store().await)
    }
}

fn fresh() -> Database {
    Database::fresh()
}

conformance_suite!(fresh);
