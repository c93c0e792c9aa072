//! Reading jobs: each sees one state, and none waits for the writer.

use rusqlite::Connection;

use hopline_control_store::{Job, StoreError};

use crate::queue::{Queue, Work};
use crate::transaction::{control, run_job};

/// Serves reading jobs until the queue is closed and empty.
pub(crate) fn serve(connection: &Connection, queue: &Queue) {
    while let Some(Work { mut job, done }) = queue.next() {
        let outcome = read(connection, &mut job);
        // What the job holds is free by the time its outcome arrives.
        drop(job);
        // A dropped future wants no outcome.
        done.send(outcome).unwrap_or_default();
    }
}

fn read(connection: &Connection, job: &mut Job) -> Result<(), StoreError> {
    // The first statement fixes the state that all statements of this job see.
    control(connection, "BEGIN DEFERRED")?;
    let ran = run_job(connection, job);
    control(connection, "ROLLBACK")?;
    ran.map(drop)
}
