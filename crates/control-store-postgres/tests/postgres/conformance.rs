//! The suite of the seam.

use hopline_control_store::Database;
use hopline_control_store::conformance::{Story, restart};
use hopline_testkit::postgres;

use crate::support::{block_on, open};

fn run(story: impl for<'a> FnOnce(&'a dyn Database) -> Story<'a>) {
    let fresh = postgres();
    let database = open(&fresh.url());
    assert!(database.prepared().is_guarded);
    block_on(story(&database));
}

hopline_control_store::conformance_tests!(run);

#[test]
fn a_restart_keeps_everything() {
    let fresh = postgres();
    let first = open(&fresh.url());
    assert!(first.migrated().len() >= 5);
    block_on(restart::fill(&first));
    let before = block_on(restart::everything(&first));
    drop(first);

    let second = open(&fresh.url());
    assert_eq!(second.migrated(), Vec::<&str>::new());
    assert_eq!(block_on(restart::everything(&second)), before);
}
