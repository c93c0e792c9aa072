//! Bonuses: money for something else than single conversions.
//!
//! | kind | pays |
//! |---|---|
//! | `ladder` | an amount for each rung that the period's volume reaches, or for the highest one only |
//! | `sign_up` | an amount once, when the affiliate is approved or makes its first sale |
//! | `contest` | prizes by rank at the end; who is equal shares the prizes of the places that they take |
//!
//! As tiers, a ladder and a contest are settled as differences to what they had paid before: refunds take a rung back.

use hopline_money::{Amount, Currency, Decimal, times};
use hopline_types::UnixMillis;
use serde::{Deserialize, Serialize};

use crate::check::Fields;
use crate::earned::total;
use crate::tiers::whole;
use crate::{Earned, FieldError, Line, Measure, Side, Span, TermsError};

/// The most rungs or prizes.
pub const RUNGS_MAX: usize = 100;

/// What a bonus pays for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Bonus {
    /// Volume of a period.
    Ladder {
        /// What volume is measured by.
        by: Measure,
        /// How long it adds up.
        period: Span,
        /// Whether only the highest rung reached is paid.
        #[serde(default)]
        highest_only: bool,
        /// The rungs, ascending.
        rungs: Vec<Rung>,
    },
    /// Joining in.
    SignUp {
        /// When it is paid.
        on: SignUp,
        /// How much.
        amount: Decimal,
    },
    /// Being better than others.
    Contest {
        /// What is compared.
        by: Measure,
        /// When it begins.
        from: UnixMillis,
        /// When it ends.
        to: UnixMillis,
        /// What each rank gets, the first rank first.
        prizes: Vec<Decimal>,
    },
}

/// A rung of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rung {
    /// The volume that reaches it.
    pub from: Decimal,
    /// What it pays.
    pub amount: Decimal,
}

/// When joining in is paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignUp {
    /// Once the affiliate is active.
    Approval,
    /// Once it has made a sale that is not given back.
    FirstSale,
}

/// Volume: conversions and what counts of their orders, after refunds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Volume {
    /// How many.
    pub count: u64,
    /// What counts of their orders, in minor units.
    pub counted_minor: i64,
}

impl Volume {
    /// Its number by a measure.
    #[must_use]
    pub fn by(&self, measure: Measure) -> i64 {
        match measure {
            Measure::Count => i64::try_from(self.count).unwrap_or(i64::MAX),
            Measure::Amount => self.counted_minor,
        }
    }
}

fn named(volume: Volume, by: Measure, currency: Currency) -> String {
    match by {
        Measure::Count => format!("{} conversions", volume.count),
        Measure::Amount => Amount::new(volume.counted_minor, currency).to_string(),
    }
}

impl Bonus {
    /// What an affiliate with this volume is to be paid now, after `paid` was paid before; on the payout side alone. For a
    /// sign-up bonus any volume but none is a first sale; a contest is [`ranked`].
    ///
    /// # Errors
    /// More than an amount holds.
    pub fn settle(&self, volume: Volume, paid: Amount, currency: Currency) -> Result<Earned, TermsError> {
        let mut lines = Vec::new();
        match self {
            Self::Ladder { by, highest_only, rungs, .. } => {
                let start = |from: &Decimal| match by {
                    Measure::Count => Ok(whole(from).unwrap_or(i64::MAX)),
                    Measure::Amount => times(1, from, currency).map(|from| from.minor),
                };
                let mut reached = Vec::new();
                for rung in rungs {
                    if start(&rung.from)? <= volume.by(*by) {
                        reached.push(rung);
                    }
                }
                let skipped = if *highest_only { reached.len().saturating_sub(1) } else { 0 };
                for rung in reached.into_iter().skip(skipped) {
                    let label = format!("rung from {}: {} reached", rung.from, named(volume, *by, currency));
                    lines.push(Line::pieces(Side::Payout, &label, (1, "bonus"), &rung.amount, currency)?);
                }
            }
            Self::SignUp { on, amount } => {
                let (is_due, label) = match on {
                    SignUp::Approval => (true, "approved as affiliate"),
                    SignUp::FirstSale => (volume.count > 0, "first sale"),
                };
                if is_due {
                    lines.push(Line::pieces(Side::Payout, label, (1, "bonus"), amount, currency)?);
                }
            }
            Self::Contest { .. } => {}
        }
        if !paid.is_zero() {
            lines.push(Line::taken(Side::Payout, "paid before", 1, paid)?);
        }
        total(lines, currency)
    }
}

/// A place on a leaderboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ranked<A> {
    /// Whose.
    pub who: A,
    /// With what.
    pub volume: Volume,
    /// The rank, from 1; equal volumes share one.
    pub rank: usize,
    /// What it wins, as things stand.
    pub prize: Amount,
    /// How that is calculated.
    pub line: Option<Line>,
}

/// Ranks affiliates by volume, the most first. Those without volume have no place. Who is equal shares a rank and the prizes
/// of the places that they take, in equal parts; a remaining minor unit goes to the lower `A`.
///
/// # Errors
/// More than an amount holds.
pub fn ranked<A: Ord + Copy>(
    scores: &[(A, Volume)],
    by: Measure,
    prizes: &[Decimal],
    currency: Currency,
) -> Result<Vec<Ranked<A>>, TermsError> {
    let mut ordered: Vec<(A, Volume)> =
        scores.iter().copied().filter(|(_, volume)| volume.by(by) > 0).collect();
    ordered.sort_by_key(|(who, volume)| (std::cmp::Reverse(volume.by(by)), *who));
    let mut all = Vec::with_capacity(ordered.len());
    let mut first = 0;
    for equal in ordered.chunk_by(|(_, one), (_, two)| one.by(by) == two.by(by)) {
        let (rank, last) = (first + 1, first + equal.len());
        let mut pot = Amount::zero(currency);
        for prize in prizes.iter().skip(first).take(equal.len()) {
            pot = pot.checked_add(times(1, prize, currency)?)?;
        }
        let shares = hopline_money::split(pot.minor, &vec![1; equal.len()])?;
        for ((who, volume), minor) in equal.iter().zip(shares) {
            let prize = Amount::new(minor, currency);
            let label = if equal.len() == 1 {
                format!("rank {rank} with {}", named(*volume, by, currency))
            } else {
                format!(
                    "ranks {rank} to {last} shared by {} with {}",
                    equal.len(),
                    named(*volume, by, currency)
                )
            };
            let line = (!prize.is_zero()).then(|| Line::share(Side::Payout, &label, pot, equal.len(), prize));
            all.push(Ranked { who: *who, volume: *volume, rank, prize, line });
        }
        first = last;
    }
    Ok(all)
}

/// What is to be paid for a place in a contest now, after `paid` was paid for it before.
///
/// # Errors
/// More than an amount holds.
pub fn prize(line: Option<Line>, paid: Amount, currency: Currency) -> Result<Earned, TermsError> {
    let mut lines: Vec<Line> = line.into_iter().collect();
    if !paid.is_zero() {
        lines.push(Line::taken(Side::Payout, "paid before", 1, paid)?);
    }
    total(lines, currency)
}

impl Bonus {
    /// Whether it can be meant.
    ///
    /// # Errors
    /// All bad fields, each with its path.
    pub fn check(&self, path: &str, currency: Currency) -> Result<(), Vec<FieldError>> {
        let mut fields = Fields::new(path);
        let mut amount = |name: &str, amount: &Decimal| {
            if amount.is_negative() {
                fields.add(name, format!("{amount} is negative: expected 0 or more"));
            } else if amount.scale() > currency.exponent() {
                let places = currency.exponent();
                fields.add(
                    name,
                    format!("{amount} has {} decimal places: {currency} has {places}", amount.scale()),
                );
            } else if times(1, amount, currency).is_err() {
                fields.add(name, format!("{amount} is more than an amount of {currency} can hold"));
            }
        };
        match self {
            Self::Ladder { by, rungs, .. } => {
                for (place, rung) in rungs.iter().enumerate() {
                    amount(&format!("rungs[{place}].amount"), &rung.amount);
                    if *by == Measure::Amount {
                        amount(&format!("rungs[{place}].from"), &rung.from);
                    }
                }
                check_length(&mut fields, "rungs", rungs.len());
                for (place, rung) in rungs.iter().enumerate() {
                    if *by == Measure::Count && whole(&rung.from).is_none_or(|from| from < 1) {
                        let message = format!("{} is no count: expected a whole number from 1", rung.from);
                        fields.add(&format!("rungs[{place}].from"), message);
                    }
                }
                for (place, pair) in rungs.windows(2).enumerate() {
                    if let [one, two] = pair
                        && two.from <= one.from
                    {
                        let message = format!("{} is not above rungs[{place}].from, {}", two.from, one.from);
                        fields.add(&format!("rungs[{}].from", place + 1), message);
                    }
                }
            }
            Self::SignUp { amount: paid, .. } => amount("amount", paid),
            Self::Contest { from, to, prizes, .. } => {
                for (place, prize) in prizes.iter().enumerate() {
                    amount(&format!("prizes[{place}]"), prize);
                }
                check_length(&mut fields, "prizes", prizes.len());
                if to <= from {
                    fields.add("to", "is not after from");
                }
                for (place, pair) in prizes.windows(2).enumerate() {
                    if let [one, two] = pair
                        && two > one
                    {
                        let message =
                            format!("{two} is above prizes[{place}], {one}: the better rank wins more");
                        fields.add(&format!("prizes[{}]", place + 1), message);
                    }
                }
            }
        }
        fields.finish()
    }
}

fn check_length(fields: &mut Fields, name: &str, length: usize) {
    if length == 0 || length > RUNGS_MAX {
        fields.add(name, format!("has {length} entries, expected 1 to {RUNGS_MAX}"));
    }
}
