//! Open items: what is owed to affiliates and which payout takes it.
//!
//! A payout takes what became owed up to its cutoff, and all that was taken back, whenever that was: otherwise it could
//! pay more than the affiliate's balance.

use hopline_money::Currency;
use hopline_types::{AffiliateId, ConversionId, PayoutId, UnixMillis};

use super::{Payout, payout, payout_select};
use crate::{StoreError, Tx};

/// What is open for one affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenSum {
    /// Who.
    pub affiliate: AffiliateId,
    /// The sum of its open items.
    pub amount_minor: i64,
}

/// One open item: an entry on an affiliate's payable account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Sequence of its transaction.
    pub sequence: i64,
    /// Place of the entry in it.
    pub position: i64,
    /// What is owed; below zero for what was taken back.
    pub amount_minor: i64,
    /// When it became owed.
    pub effective_at: UnixMillis,
    /// The conversion it comes from.
    pub conversion: Option<ConversionId>,
}

/// Sums of what a payout with this cutoff would take, by affiliate.
///
/// # Errors
/// The store fails, or a sum does not fit.
pub fn open_sums(
    tx: &mut dyn Tx,
    currency: Currency,
    cutoff: UnixMillis,
) -> Result<Vec<OpenSum>, StoreError> {
    let rows = tx.query(
        "SELECT affiliate_id, CAST(sum(amount_minor) AS BIGINT) FROM payable_items \
         WHERE payout_id IS NULL AND currency = $1 AND (effective_at <= $2 OR amount_minor < 0) GROUP BY affiliate_id ORDER BY affiliate_id",
        &[currency.code().into(), cutoff.into()],
    )?;
    rows.iter().map(|row| Ok(OpenSum { affiliate: row.id(0)?, amount_minor: row.int(1)? })).collect()
}

/// Gives an affiliate's open items in one currency to a payout, and keeps them as its lines. Says what they add up to.
///
/// # Errors
/// The store fails.
pub fn take_items(
    tx: &mut dyn Tx,
    payout: PayoutId,
    affiliate: AffiliateId,
    currency: Currency,
    cutoff: UnixMillis,
) -> Result<i64, StoreError> {
    tx.execute(
        "UPDATE payable_items SET payout_id = $1 \
         WHERE payout_id IS NULL AND currency = $2 AND affiliate_id = $3 AND (effective_at <= $4 OR amount_minor < 0)",
        &[payout.into(), currency.code().into(), affiliate.into(), cutoff.into()],
    )?;
    tx.execute(
        "INSERT INTO payout_lines (payout_id, sequence, position, amount_minor, conversion_id) \
         SELECT payout_id, sequence, position, amount_minor, conversion_id FROM payable_items \
         WHERE payout_id = $1 AND currency = $2",
        &[payout.into(), currency.code().into()],
    )?;
    let sql = "SELECT CAST(coalesce(sum(amount_minor), 0) AS BIGINT) FROM payable_items \
               WHERE payout_id = $1 AND currency = $2";
    tx.one(sql, &[payout.into(), currency.code().into()])?.int(0)
}

/// Opens the items of a payout again. Its lines stay.
///
/// # Errors
/// The store fails.
pub fn release_items(tx: &mut dyn Tx, payout: PayoutId) -> Result<(), StoreError> {
    tx.execute("UPDATE payable_items SET payout_id = NULL WHERE payout_id = $1", &[payout.into()]).map(drop)
}

/// What a payout consisted of when it was drafted.
///
/// # Errors
/// The store fails.
pub fn lines_of(tx: &mut dyn Tx, payout: PayoutId) -> Result<Vec<Item>, StoreError> {
    let rows = tx.query(
        "SELECT l.sequence, l.position, l.amount_minor, t.effective_at, l.conversion_id FROM payout_lines l \
         JOIN ledger_transactions t ON t.sequence = l.sequence WHERE l.payout_id = $1 ORDER BY l.sequence, l.position",
        &[payout.into()],
    )?;
    let each = rows.iter().map(|row| {
        Ok(Item {
            sequence: row.int(0)?,
            position: row.int(1)?,
            amount_minor: row.int(2)?,
            effective_at: row.time(3)?,
            conversion: row.id_or_null(4)?,
        })
    });
    each.collect()
}

/// The conversions in a payout, each once.
///
/// # Errors
/// The store fails.
pub fn conversions_of(tx: &mut dyn Tx, payout: PayoutId) -> Result<Vec<ConversionId>, StoreError> {
    let sql = "SELECT DISTINCT conversion_id FROM payout_lines WHERE payout_id = $1 AND conversion_id IS NOT NULL \
               ORDER BY conversion_id";
    tx.query(sql, &[payout.into()])?.iter().map(|row| row.id(0)).collect()
}

/// The payouts that an affiliate's share of a conversion has been part of, oldest first, with its amount in each.
///
/// # Errors
/// The store fails.
pub fn payouts_of_conversion(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    affiliate: AffiliateId,
) -> Result<Vec<(Payout, i64)>, StoreError> {
    let rows = tx.query(
        payout_select!(
            ", CAST((SELECT sum(l.amount_minor) FROM payout_lines l WHERE l.payout_id = p.id \
             AND l.conversion_id = $1) AS BIGINT) FROM payouts p WHERE p.affiliate_id = $2 AND p.id IN \
             (SELECT payout_id FROM payout_lines WHERE conversion_id = $1) ORDER BY p.id"
        ),
        &[conversion.into(), affiliate.into()],
    )?;
    rows.iter().map(|row| Ok((payout(row)?, row.int(11)?))).collect()
}
