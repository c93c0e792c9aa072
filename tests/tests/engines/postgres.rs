//! PostgreSQL fails.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hopline_testkit::{Backing, Cutter, PostgresServer, eventually};
use hopline_tests::Installation;

use crate::{DRAIN, assert_clean, setup};

#[tokio::test(flavor = "multi_thread")]
async fn killed_and_restarted_it_has_every_accepted_order_once() {
    let mut engine = PostgresServer::start().unwrap();
    let backing = Backing::on_postgres(&engine).unwrap();
    let mut installation = Installation::new(setup(backing)).await;
    let server = installation.serve().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(installation.load(&server, 100_000, &stop));
    for _ in 0..3 {
        installation.story(&server, 40, 4).await;
        engine.kill().unwrap();
        // The edge goes on: clicks and orders wait in its spool.
        installation.story(&server, 40, 4).await;
        engine.start_again().unwrap();
    }
    engine.stop().unwrap();
    installation.story(&server, 40, 4).await;
    engine.start_again().unwrap();
    stop.store(true, Ordering::Relaxed);
    installation.note(load.await.unwrap().unwrap());
    assert_eq!(installation.orders(), 28, "the edge never noticed");
    Installation::drained(&server, DRAIN).await;
    drop(server);
    assert_clean(&installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_off_between_a_commit_and_its_answer_nothing_is_booked_twice() {
    let engine = PostgresServer::start().unwrap();
    let backing = Backing::on_postgres(&engine).unwrap();
    let database = &backing.databases().postgres;
    let cutter = Cutter::start(database.address(), "COMMIT").await.unwrap();
    let url = database.url_at(&cutter.address());
    let mut installation = Installation::new(setup(backing).with("HOPLINE_STORE_URL", &url)).await;
    let server = installation.serve().unwrap();
    for round in 1..=10 {
        cutter.swallow(1);
        installation.story(&server, 20, 3).await;
        eventually("a commit's answer is lost", async || (cutter.swallowed() >= round).then_some(())).await;
    }
    // And the whole line, in the middle of whatever there is.
    for _ in 0..3 {
        installation.story(&server, 20, 3).await;
        cutter.cut();
        installation.story(&server, 20, 3).await;
        cutter.mend();
    }
    assert_eq!(installation.orders(), 48, "the edge never noticed");
    Installation::drained(&server, DRAIN).await;
    drop(server);
    assert_clean(&installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_that_only_reads_delays_orders_and_loses_none() {
    let engine = PostgresServer::start().unwrap();
    let backing = Backing::on_postgres(&engine).unwrap();
    let mut installation = Installation::new(setup(backing)).await;
    let server = installation.serve().unwrap();
    installation.story(&server, 50, 3).await;
    Installation::drained(&server, DRAIN).await;
    engine.set("default_transaction_read_only", "on").unwrap();
    installation.story(&server, 50, 3).await;
    assert_eq!((installation.redirected(), installation.orders()), (100, 6), "the edge never noticed");
    Installation::failing(&server, 1.0).await;
    let advertiser = serde_json::json!({"name": "Globex", "currency": "EUR"});
    let refused = installation.api(&server).post("/v1/advertisers", &advertiser).await;
    assert!(refused.status >= 500, "{}: {}", refused.status, refused.text());
    engine.set("default_transaction_read_only", "off").unwrap();
    Installation::drained(&server, DRAIN).await;
    drop(server);
    assert_clean(&installation).await;
}
