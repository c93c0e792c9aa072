//! Landing pages: where visitors of an offer land beside its own page.

use hopline_catalogue::data::{LandingPageEntry, Standing};
use hopline_types::{LandingPageId, OfferId, UnixMillis};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx, catalogue};

/// A landing page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingPage {
    /// Its id: `lp` in links, `landing_page` in reports.
    pub id: LandingPageId,
    /// Its offer; never changes.
    pub offer_id: OfferId,
    /// What can be changed of it.
    pub settings: LandingPageSettings,
    /// When it was entered.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

/// What can be changed of a landing page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LandingPageSettings {
    /// Its name for people.
    pub name: String,
    /// Where it is; holds macros.
    pub url: String,
    /// Its share of the visitors, 0 to 10,000.
    pub weight: u32,
    /// Only active ones are used.
    pub standing: Standing,
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LandingPageFilter {
    /// Of this offer.
    pub offer_id: Option<OfferId>,
    /// With this standing.
    pub standing: Option<Standing>,
}

macro_rules! columns {
    () => {
        "id, offer_id, name, url, weight, standing, created_at, updated_at"
    };
}

/// An advertiser sees those of its offers; an affiliate the active ones of offers that it sees.
macro_rules! visible {
    () => {
        "($1 = 'all' OR EXISTS (SELECT 1 FROM offers WHERE offers.id = landing_pages.offer_id \
         AND (($1 = 'advertiser' AND offers.advertiser_id = $2) OR ($1 = 'affiliate' \
         AND landing_pages.standing = 'active' AND (offers.standing = 'active' OR EXISTS (SELECT 1 FROM links \
         WHERE links.offer_id = offers.id AND links.affiliate_id = $2))))))"
    };
}

fn weight(row: &Row, column: usize) -> Result<u32, StoreError> {
    u32::try_from(row.int(column)?)
        .map_err(|refusal| StoreError::new(ErrorKind::Broken, format!("landing_pages.weight: {refusal}")))
}

fn read(row: &Row) -> Result<LandingPage, StoreError> {
    Ok(LandingPage {
        id: row.id(0)?,
        offer_id: row.id(1)?,
        settings: LandingPageSettings {
            name: row.text(2)?.to_owned(),
            url: row.text(3)?.to_owned(),
            weight: weight(row, 4)?,
            standing: row.parsed(5)?,
        },
        created_at: row.time(6)?,
        updated_at: row.time(7)?,
    })
}

/// Enters a landing page.
///
/// # Errors
/// `Reference` where there is no such offer; those of the store.
pub fn create(
    tx: &mut dyn Tx,
    offer: OfferId,
    settings: &LandingPageSettings,
    now: UnixMillis,
) -> Result<LandingPage, StoreError> {
    let row = tx.one(
        concat!(
            "INSERT INTO landing_pages (offer_id, name, url, weight, standing, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING ",
            columns!()
        ),
        &[
            offer.into(),
            (&settings.name).into(),
            (&settings.url).into(),
            i64::from(settings.weight).into(),
            settings.standing.as_str().into(),
            now.into(),
        ],
    )?;
    catalogue::bump(tx)?;
    read(&row)
}

/// One landing page, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: LandingPageId) -> Result<Option<LandingPage>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM landing_pages WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Landing pages in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &LandingPageFilter,
    page: Page,
) -> Result<Vec<LandingPage>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM landing_pages WHERE ",
            visible!(),
            " AND id > $3 AND (offer_id = $4 OR $4 IS NULL) AND (standing = $5 OR $5 IS NULL)
             ORDER BY id LIMIT $6"
        ),
        &scope.bind([
            page.after(),
            filter.offer_id.into(),
            filter.standing.map(Standing::as_str).into(),
            page.limit(),
        ]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Lets `change` alter a landing page and gives back its new state; `None` where it does not exist or may not be seen.
/// Affiliates see landing pages but change none.
///
/// # Errors
/// Those of the store.
pub fn update(
    tx: &mut dyn Tx,
    scope: Scope,
    id: LandingPageId,
    change: &mut dyn FnMut(&mut LandingPageSettings),
    now: UnixMillis,
) -> Result<Option<LandingPage>, StoreError> {
    if matches!(scope, Scope::Affiliate(_)) {
        return Ok(None);
    }
    let Some(mut page) = get(tx, scope, id)? else { return Ok(None) };
    let before = page.settings.clone();
    change(&mut page.settings);
    if page.settings == before {
        return Ok(Some(page));
    }
    page.updated_at = now;
    let LandingPageSettings { name, url, weight, standing } = &page.settings;
    tx.execute(
        "UPDATE landing_pages SET name = $2, url = $3, weight = $4, standing = $5, updated_at = $6 WHERE id = $1",
        &[
            id.into(),
            name.into(),
            url.into(),
            i64::from(*weight).into(),
            standing.as_str().into(),
            now.into(),
        ],
    )?;
    catalogue::bump(tx)?;
    Ok(Some(page))
}

/// All landing pages of all offers as edges get them, ascending by offer and id.
pub(crate) fn all(tx: &mut dyn Tx) -> Result<Vec<(OfferId, LandingPageEntry)>, StoreError> {
    tx.query("SELECT offer_id, id, url, weight, standing FROM landing_pages ORDER BY offer_id, id", &[])?
        .iter()
        .map(|row| {
            let entry = LandingPageEntry {
                id: row.id(1)?,
                url: row.text(2)?.to_owned(),
                weight: weight(row, 3)?,
                standing: row.parsed(4)?,
            };
            Ok((row.id(0)?, entry))
        })
        .collect()
}
