//! What reports know of conversions.

use hopline_money::Currency;
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, GoalId, GoalKind, LinkId, OfferId, UnixMillis,
};

use crate::Dims;

/// One change to a conversion: append-only, stored once per `fact_id`.
///
/// A conversion that moves from one state to the next is two facts where reports by status shall add up: one that takes its deltas out of the
/// old status, one that puts them into the new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Natural key, such as the ledger transaction's id.
    pub fact_id: String,
    /// The conversion changed.
    pub conversion: ConversionId,
    /// When the change was booked.
    pub booked_at: UnixMillis,
    /// When the conversion happened.
    pub converted_at: UnixMillis,
    /// When the click that won it happened.
    pub clicked_at: Option<UnixMillis>,
    /// The offer's advertiser.
    pub advertiser: AdvertiserId,
    /// The offer.
    pub offer: OfferId,
    /// The goal.
    pub goal: GoalId,
    /// The goal's key.
    pub goal_key: String,
    /// What the goal pays for.
    pub goal_kind: GoalKind,
    /// The affiliate; none while nobody is credited.
    pub affiliate: Option<AffiliateId>,
    /// The link of the winning click.
    pub link: Option<LinkId>,
    /// What reports group by, copied from the winning click.
    pub dims: Dims,
    /// Coupon code.
    pub coupon: String,
    /// State of the conversion that the deltas count in.
    pub status: CommissionStatus,
    /// Currency of the amounts.
    pub currency: Currency,
    /// What is added.
    pub deltas: Deltas,
}

/// Signed changes of a conversion's counters; amounts in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Deltas {
    /// Conversions of a base goal.
    pub conversions: i64,
    /// Conversions of an additional goal.
    pub events: i64,
    /// Conversions of a goal paid per sale.
    pub sales: i64,
    /// Conversions of a goal paid per lead.
    pub leads: i64,
    /// Conversions of a goal paid per install.
    pub installs: i64,
    /// What the advertiser pays.
    pub revenue_minor: i64,
    /// What the affiliate gets.
    pub payout_minor: i64,
    /// Order value.
    pub gross_sales_minor: i64,
    /// Order value given back, positive.
    pub refunds_minor: i64,
    /// Approved.
    pub approved: i64,
    /// Rejected.
    pub rejected: i64,
    /// Taken back.
    pub reversed: i64,
}

impl Fact {
    /// The time it counts at on `basis=click`: a conversion without a click counts at its own.
    #[must_use]
    pub fn click_basis_at(&self) -> UnixMillis {
        self.clicked_at.unwrap_or(self.converted_at)
    }
}
