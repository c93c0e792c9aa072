//! Moves spooled records into the stores: clicks and impressions into the click store, conversion events to
//! a [`ConversionSink`].
//!
//! # One batch
//!
//! Streams are independent of each other; within one, batches go in the order of the records. For each:
//!
//! 1. cut: read up to [`ShipLimits::batch_records`] records;
//! 2. plan: sync the files read, write the batch's end into the stream's mark (`planned`), durably;
//! 3. store the clicks (one batch with fixed boundaries and a hash of its content), then the conversion
//!    events;
//! 4. mark the batch shipped, durably; delete segments that are shipped since [`ShipLimits::retain`].
//!
//! A crash anywhere repeats from 3 with the same boundaries and the same bytes. The click store knows what
//! it has by the stream's record ids, the sink by the event's id, so the repetition changes nothing.
//!
//! # Failure
//!
//! | what | then |
//! |---|---|
//! | a store is down or slow | the batch is tried again, with pauses that grow to [`ShipLimits::retry_most`]; the spool grows |
//! | a record cannot be decoded, or a store names it as refused | it goes to the stream's dead letters with the reason, counted in `hopline_ship_dead_letters_total`; the rest goes on |
//! | the click store refuses a whole batch | tried again and logged as an error until somebody acts: two edges share an id, or a spool was replaced under a store that remembers it |
//! | the spool is damaged | the reader puts the bytes aside; logged as an error, counted in `hopline_spool_damage_total` |
//! | the disk runs full | `hopline_spool_disk_free_bytes` says so all along; an error is logged below [`ShipLimits::disk_free_least`] |
//!
//! A record may be in the dead letters twice, if a crash follows at once. [`resend`] sends them again, once whatever refused them
//! was changed.
//!
//! # Pace
//!
//! A stream is looked at when [`Wake::ring`] was called and every [`ShipLimits::interval`]; batches that are
//! not full keep [`ShipLimits::pause`] between them, so that few clicks do not cost many syncs. From the write
//! into the spool to the store that is pause plus a few syncs, well below 300 ms.
//!
//! # End
//!
//! When the given shutdown begins, each stream is shipped to its end; what a store does not take then stays in
//! the spool for the next start. Begin it after the edge has written its last record.

mod files;
mod gauges;
mod records;
mod resend;
mod sink;
mod stream;
mod wake;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hopline_click_store::{ClickStore, StreamId};
use hopline_runtime::clock::Clock;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::{ShipMetrics, SpoolMetrics};
use hopline_spool::{DeadLetterError, MarkError, ReadError, SharedTail};
use hopline_types::UnixMillis;
use tokio::task::JoinSet;

use crate::files::StreamFiles;
use crate::gauges::Gauges;
use crate::stream::StreamShipper;

pub use resend::{ResendError, Resent, letters, resend};
pub use sink::{Accepted, ConversionSink, SinkError};
pub use wake::Wake;

/// Sixteen segments, which take some 3 million clicks: minutes at full speed, days at an ordinary one.
const DISK_FREE_LEAST: u64 = 1 << 30;

/// A stream to ship.
#[derive(Debug, Clone)]
pub struct StreamSource {
    /// Who wrote it.
    pub stream: StreamId,
    /// Its directory.
    pub dir: PathBuf,
    /// How far its writer has come; none if it has no writer any more.
    pub tail: Option<Arc<SharedTail>>,
}

/// How much at once and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShipLimits {
    /// Records in a batch at most.
    pub batch_records: usize,
    /// Payload bytes in a batch at most.
    pub batch_bytes: usize,
    /// Longest time between two looks at a stream.
    pub interval: Duration,
    /// Shortest time between two batches that are not full.
    pub pause: Duration,
    /// How long segments stay after they are shipped.
    pub retain: Duration,
    /// Pause after a first failure; it doubles with each further one.
    pub retry_least: Duration,
    /// The longest pause after a failure.
    pub retry_most: Duration,
    /// Bytes that the disk of the spool should have left; below it, the log warns.
    pub disk_free_least: u64,
}

impl Default for ShipLimits {
    /// A batch of 10,000 records or 8 MiB is about 100 ms of work for the embedded store.
    fn default() -> Self {
        Self {
            batch_records: 10_000,
            batch_bytes: 8 * 1024 * 1024,
            interval: Duration::from_millis(200),
            pause: Duration::from_millis(50),
            retain: Duration::ZERO,
            retry_least: Duration::from_millis(50),
            retry_most: Duration::from_secs(10),
            disk_free_least: DISK_FREE_LEAST,
        }
    }
}

impl ShipLimits {
    /// For a store that is a server, which wants few and large batches: up to 100,000 records or 32 MiB, else what a second brings.
    /// A stream that is far behind holds such a batch about three times: as read, as sorted, as sent.
    #[must_use]
    pub fn for_server() -> Self {
        Self {
            batch_records: 100_000,
            batch_bytes: 32 * 1024 * 1024,
            interval: Duration::from_secs(1),
            pause: Duration::from_secs(1),
            retry_least: Duration::from_millis(200),
            ..Self::default()
        }
    }
}

/// What shipping needs.
#[derive(Debug)]
pub struct ShipOptions {
    /// The streams that are being written.
    pub streams: Vec<StreamSource>,
    /// Where streams lie, as `edge-{edge}-stream-{stream}`: those that are not among `streams`, of earlier
    /// counts of threads, are shipped to their end.
    pub spool_dir: PathBuf,
    /// Takes clicks and impressions.
    pub clicks: Arc<dyn ClickStore>,
    /// Takes conversion events.
    pub conversions: Arc<dyn ConversionSink>,
    /// How much at once and how often.
    pub limits: ShipLimits,
    /// Rung when records were written.
    pub wake: Wake,
    /// Ends shipping, after everything written was shipped.
    pub shutdown: Shutdown,
    /// Counters.
    pub ship_metrics: ShipMetrics,
    /// Gauges of what waits; shipping sets them.
    pub spool_metrics: SpoolMetrics,
    /// The time.
    pub clock: Clock,
}

/// Why shipping could not begin or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ShipError {
    /// The directory of the streams cannot be listed.
    #[error("cannot list the streams in {dir}")]
    List {
        /// The directory.
        dir: PathBuf,
        /// The disk's answer.
        #[source]
        source: io::Error,
    },
    /// A stream cannot be read.
    #[error("cannot open stream {stream}")]
    Open {
        /// The stream.
        stream: StreamId,
        /// Why.
        #[source]
        source: StepError,
    },
    /// A stream's task panicked.
    #[error("the shipping of a stream panicked")]
    Panicked,
}

/// A step on the spool's files that failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Reading or deleting segments.
    #[error("cannot read or clear the spool")]
    Read(#[from] ReadError),
    /// Reading or writing the mark.
    #[error("cannot read or write the mark")]
    Mark(#[from] MarkError),
    /// Moving a record aside.
    #[error("cannot move a record aside")]
    DeadLetter(#[from] DeadLetterError),
}

/// Ships until the shutdown begins, then what is left. Dropping the future stops as a crash would.
///
/// # Errors
/// A stream cannot be opened, or a task panicked. What fails later is tried again.
pub async fn run(options: ShipOptions) -> Result<(), ShipError> {
    let mut streams = options.streams.clone();
    streams.extend(left_over(&options.spool_dir, &options.streams)?);
    let gauges = Arc::new(Gauges::new(streams.len(), options.spool_metrics.clone()));
    let mut tasks = JoinSet::new();
    for (index, source) in streams.into_iter().enumerate() {
        let stream = source.stream;
        let shipper = StreamShipper::open(&options, source, index, Arc::clone(&gauges))
            .await
            .map_err(|source| ShipError::Open { stream, source })?;
        tasks.spawn(shipper.run());
    }
    if tasks.is_empty() {
        options.shutdown.begun().await;
    }
    let mut outcome = Ok(());
    while let Some(ended) = tasks.join_next().await {
        outcome = outcome.and(ended.map_err(|_| ShipError::Panicked));
    }
    if outcome.is_ok() {
        // Streams without a writer end by themselves.
        options.shutdown.begun().await;
    }
    outcome
}

/// Shows what waits in all streams while there is nobody yet to ship it to: `live` and those left over in the directory.
///
/// # Errors
/// The directory cannot be listed, or a stream cannot be read.
pub async fn show_waiting(
    live: &[StreamSource],
    spool_dir: &Path,
    metrics: &SpoolMetrics,
    now: UnixMillis,
) -> Result<(), ShipError> {
    let mut streams = live.to_vec();
    streams.extend(left_over(spool_dir, live)?);
    let gauges = Gauges::new(streams.len(), metrics.clone());
    let limits = ShipLimits::default();
    for (index, source) in streams.into_iter().enumerate() {
        let stream = source.stream;
        let measured = stream::blocking(move || StreamFiles::open(&source, limits)?.measure()).await;
        let (backlog, free) = measured.map_err(|source| ShipError::Open { stream, source })?;
        gauges.waits(index, backlog, now);
        metrics.disk_free_bytes.set(i64::try_from(free).unwrap_or(i64::MAX));
    }
    Ok(())
}

/// Every stream in a directory, as if nobody wrote any.
///
/// # Errors
/// The directory cannot be listed.
pub fn streams(spool_dir: &Path) -> Result<Vec<StreamSource>, ShipError> {
    left_over(spool_dir, &[])
}

/// Streams in the directory that nobody writes any more.
fn left_over(spool_dir: &Path, live: &[StreamSource]) -> Result<Vec<StreamSource>, ShipError> {
    let failed = |source| ShipError::List { dir: spool_dir.to_owned(), source };
    let entries = match std::fs::read_dir(spool_dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let mut streams = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let Some(stream) = entry.file_name().to_str().and_then(stream_of_name) else { continue };
        if live.iter().all(|source| source.stream != stream) {
            streams.push(StreamSource { stream, dir: entry.path(), tail: None });
        }
    }
    streams.sort_by_key(|source| source.stream);
    Ok(streams)
}

fn stream_of_name(name: &str) -> Option<StreamId> {
    let (edge, stream) = name.strip_prefix("edge-")?.split_once("-stream-")?;
    Some(StreamId { edge: edge.parse().ok()?, stream: stream.parse().ok()? })
}
