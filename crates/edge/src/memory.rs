//! What an edge knows of the time before its start: out of its own spool, asking no store.
//!
//! # Repeated clicks
//!
//! The records that the spool still holds are read once more, the newest [`REPLAY_BYTES_MAX`] of each stream, and their
//! visitors are put into the duplicate memory: those of unique clicks, and the new cookies that were given out with repeated
//! ones. Older ones are what the click store may add.
//!
//! # Click caps
//!
//! Each thread keeps a [`Tally`] of what its own clicks took from caps, and writes it beside its stream every
//! [`SAVE_EVERY`] with the record id up to which it holds; at the start the tallies of all streams that ever were are
//! put together, and the records behind them counted; what that gave is written at once, since the records may be gone by
//! the next start. So a count after `kill -9` is the count of records in the log: no answered click is forgotten.
//! A click that was taken and never written may stay in a tally that a kill leaves: then one click less is taken in that
//! period, never one more. A tally that cannot be read is put together from the records that the spool still holds. Clicks from
//! before an offer had caps may be among the records that are counted: then its caps are found fuller, never emptier.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hopline_catalogue::caps::Counter;
use hopline_catalogue::{Catalogue, ClickCounters, Offer};
use hopline_classify::DuplicateTable;
use hopline_clickid::ClickClaims;
use hopline_record::{Click, Kind, Record};
use hopline_runtime::files;
use hopline_spool::{Batch, BatchLimits, ReadOutcome, RecordId, SharedTail, SpoolReader, Storage};
use hopline_types::{AffiliateId, Class, UnixMillis};
use serde::{Deserialize, Serialize};

/// Pause between two savings of a tally.
pub(crate) const SAVE_EVERY: Duration = Duration::from_secs(5);
/// How much of a stream is read again at the start, from its end.
const REPLAY_BYTES_MAX: u64 = 256 << 20;
/// Read at a time.
const LIMITS: BatchLimits = BatchLimits { records_max: 10_000, bytes_max: 8 << 20, until: None };
const TALLY_FILE: &str = "caps.json";

/// What one stream's clicks took from caps.
#[derive(Debug)]
pub(crate) struct Tally {
    counters: ClickCounters,
    path: PathBuf,
    is_changed: bool,
}

/// A tally as it lies on disk.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Saved {
    /// Records from this id on are not counted in it.
    next_id: u64,
    counters: Vec<Counter>,
}

impl Tally {
    /// Reads a stream's tally; empty where there is none. One that cannot be read is reported and begun anew.
    pub(crate) fn load(dir: &Path) -> (Self, u64) {
        let path = dir.join(TALLY_FILE);
        let saved = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| error.to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Saved::default()),
            Err(error) => Err(error.to_string()),
        };
        let saved: Saved = saved.unwrap_or_else(|error| {
            let path = path.display().to_string();
            tracing::error!(
                path,
                error,
                "what was taken from click caps is counted anew from the spool alone"
            );
            Saved::default()
        });
        let counters = ClickCounters::default();
        counters.restore(saved.counters);
        (Self { counters, path, is_changed: false }, saved.next_id)
    }

    /// Counts a click that was taken.
    pub(crate) fn add(&mut self, offer: &Offer, affiliate: AffiliateId, at: UnixMillis) {
        if !offer.click_caps().is_empty() {
            self.counters.add_click(offer, affiliate, at);
            self.is_changed = true;
        }
    }

    /// Takes back a click that was not written.
    #[cold]
    pub(crate) fn give_back(&mut self, offer: &Offer, affiliate: AffiliateId, at: UnixMillis) {
        self.counters.give_back(offer, affiliate, at);
        self.is_changed = true;
    }

    /// What there is to save, if anything changed since the last time: give it to [`ToSave::save`], away from the edge's thread.
    /// `next_id` is the id of the next record.
    pub(crate) fn unsaved(&mut self, next_id: RecordId, now: UnixMillis) -> Option<ToSave> {
        self.changed(next_id.get(), now)
    }

    fn changed(&mut self, next_id: u64, now: UnixMillis) -> Option<ToSave> {
        if !std::mem::take(&mut self.is_changed) {
            return None;
        }
        self.counters.forget_before(now);
        let saved = Saved { next_id, counters: self.counters.snapshot() };
        Some(ToSave { path: self.path.clone(), saved })
    }
}

/// A tally on its way to the disk.
#[derive(Debug)]
pub(crate) struct ToSave {
    path: PathBuf,
    saved: Saved,
}

impl ToSave {
    /// Writes it; blocks. A failure is reported: the next saving may do better.
    pub(crate) fn save(self) {
        let bytes = serde_json::to_vec(&self.saved).expect("plain data has a JSON form");
        if let Err(error) = files::replace(&self.path, &bytes, 0o600) {
            tracing::warn!(%error, "what was taken from click caps is not saved");
        }
    }
}

/// A stream whose past is to be known.
#[derive(Debug)]
pub(crate) struct Past<'a> {
    pub(crate) dir: &'a Path,
    /// Of a stream that is written by this run; none for one that an earlier run had more of.
    pub(crate) tail: Option<Arc<SharedTail>>,
}

/// Reads the past of a stream into the shared memories and gives its tally.
pub(crate) fn remember(
    past: &Past<'_>,
    storage: &Arc<dyn Storage>,
    catalogue: &Catalogue,
    duplicates: &DuplicateTable,
    counters: &ClickCounters,
    since: UnixMillis,
) -> Tally {
    let (mut tally, counted_to) = Tally::load(past.dir);
    let mut next_id = counted_to;
    let each = |id: RecordId, click: &Click| {
        next_id = next_id.max(id.get() + 1);
        let Some(claims) = ClickClaims::of_own_record(&click.token) else { return };
        if claims.verdict.class == Class::Unique
            && id.get() >= counted_to
            && let Some(offer) = catalogue.offer(claims.offer)
        {
            tally.add(offer, claims.affiliate, claims.at);
        }
        if claims.at >= since
            && let Ok(offer) = u32::try_from(claims.offer.get())
        {
            let visitors = visitors(claims.verdict.class, click).into_iter().flatten();
            duplicates.seed(visitors.map(|visitor| (visitor, offer, claims.at)));
        }
    };
    if let Err(error) = replay(past, storage, each) {
        let dir = past.dir.display().to_string();
        tracing::error!(dir, error = format!("{error:#}"), "repeated clicks of a stream are not remembered");
    }
    tally.counters.snapshot().into_iter().for_each(|counter| counters.add(counter));
    if let Some(tally) = tally.changed(next_id, since) {
        tally.save();
    }
    tally
}

/// Under which keys a click's visitor was remembered when it was made.
fn visitors(class: Class, click: &Click) -> [Option<u64>; 2] {
    let pseudonym = Some(click.pseudonym).filter(|key| *key != 0);
    // Equal to the pseudonym where no cookie was set, another key where one was set or brought.
    let cookie = Some(click.visitor_key).filter(|key| *key != click.pseudonym);
    match class {
        Class::Unique => [cookie, pseudonym],
        // Only the cookie that was set with it is new.
        Class::Duplicate => [pseudonym.and(cookie), None],
        Class::Invalid => [None, None],
    }
}

/// Calls `each` with the clicks that the stream still holds, oldest first.
fn replay(
    past: &Past<'_>,
    storage: &Arc<dyn Storage>,
    mut each: impl FnMut(RecordId, &Click),
) -> Result<(), hopline_spool::ReadError> {
    let from = hopline_spool::position_before_end(storage.as_ref(), past.dir, REPLAY_BYTES_MAX)?;
    let mut reader = SpoolReader::open_in(Arc::clone(storage), past.dir, from, past.tail.clone())?;
    let mut batch = Batch::default();
    loop {
        let outcome = reader.next_batch(LIMITS, &mut batch)?;
        for record in batch.iter().filter(|record| record.kind == Kind::Click.code()) {
            if let Ok(Record::Click(click)) = Record::decode(record.kind, record.payload) {
                each(record.id, &click);
            }
        }
        if outcome != ReadOutcome::More || batch.is_empty() {
            return Ok(());
        }
    }
}
