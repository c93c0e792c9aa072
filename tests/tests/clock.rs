//! The machine's clock steps back and forth, under the running program and between two runs (D-18).

use hopline_testkit::{Hopline, Setup, eventually};
use hopline_tests::{FakeClock, Installation};
use serde_json::Value;

const DAY: i64 = 24;

/// Reports an order for a click; gives its status and the reason, or the status of the answer that refused it.
async fn order(
    installation: &Installation,
    server: &Hopline,
    location: &str,
    order: &str,
) -> (String, Value) {
    let call = installation.network.postback(location, order);
    let answer = server.edge().get(&call).await;
    if answer.status != 202 {
        return (answer.status.to_string(), Value::Null);
    }
    let api = installation.api(server);
    let decided = eventually("the order is decided", async || {
        let list = api.get(&format!("/v1/conversions?order_id={order}")).await.expect(200);
        list["items"].as_array()?.iter().find(|item| item["status"] != "pending").cloned()
    })
    .await;
    (decided["status"].as_str().unwrap_or_default().to_owned(), decided["reason"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn d_18_a_clock_that_steps_back_and_forth_neither_reuses_ids_nor_moves_windows() {
    let clock = FakeClock::new();
    let setup = Setup::default()
        .with("HOPLINE_EDGE_THREADS", "2")
        .with("HOPLINE_SPOOL_SEGMENT_BYTES", "65536")
        .with("HOPLINE_WORKER_TICK_MS", "20");
    let mut installation = Installation::new(clock.of(setup)).await;
    let approved = (String::from("approved"), Value::Null);

    let mut server = installation.serve().unwrap();
    installation.story(&server, 100, 0).await;
    let today = installation.newest_location();
    assert_eq!(order(&installation, &server, &today, "W-1").await, approved);

    // The window of 30 days, from its inside: the clock steps under the running server.
    clock.set_hours(29 * DAY);
    assert_eq!(order(&installation, &server, &today, "W-2").await, approved);
    installation.story(&server, 100, 0).await;
    let ahead = installation.newest_location();
    assert_eq!(order(&installation, &server, &ahead, "W-3").await, approved);

    // Back behind where it began: clicks go on, and one that is dated ahead earns nothing yet.
    clock.set_hours(-DAY);
    installation.story(&server, 100, 0).await;
    let behind = installation.newest_location();
    assert_eq!(order(&installation, &server, &behind, "W-4").await, approved);
    let (status, reason) = order(&installation, &server, &ahead, "W-5").await;
    assert_ne!(status, "approved", "a click from the future: {reason}");

    // A kill, and a start at a time before the last one.
    server.kill().unwrap();
    clock.set_hours(-2 * DAY);
    let mut server = installation.serve().unwrap();
    installation.story(&server, 100, 0).await;
    let earlier = installation.newest_location();
    assert_eq!(order(&installation, &server, &earlier, "W-6").await, approved);

    // From the window's outside, and inside for the click that was ahead.
    clock.set_hours(31 * DAY);
    assert_eq!(order(&installation, &server, &ahead, "W-7").await, approved);
    let (status, reason) = order(&installation, &server, &today, "W-8").await;
    assert_eq!((status.as_str(), &reason), ("unattributed", &Value::from("outside_window")));
    server.kill().unwrap();

    // Every answered click is stored once, under an id of its own.
    let report = installation.check().await;
    assert!(report.clicks.is_none(), "{report:#?}");
    assert_eq!((report.rows, report.ids), (400, 400));
    assert_eq!(report.audit, None);
}
