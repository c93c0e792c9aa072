//! Coupons: codes whose use names an affiliate.
//!
//! A code is one within an advertiser, whatever its case. It is never changed: to give it to somebody else, archive it and
//! enter it anew. An archived coupon still says whose it was for conversions that happened before its end.

use std::collections::BTreeMap;

use hopline_types::{AdvertiserId, AffiliateId, CouponId, OfferId, UnixMillis};

use crate::{Page, Row, Scope, StoreError, Tx, Value};

/// A coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coupon {
    /// Its id.
    pub id: CouponId,
    /// What it says.
    pub what: NewCoupon,
    /// When it was entered.
    pub created_at: UnixMillis,
    /// When it was archived.
    pub archived_at: Option<UnixMillis>,
}

/// A coupon to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCoupon {
    /// At whose shop it is taken.
    pub advertiser_id: AdvertiserId,
    /// The code as people write it.
    pub code: String,
    /// Whose it is.
    pub affiliate_id: AffiliateId,
    /// The only offer for which it says so.
    pub offer_id: Option<OfferId>,
    /// Not before.
    pub valid_from: Option<UnixMillis>,
    /// Not at or after.
    pub valid_until: Option<UnixMillis>,
}

impl Coupon {
    /// Whether it says whose a conversion of this offer at this time is.
    #[must_use]
    pub fn holds(&self, offer: OfferId, at: UnixMillis) -> bool {
        let what = &self.what;
        what.offer_id.is_none_or(|own| own == offer)
            && what.valid_from.is_none_or(|from| from <= at)
            && what.valid_until.is_none_or(|until| at < until)
            && self.archived_at.is_none_or(|end| at < end)
    }
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CouponFilter {
    /// Of this advertiser.
    pub advertiser: Option<AdvertiserId>,
    /// Of this affiliate.
    pub affiliate: Option<AffiliateId>,
    /// With this code, whatever its case.
    pub code: Option<String>,
    /// Those that are archived, or those that are not.
    pub archived: Option<bool>,
}

/// What makes codes the same: without blanks around, in small letters.
#[must_use]
pub fn key_of(code: &str) -> String {
    code.trim().to_lowercase()
}

macro_rules! columns {
    () => {
        "id, advertiser_id, code, affiliate_id, offer_id, valid_from, valid_until, created_at, archived_at"
    };
}

/// Advertisers see those of their shops, affiliates their own.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'advertiser' AND advertiser_id = $2) OR ($1 = 'affiliate' AND affiliate_id = $2))"
    };
}

fn read(row: &Row) -> Result<Coupon, StoreError> {
    Ok(Coupon {
        id: row.id(0)?,
        what: NewCoupon {
            advertiser_id: row.id(1)?,
            code: row.text(2)?.to_owned(),
            affiliate_id: row.id(3)?,
            offer_id: row.id_or_null(4)?,
            valid_from: row.time_or_null(5)?,
            valid_until: row.time_or_null(6)?,
        },
        created_at: row.time(7)?,
        archived_at: row.time_or_null(8)?,
    })
}

/// Enters coupons, all or none, and gives them back in order.
///
/// # Errors
/// `Conflict` where a code is taken, `Reference` where somebody named is not there; those of the store.
pub fn create_many(tx: &mut dyn Tx, new: &[NewCoupon], now: UnixMillis) -> Result<Vec<Coupon>, StoreError> {
    let row = |new: &NewCoupon| -> Vec<Value> {
        vec![
            new.advertiser_id.into(),
            new.code.trim().into(),
            key_of(&new.code).into(),
            new.affiliate_id.into(),
            new.offer_id.into(),
            new.valid_from.into(),
            new.valid_until.into(),
            now.into(),
        ]
    };
    let rows: Vec<_> = new.iter().map(row).collect();
    tx.execute_many(
        "INSERT INTO coupons (advertiser_id, code, code_key, affiliate_id, offer_id, valid_from, valid_until, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        &rows,
    )?;
    let keys: Vec<(AdvertiserId, String)> =
        new.iter().map(|new| (new.advertiser_id, key_of(&new.code))).collect();
    let mut found = of_codes(tx, &keys)?;
    let newest = |key: &(AdvertiserId, String)| {
        let lost =
            || StoreError::new(crate::ErrorKind::Broken, format!("coupon {:?} was not written", key.1));
        found.get_mut(key).and_then(Vec::pop).ok_or_else(lost)
    };
    keys.iter().map(newest).collect()
}

/// One coupon, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: CouponId) -> Result<Option<Coupon>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM coupons WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Coupons in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &CouponFilter,
    page: Page,
) -> Result<Vec<Coupon>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM coupons WHERE ",
            visible!(),
            " AND id > $3 AND (advertiser_id = $4 OR $4 IS NULL) AND (affiliate_id = $5 OR $5 IS NULL)
             AND (code_key = $6 OR $6 IS NULL)
             AND ((CASE WHEN archived_at IS NULL THEN CAST(0 AS BIGINT) ELSE 1 END) = $7 OR $7 IS NULL) ORDER BY id LIMIT $8"
        ),
        &scope.bind([
            page.after(),
            filter.advertiser.into(),
            filter.affiliate.into(),
            filter.code.as_deref().map(key_of).into(),
            filter.archived.into(),
            page.limit(),
        ]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// All coupons that ever had these codes, oldest first, for the program itself.
///
/// # Errors
/// Those of the store.
pub fn of_codes(
    tx: &mut dyn Tx,
    keys: &[(AdvertiserId, String)],
) -> Result<BTreeMap<(AdvertiserId, String), Vec<Coupon>>, StoreError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<Vec<Value>> = keys.iter().map(|(id, key)| vec![(*id).into(), key.into()]).collect();
    let sql = concat!(
        "SELECT ",
        columns!(),
        " FROM coupons WHERE advertiser_id = $1 AND code_key = $2 ORDER BY id"
    );
    let found = tx.query_many(sql, &rows)?;
    let mut coupons = BTreeMap::new();
    for (key, rows) in keys.iter().zip(&found) {
        let read: Vec<Coupon> = rows.iter().map(read).collect::<Result<_, _>>()?;
        coupons.insert(key.clone(), read);
    }
    Ok(coupons)
}

/// Ends a coupon; says whether it was there and had not ended.
///
/// # Errors
/// Those of the store.
pub fn archive(tx: &mut dyn Tx, id: CouponId, now: UnixMillis) -> Result<bool, StoreError> {
    let sql = "UPDATE coupons SET archived_at = $2 WHERE id = $1 AND archived_at IS NULL";
    Ok(tx.execute(sql, &[id.into(), now.into()])? > 0)
}
