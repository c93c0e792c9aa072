//! Who listens hears of commits.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use hopline_control_store::facts::{NewFact, put};
use hopline_control_store::{Database as _, DatabaseExt as _, Topic, catalogue};
use hopline_testkit::{PostgresServer, postgres};

use crate::support::{block_on, open};

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for this topic; others are passed over.
fn hears(heard: &Receiver<Topic>, topic: Topic) {
    while heard.recv_timeout(PATIENCE).unwrap() != topic {}
}

#[test]
fn another_programs_commits_are_heard_of() {
    let fresh = postgres();
    let (here, there) = (open(&fresh.url()), open(&fresh.url()));
    let (tell, heard) = channel();
    here.listen(Arc::new(move |topic| tell.send(topic).unwrap_or_default()));
    // Once it listens it says so, since some may have been missed.
    hears(&heard, Topic::Catalogue);
    hears(&heard, Topic::Work);
    block_on(there.write(|tx| catalogue::bump(tx))).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Topic::Catalogue));
    let fact = || vec![NewFact { fact_id: "a".into(), fact: "{}".into() }];
    block_on(there.book(move |tx| put(tx, fact()))).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Topic::Work));
    // What is rolled back is not told; what comes after it is.
    let refused = there.write(|tx| {
        catalogue::bump(tx).and(Err::<(), _>(hopline_control_store::StoreError::new(
            hopline_control_store::ErrorKind::Broken,
            "of its own",
        )))
    });
    block_on(refused).unwrap_err();
    let fact = || vec![NewFact { fact_id: "b".into(), fact: "{}".into() }];
    block_on(there.write(move |tx| put(tx, fact()))).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE), Ok(Topic::Work));
}

#[test]
fn after_a_restart_of_the_server_all_is_told_again() {
    let mut server = PostgresServer::start().unwrap();
    let fresh = server.database().unwrap();
    let database = open(&fresh.url());
    let (tell, heard) = channel();
    database.listen(Arc::new(move |topic| tell.send(topic).unwrap_or_default()));
    hears(&heard, Topic::Work);
    server.kill().unwrap();
    server.start_again().unwrap();
    hears(&heard, Topic::Catalogue);
    hears(&heard, Topic::Work);
}
