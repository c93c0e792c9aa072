//! Which part of a list is wanted.

use crate::Value;

/// A part of a list in order of ids: up to `limit` rows with an id above `after`. Ask for one row more than you
/// show to learn whether there are more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The id of the last row seen; 0 from the start.
    pub after: i64,
    /// The most rows to give back.
    pub limit: u32,
}

impl Page {
    /// The first `limit` rows.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { after: 0, limit }
    }

    pub(crate) fn after(self) -> Value {
        Value::Int(self.after)
    }

    pub(crate) fn limit(self) -> Value {
        Value::Int(i64::from(self.limit))
    }
}
