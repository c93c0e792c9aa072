//! Why a click id is not believed.

use hopline_types::UnixMillis;

/// Why a click id is not believed. Nothing it says may be used then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Cut, extended or something else altogether.
    #[error("a click id has 60 characters, this one has {given}")]
    Length {
        /// Bytes given.
        given: usize,
    },
    /// A byte outside base64url.
    #[error("a click id is made of A-Z a-z 0-9 - and _, byte {position} is {byte:#04x}")]
    Alphabet {
        /// Where, from 0.
        position: usize,
        /// What stands there.
        byte: u8,
    },
    /// Made by another release, or made up.
    #[error("click id of version {given}, this program reads version 1")]
    Version {
        /// The version it claims.
        given: u8,
    },
    /// Signed with a key that this installation does not have, or has dropped.
    #[error("click id names key {key}, which is not known here")]
    UnknownKey {
        /// The key's id.
        key: u8,
    },
    /// Altered, or made by someone else.
    #[error("the signature of the click id is wrong: it was altered or not made here")]
    Signature,
    /// Rightly signed, but with a value that no click has.
    #[error("click id holds an impossible {field}")]
    Content {
        /// Which field.
        field: &'static str,
    },
    /// Dated later than now.
    #[error("click id is dated {ahead_ms} ms in the future, at most 60000 ms are accepted")]
    FromTheFuture {
        /// How far ahead of the reader's clock.
        ahead_ms: i64,
    },
    /// Made with a key after that key's cut.
    #[error("click id was made with key {key} at {} ms, but that key ended at {} ms", .at.get(), .not_after.get())]
    RetiredKey {
        /// The key's id.
        key: u8,
        /// The time in the click id.
        at: UnixMillis,
        /// The key's cut.
        not_after: UnixMillis,
    },
}

impl Refused {
    /// All tags that [`Refused::as_str`] can give, for metrics that register their labels at start.
    pub const TAGS: [&'static str; 8] = [
        "length",
        "alphabet",
        "version",
        "unknown_key",
        "signature",
        "content",
        "from_the_future",
        "retired_key",
    ];

    /// A short word that never changes: for answers, logs and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Length { .. } => "length",
            Self::Alphabet { .. } => "alphabet",
            Self::Version { .. } => "version",
            Self::UnknownKey { .. } => "unknown_key",
            Self::Signature => "signature",
            Self::Content { .. } => "content",
            Self::FromTheFuture { .. } => "from_the_future",
            Self::RetiredKey { .. } => "retired_key",
        }
    }
}
