//! Decided conversions that are to be looked at again, because a fact came late: which, why, and from when on.
//!
//! A conversion stands here once for each reason. What is asked for again while it is looked at stays: [`done`] takes out
//! only what was seen.

use hopline_types::{AdvertiserId, ConversionId, UnixMillis};

use crate::conversions::PARTITIONS;
use crate::coupons::Coupon;
use crate::{ErrorKind, Row, StoreError, Tx, Value};

/// Why a conversion is looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Clicks of its visitor may have been stored since.
    Clicks,
    /// A coupon with its code was entered or archived since.
    Coupon,
    /// An earlier conversion of its customer was decided since, or decided otherwise.
    Customer,
}

impl Why {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Clicks, Self::Coupon, Self::Customer];

    /// The word used in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clicks => "clicks",
            Self::Coupon => "coupon",
            Self::Customer => "customer",
        }
    }
}

impl std::str::FromStr for Why {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|why| why.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is no reason to decide again"))
    }
}

/// What is to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// Which conversion.
    pub conversion: ConversionId,
    /// Whose it is.
    pub advertiser: AdvertiserId,
    /// Why.
    pub why: Why,
    /// Not before.
    pub due_at: UnixMillis,
    /// When it was asked for.
    pub asked_at: UnixMillis,
    /// The number of the look, from 1, where there are several.
    pub look: i64,
}

/// One that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// What was asked.
    pub asked: Asked,
    /// The click id of the conversion, as sent.
    pub click_id: Option<String>,
    /// When the conversion was received.
    pub received_at: UnixMillis,
}

/// Asks for these, each conversion and reason at most once; what is asked for already is asked for anew.
///
/// # Errors
/// Those of the store.
pub fn ask(tx: &mut dyn Tx, asked: &[Asked]) -> Result<(), StoreError> {
    if asked.is_empty() {
        return Ok(());
    }
    let row = |asked: &Asked| -> Vec<Value> {
        vec![
            asked.conversion.into(),
            asked.advertiser.into(),
            asked.why.as_str().into(),
            asked.due_at.into(),
            asked.asked_at.into(),
            asked.look.into(),
        ]
    };
    let rows: Vec<_> = asked.iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO reconsiderations (conversion_id, advertiser_id, why, due_at, asked_at, look) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (conversion_id, why) DO UPDATE SET due_at = excluded.due_at, \
         asked_at = excluded.asked_at, look = excluded.look, asked = reconsiderations.asked + 1",
        &rows,
    )
    .map(drop)
}

/// Asks for the decided conversions that name the codes of these coupons and happened while they hold, or held before they
/// were archived.
///
/// # Errors
/// Those of the store.
pub fn ask_for_coupons(tx: &mut dyn Tx, coupons: &[Coupon], now: UnixMillis) -> Result<(), StoreError> {
    let row = |coupon: &Coupon| -> Vec<Value> {
        let what = &coupon.what;
        vec![
            what.advertiser_id.into(),
            crate::coupons::key_of(&what.code).into(),
            what.valid_from.unwrap_or(UnixMillis(i64::MIN)).into(),
            what.valid_until.unwrap_or(UnixMillis(i64::MAX)).into(),
            what.offer_id.into(),
        ]
    };
    let rows: Vec<_> = coupons.iter().map(row).collect();
    let found = tx.query_many(
        "SELECT id, advertiser_id FROM conversions WHERE advertiser_id = $1 AND coupon_key = $2 AND converted_at >= $3 \
         AND converted_at < $4 AND (offer_id = $5 OR $5 IS NULL) AND decided_at IS NOT NULL",
        &rows,
    )?;
    let mut ids: Vec<(ConversionId, AdvertiserId)> = Vec::new();
    for row in found.iter().flatten() {
        ids.push((row.id(0)?, row.id(1)?));
    }
    ids.sort_unstable();
    ids.dedup();
    let asked = |(conversion, advertiser)| Asked {
        conversion,
        advertiser,
        why: Why::Coupon,
        due_at: now,
        asked_at: now,
        look: 1,
    };
    ask(tx, &ids.into_iter().map(asked).collect::<Vec<_>>())
}

/// What is due in some parts ([`PARTITIONS`]), the longest due first, of those the earlier conversions; up to `limit`.
///
/// # Errors
/// Those of the store.
pub fn due(tx: &mut dyn Tx, now: UnixMillis, limit: u32, partitions: &[u16]) -> Result<Vec<Due>, StoreError> {
    let mask =
        partitions.iter().filter(|part| **part < PARTITIONS).fold(0_i64, |mask, part| mask | (1 << part));
    let rows = tx.query(
        "SELECT r.conversion_id, r.advertiser_id, r.why, r.due_at, r.asked_at, r.look, c.click_id, c.received_at \
         FROM reconsiderations r JOIN conversions c ON c.id = r.conversion_id WHERE r.due_at <= $1 \
         AND ((CAST($3 AS BIGINT) >> CAST(r.advertiser_id % 32 AS INTEGER)) & 1) = 1 \
         ORDER BY r.due_at, c.converted_at, r.conversion_id LIMIT $2",
        &[now.into(), i64::from(limit).into(), mask.into()],
    )?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Due, StoreError> {
    let why = row.text(2)?.parse().map_err(|error: String| StoreError::new(ErrorKind::Broken, error))?;
    let asked = Asked {
        conversion: row.id(0)?,
        advertiser: row.id(1)?,
        why,
        due_at: row.time(3)?,
        asked_at: row.time(4)?,
        look: row.int(5)?,
    };
    Ok(Due { asked, click_id: row.text_or_null(6)?.map(str::to_owned), received_at: row.time(7)? })
}

/// What is asked for about these conversions now, due by `now`.
///
/// # Errors
/// Those of the store.
pub fn of_conversions(
    tx: &mut dyn Tx,
    ids: &[ConversionId],
    now: UnixMillis,
) -> Result<Vec<Vec<Pending>>, StoreError> {
    let rows: Vec<Vec<Value>> = ids.iter().map(|id| vec![(*id).into(), now.into()]).collect();
    let found = tx.query_many(
        "SELECT why, asked_at, look, asked FROM reconsiderations WHERE conversion_id = $1 AND due_at <= $2 ORDER BY why",
        &rows,
    )?;
    let each = |row: &Row| {
        let why = row.text(0)?.parse().map_err(|error: String| StoreError::new(ErrorKind::Broken, error))?;
        Ok(Pending { why, asked_at: row.time(1)?, look: row.int(2)?, asked: row.int(3)? })
    };
    found.iter().map(|rows| rows.iter().map(each).collect()).collect()
}

/// One reason for which a conversion is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Why.
    pub why: Why,
    /// When it was asked for, last.
    pub asked_at: UnixMillis,
    /// The number of the look.
    pub look: i64,
    /// How often it was asked for since it stands here.
    pub asked: i64,
}

/// Takes out what was looked at, unless it was asked for again since it was seen.
///
/// # Errors
/// Those of the store.
pub fn done(tx: &mut dyn Tx, seen: &[(ConversionId, Pending)]) -> Result<(), StoreError> {
    let row = |(id, seen): &(ConversionId, Pending)| -> Vec<Value> {
        vec![(*id).into(), seen.why.as_str().into(), seen.asked.into()]
    };
    let rows: Vec<_> = seen.iter().map(row).collect();
    tx.execute_many(
        "DELETE FROM reconsiderations WHERE conversion_id = $1 AND why = $2 AND asked = $3",
        &rows,
    )
    .map(drop)
}
