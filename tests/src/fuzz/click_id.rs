//! Click ids: verifying.

use hopline_clickid::{ClickClaims, ClickKey, KeyRing, RECORD_MAX, TOKEN_CHARS, UniqueNumber};
use hopline_types::{AffiliateId, LinkId, OfferId, UnixMillis, Verdict};

use super::take;

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

/// The key that signs is key 1 of 32 bytes `k`; key 2, of 32 bytes `o`, verifies.
fn keys() -> KeyRing {
    let key = |id, byte| ClickKey::new(id, &[byte; 32]).expect("32 bytes are enough");
    let mut keys = KeyRing::new(key(1, b'k'));
    keys.accept(key(2, b'o'), None).expect("another id");
    keys
}

/// An id that is believed is spelled as it would be signed; an id signed for any claims is believed and says these; with
/// any of its characters changed, cut or doubled it is refused.
///
/// # Panics
/// One of these does not hold.
pub fn click_id(data: &[u8]) {
    let keys = keys();
    if let Ok(claims) = keys.verify(data, NOW) {
        let again = keys.sign(&claims).expect("what was read fits");
        let is_of_signing_key = data.get(1..4) == again.as_bytes().get(1..4);
        assert!(!is_of_signing_key || data == again.as_bytes(), "{claims:?} has two spellings");
    }
    let Some(claims) = claims(data) else { return };
    let token = keys.sign(&claims).expect("these claims fit");
    assert_eq!(keys.verify(token.as_bytes(), NOW), Ok(claims));

    let ([at, change], _) = take(data.get(40..).unwrap_or_default());
    let at = usize::from(at) % TOKEN_CHARS;
    let mut changed = *token.as_bytes();
    changed[at] ^= change.max(1);
    assert!(keys.verify(changed, NOW).is_err(), "{token:?} with another character at {at}");
    let (cut, doubled) = (&token.as_bytes()[..at], [&token.as_bytes()[..], &changed[..]].concat());
    assert!(keys.verify(cut, NOW).is_err() && keys.verify(doubled, NOW).is_err());
}

/// Claims out of 30 bytes that may stand in an id of today.
fn claims(data: &[u8]) -> Option<ClickClaims> {
    if data.len() < 30 {
        return None;
    }
    let (at, data) = take(data);
    let (offer, data) = take(data);
    let (affiliate, data) = take(data);
    let (link, data) = take(data);
    let (unique, data) = take::<8>(data);
    let ([verdict], _) = take(data);
    let at = i64::from_le_bytes(at).rem_euclid(NOW.get());
    let unique = u64::from_le_bytes(unique);
    Some(ClickClaims {
        at: UnixMillis(at),
        offer: OfferId::new(i64::from(u32::from_le_bytes(offer))).ok()?,
        affiliate: AffiliateId::new(i64::from(u32::from_le_bytes(affiliate))).ok()?,
        link: LinkId::new(i64::from(u32::from_le_bytes(link))).ok(),
        unique: UniqueNumber::new(1, 2, unique & RECORD_MAX).expect("masked"),
        verdict: Verdict::from_code(verdict)?,
    })
}
