//! Every named fault point, aborted, failed and delayed, over the real binary (D-04): whatever happens there, every
//! redirected click is stored once, every accepted order is booked once, and the audit finds nothing. Points on the way to
//! the stores are walked over files and over servers.
//!
//! The points are taken from [`POINTS`]; one that no test reaches fails its test. Each test has an installation of its
//! own and goes through its points one after the other: an abort takes a server each, errors and delays of many points
//! share one.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::{Duration, Instant};

use hopline_fault::{POINTS, Point};
use hopline_testkit::{Backing, Setup, eventually};
use hopline_tests::{Installation, over_both};

/// Synced, in the smallest segments, which go as soon as they are shipped: every point is near.
fn setup(backing: Backing) -> Setup {
    Setup::over(backing)
        .with("HOPLINE_EDGE_DURABILITY", "disk")
        .with("HOPLINE_EDGE_THREADS", "1")
        .with("HOPLINE_SPOOL_SEGMENT_BYTES", "65536")
        .with("HOPLINE_SPOOL_RETAIN_SECONDS", "0")
        .with("HOPLINE_WORKER_TICK_MS", "20")
        .with("HOPLINE_SHIP_INTERVAL_MS", "100")
}

/// Clicks of a story.
const CLICKS: u64 = 100;
/// Clicks that fill more than one segment.
const CLICKS_OF_SEGMENTS: u64 = 2_000;
/// How long a test tries to reach its points.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Writing,
    Starting,
    Shipping,
    Booking,
}

/// Every point belongs to one part.
fn part(point: Point) -> Part {
    match point.name().split('.').next() {
        Some("spool" | "segment" | "edge") => Part::Writing,
        Some("recovery") => Part::Starting,
        Some("ship") => Part::Shipping,
        _ => Part::Booking,
    }
}

fn points(wanted: Part) -> impl Iterator<Item = Point> {
    POINTS.iter().copied().filter(move |point| part(*point) == wanted)
}

/// When a point is to fail: not while a server starts, unless that is what the point is about.
const fn time(point: Point) -> u64 {
    match point {
        // The first segment is made at the start, the second ahead of time.
        Point::SegmentCreateBefore | Point::SegmentFill | Point::SegmentCreateAfter => 2,
        Point::ControlCommitBefore | Point::ControlCommitAfter => 4,
        _ => 1,
    }
}

over_both!(
    async d_04_a_process_that_ends_while_it_ships_ships_the_same_again,
    d_04_a_process_that_ends_while_it_books_books_once,
    d_04_a_step_that_fails_is_made_up_for,
    d_04_a_step_that_takes_long_changes_nothing,
);

async fn abort_at_each_point_of(wanted: Part, backing: Backing) {
    let mut installation = Installation::new(setup(backing)).await;
    // Something to recover.
    let mut server = installation.serve().unwrap();
    installation.story(&server, 20, 0).await;
    server.kill().unwrap();
    for point in points(wanted) {
        let name = point.name();
        // A server that dies while it starts gives no address.
        if let Ok(server) = installation.serve_with(&format!("{name}=abort@{}", time(point))) {
            let clicks = if wanted == Part::Writing { CLICKS_OF_SEGMENTS } else { CLICKS };
            installation.story(&server, clicks, 2).await;
            Installation::until_dead(&server, name).await;
        }
        assert!(installation.faults().contains(&format!("{name} abort")), "{name} was never reached");
    }
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}");
    assert!(installation.refused().is_empty(), "statuses other than 302: {:?}", installation.refused());
}

#[tokio::test(flavor = "multi_thread")]
async fn d_04_a_process_that_ends_while_it_writes_loses_nothing_that_it_answered() {
    abort_at_each_point_of(Part::Writing, Backing::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d_04_a_process_that_ends_while_it_starts_starts_the_next_time() {
    abort_at_each_point_of(Part::Starting, Backing::Embedded).await;
}

async fn d_04_a_process_that_ends_while_it_ships_ships_the_same_again(backing: Backing) {
    abort_at_each_point_of(Part::Shipping, backing).await;
}

async fn d_04_a_process_that_ends_while_it_books_books_once(backing: Backing) {
    abort_at_each_point_of(Part::Booking, backing).await;
}

/// Runs stories on one server until every point has failed in this mode.
async fn until_all_happened(installation: &mut Installation, mode: &str, points: &[Point]) {
    let rule = |point: &Point| format!("{}={mode}@{}", point.name(), time(*point));
    let rules: Vec<_> = points.iter().map(rule).collect();
    let server = installation.serve_with(&rules.join(";")).unwrap();
    let mode = mode.split(':').next().unwrap();
    let begun = Instant::now();
    loop {
        installation.story(&server, CLICKS, 2).await;
        let happened = installation.faults();
        let is_missing = |point: &&Point| !happened.contains(&format!("{} {mode}", point.name()));
        let missing: Vec<_> = points.iter().filter(is_missing).map(|point| point.name()).collect();
        if missing.is_empty() {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "never reached: {missing:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn d_04_a_step_that_fails_is_made_up_for(backing: Backing) {
    let mut installation = Installation::new(setup(backing)).await;
    let mut server = installation.serve().unwrap();
    installation.story(&server, 20, 0).await;
    server.kill().unwrap();
    for point in points(Part::Starting) {
        let name = point.name();
        let refused = installation.serve_with(&format!("{name}=error@1")).unwrap_err();
        assert!(refused.to_string().contains(name), "{name}: {refused}");
        assert!(installation.faults().contains(&format!("{name} error")), "{name} was never reached");
    }
    let others: Vec<_> = POINTS.iter().copied().filter(|point| part(*point) != Part::Starting).collect();
    until_all_happened(&mut installation, "error", &others).await;
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}");
    let statuses: Vec<_> = installation.refused().keys().collect();
    assert_eq!(statuses, [&503], "what is not written is refused, and nothing else");
}

async fn d_04_a_step_that_takes_long_changes_nothing(backing: Backing) {
    let mut installation = Installation::new(setup(backing)).await;
    let mut server = installation.serve().unwrap();
    installation.story(&server, 20, 0).await;
    server.kill().unwrap();
    until_all_happened(&mut installation, "delay:30", POINTS).await;
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}");
    assert!(installation.refused().is_empty(), "statuses other than 302: {:?}", installation.refused());
}

#[tokio::test(flavor = "multi_thread")]
async fn d_02_the_checker_finds_the_losses_of_a_spool_that_writes_nothing() {
    let mut installation = Installation::new(setup(Backing::Embedded)).await;
    let server = installation.serve_with("spool.write=off").unwrap();
    installation.story(&server, 50, 2).await;
    drop(server);
    let report = installation.check().await;
    assert!(!report.is_clean());
    assert_eq!((report.clicks.lost.len(), report.rows), (50, 0), "{report:#?}");
    assert_eq!((report.orders_lost.len(), installation.orders()), (2, 2), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d_02_the_checker_finds_the_doubles_of_a_store_that_ignores_the_token() {
    let mut installation = Installation::new(setup(Backing::Embedded)).await;
    let server = installation.serve_with("ship.token=off;ship.insert.after=error@1-2").unwrap();
    installation.story(&server, 50, 0).await;
    let all_stored = async || {
        let rows = Installation::metric(&server, "hopline_ship_rows_total").await;
        (rows >= 50.0).then_some(())
    };
    eventually("the clicks are stored", all_stored).await;
    drop(server);
    let report = installation.check().await;
    assert!(!report.is_clean());
    assert!(!report.clicks.doubled.is_empty() && report.rows > 50, "{report:#?}");
    assert!(report.clicks.lost.is_empty(), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d_16_a_store_that_is_away_delays_and_is_seen_and_everything_arrives_when_it_is_back() {
    let mut installation = Installation::new(setup(Backing::Embedded)).await;
    // Pauses of 50, 100, 200, 400 and 800 ms.
    let server = installation.serve_with("ship.insert.before=error@1-5").unwrap();
    let mut before = 0.0;
    for _ in 0..3 {
        installation.story(&server, 200, 2).await;
        let grown = async || {
            let bytes = Installation::metric(&server, "hopline_spool_bytes").await;
            (bytes > before).then_some(bytes)
        };
        before = eventually("the spool grows", grown).await;
    }
    assert!(Installation::metric(&server, "hopline_spool_oldest_seconds").await > 0.0);
    assert!(Installation::metric(&server, "hopline_spool_disk_free_bytes").await > 1_000_000.0);
    assert_eq!((installation.redirected(), installation.orders()), (600, 6), "the edge never noticed");
    eventually("the spool has drained", async || {
        (Installation::metric(&server, "hopline_spool_bytes").await == 0.0).then_some(())
    })
    .await;
    assert!(Installation::metric(&server, "hopline_ship_failures_total").await >= 5.0);
    assert!(Installation::metric(&server, "hopline_ship_rows_total").await >= 600.0);
    drop(server);
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d_05_a_full_disk_refuses_clicks_and_lets_them_through_again_once_there_is_room() {
    let mut installation = Installation::new(setup(Backing::Embedded)).await;
    let server = installation.serve_with("spool.flush.before=full@3-6").unwrap();
    installation.story(&server, 100, 0).await;
    assert!(
        installation.refused().get(&503).is_some_and(|count| *count >= 4),
        "{:?}",
        installation.refused()
    );
    let before = installation.redirected();
    installation.story(&server, 100, 2).await;
    assert_eq!((installation.redirected() - before, installation.orders()), (100, 2));
    drop(server);
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}");
}
