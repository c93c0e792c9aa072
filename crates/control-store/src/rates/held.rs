//! Conversions whose amount cannot be converted yet.

use hopline_money::Currency;
use hopline_types::{ConversionId, UnixMillis};

use crate::{StoreError, Tx, Value};

/// Conversions that wait for a rate of one pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPair {
    /// The currency of the orders.
    pub from: Currency,
    /// The currency of the terms.
    pub to: Currency,
    /// How many wait.
    pub conversions: i64,
    /// When the one happened that happened first.
    pub oldest: UnixMillis,
    /// The same for the last one.
    pub newest: UnixMillis,
}

/// Lets conversions wait for a rate. They are not offered to workers any more until [`release_held`].
///
/// # Errors
/// The store fails.
pub fn hold(
    tx: &mut dyn Tx,
    conversions: &[(ConversionId, Currency, Currency)],
    now: UnixMillis,
) -> Result<(), StoreError> {
    let row = |(id, from, to): &(ConversionId, Currency, Currency)| {
        vec![(*id).into(), from.code().into(), to.code().into(), now.into()]
    };
    let rows: Vec<Vec<Value>> = conversions.iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO held_conversions (conversion_id, from_currency, to_currency, since) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (conversion_id) DO NOTHING",
        &rows,
    )
    .map(drop)
}

/// Offers all that wait to workers again; says how many.
///
/// # Errors
/// The store fails.
pub fn release_held(tx: &mut dyn Tx) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM held_conversions", &[])
}

/// Since when a conversion waits for a rate; `None` where it does not.
///
/// # Errors
/// The store fails.
pub fn is_held(tx: &mut dyn Tx, conversion: ConversionId) -> Result<Option<UnixMillis>, StoreError> {
    let sql = "SELECT since FROM held_conversions WHERE conversion_id = $1";
    tx.first(sql, &[conversion.into()])?.map(|row| row.time(0)).transpose()
}

/// Which rates are missing, and how much waits for each.
///
/// # Errors
/// The store fails.
pub fn held_pairs(tx: &mut dyn Tx) -> Result<Vec<HeldPair>, StoreError> {
    let rows = tx.query(
        "SELECT h.from_currency, h.to_currency, count(*), min(c.converted_at), max(c.converted_at) \
         FROM held_conversions h JOIN conversions c ON c.id = h.conversion_id \
         GROUP BY h.from_currency, h.to_currency ORDER BY h.from_currency, h.to_currency",
        &[],
    )?;
    let each = rows.iter().map(|row| {
        Ok(HeldPair {
            from: row.parsed(0)?,
            to: row.parsed(1)?,
            conversions: row.int(2)?,
            oldest: row.time(3)?,
            newest: row.time(4)?,
        })
    });
    each.collect()
}
