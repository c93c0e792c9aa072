//! The embedded store keeps every promise of the trait.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use hopline_click_store::conformance::Harness;
use hopline_click_store::{ClickStore, conformance_suite};
use hopline_click_store_embedded::EmbeddedClickStore;

struct Directory(tempfile::TempDir);

impl Harness for Directory {
    async fn open(&self) -> Box<dyn ClickStore> {
        Box::new(EmbeddedClickStore::open(self.0.path()).unwrap())
    }
}

fn empty_directory() -> Directory {
    Directory(tempfile::tempdir().unwrap())
}

conformance_suite!(empty_directory);
