//! A server that is killed.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod clicks;

use hopline_click_store::{AuditOutcome, ClickStore, ClickStoreError, Stored};
use hopline_click_store_clickhouse::{ClickHouseClickStore, ClickHouseOptions};
use hopline_testkit::ClickHouseServer;

use crate::clicks::{STREAM, batch};

async fn assert_sound(store: &ClickHouseClickStore, rows: u64) {
    match store.check().await.unwrap() {
        AuditOutcome::Sound { clicks, .. } => assert_eq!(clicks, rows),
        AuditOutcome::Differs(difference) => panic!("{difference}"),
    }
}

// D-14
#[tokio::test]
async fn d_14_a_server_killed_after_a_batch_has_it_and_takes_no_double() {
    let mut server = ClickHouseServer::start().unwrap();
    let options: ClickHouseOptions = server.database().unwrap().url().parse().unwrap();
    let store = ClickHouseClickStore::open(&options).await.unwrap();
    for round in 0..3_u64 {
        let first = round * 1_000 + 1;
        assert_eq!(store.store(batch(first..=first + 999)).await.unwrap(), Stored::Now);
        server.kill().unwrap();
        let error = store.store(batch(first + 1_000..=first + 1_999)).await.unwrap_err();
        assert!(matches!(&error, ClickStoreError::Failed { retryable: true, .. }), "{error:?}");
        server.start_again().unwrap();
        // From a segment that was kept.
        assert_eq!(store.store(batch(first..=first + 999)).await.unwrap(), Stored::Before);
        assert_eq!(store.progress(STREAM).await.unwrap(), Some(first + 999));
        assert_sound(&store, (round + 1) * 1_000).await;
    }
}
