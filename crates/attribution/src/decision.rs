//! What was decided.

use std::borrow::Cow;

use hopline_money::{Amount, MoneyError, split};
use hopline_types::Model;
use serde::{Deserialize, Serialize};

/// Who is credited, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision<Id, Affiliate> {
    /// Who gets what, in order of time; empty where nobody is credited.
    pub credits: Vec<Credit<Id, Affiliate>>,
    /// The weights of direct visits, for which nobody is paid.
    pub nobody: Vec<u64>,
    /// What became of every touch, in the order in which they were given.
    pub considered: Vec<Considered<Id>>,
    /// The programme's model.
    pub model: Model,
    /// What decided.
    pub rule: Rule,
    /// The same in words.
    pub reason: String,
}

/// One affiliate's credit for one touch, coupon or binding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit<Id, Affiliate> {
    /// What earned it.
    pub source: Source<Id>,
    /// Who is paid.
    pub affiliate: Affiliate,
    /// The share: this weight over [`Decision::weights_total`].
    pub weight: u64,
}

/// What earned a credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source<Id> {
    /// A touch.
    Touch {
        /// Its place in the touches given, from 0.
        index: usize,
        /// Its id.
        id: Id,
    },
    /// The coupon that the conversion named.
    Coupon,
    /// The customer's binding.
    Lifetime,
}

/// What became of one touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered<Id> {
    /// The touch.
    pub id: Id,
    /// Its age at the conversion; negative where it came later.
    pub age_ms: i64,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It has a share of the credit.
    Credited,
    /// It has a share, but as a direct visit nobody is paid for it.
    CreditedToNobody,
    /// It could count, but the model gives it nothing.
    NoShare,
    /// It could count, but something stronger decided.
    Outranked {
        /// What decided.
        by: Rule,
    },
    /// It came after the conversion.
    AfterConversion,
    /// It is older than its window.
    OutsideWindow {
        /// The window.
        window_ms: i64,
    },
    /// It cannot count.
    Invalid {
        /// Why.
        reason: Cow<'static, str>,
    },
    /// It belongs to the buyer.
    SelfReferral,
    /// It is a coupon, and the programme ignores coupons.
    CouponIgnored,
}

impl Outcome {
    /// A short word that never changes.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Credited => "credited",
            Self::CreditedToNobody => "credited_to_nobody",
            Self::NoShare => "no_share",
            Self::Outranked { .. } => "outranked",
            Self::AfterConversion => "after_conversion",
            Self::OutsideWindow { .. } => "outside_window",
            Self::Invalid { .. } => "invalid",
            Self::SelfReferral => "self_referral",
            Self::CouponIgnored => "coupon_ignored",
        }
    }
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// The customer is bound to an affiliate.
    Lifetime,
    /// A coupon was used.
    Coupon,
    /// The model, over clicks.
    Clicks,
    /// The model, over views.
    Views,
    /// Nothing: nobody is credited.
    Nobody,
}

impl Rule {
    /// A short word that never changes.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lifetime => "lifetime",
            Self::Coupon => "coupon",
            Self::Clicks => "clicks",
            Self::Views => "views",
            Self::Nobody => "nobody",
        }
    }
}

impl<Id, Affiliate> Decision<Id, Affiliate> {
    /// The sum of all weights, those of direct visits included.
    #[must_use]
    pub fn weights_total(&self) -> u128 {
        self.weights().map(u128::from).sum()
    }

    /// Direct visits last, so that left-over units go to affiliates first.
    fn weights(&self) -> impl Iterator<Item = u64> {
        self.credits.iter().map(|credit| credit.weight).chain(self.nobody.iter().copied())
    }

    /// Splits a commission among the credits, in their order. What direct visits weigh is not handed out.
    ///
    /// # Errors
    /// None for decisions made by [`crate::attribute`], whose credits have weights above zero.
    pub fn split(&self, commission: Amount) -> Result<Vec<Amount>, MoneyError> {
        if self.credits.is_empty() {
            return Ok(Vec::new());
        }
        let weights: Vec<u64> = self.weights().collect();
        let mut parts = split(commission.minor, &weights)?;
        parts.truncate(self.credits.len());
        Ok(parts.into_iter().map(|minor| Amount::new(minor, commission.currency)).collect())
    }
}
