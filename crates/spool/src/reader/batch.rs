//! Records read together.

use hopline_types::UnixMillis;

use crate::damage::Damage;
use crate::format::Frame;
use crate::ids::{Position, RecordId};

/// One record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Its number in the stream.
    pub id: RecordId,
    /// The caller's kind.
    pub kind: u8,
    /// When it was appended.
    pub at: UnixMillis,
    /// Its bytes.
    pub payload: &'a [u8],
}

/// Records read together. Reused from batch to batch, so that a warm reader allocates nothing.
#[derive(Debug)]
pub struct Batch {
    entries: Vec<(Frame, usize)>,
    payloads: Vec<u8>,
    start: Position,
    end: Position,
    damage: Vec<Damage>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            payloads: Vec::new(),
            start: Position::START,
            end: Position::START,
            damage: Vec::new(),
        }
    }
}

impl Batch {
    /// The records in the order of their ids.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordRef<'_>> {
        self.entries.iter().map(|(frame, at)| RecordRef {
            id: frame.id,
            kind: frame.kind,
            at: frame.at,
            payload: self.payloads.get(*at..*at + frame.payload_len).unwrap_or_default(),
        })
    }

    /// Records in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True when there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of the records, without framing.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payloads.len()
    }

    /// Where the batch begins.
    #[must_use]
    pub fn start(&self) -> Position {
        self.start
    }

    /// Where reading goes on after this batch: what to store as shipped once the store has it.
    #[must_use]
    pub fn end(&self) -> Position {
        self.end
    }

    /// The damage met while reading.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    pub(super) fn begin(&mut self, at: Position) {
        self.entries.clear();
        self.payloads.clear();
        self.damage.clear();
        self.start = at;
        self.end = at;
    }

    pub(super) fn push(&mut self, frame: Frame, payload: &[u8]) {
        self.entries.push((frame, self.payloads.len()));
        self.payloads.extend_from_slice(payload);
    }

    pub(super) fn report(&mut self, damage: Damage) {
        self.damage.push(damage);
    }

    pub(super) fn finish(&mut self, at: Position) {
        self.end = at;
    }
}

/// How much one batch may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Records at most; 0 counts as 1.
    pub records_max: usize,
    /// Payload bytes at most; a single larger record still makes a batch of its own.
    pub bytes_max: usize,
    /// Only records before this id: reads a planned batch again exactly as it was cut.
    pub until: Option<RecordId>,
}

impl BatchLimits {
    /// True when a record with this frame may join a batch.
    pub(super) fn allow(&self, batch: &Batch, frame: &Frame) -> bool {
        let is_early = self.until.is_none_or(|until| frame.id < until);
        let fits = batch.is_empty()
            || (batch.len() < self.records_max
                && batch.payload_bytes().saturating_add(frame.payload_len) <= self.bytes_max);
        is_early && fits
    }
}
