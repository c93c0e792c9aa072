//! The time of day, as a value that can be passed around.
//!
//! Services take a [`Clock`] and ask it; pure crates take a [`UnixMillis`] as argument. The system clock may
//! step back or forward: what needs an order must not take it from here alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use hopline_types::UnixMillis;

/// Where the time comes from. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The clock of the machine.
    #[default]
    System,
    /// A clock that stands still until a test moves it.
    Manual(ManualClock),
}

impl Clock {
    /// The current time. Beyond the range of `i64` milliseconds it stays at the end of the range.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        match self {
            Self::System => system_now(),
            Self::Manual(clock) => clock.now(),
        }
    }
}

/// A clock that only moves when told to. Clones show the same time.
#[derive(Debug, Clone)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn starting_at(start: UnixMillis) -> Self {
        Self { millis: Arc::new(AtomicI64::new(start.get())) }
    }

    /// The time it shows.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        UnixMillis(self.millis.load(Ordering::SeqCst))
    }

    /// Puts the clock to `time`, which may lie in the past.
    pub fn set(&self, time: UnixMillis) {
        self.millis.store(time.get(), Ordering::SeqCst);
    }

    /// Moves the clock by `millis`; negative moves it back.
    pub fn advance(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }

    /// This clock as a [`Clock`] to hand to services.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::Manual(self.clone())
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system clock")]
fn system_now() -> UnixMillis {
    let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |millis| -millis),
    };
    UnixMillis(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_for_all_who_hold_it_and_only_when_told() {
        let hand = ManualClock::starting_at(UnixMillis(1_000));
        let clock = hand.clock();
        assert_eq!(clock.now(), UnixMillis(1_000));
        hand.advance(500);
        assert_eq!(clock.now(), UnixMillis(1_500));
        hand.set(UnixMillis(-5));
        assert_eq!(clock.now(), UnixMillis(-5));
    }

    #[test]
    fn the_system_clock_is_past_the_day_this_was_written() {
        assert!(Clock::System.now() > UnixMillis(1_750_000_000_000));
    }
}
