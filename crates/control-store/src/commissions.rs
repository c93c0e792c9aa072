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
    let found = tx.query_many(select!("WHERE conversion_id = $1 ORDER BY place, id"), &values)?;
    found.iter().map(|rows| rows.iter().map(commission).collect()).collect()
}

/// Approved commissions whose hold has ended by `now`, longest ended first; without those that are [set
/// aside](set_hold_aside) for now.
///
/// # Errors
/// The store fails.
pub fn held_until(tx: &mut dyn Tx, now: UnixMillis, limit: u32) -> Result<Vec<Commission>, StoreError> {
    let rows = tx.query(
        select!(
            "WHERE status = 'approved' AND payable_at <= $1 AND NOT EXISTS (SELECT 1 FROM holds_set_aside s \
             WHERE s.commission_id = commissions.id AND s.retry_at > $1) ORDER BY payable_at, id LIMIT $2"
        ),
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

/// Writes the amounts of commissions that were decided again, and puts them in this order.
///
/// # Errors
/// The store fails.
pub fn correct<'a>(
    tx: &mut dyn Tx,
    commissions: impl IntoIterator<Item = &'a Commission>,
) -> Result<(), StoreError> {
    let row = |(place, commission): (i64, &Commission)| {
        vec![
            commission.id.into(),
            commission.revenue_minor.into(),
            commission.payout_minor.into(),
            place.into(),
        ]
    };
    let rows: Vec<Vec<Value>> = (0..).zip(commissions).map(row).collect();
    tx.execute_many(
        "UPDATE commissions SET revenue_minor = $2, payout_minor = $3, place = $4 WHERE id = $1",
        &rows,
    )
    .map(drop)
}

/// Commissions by their ids, in order of ids.
///
/// # Errors
/// The store fails.
pub fn find_many(tx: &mut dyn Tx, ids: &[CommissionId]) -> Result<Vec<Commission>, StoreError> {
    let values: Vec<Vec<Value>> = ids.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.query_many(select!("WHERE id = $1"), &values)?;
    found.iter().flatten().map(commission).collect()
}

/// Leaves a commission whose hold cannot be ended alone until `retry_at`.
///
/// # Errors
/// The store fails.
pub fn set_hold_aside(
    tx: &mut dyn Tx,
    id: CommissionId,
    detail: &str,
    retry_at: UnixMillis,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO holds_set_aside (commission_id, detail, since, retry_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (commission_id) DO UPDATE SET detail = excluded.detail, retry_at = excluded.retry_at",
        &[id.into(), detail.into(), now.into(), retry_at.into()],
    )
    .map(drop)
}

/// Forgets that commissions were set aside: their holds have ended.
///
/// # Errors
/// The store fails.
pub fn forget_set_aside(
    tx: &mut dyn Tx,
    ids: impl IntoIterator<Item = CommissionId>,
) -> Result<(), StoreError> {
    let values: Vec<Vec<Value>> = ids.into_iter().map(|id| vec![id.into()]).collect();
    tx.execute_many("DELETE FROM holds_set_aside WHERE commission_id = $1", &values).map(drop)
}

/// A commission whose hold could not be ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldSetAside {
    /// The commission.
    pub commission: CommissionId,
    /// Its conversion.
    pub conversion: ConversionId,
    /// Why.
    pub detail: String,
    /// Since when.
    pub since: UnixMillis,
    /// When it is tried again.
    pub retry_at: UnixMillis,
}

/// Commissions whose holds could not be ended, the longest first, up to `limit`.
///
/// # Errors
/// The store fails.
pub fn holds_set_aside(tx: &mut dyn Tx, limit: u32) -> Result<Vec<HoldSetAside>, StoreError> {
    let rows = tx.query(
        "SELECT s.commission_id, c.conversion_id, s.detail, s.since, s.retry_at FROM holds_set_aside s \
         JOIN commissions c ON c.id = s.commission_id ORDER BY s.since, s.commission_id LIMIT $1",
        &[i64::from(limit).into()],
    )?;
    let each = rows.iter().map(|row| {
        Ok(HoldSetAside {
            commission: row.id(0)?,
            conversion: row.id(1)?,
            detail: row.text(2)?.to_owned(),
            since: row.time(3)?,
            retry_at: row.time(4)?,
        })
    });
    each.collect()
}

/// What sort of refund it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundKind {
    /// The customer got money back.
    Refund,
    /// The customer's bank took it back.
    Chargeback,
    /// An earlier one of any kind is undone: it was a mistake, or a chargeback was won.
    Undo,
}

impl RefundKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Refund, Self::Chargeback, Self::Undo];

    /// The word used in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Chargeback => "chargeback",
            Self::Undo => "undo",
        }
    }
}

impl std::str::FromStr for RefundKind {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no kind of refund"))
    }
}

/// What was given back of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// Its number.
    pub id: i64,
    /// Its conversion.
    pub conversion: ConversionId,
    /// What sort.
    pub kind: RefundKind,
    /// The one that it undoes.
    pub undoes: Option<i64>,
    /// Of the order's amount, in the order's currency; none where the order has none. Below zero, as all amounts, where what
    /// was given back counts again.
    pub amount_minor: Option<i64>,
    /// Taken back of the revenue.
    pub revenue_minor: i64,
    /// Taken back of the payout.
    pub payout_minor: i64,
    /// What a chargeback has cost, charged to affiliates.
    pub fee_minor: i64,
    /// The currency of revenue, payout and fee.
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
        "SELECT id, conversion_id, amount_minor, revenue_minor, payout_minor, currency, reason, actor, created_at, kind, \
         undoes, fee_minor FROM refunds WHERE conversion_id = $1 ORDER BY id",
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
            kind: row.parsed(9)?,
            undoes: row.int_or_null(10)?,
            fee_minor: row.int(11)?,
        })
    });
    each.collect()
}

/// Writes what refunds have taken back after their conversion was decided again: number, revenue, payout.
///
/// # Errors
/// The store fails.
pub fn correct_refunds(tx: &mut dyn Tx, refunds: &[(i64, i64, i64)]) -> Result<(), StoreError> {
    let row =
        |(id, revenue, payout): &(i64, i64, i64)| vec![(*id).into(), (*revenue).into(), (*payout).into()];
    let rows: Vec<Vec<Value>> = refunds.iter().map(row).collect();
    tx.execute_many("UPDATE refunds SET revenue_minor = $2, payout_minor = $3 WHERE id = $1", &rows).map(drop)
}

/// Writes a refund down (its `id` is given by the store) and gives back its number.
///
/// # Errors
/// `Conflict` where what it undoes is undone already; those of the store.
pub fn insert_refund(tx: &mut dyn Tx, refund: &Refund) -> Result<i64, StoreError> {
    tx.one(
        "INSERT INTO refunds (conversion_id, amount_minor, revenue_minor, payout_minor, currency, reason, actor, \
         created_at, kind, undoes, fee_minor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING id",
        &[
            refund.conversion.into(),
            refund.amount_minor.into(),
            refund.revenue_minor.into(),
            refund.payout_minor.into(),
            refund.currency.code().into(),
            (&refund.reason).into(),
            (&refund.actor).into(),
            refund.created_at.into(),
            refund.kind.as_str().into(),
            refund.undoes.into(),
            refund.fee_minor.into(),
        ],
    )?
    .int(0)
}
