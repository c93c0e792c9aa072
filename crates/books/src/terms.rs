//! What terms would do: nothing here books.
//!
//! [`preview`] says which version applies to a conversion for an affiliate and what it comes to. [`DryRun`] prices the
//! conversions of a past period again under proposed terms, page by page, and adds up who gains and loses. It keeps the credit
//! as it was given: each conversion's new revenue and payout are divided in proportion to what its affiliates were booked.
//! Tiers and levels of the proposed terms are not part of it, and neither are settlements.

use std::collections::{BTreeMap, BTreeSet};

use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::{self, TermsVersion};
use hopline_control_store::{Tx, commissions};
use hopline_money::{Amount, Currency, split};
use hopline_terms::{Earned, GoalTerms, Plan};
use hopline_types::{AffiliateId, CommissionStatus, GoalId};

use crate::BookError;
use crate::decide::earn::{Circumstances, why};
use crate::decide::labels_of;

/// What a conversion would earn for an affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The terms that apply.
    pub version: TermsVersion,
    /// Why these.
    pub applies: String,
    /// What they come to, were it the affiliate's alone.
    pub earned: Earned,
}

/// Which terms apply to a conversion for an affiliate, and what it would earn.
///
/// # Errors
/// [`BookError::Invalid`] where the terms do not come to an amount; the store's.
pub fn preview(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    affiliate: AffiliateId,
) -> Result<Preview, BookError> {
    let terms = offers::terms_of_goals(tx, [conversion.goal])?;
    let concerned = BTreeSet::from([affiliate]);
    let circumstances = Circumstances::read(tx, [conversion].into_iter(), &terms, &concerned)?;
    let versions = terms.get(&conversion.goal).map(Vec::as_slice).unwrap_or_default();
    let dims = labels_of(conversion).dims;
    let earnings = circumstances.earnings(conversion, versions, Some(&dims), [affiliate])?;
    let (version, earned) = earnings.main()?;
    Ok(Preview { version: version.clone(), applies: why(version, affiliate), earned: earned.clone() })
}

/// Terms that might be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Of this goal.
    pub goal: GoalId,
    /// What would be paid.
    pub terms: GoalTerms,
    /// What else would be said of that.
    pub plan: Plan,
}

/// What an affiliate had and would have had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// Conversions of which it has a share.
    pub conversions: u64,
    /// Revenue as booked, in minor units.
    pub revenue_before: i64,
    /// Payout as booked.
    pub payout_before: i64,
    /// Revenue as it would be.
    pub revenue_after: i64,
    /// Payout as it would be.
    pub payout_after: i64,
}

/// The sums of a dry run. Its size is that of the affiliates, not of the conversions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DryRun {
    currency: Currency,
    proposed: Proposed,
    /// By affiliate.
    pub changes: BTreeMap<AffiliateId, Change>,
    /// Conversions that were priced again.
    pub conversions: u64,
    /// Conversions that the proposed terms cannot price, such as sales without an amount.
    pub unpriced: u64,
}

impl DryRun {
    /// Nothing yet.
    #[must_use]
    pub const fn new(currency: Currency, proposed: Proposed) -> Self {
        Self { currency, proposed, changes: BTreeMap::new(), conversions: 0, unpriced: 0 }
    }

    /// Prices one page of conversions again. Those of other goals, without credit, or refused are left out.
    ///
    /// # Errors
    /// The store's; sums that no amount can hold.
    pub fn add(&mut self, tx: &mut dyn Tx, page: &[Conversion]) -> Result<(), BookError> {
        let counts = |conversion: &&Conversion| {
            conversion.goal == self.proposed.goal
                && conversion.affiliate.is_some()
                && !conversion.source.is_settlement()
                && !matches!(
                    conversion.status,
                    None | Some(CommissionStatus::Rejected | CommissionStatus::Unattributed)
                )
        };
        let page: Vec<&Conversion> = page.iter().filter(counts).collect();
        let version = self.as_version();
        let terms = BTreeMap::from([(self.proposed.goal, vec![version])]);
        let versions = terms.values().next().map(Vec::as_slice).unwrap_or_default();
        let circumstances = Circumstances::read(tx, page.iter().copied(), &terms, &BTreeSet::new())?;
        let ids: Vec<_> = page.iter().map(|conversion| conversion.id).collect();
        let booked = commissions::of_conversions(tx, &ids)?;
        for (conversion, booked) in page.into_iter().zip(booked) {
            let Some(affiliate) = conversion.affiliate else { continue };
            let dims = labels_of(conversion).dims;
            let Ok(earnings) = circumstances.earnings(conversion, versions, Some(&dims), [affiliate]) else {
                self.unpriced += 1;
                continue;
            };
            self.conversions += 1;
            let earned = earnings.main()?.1;
            let weights: Vec<u64> = weights(booked.iter().map(|one| (one.revenue_minor, one.payout_minor)));
            let divide = |amount: Amount| split(amount.minor, &weights).map_err(BookError::broken);
            let (revenues, payouts) = (divide(earned.revenue)?, divide(earned.payout)?);
            for ((one, revenue), payout) in booked.iter().zip(revenues).zip(payouts) {
                let change = self.changes.entry(one.affiliate).or_default();
                change.conversions += 1;
                let sums = [
                    (&mut change.revenue_before, one.revenue_minor),
                    (&mut change.payout_before, one.payout_minor),
                    (&mut change.revenue_after, revenue),
                    (&mut change.payout_after, payout),
                ];
                for (sum, more) in sums {
                    *sum = sum.checked_add(more).ok_or_else(|| {
                        BookError::broken("the sums of a dry run do not fit into an amount")
                    })?;
                }
            }
        }
        Ok(())
    }

    /// The currency of its sums.
    #[must_use]
    pub const fn currency(&self) -> Currency {
        self.currency
    }

    fn as_version(&self) -> TermsVersion {
        let always = hopline_types::UnixMillis(0);
        TermsVersion {
            id: hopline_types::TermsId::new(1).expect("1 is an id"),
            goal_id: self.proposed.goal,
            version: 1,
            effective_from: always,
            until: None,
            whose: offers::Whose::All,
            terms: self.proposed.terms.clone(),
            plan: Plan { levels: Vec::new(), tiers: None, ..self.proposed.plan.clone() },
            created_at: always,
        }
    }
}

/// In which proportion a conversion is divided: by revenue, which recruiters have none of; else by payout; else equally.
fn weights(booked: impl Iterator<Item = (i64, i64)> + Clone) -> Vec<u64> {
    let of = |pick: fn((i64, i64)) -> i64| -> Vec<u64> {
        booked.clone().map(|sums| u64::try_from(pick(sums)).unwrap_or_default()).collect()
    };
    let (revenues, payouts) = (of(|sums| sums.0), of(|sums| sums.1));
    let is_something = |weights: &Vec<u64>| weights.iter().any(|weight| *weight > 0);
    if is_something(&revenues) {
        revenues
    } else if is_something(&payouts) {
        payouts
    } else {
        vec![1; revenues.len()]
    }
}
