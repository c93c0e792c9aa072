//! Keys of edges that have no access to the control store.
//!
//! A key lets an edge read the catalogue, which holds the installation's own keys, and hand in reported conversions; nothing
//! else. It is no API key: it is in a table of its own and opens nothing under `/v1`. Only its SHA-256 is stored.

use hopline_types::UnixMillis;

use crate::{KeyText, Row, StoreError, Tx, base62, sha256_hex};

/// Characters of the short id that names a key in logs.
const PUBLIC_ID_CHARS: usize = 8;

/// A key of an edge, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeKey {
    /// What names it in lists and logs.
    pub public_id: String,
    /// Its name for people.
    pub name: String,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it was withdrawn.
    pub revoked_at: Option<UnixMillis>,
}

macro_rules! columns {
    () => {
        "public_id, name, created_at, revoked_at"
    };
}

fn read(row: &Row) -> Result<EdgeKey, StoreError> {
    Ok(EdgeKey {
        public_id: row.text(0)?.to_owned(),
        name: row.text(1)?.to_owned(),
        created_at: row.time(2)?,
        revoked_at: row.time_or_null(3)?,
    })
}

/// Makes a key. Its text is nowhere else.
///
/// # Errors
/// Those of the store.
pub fn create(
    tx: &mut dyn Tx,
    name: &str,
    random: &mut dyn FnMut(&mut [u8]),
    now: UnixMillis,
) -> Result<(EdgeKey, KeyText), StoreError> {
    let text = KeyText::for_edge(random);
    let row = tx.one(
        concat!(
            "INSERT INTO edge_keys (public_id, name, key_sha256, created_at) VALUES ($1, $2, $3, $4) RETURNING ",
            columns!()
        ),
        &[
            base62(PUBLIC_ID_CHARS, random).into(),
            name.into(),
            sha256_hex(text.as_str().as_bytes()).into(),
            now.into(),
        ],
    )?;
    Ok((read(&row)?, text))
}

/// The key with this text, if it is known and was not withdrawn.
///
/// # Errors
/// Those of the store.
pub fn authenticate(tx: &mut dyn Tx, text: &str) -> Result<Option<EdgeKey>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM edge_keys WHERE key_sha256 = $1 AND revoked_at IS NULL"),
        &[sha256_hex(text.as_bytes()).into()],
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// All keys, oldest first, withdrawn ones too.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<EdgeKey>, StoreError> {
    tx.query(concat!("SELECT ", columns!(), " FROM edge_keys ORDER BY id"), &[])?.iter().map(read).collect()
}

/// Withdraws a key by its public id; the first withdrawal's time stays. None where there is no such key.
///
/// # Errors
/// Those of the store.
pub fn revoke(tx: &mut dyn Tx, public_id: &str, now: UnixMillis) -> Result<Option<EdgeKey>, StoreError> {
    tx.first(
        concat!(
            "UPDATE edge_keys SET revoked_at = coalesce(revoked_at, $2) WHERE public_id = $1 RETURNING ",
            columns!()
        ),
        &[public_id.into(), now.into()],
    )?
    .as_ref()
    .map(read)
    .transpose()
}
