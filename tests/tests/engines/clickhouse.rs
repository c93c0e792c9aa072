//! ClickHouse fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hopline_testkit::{Backing, ClickHouseConfig, ClickHouseServer, Cutter, eventually};
use hopline_tests::Installation;

use crate::{DRAIN, assert_clean, setup};

/// Clicks that pile up while it is away.
const AWAY_CLICKS: u64 = 20_000;

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_takes_clicks_it_has_each_of_them_once_when_it_is_back() {
    let mut engine = ClickHouseServer::start().unwrap();
    let backing = Backing::on_clickhouse(&engine).unwrap();
    let cutter = Cutter::start(&engine.address(), "INSERT").await.unwrap();
    let url = backing.databases().clickhouse.url_at(&cutter.address());
    let mut installation = Installation::new(setup(backing).with("HOPLINE_CLICKS_URL", &url)).await;
    let server = installation.serve().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(installation.load(&server, 200_000, &stop));
    for _ in 0..4 {
        // The first bytes of an insert have reached it, its answer has not come.
        cutter.next_request().await;
        engine.kill().unwrap();
        Installation::failing(&server, 1.0).await;
        engine.start_again().unwrap();
        // Another time it has answered, and nobody hears of it.
        cutter.swallow(1);
        let before = cutter.swallowed();
        eventually("an answer is lost", async || (cutter.swallowed() > before).then_some(())).await;
    }
    stop.store(true, Ordering::Relaxed);
    let clicks = installation.note(load.await.unwrap().unwrap());
    assert!(clicks > 1_000, "too little load to mean anything: {clicks}");
    installation.story(&server, 50, 3).await;
    Installation::drained(&server, DRAIN).await;
    drop(server);
    assert_clean(&installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_it_is_given_up_and_asked_again_when_it_goes_on() {
    let engine = ClickHouseServer::start().unwrap();
    let backing = Backing::on_clickhouse(&engine).unwrap();
    let url = format!("{}?timeout=1", backing.databases().clickhouse.url());
    let mut installation = Installation::new(setup(backing).with("HOPLINE_CLICKS_URL", &url)).await;
    let server = installation.serve().unwrap();
    installation.story(&server, 200, 2).await;
    engine.pause().unwrap();
    installation.story(&server, 2_000, 3).await;
    assert_eq!((installation.redirected(), installation.orders()), (2_200, 5), "the edge never noticed");
    Installation::failing(&server, 1.0).await;
    engine.resume().unwrap();
    installation.story(&server, 200, 2).await;
    Installation::drained(&server, DRAIN).await;
    drop(server);
    assert_clean(&installation).await;
}

/// The user of our databases with this in its profile and this password; the server's own is as ever.
fn users(profile: &str, password: &str) -> ClickHouseConfig {
    let user = |name: &str, password: &str, profile: &str| {
        format!(
            "<{name}><password>{password}</password><networks><ip>127.0.0.1</ip></networks>\
             <profile>{profile}</profile><quota>default</quota></{name}>"
        )
    };
    let users = format!(
        "<profiles><default/><ours>{profile}</ours></profiles><quotas><default/></quotas><users>{}{}</users>",
        user("default", "", "default"),
        user("hopline", password, "ours")
    );
    ClickHouseConfig { fragments: Vec::new(), users: Some(users) }
}

#[tokio::test(flavor = "multi_thread")]
async fn answering_errors_it_is_asked_until_it_answers_well() {
    let mut engine = ClickHouseServer::start().unwrap();
    let backing = Backing::on_clickhouse(&engine).unwrap();
    let mut installation = Installation::new(setup(backing)).await;
    let server = installation.serve().unwrap();
    installation.story(&server, 200, 2).await;
    Installation::drained(&server, DRAIN).await;
    let too_many_parts = "<merge_tree><parts_to_throw_insert>1</parts_to_throw_insert><parts_to_delay_insert>0</parts_to_delay_insert></merge_tree>";
    let errors = [
        (252, ClickHouseConfig { fragments: vec![too_many_parts.to_owned()], users: None }),
        (241, users("<max_memory_usage>1000</max_memory_usage>", "secret")),
        (164, users("<readonly>2</readonly>", "secret")),
        (516, users("", "changed")),
    ];
    let good = users("", "secret");
    for (code, bad) in errors {
        engine.stop().unwrap();
        engine.configure(&bad).unwrap();
        engine.start_again().unwrap();
        installation.story(&server, 300, 2).await;
        eventually(&format!("the log tells of error {code}"), async || {
            installation.log().contains(&format!("Code: {code}.")).then_some(())
        })
        .await;
        Installation::failing(&server, 1.0).await;
        engine.stop().unwrap();
        engine.configure(&good).unwrap();
        engine.start_again().unwrap();
        Installation::drained(&server, DRAIN).await;
    }
    assert!(!installation.log().contains("secret"), "no password is logged");
    drop(server);
    assert_clean(&installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn away_for_long_it_gets_all_clicks_when_it_is_back() {
    let clicks = std::env::var("HOPLINE_AWAY_CLICKS")
        .map_or(AWAY_CLICKS, |text| text.parse().expect("HOPLINE_AWAY_CLICKS is a number"));
    let mut engine = ClickHouseServer::start().unwrap();
    let backing = Backing::on_clickhouse(&engine).unwrap();
    let setup = setup(backing)
        .with("HOPLINE_SPOOL_SEGMENT_BYTES", "67108864")
        .with("HOPLINE_SHIP_INTERVAL_MS", "1000")
        .with("HOPLINE_EDGE_THREADS", "2");
    let mut installation = Installation::new(setup).await;
    let server = installation.serve().unwrap();
    installation.story(&server, 200, 2).await;
    Installation::drained(&server, DRAIN).await;
    engine.stop().unwrap();
    installation.story(&server, clicks, 5).await;
    assert_eq!(installation.redirected(), usize::try_from(clicks).unwrap() + 200, "the edge never noticed");
    let waiting = Installation::metric(&server, "hopline_spool_bytes").await;
    assert!(waiting > 50.0 * f64::from(u32::try_from(clicks).unwrap()), "{waiting} bytes wait");
    engine.start_again().unwrap();
    Installation::drained(&server, DRAIN + Duration::from_secs(clicks / 10_000)).await;
    drop(server);
    assert_clean(&installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_slow_line_it_gets_everything_late_and_nothing_twice() {
    let engine = ClickHouseServer::start().unwrap();
    let backing = Backing::on_clickhouse(&engine).unwrap();
    let cutter = Cutter::start(&engine.address(), "INSERT").await.unwrap();
    let url = backing.databases().clickhouse.url_at(&cutter.address());
    let mut installation = Installation::new(setup(backing).with("HOPLINE_CLICKS_URL", &url)).await;
    let server = installation.serve().unwrap();
    let sent_before = cutter.requests();
    // A click takes some hundred bytes: less than a hundred clicks a second pass.
    cutter.slow(10_000);
    installation.story(&server, 3_000, 3).await;
    assert_eq!((installation.redirected(), installation.orders()), (3_000, 3), "the edge never noticed");
    eventually("most of it waits, as the gauge says within a second", async || {
        (Installation::metric(&server, "hopline_spool_bytes").await > 50_000.0).then_some(())
    })
    .await;
    cutter.slow(100_000);
    Installation::drained(&server, DRAIN).await;
    assert_eq!(Installation::metric(&server, "hopline_ship_failures_total").await, 0.0, "slow is no failure");
    // What waited went together: batches grow with what is there.
    let inserts = cutter.requests() - sent_before;
    assert!(inserts < 1_000, "{inserts} inserts for 3,000 clicks");
    drop(server);
    assert_clean(&installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn away_until_the_edges_disk_is_full_it_gets_every_click_that_was_answered() {
    let mut engine = ClickHouseServer::start().unwrap();
    let backing = Backing::on_clickhouse(&engine).unwrap();
    let mut installation = Installation::new(setup(backing)).await;
    engine.stop().unwrap();
    let server = installation.serve_with("spool.flush.before=full@20-40").unwrap();
    installation.story(&server, 1_000, 3).await;
    let refused = installation.refused().get(&503).copied().unwrap_or_default();
    assert!(refused >= 20, "{:?}", installation.refused());
    // There is room again, and ClickHouse is still away.
    let before = installation.redirected();
    installation.story(&server, 500, 3).await;
    assert_eq!(installation.redirected() - before, 500);
    engine.start_again().unwrap();
    Installation::drained(&server, DRAIN).await;
    drop(server);
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}\n{}", installation.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_shards_have_each_click_once_also_when_one_of_them_was_killed() {
    let mut shards = ClickHouseServer::cluster("pair", 2, &ClickHouseConfig::default()).unwrap();
    let backing = Backing::on_clickhouse(&shards[0]).unwrap();
    let hosts: Vec<_> = shards.iter().map(ClickHouseServer::address).collect();
    let url = format!("clickhouse://hopline:secret@{}/clicks?cluster=pair&replicated=0", hosts.join(","));
    let mut installation = Installation::new(setup(backing).with("HOPLINE_CLICKS_URL", &url)).await;
    let server = installation.serve().unwrap();
    installation.story(&server, 500, 3).await;
    Installation::drained(&server, DRAIN).await;
    for shard in &mut shards {
        shard.kill().unwrap();
        installation.story(&server, 300, 3).await;
        Installation::failing(&server, 1.0).await;
        shard.start_again().unwrap();
        Installation::drained(&server, DRAIN).await;
    }
    drop(server);
    assert_clean(&installation).await;
    let rows = |shard: &ClickHouseServer| shard.query("SELECT count() FROM clicks.clicks_local").unwrap();
    let rows: Vec<u64> = shards.iter().map(|shard| rows(shard).parse().unwrap()).collect();
    assert!(rows.iter().all(|rows| *rows > 300), "both have their share: {rows:?}");
}
