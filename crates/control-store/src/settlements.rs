//! Paid clicks settled so far, per goal, affiliate and hour, and those among them that findings took out again.

use hopline_types::{AffiliateId, ConversionId, GoalId, OfferId, UnixMillis};

use crate::{StoreError, Tx};

/// What was settled of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Clicks settled in all steps, with those that were taken out again.
    pub clicks: i64,
    /// In how many steps.
    pub settlements: i64,
}

/// What was settled of an hour so far.
///
/// # Errors
/// The store fails.
pub fn so_far(
    tx: &mut dyn Tx,
    goal: GoalId,
    affiliate: AffiliateId,
    hour: UnixMillis,
) -> Result<Settled, StoreError> {
    let row = tx.first(
        "SELECT clicks, settlements FROM click_settlements WHERE goal_id = $1 AND affiliate_id = $2 AND hour = $3",
        &[goal.into(), affiliate.into(), hour.into()],
    )?;
    match row {
        None => Ok(Settled::default()),
        Some(row) => Ok(Settled { clicks: row.int(0)?, settlements: row.int(1)? }),
    }
}

/// Notes what is settled of an hour now.
///
/// # Errors
/// The store fails.
pub fn note(
    tx: &mut dyn Tx,
    goal: GoalId,
    affiliate: AffiliateId,
    hour: UnixMillis,
    settled: Settled,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO click_settlements (goal_id, affiliate_id, hour, clicks, settlements) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (goal_id, affiliate_id, hour) \
         DO UPDATE SET clicks = excluded.clicks, settlements = excluded.settlements",
        &[
            goal.into(),
            affiliate.into(),
            hour.into(),
            settled.clicks.into(),
            settled.settlements.into(),
        ],
    )
    .map(drop)
}

/// The goals of an offer that are paid per click.
///
/// # Errors
/// The store fails.
pub fn click_goals(tx: &mut dyn Tx, offer: OfferId) -> Result<Vec<GoalId>, StoreError> {
    let sql = "SELECT id FROM goals WHERE offer_id = $1 AND kind = 'ppc' ORDER BY position, id";
    tx.query(sql, &[offer.into()])?.iter().map(|row| row.id(0)).collect()
}

/// Settled clicks that were found to be invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The conversion that had settled them.
    pub conversion: ConversionId,
    /// Its goal,
    pub goal: GoalId,
    /// affiliate
    pub affiliate: AffiliateId,
    /// and hour.
    pub hour: UnixMillis,
    /// How many are taken out.
    pub clicks: i64,
    /// Why.
    pub reason: String,
}

/// Notes a correction.
///
/// # Errors
/// The store fails.
pub fn correct(tx: &mut dyn Tx, correction: &Correction, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO click_corrections (conversion_id, goal_id, affiliate_id, hour, clicks, reason, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            correction.conversion.into(),
            correction.goal.into(),
            correction.affiliate.into(),
            correction.hour.into(),
            correction.clicks.into(),
            (&correction.reason).into(),
            now.into(),
        ],
    )
    .map(drop)
}

/// How many of an hour's settled clicks were taken out again.
///
/// # Errors
/// The store fails.
pub fn corrected(
    tx: &mut dyn Tx,
    goal: GoalId,
    affiliate: AffiliateId,
    hour: UnixMillis,
) -> Result<i64, StoreError> {
    tx.one(
        "SELECT CAST(coalesce(sum(clicks), 0) AS BIGINT) FROM click_corrections \
         WHERE goal_id = $1 AND affiliate_id = $2 AND hour = $3",
        &[goal.into(), affiliate.into(), hour.into()],
    )?
    .int(0)
}

/// How many of the clicks that a conversion had settled were taken out again.
///
/// # Errors
/// The store fails.
pub fn corrected_of(tx: &mut dyn Tx, conversion: ConversionId) -> Result<i64, StoreError> {
    tx.one(
        "SELECT CAST(coalesce(sum(clicks), 0) AS BIGINT) FROM click_corrections WHERE conversion_id = $1",
        &[conversion.into()],
    )?
    .int(0)
}

/// Offers and affiliates of which clicks of an hour were settled.
///
/// # Errors
/// The store fails.
pub fn settled_in(tx: &mut dyn Tx, hour: UnixMillis) -> Result<Vec<(OfferId, AffiliateId)>, StoreError> {
    let sql = "SELECT DISTINCT goals.offer_id, click_settlements.affiliate_id FROM click_settlements \
         JOIN goals ON goals.id = click_settlements.goal_id WHERE click_settlements.hour = $1 ORDER BY 1, 2";
    tx.query(sql, &[hour.into()])?.iter().map(|row| Ok((row.id(0)?, row.id(1)?))).collect()
}
