//! What keeps a catalogue from being used.

use crate::{ChainError, TemplateError};

/// One thing that is wrong with the data; a catalogue with any is refused as a whole, so that an edge keeps the last
/// good one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No key signs, or more than one.
    #[error("exactly one click key signs, here {given} do")]
    SigningKeys {
        /// How many.
        given: usize,
    },
    /// A click key that cannot be used.
    #[error("click key {id}: {reason}")]
    ClickKey {
        /// Its id.
        id: u8,
        /// Why.
        reason: String,
    },
    /// A pseudonym key that cannot be used.
    #[error("pseudonym key of day {day}: {reason}")]
    PseudonymKey {
        /// Its day.
        day: i64,
        /// Why.
        reason: String,
    },
    /// There is no pseudonym key at all.
    #[error("there is no pseudonym key, at least one is needed")]
    NoPseudonymKey,
    /// The same id or code twice.
    #[error("{what} {name} is given twice")]
    Twice {
        /// Kind of thing.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// Something names what is not there.
    #[error("{what} {name} names {of} {id}, which is not there")]
    Missing {
        /// Kind of thing.
        what: &'static str,
        /// Which.
        name: String,
        /// Kind of thing that it names.
        of: &'static str,
        /// Its id.
        id: i64,
    },
    /// A value that cannot be used.
    #[error("{what} {name}: {field}: {reason}")]
    Value {
        /// Kind of thing.
        what: &'static str,
        /// Which.
        name: String,
        /// Field of the plain data.
        field: String,
        /// Why.
        reason: String,
    },
    /// A URL that cannot be used.
    #[error("{what}: {source}")]
    Template {
        /// Whose URL.
        what: String,
        /// Why.
        source: TemplateError,
    },
    /// Fallback offers that go round in a circle or on for too long.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// More of something than fits 32 bits.
    #[error("too many {what}: {given}")]
    TooMany {
        /// What.
        what: &'static str,
        /// How many.
        given: usize,
    },
}
