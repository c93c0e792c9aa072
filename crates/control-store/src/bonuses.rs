//! Bonuses of offers, and in how many steps periods were settled.

use hopline_terms::{Bonus, Piece};
use hopline_types::{AffiliateId, BonusId, ConversionId, GoalId, OfferId, TermsId, UnixMillis};

use crate::{ErrorKind, Row, Scope, StoreError, Tx, Value};

/// A bonus as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBonus {
    /// Its id.
    pub id: BonusId,
    /// Its offer.
    pub offer: OfferId,
    /// What people call it.
    pub name: String,
    /// What it pays for.
    pub bonus: Bonus,
    /// When it was entered; what happened before does not count.
    pub created_at: UnixMillis,
    /// When it was ended; what happens later does not count.
    pub ended_at: Option<UnixMillis>,
}

fn read(row: &Row) -> Result<StoredBonus, StoreError> {
    let bonus = serde_json::from_str(row.text(3)?)
        .map_err(|error| StoreError::new(ErrorKind::Broken, format!("bonuses.bonus: {error}")))?;
    Ok(StoredBonus {
        id: row.id(0)?,
        offer: row.id(1)?,
        name: row.text(2)?.to_owned(),
        bonus,
        created_at: row.time(4)?,
        ended_at: row.time_or_null(5)?,
    })
}

/// Enters a bonus.
///
/// # Errors
/// `Reference` where there is no such offer; those of the store.
pub fn create(
    tx: &mut dyn Tx,
    offer: OfferId,
    name: &str,
    bonus: &Bonus,
    now: UnixMillis,
) -> Result<StoredBonus, StoreError> {
    let text = serde_json::to_string(bonus)
        .map_err(|error| StoreError::new(ErrorKind::Broken, format!("a bonus is no JSON: {error}")))?;
    let sql = "INSERT INTO bonuses (offer_id, name, bonus, created_at) VALUES ($1, $2, $3, $4) RETURNING id";
    let id = tx.one(sql, &[offer.into(), name.into(), text.into(), now.into()])?.id(0)?;
    Ok(StoredBonus {
        id,
        offer,
        name: name.to_owned(),
        bonus: bonus.clone(),
        created_at: now,
        ended_at: None,
    })
}

/// Ends a bonus; says whether it went on.
///
/// # Errors
/// Those of the store.
pub fn end(tx: &mut dyn Tx, id: BonusId, now: UnixMillis) -> Result<bool, StoreError> {
    let sql = "UPDATE bonuses SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";
    Ok(tx.execute(sql, &[id.into(), now.into()])? == 1)
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT b.id, b.offer_id, b.name, b.bonus, b.created_at, b.ended_at FROM bonuses b \
             JOIN offers o ON o.id = b.offer_id \
             WHERE ($1 = 'all' OR ($1 = 'advertiser' AND o.advertiser_id = $2)) ",
            $rest
        )
    };
}

/// One bonus, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: BonusId) -> Result<Option<StoredBonus>, StoreError> {
    tx.first(select!("AND b.id = $3"), &scope.bind([id.into()]))?.as_ref().map(read).transpose()
}

/// Bonuses, of one offer or all, oldest first.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx, scope: Scope, offer: Option<OfferId>) -> Result<Vec<StoredBonus>, StoreError> {
    let values = scope.bind([offer.into()]);
    let rows = tx.query(select!("AND (b.offer_id = $3 OR $3 IS NULL) ORDER BY b.id"), &values)?;
    rows.iter().map(read).collect()
}

/// What is asked about a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PeriodFilter {
    /// Of this offer.
    pub offer: OfferId,
    /// Only of this goal.
    pub goal: Option<GoalId>,
    /// Only of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// From this time.
    pub from: UnixMillis,
    /// Until before this time.
    pub to: UnixMillis,
}

/// A commission of a period that stands, after refunds: neither rejected nor taken back as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its conversion.
    pub conversion: ConversionId,
    /// Its goal.
    pub goal: GoalId,
    /// Whose.
    pub affiliate: AffiliateId,
    /// As tiers see it.
    pub piece: Piece,
    /// What of its revenue is left.
    pub revenue_minor: i64,
    /// What of its payout is left.
    pub payout_minor: i64,
    /// The terms that it was decided by.
    pub terms: Option<TermsId>,
}

/// The commissions of a period that stand. Settlements are none of them. What counts is the order's amount less the part
/// that was given back, in proportion to the revenue left, rounded down.
///
/// # Errors
/// Those of the store.
pub fn standing(tx: &mut dyn Tx, filter: &PeriodFilter) -> Result<Vec<Standing>, StoreError> {
    let rows = tx.query(
        "SELECT c.id, c.goal_id, m.affiliate_id, c.converted_at, c.idempotency, c.amount_minor, m.revenue_minor, \
         m.payout_minor, m.reversed_revenue_minor, m.reversed_payout_minor, c.terms_id \
         FROM conversions c JOIN commissions m ON m.conversion_id = c.id \
         WHERE c.offer_id = $1 AND c.converted_at >= $2 AND c.converted_at < $3 AND c.source NOT IN ('settlement', 'period') \
         AND (c.goal_id = $4 OR $4 IS NULL) AND (m.affiliate_id = $5 OR $5 IS NULL) \
         AND c.affiliate_id = m.affiliate_id AND m.status NOT IN ('rejected', 'reversed') ORDER BY c.converted_at, c.idempotency",
        &[filter.offer.into(), filter.from.into(), filter.to.into(), filter.goal.into(), filter.affiliate.into()],
    )?;
    let each = |row: &Row| {
        let (booked, reversed) = (row.int(6)?, row.int(8)?);
        let amount = i128::from(row.int_or_null(5)?.unwrap_or_default());
        let left = i128::from(booked - reversed);
        let counted = if booked == 0 { amount } else { amount * left / i128::from(booked) };
        Ok(Standing {
            conversion: row.id(0)?,
            goal: row.id(1)?,
            affiliate: row.id(2)?,
            piece: Piece {
                at: row.time(3)?,
                key: row.text(4)?.to_owned(),
                counted_minor: i64::try_from(counted).unwrap_or(i64::MAX),
            },
            revenue_minor: booked - reversed,
            payout_minor: row.int(7)? - row.int(9)?,
            terms: row.id_or_null(10)?,
        })
    };
    rows.iter().map(each).collect()
}

/// In how many steps a period was settled.
///
/// # Errors
/// Those of the store.
pub fn settlements(
    tx: &mut dyn Tx,
    subject: &str,
    affiliate: AffiliateId,
    period_start: UnixMillis,
) -> Result<i64, StoreError> {
    let sql = "SELECT settlements FROM period_settlements WHERE subject = $1 AND affiliate_id = $2 AND period_start = $3";
    let row = tx.first(sql, &[subject.into(), affiliate.into(), period_start.into()])?;
    row.map_or(Ok(0), |row| row.int(0))
}

/// Which periods of a subject were settled.
///
/// # Errors
/// Those of the store.
pub fn settled(tx: &mut dyn Tx, subject: &str) -> Result<Vec<(AffiliateId, UnixMillis)>, StoreError> {
    let sql = "SELECT affiliate_id, period_start FROM period_settlements WHERE subject = $1 ORDER BY 1, 2";
    tx.query(sql, &[subject.into()])?.iter().map(|row| Ok((row.id(0)?, row.time(1)?))).collect()
}

/// Notes in how many steps a period is settled now.
///
/// # Errors
/// Those of the store.
pub fn note(
    tx: &mut dyn Tx,
    subject: &str,
    affiliate: AffiliateId,
    period_start: UnixMillis,
    settlements: i64,
) -> Result<(), StoreError> {
    let values: [Value; 4] = [subject.into(), affiliate.into(), period_start.into(), settlements.into()];
    tx.execute(
        "INSERT INTO period_settlements (subject, affiliate_id, period_start, settlements) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (subject, affiliate_id, period_start) DO UPDATE SET settlements = excluded.settlements",
        &values,
    )
    .map(drop)
}

/// What is known of customers before conversions: how many orders, how many payments of the goal, and when the first was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Before {
    /// Earlier orders of the customer at the advertiser.
    pub orders: i64,
    /// Earlier payments of the same goal.
    pub payments: i64,
    /// When the first of those was.
    pub first_at: Option<UnixMillis>,
}

/// A conversion whose customer is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedCustomer {
    /// The conversion.
    pub conversion: ConversionId,
    /// Its advertiser's id.
    pub advertiser: hopline_types::AdvertiserId,
    /// Its goal.
    pub goal: GoalId,
    /// The customer.
    pub customer: String,
    /// When it happened.
    pub at: UnixMillis,
}

/// What customers had done before conversions, in the order asked for. Of two at the same time the one with the smaller
/// natural key is the earlier one, whatever order they came in.
///
/// # Errors
/// Those of the store.
pub fn customers_before(tx: &mut dyn Tx, asked: &[AskedCustomer]) -> Result<Vec<Before>, StoreError> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<Vec<Value>> = asked
        .iter()
        .map(|one| {
            vec![
                one.advertiser.into(),
                one.customer.as_str().into(),
                one.at.into(),
                one.goal.into(),
                one.conversion.into(),
            ]
        })
        .collect();
    let found = tx.query_many(
        "SELECT COUNT(*), CAST(coalesce(sum(CASE WHEN c.goal_id = $4 THEN 1 ELSE 0 END), 0) AS BIGINT), \
         MIN(CASE WHEN c.goal_id = $4 THEN c.converted_at END) FROM conversions c \
         WHERE c.advertiser_id = $1 AND c.customer_id = $2 AND c.id <> $5 AND (c.converted_at < $3 OR (c.converted_at = $3 \
         AND c.idempotency < (SELECT o.idempotency FROM conversions o WHERE o.id = $5)))",
        &values,
    )?;
    let each = |rows: &Vec<Row>| {
        let Some(row) = rows.first() else { return Ok(Before::default()) };
        Ok(Before { orders: row.int(0)?, payments: row.int(1)?, first_at: row.time_or_null(2)? })
    };
    found.iter().map(each).collect()
}
