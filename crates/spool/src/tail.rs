//! The published end of a stream, shared between its writer and its readers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::format::SEGMENT_HEADER_BYTES;
use crate::ids::Position;
use crate::segment::SegmentNumber;

/// How far readers may read: everything before it counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TailPoint {
    /// The segment that is written now (or was last).
    pub segment: SegmentNumber,
    /// The end of what counts as written in it, in bytes from its start.
    pub offset: u32,
}

/// The published end of a stream. The writer moves it, after the write (`relaxed`, `process`) or after the
/// sync (`disk`); readers on other threads never read past it. One atomic word, no lock per record.
#[derive(Debug)]
pub struct SharedTail {
    /// Segment number in the upper half, offset in the lower.
    point: AtomicU64,
    /// What is published was synced before, so that readers need not do it again.
    is_synced: AtomicBool,
    /// Ends of the segments that this run has finished. Locked at a segment's change only.
    ends: Mutex<BTreeMap<SegmentNumber, u32>>,
}

impl SharedTail {
    pub(crate) fn new(at: TailPoint) -> Self {
        Self { point: AtomicU64::new(pack(at)), is_synced: AtomicBool::new(false), ends: Mutex::default() }
    }

    /// An end that does not move, at a position that a mark has: for reading a stream beside its writer, in another
    /// process, without looking at what is being written.
    #[must_use]
    pub fn fixed(at: Position) -> Self {
        Self::new(TailPoint { segment: at.segment, offset: at.offset })
    }

    /// Where the stream ends now.
    #[must_use]
    pub fn get(&self) -> TailPoint {
        unpack(self.point.load(Ordering::Acquire))
    }

    pub(crate) fn publish(&self, at: TailPoint) {
        self.point.store(pack(at), Ordering::Release);
    }

    /// Says whether what is published from now on was synced before; one answer for a stream.
    pub(crate) fn promise_synced(&self, is_synced: bool) {
        self.is_synced.store(is_synced, Ordering::Relaxed);
    }

    /// Whether what this run has published is durable.
    pub(crate) fn is_synced(&self) -> bool {
        self.is_synced.load(Ordering::Relaxed)
    }

    /// The end of a segment that this run has finished; `None` for those of earlier runs, whose end is the
    /// end of their file.
    pub(crate) fn end_of(&self, segment: SegmentNumber) -> Option<u32> {
        self.ends().get(&segment).copied()
    }

    /// Says where a segment ends; to be called before a later segment is published.
    pub(crate) fn finish(&self, segment: SegmentNumber, end: u32) {
        self.ends().insert(segment, end);
    }

    /// The first segment with this number or a larger one that this run has finished with records in it.
    pub(crate) fn finished_from(&self, segment: SegmentNumber) -> Option<SegmentNumber> {
        let ends = self.ends();
        let mut from = ends.range(segment..);
        from.find(|(_, end)| **end > SEGMENT_HEADER_BYTES).map(|(number, _)| *number)
    }

    /// Forgets a segment whose file is gone.
    pub(crate) fn forget(&self, segment: SegmentNumber) {
        self.ends().remove(&segment);
    }

    fn ends(&self) -> MutexGuard<'_, BTreeMap<SegmentNumber, u32>> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pack(at: TailPoint) -> u64 {
    u64::from(at.segment.get()) << 32 | u64::from(at.offset)
}

#[expect(clippy::cast_possible_truncation, reason = "each half has 32 bits")]
fn unpack(word: u64) -> TailPoint {
    TailPoint { segment: SegmentNumber((word >> 32) as u32), offset: word as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_survives_its_packing() {
        let at = TailPoint { segment: SegmentNumber(u32::MAX), offset: u32::MAX - 1 };
        let tail = SharedTail::new(at);
        assert_eq!(tail.get(), at);
        let next = TailPoint { segment: SegmentNumber(7), offset: 64 };
        tail.publish(next);
        assert_eq!(tail.get(), next);
    }
}
