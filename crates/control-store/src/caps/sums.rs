//! Kept sums of caps on conversions, revenue and payout.

use std::collections::BTreeMap;

use hopline_catalogue::data::ClosureEntry;
use hopline_types::{AffiliateId, CapId, OfferId, UnixMillis};

use crate::{ErrorKind, Row, StoreError, Tx, Value, catalogue};

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

/// One kept sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CapSum {
    /// How many, or how much in minor units.
    pub taken: i64,
    /// The least that came to it since something was first refused for want of room; none: nothing was.
    pub wanted: Option<i64>,
}

impl CapSum {
    /// Whether clicks can bring nothing more: the amount is reached, or what came of late no longer fits.
    const fn is_full(self, amount: i64) -> bool {
        let is_wanted_too_much = match self.wanted {
            Some(wanted) => self.taken > amount - wanted,
            None => false,
        };
        self.taken >= amount || is_wanted_too_much
    }
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
    Ok(sums_many(tx, &[(cap, affiliate, start)])?.pop().unwrap_or_default().taken)
}

/// The sums asked for, in their order.
///
/// # Errors
/// Those of the store.
pub fn sums_many(
    tx: &mut dyn Tx,
    asked: &[(CapId, Option<AffiliateId>, UnixMillis)],
) -> Result<Vec<CapSum>, StoreError> {
    let values: Vec<Vec<Value>> = asked
        .iter()
        .map(|(cap, affiliate, start)| vec![(*cap).into(), key(*affiliate).into(), (*start).into()])
        .collect();
    let sql =
        "SELECT taken, wanted FROM cap_sums WHERE cap_id = $1 AND affiliate_id = $2 AND period_start = $3";
    let sum = |rows: &Vec<Row>| match rows.first() {
        None => Ok(CapSum::default()),
        Some(row) => Ok(CapSum { taken: row.int(0)?, wanted: row.int_or_null(1)? }),
    };
    tx.query_many(sql, &values)?.iter().map(sum).collect()
}

/// What to add to a sum, or to take back where `delta` is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addition {
    /// The cap.
    pub cap: CapId,
    /// Whose sum; none: all of the offer's together.
    pub affiliate: Option<AffiliateId>,
    /// The period.
    pub span: CapSpan,
    /// How many, or how much in minor units.
    pub delta: i64,
}

/// Adds to what a cap has taken in a period (takes back, where `delta` is negative) and gives back the new sum. Raises
/// the catalogue's version where the sum becomes full by it, or is no longer. Nothing is refused here: whether a sum may
/// grow is asked before, with [`taken`], in the same transaction.
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
    let addition = Addition { cap, affiliate, span: *span, delta };
    Ok(add_many(tx, &[addition])?.pop().unwrap_or_default())
}

/// The same for many sums, no two of them the same, and gives back the new sums in order. Raises the catalogue's
/// version once where any of them becomes full, or is no longer.
///
/// # Errors
/// As [`add`].
pub fn add_many(tx: &mut dyn Tx, additions: &[Addition]) -> Result<Vec<i64>, StoreError> {
    let sums = change(tx, additions, |sum, addition| {
        let Addition { cap, delta, .. } = *addition;
        let taken = sum.taken.checked_add(delta).ok_or_else(|| {
            StoreError::new(
                ErrorKind::Constraint,
                format!("cap {cap}: {} + {delta} leaves 64 bits", sum.taken),
            )
        })?;
        Ok(CapSum { taken, ..sum })
    })?;
    Ok(sums.iter().map(|sum| sum.taken).collect())
}

/// Notes of sums, no two of them the same, that something came to them which they had no room for, or that came since they
/// first had none; `delta` is what it adds or would have added, from 1. From then on a sum is full while the least of
/// that would not fit, so that what is given back, a greater amount and a smaller thing that fits open it again. Raises
/// the catalogue's version as [`add_many`] does.
///
/// # Errors
/// As [`add`].
pub fn refuse_many(tx: &mut dyn Tx, refused: &[Addition]) -> Result<(), StoreError> {
    let note = |sum: CapSum, refused: &Addition| {
        let wanted = sum.wanted.map_or(refused.delta, |least| least.min(refused.delta));
        Ok(CapSum { wanted: Some(wanted), ..sum })
    };
    change(tx, refused, note).map(drop)
}

/// Changes sums, and gives back what they are then, in order.
fn change(
    tx: &mut dyn Tx,
    asked: &[Addition],
    how: impl Fn(CapSum, &Addition) -> Result<CapSum, StoreError>,
) -> Result<Vec<CapSum>, StoreError> {
    let caps: Vec<Vec<Value>> = asked.iter().map(|asked| vec![asked.cap.into()]).collect();
    let amounts = tx.query_many("SELECT amount FROM caps WHERE id = $1", &caps)?;
    let keys: Vec<_> = asked.iter().map(|asked| (asked.cap, asked.affiliate, asked.span.start)).collect();
    let before = sums_many(tx, &keys)?;
    let mut sums = Vec::with_capacity(asked.len());
    let mut rows: Vec<Vec<Value>> = Vec::with_capacity(asked.len());
    let mut is_crossed = false;
    for ((asked, amount), before) in asked.iter().zip(&amounts).zip(before) {
        let Addition { cap, affiliate, span, .. } = *asked;
        let Some(amount) = amount.first() else {
            return Err(StoreError::new(ErrorKind::Reference, format!("there is no cap {cap}")));
        };
        let amount = amount.int(0)?;
        let after = how(before, asked)?;
        sums.push(after);
        is_crossed |= before.is_full(amount) != after.is_full(amount);
        if before != after {
            let mut row = vec![cap.into(), key(affiliate).into(), span.start.into(), span.end.into()];
            row.extend([after.taken.into(), after.wanted.into()]);
            rows.push(row);
        }
    }
    tx.execute_many(
        "INSERT INTO cap_sums (cap_id, affiliate_id, period_start, period_end, taken, wanted)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (cap_id, affiliate_id, period_start)
         DO UPDATE SET taken = excluded.taken, wanted = excluded.wanted",
        &rows,
    )?;
    if is_crossed {
        catalogue::bump(tx)?;
    }
    Ok(sums)
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
/// full in the period that goes on. Ascending by offer and affiliate, one entry each, with the latest end. An
/// affiliate's own cap overrules that of each affiliate for the same metric and period.
///
/// # Errors
/// Those of the store.
pub fn closures(tx: &mut dyn Tx, now: UnixMillis) -> Result<Vec<ClosureEntry>, StoreError> {
    let rows = tx.query(
        "SELECT caps.offer_id, cap_sums.affiliate_id, cap_sums.period_end
         FROM cap_sums JOIN caps ON caps.id = cap_sums.cap_id
         WHERE caps.removed_at IS NULL AND caps.metric <> 'clicks'
         AND (cap_sums.taken >= caps.amount OR cap_sums.taken > caps.amount - cap_sums.wanted)
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
