//! What a caller may choose.

use std::time::Duration;

use crate::error::OpenError;
use crate::format::{
    FRAME_BYTES_MAX, FRAME_OVERHEAD_BYTES, RECORD_BYTES_MAX, RECORDS_PER_SEGMENT_MAX, SEGMENT_HEADER_BYTES,
};
use crate::ids::RecordId;

const SEGMENT_BYTES_LEAST: u32 = 4096;

/// When a record counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Durability {
    /// After the write, which the caller may delay: a kill loses what was not flushed yet.
    Relaxed,
    /// After the write: survives kill -9; a power cut may lose what the kernel had not written back.
    Process,
    /// After the sync: survives a power cut.
    Disk,
}

/// The limits of a stream's files and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolOptions {
    /// Bytes of a segment file. Larger ones change less often, smaller ones free their space sooner.
    pub segment_bytes_max: u32,
    /// Bytes that may wait for a flush; raised to what the largest record needs. Frames of two segments may
    /// wait together, of three not.
    pub buffer_bytes_max: usize,
    /// How long a segment takes records before the next one begins, so that shipped records leave the disk
    /// also where clicks are few.
    pub segment_age_max: Duration,
    /// The largest id of this stream that some store holds, where one was asked. Matters only to a stream whose files
    /// were lost or are older than the store: its ids then begin well behind this one instead of being given again.
    pub known_id: Option<RecordId>,
    /// Write a new segment full of zeros before its first use, so that a sync finds no size, no blocks and no extents to
    /// write, only data. For streams that sync (`disk`); costs what the crate's header says. Only segments that the
    /// [`Preparer`](crate::Preparer) makes are filled, so that nobody waits for zeros; a stream that is in another one,
    /// as after its start, moves on as soon as a filled one is ready.
    pub prefill: bool,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self {
            segment_bytes_max: 64 * 1024 * 1024,
            buffer_bytes_max: 4 * 1024 * 1024,
            segment_age_max: Duration::from_secs(3600),
            known_id: None,
            prefill: false,
        }
    }
}

impl SpoolOptions {
    /// The most bytes of one record: 64 KiB, or less where segments are small.
    #[must_use]
    pub fn record_bytes_max(&self) -> usize {
        RECORD_BYTES_MAX.min(self.room().saturating_sub(FRAME_OVERHEAD_BYTES as usize))
    }

    /// The bytes that may wait for a flush: at least one record.
    pub(super) fn buffer_limit(&self) -> usize {
        self.buffer_bytes_max.max(FRAME_BYTES_MAX)
    }

    /// The smallest id to give where the files say `id_min`. What a lost stream gave beyond the known id is not known; a
    /// gap as wide as a restart's at its widest keeps clear of it.
    pub(super) fn id_min(&self, id_min: u64) -> u64 {
        match self.known_id.map(RecordId::get) {
            Some(known) if known >= id_min => known.saturating_add(2 * RECORDS_PER_SEGMENT_MAX),
            _ => id_min,
        }
    }

    pub(super) fn check(&self) -> Result<(), OpenError> {
        if self.segment_bytes_max < SEGMENT_BYTES_LEAST {
            return Err(OpenError::Option {
                option: "segment_bytes_max",
                given: u64::from(self.segment_bytes_max),
                expected: "4096 to 4294967295",
            });
        }
        Ok(())
    }

    fn room(&self) -> usize {
        usize::try_from(self.segment_bytes_max.saturating_sub(SEGMENT_HEADER_BYTES)).unwrap_or(usize::MAX)
    }
}
