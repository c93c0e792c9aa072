//! What waits to be read.

use hopline_types::UnixMillis;

/// What a stream still holds after a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Bytes that wait, framing included.
    pub bytes: u64,
    /// Segments that hold them.
    pub segments: u64,
    /// When the oldest record that waits was appended; `None` when nothing waits.
    pub oldest_at: Option<UnixMillis>,
}

impl Backlog {
    /// How long the oldest record has waited, in milliseconds; 0 when nothing waits or the clock went back.
    #[must_use]
    pub fn oldest_age_ms(&self, now: UnixMillis) -> i64 {
        self.oldest_at.map_or(0, |at| now.since(at).max(0))
    }
}
