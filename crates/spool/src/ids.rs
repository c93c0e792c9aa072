//! Who writes a stream, the numbers of its records, and places in it.

use crate::segment::SegmentNumber;

/// Who writes a stream. Stored in every segment; a directory with another identity is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamIdentity {
    /// The edge (machine or process) that writes.
    pub edge: u16,
    /// The stream within the edge: one per thread.
    pub stream: u8,
}

impl std::fmt::Display for StreamIdentity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "edge {} stream {}", self.edge, self.stream)
    }
}

/// The number of a record in its stream: 1 to 2^40 - 1, rising, never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(u64);

/// A number that is no record id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{given} is no record id: expected 1 to 1099511627775")]
pub struct RecordIdError {
    /// What was given.
    pub given: u64,
}

impl RecordId {
    /// The id of a stream's first record.
    pub const FIRST: Self = Self(1);
    /// The largest id: 40 bits, so that edge, stream and id fit 64 bits together.
    pub const LAST: Self = Self((1 << 40) - 1);

    /// Checks a number.
    ///
    /// # Errors
    /// Refuses 0 and anything above 40 bits.
    pub const fn new(value: u64) -> Result<Self, RecordIdError> {
        if value >= Self::FIRST.0 && value <= Self::LAST.0 {
            Ok(Self(value))
        } else {
            Err(RecordIdError { given: value })
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The id after this one; stays at [`RecordId::LAST`], which is never given to a record.
    #[must_use]
    pub const fn following(self) -> Self {
        if self.0 < Self::LAST.0 { Self(self.0 + 1) } else { Self::LAST }
    }
}

impl std::fmt::Display for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A place between two records of a stream, from which a reader can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The segment to read next.
    pub segment: SegmentNumber,
    /// Bytes from the start of that segment.
    pub offset: u32,
    /// Every record before this place has a smaller id, every record after it this or a larger one.
    pub next_id: RecordId,
}

impl Position {
    /// Before the first record that the stream still holds.
    pub const START: Self = Self { segment: SegmentNumber::START, offset: 0, next_id: RecordId::FIRST };
}
