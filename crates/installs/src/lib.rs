//! What reports an install, read and checked: pure functions over the bytes that somebody sent.
//!
//! | report | sent by | proof |
//! | --- | --- | --- |
//! | SKAdNetwork postback 2.1 to 4.0 ([`skadnetwork`]) | iPhones | Apple's signature over most of its fields |
//! | AdAttributionKit postback ([`adattributionkit`]) | iPhones | Apple's signature, as a JWS |
//! | Google Play's install referrer ([`play`]) | the app that was installed | our own click id in it, and Google's times |
//! | mobile measurement ([`measurement`]) | AppsFlyer, Adjust, Branch, Kochava, Singular and others | the advertiser's token, checked by the caller |
//!
//! # Apple
//!
//! A postback names no click and no person: it says which ad network, which app and which *source identifier* (4.0 and
//! later; up to four digits, of which a small campaign gets only the last two or three) or *campaign id* (up to 3.0) has won an
//! install, one to three days late. Whose install that is somebody has to enter before. What is not signed
//! ([`Hints`]) is kept and shown, and decides nothing. One install is told up to three times, with sequence
//! indexes 0, 1 and 2 for three windows of time after it; only index 0 is the install.
//!
//! SKAdNetwork: ECDSA P-256 with SHA-256, DER in base64, over the values of the version's fields joined by U+2063, one key
//! for 2.1 and later. Versions 1.0 and 2.0 used P-192 and are refused. AdAttributionKit: ES256, the key by `kid`; `alg`
//! is fixed and not a choice of the token. Postbacks of Apple's development keys are marked as tests.
//!
//! Texts in signed fields are visible ASCII, so that no value can hold the separator and pass for two.
//!
//! # What makes an install one
//!
//! [`ApplePostback::key`]: ad network, transaction id and sequence index, or postback identifier. For Play the click, for
//! measurement the id of the install or the click.
//!
//! # Failure
//!
//! Every reader gives a [`Refusal`] that says which field, what was expected and what was found. Nothing here panics over
//! what was sent (property tests). Sources: Apple's "Verifying an install-validation postback", "Combining parameters for
//! previous versions", "Verifying a postback"; Android's Play Install Referrer API.

mod apple;
pub mod measurement;
pub mod play;
mod refusal;
mod time;

pub use apple::key::{APPLE_KEY, AppleKeys, KeyError, PublicKey};
pub use apple::{ApplePostback, Hints, Kind, SourceName, System, adattributionkit, skadnetwork};
pub use refusal::Refusal;
