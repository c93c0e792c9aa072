//! A ledger in memory: the model of what a store does, and a check of the rules as a whole.

use std::collections::BTreeMap;

use hopline_types::UnixMillis;

use crate::{
    Book, BookError, Draft, FirstDifference, Head, Overdrawn, Refusal, Stored, TransactionId, overdrawn,
    same_content,
};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is booked under this sequence.
    New(i64),
    /// It was booked before under this sequence, with the same content.
    Repeated(i64),
}

/// Why a request was refused. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalRefusal {
    /// The draft breaks a rule.
    #[error(transparent)]
    Draft(#[from] Refusal),
    /// The id is taken by another content (L-03).
    #[error(transparent)]
    Conflict(#[from] FirstDifference),
    /// The corrected transaction does not exist (L-06).
    #[error("transaction {id} is to correct {corrects}, which is not booked")]
    CorrectsUnknown {
        /// The draft's id.
        id: TransactionId,
        /// The id that is not booked.
        corrects: TransactionId,
    },
    /// A balance would go below zero where it must not (L-10).
    #[error(transparent)]
    Overdrawn(#[from] Overdrawn),
    /// A sum would not fit.
    #[error(transparent)]
    Book(#[from] BookError),
}

/// A ledger in memory.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    records: Vec<Stored>,
    by_id: BTreeMap<TransactionId, usize>,
    book: Book,
}

impl Journal {
    /// An empty ledger.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Books a transaction once, however often it is asked for.
    ///
    /// # Errors
    /// It breaks a rule; nothing has changed.
    pub fn record(&mut self, draft: Draft, now: UnixMillis) -> Result<Recorded, JournalRefusal> {
        if let Some(existing) = self.get(&draft.id) {
            same_content(existing, &draft)?;
            return Ok(Recorded::Repeated(existing.sequence));
        }
        let balanced = draft.check()?;
        let draft = balanced.draft();
        if let Some(corrects) = draft.corrects.as_ref().filter(|id| self.get(id).is_none()) {
            return Err(JournalRefusal::CorrectsUnknown { id: draft.id.clone(), corrects: corrects.clone() });
        }
        for ((account, currency), after) in self.book.after(&draft.postings)? {
            let before = self.book.balance(&account, currency);
            overdrawn(account, draft.kind, before, after.balance())?;
        }
        self.book.post(&draft.postings)?;
        let record = self.head().seal(balanced, now);
        let sequence = record.sequence;
        self.by_id.insert(record.draft.id.clone(), self.records.len());
        self.records.push(record);
        Ok(Recorded::New(sequence))
    }

    /// A booked transaction.
    #[must_use]
    pub fn get(&self, id: &TransactionId) -> Option<&Stored> {
        self.by_id.get(id).and_then(|at| self.records.get(*at))
    }

    /// All records, in order.
    #[must_use]
    pub fn records(&self) -> &[Stored] {
        &self.records
    }

    /// The balances.
    #[must_use]
    pub const fn book(&self) -> &Book {
        &self.book
    }

    /// The end of the chain.
    #[must_use]
    pub fn head(&self) -> Head {
        self.records.last().map_or(Head::GENESIS, Head::of)
    }
}
