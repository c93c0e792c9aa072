//! Connections that are cut, servers that go away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use hopline_control_store::{Database, DatabaseExt as _, ErrorKind, Mode, StoreError, Tx, marks};
use hopline_testkit::{Cutter, PostgresServer, postgres};

use crate::support::{block_on, open};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn one_more(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    let next = marks::get(tx, "story")?.unwrap_or(0) + 1;
    marks::set(tx, "story", next)?;
    Ok(next)
}

// L-23
#[test]
fn a_connection_cut_between_commit_and_answer_changes_no_answer() {
    let fresh = postgres();
    let runtime = runtime();
    let cutter = runtime.block_on(Cutter::start(fresh.address(), "COMMIT")).unwrap();
    let database = open(&fresh.url_at(&cutter.address()));
    for round in 1..=5 {
        cutter.swallow(1);
        assert_eq!(runtime.block_on(database.write(one_more)), Ok(2 * round - 1));
        assert_eq!(cutter.swallowed(), u32::try_from(round).unwrap());
        assert_eq!(runtime.block_on(database.book(one_more)), Ok(2 * round));
    }
    assert_eq!(runtime.block_on(database.read(|tx| marks::get(tx, "story"))), Ok(Some(10)));
}

#[test]
fn a_connection_cut_before_the_commit_lets_the_job_run_again() {
    let fresh = postgres();
    let runtime = runtime();
    let cutter = Arc::new(runtime.block_on(Cutter::start(fresh.address(), "no such thing")).unwrap());
    let database = open(&fresh.url_at(&cutter.address()));
    let runs = Arc::new(AtomicU32::new(0));
    for mode in [Mode::Write, Mode::Book, Mode::Read] {
        let (counted, cut) = (Arc::clone(&runs), Arc::clone(&cutter));
        let job = Box::new(move |tx: &mut dyn Tx| {
            marks::get(tx, "story")?;
            if counted.fetch_add(1, Ordering::SeqCst) % 2 == 0 {
                cut.cut();
                cut.mend();
            }
            if mode == Mode::Read {
                marks::get(tx, "story").map(|_| true)
            } else {
                one_more(tx).map(|_| true)
            }
        });
        assert_eq!(runtime.block_on(database.run(mode, job)), Ok(()));
    }
    assert_eq!(runs.load(Ordering::SeqCst), 6);
    assert_eq!(runtime.block_on(database.read(|tx| marks::get(tx, "story"))), Ok(Some(2)));
}

#[test]
fn a_job_whose_process_was_ended_runs_again() {
    let fresh = Arc::new(postgres());
    let database = open(&fresh.url());
    let (ends, mut runs) = (Arc::clone(&fresh), 0);
    let done = database.write(move |tx| {
        runs += 1;
        one_more(tx)?;
        if runs == 1 {
            ends.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle in transaction'",
            )
            .unwrap();
        }
        one_more(tx).map(|_| runs)
    });
    assert_eq!(block_on(done), Ok(2));
    assert_eq!(block_on(database.read(|tx| marks::get(tx, "story"))), Ok(Some(2)));
}

#[test]
fn over_a_crash_of_the_server_every_answer_is_true() {
    let mut server = PostgresServer::start().unwrap();
    let fresh = server.database().unwrap();
    let database = Arc::new(open(&fresh.url()));
    let runtime = runtime();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let (database, told) = (Arc::clone(&database), told.clone());
            runtime.spawn(async move {
                let mut done = 0;
                for round in 0..40 {
                    let outcome = if round % 2 == 0 {
                        database.write(one_more).await
                    } else {
                        let locked = |tx: &mut dyn Tx| {
                            tx.lock(hopline_control_store::Lock::Ledger)?;
                            // A writer that is no booking may still be in between.
                            tx.execute("UPDATE marks SET value = value + 1 WHERE name = 'story'", &[])
                        };
                        database.book(locked).await.map(|changed| i64::try_from(changed).unwrap())
                    };
                    match outcome {
                        Ok(0) => {}
                        Ok(_) => done += 1,
                        Err(refused) => assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}"),
                    }
                    told.send(()).unwrap();
                }
                done
            })
        })
        .collect();
    for _ in 0..3 {
        for _ in 0..15 {
            runtime.block_on(heard.recv()).unwrap();
        }
        server.kill().unwrap();
        server.start_again().unwrap();
    }
    let done: i64 = writers.into_iter().map(|writer| runtime.block_on(writer).unwrap()).sum();
    assert!(done >= 45, "{done}");
    assert_eq!(runtime.block_on(database.read(|tx| marks::get(tx, "story"))), Ok(Some(done)));
}

#[test]
fn a_server_that_only_reads_is_unavailable_for_writing_and_says_so() {
    let server = PostgresServer::start().unwrap();
    let fresh = server.database().unwrap();
    let database = open(&fresh.url());
    block_on(database.write(one_more)).unwrap();
    fresh.query(&format!("ALTER DATABASE {} SET default_transaction_read_only = on", fresh.name())).unwrap();
    fresh.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hopline'").unwrap();
    for mode in [Mode::Write, Mode::Book] {
        let refused = block_on(database.run(mode, Box::new(|tx| one_more(tx).map(|_| true)))).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
        assert!(refused.detail.contains("only reads"), "{refused}");
    }
    assert_eq!(block_on(database.read(|tx| marks::get(tx, "story"))), Ok(Some(1)));
}

#[test]
fn a_server_that_is_away_is_waited_for_and_then_unavailable() {
    let mut server = PostgresServer::start().unwrap();
    let fresh = server.database().unwrap();
    let database = open(&fresh.url());
    block_on(database.write(one_more)).unwrap();
    server.stop().unwrap();
    let refused = block_on(database.write(one_more)).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable, "{refused}");
    server.start_again().unwrap();
    assert_eq!(block_on(database.write(one_more)), Ok(2));
}

#[test]
fn a_job_whose_future_was_dropped_still_ends() {
    let fresh = postgres();
    let database = open(&fresh.url());
    for number in 0..20 {
        let mut queued =
            database.run(Mode::Write, Box::new(move |tx| marks::set(tx, "story", number).map(|()| true)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(queued.as_mut().poll(&mut context).is_pending());
    }
    // Closing waits for what is queued.
    drop(database);
    let again = open(&fresh.url());
    assert!(block_on(again.read(|tx| marks::get(tx, "story"))).unwrap().is_some());
}

#[test]
fn what_failed_inside_cannot_be_committed_whatever_the_job_says() {
    let fresh = postgres();
    let database = open(&fresh.url());
    let hidden = block_on(database.write(|tx| {
        marks::set(tx, "story", 1)?;
        // The second insert is refused, and the job makes light of it.
        let twice = tx.execute("INSERT INTO marks (name, value) VALUES ('story', 2)", &[]);
        assert!(twice.is_err());
        assert_eq!(marks::get(tx, "story"), Err(twice.unwrap_err()));
        Ok::<_, StoreError>(())
    }));
    assert_eq!(hidden.unwrap_err().kind, ErrorKind::Conflict);
    assert_eq!(block_on(database.read(|tx| marks::get(tx, "story"))), Ok(None));
}
