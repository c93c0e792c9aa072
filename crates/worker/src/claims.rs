//! Which conversions are this worker's.
//!
//! What waits is divided by advertiser into [`PARTITIONS`] parts, so that the order within an advertiser is kept. Where
//! there is one process it holds all of them; where there are several, whoever hands the parts out changes the claims while
//! the worker runs. Claims divide the work and keep nothing safe: two workers that hold the same part for a moment, because
//! the lease of one has run out while it works, book nothing twice, since a decision is only written into a conversion
//! that is undecided.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hopline_control_store::conversions::{PARTITIONS, all_partitions};

/// The parts that a worker holds; clones share them.
#[derive(Debug, Clone)]
pub struct Claims {
    /// A bit for each part.
    held: Arc<AtomicU64>,
    /// Whether it does what only one may do at a time.
    leads: Arc<AtomicBool>,
}

impl Claims {
    /// Everything that waits: there is no other worker.
    #[must_use]
    pub fn all() -> Self {
        Self::of(&all_partitions())
    }

    /// Nothing yet.
    #[must_use]
    pub fn none() -> Self {
        let claims = Self::of(&[]);
        claims.lead(false);
        claims
    }

    /// These parts, and what only one may do.
    #[must_use]
    pub fn of(partitions: &[u16]) -> Self {
        let claims = Self { held: Arc::new(AtomicU64::new(0)), leads: Arc::new(AtomicBool::new(true)) };
        claims.hold(partitions);
        claims
    }

    /// From now on it does what only one may do at a time, or does not. A step that has begun is still taken.
    pub fn lead(&self, leads: bool) {
        self.leads.store(leads, Ordering::Release);
    }

    /// Whether it does what only one may do at a time: facts, holds, findings, the settlement of clicks, deleting, keys.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.leads.load(Ordering::Acquire)
    }

    /// From now on these parts and no others. A batch that has begun is still decided.
    pub fn hold(&self, partitions: &[u16]) {
        let known = partitions.iter().filter(|part| **part < PARTITIONS);
        self.held.store(known.fold(0, |held, part| held | 1 << part), Ordering::Release);
    }

    /// The parts, ascending.
    #[must_use]
    pub fn partitions(&self) -> Vec<u16> {
        let held = self.held.load(Ordering::Acquire);
        all_partitions().into_iter().filter(|part| held & 1 << part != 0).collect()
    }
}

impl Default for Claims {
    fn default() -> Self {
        Self::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_change_for_all_who_share_them() {
        let claims = Claims::none();
        let shared = claims.clone();
        assert_eq!(shared.partitions(), Vec::<u16>::new());
        claims.hold(&[31, 0, 7, PARTITIONS]);
        assert_eq!(shared.partitions(), [0, 7, 31]);
        assert_eq!(Claims::default().partitions().len(), usize::from(PARTITIONS));
        assert!(Claims::default().is_leader() && !claims.is_leader());
        claims.lead(true);
        assert!(shared.is_leader());
    }
}
