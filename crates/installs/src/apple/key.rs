//! Apple's public keys, and what they verify.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

use crate::Refusal;

/// What stands before the point in a P-256 key's SubjectPublicKeyInfo.
const HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const POINT: usize = 65;

/// Apple's key of SKAdNetwork 2.1 and later, and of AdAttributionKit in production, as published.
pub const APPLE_KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEWdp8GPcGqmhgzEFj9Z2nSpQVddayaPe4FMzqM9wib1+aHaaIzoHoLN9zW4K8y4SPykE3YVK3sVqW6Af0lfx3gg==";
const PRODUCTION: &str = "apple-cas-identifier/0";
/// Apple's development keys, as published.
const DEVELOPMENT: [(&str, &str); 2] = [
    (
        "apple-development-identifier/0",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELeEDzpJEP+/qRSE5hJVC1p1J0ssUnQGMzBBbvnACBok8OVGGLgxL0myrKiy6lvRtSlLRsWit87i+vftD8AEqeQ==",
    ),
    (
        "apple-development-identifier/1",
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YzdO7eM97s/IJ25kdW5CZ3A14USE5IJ5Ha/vhWaxI6UBI1ZxCEvjrKxVluVGe6qWwF1BDFq+QHqKfH5u+wxHQ==",
    ),
];

/// A text that is no P-256 key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is no P-256 public key as SubjectPublicKeyInfo in base64")]
pub struct KeyError;

/// A P-256 key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey([u8; POINT]);

impl PublicKey {
    /// Reads a key as Apple prints them: SubjectPublicKeyInfo in base64.
    ///
    /// # Errors
    /// The text is something else.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text).map_err(|_| KeyError)?;
        let point = bytes.strip_prefix(&HEAD).ok_or(KeyError)?;
        <[u8; POINT]>::try_from(point).map(Self).map_err(|_| KeyError)
    }

    /// Checks an ECDSA signature with SHA-256 in DER form.
    pub(crate) fn verify_der(&self, signed: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0);
        key.verify(signed, signature)
            .map_err(|_| Refusal::Signature { detail: "it is another's, or of other values" })
    }

    /// Checks an ECDSA signature with SHA-256 as the two numbers, 64 bytes.
    pub(crate) fn verify_fixed(&self, signed: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.0);
        key.verify(signed, signature)
            .map_err(|_| Refusal::Signature { detail: "it is another's, or of another text" })
    }
}

/// The keys that postbacks may be signed with, by their names.
#[derive(Debug, Clone)]
pub struct AppleKeys {
    skadnetwork: PublicKey,
    named: Vec<(String, PublicKey)>,
    accepts_tests: bool,
}

impl AppleKeys {
    /// Apple's own. Those for development are refused unless `accepts_tests`: everybody with a phone can have them sign.
    #[must_use]
    pub fn published(accepts_tests: bool) -> Self {
        let key = |text| PublicKey::from_base64(text).expect("Apple's keys are P-256 keys");
        let production = [(PRODUCTION, APPLE_KEY)];
        let named = production.into_iter().chain(DEVELOPMENT);
        Self {
            skadnetwork: key(APPLE_KEY),
            named: named.map(|(kid, text)| (kid.to_owned(), key(text))).collect(),
            accepts_tests,
        }
    }

    /// Other keys than Apple's: for tests of what stands behind them.
    #[must_use]
    pub fn of(skadnetwork: PublicKey, named: Vec<(String, PublicKey)>) -> Self {
        Self { skadnetwork, named, accepts_tests: true }
    }

    pub(crate) const fn skadnetwork(&self) -> &PublicKey {
        &self.skadnetwork
    }

    /// The key of this name, and whether it is one for tests.
    pub(crate) fn named(&self, kid: &str) -> Result<(&PublicKey, bool), Refusal> {
        let is_test = DEVELOPMENT.iter().any(|(name, _)| *name == kid);
        match self.named.iter().find(|(name, _)| name == kid) {
            Some(_) if is_test && !self.accepts_tests => Err(Refusal::DevelopmentKey { kid: kid.to_owned() }),
            Some((_, key)) => Ok((key, is_test)),
            None => Err(Refusal::UnknownKey { kid: kid.chars().take(80).collect() }),
        }
    }
}
