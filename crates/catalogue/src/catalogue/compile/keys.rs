//! Keys of click ids and pseudonyms.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hopline_clickid::{ClickKey, KeyRing};
use hopline_types::UnixMillis;

use crate::Problem;
use crate::data::{ClickKeyEntry, PseudonymKeyEntry, Secret};
use crate::pseudonym::PseudonymKeys;

fn secret(secret: &Secret) -> Result<Vec<u8>, String> {
    STANDARD.decode(&secret.0).map_err(|error| format!("the secret is not base64: {error}"))
}

/// A number that nobody outside can guess, for hash tables.
pub(super) fn seed(key: &Secret) -> u64 {
    let bytes = secret(key).unwrap_or_default();
    let tail = bytes.last_chunk().copied().unwrap_or_default();
    u64::from(crc32fast::hash(&bytes)) << 32 | u64::from(u32::from_le_bytes(tail))
}

pub(super) fn key_ring(entries: &[ClickKeyEntry], problems: &mut Vec<Problem>) -> Option<KeyRing> {
    let mut ring = None;
    let mut others: Vec<(ClickKey, Option<UnixMillis>)> = Vec::new();
    let mut signing = 0;
    for entry in entries {
        let key = secret(&entry.secret)
            .and_then(|secret| ClickKey::new(entry.id, &secret).map_err(|error| error.to_string()));
        match key {
            Ok(key) if entry.signs => {
                signing += 1;
                ring = Some(KeyRing::new(key));
            }
            Ok(key) => others.push((key, entry.not_after)),
            Err(reason) => {
                signing += usize::from(entry.signs);
                problems.push(Problem::ClickKey { id: entry.id, reason });
            }
        }
    }
    if signing != 1 {
        problems.push(Problem::SigningKeys { given: signing });
        return None;
    }
    let mut ring = ring?;
    for (key, not_after) in others {
        let id = key.id();
        if let Err(error) = ring.accept(key, not_after) {
            problems.push(Problem::ClickKey { id, reason: error.to_string() });
        }
    }
    Some(ring)
}

pub(super) fn pseudonyms(
    entries: &[PseudonymKeyEntry],
    problems: &mut Vec<Problem>,
) -> Option<PseudonymKeys> {
    let mut keys = Vec::new();
    for entry in entries {
        match secret(&entry.secret) {
            Ok(secret) if secret.len() >= 32 => keys.push((entry.day, secret)),
            Ok(secret) => problems.push(Problem::PseudonymKey {
                day: entry.day,
                reason: format!("the secret has {} bytes, at least 32 are needed", secret.len()),
            }),
            Err(reason) => problems.push(Problem::PseudonymKey { day: entry.day, reason }),
        }
    }
    let keys = PseudonymKeys::new(keys);
    if keys.is_none() {
        problems.push(Problem::NoPseudonymKey);
    }
    keys
}
