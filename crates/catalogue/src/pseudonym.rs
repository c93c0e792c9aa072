//! Daily pseudonyms of visitors without a cookie.
//!
//! A pseudonym is the first 64 bits of HMAC-SHA256, with the key of the UTC day, over the address's bytes and the SHA-256
//! of the user agent ([`agent_digest`]): 36 or 48 bytes, one block. Digests of user agents are few and may be kept. The control store makes a key per day and destroys old ones; with a key its pseudonyms
//! lose their link to addresses. If a day's key has not arrived (an edge cut off from its control plane for days), the
//! newest key is used with the day's number hashed in, so that pseudonyms still change daily.

use hopline_clickid::Mac;
use hopline_types::{HOUR_MS, UnixMillis};
use sha2::{Digest, Sha256};

const DAY_MS: i64 = 24 * HOUR_MS;

/// What stands for a user agent in pseudonyms: its SHA-256.
#[must_use]
pub fn agent_digest(user_agent: &[u8]) -> [u8; 32] {
    Sha256::digest(user_agent).into()
}

/// The keys of the last days, newest last.
#[derive(Clone)]
pub struct PseudonymKeys(Vec<(i64, Mac)>);

impl std::fmt::Debug for PseudonymKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(day, _)| day)).finish()
    }
}

impl PseudonymKeys {
    /// Prepares keys given as (day, secret); none if there are none.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Option<Self> {
        let mut keys: Vec<_> = keys.into_iter().map(|(day, secret)| (day, Mac::new(&secret))).collect();
        keys.sort_unstable_by_key(|(day, _)| *day);
        if keys.is_empty() { None } else { Some(Self(keys)) }
    }

    /// The pseudonym of an address and user agent ([`agent_digest`]) at a time.
    ///
    /// # Panics
    /// Never: there is at least one key.
    #[must_use]
    pub fn pseudonym(&self, now: UnixMillis, address: &[u8], agent_digest: &[u8; 32]) -> u64 {
        let today = now.get().div_euclid(DAY_MS);
        let hash = match self.0.iter().rev().find(|(day, _)| *day == today) {
            Some((_, mac)) => tag(mac, &[address, agent_digest]),
            None => tag(self.newest(), &[&today.to_le_bytes(), address, agent_digest]),
        };
        u64::from_le_bytes(*hash.first_chunk().expect("SHA-256 puts out 32 bytes"))
    }

    fn newest(&self) -> &Mac {
        &self.0.last().expect("at least one key").1
    }
}

/// The longest message: day, address, digest.
const MESSAGE_BYTES_MAX: usize = 8 + 16 + 32;

/// The tag of parts that are no longer than this together.
fn tag(mac: &Mac, parts: &[&[u8]]) -> [u8; 32] {
    let (mut message, mut length) = ([0; MESSAGE_BYTES_MAX], 0);
    for part in parts {
        message[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    mac.tag(&message[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_the_beginning_of_the_hmac_with_the_days_key_or_the_newest_and_the_day() {
        use hmac::{Hmac, KeyInit, Mac as _};
        let keys = PseudonymKeys::new([(1, vec![1; 32]), (2, vec![2; 32])]).unwrap();
        let hmac = |key: u8, parts: &[&[u8]]| {
            let whole =
                Hmac::<Sha256>::new_from_slice(&[key; 32]).unwrap().chain_update(parts.concat()).finalize();
            u64::from_le_bytes(*whole.into_bytes().first_chunk().unwrap())
        };
        let agent = agent_digest(b"x");
        for address in [&[127, 0, 0, 1][..], &[9; 16]] {
            let at = |day: i64| keys.pseudonym(UnixMillis(day * DAY_MS + 5), address, &agent);
            assert_eq!(at(1), hmac(1, &[address, &agent]));
            assert_eq!(at(2), hmac(2, &[address, &agent]));
            assert_eq!(at(3), hmac(2, &[&3_i64.to_le_bytes(), address, &agent]));
        }
    }

    //
    #[test]
    fn pseudonyms_change_with_day_address_and_user_agent() {
        let keys = PseudonymKeys::new([(1, vec![1; 32]), (2, vec![2; 32])]).unwrap();
        let at = |day: i64| UnixMillis(day * DAY_MS + 5);
        let first = keys.pseudonym(at(1), &[127, 0, 0, 1], &agent_digest(b"x"));
        assert_eq!(first, keys.pseudonym(at(1).plus(1000), &[127, 0, 0, 1], &agent_digest(b"x")));
        let others = [
            keys.pseudonym(at(2), &[127, 0, 0, 1], &agent_digest(b"x")),
            keys.pseudonym(at(3), &[127, 0, 0, 1], &agent_digest(b"x")),
            keys.pseudonym(at(4), &[127, 0, 0, 1], &agent_digest(b"x")),
            keys.pseudonym(at(1), &[127, 0, 0, 2], &agent_digest(b"x")),
            keys.pseudonym(at(1), &[127, 0, 0, 1], &agent_digest(b"y")),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, first);
            assert!(!others[..index].contains(other));
        }
    }
}
