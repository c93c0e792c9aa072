//! What edges must know, as one value.

mod rules;
mod secrets;

pub use secrets::ensure_keys;

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopline_catalogue::data::{
    AdvertiserEntry, AffiliateEntry, CatalogueData, ClickKeyEntry, GoalEntry, LinkEntry, OfferEntry,
    PseudonymKeyEntry, Secret,
};
use hopline_types::{OfferId, UnixMillis};

use crate::{ErrorKind, StoreError, Tx, sha256_hex};

/// The version of what edges must know; rises with every change of it.
///
/// # Errors
/// Those of the store.
pub fn version(tx: &mut dyn Tx) -> Result<i64, StoreError> {
    tx.one("SELECT version FROM catalogue_version WHERE id = 1", &[])?.int(0)
}

/// Raises the version; part of every transaction that changes what edges must know.
///
/// # Errors
/// Those of the store.
pub fn bump(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let changed = tx.execute("UPDATE catalogue_version SET version = version + 1 WHERE id = 1", &[])?;
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::new(ErrorKind::Broken, format!("catalogue_version has {changed} rows, expected 1")))
}

/// All that edges must know, at one version. The network's own fallback URL is configuration, and so `None` here.
///
/// # Errors
/// Those of the store.
pub fn load(tx: &mut dyn Tx, now: UnixMillis) -> Result<CatalogueData, StoreError> {
    Ok(CatalogueData {
        version: version(tx)?,
        click_keys: click_keys(tx)?,
        pseudonym_keys: pseudonym_keys(tx, now)?,
        fallback_url: None,
        advertisers: advertisers(tx)?,
        offers: offers(tx)?,
        affiliates: affiliates(tx)?,
        links: links(tx)?,
        domains: rules::domains(tx)?,
        closures: crate::caps::closures(tx, now)?,
    })
}

fn base64(bytes: &[u8]) -> Secret {
    Secret(STANDARD.encode(bytes))
}

fn click_keys(tx: &mut dyn Tx) -> Result<Vec<ClickKeyEntry>, StoreError> {
    tx.query("SELECT id, secret, signs, not_after FROM click_keys ORDER BY id", &[])?
        .iter()
        .map(|row| {
            Ok(ClickKeyEntry {
                id: u8::try_from(row.int(0)?)
                    .map_err(|_| StoreError::new(ErrorKind::Broken, "click_keys.id is outside 0 to 255"))?,
                secret: base64(row.blob(1)?),
                signs: row.flag(2)?,
                not_after: row.time_or_null(3)?,
            })
        })
        .collect()
}

fn pseudonym_keys(tx: &mut dyn Tx, now: UnixMillis) -> Result<Vec<PseudonymKeyEntry>, StoreError> {
    let days = secrets::days_in_use(now);
    tx.query(
        "SELECT day, secret FROM pseudonym_keys WHERE day >= $1 AND day <= $2 ORDER BY day",
        &[(*days.start()).into(), (*days.end()).into()],
    )?
    .iter()
    .map(|row| Ok(PseudonymKeyEntry { day: row.int(0)?, secret: base64(row.blob(1)?) }))
    .collect()
}

fn advertisers(tx: &mut dyn Tx) -> Result<Vec<AdvertiserEntry>, StoreError> {
    tx.query("SELECT id, standing, postback_token, signing_key FROM advertisers ORDER BY id", &[])?
        .iter()
        .map(|row| {
            Ok(AdvertiserEntry {
                id: row.id(0)?,
                standing: row.parsed(1)?,
                postback_token_sha256: sha256_hex(row.text(2)?.as_bytes()),
                signing_key: Secret(row.text(3)?.to_owned()),
            })
        })
        .collect()
}

fn offers(tx: &mut dyn Tx) -> Result<Vec<OfferEntry>, StoreError> {
    let mut goals = goals(tx)?;
    let mut rules = rules::by_offer(tx)?;
    tx.query(
        "SELECT id, advertiser_id, standing, currency, landing_page, fallback_url, deep_link_hosts, click_parameter,
         pass_parameters, postback_auth, starts_at, ends_at, targeting, fallback_offer_id, landing_page_weight, cookies,
         cookieless_countries FROM offers ORDER BY id",
        &[],
    )?
    .iter()
    .map(|row| {
        let id = row.id(0)?;
        Ok(OfferEntry {
            id,
            advertiser_id: row.id(1)?,
            standing: row.parsed(2)?,
            currency: row.text(3)?.to_owned(),
            landing_page: row.text(4)?.to_owned(),
            fallback_url: row.text_or_null(5)?.map(str::to_owned),
            deep_link_hosts: crate::offers::read_hosts(row.text(6)?)?,
            click_parameter: row.text(7)?.to_owned(),
            pass_parameters: row.flag(8)?,
            postback_auth: row.parsed(9)?,
            starts_at: row.time_or_null(10)?,
            ends_at: row.time_or_null(11)?,
            goals: goals.remove(&id).unwrap_or_default(),
            rules: rules.take(id, row, 12)?,
        })
    })
    .collect()
}

fn goals(tx: &mut dyn Tx) -> Result<HashMap<OfferId, Vec<GoalEntry>>, StoreError> {
    let mut by_offer: HashMap<OfferId, Vec<GoalEntry>> = HashMap::new();
    for row in tx.query("SELECT offer_id, id, key, kind FROM goals ORDER BY offer_id, position, id", &[])? {
        let goal = GoalEntry { id: row.id(1)?, key: row.text(2)?.to_owned(), kind: row.parsed(3)? };
        by_offer.entry(row.id(0)?).or_default().push(goal);
    }
    Ok(by_offer)
}

fn affiliates(tx: &mut dyn Tx) -> Result<Vec<AffiliateEntry>, StoreError> {
    tx.query("SELECT id, standing FROM affiliates ORDER BY id", &[])?
        .iter()
        .map(|row| Ok(AffiliateEntry { id: row.id(0)?, standing: row.parsed(1)? }))
        .collect()
}

fn links(tx: &mut dyn Tx) -> Result<Vec<LinkEntry>, StoreError> {
    tx.query("SELECT id, code, offer_id, affiliate_id, standing FROM links ORDER BY id", &[])?
        .iter()
        .map(|row| {
            Ok(LinkEntry {
                id: row.id(0)?,
                code: row.text(1)?.to_owned(),
                offer_id: row.id(2)?,
                affiliate_id: row.id(3)?,
                standing: row.parsed(4)?,
            })
        })
        .collect()
}
