//! How the process ends: a shutdown begins once, everyone hears it, and everyone is waited for up to a limit.
//!
//! A shutdown begins by SIGTERM, SIGINT, or a service that ends before its time. Services listen with
//! [`Shutdown::begun`], stop taking new work, finish what they answered for, and return. [`Tasks`] waits for
//! them; who is not done at the limit is named and left behind (async tasks are aborted, threads die with the
//! process).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use prometheus::IntCounter;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

mod tasks;

pub use tasks::{BoxError, TaskEnd, Tasks};

/// A shutdown that may begin. Clones share it; it works across runtimes and threads.
#[derive(Debug, Clone)]
pub struct Shutdown {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    begun: AtomicBool,
    heard: watch::Sender<bool>,
    count: Option<IntCounter>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// One that has not begun.
    #[must_use]
    pub fn new() -> Self {
        Self::build(None)
    }

    /// One that adds to the counter when it begins.
    #[must_use]
    pub fn counted(begun: IntCounter) -> Self {
        Self::build(Some(begun))
    }

    fn build(count: Option<IntCounter>) -> Self {
        let shared = Shared { begun: AtomicBool::new(false), heard: watch::Sender::new(false), count };
        Self { shared: Arc::new(shared) }
    }

    /// Begins it. Returns whether this call was the first.
    pub fn begin(&self) -> bool {
        let first = !self.shared.begun.swap(true, Ordering::AcqRel);
        if first {
            if let Some(count) = &self.shared.count {
                count.inc();
            }
            self.shared.heard.send_replace(true);
        }
        first
    }

    /// Whether it has begun. Takes no lock.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.shared.begun.load(Ordering::Acquire)
    }

    /// Returns as soon as it has begun, at once if it already has. Dropping the future is harmless.
    pub async fn begun(&self) {
        let mut receiver = self.shared.heard.subscribe();
        let outcome = receiver.wait_for(|begun| *begun).await;
        outcome.map(drop).expect("the sender lives in self");
    }

    /// Begins it at the first SIGTERM or SIGINT. Further signals are logged and change nothing. Must be called
    /// within a tokio runtime with I/O; ends with the runtime.
    ///
    /// # Errors
    /// The system refuses a signal handler.
    pub fn begin_on_signals(&self) -> std::io::Result<JoinHandle<()>> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        Ok(tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    Some(()) = terminate.recv() => "SIGTERM",
                    Some(()) = interrupt.recv() => "SIGINT",
                    else => return,
                };
                if shutdown.begin() {
                    tracing::info!(signal = name, "shutdown begins");
                } else {
                    tracing::info!(signal = name, "shutdown is already under way");
                }
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_shutdown_begins_once_and_is_heard_by_early_and_late_listeners() {
        let count = IntCounter::new("count", "help").unwrap();
        let shutdown = Shutdown::counted(count.clone());
        let early = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.begun().await }
        });
        assert!(!shutdown.is_begun());
        assert!(shutdown.begin());
        assert!(!shutdown.begin());
        early.await.unwrap();
        shutdown.begun().await;
        assert!(shutdown.is_begun());
        assert_eq!(count.get(), 1);
    }

    #[tokio::test]
    async fn sigterm_begins_the_shutdown_and_a_second_one_changes_nothing() {
        use rustix::process::{Signal, getpid, kill_process};

        let shutdown = Shutdown::new();
        let listener = shutdown.begin_on_signals().unwrap();
        kill_process(getpid(), Signal::TERM).unwrap();
        shutdown.begun().await;
        kill_process(getpid(), Signal::INT).unwrap();
        tokio::task::yield_now().await;
        assert!(!listener.is_finished());
        listener.abort();
    }
}
