//! The id of a transaction, made by whoever asks for it.
//!
//! An id is a function of its cause, so that asking again for the same cause books nothing new. The
//! functions here make the ids of the usual causes; any other text of the alphabet will do.

use hopline_types::{AffiliateId, ConversionId, PayoutId};
use serde::{Deserialize, Serialize};

use crate::TransactionKind;

/// Why a text is no transaction id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransactionIdError {
    /// Empty or too long.
    #[error("a transaction id has 1 to 128 characters, this one has {length}")]
    Length {
        /// Length in characters.
        length: usize,
    },
    /// A character outside the alphabet.
    #[error("a transaction id is made of A-Z a-z 0-9 : . _ and -, this one has {character:?}")]
    Character {
        /// The first such character.
        character: char,
    },
}

/// The id of a transaction: 1 to 128 characters of `[A-Za-z0-9:._-]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TransactionId(String);

impl TransactionId {
    /// Checks a text.
    ///
    /// # Errors
    /// Says which rule the text breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, TransactionIdError> {
        let text = text.into();
        let length = text.chars().count();
        if !(1..=128).contains(&length) {
            return Err(TransactionIdError::Length { length });
        }
        let allowed = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-');
        match text.chars().find(|c| !allowed(c)) {
            Some(character) => Err(TransactionIdError::Character { character }),
            None => Ok(Self(text)),
        }
    }

    /// One step of one affiliate's commission for one conversion, such as `commission_pending:12:3`.
    #[must_use]
    pub fn of_commission(kind: TransactionKind, conversion: ConversionId, affiliate: AffiliateId) -> Self {
        Self(format!("{kind}:{conversion}:{affiliate}"))
    }

    /// The same step taken once more, after the one before was undone: `commission_approved:12:3:2`. The first has no number.
    #[must_use]
    pub fn of_repeated(
        kind: TransactionKind,
        conversion: ConversionId,
        affiliate: AffiliateId,
        number: usize,
    ) -> Self {
        match number {
            0 | 1 => Self::of_commission(kind, conversion, affiliate),
            number => Self(format!("{kind}:{conversion}:{affiliate}:{number}")),
        }
    }

    /// Taking a part of such a commission back, or giving it again; `cause` tells several apart and is the id of the refund.
    ///
    /// # Errors
    /// The cause breaks the rules of an id.
    pub fn of_part(
        kind: TransactionKind,
        conversion: ConversionId,
        affiliate: AffiliateId,
        cause: &str,
    ) -> Result<Self, TransactionIdError> {
        Self::new(format!("{kind}:{conversion}:{affiliate}:{cause}"))
    }

    /// One step of one payout, such as `payout_settled:7`.
    #[must_use]
    pub fn of_payout(kind: TransactionKind, payout: PayoutId) -> Self {
        Self(format!("{kind}:{payout}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for TransactionId {
    type Error = TransactionIdError;
    fn try_from(text: String) -> Result<Self, TransactionIdError> {
        Self::new(text)
    }
}

impl From<TransactionId> for String {
    fn from(id: TransactionId) -> String {
        id.0
    }
}

impl std::fmt::Display for TransactionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0)
    }
}
