//! How advertisers' measurement is read.

use std::collections::BTreeMap;

use hopline_types::{AdvertiserId, InstallMappingId, UnixMillis};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx};

/// A mapping as entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstallMapping {
    /// Its id.
    pub id: InstallMappingId,
    /// What it says.
    pub what: NewInstallMapping,
    /// When it was entered.
    pub created_at: UnixMillis,
}

/// A mapping to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstallMapping {
    /// Whose postbacks it is about; an advertiser has one at most.
    pub advertiser_id: AdvertiserId,
    /// Whose usual names are read.
    pub provider: String,
    /// Our field to the names that come before the usual ones.
    pub names: BTreeMap<String, Vec<String>>,
    /// Their word for an event to a goal's key.
    pub events: BTreeMap<String, String>,
}

macro_rules! columns {
    () => {
        "id, advertiser_id, provider, names, events, created_at"
    };
}

macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'advertiser' AND advertiser_id = $2))"
    };
}

fn read(row: &Row) -> Result<InstallMapping, StoreError> {
    let broken = |what: &str, refusal: serde_json::Error| {
        StoreError::new(ErrorKind::Broken, format!("install_mappings.{what}: {refusal}"))
    };
    Ok(InstallMapping {
        id: row.id(0)?,
        what: NewInstallMapping {
            advertiser_id: row.id(1)?,
            provider: row.text(2)?.to_owned(),
            names: serde_json::from_str(row.text(3)?).map_err(|refusal| broken("names", refusal))?,
            events: serde_json::from_str(row.text(4)?).map_err(|refusal| broken("events", refusal))?,
        },
        created_at: row.time(5)?,
    })
}

/// Enters a mapping.
///
/// # Errors
/// `Conflict` where the advertiser has one, `Reference` where there is no such advertiser; those of the store.
pub fn create(
    tx: &mut dyn Tx,
    new: &NewInstallMapping,
    now: UnixMillis,
) -> Result<InstallMapping, StoreError> {
    let row = tx.one(
        concat!(
            "INSERT INTO install_mappings (advertiser_id, provider, names, events, created_at) \
             VALUES ($1, $2, $3, $4, $5) RETURNING ",
            columns!()
        ),
        &[
            new.advertiser_id.into(),
            (&new.provider).into(),
            serde_json::to_string(&new.names).expect("names are plain data").into(),
            serde_json::to_string(&new.events).expect("events are plain data").into(),
            now.into(),
        ],
    )?;
    read(&row)
}

/// One mapping, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(
    tx: &mut dyn Tx,
    scope: Scope,
    id: InstallMappingId,
) -> Result<Option<InstallMapping>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM install_mappings WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Mappings in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx, scope: Scope, page: Page) -> Result<Vec<InstallMapping>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM install_mappings WHERE ",
            visible!(),
            " AND id > $3 ORDER BY id LIMIT $4"
        ),
        &scope.bind([page.after(), page.limit()]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// An advertiser's mapping.
///
/// # Errors
/// Those of the store.
pub fn of_advertiser(
    tx: &mut dyn Tx,
    advertiser: AdvertiserId,
) -> Result<Option<InstallMapping>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM install_mappings WHERE advertiser_id = $1"),
        &[advertiser.into()],
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Takes a mapping out.
///
/// # Errors
/// Those of the store.
pub fn remove(tx: &mut dyn Tx, id: InstallMappingId) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM install_mappings WHERE id = $1", &[id.into()])? > 0)
}
