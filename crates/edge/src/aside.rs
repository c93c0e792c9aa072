//! A thread beside a thread: does one kind of work that blocks, one piece after the other.
//!
//! For syncs a pool would have to wake some thread and lock its queue each time; here one thread lives as long as its
//! owner and waits at its own channel. If the work panics the thread ends, and every later piece is refused.

use std::io;
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

/// The thread; ends when this is dropped, after the piece that is under way.
#[derive(Debug)]
pub(crate) struct Aside<Job, Outcome> {
    /// None only while it is dropped.
    jobs: Option<mpsc::Sender<(Job, oneshot::Sender<Outcome>)>>,
    thread: Option<JoinHandle<()>>,
}

impl<Job: Send + 'static, Outcome: Send + 'static> Aside<Job, Outcome> {
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(name: String, work: fn(Job) -> Outcome) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<(Job, oneshot::Sender<Outcome>)>();
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            for (job, answer) in queue {
                // Nobody waits any more where the owner's event loop has ended.
                drop(answer.send(work(job)));
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Has one piece done; none where the thread died over it or before.
    pub(crate) async fn run(&self, job: Job) -> Option<Outcome> {
        let (answer, outcome) = oneshot::channel();
        self.jobs.as_ref()?.send((job, answer)).ok()?;
        outcome.await.ok()
    }
}

impl<Job, Outcome> Drop for Aside<Job, Outcome> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was told where its answer was awaited.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_in_order_until_a_panic_and_refused_afterwards() {
        let aside = Aside::start("test".into(), |job: u32| {
            assert!(job < 10, "for this test");
            job * 2
        })
        .unwrap();
        assert_eq!(aside.run(3).await, Some(6));
        assert_eq!(aside.run(4).await, Some(8));
        assert_eq!(aside.run(10).await, None);
        assert_eq!(aside.run(1).await, None);
    }
}
