//! Logs and metrics.
//!
//! Log lines go to standard error. Every metric stands in one table ([`Metric`]); [`Metrics`] registers them all
//! at the start and hands out typed handles whose label values are resolved, so that counting costs a few
//! nanoseconds and no text look-up. Labels come from closed sets only: no path, link or id ever becomes one.
//! Edge threads count in [`LocalEdgeMetrics`] and flush now and then, so that threads share no cache line per
//! click.

use tracing_subscriber::EnvFilter;

use crate::config::{LogConfig, LogFormat};

mod edge;
mod labels;
mod metrics;
mod process;
mod table;

pub use edge::{EdgeMetrics, LocalEdgeMetrics};
pub use labels::{ConversionOutcome, EdgeOutcome, Label, LabelledCounter, WebhookOutcome};
pub use metrics::{
    AttributionMetrics, ConversionMetrics, LeaseMetrics, LedgerMetrics, LifecycleMetrics, Metrics,
    ShipMetrics, SpoolMetrics, StoreMetrics, WebhookMetrics,
};
pub use prometheus::{Gauge, IntCounter, IntGauge};
pub use table::{Metric, MetricKind, MetricSpec};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter is not well-formed.
    #[error("log filter {filter:?} is not well-formed")]
    Filter {
        /// What was given.
        filter: String,
        /// What the reader said.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// Logging was set up before.
    #[error("logging is already set up")]
    AlreadySet,
}

/// Sets up logging to standard error for the whole process. Call it once.
///
/// # Errors
/// The filter is not well-formed, or logging was set up before.
pub fn init_logging(config: &LogConfig) -> Result<(), LogError> {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|source| LogError::Filter { filter: config.filter.clone(), source })?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let outcome = match config.format {
        LogFormat::Text => {
            let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
            builder.with_ansi(colours).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    outcome.map_err(|_| LogError::AlreadySet)
}
