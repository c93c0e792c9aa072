//! What jobs give back, whatever a store does with them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use hopline_control_store::{
    Database, DatabaseExt, ErrorKind, Job, JobFuture, Mode, Row, StoreError, Tx, Value,
};

/// A store that runs each job several times and may fail to commit.
#[derive(Debug)]
struct Rerunning {
    runs: usize,
    commit: Result<(), StoreError>,
}

struct NoStatements;

impl Tx for NoStatements {
    fn query(&mut self, _: &'static str, _: &[Value]) -> Result<Vec<Row>, StoreError> {
        Ok(Vec::new())
    }

    fn execute(&mut self, _: &'static str, _: &[Value]) -> Result<u64, StoreError> {
        Ok(0)
    }
}

impl Database for Rerunning {
    fn run(&self, _: Mode, mut job: Job) -> JobFuture<'_> {
        let outcomes: Vec<_> = (0..self.runs).map(|_| job(&mut NoStatements)).collect();
        let last = outcomes.into_iter().last().unwrap_or(Ok(true));
        Box::pin(std::future::ready(last.and_then(|_| self.commit.clone())))
    }
}

fn count(database: &Rerunning) -> Result<usize, StoreError> {
    let mut runs = 0;
    let writing = database.write(move |tx| {
        tx.execute("", &[])?;
        runs += 1;
        Ok::<_, StoreError>(runs)
    });
    match pin!(writing).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("this store is always ready"),
    }
}

#[test]
fn the_last_run_of_a_job_counts() {
    assert_eq!(count(&Rerunning { runs: 1, commit: Ok(()) }), Ok(1));
    assert_eq!(count(&Rerunning { runs: 3, commit: Ok(()) }), Ok(3));
}

#[test]
fn an_answer_whose_commit_failed_is_not_given() {
    let away = StoreError::new(ErrorKind::Unavailable, "cut off");
    assert_eq!(count(&Rerunning { runs: 2, commit: Err(away.clone()) }), Err(away));
}

#[test]
fn a_job_that_was_never_run_has_no_answer() {
    let outcome = count(&Rerunning { runs: 0, commit: Ok(()) });
    assert_eq!(outcome.unwrap_err().kind, ErrorKind::Broken);
}
