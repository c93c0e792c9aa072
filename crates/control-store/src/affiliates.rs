//! Affiliates: who embeds links and is paid.

use std::collections::{BTreeMap, BTreeSet};

use hopline_catalogue::data::Standing;
use hopline_types::{AffiliateId, UnixMillis};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx, Value, catalogue};

/// An affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affiliate {
    /// Its id.
    pub id: AffiliateId,
    /// Its name.
    pub name: String,
    /// Where to write to; unique without regard to case.
    pub email: String,
    /// Whether its links run.
    pub standing: Standing,
    /// How it is paid: JSON as given, checked.
    pub payout_method: Option<serde_json::Value>,
    /// Who last changed how it is paid (L-25).
    pub payout_method_changed_by: Option<String>,
    /// When that was.
    pub payout_method_changed_at: Option<UnixMillis>,
    /// When it was entered.
    pub created_at: UnixMillis,
    /// When it was last changed.
    pub updated_at: UnixMillis,
}

/// An affiliate to enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAffiliate {
    /// Its name.
    pub name: String,
    /// Where to write to.
    pub email: String,
    /// Whether its links run.
    pub standing: Standing,
    /// How it is paid: JSON, checked by the caller.
    pub payout_method: Option<serde_json::Value>,
}

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AffiliateChange {
    /// Its name.
    pub name: Option<String>,
    /// Where to write to.
    pub email: Option<String>,
    /// Whether its links run.
    pub standing: Option<Standing>,
    /// How it is paid; `Some(None)` takes the method away.
    pub payout_method: Option<Option<serde_json::Value>>,
}

/// Which to list; `None` does not choose.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AffiliateFilter {
    /// With this standing.
    pub standing: Option<Standing>,
    /// With this address.
    pub email: Option<String>,
}

macro_rules! columns {
    () => {
        "id, name, email, standing, payout_method, payout_method_changed_by, payout_method_changed_at, created_at, \
         updated_at"
    };
}

/// An affiliate sees itself; advertisers see none.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'affiliate' AND id = $2))"
    };
}

fn read(row: &Row) -> Result<Affiliate, StoreError> {
    let payout_method = row.text_or_null(4)?.map(serde_json::from_str).transpose();
    Ok(Affiliate {
        id: row.id(0)?,
        name: row.text(1)?.to_owned(),
        email: row.text(2)?.to_owned(),
        standing: row.parsed(3)?,
        payout_method: payout_method.map_err(|refusal| {
            StoreError::new(ErrorKind::Broken, format!("affiliates.payout_method is no JSON: {refusal}"))
        })?,
        payout_method_changed_by: row.text_or_null(5)?.map(str::to_owned),
        payout_method_changed_at: row.time_or_null(6)?,
        created_at: row.time(7)?,
        updated_at: row.time(8)?,
    })
}

/// Addresses are kept in lower case, so that one address is one affiliate.
fn same_case(email: &str) -> String {
    email.trim().to_lowercase()
}

/// Enters an affiliate. `by` is the actor's name.
///
/// # Errors
/// `Conflict` where the address is taken; those of the store.
pub fn create(
    tx: &mut dyn Tx,
    new: &NewAffiliate,
    by: &str,
    now: UnixMillis,
) -> Result<Affiliate, StoreError> {
    let method = new.payout_method.as_ref().map(ToString::to_string);
    let changed_by = method.as_ref().map(|_| by);
    let changed_at = method.as_ref().map(|_| now);
    let row = tx.one(
        concat!(
            "INSERT INTO affiliates (name, email, standing, payout_method, payout_method_changed_by, \
             payout_method_changed_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING ",
            columns!()
        ),
        &[
            (&new.name).into(),
            same_case(&new.email).into(),
            new.standing.as_str().into(),
            method.into(),
            changed_by.into(),
            changed_at.into(),
            now.into(),
        ],
    )?;
    catalogue::bump(tx)?;
    read(&row)
}

/// One affiliate, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: AffiliateId) -> Result<Option<Affiliate>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM affiliates WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// The standing of affiliates, for the program itself; of those that there are.
///
/// # Errors
/// Those of the store.
pub fn standings(
    tx: &mut dyn Tx,
    ids: impl IntoIterator<Item = AffiliateId>,
) -> Result<BTreeMap<AffiliateId, Standing>, StoreError> {
    let ids: BTreeSet<AffiliateId> = ids.into_iter().collect();
    let values: Vec<Vec<Value>> = ids.iter().map(|id| vec![(*id).into()]).collect();
    let found = tx.query_many("SELECT standing FROM affiliates WHERE id = $1", &values)?;
    let known = ids.into_iter().zip(&found).filter_map(|(id, rows)| Some((id, rows.first()?)));
    known.map(|(id, row)| Ok((id, row.parsed(0)?))).collect()
}

/// Affiliates in order of ids.
///
/// # Errors
/// Those of the store.
pub fn list(
    tx: &mut dyn Tx,
    scope: Scope,
    filter: &AffiliateFilter,
    page: Page,
) -> Result<Vec<Affiliate>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM affiliates WHERE ",
            visible!(),
            " AND id > $3 AND (standing = $4 OR $4 IS NULL) AND (email = $5 OR $5 IS NULL) ORDER BY id LIMIT $6"
        ),
        &scope.bind([
            page.after(),
            filter.standing.map(Standing::as_str).into(),
            filter.email.as_deref().map(same_case).into(),
            page.limit(),
        ]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Changes an affiliate and gives back its new state; `None` where it does not exist or may not be seen. `by` is the
/// actor's name, kept where the payout method changes (L-25).
///
/// # Errors
/// `Conflict` where the address is taken; those of the store.
pub fn update(
    tx: &mut dyn Tx,
    scope: Scope,
    id: AffiliateId,
    change: &AffiliateChange,
    by: &str,
    now: UnixMillis,
) -> Result<Option<Affiliate>, StoreError> {
    let Some(old) = get(tx, scope, id)? else { return Ok(None) };
    let mut new = old.clone();
    new.updated_at = now;
    if let Some(name) = &change.name {
        new.name.clone_from(name);
    }
    if let Some(email) = &change.email {
        new.email = same_case(email);
    }
    if let Some(standing) = change.standing {
        new.standing = standing;
    }
    if let Some(method) = &change.payout_method
        && *method != old.payout_method
    {
        new.payout_method.clone_from(method);
        new.payout_method_changed_by = Some(by.to_owned());
        new.payout_method_changed_at = Some(now);
    }
    tx.execute(
        "UPDATE affiliates SET name = $2, email = $3, standing = $4, payout_method = $5,
         payout_method_changed_by = $6, payout_method_changed_at = $7, updated_at = $8 WHERE id = $1",
        &[
            id.into(),
            (&new.name).into(),
            (&new.email).into(),
            new.standing.as_str().into(),
            new.payout_method.as_ref().map(ToString::to_string).into(),
            new.payout_method_changed_by.as_ref().into(),
            new.payout_method_changed_at.into(),
            now.into(),
        ],
    )?;
    if new.standing != old.standing {
        catalogue::bump(tx)?;
    }
    Ok(Some(new))
}
