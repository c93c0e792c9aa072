//! Writing jobs: one after the other, several under one sync of the disk.
//!
//! All jobs that wait when the writer turns to its queue (up to [`GROUP_MAX`]) share one SQLite transaction; each runs
//! in a savepoint of its own, so that a refusal rolls back that job alone. Nobody is answered before the commit, which
//! is synced (`synchronous = FULL`). Where the commit fails, or SQLite has given the whole transaction up (disk full,
//! I/O error), nothing of the group is stored and each of its jobs runs again, alone; a job that fails then fails for
//! its own reasons.

use hopline_control_store::{ErrorKind, Job, StoreError};
use hopline_fault::{Point, point};
use rusqlite::Connection;

use crate::queue::{Queue, Work};
use crate::transaction::{control, run_job};

/// Jobs under one sync. More would gain little and keep the first ones waiting.
pub(crate) const GROUP_MAX: usize = 64;

type Outcome = Result<(), StoreError>;

/// Serves writing jobs until the queue is closed and empty.
pub(crate) fn serve(connection: &Connection, queue: &Queue) {
    while let Some(first) = queue.next() {
        let mut group = vec![first];
        group.extend(queue.waiting(GROUP_MAX - 1));
        let mut outcomes = run_group(connection, &mut group);
        if let Err(error) = passed(Point::ControlCommitAfter) {
            outcomes.fill_with(|| Err(error.clone()));
        }
        for (Work { job, done }, outcome) in group.into_iter().zip(outcomes) {
            // What the job holds is free by the time its outcome arrives.
            drop(job);
            // A dropped future wants no outcome.
            done.send(outcome).unwrap_or_default();
        }
    }
}

fn run_group(connection: &Connection, group: &mut [Work]) -> Vec<Outcome> {
    match together(connection, group) {
        Ok(outcomes) => outcomes,
        Err(failure) if group.len() == 1 => vec![Err(failure)],
        Err(failure) => {
            tracing::warn!(jobs = group.len(), error = %failure, "a group of writes failed, running each alone");
            group
                .iter_mut()
                .map(|work| {
                    let alone = together(connection, std::slice::from_mut(work))?;
                    alone.into_iter().next().expect("one job has one outcome")
                })
                .collect()
        }
    }
}

/// Runs all jobs in one transaction; an error means that none of them is stored.
fn together(connection: &Connection, group: &mut [Work]) -> Result<Vec<Outcome>, StoreError> {
    control(connection, "BEGIN IMMEDIATE")?;
    let ran: Result<Vec<Outcome>, StoreError> =
        group.iter_mut().map(|work| in_savepoint(connection, &mut work.job)).collect();
    let ran = ran.and_then(|outcomes| passed(Point::ControlCommitBefore).map(|()| outcomes));
    let committed = ran.and_then(|outcomes| control(connection, "COMMIT").map(|()| outcomes));
    if committed.is_err() && !connection.is_autocommit() {
        control(connection, "ROLLBACK")?;
    }
    committed
}

fn passed(at: Point) -> Result<(), StoreError> {
    point(at).map_err(|error| StoreError::new(ErrorKind::Unavailable, error.to_string()))
}

/// The outer error means that the whole transaction is lost.
fn in_savepoint(connection: &Connection, job: &mut Job) -> Result<Outcome, StoreError> {
    control(connection, "SAVEPOINT job")?;
    let ran = run_job(connection, job);
    if connection.is_autocommit() {
        let lost = || StoreError::new(ErrorKind::Unavailable, "SQLite gave the transaction up");
        return Err(ran.err().unwrap_or_else(lost));
    }
    if !matches!(ran, Ok(true)) {
        control(connection, "ROLLBACK TO job")?;
    }
    control(connection, "RELEASE job")?;
    Ok(ran.map(drop))
}

#[cfg(test)]
mod tests;
