//! API keys (S-03).
//!
//! Only a key's SHA-256 is stored; the text is shown once, when it is made. A key has so much randomness that a fast hash
//! hides it. The text's form is in [`text`].

pub mod text;

pub use text::{KeyText, KeyTextError, looks_like_edge_key, looks_like_key};

use hopline_types::{AdvertiserId, AffiliateId, KeyId, MINUTE_MS, Role, UnixMillis};

use crate::{Actor, Page, Row, Scope, StoreError, Tx, base62, sha256_hex};

/// Characters of the short id that names a key in lists and logs.
const PUBLIC_ID_CHARS: usize = 8;
/// How exact `last_used_at` is kept, so that not every request writes.
const USED_EXACT_MS: i64 = MINUTE_MS;

/// An API key, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: KeyId,
    /// What names it in lists and logs.
    pub public_id: String,
    /// Its name for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The advertiser it acts for, where the role is `advertiser`.
    pub advertiser_id: Option<AdvertiserId>,
    /// The affiliate it acts for, where the role is `affiliate`.
    pub affiliate_id: Option<AffiliateId>,
    /// When it was made.
    pub created_at: UnixMillis,
    /// From when on it is refused.
    pub expires_at: Option<UnixMillis>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<UnixMillis>,
    /// When it was withdrawn.
    pub revoked_at: Option<UnixMillis>,
}

impl ApiKey {
    /// Who it is to the audit log and to queries.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            name: format!("key:{}", self.public_id),
            role: self.role,
            advertiser: self.advertiser_id,
            affiliate: self.affiliate_id,
        }
    }

    /// Whether it is accepted.
    #[must_use]
    pub fn is_live(&self, now: UnixMillis) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Whether [`touch`] is due.
    #[must_use]
    pub fn needs_touch(&self, now: UnixMillis) -> bool {
        self.last_used_at.is_none_or(|used| now.since(used) >= USED_EXACT_MS)
    }
}

/// A key to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its name for people.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The advertiser it acts for, where the role is `advertiser`.
    pub advertiser_id: Option<AdvertiserId>,
    /// The affiliate it acts for, where the role is `affiliate`.
    pub affiliate_id: Option<AffiliateId>,
    /// From when on it is refused.
    pub expires_at: Option<UnixMillis>,
}

macro_rules! columns {
    () => {
        "id, public_id, name, role, advertiser_id, affiliate_id, created_at, expires_at, last_used_at, revoked_at"
    };
}

/// A tenant sees its own keys.
macro_rules! visible {
    () => {
        "($1 = 'all' OR ($1 = 'advertiser' AND advertiser_id = $2) OR ($1 = 'affiliate' AND affiliate_id = $2))"
    };
}

fn read(row: &Row) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: row.id(0)?,
        public_id: row.text(1)?.to_owned(),
        name: row.text(2)?.to_owned(),
        role: row.parsed(3)?,
        advertiser_id: row.id_or_null(4)?,
        affiliate_id: row.id_or_null(5)?,
        created_at: row.time(6)?,
        expires_at: row.time_or_null(7)?,
        last_used_at: row.time_or_null(8)?,
        revoked_at: row.time_or_null(9)?,
    })
}

/// Makes a key. Its text is nowhere else.
///
/// # Errors
/// `Constraint` where role and tenant do not go together, `Reference` where there is no such tenant; those of the
/// store.
pub fn create(
    tx: &mut dyn Tx,
    new: &NewKey,
    random: &mut dyn FnMut(&mut [u8]),
    now: UnixMillis,
) -> Result<(ApiKey, KeyText), StoreError> {
    let text = KeyText::generate(new.role, random);
    let row = tx.one(
        concat!(
            "INSERT INTO api_keys (public_id, name, role, advertiser_id, affiliate_id, key_sha256, created_at, \
             expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ",
            columns!()
        ),
        &[
            base62(PUBLIC_ID_CHARS, random).into(),
            (&new.name).into(),
            new.role.as_str().into(),
            new.advertiser_id.into(),
            new.affiliate_id.into(),
            sha256_hex(text.as_str().as_bytes()).into(),
            now.into(),
            new.expires_at.into(),
        ],
    )?;
    Ok((read(&row)?, text))
}

/// The key with this text, if it is known and live. Check [`looks_like_key`] first: it needs no store.
///
/// # Errors
/// Those of the store.
pub fn authenticate(tx: &mut dyn Tx, text: &str, now: UnixMillis) -> Result<Option<ApiKey>, StoreError> {
    let key = by_hash(tx, &sha256_hex(text.as_bytes()))?;
    Ok(key.filter(|key| key.is_live(now)))
}

/// The key with this SHA-256 (lower-case hex), live or not.
///
/// # Errors
/// Those of the store.
pub fn by_hash(tx: &mut dyn Tx, key_sha256: &str) -> Result<Option<ApiKey>, StoreError> {
    tx.first(concat!("SELECT ", columns!(), " FROM api_keys WHERE key_sha256 = $1"), &[key_sha256.into()])?
        .as_ref()
        .map(read)
        .transpose()
}

/// Notes that a key was used, at most once a minute.
///
/// # Errors
/// Those of the store.
pub fn touch(tx: &mut dyn Tx, id: KeyId, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at <= $3 OR last_used_at IS NULL)",
        &[id.into(), now.into(), now.plus(-USED_EXACT_MS).into()],
    )?;
    Ok(())
}

/// One key, if it exists and may be seen.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, scope: Scope, id: KeyId) -> Result<Option<ApiKey>, StoreError> {
    tx.first(
        concat!("SELECT ", columns!(), " FROM api_keys WHERE ", visible!(), " AND id = $3"),
        &scope.bind([id.into()]),
    )?
    .as_ref()
    .map(read)
    .transpose()
}

/// Keys in order of ids, withdrawn ones too.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx, scope: Scope, page: Page) -> Result<Vec<ApiKey>, StoreError> {
    tx.query(
        concat!(
            "SELECT ",
            columns!(),
            " FROM api_keys WHERE ",
            visible!(),
            " AND id > $3 ORDER BY id LIMIT $4"
        ),
        &scope.bind([page.after(), page.limit()]),
    )?
    .iter()
    .map(read)
    .collect()
}

/// Withdraws a key; `None` where it does not exist or may not be seen. The first withdrawal's time stays.
///
/// # Errors
/// Those of the store.
pub fn revoke(
    tx: &mut dyn Tx,
    scope: Scope,
    id: KeyId,
    now: UnixMillis,
) -> Result<Option<ApiKey>, StoreError> {
    let Some(mut key) = get(tx, scope, id)? else { return Ok(None) };
    if key.revoked_at.is_none() {
        key.revoked_at = Some(now);
        tx.execute("UPDATE api_keys SET revoked_at = $2 WHERE id = $1", &[id.into(), now.into()])?;
    }
    Ok(Some(key))
}
