//! The integers that every metric is made of.

use std::ops::AddAssign;

/// Sums of one group. Money is in minor units of the group's currency.
///
/// Counts saturate: 2^63 clicks do not happen. Money is wider than an amount, so that sums of amounts fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// All requests that reached a tracking link.
    pub gross_clicks: i64,
    /// First click of a visitor on an offer in the duplicate window.
    pub unique_clicks: i64,
    /// Valid but repeated.
    pub duplicate_clicks: i64,
    /// Excluded, each with a reason.
    pub invalid_clicks: i64,
    /// Banners shown.
    pub impressions: i64,
    /// Conversions of a base goal.
    pub conversions: i64,
    /// Conversions of additional goals.
    pub events: i64,
    /// Conversions of goals paid per sale.
    pub sales: i64,
    /// Conversions of goals paid per lead.
    pub leads: i64,
    /// Conversions of goals paid per install.
    pub installs: i64,
    /// Conversions approved.
    pub approved: i64,
    /// Conversions rejected.
    pub rejected: i64,
    /// Conversions taken back.
    pub reversed: i64,
    /// What advertisers pay.
    pub revenue_minor: i128,
    /// What affiliates get.
    pub payout_minor: i128,
    /// Order values.
    pub gross_sales_minor: i128,
    /// Order values given back, positive.
    pub refunds_minor: i128,
}

impl Counters {
    /// Only what comes from clicks and impressions.
    #[must_use]
    pub fn clicks_only(&self) -> Self {
        Self {
            gross_clicks: self.gross_clicks,
            unique_clicks: self.unique_clicks,
            duplicate_clicks: self.duplicate_clicks,
            invalid_clicks: self.invalid_clicks,
            impressions: self.impressions,
            ..Self::default()
        }
    }

    /// Whether everything is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

impl AddAssign<&Self> for Counters {
    fn add_assign(&mut self, other: &Self) {
        let counts = [
            (&mut self.gross_clicks, other.gross_clicks),
            (&mut self.unique_clicks, other.unique_clicks),
            (&mut self.duplicate_clicks, other.duplicate_clicks),
            (&mut self.invalid_clicks, other.invalid_clicks),
            (&mut self.impressions, other.impressions),
            (&mut self.conversions, other.conversions),
            (&mut self.events, other.events),
            (&mut self.sales, other.sales),
            (&mut self.leads, other.leads),
            (&mut self.installs, other.installs),
            (&mut self.approved, other.approved),
            (&mut self.rejected, other.rejected),
            (&mut self.reversed, other.reversed),
        ];
        for (sum, part) in counts {
            *sum = sum.saturating_add(part);
        }
        let money = [
            (&mut self.revenue_minor, other.revenue_minor),
            (&mut self.payout_minor, other.payout_minor),
            (&mut self.gross_sales_minor, other.gross_sales_minor),
            (&mut self.refunds_minor, other.refunds_minor),
        ];
        for (sum, part) in money {
            *sum = sum.checked_add(part).expect("2^64 amounts of 64 bits fit 128 bits");
        }
    }
}
