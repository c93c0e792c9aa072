//! What waits in all streams together, and up to when everything is stored.

use std::sync::{Mutex, PoisonError};

use hopline_runtime::telemetry::SpoolMetrics;
use hopline_spool::Backlog;
use hopline_types::{SECOND_MS, UnixMillis};

/// A record is dated a little before it can be read.
const WRITE_MS: i64 = SECOND_MS;

#[derive(Debug)]
pub(crate) struct Gauges {
    streams: Mutex<Vec<State>>,
    metrics: SpoolMetrics,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    backlog: Backlog,
    /// Everything that was written before this time is stored.
    stored_until: Option<UnixMillis>,
}

impl Gauges {
    pub(crate) fn new(streams: usize, metrics: SpoolMetrics) -> Self {
        Self { streams: Mutex::new(vec![State::default(); streams]), metrics }
    }

    /// Notes what waits in a stream and shows the sums.
    pub(crate) fn waits(&self, index: usize, backlog: Backlog, now: UnixMillis) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = streams.get_mut(index) {
            state.backlog = backlog;
        }
        self.show(&streams, now);
    }

    fn show(&self, streams: &[State], now: UnixMillis) {
        let bytes: u64 = streams.iter().map(|state| state.backlog.bytes).sum();
        let oldest_ms = streams.iter().map(|state| state.backlog.oldest_age_ms(now)).max().unwrap_or(0);
        self.metrics.bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.metrics.oldest_seconds.set(seconds(oldest_ms));
    }

    /// Notes that a stream was found empty at a time. Gives the time before which all streams are stored.
    pub(crate) fn empty_at(&self, index: usize, at: UnixMillis) -> Option<UnixMillis> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = streams.get_mut(index) {
            state.stored_until = Some(at.plus(-WRITE_MS));
        }
        streams.iter().map(|state| state.stored_until).min().flatten()
    }

    /// Notes that a stream has ended and holds nothing back any more.
    pub(crate) fn ended(&self, index: usize, now: UnixMillis) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = streams.get_mut(index) {
            *state = State { backlog: Backlog::default(), stored_until: Some(UnixMillis(i64::MAX)) };
        }
        self.show(&streams, now);
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge needs no more than 52 bits of milliseconds")]
fn seconds(millis: i64) -> f64 {
    millis as f64 / 1_000.0
}
