//! The keys that click ids are signed with, as a ring.

use hopline_clickid::{ClickKey, KeyRing};

use crate::{ErrorKind, StoreError, Tx};

/// All click keys; none while an installation has no signing key yet.
///
/// # Errors
/// Those of the store; keys that cannot be.
pub fn ring(tx: &mut dyn Tx) -> Result<Option<KeyRing>, StoreError> {
    let rows = tx.query("SELECT id, secret, not_after FROM click_keys ORDER BY signs DESC, id", &[])?;
    let signs = tx.first("SELECT id FROM click_keys WHERE signs = 1 ORDER BY id LIMIT 1", &[])?;
    if signs.is_none() {
        return Ok(None);
    }
    let broken = |reason: String| StoreError::new(ErrorKind::Broken, format!("click_keys: {reason}"));
    let mut ring: Option<KeyRing> = None;
    for row in &rows {
        let id = u8::try_from(row.int(0)?).map_err(|error| broken(error.to_string()))?;
        let key = ClickKey::new(id, row.blob(1)?).map_err(|error| broken(error.to_string()))?;
        match &mut ring {
            None => ring = Some(KeyRing::new(key)),
            Some(ring) => {
                ring.accept(key, row.time_or_null(2)?).map_err(|error| broken(error.to_string()))?;
            }
        }
    }
    Ok(ring)
}
