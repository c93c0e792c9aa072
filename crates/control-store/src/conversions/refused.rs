//! Events that could not be taken in.

use hopline_types::UnixMillis;

use crate::{StoreError, Tx, Value};

/// An event that could not be taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedEvent {
    /// Its id.
    pub event_id: String,
    /// When it was received.
    pub received_at: UnixMillis,
    /// Why.
    pub reason: String,
    /// The event, JSON.
    pub event: String,
}

/// Keeps events that could not be taken in. Again the same event changes nothing.
///
/// # Errors
/// The store fails.
pub fn keep_refused(tx: &mut dyn Tx, refused: &[RefusedEvent]) -> Result<(), StoreError> {
    let row = |refused: &RefusedEvent| {
        vec![
            (&refused.event_id).into(),
            refused.received_at.into(),
            (&refused.reason).into(),
            (&refused.event).into(),
        ]
    };
    let rows: Vec<Vec<Value>> = refused.iter().map(row).collect();
    let sql = "INSERT INTO refused_events (event_id, received_at, reason, event) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (event_id) DO NOTHING";
    tx.execute_many(sql, &rows).map(drop)
}

/// Events that could not be taken in, newest first.
///
/// # Errors
/// The store fails.
pub fn refused(tx: &mut dyn Tx, limit: u32) -> Result<Vec<RefusedEvent>, StoreError> {
    let rows = tx.query(
        "SELECT event_id, received_at, reason, event FROM refused_events ORDER BY received_at DESC, event_id LIMIT $1",
        &[i64::from(limit).into()],
    )?;
    let each = rows.iter().map(|row| {
        Ok(RefusedEvent {
            event_id: row.text(0)?.to_owned(),
            received_at: row.time(1)?,
            reason: row.text(2)?.to_owned(),
            event: row.text(3)?.to_owned(),
        })
    });
    each.collect()
}
