//! The signed, self-contained click id.
//!
//! A click id carries what attribution needs to know about a click (when, which offer, which affiliate, how it
//! counted), so that a conversion which brings it back is attributed without a look-up and a forged one is refused
//! before any. It is an identifier with a proof of origin, not a secret: everybody who sees the URL can read it.
//!
//! # Format, version 1
//!
//! 45 bytes, written as 60 characters of base64url (RFC 4648 section 5) without padding. 45 is divisible by three,
//! so there are no left-over bits and every id has exactly one spelling. All numbers are big endian.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | version, 1 |
//! | 1 | 1 | key id |
//! | 2 | 6 | time of the click, milliseconds since 1970-01-01T00:00:00Z |
//! | 8 | 4 | offer id, from 1 |
//! | 12 | 4 | affiliate id, from 1 |
//! | 16 | 4 | link id; 0 = the click came without a prepared link |
//! | 20 | 8 | unique number: edge id (16 bits), stream (8 bits), record id in the spool (40 bits) |
//! | 28 | 1 | verdict, [`hopline_types::Verdict::code`] |
//! | 29 | 16 | HMAC-SHA256 over bytes 0 to 28, leftmost 128 bits (RFC 2104 section 5) |
//!
//! There is no algorithm field: the version fixes the algorithm. Another layout gets another version.
//!
//! # Order of checks
//!
//! Length, alphabet, version, key, signature (in constant time), and only then the content, the time and the key's
//! cut. Nothing in an id is believed before its signature holds. An id is never too old here: windows are
//! attribution's business.
//!
//! # Limits
//!
//! - Offer, affiliate and link ids up to 2^32 - 1 fit, record ids up to 2^40 - 1, times up to the year 10889. What
//!   does not fit is an error when signing, never a wrapped number; [`fits`] checks ids when a catalogue is built.
//! - An id may be at most [`FUTURE_LIMIT_MS`] ahead of the reader's clock.
//! - Keys have at least [`SECRET_BYTES_MIN`] bytes; up to 256 key ids; one key signs, several verify.
//! - A key can be cut at a time ([`KeyRing::accept`]). The cut looks at the time inside the id, so whoever holds the
//!   stolen key can still date ids back before the cut: cut at the time of the theft or earlier, or drop the key.
//!
//! Signing allocates nothing: two blocks hashed behind keyed states ([`Mac`]), 60 bytes written.

mod claims;
mod key;
mod layout;
mod mac;
mod refused;
mod ring;
mod token;

pub use claims::{ClickClaims, DoesNotFit, RECORD_MAX, UniqueNumber, fits};
pub use key::{ClickKey, KeyError, SECRET_BYTES_MIN};
pub use mac::Mac;
pub use refused::Refused;
pub use ring::{FUTURE_LIMIT_MS, KeyRing};
pub use token::{ClickToken, TOKEN_BYTES, TOKEN_CHARS};
