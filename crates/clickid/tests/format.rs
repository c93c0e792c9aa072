//! The format does not move: ids in circulation are read as long as their windows last.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use hopline_clickid::{ClickClaims, ClickKey, KeyRing, UniqueNumber};
use hopline_types::{AffiliateId, Class, LinkId, OfferId, Reason, UnixMillis, Verdict};
use proptest::prelude::*;

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().map(|digit| u8::try_from(digit.to_digit(16).unwrap()).unwrap()).collect();
    digits.chunks(2).map(|pair| pair[0] * 16 + pair[1]).collect()
}

// S-01
#[test]
fn ids_are_written_and_read_as_in_the_golden_file() {
    let golden: serde_json::Value = serde_json::from_str(include_str!("golden/click_ids_v1.json")).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let number = |name: &str| case[name].as_i64().unwrap();
        let text = |name: &str| case[name].as_str().unwrap();
        let unique = UniqueNumber::new(
            u16::try_from(number("edge")).unwrap(),
            u8::try_from(number("stream")).unwrap(),
            u64::try_from(number("record")).unwrap(),
        );
        let claims = ClickClaims {
            at: UnixMillis(number("at")),
            offer: OfferId::new(number("offer")).unwrap(),
            affiliate: AffiliateId::new(number("affiliate")).unwrap(),
            link: case["link"].as_i64().map(|link| LinkId::new(link).unwrap()),
            unique: unique.unwrap(),
            verdict: Verdict {
                class: text("class").parse::<Class>().unwrap(),
                reason: text("reason").parse::<Reason>().unwrap(),
            },
        };
        let key = ClickKey::new(u8::try_from(number("key")).unwrap(), &unhex(text("secret_hex"))).unwrap();
        let ring = KeyRing::new(key);
        let token = ring.sign(&claims).unwrap();
        assert_eq!(token.as_str(), text("token"), "{}", case["name"]);
        assert_eq!(token.to_string(), text("token"), "{}", case["name"]);
        assert_eq!(ring.verify(text("token"), claims.at), Ok(claims), "{}", case["name"]);
    }
}

fn any_claims() -> impl Strategy<Value = ClickClaims> {
    let id = || 1..=i64::from(u32::MAX);
    let verdicts: Vec<Verdict> = [Verdict::UNIQUE, Verdict::DUPLICATE]
        .into_iter()
        .chain(Reason::ALL.iter().map(|reason| Verdict::invalid(*reason)))
        .collect();
    let parts = (
        0..1_i64 << 48,
        id(),
        id(),
        proptest::option::of(id()),
        any::<u64>(),
        proptest::sample::select(verdicts),
    );
    parts.prop_map(|(at, offer, affiliate, link, unique, verdict)| ClickClaims {
        at: UnixMillis(at),
        offer: OfferId::new(offer).unwrap(),
        affiliate: AffiliateId::new(affiliate).unwrap(),
        link: link.map(|link| LinkId::new(link).unwrap()),
        unique: UniqueNumber::from_bits(unique),
        verdict,
    })
}

proptest! {
    #[test]
    fn what_is_signed_is_read_back(claims in any_claims(), key_id: u8, secret: [u8; 32]) {
        let ring = KeyRing::new(ClickKey::new(key_id, &secret).unwrap());
        let token = ring.sign(&claims).unwrap();
        let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-' || *byte == b'_';
        prop_assert!(token.as_bytes().iter().all(alphabet));
        prop_assert_eq!(ring.verify(token, claims.at), Ok(claims));
    }

    #[test]
    fn arbitrary_input_is_refused_and_never_panics(input: Vec<u8>, noise: [u8; 60]) {
        let ring = KeyRing::new(ClickKey::new(1, &[1; 32]).unwrap());
        prop_assert!(ring.verify(input, UnixMillis(0)).is_err());
        prop_assert!(ring.verify(noise, UnixMillis(0)).is_err());
    }
}
