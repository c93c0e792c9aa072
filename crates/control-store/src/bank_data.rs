//! Bank data of affiliates and payouts: kept sealed, shown shortened (P-42).
//!
//! Each row has two columns: one shows the payout method with its accounts by their last four, the other holds all of it,
//! sealed by the transaction's [`Vault`]. Rows from before have it all in the first one; [`seal_some`]
//! brings them, and those of an older key, up to date.

use serde_json::Value as Json;

use hopline_payfile::{last_four, masked_email};

use crate::vault::{key_of, no_key};
use hopline_types::UnixMillis;

use crate::{ErrorKind, StoreError, Tx, Vault};

/// Fields that are shown by their last four.
const ACCOUNTS: [&str; 4] = ["iban", "account_number", "recipient", "payer_id"];

/// A payout method as it may be shown: accounts by their last four.
#[must_use]
pub fn shortened(method: &Json) -> Json {
    let mut method = method.clone();
    for name in ACCOUNTS {
        if let Some(Json::String(text)) = method.get_mut(name) {
            *text = last_four(text);
        }
    }
    if let Some(Json::String(text)) = method.get_mut("email") {
        *text = masked_email(text);
    }
    method
}

/// A method in its two columns.
pub(crate) struct Kept {
    pub(crate) shown: String,
    pub(crate) sealed: String,
}

pub(crate) fn seal(tx: &mut dyn Tx, place: &str, method: &Json) -> Result<Kept, StoreError> {
    let vault = tx.vault().ok_or_else(no_key)?;
    let sealed = vault.seal(place, &method.to_string())?;
    Ok(Kept { shown: shortened(method).to_string(), sealed })
}

/// The whole method of two columns; `shown` is all of it where the row is from before.
pub(crate) fn open(
    vault: Option<&Vault>,
    place: &str,
    shown: &str,
    sealed: Option<&str>,
) -> Result<Json, StoreError> {
    let text = match sealed {
        None => shown.to_owned(),
        Some(sealed) => vault.ok_or_else(no_key)?.open(place, sealed)?,
    };
    serde_json::from_str(&text).map_err(|error| {
        StoreError::new(ErrorKind::Broken, format!("the payout method of {place} is no JSON: {error}"))
    })
}

/// The place of an affiliate's method.
pub(crate) fn affiliate_place(id: i64) -> String {
    format!("affiliate:{id}")
}

/// The place of where a payout goes.
pub(crate) fn payout_place(id: i64) -> String {
    format!("payout:{id}")
}

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Census {
    /// Rows sealed with the key that seals now.
    pub sealed: u64,
    /// Rows sealed with another key.
    pub old_key: u64,
    /// Rows in clear text, from before there were keys.
    pub clear: u64,
}

struct Table {
    list: &'static str,
    update: &'static str,
    place: fn(i64) -> String,
}

const TABLES: [Table; 2] = [
    Table {
        list: "SELECT id, payout_method, payout_method_sealed FROM affiliates \
               WHERE payout_method IS NOT NULL AND id > $1 ORDER BY id LIMIT $2",
        update: "UPDATE affiliates SET payout_method = $2, payout_method_sealed = $3 WHERE id = $1",
        place: affiliate_place,
    },
    Table {
        list: "SELECT id, payee, payee_sealed FROM payouts WHERE id > $1 ORDER BY id LIMIT $2",
        update: "UPDATE payouts SET payee = $2, payee_sealed = $3 WHERE id = $1",
        place: payout_place,
    },
];

/// Where [`seal_some`] goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    table: usize,
    after: i64,
}

/// Seals up to `limit` rows that are clear or sealed with an older key; says how many it has changed and where to go on, none at
/// the end. Repeated it changes nothing more.
///
/// # Errors
/// A key is missing, a row was altered; those of the store.
pub fn seal_some(tx: &mut dyn Tx, from: Progress, limit: u32) -> Result<(u64, Option<Progress>), StoreError> {
    let Some(table) = TABLES.get(from.table) else { return Ok((0, None)) };
    let vault = tx.vault().ok_or_else(no_key)?;
    // The key may have been added a moment ago.
    vault.reload().ok();
    let active = vault.keys().active().ok_or_else(no_key)?.to_owned();
    let rows = tx.query(table.list, &[from.after.into(), i64::from(limit).into()])?;
    let Some(last) = rows.last() else { return Ok((0, Some(Progress { table: from.table + 1, after: 0 }))) };
    let next = Progress { table: from.table, after: last.int(0)? };
    let mut changed = 0;
    for row in &rows {
        let (id, shown, sealed) = (row.int(0)?, row.text(1)?, row.text_or_null(2)?);
        if sealed.and_then(key_of) == Some(active.as_str()) {
            continue;
        }
        let place = (table.place)(id);
        let method = open(tx.vault(), &place, shown, sealed)?;
        let kept = seal(tx, &place, &method)?;
        changed += tx.execute(table.update, &[id.into(), kept.shown.into(), kept.sealed.into()])?;
    }
    Ok((changed, Some(next)))
}

/// Whether there are rows in clear text, from before there were keys.
///
/// # Errors
/// Those of the store.
pub fn any_clear(tx: &mut dyn Tx) -> Result<bool, StoreError> {
    let affiliates =
        "SELECT 1 FROM affiliates WHERE payout_method IS NOT NULL AND payout_method_sealed IS NULL LIMIT 1";
    let payouts = "SELECT 1 FROM payouts WHERE payee_sealed IS NULL LIMIT 1";
    Ok(tx.first(affiliates, &[])?.is_some() || tx.first(payouts, &[])?.is_some())
}

/// Counts rows by how they are kept.
///
/// # Errors
/// Those of the store.
pub fn census(tx: &mut dyn Tx, active: Option<&str>) -> Result<Census, StoreError> {
    let mut census = Census::default();
    for table in &TABLES {
        let mut after = 0;
        loop {
            let rows = tx.query(table.list, &[after.into(), 1_000_i64.into()])?;
            let Some(last) = rows.last() else { break };
            after = last.int(0)?;
            for row in &rows {
                match row.text_or_null(2)?.map(key_of) {
                    None => census.clear += 1,
                    Some(key) if key.is_some() && key == active => census.sealed += 1,
                    Some(_) => census.old_key += 1,
                }
            }
        }
    }
    Ok(census)
}

/// Notes that a key seals from now on.
///
/// # Errors
/// Those of the store.
pub fn register_key(tx: &mut dyn Tx, id: &str, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO sealing_keys (id, added_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        &[id.into(), now.into()],
    )
    .map(drop)
}

/// The ids of the keys that have sealed, oldest first.
///
/// # Errors
/// Those of the store.
pub fn registered_keys(tx: &mut dyn Tx) -> Result<Vec<String>, StoreError> {
    let rows = tx.query("SELECT id FROM sealing_keys ORDER BY added_at, id", &[])?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}
