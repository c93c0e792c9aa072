//! The click store of one machine: SQLite files in a directory of their own.
//!
//! # Files
//!
//! | file | holds |
//! |---|---|
//! | `clicks.db` | progress of the streams, counts by the hour, touches, facts, findings |
//! | `clicks-YYYY-MM-DD.db` | raw clicks of one UTC day; the row id is the click's unique number |
//!
//! Raw clicks have no index: they are appended, found by their number, scanned, and deleted by the file.
//! Reports read counts by the hour, kept in the same transaction as the progress and summed in memory per
//! batch first: one table by (advertiser, offer, affiliate, link), one by (advertiser, offer, affiliate,
//! sub1), both by verdict. What they do not hold (other dimensions, periods that do not begin and end with
//! a UTC hour) is counted from the raw clicks. Touches lie in a table ordered by visitor, as long as the
//! longest attribution window ([`hopline_click_store::Retention`]). Facts are counted from `fact_hours` or,
//! by finer dimensions, from the facts themselves.
//!
//! # Exactly once
//!
//! SQLite does not commit to several files at once when the power fails, so a batch takes two steps: (1) the
//! raw rows, each by its number, into the files of their days; (2) in `clicks.db`, in one transaction, counts,
//! touches and the stream's progress. A crash between the two leaves raw rows beyond the progress. The
//! spool sends the batch again; step 1 finds the rows there, step 2 counts them. What [`ClickStore::check`]
//! recounts ends at the progress for the same reason. Rows at or before the progress are never counted again;
//! they are compared with what is stored, so that a spool that began anew under an old stream's name is
//! refused instead of being swallowed.
//!
//! A finding takes the same two steps: the rows that it is about, then their counts (`finding.rs`). It scans the days of its
//! period on the writing thread, so that batches wait meanwhile.
//!
//! # Durability
//!
//! The spool deletes what a batch has taken over, so both steps use WAL with `synchronous = FULL`: when
//! [`ClickStore::store`] returns, rows and progress survive a power loss. That costs a few fsyncs per batch,
//! not per click.
//!
//! # Threads
//!
//! One thread writes; readers have their own connections and never wait for it. Calls of a dropped future
//! still run to their end.
//!
//! # Limits
//!
//! One process at a time; the data directory's lock sees to that. Times up to the year 9999. A file written
//! by a newer program (`user_version`) is refused, not touched; one of an older program is brought up to date when the
//! store opens.

mod audit;
mod batch;
mod day;
mod fact;
mod fault;
mod finding;
mod lookups;
mod query;
mod raw;
mod reader;
mod report;
mod restore;
mod retention;
mod schema;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use hopline_click_store::{
    Answer, AuditOutcome, ChangedHours, ClickBatch, ClickCount, ClickCursor, ClickPage, ClickStore,
    ClickStoreError, Fact, RecentClick, Reclassified, Reclassify, Retained, Retention, Stored, StoredClick,
    StreamId, Tally, Touch, TouchQuery,
};
use hopline_clickid::UniqueNumber;
use hopline_report::{ClickQuery, ReportQuery, ReportRows};
use hopline_types::{AdvertiserId, UnixMillis};
use tokio::sync::oneshot;

use crate::reader::Readers;
use crate::writer::Writer;

/// Clicks and facts in SQLite files.
#[derive(Debug)]
pub struct EmbeddedClickStore {
    writer: Writer,
    readers: Readers,
    fresh_until: AtomicI64,
}

impl EmbeddedClickStore {
    /// Opens the store in `directory`, creating what is missing. Blocks on the disk.
    ///
    /// # Errors
    /// The directory cannot be used, or was written by a newer program.
    pub fn open(directory: impl AsRef<Path>) -> Result<Self, ClickStoreError> {
        let directory = directory.as_ref();
        let writer = Writer::open(directory).map_err(|fault| fault.while_doing("open its files"))?;
        Ok(Self { writer, readers: Readers::new(directory), fresh_until: AtomicI64::new(i64::MIN) })
    }
}

impl ClickStore for EmbeddedClickStore {
    fn store(&self, batch: ClickBatch) -> Answer<'_, Stored> {
        // Taking it apart begins while the writing thread may be busy with another batch.
        let (taken_apart, clicks) = oneshot::channel();
        let same = batch.clone();
        drop(tokio::task::spawn_blocking(move || taken_apart.send(same.clicks())));
        self.writer.run("store a batch", move |files| {
            let clicks = clicks.blocking_recv().unwrap_or_else(|_| batch.clicks());
            batch::store(files, &batch, &clicks)
        })
    }

    fn restore(&self, batch: ClickBatch) -> Answer<'_, u64> {
        self.writer.run("restore clicks", move |files| restore::restore(files, &batch, &batch.clicks()))
    }

    fn progress(&self, stream: StreamId) -> Answer<'_, Option<u64>> {
        self.readers.run("read a stream's progress", move |reader| batch::progress(reader.main(), stream))
    }

    fn find_click(&self, unique: UniqueNumber, at: UnixMillis) -> Answer<'_, Option<StoredClick>> {
        self.readers.run("find a click", move |reader| lookups::find_click(reader, unique, at))
    }

    fn find_clicks(&self, clicks: Vec<(UniqueNumber, UnixMillis)>) -> Answer<'_, Vec<Option<StoredClick>>> {
        self.readers.run("find clicks", move |reader| {
            clicks.iter().map(|(unique, at)| lookups::find_click(reader, *unique, *at)).collect()
        })
    }

    fn touches(
        &self,
        visitor_key: u64,
        advertiser: AdvertiserId,
        from: UnixMillis,
        to: UnixMillis,
    ) -> Answer<'_, Vec<Touch>> {
        self.readers.run("find a visitor's touches", move |reader| {
            lookups::touches(reader.main(), visitor_key, advertiser, from, to)
        })
    }

    fn touches_many(&self, asked: Vec<TouchQuery>) -> Answer<'_, Vec<Vec<Touch>>> {
        self.readers.run("find visitors' touches", move |reader| {
            let touches = |asked: &TouchQuery| {
                let TouchQuery { visitor_key, advertiser, from, to } = *asked;
                lookups::touches(reader.main(), visitor_key, advertiser, from, to)
            };
            asked.iter().map(touches).collect()
        })
    }

    fn unique_clicks(&self, from: UnixMillis, to: UnixMillis) -> Answer<'_, Vec<ClickCount>> {
        self.readers.run("count unique clicks", move |reader| lookups::unique_clicks(reader.main(), from, to))
    }

    fn changed_hours(&self, version: u64) -> Answer<'_, ChangedHours> {
        self.readers.run("list changed hours", move |reader| lookups::changed_hours(reader.main(), version))
    }

    fn reclassify(&self, finding: Reclassify) -> Answer<'_, Reclassified> {
        self.writer.run("apply a finding", move |files| finding::apply(files, &finding))
    }

    fn store_facts(&self, facts: Vec<Fact>) -> Answer<'_, u64> {
        self.writer.run("store facts", move |files| fact::store(files.main(), &facts))
    }

    fn report(&self, query: ReportQuery) -> Answer<'_, ReportRows> {
        let marked = self.marked_fresh();
        self.readers.run("count a report", move |reader| {
            let mut rows = report::count(reader, &query)?;
            rows.fresh_until = rows.fresh_until.max(marked);
            Ok(rows)
        })
    }

    fn clicks(&self, query: ClickQuery, after: Option<ClickCursor>, limit: usize) -> Answer<'_, ClickPage> {
        self.readers.run("read raw clicks", move |reader| lookups::page(reader, &query, after, limit))
    }

    fn tallies(&self) -> Answer<'_, Vec<Tally>> {
        self.readers.run("tally its streams", |reader| lookups::tallies(reader.main()))
    }

    fn mark_fresh(&self, until: UnixMillis) {
        self.fresh_until.fetch_max(until.get(), Ordering::Relaxed);
    }

    fn fresh_until(&self) -> Answer<'_, Option<UnixMillis>> {
        let marked = self.marked_fresh();
        self.readers
            .run("read how fresh it is", move |reader| Ok(lookups::newest_at(reader.main())?.max(marked)))
    }

    fn recent_clicks(&self, since: UnixMillis, limit: usize) -> Answer<'_, Vec<RecentClick>> {
        self.readers.run("list recent clicks", move |reader| lookups::recent(reader, since, limit))
    }

    fn retain(&self, retention: Retention) -> Answer<'_, Retained> {
        self.writer.run("delete what is too old", move |files| retention::apply(files, retention))
    }

    fn check(&self) -> Answer<'_, AuditOutcome> {
        self.readers.run("check its counts", audit::check)
    }
}

impl EmbeddedClickStore {
    fn marked_fresh(&self) -> Option<UnixMillis> {
        let marked = self.fresh_until.load(Ordering::Relaxed);
        (marked != i64::MIN).then_some(UnixMillis(marked))
    }
}
