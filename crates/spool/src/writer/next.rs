//! The segment after the one that is written: made ahead of time, or when it is needed.
//!
//! Ids are kept from being given twice by what is durable before they are given: a segment's header names
//! a limit below which all its ids lie, and the header and its name are synced before the first use. The
//! first id of a segment that follows within a run is not known when it is made ahead, but lies at most
//! [`RECORDS_PER_SEGMENT_MAX`] above the first id of the one before it; so its limit is twice that above.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hopline_fault::{Point, point};
use hopline_types::UnixMillis;

use crate::format::{RECORDS_PER_SEGMENT_MAX, SegmentHeader};
use crate::ids::{RecordId, StreamIdentity};
use crate::segment::{Filling, Segment, SegmentNumber};
use crate::storage::Storage;

use super::SpoolOptions;

/// Makes a stream's next segment ahead of time, so that the change of segments costs no sync.
#[derive(Debug, Clone)]
pub struct Preparer {
    pub(super) next: Arc<NextSegment>,
}

impl Preparer {
    /// True when no segment is ready. Cheap, and never waits.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        !self.next.is_ready.load(Ordering::Relaxed)
    }

    /// Makes the next segment durably unless one is ready; gives whether it did. A writer that needs the
    /// segment meanwhile waits for it.
    ///
    /// # Errors
    /// A disk that refuses: the writer will try by itself when it needs the segment.
    pub fn prepare_next(&self, now: UnixMillis) -> io::Result<bool> {
        self.next.prepare(now)
    }
}

#[derive(Debug)]
pub(super) struct NextSegment {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) dir: PathBuf,
    identity: StreamIdentity,
    segment_bytes: u32,
    /// How segments are filled that are made ahead.
    ahead: Filling,
    is_ready: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    number: SegmentNumber,
    id_min: u64,
    prepared: Option<Segment>,
}

impl NextSegment {
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        dir: PathBuf,
        identity: StreamIdentity,
        options: &SpoolOptions,
        number: SegmentNumber,
        id_min: u64,
    ) -> Self {
        let segment_bytes = options.segment_bytes_max;
        let ahead = if options.prefill { Filling::Zeros } else { Filling::Reserved };
        let state = Mutex::new(State { number, id_min, prepared: None });
        Self { storage, dir, identity, segment_bytes, ahead, is_ready: AtomicBool::new(false), state }
    }

    /// Gives the next segment, to take records from `first_id` on. Those of the one before were fewer than
    /// [`RECORDS_PER_SEGMENT_MAX`].
    pub(super) fn take(&self, first_id: u64, now: UnixMillis) -> io::Result<Segment> {
        let mut state = self.state();
        let segment = match state.prepared.take() {
            Some(segment) => segment,
            // Nobody waits for zeros.
            None => self.create(state.number, first_id, RECORDS_PER_SEGMENT_MAX, now, Filling::Reserved)?,
        };
        self.is_ready.store(false, Ordering::Relaxed);
        state.number = segment.header.number.following();
        state.id_min = first_id;
        Ok(segment)
    }

    /// True when there is a segment that is better than `current`.
    pub(super) fn has_better_than(&self, current: &Segment) -> bool {
        current.filling != self.ahead && self.is_ready.load(Ordering::Relaxed)
    }

    fn prepare(&self, now: UnixMillis) -> io::Result<bool> {
        let mut state = self.state();
        if state.prepared.is_some() {
            return Ok(false);
        }
        point(Point::SegmentPrepare)?;
        let ids = 2 * RECORDS_PER_SEGMENT_MAX;
        state.prepared = Some(self.create(state.number, state.id_min, ids, now, self.ahead)?);
        self.is_ready.store(true, Ordering::Relaxed);
        Ok(true)
    }

    fn create(
        &self,
        number: SegmentNumber,
        id_min: u64,
        ids: u64,
        created_at: UnixMillis,
        filling: Filling,
    ) -> io::Result<Segment> {
        let header = SegmentHeader {
            identity: self.identity,
            number,
            id_min,
            id_limit: id_min.saturating_add(ids).min(RecordId::LAST.get()),
            created_at,
            seed: draw_seed(),
        };
        Segment::create(self.storage.as_ref(), &self.dir, header, self.segment_bytes, filling)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 32 bits that nobody outside can guess: the standard library seeds its hashers from the system.
fn draw_seed() -> u32 {
    let bits = RandomState::new().hash_one(0_u8);
    u32::try_from(bits >> 32).expect("32 bits are left")
}
