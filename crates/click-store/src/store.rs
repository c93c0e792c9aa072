//! The trait.

use std::fmt::Debug;
use std::pin::Pin;

use hopline_clickid::UniqueNumber;
use hopline_report::{ClickQuery, ReportQuery, ReportRows};
use hopline_types::{AdvertiserId, UnixMillis};

use crate::{
    AuditOutcome, ChangedHours, ClickBatch, ClickCount, ClickCursor, ClickPage, ClickStoreError, Fact,
    RecentClick, Reclassified, Reclassify, Retained, Retention, Stored, StoredClick, StreamId, Tally, Touch,
    TouchQuery,
};

/// What every method returns: a boxed future, so that a store can be used behind a pointer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ClickStoreError>> + Send + 'a>>;

/// A click store. Dropping a future may leave its call running; calls are idempotent, so repeat them.
pub trait ClickStore: Send + Sync + Debug {
    /// Stores a batch durably: rows, counts and progress in one step. Of a batch that overlaps what is
    /// stored, only what is missing is stored. The last batch of a stream with other content is refused.
    fn store(&self, batch: ClickBatch) -> Answer<'_, Stored>;

    /// Stores clicks that were set aside when the batches that cover them were stored, and come after all: each once,
    /// however often it is sent. Says how many were not stored yet. All of them must lie within the stream's progress; one
    /// whose raw row retention would have deleted is refused.
    fn restore(&self, batch: ClickBatch) -> Answer<'_, u64>;

    /// The last record id stored of a stream.
    fn progress(&self, stream: StreamId) -> Answer<'_, Option<u64>>;

    /// One click. `at` is the time in its click id, which says where to look.
    fn find_click(&self, unique: UniqueNumber, at: UnixMillis) -> Answer<'_, Option<StoredClick>>;

    /// Many clicks, in the order asked for. Stores may look for them as one set.
    fn find_clicks(&self, clicks: Vec<(UniqueNumber, UnixMillis)>) -> Answer<'_, Vec<Option<StoredClick>>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(clicks.len());
            for (unique, at) in clicks {
                found.push(self.find_click(unique, at).await?);
            }
            Ok(found)
        })
    }

    /// The clicks of a visitor on offers of an advertiser, `from` inclusive, `to` exclusive, oldest first.
    fn touches(
        &self,
        visitor_key: u64,
        advertiser: AdvertiserId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Answer<'_, Vec<Touch>>;

    /// The same for many, in the order asked for. Stores may look for them as one set.
    fn touches_many(&self, asked: Vec<TouchQuery>) -> Answer<'_, Vec<Vec<Touch>>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(asked.len());
            for TouchQuery { visitor_key, advertiser, from, to } in asked {
                found.push(self.touches(visitor_key, advertiser, from, to).await?);
            }
            Ok(found)
        })
    }

    /// Unique valid clicks by hour, offer and affiliate; hours starting in `from` (inclusive) to `to`
    /// (exclusive), ascending.
    fn unique_clicks(&self, from: UnixMillis, to: UnixMillis) -> Answer<'_, Vec<ClickCount>>;

    /// The hours whose unique clicks have changed since `version` (0: all): late clicks of an old hour too.
    /// None is missed; where several processes store and ask, an hour may be told again.
    fn changed_hours(&self, version: u64) -> Answer<'_, ChangedHours>;

    /// Makes clicks invalid that a finding is about, those stored later too. The hours of unique ones among them have
    /// changed. A finding that was applied before changes nothing and gives the same answer; another one under its id is
    /// refused. Clicks that retention has deleted stay in the counts as they were.
    fn reclassify(&self, finding: Reclassify) -> Answer<'_, Reclassified>;

    /// Stores those facts whose ids are not stored yet; says how many that were.
    fn store_facts(&self, facts: Vec<Fact>) -> Answer<'_, u64>;

    /// Counts what a report asks for.
    fn report(&self, query: ReportQuery) -> Answer<'_, ReportRows>;

    /// Raw clicks in pages of up to `limit`. What is stored when the first page is asked for is handed out
    /// exactly once; later clicks may or may not be.
    fn clicks(&self, query: ClickQuery, after: Option<ClickCursor>, limit: usize) -> Answer<'_, ClickPage>;

    /// What is stored per stream, ordered by stream.
    fn tallies(&self) -> Answer<'_, Vec<Tally>>;

    /// Notes that everything answered before `until` has been stored.
    fn mark_fresh(&self, until: UnixMillis);

    /// Everything up to this time is counted: what [`ClickStore::mark_fresh`] said, or the newest click.
    fn fresh_until(&self) -> Answer<'_, Option<UnixMillis>>;

    /// The newest unique clicks not before `since`, newest first.
    fn recent_clicks(&self, since: UnixMillis, limit: usize) -> Answer<'_, Vec<RecentClick>>;

    /// Deletes what is too old. Counts in rollups and facts stay.
    fn retain(&self, retention: Retention) -> Answer<'_, Retained>;

    /// Recounts raw rows and facts and compares with what is kept of them.
    fn check(&self) -> Answer<'_, AuditOutcome>;
}
