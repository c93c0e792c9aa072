//! Paid clicks settled so far, per goal, affiliate and hour.

use hopline_types::{AffiliateId, GoalId, OfferId, UnixMillis};

use crate::{StoreError, Tx};

/// What was settled of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settled {
    /// Clicks paid.
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
