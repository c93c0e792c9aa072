//! The least that is paid: by method and currency, and as single affiliates want it.

use std::collections::BTreeMap;

use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, PayoutMethod, UnixMillis};

use crate::{Row, Scope, StoreError, Tx};

/// A minimum of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minimum {
    /// The method.
    pub method: PayoutMethod,
    /// The least that is paid.
    pub minimum: Amount,
}

fn amount(row: &Row, currency: usize, minor: usize) -> Result<Amount, StoreError> {
    let currency: Currency = row.parsed(currency)?;
    Ok(Amount::new(row.int(minor)?, currency))
}

/// The minimums of all methods.
///
/// # Errors
/// The store fails.
pub fn method_minimums(tx: &mut dyn Tx) -> Result<Vec<Minimum>, StoreError> {
    let sql = "SELECT method, currency, minimum_minor FROM payout_minimums ORDER BY method, currency";
    let rows = tx.query(sql, &[])?;
    rows.iter().map(|row| Ok(Minimum { method: row.parsed(0)?, minimum: amount(row, 1, 2)? })).collect()
}

/// The minimum of one method; zero where none is set.
///
/// # Errors
/// The store fails.
pub fn method_minimum(
    tx: &mut dyn Tx,
    method: PayoutMethod,
    currency: Currency,
) -> Result<Amount, StoreError> {
    let sql = "SELECT minimum_minor FROM payout_minimums WHERE method = $1 AND currency = $2";
    let row = tx.first(sql, &[method.as_str().into(), currency.code().into()])?;
    Ok(Amount::new(row.map_or(Ok(0), |row| row.int(0))?, currency))
}

/// Sets the minimum of a method; zero takes it away.
///
/// # Errors
/// The store fails.
pub fn set_method_minimum(
    tx: &mut dyn Tx,
    method: PayoutMethod,
    minimum: Amount,
    by: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let (method, currency) = (method.as_str(), minimum.currency.code());
    if minimum.minor == 0 {
        let sql = "DELETE FROM payout_minimums WHERE method = $1 AND currency = $2";
        return tx.execute(sql, &[method.into(), currency.into()]).map(drop);
    }
    tx.execute(
        "INSERT INTO payout_minimums (method, currency, minimum_minor, changed_by, changed_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (method, currency) DO UPDATE SET minimum_minor = excluded.minimum_minor, \
         changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        &[method.into(), currency.into(), minimum.minor.into(), by.into(), now.into()],
    )
    .map(drop)
}

/// What an affiliate wants at least, by currency.
///
/// # Errors
/// The store fails.
pub fn affiliate_minimums(
    tx: &mut dyn Tx,
    scope: Scope,
    affiliate: AffiliateId,
) -> Result<Vec<Amount>, StoreError> {
    let rows = tx.query(
        "SELECT currency, minimum_minor FROM affiliate_minimums \
         WHERE ($1 = 'all' OR ($1 = 'affiliate' AND affiliate_id = $2)) AND affiliate_id = $3 ORDER BY currency",
        &scope.bind([affiliate.into()]),
    )?;
    rows.iter().map(|row| amount(row, 0, 1)).collect()
}

/// What affiliates want at least in one currency.
///
/// # Errors
/// The store fails.
pub fn all_affiliate_minimums(
    tx: &mut dyn Tx,
    currency: Currency,
) -> Result<BTreeMap<AffiliateId, i64>, StoreError> {
    let sql = "SELECT affiliate_id, minimum_minor FROM affiliate_minimums WHERE currency = $1 ORDER BY affiliate_id";
    let rows = tx.query(sql, &[currency.code().into()])?;
    rows.iter().map(|row| Ok((row.id(0)?, row.int(1)?))).collect()
}

/// Sets what an affiliate wants at least; zero takes it away.
///
/// # Errors
/// `Reference` where there is no such affiliate; those of the store.
pub fn set_affiliate_minimum(
    tx: &mut dyn Tx,
    affiliate: AffiliateId,
    minimum: Amount,
    by: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let currency = minimum.currency.code();
    if minimum.minor == 0 {
        let sql = "DELETE FROM affiliate_minimums WHERE affiliate_id = $1 AND currency = $2";
        return tx.execute(sql, &[affiliate.into(), currency.into()]).map(drop);
    }
    tx.execute(
        "INSERT INTO affiliate_minimums (affiliate_id, currency, minimum_minor, changed_by, changed_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (affiliate_id, currency) DO UPDATE SET \
         minimum_minor = excluded.minimum_minor, changed_by = excluded.changed_by, changed_at = excluded.changed_at",
        &[affiliate.into(), currency.into(), minimum.minor.into(), by.into(), now.into()],
    )
    .map(drop)
}
