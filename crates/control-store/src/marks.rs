//! Positions of readers of append-only tables, by name.

use crate::{StoreError, Tx};

/// Where the reader `name` stands; `None` before its first step.
///
/// # Errors
/// Those of the store.
pub fn get(tx: &mut dyn Tx, name: &str) -> Result<Option<i64>, StoreError> {
    tx.first("SELECT value FROM marks WHERE name = $1", &[name.into()])?.map(|row| row.int(0)).transpose()
}

/// Notes where the reader `name` stands.
///
/// # Errors
/// Those of the store.
pub fn set(tx: &mut dyn Tx, name: &str, value: i64) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO marks (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        &[name.into(), value.into()],
    )?;
    Ok(())
}
