//! Every metric, once: name, help, kind, label.

use super::labels::{ConversionOutcome, EdgeOutcome, Label, WebhookOutcome};

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by size.
    Histogram,
}

/// A metric as it is shown.
#[derive(Debug, Clone)]
pub struct MetricSpec {
    /// Its name.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Its label, with all values that it can take.
    pub label: Option<(&'static str, Vec<&'static str>)>,
}

/// Every metric of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Requests answered by the edge.
    EdgeRequests,
    /// Time from a request's head to its answer.
    EdgeRequestSeconds,
    /// Bytes in the spool.
    SpoolBytes,
    /// Age of the oldest unshipped record.
    SpoolOldestSeconds,
    /// Broken stretches of the spool.
    SpoolDamage,
    /// Room on the spool's disk.
    SpoolDiskFreeBytes,
    /// Rows stored in the click store.
    ShipRows,
    /// Batches that failed.
    ShipFailures,
    /// Records moved to the dead letters.
    ShipDeadLetters,
    /// Conversions processed.
    Conversions,
    /// Age of the oldest conversion that waits for attribution.
    AttributionLagSeconds,
    /// Transactions booked.
    LedgerTransactions,
    /// Attempts to deliver a webhook or postback.
    WebhookDeliveries,
    /// Parts of the conversions that this worker decides.
    LeasePartitions,
    /// Whether this worker does what only one may do.
    LeaseLeader,
    /// Looks at leases that failed.
    LeaseFailures,
    /// Whether the control store answers.
    ControlStoreUp,
    /// Whether the click store answers.
    ClickStoreUp,
    /// Signs of another edge with this edge's id.
    EdgeIdConflicts,
    /// Shutdowns begun.
    ShutdownsBegun,
    /// Shutdowns finished.
    ShutdownsFinished,
    /// Memory of the process.
    ProcessResidentBytes,
    /// CPU time of the process.
    ProcessCpuSeconds,
    /// Open files of the process.
    ProcessOpenFds,
}

impl Metric {
    /// All of them, in the order of this table.
    pub const ALL: &'static [Self] = &[
        Self::EdgeRequests,
        Self::EdgeRequestSeconds,
        Self::SpoolBytes,
        Self::SpoolOldestSeconds,
        Self::SpoolDamage,
        Self::SpoolDiskFreeBytes,
        Self::ShipRows,
        Self::ShipFailures,
        Self::ShipDeadLetters,
        Self::Conversions,
        Self::AttributionLagSeconds,
        Self::LedgerTransactions,
        Self::WebhookDeliveries,
        Self::LeasePartitions,
        Self::LeaseLeader,
        Self::LeaseFailures,
        Self::ControlStoreUp,
        Self::ClickStoreUp,
        Self::EdgeIdConflicts,
        Self::ShutdownsBegun,
        Self::ShutdownsFinished,
        Self::ProcessResidentBytes,
        Self::ProcessCpuSeconds,
        Self::ProcessOpenFds,
    ];

    /// Name, help, kind and label.
    #[must_use]
    pub fn spec(self) -> MetricSpec {
        use MetricKind::{Counter, Gauge, Histogram};
        let plain = |name, help, kind| MetricSpec { name, help, kind, label: None };
        match self {
            Self::EdgeRequests => by_outcome::<EdgeOutcome>(
                "hopline_edge_requests_total",
                "Requests answered by the edge, by outcome.",
            ),
            Self::EdgeRequestSeconds => plain(
                "hopline_edge_request_seconds",
                "Seconds from reading a request to handing over its answer.",
                Histogram,
            ),
            Self::SpoolBytes => {
                plain("hopline_spool_bytes", "Bytes of spool files not yet shipped whole.", Gauge)
            }
            Self::SpoolOldestSeconds => plain(
                "hopline_spool_oldest_seconds",
                "Age in seconds of the oldest record not yet shipped.",
                Gauge,
            ),
            Self::SpoolDamage => plain(
                "hopline_spool_damage_total",
                "Broken stretches of spool files that were put aside.",
                Counter,
            ),
            Self::SpoolDiskFreeBytes => {
                plain("hopline_spool_disk_free_bytes", "Bytes that the spool's file system has left.", Gauge)
            }
            Self::ShipRows => plain("hopline_ship_rows_total", "Rows stored in the click store.", Counter),
            Self::ShipFailures => plain(
                "hopline_ship_failures_total",
                "Batches that the click store did not take; each is tried again.",
                Counter,
            ),
            Self::ShipDeadLetters => plain(
                "hopline_ship_dead_letters_total",
                "Records that no store took, moved to the dead letters.",
                Counter,
            ),
            Self::Conversions => by_outcome::<ConversionOutcome>(
                "hopline_conversions_total",
                "Conversions processed, by outcome.",
            ),
            Self::AttributionLagSeconds => plain(
                "hopline_attribution_lag_seconds",
                "Age in seconds of the oldest conversion that waits for attribution.",
                Gauge,
            ),
            Self::LedgerTransactions => {
                plain("hopline_ledger_transactions_total", "Transactions booked in the ledger.", Counter)
            }
            Self::WebhookDeliveries => by_outcome::<WebhookOutcome>(
                "hopline_webhook_deliveries_total",
                "Attempts to deliver a webhook or postback, by outcome.",
            ),
            Self::LeasePartitions => {
                plain("hopline_lease_partitions", "Parts of the conversions that this worker decides.", Gauge)
            }
            Self::LeaseLeader => plain(
                "hopline_lease_leader",
                "1 where this worker does what only one may do at a time, else 0.",
                Gauge,
            ),
            Self::LeaseFailures => plain(
                "hopline_lease_failures_total",
                "Looks at the leases that failed; each is tried again.",
                Counter,
            ),
            Self::ControlStoreUp => plain(
                "hopline_control_store_up",
                "1 where the control store, or the API in its place, answered last, else 0.",
                Gauge,
            ),
            Self::ClickStoreUp => {
                plain("hopline_click_store_up", "1 where the click store answered last, else 0.", Gauge)
            }
            Self::EdgeIdConflicts => plain(
                "hopline_edge_id_conflicts_total",
                "Signs of another edge that uses the same edge.id.",
                Counter,
            ),
            Self::ShutdownsBegun => {
                plain("hopline_shutdowns_begun_total", "Orderly shutdowns begun by this process.", Counter)
            }
            Self::ShutdownsFinished => plain(
                "hopline_shutdowns_finished_total",
                "Orderly shutdowns that drained everything in time.",
                Counter,
            ),
            Self::ProcessResidentBytes => {
                plain("hopline_process_resident_bytes", "Memory of the process held in RAM, in bytes.", Gauge)
            }
            Self::ProcessCpuSeconds => plain(
                "hopline_process_cpu_seconds_total",
                "CPU time used by the process, user and system.",
                Counter,
            ),
            Self::ProcessOpenFds => {
                plain("hopline_process_open_fds", "Open file descriptors of the process.", Gauge)
            }
        }
    }
}

fn by_outcome<L: Label>(name: &'static str, help: &'static str) -> MetricSpec {
    let values = L::ALL.iter().map(|value| value.as_str()).collect();
    MetricSpec { name, help, kind: MetricKind::Counter, label: Some((L::NAME, values)) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_start_with_hopline_and_counters_end_with_total() {
        let mut names = BTreeSet::new();
        for metric in Metric::ALL {
            let spec = metric.spec();
            assert!(names.insert(spec.name), "{} twice", spec.name);
            assert!(spec.name.starts_with("hopline_"), "{}", spec.name);
            assert!(spec.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{}", spec.name);
            assert_eq!(spec.name.ends_with("_total"), spec.kind == MetricKind::Counter, "{}", spec.name);
            assert!(spec.help.ends_with('.'), "{}", spec.name);
        }
    }
}
