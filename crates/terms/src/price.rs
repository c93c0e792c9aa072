//! Terms as values.

use hopline_money::Decimal;
use hopline_types::GoalKind;
use serde::{Deserialize, Serialize};

/// What one goal costs the advertiser and brings the affiliate. Values from outside become terms through
/// [`crate::GoalTermsForm::check`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoalTerms {
    /// What is paid for.
    pub kind: GoalKind,
    /// What the advertiser pays.
    pub revenue: Price,
    /// What the affiliate gets.
    pub payout: Price,
}

impl GoalTerms {
    /// The price of one side.
    #[must_use]
    pub const fn price(&self, side: Side) -> &Price {
        match side {
            Side::Revenue => &self.revenue,
            Side::Payout => &self.payout,
        }
    }
}

/// A price: a percentage of the order, a fixed amount per piece, or both (`pps` only).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Percent of the order's amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<Decimal>,
    /// Amount per piece in units of the offer's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Decimal>,
}

impl Price {
    /// Only a percentage.
    #[must_use]
    pub const fn percent(percent: Decimal) -> Self {
        Self { percent: Some(percent), fixed: None }
    }

    /// Only a fixed amount.
    #[must_use]
    pub const fn fixed(fixed: Decimal) -> Self {
        Self { percent: None, fixed: Some(fixed) }
    }
}

/// Whose price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// What the advertiser pays.
    Revenue,
    /// What the affiliate gets.
    Payout,
}

impl Side {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Revenue, Self::Payout];

    /// The word of JSON and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Revenue => "revenue",
            Self::Payout => "payout",
        }
    }
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
