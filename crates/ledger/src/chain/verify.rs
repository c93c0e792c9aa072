//! Walking a chain and naming its first broken place.

use hopline_types::UnixMillis;

use crate::{ChainHash, Head, PostingsRefusal, Stored, TransactionId, check_postings, content_hash};

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A record is missing, doubled or out of order.
    #[error("expected sequence {expected}")]
    Sequence {
        /// The sequence that was due.
        expected: i64,
    },
    /// It was booked no later than the record before.
    #[error("booked at {given}, no later than the record before at {before}", given = .given.get(), before = .before.get())]
    BookedAt {
        /// Its time.
        given: UnixMillis,
        /// The time of the record before.
        before: UnixMillis,
    },
    /// It does not follow the record before.
    #[error("previous hash is {given}, the record before has {expected}")]
    PreviousHash {
        /// The hash in the record.
        given: ChainHash,
        /// The hash of the record before.
        expected: ChainHash,
    },
    /// Its content is not the one that was hashed.
    #[error("hash is {given}, the content gives {expected}")]
    Hash {
        /// The hash in the record.
        given: ChainHash,
        /// The hash of the content.
        expected: ChainHash,
    },
    /// It does not balance; it should never have been booked.
    #[error("postings: {0}")]
    Postings(PostingsRefusal),
    /// The chain ends elsewhere than noted outside.
    #[error("the chain ends with {given}, noted outside was {expected}")]
    Head {
        /// The end that was found.
        given: Box<Head>,
        /// The end that was noted.
        expected: Box<Head>,
    },
}

/// The first broken place of a chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger is broken at sequence {sequence}{}: {fault}", .id.as_ref().map(|id| format!(" (transaction {id})")).unwrap_or_default())]
pub struct Break {
    /// The sequence that the record carries, or that the chain ends with.
    pub sequence: i64,
    /// The record's transaction; None at the end of the chain.
    pub id: Option<TransactionId>,
    /// What is wrong.
    pub fault: Fault,
}

/// Walks a chain from its first record, one record at a time.
#[derive(Debug, Clone)]
pub struct ChainChecker {
    head: Head,
}

impl Default for ChainChecker {
    fn default() -> Self {
        Self::new()
    }
}

impl ChainChecker {
    /// Before the first record.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: Head::GENESIS }
    }

    /// After a part of the chain that was checked before.
    #[must_use]
    pub const fn from_head(head: Head) -> Self {
        Self { head }
    }

    /// The end of what was checked.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Checks the next record.
    ///
    /// # Errors
    /// Says what is wrong with it. The checker has not moved then.
    pub fn step(&mut self, record: &Stored) -> Result<(), Break> {
        match self.fault(record) {
            None => {
                self.head = Head::of(record);
                Ok(())
            }
            Some(fault) => Err(Break { sequence: record.sequence, id: Some(record.draft.id.clone()), fault }),
        }
    }

    /// Compares the end with one noted outside, which finds a cut-off tail.
    ///
    /// # Errors
    /// They differ.
    pub fn finish(self, noted: &Head) -> Result<Head, Break> {
        let given = self.head;
        if given.count == noted.count && given.hash == noted.hash {
            return Ok(given);
        }
        let fault = Fault::Head { given: Box::new(given), expected: Box::new(*noted) };
        Err(Break { sequence: given.count, id: None, fault })
    }

    fn fault(&self, record: &Stored) -> Option<Fault> {
        let expected = self.head.count.saturating_add(1);
        if record.sequence != expected {
            return Some(Fault::Sequence { expected });
        }
        if record.previous_hash != self.head.hash {
            return Some(Fault::PreviousHash { given: record.previous_hash, expected: self.head.hash });
        }
        let expected = content_hash(record.sequence, record.booked_at, record.previous_hash, &record.draft);
        if record.hash != expected {
            return Some(Fault::Hash { given: record.hash, expected });
        }
        if let Some(before) = self.head.booked_at.filter(|before| record.booked_at <= *before) {
            return Some(Fault::BookedAt { given: record.booked_at, before });
        }
        check_postings(&record.draft.postings).err().map(Fault::Postings)
    }
}

/// Walks a whole chain and returns its end.
///
/// # Errors
/// The first broken place.
pub fn verify_chain<'a>(records: impl IntoIterator<Item = &'a Stored>) -> Result<Head, Break> {
    let mut checker = ChainChecker::new();
    for record in records {
        checker.step(record)?;
    }
    Ok(checker.head())
}
