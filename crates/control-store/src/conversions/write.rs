//! Writing conversions: taken in once, decided once, then only their status moves.

use hopline_money::Currency;
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, ConversionSource, GoalId, LinkId, OfferId,
    TermsId, UnixMillis,
};

use super::owned;
use crate::{StoreError, Tx};

/// A conversion to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InsertConversion {
    /// The event that reported it.
    pub event_id: String,
    /// Whose it is.
    pub advertiser: AdvertiserId,
    /// Its offer.
    pub offer: OfferId,
    /// Its goal.
    pub goal: GoalId,
    /// The goal's key.
    pub goal_key: String,
    /// What makes it one: see the schema.
    pub idempotency: String,
    /// How it came in.
    pub source: ConversionSource,
    /// What the advertiser asks for: pending, approved or rejected.
    pub requested_status: Option<CommissionStatus>,
    /// The advertiser's order id.
    pub order_id: Option<String>,
    /// The click id as sent.
    pub click_id: Option<String>,
    /// Coupon code.
    pub coupon: Option<String>,
    /// The advertiser's id of its customer.
    pub customer_id: Option<String>,
    /// Line items, JSON.
    pub items: Option<String>,
    /// `adv1` to `adv10`, JSON.
    pub adv: Option<String>,
    /// Pieces, from 1.
    pub quantity: i64,
    /// The order's amount.
    pub amount: Option<i64>,
    /// Its currency.
    pub currency: Currency,
    /// When it happened.
    pub converted_at: UnixMillis,
    /// When it was received.
    pub received_at: UnixMillis,
}

/// What was decided of a conversion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecisionColumns {
    /// When.
    pub decided_at: UnixMillis,
    /// Who is credited, or whose click was refused.
    pub affiliate: Option<AffiliateId>,
    /// The link of the winning click.
    pub link: Option<LinkId>,
    /// The time of the winning click.
    pub clicked_at: Option<UnixMillis>,
    /// The version of the terms.
    pub terms: Option<TermsId>,
    /// What the advertiser pays.
    pub revenue_minor: Option<i64>,
    /// What affiliates get.
    pub payout_minor: Option<i64>,
    /// Where it stands.
    pub status: CommissionStatus,
    /// Why it is not credited.
    pub reason: Option<String>,
    /// The whole reasoning, JSON.
    pub decision: String,
}

/// A conversion that waits for its decision, as far as a worker must know it to fetch the click.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its id.
    pub id: ConversionId,
    /// Whose it is.
    pub advertiser: AdvertiserId,
    /// The click id as sent.
    pub click_id: Option<String>,
    /// When it was received.
    pub received_at: UnixMillis,
}

/// Writes a conversion down, undecided.
///
/// # Errors
/// [`crate::ErrorKind::Conflict`] where the event or the natural key exists already.
pub fn insert(tx: &mut dyn Tx, new: &InsertConversion) -> Result<ConversionId, StoreError> {
    let row = tx.one(
        "INSERT INTO conversions (event_id, advertiser_id, offer_id, goal_id, goal_key, idempotency, source, \
         requested_status, order_id, click_id, coupon, customer_id, items, adv, quantity, amount_minor, currency, \
         converted_at, received_at, repeats) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 0) \
         RETURNING id",
        &[
            (&new.event_id).into(),
            new.advertiser.into(),
            new.offer.into(),
            new.goal.into(),
            (&new.goal_key).into(),
            (&new.idempotency).into(),
            new.source.as_str().into(),
            new.requested_status.map(CommissionStatus::as_str).into(),
            new.order_id.as_deref().into(),
            new.click_id.as_deref().into(),
            new.coupon.as_deref().into(),
            new.customer_id.as_deref().into(),
            new.items.as_deref().into(),
            new.adv.as_deref().into(),
            new.quantity.into(),
            new.amount.into(),
            new.currency.code().into(),
            new.converted_at.into(),
            new.received_at.into(),
        ],
    )?;
    row.id(0)
}

/// Notes that a conversion was reported again, by a report of its own. Says whether that report is new.
///
/// # Errors
/// The store fails.
pub fn count_repeat(
    tx: &mut dyn Tx,
    id: ConversionId,
    event_id: &str,
    differences: &str,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let new = tx.execute(
        "INSERT INTO conversion_repeats (event_id, conversion_id, received_at, differences) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (event_id) DO NOTHING",
        &[event_id.into(), id.into(), now.into(), differences.into()],
    )?;
    if new == 1 {
        tx.execute("UPDATE conversions SET repeats = repeats + 1 WHERE id = $1", &[id.into()])?;
    }
    Ok(new == 1)
}

/// Conversions that wait for their decision, oldest first, after an id, up to `limit`.
///
/// # Errors
/// The store fails.
pub fn waiting(tx: &mut dyn Tx, after: Option<ConversionId>, limit: u32) -> Result<Vec<Waiting>, StoreError> {
    let rows = tx.query(
        "SELECT id, advertiser_id, click_id, received_at FROM conversions WHERE decided_at IS NULL AND id > $1 \
         ORDER BY id LIMIT $2",
        &[after.map_or(0, ConversionId::get).into(), i64::from(limit).into()],
    )?;
    let each = rows.iter().map(|row| {
        Ok(Waiting {
            id: row.id(0)?,
            advertiser: row.id(1)?,
            click_id: owned(row, 2)?,
            received_at: row.time(3)?,
        })
    });
    each.collect()
}

/// Writes the decision into an undecided conversion. Says whether it was undecided.
///
/// # Errors
/// The store fails.
pub fn record_decision(
    tx: &mut dyn Tx,
    id: ConversionId,
    decision: &DecisionColumns,
) -> Result<bool, StoreError> {
    let changed = tx.execute(
        "UPDATE conversions SET decided_at = $2, affiliate_id = $3, link_id = $4, clicked_at = $5, terms_id = $6, \
         revenue_minor = $7, payout_minor = $8, status = $9, reason = $10, decision = $11 \
         WHERE id = $1 AND decided_at IS NULL",
        &[
            id.into(),
            decision.decided_at.into(),
            decision.affiliate.into(),
            decision.link.into(),
            decision.clicked_at.into(),
            decision.terms.into(),
            decision.revenue_minor.into(),
            decision.payout_minor.into(),
            decision.status.as_str().into(),
            decision.reason.as_deref().into(),
            (&decision.decision).into(),
        ],
    )?;
    Ok(changed == 1)
}

/// Keeps the status in step with the ledger; a reason given replaces the one there.
///
/// # Errors
/// The store fails.
pub fn set_status(
    tx: &mut dyn Tx,
    id: ConversionId,
    status: CommissionStatus,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE conversions SET status = $2, reason = coalesce($3, reason) WHERE id = $1",
        &[id.into(), status.as_str().into(), reason.into()],
    )
    .map(drop)
}
