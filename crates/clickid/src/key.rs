//! Keys and the truncated HMAC.

use subtle::ConstantTimeEq as _;

use crate::Mac;

/// The fewest bytes a secret may have: as many as the hash puts out (RFC 2104 section 3).
pub const SECRET_BYTES_MIN: usize = 32;

/// Bytes of the HMAC that an id carries.
pub(crate) const TAG_BYTES: usize = 16;

/// A key that signs or verifies click ids. Holds the keyed state, not the secret; shows neither.
#[derive(Clone)]
pub struct ClickKey {
    id: u8,
    keyed: Keyed,
}

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Too few bytes to be safe.
    #[error("the secret of click key {id} has {given} bytes, at least 32 are needed")]
    TooShort {
        /// The key's id.
        id: u8,
        /// Bytes given.
        given: usize,
    },
    /// Two keys of one ring with the same id.
    #[error("click key {id} is given twice")]
    Duplicate {
        /// The key's id.
        id: u8,
    },
}

impl ClickKey {
    /// Prepares a key; `secret` must come from a cryptographic random source.
    ///
    /// # Errors
    /// Refuses a secret of fewer than [`SECRET_BYTES_MIN`] bytes.
    pub fn new(id: u8, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.len() < SECRET_BYTES_MIN {
            return Err(KeyError::TooShort { id, given: secret.len() });
        }
        Ok(Self { id, keyed: Keyed::new(secret) })
    }

    /// The id that tokens carry to name this key.
    #[must_use]
    pub const fn id(&self) -> u8 {
        self.id
    }

    pub(crate) fn tag(&self, message: &[u8]) -> [u8; TAG_BYTES] {
        self.keyed.tag(message)
    }

    pub(crate) fn agrees(&self, message: &[u8], tag: &[u8; TAG_BYTES]) -> bool {
        self.keyed.agrees(message, tag)
    }
}

impl std::fmt::Debug for ClickKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClickKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// HMAC-SHA256, cut to the bytes that an id carries.
#[derive(Clone)]
struct Keyed(Mac);

impl Keyed {
    fn new(secret: &[u8]) -> Self {
        Self(Mac::new(secret))
    }

    fn tag(&self, message: &[u8]) -> [u8; TAG_BYTES] {
        *self.0.tag(message).first_chunk().expect("SHA-256 puts out 32 bytes")
    }

    /// Compares in constant time.
    fn agrees(&self, message: &[u8], tag: &[u8; TAG_BYTES]) -> bool {
        self.tag(message).ct_eq(tag).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> =
            text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
        digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
    }

    // S-01
    #[test]
    fn the_truncated_hmac_equals_independent_implementations() {
        let fixture: serde_json::Value =
            serde_json::from_str(include_str!("../tests/fixtures/hmac_sha256_128.json")).unwrap();
        let cases = fixture["cases"].as_array().unwrap();
        assert_eq!(cases.len(), 7);
        for case in cases {
            let field = |name: &str| unhex(case[name].as_str().unwrap());
            let keyed = Keyed::new(&field("key_hex"));
            let tag = keyed.tag(&field("data_hex"));
            assert_eq!(tag.as_slice(), field("truncated_128_hex"), "{}", case["name"]);
            assert!(keyed.agrees(&field("data_hex"), &tag), "{}", case["name"]);
        }
    }

    // S-02
    #[test]
    fn a_secret_of_31_bytes_is_refused() {
        assert_eq!(ClickKey::new(7, &[1; 31]).unwrap_err(), KeyError::TooShort { id: 7, given: 31 });
        assert_eq!(ClickKey::new(7, &[1; 32]).unwrap().id(), 7);
    }

    #[test]
    fn debug_output_shows_only_the_id() {
        assert_eq!(format!("{:?}", ClickKey::new(7, &[0x5a; 32]).unwrap()), "ClickKey { id: 7, .. }");
    }
}
