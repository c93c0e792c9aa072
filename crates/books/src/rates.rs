//! Exchange between currencies: which rate counts, and what has to wait for one (L-20).
//!
//! For an amount of A that is wanted in B at some time the newest published rate counts that is not later than that time and
//! not older than the policy allows ([`Policy`], by default 7 days): that of A to B; else that of B to A, inverted; else
//! those of both over the pivot (by default EUR). Rates are computed to 12 places, rounded once, and so is the amount, half to
//! even. What a rate was computed from is kept with it and shown.
//!
//! Where there is no such rate a conversion is held: it is not decided, `GET /v1/exchange_rates/missing` names the pair, and
//! whatever rate is entered next lets it be tried again.

use std::collections::{BTreeMap, BTreeSet};

use hopline_control_store::Tx;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::rates::{self, Entered, Exchange, Policy, Rate, Wanted};
use hopline_money::{Currency, Decimal, rate_of};
use hopline_types::{ConversionId, ORDER_MINOR_MAX, UnixMillis};

use crate::{BookError, FieldError};

mod file;

pub use file::{FileError, RATES_MAX, read_file};

/// The longest name of a source, in characters.
const SOURCE_CHARS_MAX: usize = 100;
/// How far ahead of now a rate may be dated.
const AHEAD_MS: i64 = 24 * 3_600_000;

/// There is no rate that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no rate of {from} to {to} for {} that is at most {days_max} days old, neither published nor over {pivot}",
    crate::explain::rfc3339(*at)
)]
pub struct NoRate {
    /// From this currency.
    pub from: Currency,
    /// To this one.
    pub to: Currency,
    /// At this time.
    pub at: UnixMillis,
    /// How old it may be.
    pub days_max: i64,
    /// Over which currency cross rates go.
    pub pivot: Currency,
}

/// What is asked for: from, to, at.
pub(crate) type Pair = (Currency, Currency, UnixMillis);

/// The rate for each pair, in the order asked for.
pub(crate) fn quotes(tx: &mut dyn Tx, asked: &[Pair]) -> Result<Vec<Result<Exchange, NoRate>>, BookError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let policy = rates::policy(tx)?;
    let mut wanted = Vec::new();
    for (from, to, at) in asked {
        let (from, to, pivot) = (*from, *to, policy.pivot);
        for (from, to) in [(from, to), (to, from), (from, pivot), (pivot, from), (pivot, to), (to, pivot)] {
            wanted.push(Wanted { from, to, at: *at, oldest: policy.oldest(*at) });
        }
    }
    let found = rates::newest(tx, &wanted)?;
    let quote = |((from, to, at), found): (&Pair, &[Option<Rate>])| {
        let missing =
            NoRate { from: *from, to: *to, at: *at, days_max: policy.days_max, pivot: policy.pivot };
        chosen(*from, *to, policy, found).ok_or(missing)
    };
    Ok(asked.iter().zip(found.chunks_exact(6)).map(quote).collect())
}

/// The rate for a pair now.
///
/// # Errors
/// The store's; the inner one where there is none.
pub fn quote(
    tx: &mut dyn Tx,
    from: Currency,
    to: Currency,
    at: UnixMillis,
) -> Result<Result<Exchange, NoRate>, BookError> {
    let found = quotes(tx, &[(from, to, at)])?.pop();
    found.ok_or_else(|| BookError::broken("a rate was asked for and not answered"))
}

fn chosen(from: Currency, to: Currency, policy: Policy, found: &[Option<Rate>]) -> Option<Exchange> {
    let [direct, inverse, from_pivot, pivot_from, pivot_to, to_pivot] = found else { return None };
    if let Some(direct) = direct {
        return Some(Exchange { rate: direct.clone(), steps: Vec::new() });
    }
    if let Some(step) = inverse {
        return computed(from, to, &[], &[step]);
    }
    if from == policy.pivot || to == policy.pivot {
        return None;
    }
    match (from_pivot, pivot_from, pivot_to, to_pivot) {
        (Some(there), _, Some(on), _) => computed(from, to, &[there, on], &[]),
        (Some(there), _, None, Some(on)) => computed(from, to, &[there], &[on]),
        (None, Some(there), Some(on), _) => computed(from, to, &[on], &[there]),
        (None, Some(there), None, Some(on)) => computed(from, to, &[], &[there, on]),
        _ => None,
    }
}

/// A rate made of others.
fn computed(from: Currency, to: Currency, times: &[&Rate], through: &[&Rate]) -> Option<Exchange> {
    let numbers = |rates: &[&Rate]| rates.iter().map(|step| step.rate).collect::<Vec<Decimal>>();
    let rate = rate_of(&numbers(times), &numbers(through))?;
    let steps: Vec<Rate> = times.iter().chain(through).map(|step| (*step).clone()).collect();
    let sources: BTreeSet<&str> = steps.iter().map(|step| step.source.as_str()).collect();
    let source = sources.into_iter().collect::<Vec<_>>().join(", ");
    let at = steps.iter().map(|step| step.at).min()?;
    Some(Exchange { rate: Rate { from, to, rate, source, at }, steps })
}

/// Why a conversion is not decided yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Held {
    /// For want of a rate: tried again once one is entered.
    Waits(NoRate),
    /// Its amount is too large in the currency of the terms.
    TooLarge(BookError),
}

impl Held {
    /// What its decision is answered with.
    pub(crate) fn refusal(self, conversion: ConversionId) -> BookError {
        match self {
            Self::Waits(missing) => BookError::Waits { conversion, missing },
            Self::TooLarge(refusal) => refusal,
        }
    }
}

/// Converts the amounts of orders in other currencies that have none yet, and writes down at which rate. Those for which there
/// is no rate are held.
pub(crate) fn exchange_orders<'a>(
    tx: &mut dyn Tx,
    conversions: impl IntoIterator<Item = &'a mut Conversion>,
    now: UnixMillis,
) -> Result<BTreeMap<ConversionId, Held>, BookError> {
    let mut open: Vec<&mut Conversion> = conversions
        .into_iter()
        .filter(|conversion| conversion.order.is_some() && conversion.exchange.is_none())
        .collect();
    let mut held = BTreeMap::new();
    if open.is_empty() {
        return Ok(held);
    }
    let pair = |conversion: &&mut Conversion| {
        let from = conversion.order.map_or(conversion.currency, |order| order.currency);
        (from, conversion.currency, conversion.converted_at)
    };
    let pairs: Vec<Pair> = open.iter().map(pair).collect();
    let mut found = quotes(tx, &pairs)?;
    if found.iter().any(Result::is_err) {
        // Whoever enters the missing rate at this moment is waited for.
        rates::lock(tx)?;
        found = quotes(tx, &pairs)?;
    }
    let mut waits = Vec::new();
    let mut exchanged = Vec::new();
    for (conversion, found) in open.iter_mut().zip(found) {
        let Some(order) = conversion.order else { continue };
        match found {
            Err(missing) => {
                waits.push((conversion.id, missing.from, missing.to));
                held.insert(conversion.id, Held::Waits(missing));
            }
            Ok(exchange) => match exchange.convert(order) {
                Ok(amount) if amount.minor <= ORDER_MINOR_MAX => {
                    conversion.amount = Some(amount);
                    conversion.exchange = Some(exchange.clone());
                    exchanged.push((conversion.id, amount.minor, exchange));
                }
                Ok(amount) => {
                    let message = format!("{order} is {amount}, which is above the largest order");
                    held.insert(conversion.id, Held::TooLarge(BookError::field("amount", message)));
                }
                Err(error) => {
                    held.insert(conversion.id, Held::TooLarge(BookError::field("amount", error)));
                }
            },
        }
    }
    rates::hold(tx, &waits, now)?;
    rates::record_exchanges(tx, exchanged.iter().map(|(id, minor, exchange)| (*id, *minor, exchange)))?;
    Ok(held)
}

/// What became of rates that were to be entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RatesEntered {
    /// New ones.
    pub new: u64,
    /// Those that were there.
    pub known: u64,
    /// Conversions that were held and are tried again.
    pub released: u64,
}

/// Enters rates, all or none, and lets whatever was held be tried again.
///
/// # Errors
/// [`BookError::Invalid`] with all wrong rates, as `rates[3].rate`: a currency with itself, zero or less, a source without
/// name, a time in the future, or another rate of the same pair, time and source; the store's.
pub fn enter_rates(
    tx: &mut dyn Tx,
    new: &[Rate],
    actor: &str,
    now: UnixMillis,
) -> Result<RatesEntered, BookError> {
    let mut errors = Vec::new();
    for (index, rate) in new.iter().enumerate() {
        check(rate, index, now, &mut errors);
    }
    if !errors.is_empty() {
        return Err(BookError::Invalid(errors));
    }
    rates::lock(tx)?;
    let mut entered = RatesEntered::default();
    for (index, (fate, rate)) in rates::enter(tx, new, actor, now)?.into_iter().zip(new).enumerate() {
        match fate {
            Entered::New => entered.new += 1,
            Entered::Known => entered.known += 1,
            Entered::Different { is } => {
                let message = format!(
                    "{} is not what {:?} has said before for {}/{} at that time: {is}. A rate is never changed; enter the \
                     right one under another source, and it counts from then on",
                    rate.rate, rate.source, rate.from, rate.to
                );
                errors.push(FieldError::new(format!("rates[{index}].rate"), message));
            }
        }
    }
    if !errors.is_empty() {
        return Err(BookError::Invalid(errors));
    }
    if entered.new > 0 {
        entered.released = rates::release_held(tx)?;
    }
    Ok(entered)
}

fn check(rate: &Rate, index: usize, now: UnixMillis, errors: &mut Vec<FieldError>) {
    let mut refuse = |field: &str, message: String| {
        errors.push(FieldError::new(format!("rates[{index}].{field}"), message));
    };
    if rate.from == rate.to {
        refuse("to", format!("is {}, as `from`", rate.to));
    }
    if rate.rate.is_zero() || rate.rate.is_negative() {
        refuse("rate", format!("{} was given, expected more than zero", rate.rate));
    }
    let length = rate.source.chars().count();
    if rate.source.trim().is_empty() || length > SOURCE_CHARS_MAX || rate.source.chars().any(char::is_control)
    {
        refuse("source", format!("has {length} characters, expected 1 to {SOURCE_CHARS_MAX}, not blank"));
    }
    if rate.at.since(now) > AHEAD_MS {
        refuse("at", "is more than a day in the future".to_owned());
    }
}
