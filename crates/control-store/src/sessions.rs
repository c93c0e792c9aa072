//! Sessions of signed-in users.
//!
//! The token itself is only in the visitor's cookie; here is its SHA-256 (hex). A session ends when it was not used for
//! the idle limit, at its absolute limit, at sign-out, or when somebody ends it.

use hopline_types::{MINUTE_MS, UnixMillis, UserId};

use crate::users::{self, User};
use crate::{Row, StoreError, Tx};

/// How exact `seen_at` is kept, so that not every request writes.
const SEEN_EXACT_MS: i64 = MINUTE_MS;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of its token, lower-case hex; names it in lists.
    pub token_sha256: String,
    /// Whose it is.
    pub user_id: UserId,
    /// When it began.
    pub created_at: UnixMillis,
    /// When it was last used, to the minute.
    pub seen_at: UnixMillis,
    /// Its absolute limit.
    pub expires_at: UnixMillis,
}

impl Session {
    /// Whether [`touch`] is due.
    #[must_use]
    pub const fn needs_touch(&self, now: UnixMillis) -> bool {
        now.since(self.seen_at) >= SEEN_EXACT_MS
    }
}

fn read(row: &Row, first: usize) -> Result<Session, StoreError> {
    Ok(Session {
        token_sha256: row.text(first)?.to_owned(),
        user_id: row.id(first + 1)?,
        created_at: row.time(first + 2)?,
        seen_at: row.time(first + 3)?,
        expires_at: row.time(first + 4)?,
    })
}

/// Begins a session that ends `absolute_ms` from now at the latest.
///
/// # Errors
/// `Conflict` where the token is known already; those of the store.
pub fn start(
    tx: &mut dyn Tx,
    user: UserId,
    token_sha256: &str,
    absolute_ms: i64,
    now: UnixMillis,
) -> Result<Session, StoreError> {
    let expires_at = now.plus(absolute_ms);
    tx.execute(
        "INSERT INTO sessions (token_sha256, user_id, created_at, seen_at, expires_at) VALUES ($1, $2, $3, $3, $4)",
        &[token_sha256.into(), user.into(), now.into(), expires_at.into()],
    )?;
    let token_sha256 = token_sha256.to_owned();
    Ok(Session { token_sha256, user_id: user, created_at: now, seen_at: now, expires_at })
}

/// The live session of a token, with its user.
///
/// # Errors
/// Those of the store.
pub fn find(
    tx: &mut dyn Tx,
    token_sha256: &str,
    idle_ms: i64,
    now: UnixMillis,
) -> Result<Option<(Session, User)>, StoreError> {
    tx.first(
        "SELECT users.id, users.email, users.role, users.advertiser_id, users.affiliate_id, users.created_at,
         users.disabled_at, sessions.token_sha256, sessions.user_id, sessions.created_at, sessions.seen_at,
         sessions.expires_at
         FROM sessions JOIN users ON users.id = sessions.user_id
         WHERE sessions.token_sha256 = $1 AND sessions.expires_at > $2 AND sessions.seen_at > $3
         AND users.disabled_at IS NULL",
        &[token_sha256.into(), now.into(), now.plus(idle_ms.saturating_neg()).into()],
    )?
    .map(|row| Ok((read(&row, 7)?, users::read(&row)?)))
    .transpose()
}

/// Notes that a session was used, at most once a minute.
///
/// # Errors
/// Those of the store.
pub fn touch(tx: &mut dyn Tx, token_sha256: &str, now: UnixMillis) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE sessions SET seen_at = $2 WHERE token_sha256 = $1 AND seen_at <= $3",
        &[token_sha256.into(), now.into(), now.plus(-SEEN_EXACT_MS).into()],
    )?;
    Ok(())
}

/// A user's sessions, newest first; also those past a limit that were not removed yet.
///
/// # Errors
/// Those of the store.
pub fn list(tx: &mut dyn Tx, user: UserId) -> Result<Vec<Session>, StoreError> {
    tx.query(
        "SELECT token_sha256, user_id, created_at, seen_at, expires_at FROM sessions WHERE user_id = $1
         ORDER BY created_at DESC, token_sha256",
        &[user.into()],
    )?
    .iter()
    .map(|row| read(row, 0))
    .collect()
}

/// Ends one session of a user; says whether there was one.
///
/// # Errors
/// Those of the store.
pub fn end(tx: &mut dyn Tx, user: UserId, token_sha256: &str) -> Result<bool, StoreError> {
    let ended = tx.execute(
        "DELETE FROM sessions WHERE user_id = $1 AND token_sha256 = $2",
        &[user.into(), token_sha256.into()],
    )?;
    Ok(ended == 1)
}

/// Ends all sessions of a user and says how many.
///
/// # Errors
/// Those of the store.
pub fn end_all(tx: &mut dyn Tx, user: UserId) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM sessions WHERE user_id = $1", &[user.into()])
}

/// Removes sessions past their absolute limit and says how many.
///
/// # Errors
/// Those of the store.
pub fn forget(tx: &mut dyn Tx, now: UnixMillis) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM sessions WHERE expires_at <= $1", &[now.into()])
}
