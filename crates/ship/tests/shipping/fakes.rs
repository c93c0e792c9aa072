//! Stores that fail on demand. The click store is the real one underneath.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use hopline_click_store::{
    Answer, AuditOutcome, ChangedHours, ClickBatch, ClickCount, ClickCursor, ClickPage, ClickStore,
    ClickStoreError, Fact, RecentClick, Reclassified, Reclassify, Retained, Retention, Stored, StoredClick,
    StreamId, Tally, Touch,
};
use hopline_click_store_embedded::EmbeddedClickStore;
use hopline_clickid::UniqueNumber;
use hopline_record::ConversionEvent;
use hopline_report::{ClickQuery, ReportQuery, ReportRows};
use hopline_ship::{Accepted, ConversionSink, SinkError};
use hopline_types::{AdvertiserId, UnixMillis};
use tokio::sync::Notify;

/// What happens at the next calls.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// So many calls fail.
    pub(crate) failures: u32,
    /// After doing its work, a call never returns: the process dies here.
    pub(crate) dies: bool,
    /// The record (or event) is refused for ever.
    pub(crate) refuses: BTreeSet<String>,
}

/// First and last record, content, rows.
pub(crate) type Received = (u64, u64, [u8; 32], usize);

#[derive(Debug)]
pub(crate) struct Clicks {
    pub(crate) inner: EmbeddedClickStore,
    pub(crate) plan: Mutex<Plan>,
    pub(crate) died: Notify,
    /// The batches received.
    pub(crate) received: Mutex<Vec<Received>>,
}

pub(crate) fn unavailable() -> Box<dyn std::error::Error + Send + Sync> {
    "the store is down".into()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clicks {
    pub(crate) fn open(directory: &std::path::Path) -> Self {
        Self {
            inner: EmbeddedClickStore::open(directory).unwrap(),
            plan: Mutex::default(),
            died: Notify::new(),
            received: Mutex::default(),
        }
    }

    pub(crate) async fn rows(&self) -> u64 {
        match self.inner.check().await.unwrap() {
            AuditOutcome::Sound { clicks, .. } => clicks,
            AuditOutcome::Differs(difference) => panic!("{difference}"),
        }
    }
}

impl ClickStore for Clicks {
    fn store(&self, batch: ClickBatch) -> Answer<'_, Stored> {
        Box::pin(async move {
            let received = (batch.first, batch.last, batch.content, batch.records.len());
            lock(&self.received).push(received);
            let refused = {
                let mut plan = lock(&self.plan);
                if plan.failures > 0 {
                    plan.failures -= 1;
                    let source = unavailable();
                    return Err(ClickStoreError::Failed { doing: "store", retryable: true, source });
                }
                batch.records.numbers().find(|unique| plan.refuses.contains(&unique.to_string()))
            };
            if let Some(unique) = refused {
                let (stream, record, reason) = (batch.stream, unique.record(), "not to its taste".into());
                return Err(ClickStoreError::RecordRefused { stream, record, reason });
            }
            let stored = self.inner.store(batch).await;
            if lock(&self.plan).dies {
                self.died.notify_one();
                std::future::pending::<()>().await;
            }
            stored
        })
    }

    fn restore(&self, batch: ClickBatch) -> Answer<'_, u64> {
        let plan = lock(&self.plan);
        let refused = batch.records.numbers().find(|unique| plan.refuses.contains(&unique.to_string()));
        if let Some(unique) = refused {
            let (stream, record, reason) = (batch.stream, unique.record(), "still not to its taste".into());
            return Box::pin(std::future::ready(Err(ClickStoreError::RecordRefused {
                stream,
                record,
                reason,
            })));
        }
        self.inner.restore(batch)
    }
    fn progress(&self, stream: StreamId) -> Answer<'_, Option<u64>> {
        self.inner.progress(stream)
    }
    fn find_click(&self, unique: UniqueNumber, at: UnixMillis) -> Answer<'_, Option<StoredClick>> {
        self.inner.find_click(unique, at)
    }
    fn touches(
        &self,
        visitor_key: u64,
        advertiser: AdvertiserId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Answer<'_, Vec<Touch>> {
        self.inner.touches(visitor_key, advertiser, from, to)
    }
    fn unique_clicks(&self, from: UnixMillis, to: UnixMillis) -> Answer<'_, Vec<ClickCount>> {
        self.inner.unique_clicks(from, to)
    }
    fn changed_hours(&self, version: u64) -> Answer<'_, ChangedHours> {
        self.inner.changed_hours(version)
    }
    fn reclassify(&self, finding: Reclassify) -> Answer<'_, Reclassified> {
        self.inner.reclassify(finding)
    }
    fn store_facts(&self, facts: Vec<Fact>) -> Answer<'_, u64> {
        self.inner.store_facts(facts)
    }
    fn report(&self, query: ReportQuery) -> Answer<'_, ReportRows> {
        self.inner.report(query)
    }
    fn clicks(&self, query: ClickQuery, after: Option<ClickCursor>, limit: usize) -> Answer<'_, ClickPage> {
        self.inner.clicks(query, after, limit)
    }
    fn tallies(&self) -> Answer<'_, Vec<Tally>> {
        self.inner.tallies()
    }
    fn mark_fresh(&self, until: UnixMillis) {
        self.inner.mark_fresh(until);
    }
    fn fresh_until(&self) -> Answer<'_, Option<UnixMillis>> {
        self.inner.fresh_until()
    }
    fn recent_clicks(&self, since: UnixMillis, limit: usize) -> Answer<'_, Vec<RecentClick>> {
        self.inner.recent_clicks(since, limit)
    }
    fn retain(&self, retention: Retention) -> Answer<'_, Retained> {
        self.inner.retain(retention)
    }
    fn check(&self) -> Answer<'_, AuditOutcome> {
        self.inner.check()
    }
}

/// Keeps events by their id, as the control store does.
#[derive(Debug, Default)]
pub(crate) struct Events {
    pub(crate) plan: Mutex<Plan>,
    pub(crate) died: Notify,
    /// (id, order id) in the order in which they came first.
    pub(crate) kept: Mutex<Vec<(String, String)>>,
}

impl ConversionSink for Events {
    fn accept(&self, events: Vec<(String, ConversionEvent)>) -> Accepted<'_> {
        Box::pin(async move {
            let dies = {
                let mut plan = lock(&self.plan);
                if plan.failures > 0 {
                    plan.failures -= 1;
                    return Err(SinkError::Unavailable { source: unavailable() });
                }
                if let Some((event_id, _)) = events.iter().find(|(id, _)| plan.refuses.contains(id)) {
                    let reason = "no such currency".into();
                    return Err(SinkError::Refused { event_id: event_id.clone(), reason });
                }
                let mut kept = lock(&self.kept);
                for (id, event) in events {
                    if kept.iter().all(|(known, _)| *known != id) {
                        kept.push((id, event.order_id));
                    }
                }
                plan.dies
            };
            if dies {
                self.died.notify_one();
                std::future::pending::<()>().await;
            }
            Ok(())
        })
    }
}
