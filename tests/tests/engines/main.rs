//! Real engines that fail under the real binary: after each fault every answered click is stored once, every accepted order
//! is booked once, and the audit passes.
//!
//! `HOPLINE_AWAY_CLICKS` says how many clicks pile up while ClickHouse is away; `cargo xtask soak` takes five million.

mod clickhouse;
mod postgres;
mod roles;
mod tls;

use std::time::Duration;

use hopline_testkit::{Backing, Setup};
use hopline_tests::Installation;

/// Longer than shipping pauses after failures, and than a hung server is waited for.
const DRAIN: Duration = Duration::from_secs(60);

/// Small batches and no pauses, so that faults meet many of them.
fn setup(backing: Backing) -> Setup {
    Setup::over(backing)
        .with("HOPLINE_EDGE_THREADS", "1")
        .with("HOPLINE_SPOOL_SEGMENT_BYTES", "262144")
        .with("HOPLINE_SPOOL_RETAIN_SECONDS", "0")
        .with("HOPLINE_SHIP_INTERVAL_MS", "50")
        .with("HOPLINE_WORKER_TICK_MS", "50")
}

/// Everything that clients were told holds, and nothing but redirects was told.
async fn assert_clean(installation: &Installation) {
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}\n{}", installation.log());
    assert!(installation.refused().is_empty(), "statuses other than 302: {:?}", installation.refused());
}
