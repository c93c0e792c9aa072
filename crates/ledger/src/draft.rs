//! A transaction as asked for, and as accepted.

use hopline_types::{AffiliateId, ConversionId, PayoutId, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{Posting, PostingsRefusal, TransactionId, TransactionKind, check_postings};

/// The longest reason, in characters.
const REASON_MAX: usize = 512;

/// What a transaction is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Subject {
    /// The conversion, if any.
    pub conversion: Option<ConversionId>,
    /// The affiliate, if any.
    pub affiliate: Option<AffiliateId>,
    /// The payout, if any.
    pub payout: Option<PayoutId>,
}

/// A transaction as asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Draft {
    /// Its id, a function of its cause.
    pub id: TransactionId,
    /// What happened.
    pub kind: TransactionKind,
    /// When it happened in business terms.
    pub effective_at: UnixMillis,
    /// What it is about.
    pub subject: Subject,
    /// The transaction that it corrects, which must exist (L-06).
    pub corrects: Option<TransactionId>,
    /// Why; demanded of adjustments and corrections.
    pub reason: Option<String>,
    /// Its lines.
    pub postings: Vec<Posting>,
}

/// Why a draft is no transaction. Nothing is booked then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The lines break a rule.
    #[error(transparent)]
    Postings(#[from] PostingsRefusal),
    /// An adjustment or correction without a reason.
    #[error("{kind} {id} needs a reason")]
    ReasonMissing {
        /// The draft's id.
        id: TransactionId,
        /// The draft's kind.
        kind: TransactionKind,
    },
    /// A reason that is blank, too long or has control characters.
    #[error(
        "a reason has 1 to 512 characters, is not blank and has no control characters; this one has {length} characters"
    )]
    Reason {
        /// Length in characters.
        length: usize,
    },
    /// A transaction that names itself as the one it corrects.
    #[error("transaction {id} cannot correct itself")]
    CorrectsItself {
        /// The draft's id.
        id: TransactionId,
    },
}

impl Draft {
    /// Checks the draft on its own: its lines (L-01), its reason and reference (L-06). Whether its id is new,
    /// the corrected transaction exists and no balance is overdrawn, only a store can say.
    ///
    /// # Errors
    /// Names the first rule that is broken.
    pub fn check(self) -> Result<Balanced, Refusal> {
        check_postings(&self.postings)?;
        if self.corrects.as_ref() == Some(&self.id) {
            return Err(Refusal::CorrectsItself { id: self.id });
        }
        match &self.reason {
            Some(reason) => check_reason(reason)?,
            None if self.corrects.is_some() || self.kind == TransactionKind::Adjustment => {
                return Err(Refusal::ReasonMissing { id: self.id, kind: self.kind });
            }
            None => {}
        }
        Ok(Balanced(self))
    }
}

fn check_reason(reason: &str) -> Result<(), Refusal> {
    let length = reason.chars().count();
    let is_fine = length <= REASON_MAX && !reason.trim().is_empty() && !reason.chars().any(char::is_control);
    if is_fine { Ok(()) } else { Err(Refusal::Reason { length }) }
}

/// A draft that has passed [`Draft::check`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Balanced(Draft);

impl Balanced {
    /// The draft.
    #[must_use]
    pub const fn draft(&self) -> &Draft {
        &self.0
    }

    /// A draft whose lines were checked.
    pub(crate) const fn of(checked: Draft) -> Self {
        Self(checked)
    }

    /// The draft, taken out.
    #[must_use]
    pub fn into_draft(self) -> Draft {
        self.0
    }
}
