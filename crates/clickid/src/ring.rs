//! The keys of an installation: one signs, several verify.

use hopline_types::{MINUTE_MS, UnixMillis};

use crate::layout::SIGNED_BYTES;
use crate::token::{TOKEN_BYTES, TOKEN_CHARS};
use crate::{ClickClaims, ClickKey, ClickToken, DoesNotFit, KeyError, Refused, layout, token};

/// How far ahead of the reader's clock an id may be dated: what clocks of one installation may differ by.
pub const FUTURE_LIMIT_MS: i64 = MINUTE_MS;

/// The keys of an installation: one signs, several verify. To rotate, build a new ring and swap it in.
#[derive(Debug, Clone)]
pub struct KeyRing {
    signing: ClickKey,
    others: Vec<Accepted>,
}

#[derive(Debug, Clone)]
struct Accepted {
    key: ClickKey,
    not_after: Option<UnixMillis>,
}

impl KeyRing {
    /// A ring with one key that signs and verifies.
    #[must_use]
    pub const fn new(signing: ClickKey) -> Self {
        Self { signing, others: Vec::new() }
    }

    /// Adds a key that only verifies. With `not_after`, ids that it signed for a later time are refused.
    ///
    /// # Errors
    /// Refuses a key id that the ring already has.
    pub fn accept(&mut self, key: ClickKey, not_after: Option<UnixMillis>) -> Result<(), KeyError> {
        if self.find(key.id()).is_some() {
            return Err(KeyError::Duplicate { id: key.id() });
        }
        self.others.push(Accepted { key, not_after });
        Ok(())
    }

    /// The id of the key that signs.
    #[must_use]
    pub const fn signing_key_id(&self) -> u8 {
        self.signing.id()
    }

    /// Signs `claims` and writes the id's text; allocates nothing.
    ///
    /// # Errors
    /// Says which value does not fit; `text` is then unchanged.
    pub fn sign_into(&self, claims: &ClickClaims, text: &mut [u8; TOKEN_CHARS]) -> Result<(), DoesNotFit> {
        self.sign_both_into(claims, &mut [0; TOKEN_BYTES], text)
    }

    /// The same, and the id's bytes before they are written as text.
    ///
    /// # Errors
    /// Says which value does not fit; `bytes` and `text` are then unchanged.
    pub fn sign_both_into(
        &self,
        claims: &ClickClaims,
        bytes: &mut [u8; TOKEN_BYTES],
        text: &mut [u8; TOKEN_CHARS],
    ) -> Result<(), DoesNotFit> {
        let signed = layout::write(self.signing.id(), claims)?;
        let (message, tag) = bytes.split_at_mut(SIGNED_BYTES);
        message.copy_from_slice(&signed);
        tag.copy_from_slice(&self.signing.tag(&signed));
        token::write(bytes, text);
        Ok(())
    }

    /// Signs `claims`.
    ///
    /// # Errors
    /// Says which value does not fit.
    pub fn sign(&self, claims: &ClickClaims) -> Result<ClickToken, DoesNotFit> {
        let mut text = [0; TOKEN_CHARS];
        self.sign_into(claims, &mut text)?;
        Ok(ClickToken::from_signed(text))
    }

    /// Checks a click id and gives back what it says. The order of the checks is in the crate's documentation.
    ///
    /// # Errors
    /// Says why the id is not believed.
    pub fn verify(&self, token: impl AsRef<[u8]>, now: UnixMillis) -> Result<ClickClaims, Refused> {
        let bytes = token::read(token.as_ref())?;
        let (signed, tag) = bytes.split_first_chunk::<SIGNED_BYTES>().expect("45 bytes are more than 29");
        let tag = tag.try_into().expect("45 - 29 bytes are 16");
        let [version, key_id, ..] = *signed;
        if version != layout::VERSION {
            return Err(Refused::Version { given: version });
        }
        let (key, not_after) = self.find(key_id).ok_or(Refused::UnknownKey { key: key_id })?;
        if !key.agrees(signed, tag) {
            return Err(Refused::Signature);
        }
        let claims = layout::read(signed)?;
        let ahead_ms = claims.at.since(now);
        if ahead_ms > FUTURE_LIMIT_MS {
            return Err(Refused::FromTheFuture { ahead_ms });
        }
        match not_after {
            Some(not_after) if claims.at > not_after => {
                Err(Refused::RetiredKey { key: key_id, at: claims.at, not_after })
            }
            _ => Ok(claims),
        }
    }

    fn find(&self, id: u8) -> Option<(&ClickKey, Option<UnixMillis>)> {
        if self.signing.id() == id {
            return Some((&self.signing, None));
        }
        let accepted = self.others.iter().find(|accepted| accepted.key.id() == id)?;
        Some((&accepted.key, accepted.not_after))
    }
}
