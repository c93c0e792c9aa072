//! HMAC-SHA256 with its key hashed in beforehand.
//!
//! The messages that are signed here fit one block, so a tag is two calls of the compression function: behind the key's
//! block the message, behind the other one the first hash (RFC 2104 section 2; padding: FIPS 180-4 section 5.1.1). Going
//! through a general hash object with a buffer took four times the instructions that are needed around these calls.

use sha2::block_api::compress256;
use sha2::{Digest, Sha256};

/// SHA-256's first state (FIPS 180-4 section 5.3.3).
const FIRST: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Bytes of a block.
const BLOCK: usize = 64;

/// A key, ready to sign. Holds the keyed states, not the secret; shows neither.
#[derive(Clone)]
pub struct Mac {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Mac {
    /// Hashes a key in, of any length.
    #[must_use]
    pub fn new(secret: &[u8]) -> Self {
        let mut key = [0; BLOCK];
        match key.get_mut(..secret.len()) {
            Some(place) => place.copy_from_slice(secret),
            None => key[..32].copy_from_slice(&Sha256::digest(secret)),
        }
        let state = |pad: u8| {
            let mut state = FIRST;
            compress256(&mut state, &[key.map(|byte| byte ^ pad)]);
            state
        };
        Self { inner: state(0x36), outer: state(0x5c) }
    }

    /// The tag of a message.
    #[must_use]
    pub fn tag(&self, message: &[u8]) -> [u8; 32] {
        hash_behind_key(self.outer, &hash_behind_key(self.inner, message))
    }
}

impl std::fmt::Debug for Mac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mac").finish_non_exhaustive()
    }
}

/// The hash of the key's block and a message, from the state behind that block.
#[inline]
fn hash_behind_key(mut state: [u32; 8], message: &[u8]) -> [u8; 32] {
    let (blocks, rest) = message.as_chunks::<BLOCK>();
    if !blocks.is_empty() {
        compress256(&mut state, blocks);
    }
    // The rest, a one, zeros up to the length in bits at a block's end.
    let mut last = [[0; BLOCK]; 2];
    let count = if rest.len() < BLOCK - 8 { 1 } else { 2 };
    let bits = u64::try_from(BLOCK + message.len()).expect("a length fits 64 bits") * 8;
    let last = &mut last[..count];
    let bytes = last.as_flattened_mut();
    bytes[..rest.len()].copy_from_slice(rest);
    bytes[rest.len()] = 0x80;
    *bytes.last_chunk_mut().expect("a block has eight bytes") = bits.to_be_bytes();
    compress256(&mut state, last);
    let mut hash = [0; 32];
    for (four, word) in hash.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *four = word.to_be_bytes();
    }
    hash
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac as _};

    use super::*;

    #[test]
    fn tags_equal_those_of_an_independent_implementation_for_keys_and_messages_of_every_length() {
        let bytes: Vec<u8> = (0..300_u32).map(|number| u8::try_from(number * 167 % 251).unwrap()).collect();
        for key in [0, 1, 32, 63, 64, 65, 128, 200] {
            let key = &bytes[..key];
            let (mac, other) = (Mac::new(key), Hmac::<Sha256>::new_from_slice(key).unwrap());
            for length in 0..bytes.len() {
                let message = &bytes[..length];
                let expected = other.clone().chain_update(message).finalize().into_bytes();
                assert_eq!(mac.tag(message), *expected, "{length} bytes");
            }
        }
    }

    #[test]
    fn debug_output_shows_nothing() {
        assert_eq!(format!("{:?}", Mac::new(b"secret")), "Mac { .. }");
    }
}
