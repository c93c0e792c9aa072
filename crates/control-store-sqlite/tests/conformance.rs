//! The suite of the seam.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use hopline_control_store::Database;
use hopline_control_store::conformance::{Story, restart};
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_types::UnixMillis;

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

fn run(story: impl for<'a> FnOnce(&'a dyn Database) -> Story<'a>) {
    let dir = tempfile::tempdir().unwrap();
    let database = SqliteDatabase::open(dir.path().join("control.db"), UnixMillis(0)).unwrap();
    block_on(story(&database));
}

hopline_control_store::conformance_tests!(run);

#[test]
fn a_restart_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.db");
    let first = SqliteDatabase::open(&path, UnixMillis(0)).unwrap();
    assert_eq!(
        first.migrated(),
        [
            "0001_begin",
            "0002_traffic_rules",
            "0003_click_findings",
            "0004_leases",
            "0005_cap_refusals",
            "0006_decisions",
            "0007_attribution",
            "0008_terms",
            "0009_rates",
            "0010_installs",
            "0011_payout_files",
            "0012_late_facts",
            "0013_books",
        ]
    );
    block_on(restart::fill(&first));
    let before = block_on(restart::everything(&first));
    drop(first);

    let second = SqliteDatabase::open(&path, UnixMillis(1)).unwrap();
    assert_eq!(second.migrated(), Vec::<&str>::new());
    assert_eq!(block_on(restart::everything(&second)), before);
}
