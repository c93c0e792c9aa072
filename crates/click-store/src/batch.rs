//! What the shipper sends.

use std::sync::Arc;

use hopline_clickid::{TOKEN_BYTES, UniqueNumber};
use hopline_record::{Click, ClickView};
use hopline_types::Verdict;
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

/// A run of records of one stream. Its boundaries are fixed when it is cut: a repetition has the same. Clones share the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClickBatch {
    /// The stream.
    pub stream: StreamId,
    /// First record id covered.
    pub first: u64,
    /// Last record id covered; records of other kinds in between are covered as well.
    pub last: u64,
    /// Clicks and impressions among the records, in order of their ids.
    pub records: Records,
    /// Hash of stream, boundaries and the records as spooled; see [`ClickBatch::hash`].
    pub content: ContentHash,
}

/// Clicks and impressions as they lie in the spool, in one buffer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    payloads: Arc<Vec<u8>>,
    entries: Arc<Vec<Entry>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    unique: UniqueNumber,
    is_impression: bool,
    at: usize,
    end: usize,
}

/// One click or impression as it lies in the spool.
#[derive(Debug, Clone, Copy)]
pub struct RecordedClick<'a> {
    /// Which click it is.
    pub unique: UniqueNumber,
    /// A banner shown rather than a click.
    pub is_impression: bool,
    /// What the record says.
    pub view: ClickView<'a>,
    /// The record's bytes.
    pub payload: &'a [u8],
}

impl RecordedClick<'_> {
    /// Takes it apart into texts of its own.
    #[must_use]
    pub fn decode(&self) -> StoredClick {
        let click = Click::decode(self.payload).expect("its record was read when it was added");
        let click = StoredClick::from_record(click, self.is_impression);
        StoredClick { unique: self.unique, ..click.expect("its token was read when it was added") }
    }
}

/// Puts records together.
#[derive(Debug, Default)]
pub struct RecordsBuilder {
    payloads: Vec<u8>,
    entries: Vec<Entry>,
}

impl RecordsBuilder {
    /// With room.
    #[must_use]
    pub fn with_capacity(records: usize, bytes: usize) -> Self {
        Self { payloads: Vec::with_capacity(bytes), entries: Vec::with_capacity(records) }
    }

    /// In the memory of records that are done with, where nobody else holds them.
    #[must_use]
    pub fn instead_of(done: Records, records: usize, bytes: usize) -> Self {
        let mut payloads = Arc::try_unwrap(done.payloads).unwrap_or_default();
        let mut entries = Arc::try_unwrap(done.entries).unwrap_or_default();
        payloads.clear();
        payloads.reserve(bytes);
        entries.clear();
        entries.reserve(records);
        Self { payloads, entries }
    }

    /// Adds a click or impression after reading all of it, if `is_right` says that its number is.
    ///
    /// # Errors
    /// Says what is wrong with it. It is not added then.
    pub fn push(
        &mut self,
        payload: &[u8],
        is_impression: bool,
        is_right: impl FnOnce(UniqueNumber) -> Result<(), String>,
    ) -> Result<(), String> {
        let unique = read(payload)?;
        is_right(unique)?;
        let at = self.payloads.len();
        self.payloads.extend_from_slice(payload);
        self.entries.push(Entry { unique, is_impression, at, end: self.payloads.len() });
        Ok(())
    }

    /// All of them.
    #[must_use]
    pub fn build(self) -> Records {
        Records { payloads: Arc::new(self.payloads), entries: Arc::new(self.entries) }
    }
}

/// The number in a click's record, if it is one.
fn read(payload: &[u8]) -> Result<UniqueNumber, String> {
    let view = ClickView::read(payload).map_err(|error| error.to_string())?;
    let token = view.token();
    match Verdict::from_code(token[28]) {
        Some(_) => Ok(number(token)),
        None => Err(format!("byte 28 of the click id is {}, which is no verdict", token[28])),
    }
}

/// The number in a click id's bytes.
fn number(token: &[u8; TOKEN_BYTES]) -> UniqueNumber {
    let bits = token.get(20..28).and_then(|bits| bits.try_into().ok()).expect("a token is longer");
    UniqueNumber::from_bits(u64::from_be_bytes(bits))
}

impl Records {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// None.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of the records.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.payloads.len()
    }

    /// Their numbers.
    pub fn numbers(&self) -> impl ExactSizeIterator<Item = UniqueNumber> {
        self.entries.iter().map(|entry| entry.unique)
    }

    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordedClick<'_>> {
        self.entries.iter().map(|entry| {
            let payload = self.payloads.get(entry.at..entry.end).unwrap_or_default();
            let view = ClickView::of_checked(payload).expect("it was read when it was added");
            RecordedClick { unique: entry.unique, is_impression: entry.is_impression, view, payload }
        })
    }

    /// Those with these numbers.
    #[must_use]
    pub fn only(&self, is_meant: impl Fn(UniqueNumber) -> bool) -> Self {
        let entries = self.entries.iter().filter(|entry| is_meant(entry.unique)).copied().collect();
        Self { payloads: Arc::clone(&self.payloads), entries: Arc::new(entries) }
    }
}

impl ClickBatch {
    /// A batch of clicks that come from elsewhere than a spool. What a click id says of a click is written into its token,
    /// but for the signature; words that no record can hold are lost.
    #[must_use]
    pub fn of_clicks<'a>(
        stream: StreamId,
        first: u64,
        last: u64,
        clicks: impl IntoIterator<Item = &'a StoredClick>,
    ) -> Self {
        let mut records = RecordsBuilder::default();
        let mut payload = Vec::new();
        for click in clicks {
            payload.clear();
            click.to_record().encode(&mut payload);
            records.push(&payload, click.is_impression, |_| Ok(())).expect("a click makes a record");
        }
        let records = records.build();
        let content = records.iter().map(|click| (click.unique.record(), click.payload));
        let content = Self::hash(stream, first, last, content);
        Self { stream, first, last, records, content }
    }

    /// The clicks, taken apart.
    #[must_use]
    pub fn clicks(&self) -> Vec<StoredClick> {
        self.records.iter().map(|click| click.decode()).collect()
    }

    /// The same records under the numbers and the hash of another stream: for the test that doubles are noticed.
    #[must_use]
    pub fn under(&self, stream: StreamId) -> Self {
        let number = |record| UniqueNumber::new(stream.edge, stream.stream, record);
        let entries = self.records.entries.iter().map(|entry| Entry {
            unique: number(entry.unique.record()).expect("its record number was good before"),
            ..*entry
        });
        let payloads = Arc::clone(&self.records.payloads);
        let records = Records { payloads, entries: Arc::new(entries.collect()) };
        let content = Self::hash(stream, self.first, self.last, [(0, self.content.as_slice())]);
        Self { stream, records, content, ..*self }
    }

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
            let mut head = [0; 16];
            head[..8].copy_from_slice(&record.to_be_bytes());
            head[8..].copy_from_slice(&u64::try_from(payload.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(head);
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
        for unique in self.records.numbers() {
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
