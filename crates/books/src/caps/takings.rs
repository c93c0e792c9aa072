//! Which sums a conversion was added to, and giving back.

use hopline_catalogue::data::CapMetric;
use hopline_control_store::caps::{self, Addition, CapSpan};
use hopline_control_store::commissions::{self, Commission};
use hopline_control_store::conversions::Conversion;
use hopline_control_store::{Lock, Tx};
use hopline_types::{AffiliateId, CapId, CommissionStatus, UnixMillis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Part, total};
use crate::BookError;

/// Where the decision keeps them.
pub(super) const KEY: &str = "takings";

/// A sum that a conversion was added to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Taking {
    pub(super) cap: CapId,
    pub(super) affiliate: Option<AffiliateId>,
    pub(super) metric: CapMetric,
    pub(super) start: UnixMillis,
    pub(super) end: Option<UnixMillis>,
}

/// Keeps takings with a decision.
pub(crate) fn keep(decision: &mut Value, takings: &[Taking]) -> Result<(), BookError> {
    if !takings.is_empty() {
        decision[KEY] = serde_json::to_value(takings).map_err(BookError::broken)?;
    }
    Ok(())
}

/// The sums that a conversion was added to.
pub(crate) fn of(conversion: &Conversion) -> Result<Vec<Taking>, BookError> {
    #[derive(Deserialize)]
    struct Kept {
        #[serde(default)]
        takings: Vec<Taking>,
    }
    let Some(decision) = &conversion.decision else { return Ok(Vec::new()) };
    let kept: Kept = serde_json::from_str(decision).map_err(|error| {
        let id = conversion.id;
        BookError::broken(format!("what caps took of conversion {id} cannot be read: {error}"))
    })?;
    Ok(kept.takings)
}

/// What a decided conversion counts for now.
pub(super) fn parts(tx: &mut dyn Tx, conversion: &Conversion) -> Result<Vec<Part>, BookError> {
    Ok(parts_of(&commissions::of_conversion(tx, conversion.id)?))
}

/// What a conversion with these commissions counts for.
pub(crate) fn parts_of(commissions: &[Commission]) -> Vec<Part> {
    let parts = commissions.iter().enumerate().map(|(place, commission)| {
        let is_rejected = commission.status == CommissionStatus::Rejected;
        let nothing_left =
            matches!(commission.status, CommissionStatus::Reversed | CommissionStatus::Unattributed);
        let is_undone = is_rejected || nothing_left;
        let left = |booked, reversed| if is_rejected { 0 } else { booked - reversed };
        Part {
            affiliate: commission.affiliate,
            // As in reports it counts with its first credit. Whether it counts as one at all, the takings say.
            conversions: i64::from(place == 0 && !is_undone),
            revenue_minor: left(commission.revenue_minor, commission.reversed_revenue_minor),
            payout_minor: left(commission.payout_minor, commission.reversed_payout_minor),
        }
    });
    parts.collect()
}

/// What a conversion counts for before a change of its commissions.
#[derive(Debug)]
#[must_use = "sums follow the change only with `give_back`"]
pub(crate) struct Counted {
    takings: Vec<Taking>,
    parts: Vec<Part>,
}

/// Looks at a conversion before a change.
pub(crate) fn counted(tx: &mut dyn Tx, conversion: &Conversion) -> Result<Counted, BookError> {
    let takings = of(conversion)?;
    if takings.is_empty() {
        return Ok(Counted { takings, parts: Vec::new() });
    }
    // Sums are read and written back.
    tx.lock(Lock::Caps(conversion.offer))?;
    let parts = parts(tx, conversion)?;
    Ok(Counted { takings, parts })
}

impl Counted {
    /// Takes what the conversion no longer counts for out of the sums that it was added to.
    pub(crate) fn give_back(self, tx: &mut dyn Tx, conversion: &Conversion) -> Result<(), BookError> {
        if self.takings.is_empty() {
            return Ok(());
        }
        let now = parts(tx, conversion)?;
        let difference = |taking: &Taking| {
            let sum = |parts: &[Part]| total(parts, taking.metric, taking.affiliate);
            let span = CapSpan { start: taking.start, end: taking.end };
            let delta = sum(&now) - sum(&self.parts);
            let addition = Addition { cap: taking.cap, affiliate: taking.affiliate, span, delta };
            (delta != 0).then_some(addition)
        };
        let differences: Vec<Addition> = self.takings.iter().filter_map(difference).collect();
        caps::add_many(tx, &differences)?;
        Ok(())
    }
}
