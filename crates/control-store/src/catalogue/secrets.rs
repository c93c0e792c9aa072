//! Keys that the program makes for itself: of click ids, and of visitors' daily pseudonyms.

use std::ops::RangeInclusive;

use hopline_types::{HOUR_MS, UnixMillis};

use crate::{StoreError, Tx};

/// Bytes of a made secret: as many as SHA-256 puts out.
const SECRET_BYTES: usize = 32;
/// The id of an installation's first click key.
const FIRST_CLICK_KEY: i64 = 1;

/// Days whose pseudonym keys are needed: yesterday, because the duplicate window may reach back over midnight; today;
/// tomorrow, so that no edge waits for a key at midnight.
pub(super) fn days_in_use(now: UnixMillis) -> RangeInclusive<i64> {
    let today = now.get().div_euclid(24 * HOUR_MS);
    today - 1..=today + 1
}

/// Makes the first click key and the pseudonym keys of yesterday, today and tomorrow (UTC) where they are missing, and
/// destroys those of earlier days, and with them the link from pseudonyms to addresses. Says whether anything
/// changed; only then does the catalogue's version rise. Run it at the start and every hour.
///
/// # Errors
/// Those of the store.
pub fn ensure_keys(
    tx: &mut dyn Tx,
    now: UnixMillis,
    random: &mut dyn FnMut(&mut [u8]),
) -> Result<bool, StoreError> {
    let mut changed = 0;
    if tx.one("SELECT COUNT(*) FROM click_keys", &[])?.int(0)? == 0 {
        changed += tx.execute(
            "INSERT INTO click_keys (id, secret, signs, created_at) VALUES ($1, $2, 1, $3)",
            &[FIRST_CLICK_KEY.into(), secret(random).into(), now.into()],
        )?;
    }
    let days = days_in_use(now);
    changed += tx.execute("DELETE FROM pseudonym_keys WHERE day < $1", &[(*days.start()).into()])?;
    for day in days {
        changed += tx.execute(
            "INSERT INTO pseudonym_keys (day, secret) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING",
            &[day.into(), secret(random).into()],
        )?;
    }
    if changed > 0 {
        super::bump(tx)?;
    }
    Ok(changed > 0)
}

fn secret(random: &mut dyn FnMut(&mut [u8])) -> Vec<u8> {
    let mut bytes = vec![0; SECRET_BYTES];
    random(&mut bytes);
    bytes
}
