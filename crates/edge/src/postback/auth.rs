//! Whether a postback comes from the advertiser.

use hmac::{Hmac, KeyInit, Mac};
use hopline_catalogue::{Advertiser, Catalogue};
use hopline_types::{SECOND_MS, UnixMillis};
use http::StatusCode;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::fields::Parameters;
use super::problem::Problem;

/// How far `ts` of a signed postback may lie from now.
const SIGNED_WITHIN_S: i64 = 300;

/// Checks the advertiser's token.
pub(super) fn token(parameters: &Parameters<'_>, advertiser: &Advertiser) -> Result<(), Problem> {
    let hash = given_token(parameters)?;
    if bool::from(hash.ct_eq(&advertiser.postback_token_sha256)) { Ok(()) } else { Err(wrong_token()) }
}

/// Finds the advertiser by its token.
pub(super) fn by_token<'a>(
    parameters: &Parameters<'_>,
    catalogue: &'a Catalogue,
) -> Result<&'a Advertiser, Problem> {
    holder(parameters.get("token"), catalogue)
}

/// The advertiser whose token it is.
pub(super) fn holder<'a>(token: &str, catalogue: &'a Catalogue) -> Result<&'a Advertiser, Problem> {
    catalogue.advertiser_by_token(&hash_of(token)?).ok_or_else(wrong_token)
}

/// Whether it is this advertiser's token.
pub(super) fn is_token(token: &str, advertiser: &Advertiser) -> Result<bool, Problem> {
    Ok(hash_of(token)?.ct_eq(&advertiser.postback_token_sha256).into())
}

fn given_token(parameters: &Parameters<'_>) -> Result<[u8; 32], Problem> {
    hash_of(parameters.get("token"))
}

fn hash_of(token: &str) -> Result<[u8; 32], Problem> {
    if token.is_empty() {
        let message = "the advertiser's postback token is needed";
        return Err(Problem::of(StatusCode::UNAUTHORIZED, "token", message));
    }
    Ok(Sha256::digest(token.as_bytes()).into())
}

fn wrong_token() -> Problem {
    Problem::of(StatusCode::FORBIDDEN, "token", "this is not the advertiser's postback token")
}

/// Checks signature and time.
pub(super) fn signature(
    parameters: &Parameters<'_>,
    advertiser: &Advertiser,
    now: UnixMillis,
) -> Result<(), Problem> {
    let unsigned = |message: &str| Problem::of(StatusCode::UNAUTHORIZED, "sig", message);
    let wrong = |field, message: String| Problem::of(StatusCode::FORBIDDEN, field, message);
    if parameters.get("sig").is_empty() {
        return Err(unsigned(
            "a signature is needed: sig = hex HMAC-SHA256 over all that stands before &sig=",
        ));
    }
    let (signed, given) = last_signature(parameters.raw).ok_or_else(|| {
        wrong("sig", "sig stands last, and once, behind at least one other parameter".into())
    })?;
    let tag = from_hex(given).ok_or_else(|| wrong("sig", "expected 64 hexadecimal digits".into()))?;
    let keyed: Hmac<Sha256> =
        Hmac::new_from_slice(&advertiser.signing_key).expect("HMAC takes keys of any length");
    keyed
        .chain_update(signed)
        .verify_slice(&tag)
        .map_err(|_| wrong("sig", "the signature does not fit the parameters".into()))?;
    // Only now is `ts` the advertiser's word.
    let ts: i64 = parameters
        .get("ts")
        .parse()
        .map_err(|_| wrong("ts", "a signed postback carries ts, in Unix seconds".into()))?;
    let off = now.seconds().saturating_sub(ts).saturating_abs();
    if off > SIGNED_WITHIN_S {
        let now = now.get().div_euclid(SECOND_MS);
        return Err(wrong(
            "ts",
            format!("{ts} is {off} s from now ({now}), at most {SIGNED_WITHIN_S} are accepted"),
        ));
    }
    Ok(())
}

/// What is signed, and the signature as text.
fn last_signature(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    const MARK: &[u8] = b"&sig=";
    let mut places = raw.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let (at, _) = places.next()?;
    let value = &raw[at + MARK.len()..];
    (at > 0 && places.next().is_none() && !value.contains(&b'&')).then(|| (&raw[..at], value))
}

fn from_hex(text: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // W-27
    #[test]
    fn w_27_the_signature_covers_the_bytes_before_it() {
        assert_eq!(last_signature(b"a=1&b=%20&sig=ff"), Some((&b"a=1&b=%20"[..], &b"ff"[..])));
        for raw in ["sig=ff", "a=1", "a=1&sig=ff&b=2", "a=1&sig=ff&sig=ee", "&sig=ff"] {
            assert_eq!(last_signature(raw.as_bytes()), None, "{raw}");
        }
    }
}
