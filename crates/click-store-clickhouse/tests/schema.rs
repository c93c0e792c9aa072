//! Making the tables, and refusing those that are not as they were made.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod server;

use hopline_click_store::ClickStoreError;
use hopline_click_store_clickhouse::{ClickHouseClickStore, ClickHouseOptions, Host, Password};

use crate::server::Database;

async fn refusal(database: &Database) -> String {
    let error = ClickHouseClickStore::open(&database.options()).await.unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    told(&error)
}

/// An error with its causes.
fn told(error: &ClickStoreError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn what_is_missing_is_made_once_and_verified() {
    let database = Database::fresh();
    database.run(&format!("DROP DATABASE {}", database.0.name()));
    let options = ClickHouseOptions { retention_days: Some(395), ..database.options() };
    let absent = ClickHouseClickStore::verify(&options).await.unwrap_err();
    assert!(told(&absent).ends_with("run `hopline init`"), "{}", told(&absent));
    let done = ClickHouseClickStore::init(&options).await.unwrap();
    assert!(done[0].starts_with("database ") && done.contains(&"1 clicks".to_owned()), "{done:?}");
    assert_eq!(done.last().unwrap(), "time to live of raw clicks: 397 days");
    assert_eq!(ClickHouseClickStore::init(&options).await.unwrap(), Vec::<String>::new());
    ClickHouseClickStore::verify(&options).await.unwrap();

    let longer = ClickHouseOptions { retention_days: Some(500), ..options.clone() };
    assert_eq!(ClickHouseClickStore::init(&longer).await.unwrap(), ["time to live of raw clicks: 502 days"]);
    let endless = ClickHouseOptions { retention_days: None, ..options };
    assert_eq!(ClickHouseClickStore::init(&endless).await.unwrap(), ["no time to live of raw clicks"]);
}

#[tokio::test]
async fn a_half_made_schema_is_completed() {
    let database = Database::fresh();
    drop(database.store().await);
    // As after a crash between a statement and its note, and before the later ones.
    database.run("DELETE FROM migrations WHERE number >= 9");
    database.run("DROP TABLE facts");
    assert!(ClickHouseClickStore::verify(&database.options()).await.is_err());
    let done = ClickHouseClickStore::init(&database.options()).await.unwrap();
    assert_eq!(done.first().unwrap(), "9 touches_view");
    ClickHouseClickStore::verify(&database.options()).await.unwrap();
}

#[tokio::test]
async fn a_schema_that_was_changed_by_hand_is_refused_with_what_to_do() {
    let changes = [
        ("ALTER TABLE clicks ADD COLUMN mine String", "has the column \"mine String\" too"),
        ("ALTER TABLE batches DROP COLUMN newest_at", "lacks the column \"newest_at DateTime64(3, 'UTC')\""),
        ("ALTER TABLE facts MODIFY COLUMN coupon LowCardinality(String)", "\"coupon String\" was made"),
        (
            "ALTER TABLE touches MODIFY SETTING non_replicated_deduplication_window = 5",
            "deduplication window",
        ),
        ("DROP TABLE click_hours_view", "is not there"),
    ];
    for (change, expected) in changes {
        let database = Database::fresh();
        drop(database.store().await);
        database.run(change);
        let refusal = refusal(&database).await;
        assert!(refusal.contains(expected) && refusal.contains("change it back"), "{change}: {refusal}");
    }
}

#[tokio::test]
async fn a_schema_of_another_program_is_refused_and_a_newer_one_too() {
    let database = Database::fresh();
    drop(database.store().await);
    database.run("INSERT INTO migrations (number, name, sha256) VALUES (99, 'later', 'x')");
    let newer = ClickHouseClickStore::open(&database.options()).await.unwrap_err();
    assert!(matches!(newer, ClickStoreError::Newer { found: 99, known: 14, .. }), "{newer:?}");

    let database = Database::fresh();
    drop(database.store().await);
    database.run("INSERT INTO migrations (number, name, sha256) VALUES (1, 'theirs', 'x')");
    assert!(refusal(&database).await.contains("belongs to another program"));

    // Nothing is made beside a table that is in the way.
    let database = Database::fresh();
    database.run("CREATE TABLE facts (x UInt8) ENGINE = MergeTree ORDER BY x");
    assert!(refusal(&database).await.contains(".facts has the engine MergeTree"));
    assert_eq!(database.ask("SELECT count() FROM system.tables WHERE database = currentDatabase()"), "1");
}

#[tokio::test]
async fn a_wrong_password_and_missing_rights_are_told_without_the_password() {
    let database = Database::fresh();
    let mut options = database.options();
    options.password = Some(Password::new("hunter2"));
    let error = ClickHouseClickStore::open(&options).await.unwrap_err();
    assert!(!error.is_retryable() && told(&error).contains("Authentication failed"), "{}", told(&error));
    assert!(!format!("{error:?} {}", told(&error)).contains("hunter2"));

    drop(database.store().await);
    let options = database.0.url_as("reader", "secret").parse().unwrap();
    let error = told(&ClickHouseClickStore::verify(&options).await.unwrap_err());
    assert!(error.contains("may only read") && error.contains("clicks.url"), "{error}");
}

#[tokio::test]
async fn the_statements_of_every_form_are_understood_by_the_server() {
    let database = Database::fresh();
    let mut checked = 0;
    for query in ["", "?cluster=all&replicated=0", "?cluster=all"] {
        let options: ClickHouseOptions = format!("clickhouse://127.0.0.1/d{query}").parse().unwrap();
        for statement in ClickHouseClickStore::statements(&options) {
            let is_distributed = statement.contains("Distributed");
            assert!(!statement.contains('{'), "a blank was left: {statement}");
            assert_eq!(statement.contains(" ON CLUSTER all"), query == "?cluster=all", "{statement}");
            if query == "?cluster=all" && statement.contains("ENGINE =") && !is_distributed {
                assert!(statement.contains("ENGINE = Replicated"), "{statement}");
            }
            let tree = database.ask(&format!("EXPLAIN AST {statement}"));
            assert!(tree.starts_with("CreateQuery"), "{statement}: {tree}");
            checked += 1;
        }
    }
    // Database, migrations and 14 steps; on clusters 11 tables over them too.
    assert_eq!(checked, 16 + 2 * 27);
}

#[tokio::test]
async fn a_host_that_does_not_answer_is_passed_over() {
    let database = Database::fresh();
    let mut options = database.options();
    let there = options.hosts[0].clone();
    options.hosts.insert(0, Host { name: "127.0.0.1".into(), port: 1 });
    drop(ClickHouseClickStore::open(&options).await.unwrap());
    options.hosts.retain(|host| *host != there);
    let error = ClickHouseClickStore::open(&options).await.unwrap_err();
    assert!(error.is_retryable() && told(&error).contains("no answer from 127.0.0.1:1"), "{}", told(&error));
}
