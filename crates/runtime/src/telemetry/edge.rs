//! Counting on the hot path.

use prometheus::local::LocalHistogram;
use prometheus::{Histogram, IntCounter};

use super::labels::{EdgeOutcome, Label, LabelledCounter};

const OUTCOMES: usize = EdgeOutcome::ALL.len();

/// The edge's metrics, shared by its threads.
#[derive(Debug, Clone)]
pub struct EdgeMetrics {
    pub(super) requests: LabelledCounter<EdgeOutcome>,
    pub(super) seconds: Histogram,
    /// Damaged stretches of the spool; what the edge finds at its start counts with what shipping finds later.
    pub spool_damage: IntCounter,
}

impl EdgeMetrics {
    /// Upper ends of the classes of request time, in seconds: fine below a millisecond, where answers lie.
    pub(super) const SECONDS: [f64; 12] =
        [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

    /// A thread's own counters, at zero.
    #[must_use]
    pub fn local(&self) -> LocalEdgeMetrics {
        LocalEdgeMetrics { shared: self.clone(), requests: [0; OUTCOMES], seconds: self.seconds.local() }
    }

    /// Requests counted and flushed so far, for one outcome.
    #[must_use]
    pub fn requests(&self, outcome: EdgeOutcome) -> u64 {
        self.requests.of(outcome).get()
    }
}

/// Counters of one thread. What is recorded becomes visible with [`LocalEdgeMetrics::flush`], about once a second,
/// or when this is dropped.
#[derive(Debug)]
pub struct LocalEdgeMetrics {
    shared: EdgeMetrics,
    requests: [u64; OUTCOMES],
    seconds: LocalHistogram,
}

impl LocalEdgeMetrics {
    /// Counts one request and the seconds it took.
    pub fn record(&mut self, outcome: EdgeOutcome, seconds: f64) {
        if let Some(count) = self.requests.get_mut(outcome.index()) {
            *count += 1;
        }
        self.seconds.observe(seconds);
    }

    /// Adds what was counted since the last flush to the shared counters.
    pub fn flush(&mut self) {
        for (outcome, count) in EdgeOutcome::ALL.iter().zip(&mut self.requests) {
            let counted = std::mem::take(count);
            if counted > 0 {
                self.shared.requests.of(*outcome).inc_by(counted);
            }
        }
        self.seconds.flush();
    }
}

impl Drop for LocalEdgeMetrics {
    fn drop(&mut self) {
        self.flush();
    }
}
