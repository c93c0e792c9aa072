//! Apple's postbacks against independent vectors, and against whatever is not one of them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use hopline_installs::{
    APPLE_KEY, AppleKeys, Kind, PublicKey, Refusal, SourceName, System, adattributionkit, skadnetwork,
};
use proptest::prelude::*;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/apple_postbacks.json")).unwrap()
}

fn keys(skadnetwork: &str, named: &Value) -> AppleKeys {
    let key = |text: &str| PublicKey::from_base64(text).unwrap();
    let named = named.as_object().into_iter().flatten();
    let named = named.map(|(kid, text)| (kid.clone(), key(text.as_str().unwrap()))).collect();
    AppleKeys::of(key(skadnetwork), named)
}

fn published(number: usize) -> Vec<u8> {
    vectors()["cases"][number]["postback"].to_string().into_bytes()
}

//
#[test]
fn a_20_postbacks_are_believed_exactly_where_the_vectors_say() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 15);
    for case in cases {
        let keys = keys(case["public_key"].as_str().unwrap(), &Value::Null);
        let read = skadnetwork::read(case["postback"].to_string().as_bytes(), &keys);
        assert_eq!(read.is_ok(), case["expect"] == "accept", "{}: {read:?}", case["name"]);
    }
}

//
#[test]
fn a_21_tokens_are_believed_exactly_where_the_vectors_say() {
    let vectors = vectors();
    let cases = vectors["aak"].as_array().unwrap();
    assert!(cases.len() >= 8);
    for case in cases {
        let keys = keys(APPLE_KEY, &case["keys"]);
        let body = serde_json::json!({"jws-string": case["jws"]}).to_string();
        let read = adattributionkit::read(body.as_bytes(), &keys);
        assert_eq!(read.is_ok(), case["expect"] == "accept", "{}: {read:?}", case["name"]);
    }
}

#[test]
fn the_keys_in_the_program_are_those_of_the_vectors() {
    let vectors = vectors();
    assert_eq!(vectors["apple_keys"]["skadnetwork 2.1 and later"], APPLE_KEY);
    let published_keys = AppleKeys::published(true);
    let jws = &vectors["aak"][0]["jws"];
    let body = serde_json::json!({"jws-string": jws, "country-code": "US", "ad-interaction-type": "click"});
    let read = adattributionkit::read(body.to_string().as_bytes(), &published_keys).unwrap();
    assert_eq!((read.kind, read.is_test, read.did_win), (Kind::Reengagement, true, true));
    assert_eq!(read.key(), "adattributionkit:85546EB7-FD39-44BC-8990-C98A4AC36A49");
    assert_eq!(
        (read.hints.country.as_deref(), read.hints.interaction.as_deref()),
        (Some("US"), Some("click"))
    );
}

//
#[test]
fn a_21_development_keys_are_refused_in_production() {
    let body = serde_json::json!({"jws-string": vectors()["aak"][0]["jws"]}).to_string();
    let refused = adattributionkit::read(body.as_bytes(), &AppleKeys::published(false)).unwrap_err();
    assert_eq!(refused, Refusal::DevelopmentKey { kid: "apple-development-identifier/1".to_owned() });
}

//
#[test]
fn a_22_a_published_postback_says_what_it_stands_for_and_what_makes_it_one() {
    let keys = AppleKeys::published(false);
    let first = skadnetwork::read(&published(0), &keys).unwrap();
    assert_eq!(
        (first.system, first.ad_network.as_str(), first.app.as_str()),
        (System::SkAdNetwork, "com.example", "525463029")
    );
    assert_eq!(first.source, SourceName::Identifier("5239".to_owned()));
    assert_eq!((first.kind, first.did_win, first.sequence), (Kind::Download, true, 0));
    assert_eq!(first.publisher.as_deref(), Some("example.com"));
    assert_eq!(first.key(), "skadnetwork:com.example:6aafb7a5-0170-41b5-bbe4-fe71dedf1e30:0");
    assert_eq!(first.hints.conversion_value, Some(63));
    let older = skadnetwork::read(&published(2), &keys).unwrap();
    assert_eq!((older.source, older.kind), (SourceName::Campaign(42), Kind::Redownload));
    let lost = skadnetwork::read(&published(3), &keys).unwrap();
    assert!(!lost.did_win);
}

#[test]
fn fewer_digits_are_the_last_ones_of_a_source_identifier() {
    let given = SourceName::Identifier("39".to_owned());
    assert!(given.may_be(None, Some("5239")) && given.may_be(None, Some("39")));
    assert!(!given.may_be(None, Some("3952")) && !given.may_be(Some(39), None));
    assert!(SourceName::Campaign(39).may_be(Some(39), Some("5239")));
    assert!(!SourceName::Campaign(39).may_be(None, Some("39")));
}

//
#[test]
fn versions_before_2_1_and_values_that_could_pass_for_two_are_refused() {
    let keys = AppleKeys::published(false);
    for version in ["1.0", "2.0", "5.0", ""] {
        let mut postback = vectors()["cases"][0]["postback"].clone();
        postback["version"] = version.into();
        assert!(skadnetwork::read(postback.to_string().as_bytes(), &keys).is_err(), "{version}");
    }
    let mut postback = vectors()["cases"][0]["postback"].clone();
    postback["transaction-id"] = "a\u{2063}b".into();
    let refused = skadnetwork::read(postback.to_string().as_bytes(), &keys).unwrap_err();
    assert_eq!((refused.as_str(), refused.field_name()), ("bad_field", "transaction-id"));
}

proptest! {
    #[test]
    fn whatever_is_sent_is_refused_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,80}") {
        let keys = AppleKeys::published(true);
        prop_assert!(skadnetwork::read(&bytes, &keys).is_err());
        prop_assert!(adattributionkit::read(&bytes, &keys).is_err());
        let body = serde_json::json!({"jws-string": text, "version": text}).to_string();
        prop_assert!(adattributionkit::read(body.as_bytes(), &keys).is_err());
        prop_assert!(skadnetwork::read(body.as_bytes(), &keys).is_err());
    }

    //
    #[test]
    fn a_22_no_change_of_a_signed_byte_is_believed(at in 0_usize..600, to in any::<u8>()) {
        let keys = AppleKeys::published(false);
        let genuine = published(0);
        let mut changed = genuine.clone();
        let at = at % changed.len();
        changed[at] = to;
        if let (Ok(read), Ok(first)) = (skadnetwork::read(&changed, &keys), skadnetwork::read(&genuine, &keys)) {
            let hints = first.hints.clone();
            let read = hopline_installs::ApplePostback { hints, ..read };
            prop_assert_eq!(read, first);
        }
    }
}
