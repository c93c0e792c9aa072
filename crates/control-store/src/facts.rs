//! The outbox of facts: what reports have yet to learn. A fact is JSON here; the click store's types know it.

use crate::{StoreError, Tx, Value};

/// A fact that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingFact {
    /// Its place in the outbox.
    pub id: i64,
    /// Its natural key.
    pub fact_id: String,
    /// The fact, JSON.
    pub fact: String,
}

/// A fact to be put into the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFact {
    /// Its natural key.
    pub fact_id: String,
    /// The fact, JSON.
    pub fact: String,
}

/// Puts facts into the outbox, in order; each once, whatever is asked. It must be part of the transaction that makes
/// them true.
///
/// # Errors
/// The store fails.
pub fn put(tx: &mut dyn Tx, facts: Vec<NewFact>) -> Result<(), StoreError> {
    let row = |new: NewFact| vec![new.fact_id.into(), new.fact.into()];
    let rows: Vec<Vec<Value>> = facts.into_iter().map(row).collect();
    let sql = "INSERT INTO fact_outbox (fact_id, fact) VALUES ($1, $2) ON CONFLICT (fact_id) DO NOTHING";
    tx.execute_many(sql, &rows).map(drop)
}

/// The oldest facts that wait.
///
/// # Errors
/// The store fails.
pub fn waiting(tx: &mut dyn Tx, limit: u32) -> Result<Vec<WaitingFact>, StoreError> {
    let sql = "SELECT id, fact_id, fact FROM fact_outbox ORDER BY id LIMIT $1";
    let rows = tx.query(sql, &[i64::from(limit).into()])?;
    let each = rows.iter().map(|row| {
        Ok(WaitingFact { id: row.int(0)?, fact_id: row.text(1)?.to_owned(), fact: row.text(2)?.to_owned() })
    });
    each.collect()
}

/// Takes facts out that the click store has.
///
/// # Errors
/// The store fails.
pub fn remove(tx: &mut dyn Tx, ids: &[i64]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = ids.iter().map(|id| vec![Value::Int(*id)]).collect();
    tx.execute_many("DELETE FROM fact_outbox WHERE id = $1", &rows).map(drop)
}
