//! What a decision would be now against what stands. Pure.

use std::collections::BTreeMap;

use hopline_control_store::commissions::Commission;
use hopline_control_store::conversions::Conversion;
use hopline_ledger::Share;
use hopline_money::Amount;
use hopline_types::{AffiliateId, CommissionStatus};

use super::super::judge::Ruling;

/// What a comparison comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Weighed {
    /// The decision stands.
    Stands,
    /// It does not: what each affiliate should have, in the order of the credits.
    Differs(Vec<(AffiliateId, Share)>),
}

/// Compares. Amounts decide, affiliate by affiliate; where nobody has any, the reason.
pub(super) fn weigh(conversion: &Conversion, stored: &[Commission], ruling: &Ruling) -> Weighed {
    let (targets, reason) = match ruling {
        Ruling::Over(verdict, _) => (Vec::new(), verdict.reason),
        Ruling::Earned(earned) | Ruling::Capped(earned) => {
            let share = |course: &crate::commission::Course| {
                let commission = course.commission();
                let money = |minor| Amount::new(minor, commission.currency);
                let share =
                    Share::new(money(commission.revenue_minor), money(commission.payout_minor)).ok()?;
                Some((commission.affiliate, share))
            };
            (earned.outcome.courses.iter().filter_map(share).collect(), None)
        }
    };
    let live = stored.iter().filter(|commission| commission.status != CommissionStatus::Unattributed);
    let stands: BTreeMap<AffiliateId, (i64, i64)> = live
        .map(|commission| (commission.affiliate, (commission.revenue_minor, commission.payout_minor)))
        .collect();
    let wanted: BTreeMap<AffiliateId, (i64, i64)> = targets
        .iter()
        .map(|(affiliate, share)| (*affiliate, (share.revenue().minor, share.payout().minor)))
        .collect();
    let is_same_nobody = !wanted.is_empty() || conversion.reason.as_deref() == reason;
    if stands == wanted && is_same_nobody { Weighed::Stands } else { Weighed::Differs(targets) }
}
