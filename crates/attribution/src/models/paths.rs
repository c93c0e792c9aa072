//! Paths of channels.

/// Visitors who took the same path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPath {
    /// Channels in order of time, by number from 0.
    pub channels: Vec<usize>,
    /// How often it ended in a conversion.
    pub conversions: u64,
    /// How often it did not.
    pub others: u64,
}
