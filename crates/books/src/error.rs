//! What can stand against a change of the books.

use hopline_control_store::{StoreError, ledger::PostError};

/// One field of a request and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldError {
    /// The field's name as in the request.
    pub field: String,
    /// What was given and what was expected.
    pub message: String,
}

impl FieldError {
    /// Something wrong with a field.
    pub fn new(field: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Self { field: field.into(), message: message.to_string() }
    }
}

/// Why a change was not made. Nothing has changed then, if the caller rolls its transaction back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// No such thing.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What sort of thing.
        what: &'static str,
        /// Its id.
        id: i64,
    },
    /// The thing is in a state in which this cannot be done.
    #[error("{what} {id} is {is}, {wanted}")]
    State {
        /// What sort of thing.
        what: &'static str,
        /// Its id.
        id: i64,
        /// The state it is in.
        is: String,
        /// What would have been needed, in words.
        wanted: &'static str,
    },
    /// Fields of the request are wrong: all of them.
    #[error("{}", fields(.0))]
    Invalid(Vec<FieldError>),
    /// The same request was made before with another content.
    #[error("{detail}")]
    Conflict {
        /// What differs.
        detail: String,
    },
    /// It waits for a rate of exchange and is tried again by itself.
    #[error("conversion {conversion} waits: {missing}")]
    Waits {
        /// The conversion.
        conversion: hopline_types::ConversionId,
        /// What is missing.
        missing: crate::rates::NoRate,
    },
    /// The second person is missing (L-25).
    #[error("{detail}")]
    FourEyes {
        /// Who may not do this, and why.
        detail: String,
    },
    /// Settings are missing; the operator must set them.
    #[error("{}", settings(.0))]
    Settings(Vec<FieldError>),
    /// A rule of the books would be broken: a defect, never the caller's fault.
    #[error("{detail}")]
    Broken {
        /// What does not fit.
        detail: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BookError {
    /// One wrong field.
    pub fn field(field: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    pub(crate) fn broken(detail: impl std::fmt::Display) -> Self {
        Self::Broken { detail: detail.to_string() }
    }
}

impl From<PostError> for BookError {
    fn from(error: PostError) -> Self {
        match error {
            PostError::Store(error) => Self::Store(error),
            other @ PostError::Different(_) => Self::Conflict { detail: other.to_string() },
            other => Self::broken(other),
        }
    }
}

fn fields(errors: &[FieldError]) -> String {
    let each = errors.iter().map(|error| format!("{}: {}", error.field, error.message));
    each.collect::<Vec<_>>().join("; ")
}

fn settings(errors: &[FieldError]) -> String {
    format!("settings are missing or wrong: {}", fields(errors))
}
