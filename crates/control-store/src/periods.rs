//! What settlements of periods look at: commissions in the order in which the ledger learned of them.
//!
//! Whatever changes a commission books something for it, so the ledger's sequence tells which periods may have changed.

use std::collections::BTreeMap;

use hopline_types::{AffiliateId, ConversionId, GoalId, OfferId, TermsId, UnixMillis};

use crate::{Row, StoreError, Tx};

/// A conversion whose commissions something was booked for. Settlements are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Touched {
    /// Place of the transaction in the ledger.
    pub sequence: i64,
    /// Which.
    pub conversion: ConversionId,
    /// Of which offer.
    pub offer: OfferId,
    /// Of which goal.
    pub goal: GoalId,
    /// Whose commission it was booked for: who is credited, or was before it was decided again.
    pub affiliate: AffiliateId,
    /// When it happened.
    pub at: UnixMillis,
}

/// What was booked for conversions after `sequence` and up to `until`, in order, up to `limit`.
///
/// # Errors
/// Those of the store.
pub fn touched(
    tx: &mut dyn Tx,
    (sequence, until): (i64, i64),
    limit: u32,
) -> Result<Vec<Touched>, StoreError> {
    let rows = tx.query(
        "SELECT t.sequence, c.id, c.offer_id, c.goal_id, t.affiliate_id, c.converted_at \
         FROM ledger_transactions t JOIN conversions c ON c.id = t.conversion_id \
         WHERE t.sequence > $1 AND t.sequence <= $2 AND c.source NOT IN ('settlement', 'period') \
         AND t.affiliate_id IS NOT NULL ORDER BY t.sequence LIMIT $3",
        &[sequence.into(), until.into(), i64::from(limit).into()],
    )?;
    let each = |row: &Row| {
        Ok(Touched {
            sequence: row.int(0)?,
            conversion: row.id(1)?,
            offer: row.id(2)?,
            goal: row.id(3)?,
            affiliate: row.id(4)?,
            at: row.time(5)?,
        })
    };
    rows.iter().map(each).collect()
}

/// Versions of terms that have tiers, by their goals.
///
/// # Errors
/// Those of the store.
pub fn tiered(tx: &mut dyn Tx) -> Result<BTreeMap<GoalId, Vec<TermsId>>, StoreError> {
    let sql = r#"SELECT goal_id, id FROM terms WHERE plan LIKE '%"tiers":{%' ORDER BY id"#;
    let mut tiered: BTreeMap<GoalId, Vec<TermsId>> = BTreeMap::new();
    for row in tx.query(sql, &[])? {
        tiered.entry(row.id(0)?).or_default().push(row.id(1)?);
    }
    Ok(tiered)
}

/// Active affiliates that were entered from a time on and have no settlement of a subject yet, by id, up to `limit`.
///
/// # Errors
/// Those of the store.
pub fn joined(
    tx: &mut dyn Tx,
    subject: &str,
    (from, to): (UnixMillis, Option<UnixMillis>),
    limit: u32,
) -> Result<Vec<AffiliateId>, StoreError> {
    let rows = tx.query(
        "SELECT a.id FROM affiliates a WHERE a.standing = 'active' AND a.created_at >= $2 \
         AND (a.created_at < $3 OR $3 IS NULL) AND NOT EXISTS (SELECT 1 FROM period_settlements p \
         WHERE p.subject = $1 AND p.affiliate_id = a.id) ORDER BY a.id LIMIT $4",
        &[subject.into(), from.into(), to.into(), i64::from(limit).into()],
    )?;
    rows.iter().map(|row| row.id(0)).collect()
}
