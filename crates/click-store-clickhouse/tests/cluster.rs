//! Two shards, each a server process, behind Distributed tables. What replication adds cannot be run here: these shards have no
//! replicas.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod server;
mod twin;

use hopline_click_store::{AuditOutcome, ClickBatch, ClickStore, Stored};
use hopline_click_store_clickhouse::{ClickHouseClickStore, ClickHouseOptions};
use hopline_testkit::{ClickHouseConfig, ClickHouseServer};

use crate::server::Database;
use crate::twin::{Dice, Pair, batches};

fn options(shards: &[ClickHouseServer]) -> ClickHouseOptions {
    let hosts: Vec<String> = shards.iter().map(ClickHouseServer::address).collect();
    let hosts = hosts.join(",");
    format!("clickhouse://hopline:secret@{hosts}/clicks?cluster=shards&replicated=0&timeout=30")
        .parse()
        .unwrap()
}

fn two() -> Vec<ClickHouseServer> {
    ClickHouseServer::cluster("shards", 2, &ClickHouseConfig::default()).unwrap()
}

async fn open(shards: &[ClickHouseServer]) -> ClickHouseClickStore {
    ClickHouseClickStore::open(&options(shards)).await.unwrap()
}

fn rows_of(shard: &ClickHouseServer) -> u64 {
    shard.query("SELECT count() FROM clicks.clicks_local").unwrap().parse().unwrap()
}

#[tokio::test]
async fn what_is_read_from_two_shards_equals_what_is_read_from_one_server() {
    let shards = two();
    let single = Database::fresh();
    let pair = Pair::filled(37, 2, Box::new(single.store().await), Box::new(open(&shards).await)).await;
    let mut dice = Dice(8);
    let rows = pair.compare_reports(&mut dice, 30).await;
    assert!(rows > 100, "the reports had {rows} rows only");
    pair.compare_pages(&mut dice, 6).await;
    let Pair { right, other, clicks } = &pair;
    let asked: Vec<_> = clicks.iter().map(|click| (click.unique, click.at)).step_by(11).collect();
    assert!(other.find_clicks(asked.clone()).await.unwrap() == right.find_clicks(asked).await.unwrap());
    assert_eq!(other.tallies().await.unwrap(), right.tallies().await.unwrap());
    assert_eq!(other.fresh_until().await.unwrap(), right.fresh_until().await.unwrap());
    assert_eq!(other.check().await.unwrap(), right.check().await.unwrap());
    let whole = clicks.len() as u64;
    let parts: Vec<u64> = shards.iter().map(rows_of).collect();
    assert_eq!(parts.iter().sum::<u64>(), whole, "each row lies on one shard, once");
    assert!(parts.iter().all(|part| *part > whole / 4), "both have their share: {parts:?}");
}

/// Nothing is half told or stored twice: what cannot reach all shards says so, and is repeated.
#[tokio::test]
async fn d_12_a_shard_that_was_killed_and_came_back_has_every_click_once() {
    let mut shards = two();
    let store = open(&shards).await;
    let batches = batches(&mut Dice(4), 2);
    let (before, after) = batches.split_at(3);
    let clicks = |batches: &[ClickBatch]| batches.iter().map(|batch| batch.records.len() as u64).sum::<u64>();
    for batch in before {
        assert_eq!(store.store(batch.clone()).await.unwrap(), Stored::Now);
    }
    shards[1].kill().unwrap();
    let error = store.store(after[0].clone()).await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    let error = store.tallies().await.unwrap_err();
    assert!(error.is_retryable(), "{error:?}");
    shards[1].start_again().unwrap();
    for batch in after {
        assert_eq!(store.store(batch.clone()).await.unwrap(), Stored::Now);
        assert_eq!(store.store(batch.clone()).await.unwrap(), Stored::Before);
    }
    let whole = clicks(&batches);
    assert_eq!(shards.iter().map(rows_of).sum::<u64>(), whole);
    match store.check().await.unwrap() {
        AuditOutcome::Sound { clicks, .. } => assert_eq!(clicks, whole),
        AuditOutcome::Differs(difference) => panic!("{difference}"),
    }
    drop(store);
    // Another process finds the same.
    let store = open(&shards).await;
    let tallied: u64 =
        store.tallies().await.unwrap().iter().map(|tally| tally.clicks + tally.impressions).sum();
    assert_eq!(tallied, whole);
}
