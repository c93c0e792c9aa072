//! Caps: bounds on what an offer takes in a period, and the kept sums of those that the books count.
//!
//! Clicks are counted at the edges. Conversions, revenue and payout are counted where a conversion is decided: the
//! caller works out a cap's period ([`CapSpan`]) and [`add`]s to its sum in the same transaction. A sum is full when it
//! reaches its cap's amount, or has no room for the least that came since it first refused something ([`refuse_many`]);
//! then it is a [closure](closures), which edges learn with the catalogue, whose version rises when a sum becomes full
//! and when it no longer is.
//!
//! # Whose sum
//!
//! A sum is kept per cap, affiliate and beginning of the period. The affiliate is `None` for [`CapScope::Offer`] and the
//! conversion's own for [`CapScope::EachAffiliate`] and [`CapScope::Affiliate`]. The period of [`CapPeriod::Total`]
//! begins at 0 and has no end. A cap counts from when it was entered; raising or lowering its amount keeps its id
//! and sums.

mod sums;
mod words;

pub use sums::{
    Addition, CapSpan, CapSum, KeptSum, TakenNow, add, add_many, closures, kept, refuse_many, sums_many,
    taken, taken_now,
};

use hopline_catalogue::data::{CapEntry, CapMetric, CapPeriod, CapScope};
use hopline_types::{AffiliateId, CapId, OfferId, UnixMillis};

use crate::{ErrorKind, Lock, Row, StoreError, Tx, Value, catalogue};

/// A cap to have. Scope, metric, period and zone make it the same cap; its amount may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCap {
    /// Whose are counted.
    pub scope: CapScope,
    /// What is counted.
    pub metric: CapMetric,
    /// In which time.
    pub period: CapPeriod,
    /// IANA name of the zone in which periods begin.
    pub zone: String,
    /// How many, or how much in minor units.
    pub amount: i64,
}

impl NewCap {
    /// Whether it is this cap, perhaps with another amount.
    #[must_use]
    pub fn is(&self, cap: &CapEntry) -> bool {
        (self.scope, self.metric, self.period, &self.zone) == (cap.scope, cap.metric, cap.period, &cap.zone)
    }
}

macro_rules! columns {
    () => {
        "id, scope, affiliate_id, metric, period, zone, amount"
    };
}

fn read(row: &Row) -> Result<CapEntry, StoreError> {
    read_at(row, 0)
}

fn read_at(row: &Row, first: usize) -> Result<CapEntry, StoreError> {
    let id: CapId = row.id(first)?;
    let affiliate: Option<AffiliateId> = row.id_or_null(first + 2)?;
    let broken = |column: &str, word: &str| {
        StoreError::new(ErrorKind::Broken, format!("caps.{column} of cap {id} holds {word:?}"))
    };
    let (scope, metric, period) = (row.text(first + 1)?, row.text(first + 3)?, row.text(first + 4)?);
    Ok(CapEntry {
        id,
        scope: words::scope(scope, affiliate).ok_or_else(|| broken("scope", scope))?,
        metric: words::metric(metric).ok_or_else(|| broken("metric", metric))?,
        period: words::period(period).ok_or_else(|| broken("period", period))?,
        zone: row.text(first + 5)?.to_owned(),
        amount: row.int(first + 6)?,
    })
}

/// The caps of an offer, ascending by id.
///
/// # Errors
/// Those of the store.
pub fn caps_of(tx: &mut dyn Tx, offer: OfferId) -> Result<Vec<CapEntry>, StoreError> {
    Ok(caps_of_many(tx, &[offer])?.pop().unwrap_or_default())
}

/// The caps of each of these offers, ascending by id, in the order asked for.
///
/// # Errors
/// Those of the store.
pub fn caps_of_many(tx: &mut dyn Tx, offers: &[OfferId]) -> Result<Vec<Vec<CapEntry>>, StoreError> {
    let values: Vec<Vec<Value>> = offers.iter().map(|offer| vec![(*offer).into()]).collect();
    tx.query_many(
        concat!("SELECT ", columns!(), " FROM caps WHERE offer_id = $1 AND removed_at IS NULL ORDER BY id"),
        &values,
    )?
    .iter()
    .map(|rows| rows.iter().map(read).collect())
    .collect()
}

/// All caps of all offers, ascending by offer and id.
pub(crate) fn all(tx: &mut dyn Tx) -> Result<Vec<(OfferId, CapEntry)>, StoreError> {
    tx.query(
        concat!("SELECT offer_id, ", columns!(), " FROM caps WHERE removed_at IS NULL ORDER BY offer_id, id"),
        &[],
    )?
    .iter()
    .map(|row| Ok((row.id(0)?, read_at(row, 1)?)))
    .collect()
}

/// Lets an offer have these caps and no others, and gives them back, ascending by id. A cap that it has already keeps
/// its id and sums, also where the amount is another. The offer must exist, and no two may be the same cap.
///
/// # Errors
/// `Reference` where there is no such offer or affiliate, `Constraint` where two are the same cap; those of the store.
pub fn replace(
    tx: &mut dyn Tx,
    offer: OfferId,
    wanted: &[NewCap],
    now: UnixMillis,
) -> Result<Vec<CapEntry>, StoreError> {
    // Who adds to a sum meanwhile must see the new amount, or be seen by it.
    tx.lock(Lock::Caps(offer))?;
    let before = caps_of(tx, offer)?;
    let mut changed = false;
    for cap in &before {
        match wanted.iter().find(|new| new.is(cap)) {
            Some(same) if same.amount == cap.amount => continue,
            Some(other) => tx.execute(
                "UPDATE caps SET amount = $2 WHERE id = $1",
                &[cap.id.into(), other.amount.into()],
            )?,
            None => {
                tx.execute("UPDATE caps SET removed_at = $2 WHERE id = $1", &[cap.id.into(), now.into()])?
            }
        };
        changed = true;
    }
    for (index, new) in wanted.iter().enumerate() {
        let same = |other: &NewCap| {
            (other.scope, other.metric, other.period, &other.zone)
                == (new.scope, new.metric, new.period, &new.zone)
        };
        if wanted.iter().take(index).any(same) {
            let detail = format!("cap {index} of offer {offer} is given twice");
            return Err(StoreError::new(ErrorKind::Constraint, detail));
        }
        if !before.iter().any(|cap| new.is(cap)) {
            insert(tx, offer, new, now)?;
            changed = true;
        }
    }
    if changed {
        catalogue::bump(tx)?;
    }
    caps_of(tx, offer)
}

fn insert(tx: &mut dyn Tx, offer: OfferId, new: &NewCap, now: UnixMillis) -> Result<(), StoreError> {
    let (scope, affiliate) = words::of_scope(new.scope);
    tx.execute(
        "INSERT INTO caps (offer_id, scope, affiliate_id, metric, period, zone, amount, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &[
            offer.into(),
            scope.into(),
            affiliate.into(),
            words::of_metric(new.metric).into(),
            words::of_period(new.period).into(),
            (&new.zone).into(),
            new.amount.into(),
            now.into(),
        ],
    )
    .map(drop)
}
