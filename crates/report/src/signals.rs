//! Signs of cookie stuffing, per offer and affiliate: figures against a norm, flags with their reasons.
//!
//! A flag is a sign for a person to look at, never a verdict: nothing is rejected or held by it. Rows go in,
//! one per offer and affiliate; out come those with [`CLICKS_MIN`] clicks, each figure as numerator and denominator
//! beside the norm, which is the sum over the *other* affiliates of the same offer in the same period.
//!
//! | signal | figure | flagged when, and no less than |
//! | --- | --- | --- |
//! | `click_through_high` | clicks on creatives / impressions | 3 times the norm; 1,000 impressions on both sides |
//! | `conversion_low` | conversions / clicks | a third of the norm; 200 clicks on both sides, 10 conversions in the norm |
//! | `quick_orders` | orders under 5 s after their click / orders with a click | 10 %; 10 orders, 3 of them quick |
//! | `returning_customers` | orders of known customers / orders that name a customer | 2 times the norm; 20 orders on both sides |
//! | `referrer_missing` | clicks without referrer / clicks | 2 times the base; 200 clicks on both sides |
//! | `marked_stuffing` | clicks marked `stuffing` / all requests | 5 %; 200 requests, 10 of them marked |
//!
//! Signals that compare also ask that the difference be [`Z_BOUND`] standard errors of the pooled two-proportion
//! test: with one side only, about 1 in 32,000 by chance. The factor keeps differences out that are certain but small,
//! the bound those that are large but uncertain. All of it is integer arithmetic.
//!
//! The base of `referrer_missing` is the affiliate's own clicks on the offer before the period, where those are
//! enough and most of them had a referrer; else the norm, and then only if some of its clicks in the period had a
//! referrer: a site that never sends one, such as an app, is no sign.
//!
//! # Limits
//!
//! A norm needs other affiliates: an offer with one affiliate has only the signals without a norm. Clicks and
//! conversions of a period are not the same visits, so a numerator above its denominator counts as equal to it.
//! Pairs with more than 2^24 in the denominator are halved until they fit, which lowers the statistic a
//! little and never raises it. Whoever changes a number here raises [`SIGNALS_VERSION`]. Source: C-10.

use std::collections::BTreeMap;

use hopline_types::{AffiliateId, OfferId};

use rule::{Compare, Floor, OTHERS};

mod rule;

pub(crate) use rule::far_above;

/// Version of the rules and thresholds of this module.
pub const SIGNALS_VERSION: u32 = 1;
/// Requests below which an affiliate has no row.
pub const CLICKS_MIN: u64 = 200;
/// Standard errors by which a share must differ from its norm.
pub const Z_BOUND: u32 = 4;
/// Milliseconds from click to order below which an order is quick.
pub const QUICK_ORDER_MILLIS: i64 = 5_000;

const NORM_CONVERSIONS_MIN: u64 = 10;
const CLICK_THROUGH: Compare = Compare { signal: Signal::ClickThroughHigh, factor: 3, whole: 1_000 };
const CONVERSION: Compare = Compare { signal: Signal::ConversionLow, factor: 3, whole: CLICKS_MIN };
const RETURNING: Compare = Compare { signal: Signal::ReturningCustomers, factor: 2, whole: 20 };
const MISSING: Compare = Compare { signal: Signal::ReferrerMissing, factor: 2, whole: CLICKS_MIN };
const QUICK: Floor = Floor { signal: Signal::QuickOrders, whole: 10, part: 3, percent: 10 };
const MARKED: Floor = Floor { signal: Signal::MarkedStuffing, whole: CLICKS_MIN, part: 10, percent: 5 };

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ratio {
    /// The numerator.
    pub part: u64,
    /// The denominator.
    pub whole: u64,
}

/// What was counted of one affiliate on one offer, or of all others together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Clicks that carried a creative, of impressions.
    pub click_through: Ratio,
    /// Conversions, of clicks.
    pub conversion: Ratio,
    /// Orders under [`QUICK_ORDER_MILLIS`] after their click, of orders with a click.
    pub quick_orders: Ratio,
    /// Orders of customers known before, of orders that name a customer.
    pub returning: Ratio,
    /// Clicks without a referrer, of clicks.
    pub without_referrer: Ratio,
    /// Clicks marked as stuffing, of all requests.
    pub stuffing: Ratio,
}

/// One affiliate on one offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignalInput {
    /// The offer.
    pub offer: OfferId,
    /// The affiliate.
    pub affiliate: AffiliateId,
    /// What was counted in the period.
    pub figures: Figures,
    /// Clicks without a referrer, of clicks, on the days before the period.
    pub without_referrer_before: Ratio,
}

/// What a flag is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Far more clicks per impression than the norm.
    ClickThroughHigh,
    /// Far fewer conversions per click than the norm.
    ConversionLow,
    /// Orders that follow their click faster than a person orders.
    QuickOrders,
    /// Far more customers who were customers before.
    ReturningCustomers,
    /// Clicks without a referrer where the site sends one.
    ReferrerMissing,
    /// Clicks that the edge marked as stuffing.
    MarkedStuffing,
}

impl Signal {
    /// All of them, in the order of answers.
    pub const ALL: [Self; 6] = [
        Self::ClickThroughHigh,
        Self::ConversionLow,
        Self::QuickOrders,
        Self::ReturningCustomers,
        Self::ReferrerMissing,
        Self::MarkedStuffing,
    ];

    /// The name in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClickThroughHigh => "click_through_high",
            Self::ConversionLow => "conversion_low",
            Self::QuickOrders => "quick_orders",
            Self::ReturningCustomers => "returning_customers",
            Self::ReferrerMissing => "referrer_missing",
            Self::MarkedStuffing => "marked_stuffing",
        }
    }

    /// What it takes to be flagged, in words.
    #[must_use]
    pub fn threshold(self) -> String {
        match self {
            Self::ClickThroughHigh => CLICK_THROUGH.above_in_words(),
            Self::ConversionLow => {
                format!("{}, {NORM_CONVERSIONS_MIN} conversions in the norm", CONVERSION.below_in_words())
            }
            Self::QuickOrders => QUICK.in_words(),
            Self::ReturningCustomers => RETURNING.above_in_words(),
            Self::ReferrerMissing => MISSING.above_in_words(),
            Self::MarkedStuffing => MARKED.in_words(),
        }
    }
}

/// A sign, not a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// What it is about.
    pub signal: Signal,
    /// What was found, in words.
    pub reason: String,
}

/// One row of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalRow {
    /// What was counted.
    pub input: SignalInput,
    /// The same of all other affiliates of the offer.
    pub norm: Figures,
    /// What stands out, in the order of [`Signal`].
    pub flags: Vec<Flag>,
}

/// Judges each affiliate against the others of its offer; rows by offer and affiliate, each pair given once.
///
/// Give all affiliates of an offer, even if only one is asked for: the norm is made of the others.
#[must_use]
pub fn judge(inputs: &[SignalInput]) -> Vec<SignalRow> {
    let mut sums = BTreeMap::<OfferId, Figures>::new();
    for input in inputs {
        let sum = sums.entry(input.offer).or_default();
        *sum = sum.each(input.figures, Ratio::plus);
    }
    let mut rows: Vec<_> = inputs
        .iter()
        .filter(|input| input.figures.stuffing.whole >= CLICKS_MIN)
        .map(|input| {
            let sum = sums.get(&input.offer).copied().unwrap_or_default();
            let norm = sum.each(input.figures, Ratio::minus);
            SignalRow { input: *input, norm, flags: flags(input, &norm) }
        })
        .collect();
    rows.sort_by_key(|row| (row.input.offer, row.input.affiliate));
    rows
}

fn flags(input: &SignalInput, norm: &Figures) -> Vec<Flag> {
    let own = &input.figures;
    let mut flags = Vec::new();
    flags.extend(CLICK_THROUGH.above(own.click_through, norm.click_through, OTHERS));
    if norm.conversion.part >= NORM_CONVERSIONS_MIN {
        flags.extend(CONVERSION.below(own.conversion, norm.conversion));
    }
    flags.extend(QUICK.reached(own.quick_orders));
    flags.extend(RETURNING.above(own.returning, norm.returning, OTHERS));
    let before = input.without_referrer_before;
    let had_one = before.whole >= CLICKS_MIN && before.part.saturating_mul(2) < before.whole;
    if had_one {
        flags.extend(MISSING.above(own.without_referrer, before, BEFORE));
    } else if own.without_referrer.part < own.without_referrer.whole {
        flags.extend(MISSING.above(own.without_referrer, norm.without_referrer, OTHERS));
    }
    flags.extend(MARKED.reached(own.stuffing));
    flags
}

const BEFORE: &str = "of the same affiliate before the period";

// === impl Ratio ===

impl Ratio {
    fn plus(self, other: Self) -> Self {
        let other = other.capped();
        Self { part: self.part.saturating_add(other.part), whole: self.whole.saturating_add(other.whole) }
    }

    fn minus(self, other: Self) -> Self {
        let other = other.capped();
        Self { part: self.part.saturating_sub(other.part), whole: self.whole.saturating_sub(other.whole) }
    }
}

// === impl Figures ===

impl Figures {
    /// What a signal is about.
    #[must_use]
    pub const fn of(&self, signal: Signal) -> Ratio {
        match signal {
            Signal::ClickThroughHigh => self.click_through,
            Signal::ConversionLow => self.conversion,
            Signal::QuickOrders => self.quick_orders,
            Signal::ReturningCustomers => self.returning,
            Signal::ReferrerMissing => self.without_referrer,
            Signal::MarkedStuffing => self.stuffing,
        }
    }

    fn each(self, other: Self, with: fn(Ratio, Ratio) -> Ratio) -> Self {
        Self {
            click_through: with(self.click_through, other.click_through),
            conversion: with(self.conversion, other.conversion),
            quick_orders: with(self.quick_orders, other.quick_orders),
            returning: with(self.returning, other.returning),
            without_referrer: with(self.without_referrer, other.without_referrer),
            stuffing: with(self.stuffing, other.stuffing),
        }
    }
}

#[cfg(test)]
mod tests;
