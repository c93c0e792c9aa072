//! Jobs on their way to the threads.

use std::sync::{Mutex, PoisonError};

use hopline_control_store::{Job, StoreError};
use tokio::sync::{mpsc, oneshot};

/// A job and who waits for it.
pub(crate) struct Work {
    pub(crate) job: Job,
    pub(crate) done: oneshot::Sender<Result<(), StoreError>>,
}

/// The end of a queue that threads take from, one job each.
pub(crate) struct Queue(Mutex<mpsc::Receiver<Work>>);

/// A queue of `bound` jobs; who brings more waits.
pub(crate) fn queue(bound: usize) -> (mpsc::Sender<Work>, Queue) {
    let (send, receive) = mpsc::channel(bound);
    (send, Queue(Mutex::new(receive)))
}

impl Queue {
    /// Waits for a job; `None` once the queue is closed and empty.
    pub(crate) fn next(&self) -> Option<Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
    }

    /// Up to `limit` jobs that wait already.
    pub(crate) fn waiting(&self, limit: usize) -> Vec<Work> {
        let mut receive = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| receive.try_recv().ok()).take(limit).collect()
    }
}
