//! Rates of exchange: what was published, how old it may be, and which conversions wait for one.
//!
//! A rate is never changed. A wrong one is followed by another of the same pair and time under another source: of two with
//! the same time the one entered later counts. What was converted before keeps the rate it was converted at.

use hopline_money::{Amount, Currency, Decimal, MoneyError, convert};
use hopline_types::{ConversionId, HOUR_MS, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::{Row, StoreError, Tx, Value};

mod held;

pub use held::{HeldPair, held_pairs, hold, is_held, release_held};

/// A published rate.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// One unit of this currency ...
    pub from: Currency,
    /// ... is so many units of this one.
    pub to: Currency,
    /// How many.
    pub rate: Decimal,
    /// Who published it.
    pub source: String,
    /// When it was published.
    pub at: UnixMillis,
}

/// A rate as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRate {
    /// Its number.
    pub id: i64,
    /// The rate.
    pub rate: Rate,
    /// When it was entered.
    pub entered_at: UnixMillis,
    /// By whom.
    pub entered_by: String,
}

/// The rate at which an amount was converted, and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The rate as applied; its time is that of the oldest step, its source those of all steps.
    #[serde(flatten)]
    pub rate: Rate,
    /// The published rates that it was computed from; empty where it was published itself.
    #[serde(default)]
    pub steps: Vec<Rate>,
}

impl Exchange {
    /// An amount at this rate, rounded once, half to even (L-20).
    ///
    /// # Errors
    /// The result does not fit.
    pub fn convert(&self, amount: Amount) -> Result<Amount, MoneyError> {
        convert(amount, &self.rate.rate, self.rate.to)
    }
}

/// How rates are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Over which currency two rates make a third.
    pub pivot: Currency,
    /// How old a rate may be, in days.
    pub days_max: i64,
}

impl Policy {
    /// The oldest time that a rate for `at` may have.
    #[must_use]
    pub fn oldest(&self, at: UnixMillis) -> UnixMillis {
        at.plus(-self.days_max.saturating_mul(24 * HOUR_MS))
    }
}

/// What became of a rate that was to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// It is new.
    New,
    /// It was there.
    Known,
    /// Another rate of the same pair, time and source is there: nothing was changed.
    Different {
        /// That one.
        is: Decimal,
    },
}

macro_rules! columns {
    () => {
        "from_currency, to_currency, rate, source, at"
    };
}

fn rate(row: &Row, from: usize) -> Result<Rate, StoreError> {
    Ok(Rate {
        from: row.parsed(from)?,
        to: row.parsed(from + 1)?,
        rate: row.parsed(from + 2)?,
        source: row.text(from + 3)?.to_owned(),
        at: row.time(from + 4)?,
    })
}

fn key(rate: &Rate) -> Vec<Value> {
    vec![rate.from.code().into(), rate.to.code().into(), rate.at.into(), rate.source.as_str().into()]
}

/// Enters rates, each once; says of each what became of it.
///
/// # Errors
/// The store fails.
pub fn enter(tx: &mut dyn Tx, new: &[Rate], by: &str, now: UnixMillis) -> Result<Vec<Entered>, StoreError> {
    let keys: Vec<Vec<Value>> = new.iter().map(key).collect();
    let known = tx.query_many(
        "SELECT rate FROM exchange_rates WHERE from_currency = $1 AND to_currency = $2 AND at = $3 AND source = $4",
        &keys,
    )?;
    let mut entered = Vec::with_capacity(new.len());
    let mut seen: std::collections::HashMap<(Currency, Currency, UnixMillis, &str), Decimal> =
        Default::default();
    let mut rows = Vec::new();
    for (wanted, known) in new.iter().zip(&known) {
        let stored = known.first().map(|row| row.parsed::<Decimal>(0)).transpose()?;
        let same = (wanted.from, wanted.to, wanted.at, wanted.source.as_str());
        let there = stored.or_else(|| seen.get(&same).copied());
        entered.push(match there {
            Some(is) if is == wanted.rate => Entered::Known,
            Some(is) => Entered::Different { is },
            None => {
                seen.insert(same, wanted.rate);
                let mut row = key(wanted);
                row.extend([wanted.rate.to_string().into(), now.into(), by.into()]);
                rows.push(row);
                Entered::New
            }
        });
    }
    tx.execute_many(
        "INSERT INTO exchange_rates (from_currency, to_currency, at, source, rate, entered_at, entered_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &rows,
    )?;
    Ok(entered)
}

/// Which rates are asked for; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RateFilter {
    /// From this currency.
    pub from: Option<Currency>,
    /// To this one.
    pub to: Option<Currency>,
    /// From this source.
    pub source: Option<String>,
    /// Only those with a lower number: the list goes from new to old.
    pub before: Option<i64>,
}

/// Rates in the order of entry, newest first, up to `limit`.
///
/// # Errors
/// The store fails.
pub fn list(tx: &mut dyn Tx, filter: &RateFilter, limit: u32) -> Result<Vec<StoredRate>, StoreError> {
    let rows = tx.query(
        concat!(
            "SELECT id, entered_at, entered_by, ",
            columns!(),
            " FROM exchange_rates WHERE (from_currency = $1 OR $1 IS NULL) AND (to_currency = $2 OR $2 IS NULL) \
             AND (source = $3 OR $3 IS NULL) AND id < $4 ORDER BY id DESC LIMIT $5"
        ),
        &[
            filter.from.map(|currency| currency.code()).into(),
            filter.to.map(|currency| currency.code()).into(),
            filter.source.as_deref().into(),
            filter.before.unwrap_or(i64::MAX).into(),
            i64::from(limit).into(),
        ],
    )?;
    let each = rows.iter().map(|row| {
        Ok(StoredRate {
            id: row.int(0)?,
            entered_at: row.time(1)?,
            entered_by: row.text(2)?.to_owned(),
            rate: rate(row, 3)?,
        })
    });
    each.collect()
}

/// A pair of currencies at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// From this currency.
    pub from: Currency,
    /// To this one.
    pub to: Currency,
    /// At this time; later ones do not count.
    pub at: UnixMillis,
    /// Older ones do not count either.
    pub oldest: UnixMillis,
}

/// The newest rate of each pair at its time, in the order asked for. Only as published: neither inverted nor crossed.
///
/// # Errors
/// The store fails.
pub fn newest(tx: &mut dyn Tx, wanted: &[Wanted]) -> Result<Vec<Option<Rate>>, StoreError> {
    let row = |wanted: &Wanted| {
        vec![wanted.from.code().into(), wanted.to.code().into(), wanted.at.into(), wanted.oldest.into()]
    };
    let rows: Vec<Vec<Value>> = wanted.iter().map(row).collect();
    let found = tx.query_many(
        concat!(
            "SELECT ",
            columns!(),
            " FROM exchange_rates WHERE from_currency = $1 AND to_currency = $2 AND at <= $3 AND at >= $4 \
             ORDER BY at DESC, id DESC LIMIT 1"
        ),
        &rows,
    )?;
    found.iter().map(|rows| rows.first().map(|row| rate(row, 0)).transpose()).collect()
}

/// How rates are chosen.
///
/// # Errors
/// The store fails.
pub fn policy(tx: &mut dyn Tx) -> Result<Policy, StoreError> {
    let row = tx.one("SELECT pivot, days_max FROM exchange_policy WHERE id = 1", &[])?;
    Ok(Policy { pivot: row.parsed(0)?, days_max: row.int(1)? })
}

/// Chooses otherwise from now on.
///
/// # Errors
/// The store fails; `Constraint` where the days are not 1 to 366.
pub fn set_policy(tx: &mut dyn Tx, policy: Policy) -> Result<(), StoreError> {
    let values = [policy.pivot.code().into(), policy.days_max.into()];
    tx.execute("UPDATE exchange_policy SET pivot = $1, days_max = $2 WHERE id = 1", &values).map(drop)
}

/// Keeps others from entering rates, and from holding conversions for want of one, to the end of the transaction: what
/// somebody holds while another enters the rate it waits for would wait for the next one.
///
/// # Errors
/// The store fails.
pub fn lock(tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.execute("UPDATE exchange_policy SET pivot = pivot WHERE id = 1", &[]).map(drop)
}

/// Writes down at which rate the amounts of conversions were converted, with the converted amounts.
///
/// # Errors
/// The store fails.
pub fn record_exchanges<'a>(
    tx: &mut dyn Tx,
    exchanges: impl IntoIterator<Item = (ConversionId, i64, &'a Exchange)>,
) -> Result<(), StoreError> {
    let row = |(conversion, amount_minor, exchange): (ConversionId, i64, &Exchange)| {
        vec![conversion.into(), amount_minor.into(), json(exchange).into()]
    };
    let rows: Vec<Vec<Value>> = exchanges.into_iter().map(row).collect();
    tx.execute_many("UPDATE conversions SET amount_minor = $2, exchange = $3 WHERE id = $1", &rows).map(drop)
}

/// An exchange as kept.
pub(crate) fn json(exchange: &Exchange) -> String {
    serde_json::to_string(exchange).expect("an exchange is plain data")
}
