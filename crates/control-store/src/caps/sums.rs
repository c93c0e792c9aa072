//! Kept sums of caps on conversions, revenue and payout.

use std::collections::BTreeMap;

use hopline_catalogue::data::ClosureEntry;
use hopline_types::{AffiliateId, CapId, OfferId, UnixMillis};

use crate::{ErrorKind, StoreError, Tx, catalogue};

/// One period of a cap: from `start`, before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapSpan {
    /// When it begins; 0 for caps that count for ever.
    pub start: UnixMillis,
    /// When it ends; none: never.
    pub end: Option<UnixMillis>,
}

/// What a cap has taken in the period that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenNow {
    /// The cap.
    pub cap_id: CapId,
    /// Whose; none: all of the offer's together.
    pub affiliate_id: Option<AffiliateId>,
    /// How many, or how much in minor units.
    pub taken: i64,
}

/// 0, which is no id, for the sum of all.
fn key(affiliate: Option<AffiliateId>) -> i64 {
    affiliate.map_or(0, AffiliateId::get)
}

/// What a cap has taken in the period that begins at `start`; 0 where nothing was added.
///
/// # Errors
/// Those of the store.
pub fn taken(
    tx: &mut dyn Tx,
    cap: CapId,
    affiliate: Option<AffiliateId>,
    start: UnixMillis,
) -> Result<i64, StoreError> {
    tx.first(
        "SELECT taken FROM cap_sums WHERE cap_id = $1 AND affiliate_id = $2 AND period_start = $3",
        &[cap.into(), key(affiliate).into(), start.into()],
    )?
    .map_or(Ok(0), |row| row.int(0))
}

/// Adds to what a cap has taken in a period (takes back, where `delta` is negative) and gives back the new sum. Raises
/// the catalogue's version where the sum crosses the cap's amount in either direction. Nothing is refused here: whether
/// a sum may grow is asked before, with [`taken`], in the same transaction.
///
/// # Errors
/// `Reference` where there is no such cap, `Constraint` where the sum leaves 64 bits; those of the store.
pub fn add(
    tx: &mut dyn Tx,
    cap: CapId,
    affiliate: Option<AffiliateId>,
    span: &CapSpan,
    delta: i64,
) -> Result<i64, StoreError> {
    let Some(row) = tx.first("SELECT amount FROM caps WHERE id = $1", &[cap.into()])? else {
        return Err(StoreError::new(ErrorKind::Reference, format!("there is no cap {cap}")));
    };
    let amount = row.int(0)?;
    let before = taken(tx, cap, affiliate, span.start)?;
    let after = before.checked_add(delta).ok_or_else(|| {
        StoreError::new(ErrorKind::Constraint, format!("cap {cap}: {before} + {delta} leaves 64 bits"))
    })?;
    tx.execute(
        "INSERT INTO cap_sums (cap_id, affiliate_id, period_start, period_end, taken) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (cap_id, affiliate_id, period_start) DO UPDATE SET taken = excluded.taken",
        &[cap.into(), key(affiliate).into(), span.start.into(), span.end.into(), after.into()],
    )?;
    if (before >= amount) != (after >= amount) {
        catalogue::bump(tx)?;
    }
    Ok(after)
}

/// The sums of an offer's caps in the periods that contain `now`; caps without a sum have taken nothing, or are counted
/// at the edges.
///
/// # Errors
/// Those of the store.
pub fn taken_now(tx: &mut dyn Tx, offer: OfferId, now: UnixMillis) -> Result<Vec<TakenNow>, StoreError> {
    tx.query(
        "SELECT cap_sums.cap_id, cap_sums.affiliate_id, cap_sums.taken
         FROM caps JOIN cap_sums ON cap_sums.cap_id = caps.id
         WHERE caps.offer_id = $1 AND caps.removed_at IS NULL AND cap_sums.period_start <= $2
         AND (cap_sums.period_end IS NULL OR cap_sums.period_end > $2)
         ORDER BY cap_sums.cap_id, cap_sums.affiliate_id",
        &[offer.into(), now.into()],
    )?
    .iter()
    .map(|row| {
        Ok(TakenNow {
            cap_id: row.id(0)?,
            affiliate_id: AffiliateId::new(row.int(1)?).ok(),
            taken: row.int(2)?,
        })
    })
    .collect()
}

/// What is closed at `now`: offers, or single affiliates on them, whose caps on conversions, revenue or payout are
/// reached in the period that goes on. Ascending by offer and affiliate, one entry each, with the latest end. An
/// affiliate's own cap overrules that of each affiliate for the same metric and period.
///
/// # Errors
/// Those of the store.
pub fn closures(tx: &mut dyn Tx, now: UnixMillis) -> Result<Vec<ClosureEntry>, StoreError> {
    let rows = tx.query(
        "SELECT caps.offer_id, cap_sums.affiliate_id, cap_sums.period_end
         FROM cap_sums JOIN caps ON caps.id = cap_sums.cap_id
         WHERE caps.removed_at IS NULL AND caps.metric <> 'clicks' AND cap_sums.taken >= caps.amount
         AND cap_sums.period_start <= $1 AND (cap_sums.period_end IS NULL OR cap_sums.period_end > $1)
         AND NOT (caps.scope = 'each_affiliate' AND EXISTS (SELECT 1 FROM caps AS own
           WHERE own.offer_id = caps.offer_id AND own.affiliate_id = cap_sums.affiliate_id
           AND own.metric = caps.metric AND own.period = caps.period AND own.removed_at IS NULL))",
        &[now.into()],
    )?;
    let mut closed: BTreeMap<(OfferId, Option<AffiliateId>), Option<UnixMillis>> = BTreeMap::new();
    for row in &rows {
        let whose = (row.id(0)?, AffiliateId::new(row.int(1)?).ok());
        let until = row.time_or_null(2)?;
        closed
            .entry(whose)
            .and_modify(|known| *known = known.zip(until).map(|(one, other)| one.max(other)))
            .or_insert(until);
    }
    let entry = |((offer_id, affiliate_id), until)| ClosureEntry { offer_id, affiliate_id, until };
    Ok(closed.into_iter().map(entry).collect())
}

/// A kept sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptSum {
    /// The cap.
    pub cap_id: CapId,
    /// Whose; none: all of the offer's together.
    pub affiliate_id: Option<AffiliateId>,
    /// When its period begins.
    pub start: UnixMillis,
    /// How many, or how much in minor units.
    pub taken: i64,
}

/// Every kept sum, of caps that were taken away too, for checks.
///
/// # Errors
/// Those of the store.
pub fn kept(tx: &mut dyn Tx) -> Result<Vec<KeptSum>, StoreError> {
    let sql = "SELECT cap_id, affiliate_id, period_start, taken FROM cap_sums";
    tx.query(sql, &[])?
        .iter()
        .map(|row| {
            Ok(KeptSum {
                cap_id: row.id(0)?,
                affiliate_id: AffiliateId::new(row.int(1)?).ok(),
                start: row.time(2)?,
                taken: row.int(3)?,
            })
        })
        .collect()
}
