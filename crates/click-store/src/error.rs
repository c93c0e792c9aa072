//! What can go wrong.

use hopline_types::FindingId;

use crate::StreamId;

/// Why a click store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClickStoreError {
    /// The store could not do it; nothing of it counts as done.
    #[error("click store cannot {doing}")]
    Failed {
        /// What it was doing.
        doing: &'static str,
        /// Whether the same call can succeed later.
        retryable: bool,
        /// What the database or the disk said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// One row of a batch will never be taken; nothing of the batch was stored.
    #[error("record {record} of stream {stream} cannot be stored: {reason}")]
    RecordRefused {
        /// The batch's stream.
        stream: StreamId,
        /// The row's record id.
        record: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A batch that contradicts itself or what is stored: a fault of the sender.
    #[error("batch {first} to {last} of stream {stream} is refused: {reason}")]
    BatchRefused {
        /// The batch's stream.
        stream: StreamId,
        /// First record id covered.
        first: u64,
        /// Last record id covered.
        last: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// Another finding was applied under this id.
    #[error("finding {finding} is refused: another one was applied under its id")]
    FindingRefused {
        /// The finding.
        finding: FindingId,
    },
    /// Written by a newer program; nothing was touched.
    #[error("{what} has version {found}, this program knows versions up to {known}")]
    Newer {
        /// Which file or schema.
        what: String,
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
}

impl ClickStoreError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Failed { retryable, .. } => *retryable,
            Self::RecordRefused { .. }
            | Self::BatchRefused { .. }
            | Self::FindingRefused { .. }
            | Self::Newer { .. } => false,
        }
    }
}
