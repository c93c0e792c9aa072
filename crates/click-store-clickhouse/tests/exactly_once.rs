//! What is sent again counts once, in the rows and in everything that is fed from them.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod clicks;
mod server;

use hopline_click_store::{ClickBatch, ClickStore, ClickStoreError, Stored};

use crate::clicks::{STREAM, batch, click};
use crate::server::Database;

/// As many as the rows say, in every table that is fed from them.
fn assert_counted(database: &Database, rows: u64) {
    let rows = rows.to_string();
    for table in ["click_hours", "sub_hours", "place_hours"] {
        assert_eq!(database.ask(&format!("SELECT sum(n) FROM {table}")), rows, "{table}");
    }
    assert_eq!(database.ask("SELECT count() FROM clicks"), rows);
    assert_eq!(database.ask("SELECT uniqExact(unique) FROM clicks"), rows);
    let touches = database.ask("SELECT count() FROM touches");
    assert_eq!(touches, database.ask("SELECT count() FROM clicks WHERE kind = 1 AND verdict < 2"));
    let by_hour = "SELECT groupArray((hour, affiliate, kind, verdict, n)) FROM (SELECT hour, affiliate, kind, verdict, sum(n) AS n
        FROM click_hours GROUP BY ALL ORDER BY ALL)";
    let recounted = "SELECT groupArray((hour, affiliate, kind, verdict, n)) FROM (SELECT toStartOfHour(at) AS hour, affiliate, kind,
        verdict, count() AS n FROM clicks GROUP BY ALL ORDER BY ALL)";
    assert_eq!(database.ask(by_hour), database.ask(recounted));
}

// D-12
#[tokio::test]
async fn d_12_a_batch_sent_three_times_is_in_rows_and_views_once() {
    let database = Database::fresh();
    let batches = [batch(1..=100), batch(101..=130)];
    for _ in 0..3 {
        // A new process each time, and nothing notes that the batches are stored: the tables' windows alone know.
        let store = database.store().await;
        for batch in &batches {
            assert_eq!(store.store(batch.clone()).await.unwrap(), Stored::Now);
        }
        assert_counted(&database, 130);
        database.run("TRUNCATE TABLE batches");
    }
}

// D-10
#[tokio::test]
async fn d_10_rows_whose_views_were_not_fed_are_completed_by_repetition() {
    let database = Database::fresh();
    let store = database.store().await;
    store.store(batch(1..=20)).await.unwrap();
    // The server takes the rows, and a view's table is gone: what a crash between the two leaves.
    database.run("RENAME TABLE sub_hours TO elsewhere");
    let error = store.store(batch(21..=60)).await.unwrap_err();
    assert!(matches!(error, ClickStoreError::Failed { .. }), "{error:?}");
    assert_eq!(store.progress(STREAM).await.unwrap(), Some(20));
    database.run("RENAME TABLE elsewhere TO sub_hours");
    assert_eq!(store.store(batch(21..=60)).await.unwrap(), Stored::Now);
    assert_counted(&database, 60);
}

#[tokio::test]
async fn rows_whose_token_may_be_forgotten_are_not_sent_again() {
    let database = Database::fresh();
    let store = database.store().await;
    store.store(batch(1..=50)).await.unwrap();
    database.run("TRUNCATE TABLE batches");
    database.run(
        "INSERT INTO batches (edge, stream, first, last) SELECT 9, 9, number, number FROM numbers(10001)",
    );
    // The tokens are forgotten indeed.
    for table in ["clicks", "click_hours", "sub_hours", "place_hours", "touches"] {
        database.run(&format!("ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 0"));
        database
            .run(&format!("ALTER TABLE {table} MODIFY SETTING non_replicated_deduplication_window = 100000"));
    }
    drop(store);
    let store = database.store().await;
    // Half of them: the others are new.
    assert_eq!(store.store(batch(1..=50)).await.unwrap(), Stored::Now);
    assert_counted(&database, 50);
    assert_eq!(store.progress(STREAM).await.unwrap(), Some(50));
    assert_eq!(store.store(batch(51..=60)).await.unwrap(), Stored::Now);
    assert_counted(&database, 60);
}

// D-08
#[tokio::test]
async fn d_08_a_row_that_a_constraint_refuses_is_named_and_the_rest_goes_without_it() {
    let database = Database::fresh();
    let store = database.store().await;
    database.run("ALTER TABLE clicks ADD CONSTRAINT polite CHECK sub1 != 's2' OR unique % 256 != 17");
    let whole = batch(10..=30);
    let error = store.store(whole.clone()).await.unwrap_err();
    let ClickStoreError::RecordRefused { stream: STREAM, record: 17, reason } = error else {
        panic!("{error:?}")
    };
    assert!(reason.contains("polite"), "{reason}");
    assert_eq!(database.ask("SELECT count() FROM clicks"), "0");
    let rest = ClickBatch { records: whole.records.only(|unique| unique.record() != 17), ..whole };
    assert_eq!(store.store(rest.clone()).await.unwrap(), Stored::Now);
    assert_eq!(store.store(rest).await.unwrap(), Stored::Before);
    assert_counted(&database, 20);
}

#[tokio::test]
async fn a_full_server_is_tried_again() {
    let database = Database::fresh();
    let store = database.store().await;
    database.run("ALTER TABLE clicks MODIFY SETTING parts_to_throw_insert = 1, parts_to_delay_insert = 1");
    database.run("SYSTEM STOP MERGES clicks");
    let mut refused = None;
    for first in [1, 11, 21, 31] {
        if let Err(error) = store.store(batch(first..=first + 9)).await {
            refused = Some(error);
            break;
        }
    }
    let error = refused.expect("too many parts");
    assert!(error.is_retryable(), "{error:?}");
    database.run("ALTER TABLE clicks RESET SETTING parts_to_throw_insert, parts_to_delay_insert");
    let done = store.progress(STREAM).await.unwrap().unwrap_or(0);
    assert_eq!(store.store(batch(done + 1..=done + 10)).await.unwrap(), Stored::Now);
    assert_counted(&database, done + 10);
}

#[tokio::test]
async fn every_field_of_a_record_is_in_its_row() {
    let database = Database::fresh();
    let store = database.store().await;
    let mut click = click(1);
    click.pseudonym = u64::MAX;
    click.network = u32::MAX;
    click.flags = hopline_record::Flags(0x0305);
    click.rule_version = 7;
    for (name, field) in [
        ("code", &mut click.code),
        ("ext", &mut click.ext),
        ("email_hash", &mut click.email_hash),
        ("language", &mut click.language),
        ("detail", &mut click.detail),
        ("deep_link", &mut click.deep_link),
        ("consent", &mut click.consent),
        ("source", &mut click.dims.source),
        ("region", &mut click.dims.region),
        ("os", &mut click.dims.os),
        ("browser", &mut click.dims.browser),
        ("referrer_host", &mut click.dims.referrer_host),
        ("landing_page", &mut click.dims.landing_page),
        ("creative", &mut click.dims.creative),
    ] {
        *field = format!("{name} 'ü\\\n\t{}", "x".repeat(200));
    }
    for (number, sub) in click.dims.subs.iter_mut().enumerate() {
        *sub = format!("sub {number}");
    }
    click.dims.country = "DE".into();
    let other = clicks::click(2);
    store.store(ClickBatch::of_clicks(STREAM, 1, 2, [&click, &other])).await.unwrap();
    for (name, expected) in [
        ("code", click.code.as_str()),
        ("ext", &click.ext),
        ("email_hash", &click.email_hash),
        ("language", &click.language),
        ("detail", &click.detail),
        ("deep_link", &click.deep_link),
        ("consent", &click.consent),
        ("source", &click.dims.source),
        ("region", &click.dims.region),
        ("os", &click.dims.os),
        ("browser", &click.dims.browser),
        ("referrer_host", &click.dims.referrer_host),
        ("landing_page", &click.dims.landing_page),
        ("creative", &click.dims.creative),
        ("sub1", "sub 0"),
        ("sub10", "sub 9"),
        ("country", "DE"),
        ("device", "tv"),
        ("pseudonym", "18446744073709551615"),
        ("network", "4294967295"),
        ("flags", "773"),
        ("rule_version", "7"),
        ("kind", "1"),
        ("at", "2026-03-28 23:59:01.000"),
        ("affiliate", "2"),
        ("link", "7"),
    ] {
        let found = database.ask(&format!("SELECT {name} FROM clicks ORDER BY unique LIMIT 1"));
        assert_eq!(
            found,
            expected.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t").replace('\'', "\\'"),
            "{name}"
        );
    }
    let token: String = click.token.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(database.ask("SELECT hex(token) FROM clicks ORDER BY unique LIMIT 1"), token);
    assert_eq!(
        database.ask("SELECT code || consent || country FROM clicks ORDER BY unique DESC LIMIT 1"),
        ""
    );
}
