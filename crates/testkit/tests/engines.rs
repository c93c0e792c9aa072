//! The engines behave as stories rely on.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::time::Duration;

use hopline_testkit::{
    ClickHouseConfig, ClickHouseServer, Cutter, PostgresServer, clickhouse, eventually, postgres,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

#[tokio::test]
async fn every_test_has_a_postgresql_database_that_an_ordinary_role_owns() {
    let (first, second) = (postgres(), postgres());
    assert_ne!(first.name(), second.name());
    first.query("CREATE TABLE kept (n bigint)").unwrap();
    assert!(second.query("SELECT * FROM kept").is_err(), "databases are separate");
    let owner =
        "SELECT rolname, rolsuper, rolbypassrls FROM pg_roles JOIN pg_database ON datdba = pg_roles.oid
                 WHERE datname = current_database()";
    assert_eq!(first.query(owner).unwrap(), "hopline|f|f");
    let version: u32 = first.query("SHOW server_version_num").unwrap().parse().unwrap();
    assert!(version >= 150_000, "{version}");
    assert_eq!(first.query("SHOW fsync").unwrap(), "on");
    assert_eq!(first.query("SELECT 'a' < 'B'").unwrap(), "t", "text is not ordered by bytes");
    let name = first.name().to_owned();
    drop(first);
    let is_there = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    eventually("it is dropped", async || (second.query(&is_there).unwrap() == "0").then_some(())).await;
}

#[test]
fn a_postgresql_of_its_own_keeps_what_was_committed_when_it_is_killed() {
    let mut server = PostgresServer::start().unwrap();
    let database = server.database().unwrap();
    database.query("CREATE TABLE kept (n bigint); INSERT INTO kept VALUES (7)").unwrap();
    server.kill().unwrap();
    assert!(database.query("SELECT 1").is_err(), "it is down");
    server.start_again().unwrap();
    assert_eq!(database.query("SELECT n FROM kept").unwrap(), "7");
    server.set("default_transaction_read_only", "on").unwrap();
    let refused = database.query("INSERT INTO kept VALUES (8)").unwrap_err();
    assert!(refused.to_string().contains("read-only"), "{refused}");
    server.set("default_transaction_read_only", "off").unwrap();
    database.query("INSERT INTO kept VALUES (8)").unwrap();
    server.stop().unwrap();
    server.start_again().unwrap();
    assert_eq!(database.query("SELECT sum(n) FROM kept").unwrap(), "15");
}

#[test]
fn every_test_has_a_clickhouse_database() {
    let (first, second) = (clickhouse(), clickhouse());
    first.query("CREATE TABLE kept (n Int64) ENGINE = MergeTree ORDER BY n").unwrap();
    assert!(second.query("SELECT * FROM kept").is_err(), "databases are separate");
    assert_eq!(first.query("SELECT 1 + 1").unwrap(), "2");
    let name = first.name().to_owned();
    drop(first);
    assert_eq!(second.query(&format!("EXISTS DATABASE {name}")).unwrap(), "0");
}

#[test]
fn a_clickhouse_of_its_own_keeps_what_was_inserted_when_it_is_killed() {
    let parts = "<merge_tree><parts_to_throw_insert>2</parts_to_throw_insert></merge_tree>";
    let config = ClickHouseConfig { fragments: vec![parts.to_owned()], users: None };
    let mut server = ClickHouseServer::start_with(&config).unwrap();
    let database = server.database().unwrap();
    database.query("CREATE TABLE kept (n Int64) ENGINE = MergeTree ORDER BY n").unwrap();
    database.query("INSERT INTO kept VALUES (7)").unwrap();
    server.kill().unwrap();
    assert!(database.query("SELECT 1").is_err(), "it is down");
    server.start_again().unwrap();
    assert_eq!(database.query("SELECT n FROM kept").unwrap(), "7");
    server.query("SYSTEM STOP MERGES").unwrap();
    database.query("INSERT INTO kept VALUES (8)").unwrap();
    let refused = database.query("INSERT INTO kept VALUES (9)").unwrap_err();
    assert!(refused.to_string().contains("Code: 252"), "{refused}");
    server.stop().unwrap();
    server.configure(&ClickHouseConfig::default()).unwrap();
    server.start_again().unwrap();
    database.query("INSERT INTO kept VALUES (9)").unwrap();
    assert_eq!(database.query("SELECT sum(n) FROM kept").unwrap(), "24");
}

#[test]
fn shards_of_a_cluster_know_each_other() {
    let servers = ClickHouseServer::cluster("pair", 2, &ClickHouseConfig::default()).unwrap();
    let ports = servers[0]
        .query("SELECT port FROM system.clusters WHERE cluster = 'pair' ORDER BY shard_num")
        .unwrap();
    assert_eq!(ports, format!("{}\n{}", servers[0].tcp_port(), servers[1].tcp_port()));
    let asked = "SELECT uniqExact(getServerPort('tcp_port')) FROM clusterAllReplicas('pair', system.one)";
    assert_eq!(servers[0].query(asked).unwrap(), "2");
}

/// Answers every read with `done`.
async fn echo(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut bytes = [0; 64];
            while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                stream.write_all(b"done").await.unwrap();
            }
        });
    }
}

async fn asked(stream: &mut TcpStream, words: &str) -> usize {
    stream.write_all(words.as_bytes()).await.unwrap();
    let mut bytes = [0; 64];
    let read = stream.read(&mut bytes);
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("an answer or an end").unwrap_or(0)
}

#[tokio::test]
async fn a_cutter_hands_on_swallows_answers_and_cuts() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    tokio::spawn(echo(listener));
    let cutter = Cutter::start(&target, "COMMIT").await.unwrap();
    let mut stream = TcpStream::connect(cutter.address()).await.unwrap();
    assert_eq!(asked(&mut stream, "COMMIT").await, 4);
    cutter.swallow(1);
    assert_eq!(asked(&mut stream, "SELECT").await, 4);
    let (answer, ()) = tokio::join!(asked(&mut stream, "COMMIT"), cutter.next_request());
    assert_eq!((answer, cutter.swallowed(), cutter.requests()), (0, 1, 2));
    let mut stream = TcpStream::connect(cutter.address()).await.unwrap();
    assert_eq!(asked(&mut stream, "COMMIT").await, 4);
    cutter.cut();
    assert_eq!(stream.read(&mut [0; 64]).await.unwrap_or(0), 0);
    cutter.mend();
    let mut stream = TcpStream::connect(cutter.address()).await.unwrap();
    assert_eq!(asked(&mut stream, "SELECT").await, 4);
}
