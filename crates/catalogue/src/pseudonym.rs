//! Daily pseudonyms of visitors without a cookie.
//!
//! A pseudonym is the first 64 bits of HMAC-SHA256, with the key of the UTC day, over the address's bytes and the SHA-256
//! of the user agent ([`agent_digest`]): 36 or 48 bytes, one block. Digests of user agents are few and may be kept. The control store makes a key per day and destroys old ones; with a key its pseudonyms
//! lose their link to addresses. If a day's key has not arrived (an edge cut off from its control plane for days), the
//! newest key is used with the day's number hashed in, so that pseudonyms still change daily.

use hmac::{Hmac, KeyInit, Mac};
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
pub struct PseudonymKeys(Vec<(i64, Hmac<Sha256>)>);

impl std::fmt::Debug for PseudonymKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(day, _)| day)).finish()
    }
}

impl PseudonymKeys {
    /// Prepares keys given as (day, secret); none if there are none.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = (i64, Vec<u8>)>) -> Option<Self> {
        let mut keys: Vec<_> = keys
            .into_iter()
            .map(|(day, secret)| (day, Hmac::new_from_slice(&secret).expect("HMAC takes keys of any length")))
            .collect();
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
        let keyed = match self.0.iter().rev().find(|(day, _)| *day == today) {
            Some((_, keyed)) => keyed.clone(),
            None => self.newest().clone().chain_update(today.to_le_bytes()),
        };
        let hash = keyed.chain_update(address).chain_update(agent_digest).finalize().into_bytes();
        u64::from_le_bytes(*hash.first_chunk().expect("SHA-256 puts out 32 bytes"))
    }

    fn newest(&self) -> &Hmac<Sha256> {
        &self.0.last().expect("at least one key").1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
