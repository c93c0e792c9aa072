//! The click store of many machines: ClickHouse 25.8 or later, on one server or a cluster, by its HTTP interface.
//!
//! What lies where is in `schema.rs`; a batch's way in `store.rs`, a record's in `native.rs`; findings in `finding.rs`.
//!
//! # Exactly once
//!
//! `clicks` is append-only: rows as the edge answered them, sent in one statement as one block with a token made of their content.
//! The tables, those that views feed too, remember tokens and drop what has one that they know. What is noted last, in `batches`,
//! is the progress. So a crash anywhere is repaired by sending the same batch again. Everything else that is written can be
//! repeated as well: the same key with the same values replaces itself.
//!
//! # Durability
//!
//! ClickHouse does not sync what it acknowledges by default; these tables do (`fsync_after_insert`), as the spool deletes what
//! a batch has taken over.
//!
//! # Failure
//!
//! | what | then |
//! |---|---|
//! | a host is away, or says that it cannot serve | the next one is asked at once; shipping tries again for ever |
//! | the server takes too long | it gives up after `timeout` seconds, the client some seconds later; then as above |
//! | memory, parts, quota | retryable |
//! | a constraint of the operator's refuses a row | its record is named and goes to the dead letters |
//! | rows were stored, their progress is missing, and their token may be forgotten | they are not sent again; logged, and [`ClickStore::check`] tells whether counts lack them |
//! | tables are not as they were made | refused at the start, with what to do |
//!
//! # Limits
//!
//! - Clicks are sent to all hosts of one URL in turn, so without a cluster they must be ways to the same data.
//! - On a cluster rows go to shards by the click's number. A batch that is repeated after shards were added goes to others than
//!   before: let nothing be in flight then. Replicas that lag may miss a finding that was noted on another one at the same moment.
//! - Times up to the year 2105. Replication itself was not run in tests: its statements differ in the engines' names and are
//!   checked by the server's parser.
//! - Credentials are in the URL, and in no error, log or `Debug`.

mod changed;
mod check;
mod client;
mod fact;
mod fault;
mod finding;
mod lookups;
mod native;
mod options;
mod query;
mod raw;
mod refused;
mod report;
mod restore;
mod retain;
mod schema;
mod store;
mod tls;

pub use options::{ClickHouseOptions, Cluster, Host, OptionsError, Password};

use std::sync::atomic::{AtomicI64, Ordering};

use hopline_click_store::{
    Answer, AuditOutcome, ChangedHours, ClickBatch, ClickCount, ClickCursor, ClickPage, ClickStore,
    ClickStoreError, Fact, RecentClick, Reclassified, Reclassify, Retained, Retention, Stored, StoredClick,
    StreamId, Tally, Touch, TouchQuery,
};
use hopline_clickid::UniqueNumber;
use hopline_report::{ClickQuery, ReportQuery, ReportRows};
use hopline_types::{AdvertiserId, UnixMillis};

use crate::client::Client;
use crate::fault::Fault;

/// Clicks and facts in ClickHouse.
#[derive(Debug)]
pub struct ClickHouseClickStore {
    client: Client,
    form: schema::Form,
    streams: store::Streams,
    told: changed::Told,
    fresh_until: AtomicI64,
}

impl ClickHouseClickStore {
    /// Creates database and tables where they are missing; says what was done.
    ///
    /// # Errors
    /// No server answers, one is too old, rights are missing, or what is there is not what was made. Then nothing was created.
    pub async fn init(options: &ClickHouseOptions) -> Result<Vec<String>, ClickStoreError> {
        let client = Client::new(options)?;
        schema::create(&client, options).await.map_err(|fault| fault.while_doing("prepare its tables"))
    }

    /// Finds out whether everything is there and right; changes nothing.
    ///
    /// # Errors
    /// As [`ClickHouseClickStore::init`], and for tables that are not there.
    pub async fn verify(options: &ClickHouseOptions) -> Result<(), ClickStoreError> {
        let client = Client::new(options)?;
        schema::verify(&client, options).await.map_err(|fault| fault.while_doing("verify its tables"))
    }

    /// Opens the store; creates what is missing.
    ///
    /// # Errors
    /// As [`ClickHouseClickStore::init`].
    pub async fn open(options: &ClickHouseOptions) -> Result<Self, ClickStoreError> {
        let client = Client::new(options)?;
        schema::create(&client, options).await.map_err(|fault| fault.while_doing("prepare its tables"))?;
        Ok(Self::over(client, options))
    }

    /// Opens the store and changes nothing: for processes whose user may not create tables.
    ///
    /// # Errors
    /// As [`ClickHouseClickStore::verify`].
    pub async fn open_existing(options: &ClickHouseOptions) -> Result<Self, ClickStoreError> {
        let client = Client::new(options)?;
        schema::verify(&client, options).await.map_err(|fault| fault.while_doing("verify its tables"))?;
        Ok(Self::over(client, options))
    }

    fn over(client: Client, options: &ClickHouseOptions) -> Self {
        Self {
            client,
            form: schema::Form::of(options),
            streams: store::Streams::default(),
            told: changed::Told::default(),
            fresh_until: AtomicI64::new(i64::MIN),
        }
    }

    /// The statements that make the tables, in order: for administrators who run them themselves.
    #[must_use]
    pub fn statements(options: &ClickHouseOptions) -> Vec<String> {
        schema::statements(options)
    }

    fn marked_fresh(&self) -> Option<UnixMillis> {
        let marked = self.fresh_until.load(Ordering::Relaxed);
        (marked != i64::MIN).then_some(UnixMillis(marked))
    }
}

/// What a call gives, with what it was doing in its error.
fn answer<'a, T>(
    doing: &'static str,
    work: impl Future<Output = Result<T, Fault>> + Send + 'a,
) -> Answer<'a, T> {
    Box::pin(async move { work.await.map_err(|fault| fault.while_doing(doing)) })
}

impl ClickStore for ClickHouseClickStore {
    fn store(&self, batch: ClickBatch) -> Answer<'_, Stored> {
        answer("store a batch", store::store(self, batch))
    }

    fn restore(&self, batch: ClickBatch) -> Answer<'_, u64> {
        answer("restore clicks", restore::restore(self, batch))
    }

    fn progress(&self, stream: StreamId) -> Answer<'_, Option<u64>> {
        answer("read a stream's progress", store::progress(&self.client, stream))
    }

    fn find_click(&self, unique: UniqueNumber, at: UnixMillis) -> Answer<'_, Option<StoredClick>> {
        answer("find a click", async move {
            let found = raw::find(&self.client, &[(unique, at)]).await?;
            Ok(found.into_iter().next().flatten())
        })
    }

    fn find_clicks(&self, clicks: Vec<(UniqueNumber, UnixMillis)>) -> Answer<'_, Vec<Option<StoredClick>>> {
        answer("find clicks", async move { raw::find(&self.client, &clicks).await })
    }

    fn touches(
        &self,
        visitor_key: u64,
        advertiser: AdvertiserId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Answer<'_, Vec<Touch>> {
        let touches = lookups::touches(&self.client, visitor_key, advertiser, from, to);
        answer("find a visitor's touches", touches)
    }

    fn touches_many(&self, asked: Vec<TouchQuery>) -> Answer<'_, Vec<Vec<Touch>>> {
        answer("find visitors' touches", async move { lookups::touches_many(&self.client, &asked).await })
    }

    fn unique_clicks(&self, from: UnixMillis, to: UnixMillis) -> Answer<'_, Vec<ClickCount>> {
        answer("count unique clicks", lookups::unique_clicks(&self.client, from, to))
    }

    fn changed_hours(&self, version: u64) -> Answer<'_, ChangedHours> {
        answer("list changed hours", changed::since(&self.client, &self.told, version))
    }

    fn reclassify(&self, finding: Reclassify) -> Answer<'_, Reclassified> {
        answer("apply a finding", finding::apply(&self.client, finding))
    }

    fn store_facts(&self, facts: Vec<Fact>) -> Answer<'_, u64> {
        answer("store facts", async move { fact::store(&self.client, &facts).await })
    }

    fn report(&self, query: ReportQuery) -> Answer<'_, ReportRows> {
        answer("count a report", async move {
            let rows = report::count(&self.client, &query).await?;
            let fresh_until = rows.fresh_until.max(self.marked_fresh());
            Ok(ReportRows { fresh_until, ..rows })
        })
    }

    fn clicks(&self, query: ClickQuery, after: Option<ClickCursor>, limit: usize) -> Answer<'_, ClickPage> {
        answer("read raw clicks", async move { raw::page(&self.client, &query, after, limit).await })
    }

    fn tallies(&self) -> Answer<'_, Vec<Tally>> {
        answer("tally its streams", lookups::tallies(&self.client))
    }

    fn mark_fresh(&self, until: UnixMillis) {
        self.fresh_until.fetch_max(until.get(), Ordering::Relaxed);
    }

    fn fresh_until(&self) -> Answer<'_, Option<UnixMillis>> {
        answer("read how fresh it is", async move {
            Ok(lookups::newest_at(&self.client).await?.max(self.marked_fresh()))
        })
    }

    fn recent_clicks(&self, since: UnixMillis, limit: usize) -> Answer<'_, Vec<RecentClick>> {
        answer("list recent clicks", lookups::recent(&self.client, since, limit))
    }

    fn retain(&self, retention: Retention) -> Answer<'_, Retained> {
        answer("delete what is too old", retain::apply(self, retention))
    }

    fn check(&self) -> Answer<'_, AuditOutcome> {
        answer("check its counts", check::check(&self.client))
    }
}
