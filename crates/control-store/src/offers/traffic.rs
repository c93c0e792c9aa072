//! Whose traffic an offer takes: what of its rules lies on the offer itself.
//!
//! Further landing pages are a table of their own ([`crate::landing_pages`]), and so are caps ([`crate::caps`]).

use std::collections::BTreeMap;

use hopline_catalogue::data::{CookieMode, Targeting};
use hopline_types::{OfferId, UnixMillis};
use serde::de::DeserializeOwned;

use super::Offer;
use crate::{ErrorKind, Row, Scope, StoreError, Tx, Value, catalogue};

/// Who is wanted, and what visitors get. By default everybody, and the cookie.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrafficSettings {
    /// Which visitors are wanted.
    pub targeting: Targeting,
    /// Which offer gets the visitors that this one does not want.
    pub fallback_offer_id: Option<OfferId>,
    /// The share of the offer's own landing page among its landing pages; none is 1.
    pub landing_page_weight: Option<u32>,
    /// Whether visitors get the cookie.
    pub cookies: CookieMode,
    /// Countries whose visitors get no cookie.
    pub cookieless_countries: Vec<String>,
}

/// The word in text forms.
const fn of_cookies(mode: CookieMode) -> &'static str {
    match mode {
        CookieMode::Always => "always",
        CookieMode::Consent => "consent",
        CookieMode::Never => "never",
    }
}

fn json<T: DeserializeOwned>(row: &Row, column: usize, name: &str) -> Result<T, StoreError> {
    serde_json::from_str(row.text(column)?)
        .map_err(|refusal| StoreError::new(ErrorKind::Broken, format!("offers.{name}: {refusal}")))
}

/// Reads five columns from `first` on: `targeting, fallback_offer_id, landing_page_weight, cookies,
/// cookieless_countries`.
pub(crate) fn read(row: &Row, first: usize) -> Result<TrafficSettings, StoreError> {
    let weight = row.int_or_null(first + 2)?.map(u32::try_from).transpose();
    let cookies = row.text(first + 3)?;
    let known = [CookieMode::Always, CookieMode::Consent, CookieMode::Never];
    let broken = |what: String| StoreError::new(ErrorKind::Broken, what);
    Ok(TrafficSettings {
        targeting: json(row, first, "targeting")?,
        fallback_offer_id: row.id_or_null(first + 1)?,
        landing_page_weight: weight
            .map_err(|refusal| broken(format!("offers.landing_page_weight: {refusal}")))?,
        cookies: known
            .into_iter()
            .find(|mode| of_cookies(*mode) == cookies)
            .ok_or_else(|| broken(format!("offers.cookies holds {cookies:?}")))?,
        cookieless_countries: json(row, first + 4, "cookieless_countries")?,
    })
}

/// Lets `change` alter whose traffic an offer takes and gives back its new state; `None` where it does not exist or may
/// not be seen. Affiliates see offers but change none.
///
/// # Errors
/// `Reference` where there is no such fallback offer; those of the store.
pub fn update_traffic(
    tx: &mut dyn Tx,
    scope: Scope,
    id: OfferId,
    change: &mut dyn FnMut(&mut TrafficSettings),
    now: UnixMillis,
) -> Result<Option<Offer>, StoreError> {
    if matches!(scope, Scope::Affiliate(_)) {
        return Ok(None);
    }
    let Some(mut offer) = super::get(tx, scope, id)? else { return Ok(None) };
    let before = offer.traffic.clone();
    change(&mut offer.traffic);
    if offer.traffic == before {
        return Ok(Some(offer));
    }
    offer.updated_at = now;
    let TrafficSettings { targeting, fallback_offer_id, landing_page_weight, cookies, cookieless_countries } =
        &offer.traffic;
    let text = |value: Result<serde_json::Value, _>| -> Value {
        value.expect("traffic settings are plain data").to_string().into()
    };
    tx.execute(
        "UPDATE offers SET updated_at = $2, targeting = $3, fallback_offer_id = $4, landing_page_weight = $5,
         cookies = $6, cookieless_countries = $7 WHERE id = $1",
        &[
            id.into(),
            now.into(),
            text(serde_json::to_value(targeting)),
            (*fallback_offer_id).into(),
            landing_page_weight.map(i64::from).into(),
            of_cookies(*cookies).into(),
            text(serde_json::to_value(cookieless_countries)),
        ],
    )?;
    catalogue::bump(tx)?;
    Ok(Some(offer))
}

/// Which offer follows each that names one: what loops are looked for in.
///
/// # Errors
/// Those of the store.
pub fn fallbacks(tx: &mut dyn Tx) -> Result<BTreeMap<OfferId, OfferId>, StoreError> {
    tx.query("SELECT id, fallback_offer_id FROM offers WHERE fallback_offer_id IS NOT NULL", &[])?
        .iter()
        .map(|row| Ok((row.id(0)?, row.id(1)?)))
        .collect()
}
