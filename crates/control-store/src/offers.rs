//! Offers: what is advertised, with its goals.

mod attribution;
mod goals;
mod terms;
pub(crate) mod traffic;

pub use attribution::{AttributionSettings, update_attribution};
pub use goals::{Goal, NewGoal, goal, goals_of};
pub use terms::{
    NewTerms, TermsVersion, Whose, add as add_version, add_terms, applying, in_force, terms_at, terms_of,
    terms_of_goals, terms_versions,
};
pub use traffic::{TrafficSettings, fallbacks, update_traffic};

use std::collections::{BTreeMap, BTreeSet};

use hopline_catalogue::data::Standing;
use hopline_money::Currency;
use hopline_types::{AdvertiserId, Model, OfferId, PostbackAuth, UnixMillis, UnknownWord};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx, Value, catalogue};

/// An offer with its goals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// Its settings.
    pub settings: OfferSettings,
    /// Whose traffic it takes; see [`update_traffic`].
    pub traffic: TrafficSettings,
    /// How its credit is given besides model and window; see [`update_attribution`].
    pub attribution: AttributionSettings,
    /// Who pays.
    pub advertiser_id: AdvertiserId,
    /// What its terms and conversions are counted in; never changes.
    pub currency: Currency,
    /// Paid events, in order; the first is meant where a postback names none.
    pub goals: Vec<Goal>,
    /// When it was entered.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

/// What can be changed of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferSettings {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub standing: Standing,
    /// Where visitors land; holds macros.
    pub landing_page: String,
    /// Where visitors go that the offer does not want; holds macros.
    pub fallback_url: Option<String>,
    /// Hosts that a deep link may name, exact.
    pub deep_link_hosts: Vec<String>,
    /// Query parameter that carries the click id where the landing page names no `{click_id}`.
    pub click_parameter: String,
    /// Whether unknown query parameters are handed to the landing page.
    pub pass_parameters: bool,
    /// What postbacks must prove.
    pub postback_auth: PostbackAuth,
    /// How credit is given among touches.
    pub model: Model,
    /// How old a touch may be.
    pub window_seconds: i64,
    /// Whether commissions wait for approval.
    pub approval: Approval,
    /// Days between approval and payment.
    pub hold_days: i64,
    /// Not before.
    pub starts_at: Option<UnixMillis>,
    /// Not at or after.
    pub ends_at: Option<UnixMillis>,
}

/// Whether commissions wait for approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Approval {
    /// Approved as they are booked.
    Automatic,
    /// Pending until somebody approves.
    Manual,
}

impl Approval {
    /// The word in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Automatic => "automatic",
            Self::Manual => "manual",
        }
    }
}

impl std::str::FromStr for Approval {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "automatic" => Ok(Self::Automatic),
            "manual" => Ok(Self::Manual),
            _ => Err(UnknownWord { given: text.into(), expected: "automatic, manual".into() }),
        }
    }
}

/// An offer to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOffer {
    /// Who pays.
    pub advertiser_id: AdvertiserId,
    /// What its terms and conversions are counted in.
    pub currency: Currency,
    /// Its settings.
    pub settings: OfferSettings,
    /// Paid events, in order.
    pub goals: Vec<NewGoal>,
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OfferFilter {
    /// Of this advertiser.
    pub advertiser_id: Option<AdvertiserId>,
    /// With this standing.
    pub standing: Option<Standing>,
}

macro_rules! columns {
    () => {
        "id, advertiser_id, currency, created_at, updated_at, name, standing, landing_page, fallback_url, \
         deep_link_hosts, click_parameter, pass_parameters, postback_auth, model, window_seconds, approval, \
         hold_days, starts_at, ends_at, targeting, fallback_offer_id, landing_page_weight, cookies, \
         cookieless_countries, attribution"
    };
}

/// An advertiser sees its own offers; an affiliate those it can run and those it has links to.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'advertiser' AND advertiser_id = $2) OR ($1 = 'affiliate' AND (standing = 'active' \
         OR EXISTS (SELECT 1 FROM links WHERE links.offer_id = offers.id AND links.affiliate_id = $2))))"
    };
}

pub(crate) fn read_hosts(json: &str) -> Result<Vec<String>, StoreError> {
    serde_json::from_str(json).map_err(|refusal| {
        StoreError::new(ErrorKind::Broken, format!("offers.deep_link_hosts is no list of texts: {refusal}"))
    })
}

fn read(tx: &mut dyn Tx, row: &Row) -> Result<Offer, StoreError> {
    let mut offer = without_goals(row)?;
    offer.goals = goals_of(tx, offer.id)?;
    Ok(offer)
}

fn without_goals(row: &Row) -> Result<Offer, StoreError> {
    Ok(Offer {
        id: row.id(0)?,
        advertiser_id: row.id(1)?,
        currency: row.parsed(2)?,
        created_at: row.time(3)?,
        updated_at: row.time(4)?,
        settings: OfferSettings {
            name: row.text(5)?.to_owned(),
            standing: row.parsed(6)?,
            landing_page: row.text(7)?.to_owned(),
            fallback_url: row.text_or_null(8)?.map(str::to_owned),
            deep_link_hosts: read_hosts(row.text(9)?)?,
            click_parameter: row.text(10)?.to_owned(),
            pass_parameters: row.flag(11)?,
            postback_auth: row.parsed(12)?,
            model: row.parsed(13)?,
            window_seconds: row.int(14)?,
            approval: row.parsed(15)?,
            hold_days: row.int(16)?,
            starts_at: row.time_or_null(17)?,
            ends_at: row.time_or_null(18)?,
        },
        traffic: traffic::read(row, 19)?,
        attribution: attribution::read(row, 24)?,
        goals: Vec::new(),
    })
}

fn settings_values(settings: &OfferSettings) -> [Value; 14] {
    [
        (&settings.name).into(),
        settings.standing.as_str().into(),
        (&settings.landing_page).into(),
        settings.fallback_url.as_ref().into(),
        serde_json::Value::from(settings.deep_link_hosts.clone()).to_string().into(),
        (&settings.click_parameter).into(),
        settings.pass_parameters.into(),
        settings.postback_auth.as_str().into(),
        settings.model.as_str().into(),
        settings.window_seconds.into(),
        settings.approval.as_str().into(),
        settings.hold_days.into(),
        settings.starts_at.into(),
        settings.ends_at.into(),
    ]
}

/// Enters an offer, its goals and version 1 of their terms. It takes all traffic until [`update_traffic`] says
/// otherwise.
///
/// # Errors
/// `Reference` where there is no such advertiser, `Conflict` where two goals have one key; those of the store.
pub fn create(tx: &mut dyn Tx, new: &NewOffer, now: UnixMillis) -> Result<Offer, StoreError> {
    let mut values = vec![new.advertiser_id.into(), new.currency.code().into(), now.into()];
    values.extend(settings_values(&new.settings));
    let row = tx.one(
        concat!(
            "INSERT INTO offers (advertiser_id, currency, created_at, updated_at, name, standing, landing_page, \
             fallback_url, deep_link_hosts, click_parameter, pass_parameters, postback_auth, model, window_seconds, \
             approval, hold_days, starts_at, ends_at) \
             VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) RETURNING ",
            columns!()
        ),
        &values,
    )?;
    let id = row.id(0)?;
    for (position, goal) in (0_i64..).zip(&new.goals) {
        goals::insert(tx, id, position, goal, now)?;
    }
    catalogue::bump(tx)?;
    read(tx, &row)
}

/// One offer, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: OfferId) -> Result<Option<Offer>, StoreError> {
    let row = tx.first(
        concat!("SELECT ", columns!(), " FROM offers WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?;
    row.map(|row| read(tx, &row)).transpose()
}

/// Offers by their ids, for the program itself; those that there are.
///
/// # Errors
/// Those of the store.
pub fn find_many(
    tx: &mut dyn Tx,
    ids: impl IntoIterator<Item = OfferId>,
) -> Result<BTreeMap<OfferId, Offer>, StoreError> {
    let ids: BTreeSet<OfferId> = ids.into_iter().collect();
    let values: Vec<Vec<Value>> = ids.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.query_many(concat!("SELECT ", columns!(), " FROM offers WHERE id = $1"), &values)?;
    let goals = goals::goals_of_many(tx, &values)?;
    let mut offers = BTreeMap::new();
    for (rows, goals) in found.iter().zip(goals) {
        let Some(row) = rows.first() else { continue };
        let mut offer = without_goals(row)?;
        offer.goals = goals;
        offers.insert(offer.id, offer);
    }
    Ok(offers)
}

/// The only offer of each of these advertisers; none of those that have several, or none.
///
/// # Errors
/// Those of the store.
pub fn only_offers(
    tx: &mut dyn Tx,
    advertisers: impl IntoIterator<Item = AdvertiserId>,
) -> Result<BTreeMap<AdvertiserId, OfferId>, StoreError> {
    let advertisers: BTreeSet<AdvertiserId> = advertisers.into_iter().collect();
    let values: Vec<Vec<Value>> = advertisers.iter().map(|id| vec![(*id).into()]).collect();
    let found =
        tx.query_many("SELECT id FROM offers WHERE advertiser_id = $1 ORDER BY id LIMIT 2", &values)?;
    let mut only = BTreeMap::new();
    for (advertiser, rows) in advertisers.into_iter().zip(&found) {
        if let [row] = rows.as_slice() {
            only.insert(advertiser, row.id(0)?);
        }
    }
    Ok(only)
}

/// Offers in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &OfferFilter,
    page: Page,
) -> Result<Vec<Offer>, StoreError> {
    let rows = tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM offers WHERE ",
            visible!(),
            " AND id > $3 AND (advertiser_id = $4 OR $4 IS NULL) AND (standing = $5 OR $5 IS NULL)
             ORDER BY id LIMIT $6"
        ),
        &scope.bind([
            page.after(),
            filter.advertiser_id.into(),
            filter.standing.map(Standing::as_str).into(),
            page.limit(),
        ]),
    )?;
    rows.iter().map(|row| read(tx, row)).collect()
}

/// Lets `change` alter an offer's settings and gives back its new state; `None` where it does not exist or may not be
/// seen. Affiliates see offers but change none.
///
/// # Errors
/// Those of the store.
pub fn update(
    tx: &mut dyn Tx,
    scope: Scope,
    id: OfferId,
    change: &mut dyn FnMut(&mut OfferSettings),
    now: UnixMillis,
) -> Result<Option<Offer>, StoreError> {
    if matches!(scope, Scope::Affiliate(_)) {
        return Ok(None);
    }
    let Some(mut offer) = get(tx, scope, id)? else { return Ok(None) };
    change(&mut offer.settings);
    offer.updated_at = now;
    let mut values = vec![id.into(), now.into()];
    values.extend(settings_values(&offer.settings));
    tx.execute(
        "UPDATE offers SET updated_at = $2, name = $3, standing = $4, landing_page = $5, fallback_url = $6,
         deep_link_hosts = $7, click_parameter = $8, pass_parameters = $9, postback_auth = $10, model = $11,
         window_seconds = $12, approval = $13, hold_days = $14, starts_at = $15, ends_at = $16 WHERE id = $1",
        &values,
    )?;
    catalogue::bump(tx)?;
    Ok(Some(offer))
}
