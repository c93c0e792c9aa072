//! The registry, and the handles that services hold.

use std::fmt;

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use super::edge::EdgeMetrics;
use super::labels::{ConversionOutcome, Label, LabelledCounter, WebhookOutcome};
use super::process::ProcessCollector;
use super::table::Metric;

/// Spool.
#[derive(Debug, Clone)]
pub struct SpoolMetrics {
    /// Bytes not yet shipped whole. Several spools add and subtract, or one owner sets the sum.
    pub bytes: IntGauge,
    /// Age of the oldest record not yet shipped.
    pub oldest_seconds: Gauge,
    /// Broken stretches that were put aside.
    pub damage: IntCounter,
    /// Bytes that the spool's file system has left.
    pub disk_free_bytes: IntGauge,
}

/// Shipping.
#[derive(Debug, Clone)]
pub struct ShipMetrics {
    /// Rows stored.
    pub rows: IntCounter,
    /// Batches that failed.
    pub failures: IntCounter,
    /// Records that no store took.
    pub dead_letters: IntCounter,
}

/// Conversions.
#[derive(Debug, Clone)]
pub struct ConversionMetrics {
    /// Processed, by outcome.
    pub processed: LabelledCounter<ConversionOutcome>,
}

/// Attribution.
#[derive(Debug, Clone)]
pub struct AttributionMetrics {
    /// Age of the oldest conversion that waits; 0 when none does.
    pub lag_seconds: Gauge,
}

/// Ledger.
#[derive(Debug, Clone)]
pub struct LedgerMetrics {
    /// Transactions booked.
    pub transactions: IntCounter,
}

/// Webhooks and postbacks to affiliates.
#[derive(Debug, Clone)]
pub struct WebhookMetrics {
    /// Attempts, by outcome.
    pub deliveries: LabelledCounter<WebhookOutcome>,
}

/// Sharing the work among several workers.
#[derive(Debug, Clone)]
pub struct LeaseMetrics {
    /// Parts of the conversions that this worker decides.
    pub partitions: IntGauge,
    /// Whether it does what only one may do: 0 or 1.
    pub leader: IntGauge,
    /// Looks that failed.
    pub failures: IntCounter,
}

/// The connections to stores.
#[derive(Debug, Clone)]
pub struct StoreMetrics {
    /// Whether the control store, or the API in its place, answered last: 0 or 1.
    pub control_up: IntGauge,
    /// Whether the click store answered last: 0 or 1.
    pub clicks_up: IntGauge,
    /// Signs of another edge with the same id.
    pub edge_id_conflicts: IntCounter,
}

/// Start and end. The difference of the two counters is a kill.
#[derive(Debug, Clone)]
pub struct LifecycleMetrics {
    /// Orderly shutdowns begun; hand it to `Shutdown::counted`.
    pub begun: IntCounter,
    /// Orderly shutdowns finished.
    pub finished: IntCounter,
}

/// All metrics of the process. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    /// Edge.
    pub edge: EdgeMetrics,
    /// Spool.
    pub spool: SpoolMetrics,
    /// Shipping.
    pub ship: ShipMetrics,
    /// Conversions.
    pub conversions: ConversionMetrics,
    /// Attribution.
    pub attribution: AttributionMetrics,
    /// Ledger.
    pub ledger: LedgerMetrics,
    /// Webhooks and postbacks.
    pub webhooks: WebhookMetrics,
    /// Sharing the work among several workers.
    pub leases: LeaseMetrics,
    /// The connections to stores.
    pub stores: StoreMetrics,
    /// Start and end.
    pub lifecycle: LifecycleMetrics,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers every metric. Each call makes a set of its own, so tests do not share counts.
    #[must_use]
    pub fn new() -> Self {
        let registry = Registry::new();
        let damage = counter(&registry, Metric::SpoolDamage);
        let metrics = Self {
            edge: EdgeMetrics {
                spool_damage: damage.clone(),
                requests: labelled(&registry, Metric::EdgeRequests),
                seconds: histogram(&registry, Metric::EdgeRequestSeconds, &EdgeMetrics::SECONDS),
            },
            spool: SpoolMetrics {
                bytes: int_gauge(&registry, Metric::SpoolBytes),
                oldest_seconds: gauge(&registry, Metric::SpoolOldestSeconds),
                damage,
                disk_free_bytes: int_gauge(&registry, Metric::SpoolDiskFreeBytes),
            },
            ship: ShipMetrics {
                rows: counter(&registry, Metric::ShipRows),
                failures: counter(&registry, Metric::ShipFailures),
                dead_letters: counter(&registry, Metric::ShipDeadLetters),
            },
            conversions: ConversionMetrics { processed: labelled(&registry, Metric::Conversions) },
            attribution: AttributionMetrics { lag_seconds: gauge(&registry, Metric::AttributionLagSeconds) },
            ledger: LedgerMetrics { transactions: counter(&registry, Metric::LedgerTransactions) },
            webhooks: WebhookMetrics { deliveries: labelled(&registry, Metric::WebhookDeliveries) },
            leases: LeaseMetrics {
                partitions: int_gauge(&registry, Metric::LeasePartitions),
                leader: int_gauge(&registry, Metric::LeaseLeader),
                failures: counter(&registry, Metric::LeaseFailures),
            },
            stores: StoreMetrics {
                control_up: int_gauge(&registry, Metric::ControlStoreUp),
                clicks_up: int_gauge(&registry, Metric::ClickStoreUp),
                edge_id_conflicts: counter(&registry, Metric::EdgeIdConflicts),
            },
            lifecycle: LifecycleMetrics {
                begun: counter(&registry, Metric::ShutdownsBegun),
                finished: counter(&registry, Metric::ShutdownsFinished),
            },
            registry,
        };
        register(&metrics.registry, ProcessCollector::new());
        metrics
    }

    /// Everything in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .expect("families that were registered can be written")
    }
}

pub(super) fn opts(metric: Metric) -> Opts {
    let spec = metric.spec();
    Opts::new(spec.name, spec.help)
}

fn register<C: Collector + 'static>(registry: &Registry, collector: C) {
    registry.register(Box::new(collector)).expect("names in the table are unique");
}

fn counter(registry: &Registry, metric: Metric) -> IntCounter {
    let counter = IntCounter::with_opts(opts(metric)).expect("names in the table are well-formed");
    register(registry, counter.clone());
    counter
}

fn int_gauge(registry: &Registry, metric: Metric) -> IntGauge {
    let gauge = IntGauge::with_opts(opts(metric)).expect("names in the table are well-formed");
    register(registry, gauge.clone());
    gauge
}

fn gauge(registry: &Registry, metric: Metric) -> Gauge {
    let gauge = Gauge::with_opts(opts(metric)).expect("names in the table are well-formed");
    register(registry, gauge.clone());
    gauge
}

fn histogram(registry: &Registry, metric: Metric, classes: &[f64]) -> Histogram {
    let options = HistogramOpts::from(opts(metric)).buckets(classes.to_vec());
    let histogram = Histogram::with_opts(options).expect("names and classes are well-formed");
    register(registry, histogram.clone());
    histogram
}

fn labelled<L: Label>(registry: &Registry, metric: Metric) -> LabelledCounter<L> {
    let family = IntCounterVec::new(opts(metric), &[L::NAME]).expect("names in the table are well-formed");
    register(registry, family.clone());
    LabelledCounter::new(&family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::EdgeOutcome;

    #[test]
    fn every_metric_of_the_table_is_shown_with_all_its_labels_from_the_start() {
        let text = Metrics::new().render();
        for metric in Metric::ALL {
            let spec = metric.spec();
            assert!(text.contains(&format!("# HELP {} {}\n", spec.name, spec.help)), "{}", spec.name);
            if let Some((label, values)) = spec.label {
                for value in values {
                    let line = format!("{}{{{label}=\"{value}\"}} 0\n", spec.name);
                    assert!(text.contains(&line), "{line}");
                }
            }
        }
        let shown = text.lines().filter(|line| line.starts_with("# TYPE")).count();
        assert_eq!(shown, Metric::ALL.len());
    }

    #[test]
    fn local_counts_become_visible_with_a_flush_and_at_the_end() {
        let metrics = Metrics::new();
        let mut local = metrics.edge.local();
        local.record(EdgeOutcome::Redirect, 0.000_04);
        local.record(EdgeOutcome::Redirect, 3.0);
        assert_eq!(metrics.edge.requests(EdgeOutcome::Redirect), 0);
        local.flush();
        local.flush();
        assert_eq!(metrics.edge.requests(EdgeOutcome::Redirect), 2);
        local.record(EdgeOutcome::NotFound, 0.000_01);
        drop(local);
        assert_eq!(metrics.edge.requests(EdgeOutcome::NotFound), 1);
        let text = metrics.render();
        assert!(text.contains("hopline_edge_request_seconds_count 3\n"), "{text}");
        assert!(text.contains("hopline_edge_request_seconds_bucket{le=\"0.00005\"} 2\n"), "{text}");
    }

    #[test]
    fn figures_of_the_process_are_real() {
        let text = Metrics::new().render();
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
            line.rsplit(' ').next().unwrap().parse().unwrap()
        };
        assert!(value("hopline_process_resident_bytes") > 100_000.0);
        assert!(value("hopline_process_open_fds") >= 3.0);
        assert!(value("hopline_process_cpu_seconds_total") >= 0.0);
    }
}
