//! Paying in another currency: what affiliates want, and what was changed for a payout.

use std::collections::BTreeMap;

use hopline_ledger::TransactionId;
use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, PayoutId, UnixMillis};

use crate::rates::{self, Exchange};
use crate::{ErrorKind, Row, StoreError, Tx};

/// The currency that an affiliate wants to be paid in, whatever it has earned in; none: in what it has earned.
///
/// # Errors
/// The store fails.
pub fn payout_currency(tx: &mut dyn Tx, affiliate: AffiliateId) -> Result<Option<Currency>, StoreError> {
    let sql = "SELECT currency FROM payout_currencies WHERE affiliate_id = $1";
    tx.first(sql, &[affiliate.into()])?.map(|row| row.parsed(0)).transpose()
}

/// The same for all affiliates that want another one.
///
/// # Errors
/// The store fails.
pub fn payout_currencies(tx: &mut dyn Tx) -> Result<BTreeMap<AffiliateId, Currency>, StoreError> {
    let rows = tx.query("SELECT affiliate_id, currency FROM payout_currencies ORDER BY affiliate_id", &[])?;
    rows.iter().map(|row| Ok((row.id(0)?, row.parsed(1)?))).collect()
}

/// Notes in which currency an affiliate wants to be paid.
///
/// # Errors
/// `Reference` where there is no such affiliate; those of the store.
pub fn set_payout_currency(
    tx: &mut dyn Tx,
    affiliate: AffiliateId,
    currency: Option<Currency>,
    by: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let Some(currency) = currency else {
        let sql = "DELETE FROM payout_currencies WHERE affiliate_id = $1";
        return tx.execute(sql, &[affiliate.into()]).map(drop);
    };
    tx.execute(
        "INSERT INTO payout_currencies (affiliate_id, currency, changed_by, changed_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (affiliate_id) DO UPDATE SET currency = excluded.currency, changed_by = excluded.changed_by, \
         changed_at = excluded.changed_at",
        &[affiliate.into(), currency.code().into(), by.into(), now.into()],
    )
    .map(drop)
}

/// What was changed into the currency of a payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutExchange {
    /// The payout.
    pub payout: PayoutId,
    /// What was given.
    pub from: Amount,
    /// What it became.
    pub to: Amount,
    /// At which rate.
    pub exchange: Exchange,
    /// The transaction that booked it.
    pub transaction: TransactionId,
}

/// Writes down what was changed for a payout.
///
/// # Errors
/// The store fails.
pub fn record_exchange(tx: &mut dyn Tx, new: &PayoutExchange) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO payout_exchanges (payout_id, from_currency, from_minor, to_minor, exchange, transaction_id) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            new.payout.into(),
            new.from.currency.code().into(),
            new.from.minor.into(),
            new.to.minor.into(),
            rates::json(&new.exchange).into(),
            new.transaction.as_str().into(),
        ],
    )
    .map(drop)
}

/// What was changed for a payout, by currency.
///
/// # Errors
/// The store fails.
pub fn exchanges_of(tx: &mut dyn Tx, payout: PayoutId) -> Result<Vec<PayoutExchange>, StoreError> {
    let rows = tx.query(
        "SELECT payout_id, from_currency, from_minor, to_minor, exchange, transaction_id FROM payout_exchanges \
         WHERE payout_id = $1 ORDER BY from_currency",
        &[payout.into()],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<PayoutExchange, StoreError> {
    let broken = |what: &str, error: &dyn std::fmt::Display| {
        StoreError::new(ErrorKind::Broken, format!("payout_exchanges.{what}: {error}"))
    };
    let exchange: Exchange =
        serde_json::from_str(row.text(4)?).map_err(|error| broken("exchange", &error))?;
    Ok(PayoutExchange {
        payout: row.id(0)?,
        from: Amount::new(row.int(2)?, row.parsed(1)?),
        to: Amount::new(row.int(3)?, exchange.rate.to),
        transaction: TransactionId::new(row.text(5)?).map_err(|error| broken("transaction_id", &error))?,
        exchange,
    })
}

/// What is open for an affiliate up to a cutoff, by currency; also where it adds up to nothing.
///
/// # Errors
/// The store fails, or a sum does not fit.
pub fn open_amounts(
    tx: &mut dyn Tx,
    affiliate: AffiliateId,
    cutoff: UnixMillis,
) -> Result<Vec<Amount>, StoreError> {
    let rows = tx.query(
        "SELECT currency, CAST(sum(amount_minor) AS BIGINT) FROM payable_items \
         WHERE payout_id IS NULL AND affiliate_id = $1 AND (effective_at <= $2 OR amount_minor < 0) \
         GROUP BY currency ORDER BY currency",
        &[affiliate.into(), cutoff.into()],
    )?;
    rows.iter().map(|row| Ok(Amount::new(row.int(1)?, row.parsed(0)?))).collect()
}
