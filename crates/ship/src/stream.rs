//! The loop of one stream.

use std::sync::Arc;
use std::time::Duration;

use hopline_click_store::{ClickBatch, ClickStore, ClickStoreError, StreamId};
use hopline_fault::{Point, Switch, is_off, point};
use hopline_record::ConversionEvent;
use hopline_runtime::clock::Clock;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::ShipMetrics;
use hopline_spool::RecordId;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::files::{Cut, StreamFiles, longer};
use crate::gauges::Gauges;
use crate::records::{Sorted, event_id};
use crate::{ConversionSink, ShipLimits, ShipOptions, SinkError, StepError, StreamSource};

/// While a batch is under way.
const MEASURE_EVERY: Duration = Duration::from_secs(1);
/// Events handed over at once.
const EVENTS_AT_ONCE: usize = 500;

/// The shutdown has begun and a step fails: what is left stays in the spool.
struct GaveUp;

pub(crate) struct StreamShipper {
    stream: StreamId,
    index: usize,
    /// On loan while a blocking step uses it.
    files: Option<StreamFiles>,
    clicks: Arc<dyn ClickStore>,
    conversions: Arc<dyn ConversionSink>,
    limits: ShipLimits,
    wake: watch::Receiver<()>,
    shutdown: Shutdown,
    metrics: ShipMetrics,
    gauges: Arc<Gauges>,
    clock: Clock,
}

impl StreamShipper {
    pub(crate) async fn open(
        options: &ShipOptions,
        source: StreamSource,
        index: usize,
        gauges: Arc<Gauges>,
    ) -> Result<Self, StepError> {
        let (stream, limits) = (source.stream, options.limits);
        let files = blocking(move || StreamFiles::open(&source, limits)).await?;
        Ok(Self {
            stream,
            index,
            files: Some(files),
            clicks: Arc::clone(&options.clicks),
            conversions: Arc::clone(&options.conversions),
            limits,
            wake: options.wake.listen(),
            shutdown: options.shutdown.clone(),
            metrics: options.ship_metrics.clone(),
            gauges,
            clock: options.clock.clone(),
        })
    }

    pub(crate) async fn run(mut self) {
        match self.ship().await {
            Ok(()) => self.gauges.ended(self.index, self.clock.now()),
            Err(GaveUp) => {
                tracing::warn!(stream = %self.stream, "records stay in the spool for the next start")
            }
        }
    }

    /// Returns when the stream has ended, or is empty and the shutdown has begun.
    async fn ship(&mut self) -> Result<(), GaveUp> {
        loop {
            // Both are looked at before reading: what was written before them is seen by it.
            let is_last_look = self.shutdown.is_begun();
            let looked_at = self.clock.now();
            self.wake.mark_unchanged();
            let cut = self.step("cut a batch", move |files| files.cut(looked_at)).await?;
            self.gauges.found_damage(self.count_damage());
            let is_full = match cut {
                Cut::Batch { is_full } => {
                    self.ship_batch().await?;
                    is_full
                }
                cut => {
                    self.note_empty(looked_at);
                    self.measure().await;
                    if cut == Cut::End || is_last_look {
                        return Ok(());
                    }
                    false
                }
            };
            if !is_full && !is_last_look {
                self.wait().await;
            }
        }
    }

    fn count_damage(&self) -> usize {
        self.files.as_ref().map_or(0, |files| files.batch().damage().len())
    }

    fn note_empty(&self, at: hopline_types::UnixMillis) {
        if let Some(until) = self.gauges.empty_at(self.index, at) {
            self.clicks.mark_fresh(until);
        }
    }

    /// Waits a little, then for the bell, the interval or the shutdown.
    async fn wait(&mut self) {
        let (shutdown, wake, limits) = (&self.shutdown, &mut self.wake, self.limits);
        let rest = async {
            sleep(limits.pause).await;
            // An error means that nobody can ring any more: the interval decides.
            if timeout(limits.interval, wake.changed()).await.is_ok_and(|changed| changed.is_err()) {
                sleep(limits.interval).await;
            }
        };
        tokio::select! {
            () = shutdown.begun() => {}
            () = rest => {}
        }
    }

    async fn ship_batch(&mut self) -> Result<(), GaveUp> {
        let sorted = self.step("sort a batch", |files| Ok(files.sorted())).await?;
        let Sorted { clicks, events, dead } = sorted;
        self.bury(dead).await?;
        let rows = self.store_clicks(clicks).await?;
        self.store_events(events).await?;
        let clock = self.clock.clone();
        self.step("mark a batch shipped", move |files| files.mark_shipped(clock.now())).await?;
        self.metrics.rows.inc_by(rows);
        self.measure().await;
        Ok(())
    }

    /// Gives the number of rows.
    async fn store_clicks(&mut self, mut batch: ClickBatch) -> Result<u64, GaveUp> {
        let mut pause = Duration::ZERO;
        let mut attempt = 0_u16;
        loop {
            match self.try_clicks(&batch, attempt).await {
                Ok(()) => {
                    let rows = u64::try_from(batch.records.len()).unwrap_or(u64::MAX);
                    if let Some(files) = &mut self.files {
                        files.done_with(batch.records);
                    }
                    return Ok(rows);
                }
                Err(ClickStoreError::RecordRefused { record, reason, .. })
                    if batch.records.numbers().any(|unique| unique.record() == record) =>
                {
                    self.metrics.failures.inc();
                    batch.records = batch.records.only(|unique| unique.record() != record);
                    let id = RecordId::new(record).expect("a click of the batch has a record id");
                    self.bury(vec![(id, reason)]).await?;
                }
                Err(error) => pause = self.failed("store clicks", &error, pause).await?,
            }
            attempt = attempt.wrapping_add(1);
        }
    }

    async fn try_clicks(&mut self, batch: &ClickBatch, attempt: u16) -> Result<(), ClickStoreError> {
        let failed = |error: std::io::Error| ClickStoreError::Failed {
            doing: "store a batch",
            retryable: true,
            source: error.into(),
        };
        point(Point::ShipInsertBefore).map_err(failed)?;
        let sent = if is_off(Switch::ShipToken) { unrecognised(batch, attempt) } else { batch.clone() };
        // What waits behind a slow store must be seen as it grows.
        let clicks = Arc::clone(&self.clicks);
        let mut storing = clicks.store(sent);
        loop {
            tokio::select! {
                stored = &mut storing => {
                    stored?;
                    break;
                }
                () = sleep(MEASURE_EVERY) => self.measure().await,
            }
        }
        point(Point::ShipInsertAfter).map_err(failed)
    }

    async fn store_events(&mut self, events: Vec<(String, ConversionEvent)>) -> Result<(), GaveUp> {
        for some in events.chunks(EVENTS_AT_ONCE) {
            let mut some = some.to_vec();
            let mut pause = Duration::ZERO;
            while !some.is_empty() {
                match self.try_events(some.clone()).await {
                    Ok(()) => break,
                    Err(SinkError::Refused { event_id, reason })
                        if some.iter().any(|(id, _)| *id == event_id) =>
                    {
                        self.metrics.failures.inc();
                        some.retain(|(id, _)| *id != event_id);
                        self.bury_event(&event_id, reason).await?;
                    }
                    Err(error) => pause = self.failed("store conversion events", &error, pause).await?,
                }
            }
        }
        Ok(())
    }

    async fn try_events(&self, events: Vec<(String, ConversionEvent)>) -> Result<(), SinkError> {
        let failed = |error: std::io::Error| SinkError::Unavailable { source: error.into() };
        point(Point::ShipEventsBefore).map_err(failed)?;
        self.conversions.accept(events).await?;
        point(Point::ShipEventsAfter).map_err(failed)
    }

    async fn bury_event(&mut self, refused: &str, reason: String) -> Result<(), GaveUp> {
        let (stream, refused) = (self.stream, refused.to_owned());
        let id = self
            .step("find a refused event", move |files| {
                Ok(files.batch().iter().map(|record| record.id).find(|id| event_id(stream, *id) == refused))
            })
            .await?;
        self.bury(id.map(|id| (id, reason)).into_iter().collect()).await
    }

    async fn bury(&mut self, dead: Vec<(RecordId, String)>) -> Result<(), GaveUp> {
        let now = self.clock.now();
        let moved = u64::try_from(dead.len()).unwrap_or(u64::MAX);
        let damage = self.step("move records aside", move |files| files.bury(&dead, now)).await?;
        self.gauges.found_damage(damage);
        self.metrics.dead_letters.inc_by(moved);
        Ok(())
    }

    /// Shows what waits, and clears what need not wait. What fails here is tried at the next batch.
    async fn measure(&mut self) {
        let now = self.clock.now();
        let measured = self.once(move |files| files.clear(now).and_then(|()| files.measure())).await;
        match measured {
            Ok((backlog, disk_free)) => {
                self.gauges.waits(self.index, backlog, now);
                self.gauges.disk_has(disk_free, self.limits.disk_free_least);
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(stream = %self.stream, error, "the spool cannot be measured");
            }
        }
    }

    /// Runs a step on the files until it succeeds.
    async fn step<T: Send + 'static>(
        &mut self,
        doing: &'static str,
        work: impl Fn(&mut StreamFiles) -> Result<T, StepError> + Clone + Send + 'static,
    ) -> Result<T, GaveUp> {
        let mut pause = Duration::ZERO;
        loop {
            match self.once(work.clone()).await {
                Ok(done) => return Ok(done),
                Err(error) => pause = self.failed(doing, &error, pause).await?,
            }
        }
    }

    async fn once<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut StreamFiles) -> Result<T, StepError> + Send + 'static,
    ) -> Result<T, StepError> {
        let mut files = self.files.take().expect("one step at a time uses the files");
        let (files, result) = blocking(move || {
            let result = work(&mut files);
            (files, result)
        })
        .await;
        self.files = Some(files);
        result
    }

    /// Counts and logs a failure, then waits; gives the pause to grow from. Gives up when the shutdown has
    /// begun.
    async fn failed(
        &mut self,
        doing: &'static str,
        error: &(dyn std::error::Error + Send + Sync + 'static),
        pause: Duration,
    ) -> Result<Duration, GaveUp> {
        self.metrics.failures.inc();
        let pause = longer(pause, &self.limits);
        let pause_ms = pause.as_millis();
        {
            let error: &(dyn std::error::Error + 'static) = error;
            tracing::error!(stream = %self.stream, error, doing, pause_ms, "shipping failed and is tried again");
        }
        self.measure().await;
        if self.shutdown.is_begun() {
            return Err(GaveUp);
        }
        // A shutdown ends the pause; the step gets its last try.
        tokio::select! {
            () = self.shutdown.begun() => {}
            () = sleep(pause) => {}
        }
        Ok(pause)
    }
}

/// The batch as a store would see it that does not know it again: for the test that doubles are noticed.
#[cold]
fn unrecognised(batch: &ClickBatch, attempt: u16) -> ClickBatch {
    batch.under(StreamId { edge: batch.stream.edge.wrapping_add(attempt), ..batch.stream })
}

/// Runs a blocking step. Its panic goes on here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going away: so is this task.
            Err(_) => std::future::pending().await,
        },
    }
}
