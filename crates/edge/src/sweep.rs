//! Deadlines of idle connections, without a timer per request.
//!
//! hyper makes a timer for every request's head. One of tokio's goes through the timer wheel twice, for a limit of
//! seconds that is hardly ever reached. Here such a timer is a deadline alone, which wakes nobody; each connection is
//! woken once in [`STEPS`] times [`STEP`] instead, so that hyper looks at its deadline: a limit is kept up to that late.
//! The time of these deadlines moves with the steps, so a request reads no clock for them.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

/// Steps in which all connections are woken once: a step's work stays short with thousands of them.
const STEPS: usize = 40;
const STEP: Duration = Duration::from_millis(100);

thread_local! {
    /// The time at the last step of this thread.
    static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// The connections of a thread.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    places: RefCell<Vec<Option<Waker>>>,
    free: RefCell<Vec<usize>>,
    step: Cell<usize>,
}

impl Sweep {
    /// Takes a connection in; give its place back when it ends.
    pub(crate) fn enter(&self, waker: &Waker) -> usize {
        let mut places = self.places.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or(places.len());
        if place == places.len() {
            places.push(None);
        }
        if let Some(entry) = places.get_mut(place) {
            *entry = Some(waker.clone());
        }
        place
    }

    /// Lets a connection go.
    pub(crate) fn leave(&self, place: usize) {
        if let Some(entry) = self.places.borrow_mut().get_mut(place) {
            *entry = None;
            self.free.borrow_mut().push(place);
        }
    }

    /// Wakes every connection.
    pub(crate) fn wake_all(&self) {
        self.places.borrow().iter().flatten().for_each(Waker::wake_by_ref);
    }

    /// Wakes the connections of one step after the other until it is dropped.
    pub(crate) async fn run(&self) {
        loop {
            tokio::time::sleep(STEP).await;
            self.wake_some();
        }
    }

    fn wake_some(&self) {
        let step = self.step.get();
        self.step.set((step + 1) % STEPS);
        NOW.set(Some(Instant::now()));
        self.places.borrow().iter().skip(step).step_by(STEPS).flatten().for_each(Waker::wake_by_ref);
    }
}

/// Makes deadlines for hyper. Only for connections that a [`Sweep`] wakes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SweptTimer;

#[derive(Debug)]
struct Deadline(Instant);

impl Timer for SweptTimer {
    fn now(&self) -> Instant {
        now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Deadline(deadline))
    }
}

/// The time at the last step, or the clock's where there was none.
pub(crate) fn now() -> Instant {
    NOW.get().unwrap_or_else(Instant::now)
}

/// Puts this thread's time of deadlines to another.
#[cfg(test)]
pub(crate) fn pretend(now: Instant) {
    NOW.set(Some(now));
}

impl Sleep for Deadline {}

impl Future for Deadline {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if now() >= self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_round_wakes_every_connection_once_and_those_that_left_never() {
        let sweep = Sweep::default();
        let counts: Vec<_> = (0..3 * STEPS + 1).map(|_| Arc::new(Count::default())).collect();
        let places: Vec<_> =
            counts.iter().map(|count| sweep.enter(&Waker::from(Arc::clone(count)))).collect();
        sweep.leave(places[7]);
        for _ in 0..STEPS {
            sweep.wake_some();
        }
        for (number, count) in counts.iter().enumerate() {
            assert_eq!(count.0.load(Ordering::Relaxed), u32::from(number != 7), "{number}");
        }
        let late = Arc::new(Count::default());
        assert_eq!(sweep.enter(&Waker::from(Arc::clone(&late))), places[7], "places are used again");
        sweep.wake_all();
        assert_eq!(late.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn a_deadline_is_over_when_its_time_has_come() {
        let mut context = Context::from_waker(Waker::noop());
        let mut past = SweptTimer.sleep(Duration::ZERO);
        assert!(past.as_mut().poll(&mut context).is_ready());
        let mut ahead = SweptTimer.sleep(Duration::from_secs(3600));
        assert!(ahead.as_mut().poll(&mut context).is_pending());
    }
}
