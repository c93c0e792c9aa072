//! Closed periods: what was booked after a closing is effective after it, and the chain was what the closing says.

use std::collections::VecDeque;

use hopline_ledger::{ChainHash, Head, Stored};
use hopline_types::UnixMillis;

use super::Unsound;
use crate::ledger::periods::{ClosedPeriod, closed_periods};
use crate::{StoreError, Tx};

/// Walks the closings beside the records.
pub(super) struct Periods {
    left: VecDeque<ClosedPeriod>,
    open_from: Option<UnixMillis>,
}

impl Periods {
    pub(super) fn load(tx: &mut dyn Tx) -> Result<Self, StoreError> {
        Ok(Self { left: closed_periods(tx)?.into(), open_from: None })
    }

    /// The next record; the chain ended with `before` until now.
    pub(super) fn step(&mut self, before: Head, record: &Stored) -> Option<Unsound> {
        if let Some(unsound) = self.pass(before) {
            return Some(unsound);
        }
        let from = self.open_from.filter(|from| record.draft.effective_at < *from)?;
        let effective_at = record.draft.effective_at;
        Some(Unsound::InClosedPeriod { sequence: record.sequence, effective_at, open_from: from })
    }

    /// The end of the chain: no closing may be left.
    pub(super) fn finish(mut self, head: Head) -> Option<Unsound> {
        self.pass(head).or_else(|| self.left.pop_front().map(|closed| Unsound::differs(&closed, head.hash)))
    }

    fn pass(&mut self, head: Head) -> Option<Unsound> {
        while let Some(closed) = self.left.pop_front_if(|closed| closed.record_count <= head.count) {
            if closed.record_count != head.count || closed.record_hash != head.hash {
                return Some(Unsound::differs(&closed, head.hash));
            }
            self.open_from = Some(closed.period.end());
        }
        None
    }
}

impl Unsound {
    fn differs(closed: &ClosedPeriod, found: ChainHash) -> Self {
        Self::Period {
            period: closed.period,
            record_count: closed.record_count,
            noted: closed.record_hash,
            found,
        }
    }
}
