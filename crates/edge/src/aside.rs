//! A thread beside a thread: does one kind of work that blocks, one piece after the other.
//!
//! For syncs a pool would have to wake some thread and lock its queue each time; here one thread lives as long as its
//! owner and waits at its own desk, on which pieces and outcomes lie: nothing is allocated for a piece. If the work panics
//! the thread ends, and every later piece is refused.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

/// The thread; ends when this is dropped, after the pieces that were given to it.
#[derive(Debug)]
pub(crate) struct Aside<Job, Outcome> {
    desk: Arc<Desk<Job, Outcome>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Desk<Job, Outcome> {
    papers: Mutex<Papers<Job, Outcome>>,
    changed: Condvar,
}

#[derive(Debug)]
struct Papers<Job, Outcome> {
    /// To be done, each with its number.
    jobs: VecDeque<(u64, Job)>,
    next_number: u64,
    /// The last that was done.
    outcome: Option<(u64, Outcome)>,
    waiter: Option<Waker>,
    /// No more pieces come, or none is done any more.
    is_closed: bool,
}

impl<Job, Outcome> Desk<Job, Outcome> {
    fn papers(&self) -> MutexGuard<'_, Papers<Job, Outcome>> {
        // Nothing panics while it is held; the work is done without it.
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece; none where no more come.
    fn next(&self) -> Option<(u64, Job)> {
        let is_idle = |papers: &mut Papers<_, _>| papers.jobs.is_empty() && !papers.is_closed;
        let papers = self.changed.wait_while(self.papers(), is_idle);
        papers.unwrap_or_else(PoisonError::into_inner).jobs.pop_front()
    }

    fn put(&self, number: u64, outcome: Outcome) {
        let mut papers = self.papers();
        papers.outcome = Some((number, outcome));
        let waiter = papers.waiter.take();
        drop(papers);
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// Ends the work; who waits for an outcome gets none.
    fn close(&self) {
        let mut papers = self.papers();
        papers.is_closed = true;
        let waiter = papers.waiter.take();
        drop(papers);
        self.changed.notify_one();
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    fn poll(&self, number: u64, context: &Context<'_>) -> Poll<Option<Outcome>> {
        let mut papers = self.papers();
        // An earlier one is nobody's: who asked for it has gone.
        if let Some((_, outcome)) = papers.outcome.take_if(|(done, _)| *done == number) {
            return Poll::Ready(Some(outcome));
        }
        if papers.is_closed {
            return Poll::Ready(None);
        }
        papers.waiter = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Closes the desk when its thread ends, however it ends.
struct Closing<Job, Outcome>(Arc<Desk<Job, Outcome>>);

impl<Job, Outcome> Drop for Closing<Job, Outcome> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<Job: Send + 'static, Outcome: Send + 'static> Aside<Job, Outcome> {
    /// # Errors
    /// The system gives no thread.
    pub(crate) fn start(name: String, work: fn(Job) -> Outcome) -> io::Result<Self> {
        let papers = Papers {
            jobs: VecDeque::with_capacity(1),
            next_number: 0,
            outcome: None,
            waiter: None,
            is_closed: false,
        };
        let desk = Arc::new(Desk { papers: Mutex::new(papers), changed: Condvar::new() });
        let closing = Closing(Arc::clone(&desk));
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            while let Some((number, job)) = closing.0.next() {
                closing.0.put(number, work(job));
            }
        })?;
        Ok(Self { desk, thread: Some(thread) })
    }

    /// Has one piece done; none where the thread died over it or before. One caller at a time waits.
    pub(crate) async fn run(&self, job: Job) -> Option<Outcome> {
        let number = {
            let mut papers = self.desk.papers();
            if papers.is_closed {
                return None;
            }
            let number = papers.next_number;
            papers.next_number += 1;
            papers.jobs.push_back((number, job));
            number
        };
        self.desk.changed.notify_one();
        poll_fn(|context| self.desk.poll(number, context)).await
    }
}

impl<Job, Outcome> Drop for Aside<Job, Outcome> {
    fn drop(&mut self) {
        self.desk.close();
        if let Some(thread) = self.thread.take() {
            // Its panic was told where its answer was awaited.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

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

    #[tokio::test]
    async fn an_outcome_that_nobody_waits_for_any_more_is_not_taken_for_the_next() {
        let aside = Aside::start("test".into(), |job: u32| job * 2).unwrap();
        for round in 0..100 {
            let mut left = Box::pin(aside.run(1000 + round));
            let _early = pin!(&mut left).as_mut().poll(&mut Context::from_waker(Waker::noop()));
            drop(left);
            assert_eq!(aside.run(round).await, Some(round * 2));
        }
    }

    #[test]
    fn what_was_given_is_done_before_the_thread_ends() {
        static DONE: Mutex<Vec<u32>> = Mutex::new(Vec::new());
        let aside = Aside::start("test".into(), |job: u32| DONE.lock().unwrap().push(job)).unwrap();
        for job in 0..10 {
            let _early = pin!(aside.run(job)).poll(&mut Context::from_waker(Waker::noop()));
        }
        drop(aside);
        assert_eq!(*DONE.lock().unwrap(), (0..10).collect::<Vec<_>>());
    }
}
