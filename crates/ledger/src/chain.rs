//! The hash chain. The bytes are listed in the crate's header.

use hopline_types::UnixMillis;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Balanced, Draft};

mod hash;
mod verify;

pub use hash::{ChainHash, ChainHashError};
pub use verify::{Break, ChainChecker, Fault, verify_chain};

const DOMAIN: &[u8; 16] = b"hopline-ledger-1";

/// A transaction in its place in the chain. It is never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its place, from 1, without gaps.
    pub sequence: i64,
    /// When it was booked; later than every record before.
    pub booked_at: UnixMillis,
    /// The hash of the record before.
    pub previous_hash: ChainHash,
    /// The hash of this record.
    pub hash: ChainHash,
    /// The content.
    pub draft: Draft,
}

/// The end of a chain: note it outside, since a cut-off tail cannot be seen from inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How many records there are.
    pub count: i64,
    /// The hash of the last one.
    pub hash: ChainHash,
    /// When the last one was booked; None for an empty chain.
    pub booked_at: Option<UnixMillis>,
}

impl Head {
    /// The end of an empty chain.
    pub const GENESIS: Self = Self { count: 0, hash: ChainHash::GENESIS, booked_at: None };

    /// The end of the chain that has `last` as its last record.
    #[must_use]
    pub const fn of(last: &Stored) -> Self {
        Self { count: last.sequence, hash: last.hash, booked_at: Some(last.booked_at) }
    }

    /// The booking time of the next record: now, or a millisecond after the last one where the clock has not
    /// moved on.
    #[must_use]
    pub fn next_booked_at(&self, now: UnixMillis) -> UnixMillis {
        self.booked_at.map_or(now, |last| now.max(last.plus(1)))
    }

    /// Appends a transaction to the chain; the caller's next head is [`Head::of`] the result.
    #[must_use]
    pub fn seal(&self, balanced: Balanced, now: UnixMillis) -> Stored {
        let sequence = self.count.checked_add(1).expect("a chain has fewer than 2^63 records");
        seal(balanced, sequence, self.next_booked_at(now), self.hash)
    }
}

impl std::fmt::Display for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.count, self.hash)
    }
}

/// Gives a transaction its place in the chain.
#[must_use]
pub fn seal(balanced: Balanced, sequence: i64, booked_at: UnixMillis, previous_hash: ChainHash) -> Stored {
    let draft = balanced.into_draft();
    let hash = content_hash(sequence, booked_at, previous_hash, &draft);
    Stored { sequence, booked_at, previous_hash, hash, draft }
}

/// The hash of a record with this content in this place.
#[must_use]
pub fn content_hash(
    sequence: i64,
    booked_at: UnixMillis,
    previous_hash: ChainHash,
    draft: &Draft,
) -> ChainHash {
    ChainHash::from_bytes(Sha256::digest(canonical_bytes(sequence, booked_at, previous_hash, draft)).into())
}

/// The bytes that are hashed: every stored column but the hash itself.
#[must_use]
pub fn canonical_bytes(
    sequence: i64,
    booked_at: UnixMillis,
    previous_hash: ChainHash,
    draft: &Draft,
) -> Vec<u8> {
    let mut bytes = Bytes(Vec::with_capacity(512));
    bytes.0.extend_from_slice(DOMAIN);
    bytes.0.extend_from_slice(previous_hash.as_bytes());
    bytes.number(sequence);
    bytes.number(booked_at.get());
    bytes.number(draft.effective_at.get());
    bytes.text(draft.id.as_str());
    bytes.text(draft.kind.as_str());
    bytes.option(draft.subject.conversion, |bytes, id| bytes.number(id.get()));
    bytes.option(draft.subject.affiliate, |bytes, id| bytes.number(id.get()));
    bytes.option(draft.subject.payout, |bytes, id| bytes.number(id.get()));
    bytes.option(draft.corrects.as_ref(), |bytes, id| bytes.text(id.as_str()));
    bytes.option(draft.reason.as_deref(), Bytes::text);
    bytes.length(draft.postings.len());
    for posting in &draft.postings {
        bytes.text(&posting.account.as_path());
        bytes.number(posting.amount_minor);
        bytes.text(posting.currency.code());
    }
    bytes.0
}

struct Bytes(Vec<u8>);

impl Bytes {
    fn number(&mut self, value: i64) {
        self.0.extend_from_slice(&value.to_be_bytes());
    }

    fn length(&mut self, length: usize) {
        let length = u32::try_from(length).expect("texts and lists of a transaction are short");
        self.0.extend_from_slice(&length.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.0.push(0),
            Some(value) => {
                self.0.push(1);
                write(self, value);
            }
        }
    }
}
