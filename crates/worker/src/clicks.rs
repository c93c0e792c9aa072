//! Settling paid clicks.
//!
//! Two marks in the control store say how far it has come: `clicks.settled_until`, the start of the first hour that
//! was never settled, and `clicks.settled_version`, the click store's version of counts that earlier hours were settled
//! at. A pass settles the hours from the first mark on that have ended, and earlier hours that have changed since the
//! second. Both marks move once all of that is booked; a crash in between repeats the pass, which books nothing twice.

use hopline_books::{ClicksSettled, settle_clicks};
use hopline_click_store::{ClickCount, ClickStore};
use hopline_control_store::{Database, DatabaseExt, StoreError, marks};
use hopline_runtime::clock::Clock;
use hopline_runtime::telemetry::Metrics;
use hopline_types::{HOUR_MS, SECOND_MS, UnixMillis};

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
        if now < self.clicks_due_at {
            return Ok(false);
        }
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
        self.clicks_due_at = now.plus(LOOK_EVERY_MS);
        // What was booked has facts to ship.
        Ok(settled.conversions > 0)
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
    let mut settled = ClicksSettled::default();

    // Without a mark every hour with clicks has changed.
    let first_new = from.map_or(until, UnixMillis);
    for hour in changed.hours.iter().filter(|hour| **hour < first_new.min(until)) {
        let counts = click_store.unique_clicks(*hour, hour.plus(HOUR_MS)).await?;
        book(database, clock, metrics, counts, until, &mut settled).await?;
    }
    let mut start = first_new;
    while start < until {
        let end = until.min(start.plus(HOURS * HOUR_MS));
        let counts = click_store.unique_clicks(start, end).await?;
        book(database, clock, metrics, counts, until, &mut settled).await?;
        start = end;
    }

    let is_news = from != Some(until.get()) || known != changed.version;
    if progress == Progress::Note && is_news {
        // A clock that was set back does not open settled hours again.
        let until = first_new.max(until).get();
        let version = i64::try_from(changed.version).unwrap_or(0);
        let note = move |tx: &mut dyn hopline_control_store::Tx| {
            marks::set(tx, UNTIL, until)?;
            marks::set(tx, VERSION, version)
        };
        database.write(note).await?;
    }
    Ok(settled)
}

async fn book(
    database: &dyn Database,
    clock: &Clock,
    metrics: &Metrics,
    counts: Vec<ClickCount>,
    until: UnixMillis,
    sum: &mut ClicksSettled,
) -> Result<(), WorkerError> {
    for chunk in counts.chunks(COUNTS) {
        let (chunk, now) = (chunk.to_vec(), clock.now());
        let settled = database.write(move |tx| settle_clicks(tx, &chunk, until, now)).await?;
        metrics.ledger.transactions.inc_by(settled.transactions);
        sum.conversions += settled.conversions;
        sum.clicks += settled.clicks;
        sum.transactions += settled.transactions;
    }
    Ok(())
}
