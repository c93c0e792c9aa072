//! What waits in all streams together, and up to when everything is stored.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use hopline_runtime::telemetry::SpoolMetrics;
use hopline_spool::Backlog;
use hopline_types::{SECOND_MS, UnixMillis};

/// A record is dated a little before it can be read.
const WRITE_MS: i64 = SECOND_MS;

#[derive(Debug)]
pub(crate) struct Gauges {
    streams: Mutex<Vec<State>>,
    is_disk_low: AtomicBool,
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
        Self {
            streams: Mutex::new(vec![State::default(); streams]),
            is_disk_low: AtomicBool::new(false),
            metrics,
        }
    }

    /// Notes what waits in a stream and shows the sums.
    pub(crate) fn waits(&self, index: usize, backlog: Backlog, now: UnixMillis) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = streams.get_mut(index) {
            state.backlog = backlog;
        }
        self.show(&streams, now);
    }

    /// Notes what the disk has left; says so in the log when it falls below `least`, and when it is back.
    pub(crate) fn disk_has(&self, free: u64, least: u64) {
        self.metrics.disk_free_bytes.set(i64::try_from(free).unwrap_or(i64::MAX));
        match self.turn(free < least) {
            Some(true) => {
                tracing::error!(
                    free_bytes = free,
                    least_bytes = least,
                    "the disk of the spool is running full"
                );
            }
            Some(false) => tracing::info!(free_bytes = free, "the disk of the spool has room again"),
            None => {}
        }
    }

    /// Whether the disk is low, where that is news.
    fn turn(&self, is_low: bool) -> Option<bool> {
        (self.is_disk_low.swap(is_low, Ordering::Relaxed) != is_low).then_some(is_low)
    }

    /// Counts broken stretches that a reader put aside.
    pub(crate) fn found_damage(&self, stretches: usize) {
        self.metrics.damage.inc_by(u64::try_from(stretches).unwrap_or(u64::MAX));
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

#[cfg(test)]
mod tests {
    use hopline_runtime::telemetry::Metrics;

    use super::*;

    #[test]
    fn a_disk_that_runs_full_is_news_once_and_so_is_its_end() {
        let metrics = Metrics::new();
        let gauges = Gauges::new(1, metrics.spool.clone());
        let news = [false, true, true, false].map(|is_low| gauges.turn(is_low));
        assert_eq!(news, [None, Some(true), None, Some(false)]);
        gauges.disk_has(7, 100);
        assert_eq!(metrics.spool.disk_free_bytes.get(), 7);
        assert_eq!(gauges.turn(true), None, "it was low already");
    }
}
