//! A spool with records in it, and running the shipper over it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hopline_click_store::{ClickStore, StreamId};
use hopline_clickid::UniqueNumber;
use hopline_record::{Click, ConversionEvent, Kind, RequestedStatus};
use hopline_runtime::clock::ManualClock;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::Metrics;
use hopline_ship::{ConversionSink, ShipLimits, ShipOptions, StreamSource, Wake};
use hopline_spool::{Durability, RecordId, SpoolOptions, SpoolWriter, StreamIdentity};
use hopline_types::{ConversionSource, UnixMillis};

use crate::fakes::{Clicks, Events};

pub(crate) const NOW: UnixMillis = UnixMillis(1_774_656_000_000);
pub(crate) const STREAM: StreamId = StreamId { edge: 1, stream: 0 };

/// Everything of one installation.
pub(crate) struct Place {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) clicks: Arc<Clicks>,
    pub(crate) events: Arc<Events>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: ManualClock,
    pub(crate) limits: ShipLimits,
    pub(crate) wake: Wake,
    pub(crate) shutdown: Shutdown,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clicks = Arc::new(Clicks::open(&directory.path().join("clicks")));
        Self {
            directory,
            clicks,
            events: Arc::default(),
            metrics: Metrics::new(),
            clock: ManualClock::starting_at(NOW),
            limits: ShipLimits {
                retry_least: Duration::from_millis(1),
                retry_most: Duration::from_millis(4),
                pause: Duration::from_millis(1),
                ..ShipLimits::default()
            },
            wake: Wake::new(),
            shutdown: Shutdown::new(),
        }
    }

    pub(crate) fn dir(&self, stream: StreamId) -> PathBuf {
        self.directory.path().join(format!("spool/edge-{}-stream-{}", stream.edge, stream.stream))
    }

    pub(crate) fn writer(&self, stream: StreamId) -> Writer {
        self.writer_knowing(stream, None)
    }

    /// As an edge that asked the store how far it had come.
    pub(crate) fn writer_knowing(&self, stream: StreamId, known: Option<u64>) -> Writer {
        Writer::open(&self.dir(stream), stream, known.and_then(|id| RecordId::new(id).ok()))
    }

    pub(crate) fn options(&self, streams: Vec<StreamSource>) -> ShipOptions {
        ShipOptions {
            streams,
            spool_dir: self.directory.path().join("spool"),
            clicks: Arc::clone(&self.clicks) as Arc<dyn ClickStore>,
            conversions: Arc::clone(&self.events) as Arc<dyn ConversionSink>,
            limits: self.limits,
            wake: self.wake.clone(),
            shutdown: self.shutdown.clone(),
            ship_metrics: self.metrics.ship.clone(),
            spool_metrics: self.metrics.spool.clone(),
            clock: self.clock.clock(),
        }
    }

    /// Ships what is there and returns.
    pub(crate) async fn drain(&self) {
        self.shutdown.begin();
        hopline_ship::run(self.options(Vec::new())).await.unwrap();
    }

    /// The order ids of the events taken.
    pub(crate) fn orders(&self) -> Vec<String> {
        self.events.kept.lock().unwrap().iter().map(|(_, order)| order.clone()).collect()
    }
}

/// Writes a stream as an edge does.
pub(crate) struct Writer {
    pub(crate) spool: SpoolWriter,
    stream: StreamId,
    dir: PathBuf,
    /// Stands for the signature of its click ids.
    pub(crate) signature: u8,
}

impl Writer {
    fn open(dir: &Path, stream: StreamId, known_id: Option<RecordId>) -> Self {
        let identity = StreamIdentity { edge: stream.edge, stream: stream.stream };
        let options = SpoolOptions { segment_bytes_max: 4096, known_id, ..SpoolOptions::default() };
        let (spool, _) = SpoolWriter::open(dir, identity, options, NOW).unwrap();
        Self { spool, stream, dir: dir.to_owned(), signature: 0 }
    }

    pub(crate) fn source(&self) -> StreamSource {
        StreamSource { stream: self.stream, dir: self.dir.clone(), tail: Some(self.spool.tail()) }
    }

    pub(crate) fn click(&mut self) -> RecordId {
        let record = self.spool.next_id(NOW).unwrap().get();
        self.click_numbered(record)
    }

    pub(crate) fn clicks(&mut self, count: u32) {
        for _ in 0..count {
            self.click();
        }
    }

    /// A click whose id bears a number of its own.
    pub(crate) fn click_numbered(&mut self, number: u64) -> RecordId {
        let unique = UniqueNumber::new(self.stream.edge, self.stream.stream, number).unwrap();
        let mut token = [0; 45];
        token[2..8].copy_from_slice(&NOW.get().to_be_bytes()[2..]);
        token[11] = 1;
        token[15] = 1;
        token[20..28].copy_from_slice(&unique.bits().to_be_bytes());
        token[29..].fill(self.signature);
        let mut payload = Vec::new();
        Click { token, advertiser: 1, visitor_key: number, ..Click::default() }.encode(&mut payload);
        self.record(Kind::Click.code(), &payload)
    }

    pub(crate) fn conversion(&mut self, order_id: &str) -> RecordId {
        let event = ConversionEvent {
            source: ConversionSource::Postback,
            requested_status: RequestedStatus::Unstated,
            advertiser: 1,
            offer: 1,
            received_at: NOW,
            at: NOW,
            click_id: String::new(),
            event: "sale".into(),
            order_id: order_id.into(),
            amount: "49.90".into(),
            currency: "EUR".into(),
            coupon: String::new(),
            customer_id: String::new(),
            items: String::new(),
            adv: Default::default(),
        };
        let mut payload = Vec::new();
        event.encode(&mut payload);
        self.record(Kind::Conversion.code(), &payload)
    }

    pub(crate) fn record(&mut self, kind: u8, payload: &[u8]) -> RecordId {
        let id = self.spool.append(NOW, kind, payload).unwrap();
        self.spool.flush(Durability::Process).unwrap();
        id
    }
}
