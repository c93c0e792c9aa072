//! Where conversion events go.

use std::fmt::Debug;
use std::pin::Pin;

use hopline_record::ConversionEvent;

/// What [`ConversionSink::accept`] returns.
pub type Accepted<'a> = Pin<Box<dyn Future<Output = Result<(), SinkError>> + Send + 'a>>;

/// Takes conversion events into the control store.
pub trait ConversionSink: Send + Sync + Debug {
    /// Takes events, each with its id (`{edge}-{stream}-{record}`, as answered to the shop), in the order in
    /// which they came. When it returns they are durable. It is idempotent by the id: what was taken
    /// before changes nothing.
    fn accept(&self, events: Vec<(String, ConversionEvent)>) -> Accepted<'_>;
}

/// Why events were not taken.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The store could not; all of them are sent again.
    #[error("conversion events cannot be stored now")]
    Unavailable {
        /// What the store said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// One event will never be taken: it goes to the dead letters, the others are sent again.
    #[error("conversion event {event_id} is refused: {reason}")]
    Refused {
        /// Which.
        event_id: String,
        /// Why.
        reason: String,
    },
}

impl SinkError {
    /// Whether the same call can succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}
