//! Threads that run jobs, each with a connection of its own.
//!
//! A thread is started when a job finds none idle, up to a limit; the thread that was used last is used next, so that its
//! connection's statements stay prepared. Jobs beyond the limit wait in order, at most [`QUEUE_JOBS_MAX`] of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use hopline_control_store::{ErrorKind, Job, Mode, StoreError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::attempts;
use crate::session::Line;
use crate::sets::Sets;
use crate::tls::Tls;

/// Jobs that may wait or run; who brings more waits.
pub(crate) const QUEUE_JOBS_MAX: usize = 1_024;

/// A job and who waits for it.
pub(crate) struct Work {
    mode: Mode,
    job: Job,
    done: oneshot::Sender<Result<(), StoreError>>,
    _place: OwnedSemaphorePermit,
}

#[derive(Default)]
struct State {
    /// Threads that wait, the last one used at the end.
    idle: Vec<oneshot::Sender<Work>>,
    waiting: std::collections::VecDeque<Work>,
    threads: Vec<JoinHandle<()>>,
    is_closed: bool,
}

/// What the threads share.
struct Shared {
    config: tokio_postgres::Config,
    tls: Tls,
    sets: Arc<Sets>,
    state: Mutex<State>,
}

/// Threads that run jobs.
pub(crate) struct Pool {
    name: &'static str,
    threads_max: usize,
    places: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job; `None` once the pool is closed and empty.
    async fn next(&self) -> Option<Work> {
        let given = {
            let mut state = self.state();
            if let Some(work) = state.waiting.pop_front() {
                return Some(work);
            }
            if state.is_closed {
                return None;
            }
            let (give, given) = oneshot::channel();
            state.idle.push(give);
            given
        };
        given.await.ok()
    }

    fn serve(&self, mut line: Line, first: Work) {
        let mut next = Some(first);
        while let Some(Work { mode, mut job, done, _place }) = next {
            let outcome = attempts::run(&mut line, &self.sets, mode, &mut job);
            // What the job holds is free by the time its outcome arrives.
            drop(job);
            // A dropped future wants no outcome.
            done.send(outcome).unwrap_or_default();
            line.tidy();
            // The connection is served while the thread waits, so that its end is noticed.
            next = line.runtime.block_on(self.next());
        }
    }
}

impl Pool {
    pub(crate) fn new(
        name: &'static str,
        threads_max: usize,
        config: tokio_postgres::Config,
        tls: Tls,
        sets: Arc<Sets>,
    ) -> Self {
        let shared = Shared { config, tls, sets, state: Mutex::new(State::default()) };
        Self { name, threads_max, places: Arc::new(Semaphore::new(QUEUE_JOBS_MAX)), shared: Arc::new(shared) }
    }

    pub(crate) async fn run(&self, mode: Mode, job: Job) -> Result<(), StoreError> {
        let gone = |_| StoreError::new(ErrorKind::Broken, "the threads of the control store are gone");
        let place = Arc::clone(&self.places).acquire_owned().await.expect("the semaphore is never closed");
        let (done, outcome) = oneshot::channel();
        self.give(Work { mode, job, done, _place: place })?;
        outcome.await.map_err(gone)?
    }

    /// To an idle thread, a new one, or the queue.
    fn give(&self, mut work: Work) -> Result<(), StoreError> {
        let mut state = self.shared.state();
        while let Some(idle) = state.idle.pop() {
            match idle.send(work) {
                Ok(()) => return Ok(()),
                Err(back) => work = back,
            }
        }
        if state.threads.len() >= self.threads_max {
            state.waiting.push_back(work);
            return Ok(());
        }
        let cannot = |error: std::io::Error| {
            StoreError::new(
                ErrorKind::Unavailable,
                format!("cannot start a thread of the control store: {error}"),
            )
        };
        let line = Line::new(self.shared.config.clone(), self.shared.tls.clone()).map_err(cannot)?;
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new().name(self.name.to_owned());
        state.threads.push(thread.spawn(move || shared.serve(line, work)).map_err(cannot)?);
        Ok(())
    }

    /// Lets the threads finish what is queued.
    pub(crate) fn close(&self) {
        let threads = {
            let mut state = self.shared.state();
            state.is_closed = true;
            state.idle.clear();
            std::mem::take(&mut state.threads)
        };
        for thread in threads {
            // A job may have held the last reference, and drops the database on a thread of its own.
            if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
                tracing::error!("a thread of the control store panicked");
            }
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.name)
            .field("threads_max", &self.threads_max)
            .finish_non_exhaustive()
    }
}
