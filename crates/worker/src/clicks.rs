//! Settling paid clicks.
//!
//! Two marks in the control store say how far it has come: `clicks.settled_until`, the start of the first hour that
//! was never settled, and `clicks.settled_version`, the click store's version of counts that earlier hours were settled
//! at. A pass settles the hours from the first mark on that have ended, and earlier hours that have changed since the
//! second. Both marks move once all of that is booked; a crash in between repeats the pass, which books nothing twice.
//! An hour that cannot be booked is logged, stops no other, and is tried again with every pass: the marks stay.

use hopline_books::{BookError, ClicksSettled, settle_clicks};
use hopline_click_store::{ClickCount, ClickStore};
use hopline_control_store::{Database, DatabaseExt, ErrorKind, StoreError, marks, settlements};
use hopline_runtime::clock::Clock;
use hopline_runtime::telemetry::Metrics;
use hopline_types::{AffiliateId, HOUR_MS, OfferId, SECOND_MS, UnixMillis};

use crate::{Worker, WorkerError};

/// Pause between two looks at the clicks: late ones are rare, and nobody waits for them.
const LOOK_EVERY_MS: i64 = 10 * SECOND_MS;
/// Counts settled in one transaction.
const COUNTS: usize = 200;
/// Hours asked for at once.
const HOURS: i64 = 24;

const UNTIL: &str = "clicks.settled_until";
const VERSION: &str = "clicks.settled_version";

/// Whether a pass moves the marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// The worker's own pass.
    Note,
    /// Somebody's wish, perhaps ahead of time.
    Leave,
}

impl Worker {
    /// Settles what is due, from time to time.
    pub(crate) async fn settle_clicks(&mut self) -> Result<bool, WorkerError> {
        let now = self.options.clock.now();
        // A clock that was set back does not make it wait for long.
        let waits_ms = self.clicks_due_at.since(now);
        if (1..=LOOK_EVERY_MS).contains(&waits_ms) {
            return Ok(false);
        }
        self.clicks_due_at = now.plus(LOOK_EVERY_MS);
        let grace = i64::try_from(self.options.config.ppc_grace.as_millis()).unwrap_or(i64::MAX);
        let until = UnixMillis(now.get().saturating_sub(grace)).hour();
        let options = &self.options;
        let settled = settle(
            &*options.database,
            &*options.click_store,
            &options.clock,
            &options.metrics,
            until,
            Progress::Note,
        )
        .await?;
        // What was booked has facts to ship.
        Ok(settled.conversions > 0 || settled.taken_out > 0)
    }
}

/// Settles all hours that have ended by `until`.
pub(crate) async fn settle(
    database: &dyn Database,
    click_store: &dyn ClickStore,
    clock: &Clock,
    metrics: &Metrics,
    until: UnixMillis,
    progress: Progress,
) -> Result<ClicksSettled, WorkerError> {
    let (from, version) =
        database.read(|tx| Ok::<_, StoreError>((marks::get(tx, UNTIL)?, marks::get(tx, VERSION)?))).await?;
    let known = version.and_then(|version| u64::try_from(version).ok()).unwrap_or(0);
    let changed = click_store.changed_hours(known).await?;
    let mut booker = Booker {
        database,
        clock,
        metrics,
        until: UnixMillis(0),
        settled: ClicksSettled::default(),
        failure: None,
    };

    // Without a mark every hour with clicks has changed.
    let first_new = from.map_or(until, UnixMillis);
    // A clock that was set back, or a longer grace, does not open settled hours again: late clicks in them are due.
    let until = first_new.max(until);
    booker.until = until;
    for hour in changed.hours.iter().filter(|hour| **hour < first_new) {
        let mut counts = click_store.unique_clicks(*hour, hour.plus(HOUR_MS)).await?;
        counts.extend(vanished(database, *hour, &counts).await?);
        booker.book(counts).await?;
    }
    let mut start = first_new;
    while start < until {
        let end = until.min(start.plus(HOURS * HOUR_MS));
        let counts = click_store.unique_clicks(start, end).await?;
        booker.book(counts).await?;
        start = end;
    }

    let Booker { settled, failure, .. } = booker;
    if let Some(failure) = failure {
        return Err(failure);
    }
    let is_news = from != Some(until.get()) || known != changed.version;
    if progress == Progress::Note && is_news {
        let until = until.get();
        let version = i64::try_from(changed.version).unwrap_or(0);
        let note = move |tx: &mut dyn hopline_control_store::Tx| {
            marks::set(tx, UNTIL, until)?;
            marks::set(tx, VERSION, version)
        };
        database.write(note).await?;
    }
    Ok(settled)
}

/// What was settled of an hour and is counted no longer: where all clicks were found to be invalid, none are counted.
async fn vanished(
    database: &dyn Database,
    hour: UnixMillis,
    counts: &[ClickCount],
) -> Result<Vec<ClickCount>, WorkerError> {
    let settled = database.read(move |tx| settlements::settled_in(tx, hour)).await?;
    let is_counted = |of: &(OfferId, AffiliateId)| counts.iter().any(|c| (c.offer, c.affiliate) == *of);
    let vanished = settled.into_iter().filter(|of| !is_counted(of));
    Ok(vanished.map(|(offer, affiliate)| ClickCount { hour, offer, affiliate, clicks: 0 }).collect())
}

/// Books counts, and goes on where one of them cannot be booked.
struct Booker<'a> {
    database: &'a dyn Database,
    clock: &'a Clock,
    metrics: &'a Metrics,
    until: UnixMillis,
    settled: ClicksSettled,
    /// The first one. The marks stay then, so that what is missing is tried again.
    failure: Option<WorkerError>,
}

impl Booker<'_> {
    /// Books in chunks; where a chunk is refused, its counts one by one.
    async fn book(&mut self, counts: Vec<ClickCount>) -> Result<(), WorkerError> {
        for chunk in counts.chunks(COUNTS) {
            if let Err(refusal) = self.try_book(chunk.to_vec()).await {
                if is_away(&refusal) {
                    return Err(refusal);
                }
                for count in chunk {
                    if let Err(refusal) = self.try_book(vec![*count]).await {
                        self.set_aside(count, refusal)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn set_aside(&mut self, count: &ClickCount, refusal: WorkerError) -> Result<(), WorkerError> {
        if is_away(&refusal) {
            return Err(refusal);
        }
        tracing::error!(
            offer.id = count.offer.get(),
            affiliate.id = count.affiliate.get(),
            hour = count.hour.get(),
            error = &refusal as &dyn std::error::Error,
            "an hour of clicks cannot be settled; the others go on"
        );
        self.failure.get_or_insert(refusal);
        Ok(())
    }

    async fn try_book(&mut self, counts: Vec<ClickCount>) -> Result<(), WorkerError> {
        let (until, now) = (self.until, self.clock.now());
        let settled = self.database.write(move |tx| settle_clicks(tx, &counts, until, now)).await?;
        self.metrics.ledger.transactions.inc_by(settled.transactions);
        self.settled.conversions += settled.conversions;
        self.settled.clicks += settled.clicks;
        self.settled.capped += settled.capped;
        self.settled.taken_out += settled.taken_out;
        self.settled.transactions += settled.transactions;
        Ok(())
    }
}

fn is_away(error: &WorkerError) -> bool {
    matches!(error, WorkerError::Books(BookError::Store(store)) if store.kind == ErrorKind::Unavailable)
}
