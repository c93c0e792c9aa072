//! Advertisers: who pays for conversions.

use hopline_catalogue::data::{Secret, Standing};
use hopline_money::Currency;
use hopline_types::{AdvertiserId, UnixMillis};

use crate::{Page, Row, Scope, StoreError, Tx, base62, catalogue};

/// Characters of a postback token and a signing key: 190 bits.
const SECRET_CHARS: usize = 32;

/// An advertiser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertiser {
    /// Its id.
    pub id: AdvertiserId,
    /// Its name.
    pub name: String,
    /// What it is billed in.
    pub currency: Currency,
    /// Whether its offers run.
    pub standing: Standing,
    /// What its postbacks bring as `token`.
    pub postback_token: Secret,
    /// What its postbacks are signed with; the text itself is the HMAC key.
    pub signing_key: Secret,
    /// When it was entered.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

/// An advertiser to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAdvertiser {
    /// Its name.
    pub name: String,
    /// What it is billed in.
    pub currency: Currency,
    /// Whether its offers run.
    pub standing: Standing,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdvertiserChange {
    /// Its name.
    pub name: Option<String>,
    /// Whether its offers run.
    pub standing: Option<Standing>,
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AdvertiserFilter {
    /// With this standing.
    pub standing: Option<Standing>,
}

macro_rules! columns {
    () => {
        "id, name, currency, standing, postback_token, signing_key, created_at, updated_at"
    };
}

/// An advertiser sees itself; affiliates see none.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'advertiser' AND id = $2))"
    };
}

fn read(row: &Row) -> Result<Advertiser, StoreError> {
    Ok(Advertiser {
        id: row.id(0)?,
        name: row.text(1)?.to_owned(),
        currency: row.parsed(2)?,
        standing: row.parsed(3)?,
        postback_token: Secret(row.text(4)?.to_owned()),
        signing_key: Secret(row.text(5)?.to_owned()),
        created_at: row.time(6)?,
        updated_at: row.time(7)?,
    })
}

/// Enters an advertiser and makes its secrets.
///
/// # Errors
/// Those of the store.
pub fn create(
    tx: &mut dyn Tx,
    new: &NewAdvertiser,
    random: &mut dyn FnMut(&mut [u8]),
    now: UnixMillis,
) -> Result<Advertiser, StoreError> {
    let row = tx.one(
        concat!(
            "INSERT INTO advertisers (name, currency, standing, postback_token, signing_key, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING ",
            columns!()
        ),
        &[
            (&new.name).into(),
            new.currency.code().into(),
            new.standing.as_str().into(),
            base62(SECRET_CHARS, random).into(),
            base62(SECRET_CHARS, random).into(),
            now.into(),
        ],
    )?;
    catalogue::bump(tx)?;
    read(&row)
}

/// One advertiser, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: AdvertiserId) -> Result<Option<Advertiser>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM advertisers WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Advertisers in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &AdvertiserFilter,
    page: Page,
) -> Result<Vec<Advertiser>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM advertisers WHERE ",
            visible!(),
            " AND id > $3 AND (standing = $4 OR $4 IS NULL) ORDER BY id LIMIT $5"
        ),
        &scope.bind([page.after(), filter.standing.map(Standing::as_str).into(), page.limit()]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Changes an advertiser and gives back its new state; `None` where it does not exist or may not be seen.
///
/// # Errors
/// Those of the store.
pub fn update(
    tx: &mut dyn Tx,
    scope: Scope,
    id: AdvertiserId,
    change: &AdvertiserChange,
    now: UnixMillis,
) -> Result<Option<Advertiser>, StoreError> {
    let Some(old) = get(tx, scope, id)? else { return Ok(None) };
    let new = Advertiser {
        name: change.name.clone().unwrap_or_else(|| old.name.clone()),
        standing: change.standing.unwrap_or(old.standing),
        updated_at: now,
        ..old.clone()
    };
    tx.execute(
        "UPDATE advertisers SET name = $2, standing = $3, updated_at = $4 WHERE id = $1",
        &[id.into(), (&new.name).into(), new.standing.as_str().into(), now.into()],
    )?;
    if new.standing != old.standing {
        catalogue::bump(tx)?;
    }
    Ok(Some(new))
}
