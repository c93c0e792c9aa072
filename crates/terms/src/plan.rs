//! What terms say besides the goal's two prices: other rates under conditions, what counts of an order, renewals, tiers by
//! volume, levels for recruiters.
//!
//! Everything is optional; an empty plan changes nothing. Of the conditional rates **the first that fits** applies, in the
//! order in which they are written; where none does, the goal's own prices. [`Plan::check`] refuses what can never apply.

use std::collections::BTreeMap;

use hopline_money::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Price, Tiers};

/// What terms say besides the goal's own prices.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// Other prices under conditions: the first that fits applies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<Rate>,
    /// What of an order does not count: it is taken off before anything else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<Part>,
    /// Orders of which less than this counts earn nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_min: Option<Decimal>,
    /// Of larger orders only this much counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_max: Option<Decimal>,
    /// How payments of the same customer after the first are paid; absent: as the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring: Option<Recurring>,
    /// What the volume of a period changes, settled at its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tiers: Option<Tiers>,
    /// What recruiters get: the affiliate's own first, then that one's, and so on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<Level>,
    /// Whether percentages above 100 are meant.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_above_100: bool,
}

impl Plan {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of an order that may be taken off before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Taxes.
    Tax,
    /// Shipping and handling.
    Shipping,
    /// Discounts that the reported amount still holds.
    Discount,
}

impl Part {
    /// The word of JSON and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tax => "tax",
            Self::Shipping => "shipping",
            Self::Discount => "discount",
        }
    }
}

/// Other prices for what fits. A side that is absent keeps the goal's own price.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// What people call it; shown in calculations.
    pub name: String,
    /// When it fits.
    pub when: Condition,
    /// What the advertiser pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revenue: Option<Price>,
    /// What the affiliate gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout: Option<Price>,
}

/// Whether the advertiser knew the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Customer {
    /// Its first order.
    New,
    /// A later one.
    Returning,
}

/// What must be true; what is absent does not matter. Of several words one must fit. A condition on `sku`, `product` or
/// `category` is about single items, every other one about the order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Condition {
    /// The item's SKU.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sku: Vec<String>,
    /// The item's product.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub product: Vec<String>,
    /// The item's category.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub category: Vec<String>,
    /// Whether the customer is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// Where the click came from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub country: Vec<String>,
    /// At least this much of the order counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_from: Option<Decimal>,
    /// Less than this of the order counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount_below: Option<Decimal>,
    /// Other words of the order or its click: `coupon`, `source`, `adv1` to `adv10`, `sub1` to `sub10`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub field: BTreeMap<String, Vec<String>>,
}

impl Condition {
    /// Whether it is about single items.
    #[must_use]
    pub const fn is_about_items(&self) -> bool {
        !(self.sku.is_empty() && self.product.is_empty() && self.category.is_empty())
    }

    /// Whether it fits whatever `other` fits.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.covers_all_but_amounts(other)
            && self.amount_from.is_none_or(|own| other.amount_from.is_some_and(|from| own <= from))
            && self.amount_below.is_none_or(|own| other.amount_below.is_some_and(|below| below <= own))
    }

    /// Whether both say the same but for different ranges of amounts that have orders in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let same = self.covers_all_but_amounts(other) && other.covers_all_but_amounts(self);
        let ends_after = |one: &Self, two: &Self| match (one.amount_below, two.amount_from) {
            (Some(below), Some(from)) => from < below,
            _ => true,
        };
        let has_range = |one: &Self| one.amount_from.is_some() || one.amount_below.is_some();
        same && has_range(self) && has_range(other) && ends_after(self, other) && ends_after(other, self)
    }

    fn covers_all_but_amounts(&self, other: &Self) -> bool {
        let set = |own: &[String], others: &[String]| {
            own.is_empty() || (!others.is_empty() && others.iter().all(|word| own.contains(word)))
        };
        let field = |(name, own): (&String, &Vec<String>)| {
            other.field.get(name).is_some_and(|others| set(own, others))
        };
        set(&self.sku, &other.sku)
            && set(&self.product, &other.product)
            && set(&self.category, &other.category)
            && set(&self.country, &other.country)
            && (self.customer.is_none() || self.customer == other.customer)
            && self.field.iter().all(field)
    }
}

/// How repeated payments of a customer are paid.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recurring {
    /// How many payments are paid, the first among them; absent: all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payments: Option<u32>,
    /// For how many months from the first payment, by the calendar in UTC; absent: forever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub months: Option<u32>,
    /// Until when, in milliseconds of Unix time; absent: forever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Other prices after so many payments, ascending.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<Then>,
}

/// Other prices after so many payments.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Then {
    /// After so many payments: 1 changes the second one.
    pub after: u32,
    /// What the advertiser pays from then on; absent: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revenue: Option<Price>,
    /// What the affiliate gets from then on; absent: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payout: Option<Price>,
}

/// What a level's percentage is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LevelOf {
    /// What the affiliate gets.
    #[default]
    Payout,
    /// What counts of the order.
    Order,
}

/// What a recruiter gets for each conversion of who stands so many levels below.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Level {
    /// What the percentage is of.
    pub of: LevelOf,
    /// The percentage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percent: Option<Decimal>,
    /// An amount per conversion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed: Option<Decimal>,
}
