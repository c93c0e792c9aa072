//! Why a report is not believed.

/// Why a report is not believed or not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not the JSON that it should be.
    #[error("{what} is no JSON object: {detail}")]
    NotJson {
        /// Which part.
        what: &'static str,
        /// What the reader says.
        detail: String,
    },
    /// A field is missing or holds something else.
    #[error("{field}: {message}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A version whose signatures cannot be checked.
    #[error("version {version:?} is not accepted: expected 2.1, 2.2, 3.0 or 4.0")]
    Version {
        /// What was given.
        version: String,
    },
    /// The key that it names is not one of ours.
    #[error("key {kid:?} is not known")]
    UnknownKey {
        /// What was given.
        kid: String,
    },
    /// The key is Apple's for tests, and tests are not accepted.
    #[error("key {kid:?} is Apple's for development, which is not accepted here")]
    DevelopmentKey {
        /// What was given.
        kid: String,
    },
    /// The signature has the wrong form or does not fit.
    #[error("the signature does not fit: {detail}")]
    Signature {
        /// More about it.
        detail: &'static str,
    },
}

impl Refusal {
    pub(crate) fn field(field: &'static str, message: impl Into<String>) -> Self {
        Self::Field { field, message: message.into() }
    }

    /// A short word that never changes.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "not_json",
            Self::Field { .. } => "bad_field",
            Self::Version { .. } => "version",
            Self::UnknownKey { .. } => "unknown_key",
            Self::DevelopmentKey { .. } => "development_key",
            Self::Signature { .. } => "bad_signature",
        }
    }

    /// The field to point at.
    #[must_use]
    pub const fn field_name(&self) -> &'static str {
        match self {
            Self::NotJson { .. } => "body",
            Self::Field { field, .. } => field,
            Self::Version { .. } => "version",
            Self::UnknownKey { .. } | Self::DevelopmentKey { .. } => "kid",
            Self::Signature { .. } => "signature",
        }
    }
}
