//! What the shipper sends.

use sha2::{Digest, Sha256};

use crate::StoredClick;

/// One stream of records: one thread of one edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// The edge's id.
    pub edge: u16,
    /// The thread within the edge.
    pub stream: u8,
}

impl std::fmt::Display for StreamId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.edge, self.stream)
    }
}

/// SHA-256 over what a batch covers and holds.
pub type ContentHash = [u8; 32];

/// A run of records of one stream. Its boundaries are fixed when it is cut: a repetition has the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClickBatch {
    /// The stream.
    pub stream: StreamId,
    /// First record id covered.
    pub first: u64,
    /// Last record id covered; records of other kinds in between are covered as well.
    pub last: u64,
    /// Clicks and impressions among the records, in order of their ids.
    pub clicks: Vec<StoredClick>,
    /// Hash of stream, boundaries and the records as spooled; see [`ClickBatch::hash`].
    pub content: ContentHash,
}

impl ClickBatch {
    /// Hashes stream, boundaries and (record id, payload) of the records: the batch's deduplication token.
    pub fn hash<'a>(
        stream: StreamId,
        first: u64,
        last: u64,
        records: impl IntoIterator<Item = (u64, &'a [u8])>,
    ) -> ContentHash {
        let mut hash = Sha256::new();
        hash.update(stream.edge.to_be_bytes());
        hash.update([stream.stream]);
        hash.update(first.to_be_bytes());
        hash.update(last.to_be_bytes());
        for (record, payload) in records {
            hash.update(record.to_be_bytes());
            hash.update(u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(payload);
        }
        hash.finalize().into()
    }

    /// What contradicts itself in this batch, if anything: boundaries in the wrong order, or a click that is
    /// outside them, of another stream, or out of order.
    #[must_use]
    pub fn contradiction(&self) -> Option<String> {
        if self.first > self.last {
            return Some(format!("it begins at {} and ends at {}", self.first, self.last));
        }
        let mut before = None;
        for click in &self.clicks {
            let unique = click.unique;
            if (unique.edge(), unique.stream()) != (self.stream.edge, self.stream.stream) {
                return Some(format!("click {unique} belongs to another stream"));
            }
            let record = unique.record();
            if record < self.first || record > self.last {
                return Some(format!("click {unique} lies outside of it"));
            }
            if before.is_some_and(|before| before >= record) {
                return Some(format!("click {unique} is out of order"));
            }
            before = Some(record);
        }
        None
    }
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Stored by this call, durably.
    Now,
    /// All of it had been stored before; nothing changed.
    Before,
}
