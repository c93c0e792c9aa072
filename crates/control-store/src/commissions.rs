//! Commissions: one affiliate's share of one conversion, and what was given back of it.
//!
//! The status is a projection of the ledger's entries, kept for queries; [`crate::ledger::verify`] compares.

use hopline_money::Currency;
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionId, CommissionStatus, ConversionId, PayoutId, UnixMillis,
};

use crate::{Row, StoreError, Tx, Value};

/// A commission as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commission {
    /// Its id.
    pub id: CommissionId,
    /// Its conversion.
    pub conversion: ConversionId,
    /// Who is paid.
    pub affiliate: AffiliateId,
    /// Who pays.
    pub advertiser: AdvertiserId,
    /// The currency of its amounts.
    pub currency: Currency,
    /// What the advertiser pays, as booked.
    pub revenue_minor: i64,
    /// What the affiliate gets, as booked.
    pub payout_minor: i64,
    /// What was taken back of the revenue.
    pub reversed_revenue_minor: i64,
    /// What was taken back of the payout.
    pub reversed_payout_minor: i64,
    /// Where it stands.
    pub status: CommissionStatus,
    /// When it was approved.
    pub approved_at: Option<UnixMillis>,
    /// When its hold ends; none once it has ended, or where nothing is left to pay.
    pub payable_at: Option<UnixMillis>,
    /// The last payout that holds it.
    pub payout: Option<PayoutId>,
}

/// A commission to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertCommission {
    /// Its conversion.
    pub conversion: ConversionId,
    /// Who is paid.
    pub affiliate: AffiliateId,
    /// Who pays.
    pub advertiser: AdvertiserId,
    /// The currency of its amounts.
    pub currency: Currency,
    /// What the advertiser pays.
    pub revenue_minor: i64,
    /// What the affiliate gets.
    pub payout_minor: i64,
    /// Where it stands.
    pub status: CommissionStatus,
    /// When it was approved.
    pub approved_at: Option<UnixMillis>,
    /// When its hold ends; none where it has ended, or where there is nothing to pay.
    pub payable_at: Option<UnixMillis>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, conversion_id, affiliate_id, advertiser_id, currency, revenue_minor, payout_minor, \
             reversed_revenue_minor, reversed_payout_minor, status, approved_at, payable_at, payout_id \
             FROM commissions ",
            $rest
        )
    };
}

fn commission(row: &Row) -> Result<Commission, StoreError> {
    Ok(Commission {
        id: row.id(0)?,
        conversion: row.id(1)?,
        affiliate: row.id(2)?,
        advertiser: row.id(3)?,
        currency: row.parsed(4)?,
        revenue_minor: row.int(5)?,
        payout_minor: row.int(6)?,
        reversed_revenue_minor: row.int(7)?,
        reversed_payout_minor: row.int(8)?,
        status: row.parsed(9)?,
        approved_at: row.time_or_null(10)?,
        payable_at: row.time_or_null(11)?,
        payout: row.id_or_null(12)?,
    })
}

/// The commissions of a conversion, in the order of their credits.
///
/// # Errors
/// The store fails.
pub fn of_conversion(tx: &mut dyn Tx, conversion: ConversionId) -> Result<Vec<Commission>, StoreError> {
    Ok(of_conversions(tx, &[conversion])?.pop().unwrap_or_default())
}

/// The same for many conversions, in the order asked for.
///
/// # Errors
/// The store fails.
pub fn of_conversions(
    tx: &mut dyn Tx,
    conversions: &[ConversionId],
) -> Result<Vec<Vec<Commission>>, StoreError> {
    let values: Vec<Vec<Value>> = conversions.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.query_many(select!("WHERE conversion_id = $1 ORDER BY id"), &values)?;
    found.iter().map(|rows| rows.iter().map(commission).collect()).collect()
}

/// Approved commissions whose hold has ended by `now`, longest ended first.
///
/// # Errors
/// The store fails.
pub fn held_until(tx: &mut dyn Tx, now: UnixMillis, limit: u32) -> Result<Vec<Commission>, StoreError> {
    let rows = tx.query(
        select!("WHERE status = 'approved' AND payable_at <= $1 ORDER BY payable_at, id LIMIT $2"),
        &[now.into(), i64::from(limit).into()],
    )?;
    rows.iter().map(commission).collect()
}

/// Keeps others from changing these commissions to the end of the transaction, after waiting for those who do. What is
/// read of them afterwards stays true.
///
/// # Errors
/// The store fails.
pub fn lock(tx: &mut dyn Tx, ids: impl IntoIterator<Item = CommissionId>) -> Result<(), StoreError> {
    let values: Vec<Vec<Value>> = ids.into_iter().map(|id| vec![id.into()]).collect();
    tx.execute_many("UPDATE commissions SET status = status WHERE id = $1", &values).map(drop)
}

/// Commissions in order of ids, after one, for checks.
///
/// # Errors
/// The store fails.
pub fn after(
    tx: &mut dyn Tx,
    after: Option<CommissionId>,
    limit: u32,
) -> Result<Vec<Commission>, StoreError> {
    let after = after.map_or(0, CommissionId::get);
    let rows =
        tx.query(select!("WHERE id > $1 ORDER BY id LIMIT $2"), &[after.into(), i64::from(limit).into()])?;
    rows.iter().map(commission).collect()
}

/// Writes commissions down, in the order of their credits.
///
/// # Errors
/// [`crate::ErrorKind::Conflict`] where an affiliate has one for its conversion.
pub fn insert<'a>(
    tx: &mut dyn Tx,
    new: impl IntoIterator<Item = &'a InsertCommission>,
) -> Result<(), StoreError> {
    let row = |new: &InsertCommission| {
        vec![
            new.conversion.into(),
            new.affiliate.into(),
            new.advertiser.into(),
            new.currency.code().into(),
            new.revenue_minor.into(),
            new.payout_minor.into(),
            new.status.as_str().into(),
            new.approved_at.into(),
            new.payable_at.into(),
        ]
    };
    let rows: Vec<Vec<Value>> = new.into_iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO commissions (conversion_id, affiliate_id, advertiser_id, currency, revenue_minor, payout_minor, \
         reversed_revenue_minor, reversed_payout_minor, status, approved_at, payable_at) \
         VALUES ($1, $2, $3, $4, $5, $6, 0, 0, $7, $8, $9)",
        &rows,
    )
    .map(drop)
}

/// Writes what may change of commissions: reversed amounts, status, times, payout.
///
/// # Errors
/// The store fails.
pub fn update<'a>(
    tx: &mut dyn Tx,
    commissions: impl IntoIterator<Item = &'a Commission>,
) -> Result<(), StoreError> {
    let row = |commission: &Commission| {
        vec![
            commission.id.into(),
            commission.reversed_revenue_minor.into(),
            commission.reversed_payout_minor.into(),
            commission.status.as_str().into(),
            commission.approved_at.into(),
            commission.payable_at.into(),
            commission.payout.into(),
        ]
    };
    let rows: Vec<Vec<Value>> = commissions.into_iter().map(row).collect();
    tx.execute_many(
        "UPDATE commissions SET reversed_revenue_minor = $2, reversed_payout_minor = $3, status = $4, \
         approved_at = $5, payable_at = $6, payout_id = $7 WHERE id = $1",
        &rows,
    )
    .map(drop)
}

/// What was given back of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its number.
    pub id: i64,
    /// Its conversion.
    pub conversion: ConversionId,
    /// Of the order's amount; none where the order has none.
    pub amount_minor: Option<i64>,
    /// Taken back of the revenue.
    pub revenue_minor: i64,
    /// Taken back of the payout.
    pub payout_minor: i64,
    /// The currency.
    pub currency: Currency,
    /// Why.
    pub reason: String,
    /// Who did it.
    pub actor: String,
    /// When.
    pub created_at: UnixMillis,
}

/// The refunds of a conversion, oldest first.
///
/// # Errors
/// The store fails.
pub fn refunds_of(tx: &mut dyn Tx, conversion: ConversionId) -> Result<Vec<Refund>, StoreError> {
    let rows = tx.query(
        "SELECT id, conversion_id, amount_minor, revenue_minor, payout_minor, currency, reason, actor, created_at \
         FROM refunds WHERE conversion_id = $1 ORDER BY id",
        &[conversion.into()],
    )?;
    let each = rows.iter().map(|row| {
        Ok(Refund {
            id: row.int(0)?,
            conversion: row.id(1)?,
            amount_minor: row.int_or_null(2)?,
            revenue_minor: row.int(3)?,
            payout_minor: row.int(4)?,
            currency: row.parsed(5)?,
            reason: row.text(6)?.to_owned(),
            actor: row.text(7)?.to_owned(),
            created_at: row.time(8)?,
        })
    });
    each.collect()
}

/// Writes a refund down (its `id` is given by the store) and gives back its number.
///
/// # Errors
/// The store fails.
pub fn insert_refund(tx: &mut dyn Tx, refund: &Refund) -> Result<i64, StoreError> {
    tx.one(
        "INSERT INTO refunds (conversion_id, amount_minor, revenue_minor, payout_minor, currency, reason, actor, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id",
        &[
            refund.conversion.into(),
            refund.amount_minor.into(),
            refund.revenue_minor.into(),
            refund.payout_minor.into(),
            refund.currency.code().into(),
            (&refund.reason).into(),
            (&refund.actor).into(),
            refund.created_at.into(),
        ],
    )?
    .int(0)
}
