//! Tiers: what the volume of a period changes.
//!
//! Conversions are booked at their own rates when they happen. What the whole period is worth under the tiers, less what was
//! booked for its conversions, less what earlier settlements of the period booked, is the next settlement
//! ([`Tiers::settle`]). It depends on what the period holds and not on the order in which that became known, so late
//! conversions and refunds correct it, and the same period again settles nothing.
//!
//! *Retroactive*: the step that the volume reaches prices all of the period. *Marginal*: each step prices what lies between
//! it and the next one. By `count` a step begins with the conversion of its number, in the order in which they
//! happened; by `amount` with its amount, and a conversion may be divided. The first step begins at 0: no volume is
//! without a price. A side that no step prices is not tiered.

use hopline_money::{Amount, Currency, Decimal, times};
use hopline_types::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::earned::total;
use crate::{Earned, Line, Price, Side, TermsError};

/// What volume is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// How many conversions.
    Count,
    /// What counts of their orders.
    Amount,
}

/// How long volume adds up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// A day.
    Day,
    /// A week from Monday.
    Week,
    /// A month.
    Month,
    /// Forever.
    Total,
}

impl Span {
    /// The word of JSON and explanations.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Total => "total",
        }
    }
}

/// Whether a step prices all of the period or what lies above it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All of the period.
    Retroactive,
    /// What lies between the step and the next one.
    Marginal,
}

/// Tiers of one goal and affiliate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiers {
    /// What volume is measured by.
    pub by: Measure,
    /// How long it adds up.
    pub period: Span,
    /// The time zone of periods.
    #[serde(default = "utc")]
    pub zone: String,
    /// What a step prices.
    pub mode: Mode,
    /// The steps, ascending, the first from 0.
    pub steps: Vec<Step>,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// Prices from a volume on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The volume: conversions or an amount.
    pub from: Decimal,
    /// What the advertiser pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<Price>,
    /// What the affiliate gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payout: Option<Price>,
}

impl Step {
    /// Its price on a side.
    #[must_use]
    pub const fn price(&self, side: Side) -> Option<&Price> {
        match side {
            Side::Revenue => self.revenue.as_ref(),
            Side::Payout => self.payout.as_ref(),
        }
    }
}

/// A conversion of the period, as it stands after refunds; those rejected or given back as a whole are none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Piece {
    /// When it happened.
    pub at: UnixMillis,
    /// What tells those of the same time apart, whatever order they became known in.
    pub key: String,
    /// What counts of its order, in minor units.
    pub counted_minor: i64,
}

/// Money of both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sums {
    /// Of the advertiser.
    pub revenue: Amount,
    /// Of the affiliate.
    pub payout: Amount,
}

impl Sums {
    /// Nothing.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { revenue: Amount::zero(currency), payout: Amount::zero(currency) }
    }

    const fn of(&self, side: Side) -> Amount {
        match side {
            Side::Revenue => self.revenue,
            Side::Payout => self.payout,
        }
    }
}

impl Tiers {
    /// What is to be booked for a period now: its worth, less what was `booked` for its conversions, less what was
    /// `settled` before. May be negative: then as much is to be taken back.
    ///
    /// # Errors
    /// More than an amount holds; steps that [`crate::Plan::check`] would have refused.
    pub fn settle(
        &self,
        pieces: &[Piece],
        booked: &Sums,
        settled: &Sums,
        currency: Currency,
    ) -> Result<Earned, TermsError> {
        let mut lines = Vec::new();
        for side in Side::ALL {
            if self.steps.iter().all(|step| step.price(side).is_none()) {
                continue;
            }
            lines.extend(self.worth(side, pieces, currency)?);
            let taken = |amount: Amount, label: &str| Line::taken(side, label, pieces.len(), amount);
            lines.push(taken(booked.of(side), "booked for these conversions")?);
            if !settled.of(side).is_zero() {
                lines.push(taken(settled.of(side), "settled before")?);
            }
        }
        total(lines, currency)
    }

    /// What the period is worth on a side.
    fn worth(&self, side: Side, pieces: &[Piece], currency: Currency) -> Result<Vec<Line>, TermsError> {
        let mut ordered: Vec<&Piece> = pieces.iter().collect();
        ordered.sort();
        let count = u64::try_from(ordered.len()).unwrap_or(u64::MAX);
        let amount = sum(ordered.iter().map(|piece| piece.counted_minor), currency)?;
        let mut lines = Vec::new();
        let starts = self.starts(currency)?;
        let ends = starts.iter().skip(1).copied().map(Some).chain([None]);
        for ((step, start), end) in self.steps.iter().zip(&starts).zip(ends) {
            let volume = match self.by {
                Measure::Count => i64::try_from(count).unwrap_or(i64::MAX),
                Measure::Amount => amount.minor,
            };
            let is_reached = volume >= *start;
            let is_last = end.is_none_or(|end| volume < end);
            let (own_count, own_amount) = match (self.mode, self.by) {
                (Mode::Retroactive, _) if is_reached && is_last => (count, amount),
                (Mode::Retroactive, _) => continue,
                (Mode::Marginal, Measure::Count) => {
                    let own = (1_i64..)
                        .zip(&ordered)
                        .filter(|(number, _)| number >= start && end.is_none_or(|end| *number < end));
                    let own: Vec<i64> = own.map(|(_, piece)| piece.counted_minor).collect();
                    (u64::try_from(own.len()).unwrap_or(u64::MAX), sum(own, currency)?)
                }
                (Mode::Marginal, Measure::Amount) => {
                    let top = end.map_or(amount.minor, |end| end.min(amount.minor));
                    (0, Amount::new((top - start).max(0), currency))
                }
            };
            if own_count == 0 && own_amount.is_zero() {
                continue;
            }
            let price = step.price(side).ok_or(TermsError::TierWithoutPrice { side })?;
            let label = format!("tier from {}", step.from);
            if let Some(percent) = &price.percent {
                lines.push(Line::percent(side, &label, own_amount, percent)?);
            }
            if let Some(fixed) = &price.fixed {
                lines.push(Line::pieces(side, &label, (own_count, "conversion"), fixed, currency)?);
            }
        }
        Ok(lines)
    }

    /// Where the steps begin: conversions or minor units.
    fn starts(&self, currency: Currency) -> Result<Vec<i64>, TermsError> {
        let start = |step: &Step| match self.by {
            Measure::Count => Ok(whole(&step.from).unwrap_or(i64::MAX)),
            Measure::Amount => Ok(times(1, &step.from, currency)?.minor),
        };
        self.steps.iter().map(start).collect()
    }
}

/// A decimal as a whole number, if it is one.
pub(crate) fn whole(decimal: &Decimal) -> Option<i64> {
    let divisor = 10_i128.checked_pow(decimal.scale().into())?;
    let is_whole = decimal.mantissa() % divisor == 0;
    i64::try_from(decimal.mantissa() / divisor).ok().filter(|_| is_whole)
}

pub(crate) fn sum(
    amounts: impl IntoIterator<Item = i64>,
    currency: Currency,
) -> Result<Amount, hopline_money::MoneyError> {
    let mut all = Amount::zero(currency);
    for minor in amounts {
        all = all.checked_add(Amount::new(minor, currency))?;
    }
    Ok(all)
}
