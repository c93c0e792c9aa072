//! Altered, cut, foreign and future click ids are refused, each with its reason.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hopline_clickid::{ClickClaims, ClickKey, FUTURE_LIMIT_MS, KeyError, KeyRing, Refused, UniqueNumber};
use hopline_types::{AffiliateId, LinkId, OfferId, Reason, UnixMillis, Verdict};

const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

fn key(id: u8) -> ClickKey {
    ClickKey::new(id, &[id; 32]).unwrap()
}

fn ring() -> KeyRing {
    KeyRing::new(key(1))
}

fn claims() -> ClickClaims {
    ClickClaims {
        at: NOW,
        offer: OfferId::new(12).unwrap(),
        affiliate: AffiliateId::new(34).unwrap(),
        link: Some(LinkId::new(56).unwrap()),
        unique: UniqueNumber::new(7, 8, 9).unwrap(),
        verdict: Verdict::UNIQUE,
    }
}

fn bytes_of(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token).unwrap()
}

/// Signs 29 bytes of one's own choice with key 1, as only a holder of the key could.
fn signed(message: &[u8; 29]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let tag =
        Hmac::<sha2::Sha256>::new_from_slice(&[1; 32]).unwrap().chain_update(message).finalize().into_bytes();
    URL_SAFE_NO_PAD.encode([message.as_slice(), &tag[..16]].concat())
}

// S-01, C-14
#[test]
fn an_id_with_any_one_bit_flipped_is_refused() {
    let mut ring = ring();
    // With all 255 other key ids known, a flipped key id must fail on the signature too.
    for id in (0..=255).filter(|id| *id != 1) {
        ring.accept(key(id), None).unwrap();
    }
    let token = ring.sign(&claims()).unwrap();
    assert_eq!(ring.verify(token, NOW), Ok(claims()));
    let bytes = bytes_of(token.as_str());
    assert_eq!(bytes.len(), 45);
    for bit in 0..45 * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let refused = ring.verify(URL_SAFE_NO_PAD.encode(&altered), NOW).unwrap_err();
        let expected = if bit < 8 { "version" } else { "signature" };
        assert_eq!(refused.as_str(), expected, "bit {bit}");
    }
}

#[test]
fn an_id_with_any_one_character_changed_is_refused() {
    let ring = ring();
    let token = ring.sign(&claims()).unwrap();
    for position in 0..60 {
        for replacement in 0..=255 {
            let mut altered = *token.as_bytes();
            altered[position] = replacement;
            let accepted = ring.verify(altered, NOW).is_ok();
            assert_eq!(accepted, altered == *token.as_bytes(), "byte {replacement} at {position}");
        }
    }
}

#[test]
fn cut_and_extended_ids_are_refused_for_their_length() {
    let ring = ring();
    let token = ring.sign(&claims()).unwrap();
    for given in (0..60).chain([61, 64, 120]) {
        let text: String = token.as_str().chars().cycle().take(given).collect();
        assert_eq!(ring.verify(&text, NOW), Err(Refused::Length { given }));
    }
}

#[test]
fn padding_blanks_and_the_other_base64_alphabet_are_refused_with_their_place() {
    let ring = ring();
    let token = ring.sign(&claims()).unwrap();
    for byte in [b'=', b'+', b'/', b' ', b'\n', b'%', 0, 0xff] {
        for position in [0, 31, 59] {
            let mut altered = *token.as_bytes();
            altered[position] = byte;
            assert_eq!(ring.verify(altered, NOW), Err(Refused::Alphabet { position, byte }));
        }
    }
}

#[test]
fn a_foreign_key_is_unknown_and_a_foreign_secret_fails_the_signature() {
    let token = KeyRing::new(key(2)).sign(&claims()).unwrap();
    assert_eq!(ring().verify(token, NOW), Err(Refused::UnknownKey { key: 2 }));

    let impostor = KeyRing::new(ClickKey::new(1, &[9; 32]).unwrap());
    let token = impostor.sign(&claims()).unwrap();
    assert_eq!(ring().verify(token, NOW), Err(Refused::Signature));
}

#[test]
fn an_id_is_accepted_up_to_sixty_seconds_before_its_time() {
    let token = ring().sign(&claims()).unwrap();
    assert_eq!(FUTURE_LIMIT_MS, 60_000);
    assert_eq!(ring().verify(token, NOW.plus(-60_000)), Ok(claims()));
    assert_eq!(ring().verify(token, NOW.plus(-60_001)), Err(Refused::FromTheFuture { ahead_ms: 60_001 }));
    let years_later = NOW.plus(50 * 366 * 86_400_000);
    assert_eq!(ring().verify(token, years_later), Ok(claims()));
}

// S-02
#[test]
fn an_old_key_still_verifies_after_rotation_until_it_is_dropped() {
    let old = ring().sign(&claims()).unwrap();
    let mut rotated = KeyRing::new(key(2));
    rotated.accept(key(1), None).unwrap();
    assert_eq!(rotated.verify(old, NOW), Ok(claims()));
    let new = rotated.sign(&claims()).unwrap();
    assert_eq!(bytes_of(new.as_str())[1], 2);
    assert_eq!(rotated.verify(new, NOW), Ok(claims()));

    assert_eq!(KeyRing::new(key(2)).verify(old, NOW), Err(Refused::UnknownKey { key: 1 }));
}

// S-02
#[test]
fn a_cut_key_verifies_ids_up_to_its_cut_and_none_after() {
    let token = ring().sign(&claims()).unwrap();
    let cut_at = |not_after| {
        let mut rotated = KeyRing::new(key(2));
        rotated.accept(key(1), Some(not_after)).unwrap();
        rotated
    };
    assert_eq!(cut_at(NOW).verify(token, NOW), Ok(claims()));
    let not_after = NOW.plus(-1);
    assert_eq!(cut_at(not_after).verify(token, NOW), Err(Refused::RetiredKey { key: 1, at: NOW, not_after }));
}

#[test]
fn a_ring_refuses_two_keys_with_one_id() {
    let mut ring = ring();
    assert_eq!(ring.accept(key(1), None), Err(KeyError::Duplicate { id: 1 }));
    assert_eq!(ring.accept(key(2), None), Ok(()));
    assert_eq!(ring.accept(key(2), None), Err(KeyError::Duplicate { id: 2 }));
}

#[test]
fn impossible_content_is_refused_even_when_rightly_signed() {
    let good: [u8; 29] = bytes_of(ring().sign(&claims()).unwrap().as_str())[..29].try_into().unwrap();
    assert_eq!(ring().verify(signed(&good), NOW), Ok(claims()));
    for (range, field) in [(8..12, "offer"), (12..16, "affiliate")] {
        let mut message = good;
        message[range].fill(0);
        assert_eq!(ring().verify(signed(&message), NOW), Err(Refused::Content { field }));
    }
    let mut message = good;
    message[28] = Verdict::invalid(Reason::Schedule).code() + 1;
    assert_eq!(ring().verify(signed(&message), NOW), Err(Refused::Content { field: "verdict" }));
}

#[test]
fn another_version_is_refused_even_when_rightly_signed() {
    let mut message: [u8; 29] = bytes_of(ring().sign(&claims()).unwrap().as_str())[..29].try_into().unwrap();
    message[0] = 2;
    assert_eq!(ring().verify(signed(&message), NOW), Err(Refused::Version { given: 2 }));
}

#[test]
fn times_that_do_not_fit_are_not_signed_and_leave_the_text_alone() {
    for millis in [-1, 1 << 48, i64::MAX] {
        let mut text = [b'?'; 60];
        let refused = ring().sign_into(&ClickClaims { at: UnixMillis(millis), ..claims() }, &mut text);
        assert!(refused.unwrap_err().to_string().starts_with(&format!("time {millis} ms")));
        assert_eq!(text, [b'?'; 60]);
    }
}

#[test]
fn every_refusal_has_its_own_tag() {
    let all = [
        Refused::Length { given: 0 },
        Refused::Alphabet { position: 0, byte: 0 },
        Refused::Version { given: 0 },
        Refused::UnknownKey { key: 0 },
        Refused::Signature,
        Refused::Content { field: "offer" },
        Refused::FromTheFuture { ahead_ms: 0 },
        Refused::RetiredKey { key: 0, at: NOW, not_after: NOW },
    ];
    assert_eq!(all.map(|refused| refused.as_str()), Refused::TAGS);
    assert_eq!(
        all[7].to_string(),
        "click id was made with key 0 at 1767225600000 ms, but that key ended at 1767225600000 ms"
    );
}
