//! Affiliates: who embeds links and is paid.

use std::collections::{BTreeMap, BTreeSet};

use hopline_catalogue::data::Standing;
use hopline_types::{AffiliateId, UnixMillis};

use crate::{ErrorKind, Page, Row, Scope, StoreError, Tx, Value, bank_data, catalogue};

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
    /// How it is paid, accounts by their last four; see [`payout_method`] for the whole.
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

/// Enters an affiliate. `by` is the actor's name. Its payout method is sealed (P-42).
///
/// # Errors
/// `Conflict` where the address is taken; those of the store.
pub fn create(
    tx: &mut dyn Tx,
    new: &NewAffiliate,
    by: &str,
    now: UnixMillis,
) -> Result<Affiliate, StoreError> {
    let method = new.payout_method.as_ref().map(|method| bank_data::shortened(method).to_string());
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
    let affiliate = read(&row)?;
    if new.payout_method.is_some() {
        keep_method(tx, affiliate.id, new.payout_method.as_ref(), by, now)?;
    }
    Ok(affiliate)
}

/// Writes an affiliate's payout method down, sealed, and that it was changed.
fn keep_method(
    tx: &mut dyn Tx,
    id: AffiliateId,
    method: Option<&serde_json::Value>,
    by: &str,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let place = bank_data::affiliate_place(id.get());
    let kept = method.map(|method| bank_data::seal(tx, &place, method)).transpose()?;
    let (shown, sealed) = kept.map(|kept| (kept.shown, kept.sealed)).unzip();
    tx.execute(
        "UPDATE affiliates SET payout_method = $2, payout_method_sealed = $3 WHERE id = $1",
        &[id.into(), shown.into(), sealed.into()],
    )?;
    tx.execute(
        "INSERT INTO payout_method_changes (affiliate_id, changed_by, changed_at) VALUES ($1, $2, $3)",
        &[id.into(), by.into(), now.into()],
    )
    .map(drop)
}

/// An affiliate's whole payout method, for those who pay; whoever shows it to people writes that into the audit log.
///
/// # Errors
/// The key is missing or the row was altered; those of the store.
pub fn payout_method(tx: &mut dyn Tx, id: AffiliateId) -> Result<Option<serde_json::Value>, StoreError> {
    let sql = "SELECT payout_method, payout_method_sealed FROM affiliates WHERE id = $1";
    let Some(row) = tx.first(sql, &[id.into()])? else { return Ok(None) };
    let Some(shown) = row.text_or_null(0)? else { return Ok(None) };
    bank_data::open(tx.vault(), &bank_data::affiliate_place(id.get()), shown, row.text_or_null(1)?).map(Some)
}

/// Whether somebody has changed where an affiliate is paid to, at a time or later (L-25).
///
/// # Errors
/// Those of the store.
pub fn has_changed_payout_method(
    tx: &mut dyn Tx,
    id: AffiliateId,
    by: &str,
    since: Option<UnixMillis>,
) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM payout_method_changes WHERE affiliate_id = $1 AND changed_by = $2 AND changed_at >= $3 LIMIT 1";
    let since = since.unwrap_or(UnixMillis(i64::MIN));
    Ok(tx.first(sql, &[id.into(), by.into(), since.into()])?.is_some())
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
        && *method != payout_method(tx, id)?
    {
        keep_method(tx, id, method.as_ref(), by, now)?;
        new.payout_method = method.as_ref().map(bank_data::shortened);
        new.payout_method_changed_by = Some(by.to_owned());
        new.payout_method_changed_at = Some(now);
    }
    tx.execute(
        "UPDATE affiliates SET name = $2, email = $3, standing = $4,
         payout_method_changed_by = $5, payout_method_changed_at = $6, updated_at = $7 WHERE id = $1",
        &[
            id.into(),
            (&new.name).into(),
            (&new.email).into(),
            new.standing.as_str().into(),
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
