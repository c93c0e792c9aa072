//! First answers to requests with an Idempotency-Key (L-21, L-22).
//!
//! In one writing transaction: [`look_up`]; where it says [`Seen::First`], do the work and [`record`] the answer. So a
//! crash leaves both or neither, and of requests that run at the same time one works and the others find its answer.
//! What was refused is not recorded.

use hopline_types::UnixMillis;

use crate::{StoreError, Tx};

/// What is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// Nothing: do the work.
    First,
    /// The same request was answered like this.
    Same(Answer),
    /// The key was used with another payload.
    OtherPayload,
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// What is known about `key` within `scope` (tenant, credential, method and path).
///
/// # Errors
/// Those of the store.
pub fn look_up(tx: &mut dyn Tx, scope: &str, key: &str, request_sha256: &str) -> Result<Seen, StoreError> {
    let known = tx.first(
        "SELECT request_sha256, status, body FROM idempotency_keys WHERE scope = $1 AND key = $2",
        &[scope.into(), key.into()],
    )?;
    let Some(row) = known else { return Ok(Seen::First) };
    if row.text(0)? != request_sha256 {
        return Ok(Seen::OtherPayload);
    }
    let status = u16::try_from(row.int(1)?).map_err(|_| {
        StoreError::new(crate::ErrorKind::Broken, "idempotency_keys.status is no HTTP status")
    })?;
    Ok(Seen::Same(Answer { status, body: row.text(2)?.to_owned() }))
}

/// Keeps the first answer, in the transaction of its effect.
///
/// # Errors
/// `Conflict` where the key has an answer already; those of the store.
pub fn record(
    tx: &mut dyn Tx,
    scope: &str,
    key: &str,
    request_sha256: &str,
    answer: &Answer,
    now: UnixMillis,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO idempotency_keys (scope, key, request_sha256, status, body, created_at)
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            scope.into(),
            key.into(),
            request_sha256.into(),
            i64::from(answer.status).into(),
            (&answer.body).into(),
            now.into(),
        ],
    )?;
    Ok(())
}

/// Forgets answers given before `before`, and says how many.
///
/// # Errors
/// Those of the store.
pub fn forget(tx: &mut dyn Tx, before: UnixMillis) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM idempotency_keys WHERE created_at < $1", &[before.into()])
}
