//! The services that run, by name, and waiting for their end.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, timeout_at};

use super::Shutdown;

/// Any error a service ends with.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How a service that did not end well ended.
#[derive(Debug, thiserror::Error)]
pub enum TaskEnd {
    /// It returned an error.
    #[error("{name} failed")]
    Failed {
        /// Name of the service.
        name: String,
        /// What it returned.
        #[source]
        source: BoxError,
    },
    /// It panicked.
    #[error("{name} panicked")]
    Panicked {
        /// Name of the service.
        name: String,
    },
    /// It returned although no shutdown had begun.
    #[error("{name} ended although no shutdown had begun")]
    Early {
        /// Name of the service.
        name: String,
    },
    /// It was still running at the time limit.
    #[error("{name} was not done {limit:?} after the shutdown began")]
    Late {
        /// Name of the service.
        name: String,
        /// The limit.
        limit: Duration,
    },
}

/// Services that run until the shutdown. Dropping it aborts its async tasks.
#[derive(Debug)]
pub struct Tasks {
    shutdown: Shutdown,
    set: JoinSet<Result<(), BoxError>>,
    names: HashMap<Id, String>,
}

impl Tasks {
    /// None yet.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self { shutdown, set: JoinSet::new(), names: HashMap::new() }
    }

    /// Runs a future on the current runtime.
    pub fn spawn<F, E>(&mut self, name: &str, service: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let handle = self.set.spawn(async move { service.await.map_err(Into::into) });
        self.names.insert(handle.id(), name.to_owned());
    }

    /// Runs a function on a thread of its own, which bears the name.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn spawn_thread<F, E>(&mut self, name: &str, service: F) -> std::io::Result<()>
    where
        F: FnOnce() -> Result<(), E> + Send + 'static,
        E: Into<BoxError>,
    {
        let (sender, receiver) = oneshot::channel();
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // Nobody listens any more when the wait was given up; the thread ends all the same.
            sender.send(service().map_err(Into::into)).unwrap_or_default();
        })?;
        let handle = self.set.spawn(async move {
            match receiver.await {
                Ok(outcome) => outcome,
                Err(_) => match thread.join() {
                    Err(payload) => std::panic::resume_unwind(payload),
                    Ok(()) => unreachable!("the thread sends before it ends, or panics"),
                },
            }
        });
        self.names.insert(handle.id(), name.to_owned());
        Ok(())
    }

    /// Waits until the shutdown begins, then up to `limit` for everyone. A service that ends earlier, well or
    /// badly, begins the shutdown. Returns who did not end well; empty means that all is in order.
    pub async fn run(mut self, limit: Duration) -> Vec<TaskEnd> {
        let mut ends = Vec::new();
        while !self.shutdown.is_begun() {
            tokio::select! {
                () = self.shutdown.begun() => {}
                ended = self.set.join_next_with_id() => {
                    let Some(ended) = ended else { break };
                    let is_early = !self.shutdown.is_begun();
                    self.note(ended, is_early, &mut ends);
                    self.shutdown.begin();
                }
            }
        }
        let deadline = Instant::now() + limit;
        while let Ok(Some(ended)) = timeout_at(deadline, self.set.join_next_with_id()).await {
            self.note(ended, false, &mut ends);
        }
        ends.extend(self.names.drain().map(|(_, name)| TaskEnd::Late { name, limit }));
        ends
    }

    fn note(
        &mut self,
        ended: Result<(Id, Result<(), BoxError>), JoinError>,
        is_early: bool,
        ends: &mut Vec<TaskEnd>,
    ) {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let name = self.names.remove(&id).unwrap_or_default();
        match ended {
            Ok((_, Ok(()))) if is_early => ends.push(TaskEnd::Early { name }),
            Ok((_, Ok(()))) => tracing::debug!(service = name, "service ended"),
            Ok((_, Err(source))) => ends.push(TaskEnd::Failed { name, source }),
            Err(_) => ends.push(TaskEnd::Panicked { name }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    fn waiting(shutdown: &Shutdown) -> impl Future<Output = Result<(), BoxError>> + Send + 'static {
        let shutdown = shutdown.clone();
        async move {
            shutdown.begun().await;
            Ok(())
        }
    }

    #[tokio::test]
    async fn services_and_threads_that_heed_the_shutdown_end_well() {
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        tasks.spawn("edge", waiting(&shutdown));
        let (release, wait) = std::sync::mpsc::channel::<()>();
        tasks.spawn_thread("thread", move || wait.recv().or(Ok::<(), BoxError>(()))).unwrap();
        shutdown.begin();
        drop(release);
        assert!(tasks.run(LIMIT).await.is_empty());
    }

    #[tokio::test]
    async fn a_service_that_fails_begins_the_shutdown_of_all_others() {
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        tasks.spawn("worker", waiting(&shutdown));
        tasks.spawn("ship", async { Err::<(), BoxError>("disk gone".into()) });
        let ends = tasks.run(LIMIT).await;
        assert!(shutdown.is_begun());
        assert!(matches!(ends.as_slice(), [TaskEnd::Failed { name, .. }] if name == "ship"), "{ends:?}");
    }

    #[tokio::test]
    async fn a_service_or_thread_that_panics_or_ends_early_is_named() {
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        tasks.spawn_thread("thread", || -> Result<(), BoxError> { panic!("broken invariant") }).unwrap();
        let ends = tasks.run(LIMIT).await;
        assert!(matches!(ends.as_slice(), [TaskEnd::Panicked { name }] if name == "thread"), "{ends:?}");

        let mut tasks = Tasks::new(Shutdown::new());
        tasks.spawn("api", async { Ok::<(), BoxError>(()) });
        let ends = tasks.run(LIMIT).await;
        assert!(matches!(ends.as_slice(), [TaskEnd::Early { name }] if name == "api"), "{ends:?}");
    }

    #[tokio::test]
    async fn who_does_not_end_in_time_is_named() {
        let shutdown = Shutdown::new();
        let mut tasks = Tasks::new(shutdown.clone());
        tasks.spawn("edge", std::future::pending::<Result<(), BoxError>>());
        shutdown.begin();
        let ends = tasks.run(Duration::from_millis(10)).await;
        assert!(matches!(ends.as_slice(), [TaskEnd::Late { name, .. }] if name == "edge"), "{ends:?}");
    }
}
