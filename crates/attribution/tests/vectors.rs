//! Decisions agree with independent implementations and with the rules as written down.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use hopline_attribution::{
    Conversion, CouponRule, Decision, Policy, SelfReferral, Source, Touch, TouchKind, attribute,
};
use hopline_money::{Amount, Currency};
use hopline_types::{Model, UnixMillis};
use serde::Deserialize;
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/attribution.json")).unwrap()
}

fn list<'a>(value: &'a Value, name: &str) -> &'a Vec<Value> {
    value[name].as_array().unwrap()
}

fn time(value: &Value) -> UnixMillis {
    UnixMillis(value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Milliseconds of a decimal number of hours with at most four places, without floats.
fn hours_ms(value: &Value) -> i64 {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let ten_thousandths: i64 = format!("{whole}{fraction:0<4}").parse().unwrap();
    ten_thousandths * 360
}

fn click(id: usize, affiliate: &str, at: UnixMillis) -> Touch<usize, String> {
    Touch { id, affiliate: Some(affiliate.to_owned()), at, kind: TouchKind::Click, invalid: None }
}

/// Weight and commission of each touch, in trillionths and minor units; nothing where it is not credited.
fn shares(decision: &Decision<usize, String>, touches: usize, commission: i64) -> (Vec<u128>, Vec<i64>) {
    let parts = decision.split(Amount::new(commission, Currency::EUR)).unwrap();
    let (mut weights, mut minor) = (vec![0; touches], vec![0; touches]);
    for (credit, part) in decision.credits.iter().zip(parts) {
        let Source::Touch { index, .. } = credit.source else { panic!("credited without a touch") };
        let total = decision.weights_total();
        // Rounded half up, as near as the fixture's twelve digits can tell.
        weights[index] = (u128::from(credit.weight) * 2_000_000_000_000 + total) / (2 * total);
        minor[index] = part.minor;
    }
    (weights, minor)
}

/// A decimal number as trillionths.
fn trillionths(value: &Value) -> u128 {
    let text = value.to_string();
    let (whole, fraction) = text.split_once('.').unwrap();
    assert!(fraction.len() <= 12, "{text}");
    format!("{whole}{fraction:0<12}").parse().unwrap()
}

// L-19
#[test]
fn all_journeys_get_the_weights_and_cents_of_the_library() {
    let fixture = fixture();
    let mut compared = 0;
    for case in list(&fixture, "cases") {
        let at = time(&case["conversion_at"]);
        let touches: Vec<Touch<usize, String>> = list(case, "touches")
            .iter()
            .enumerate()
            .map(|(id, touch)| {
                let age = hours_ms(&touch["hours_before_conversion"]);
                click(id, touch["affiliate"].as_str().unwrap(), at.plus(-age))
            })
            .collect();
        let commission = case["commission_minor"].as_i64().unwrap();
        for (model, expected) in case["expect"].as_object().unwrap() {
            let policy = Policy::new(model.parse::<Model>().unwrap(), 365 * 86_400_000);
            let decision = attribute(&policy, &Conversion::at(at), &touches);
            let (weights, minor) = shares(&decision, touches.len(), commission);
            let what = format!("{} {model}", case["name"]);
            let expected_minor: Vec<i64> =
                list(expected, "minor").iter().map(|part| part.as_i64().unwrap()).collect();
            assert_eq!(minor, expected_minor, "{what}");
            for (weight, expected) in weights.iter().zip(list(expected, "weights")) {
                assert!(weight.abs_diff(trillionths(expected)) <= 1, "{what}: {weight} for {expected}");
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 50);
}

//
#[test]
fn last_non_direct_credits_the_touch_of_the_library() {
    let fixture = fixture();
    for case in list(&fixture, "last_non_direct") {
        let path = list(case, "path");
        let touches: Vec<Touch<usize, String>> = path
            .iter()
            .enumerate()
            .map(|(id, channel)| {
                let channel = channel.as_str().unwrap();
                let at = UnixMillis(i64::try_from(id).unwrap());
                let touch = click(id, channel, at);
                if channel == "direct" { Touch { kind: TouchKind::Direct, ..touch } } else { touch }
            })
            .collect();
        let policy = Policy::new(Model::LastNonDirect, 1_000);
        let decision = attribute(&policy, &Conversion::at(UnixMillis(100)), &touches);
        let winner = decision.credits.first().map(|credit| credit.affiliate.clone());
        assert_eq!(winner, text(&case["winner"]), "{path:?}");
        if let Some(credit) = decision.credits.first() {
            let index = usize::try_from(case["winner_index"].as_u64().unwrap()).unwrap();
            assert_eq!(credit.source, Source::Touch { index, id: index }, "{path:?}");
        }
    }
}

fn policy_of(config: &Value) -> Policy {
    let mut policy = Policy::new(Model::LastClick, 0);
    for (name, value) in config.as_object().unwrap() {
        match name.as_str() {
            "click_window_s" => policy.click_window_ms = value.as_i64().unwrap() * 1_000,
            "view_window_s" => policy.view_window_ms = value.as_i64().unwrap() * 1_000,
            "coupon" => policy.coupon = CouponRule::deserialize(value).unwrap(),
            "self_referral" => policy.self_referral = SelfReferral::deserialize(value).unwrap(),
            "lifetime" => policy.lifetime = value.as_bool().unwrap(),
            other => panic!("unknown setting {other}"),
        }
    }
    policy
}

//
#[test]
fn windows_and_precedence_are_those_of_the_policy_list() {
    let fixture = fixture();
    let cases = list(&fixture, "policy");
    assert_eq!(cases.len(), 11);
    for case in cases {
        let touches: Vec<Touch<String, String>> = list(case, "touches")
            .iter()
            .map(|touch| Touch {
                id: text(&touch["id"]).unwrap(),
                affiliate: text(&touch["affiliate"]),
                at: time(&touch["at"]),
                kind: text(&touch["kind"]).map_or(TouchKind::Click, |_| TouchKind::View),
                invalid: text(&touch["invalid"]).map(Into::into),
            })
            .collect();
        let conversion = Conversion {
            at: time(&case["conversion"]["at"]),
            coupon_owner: text(&case["conversion"]["coupon_owner"]),
            customer_bound_to: text(&case["conversion"]["customer_bound_to"]),
            buyer_is_affiliate: text(&case["conversion"]["buyer_is_affiliate"]),
        };
        let decision = attribute(&policy_of(&case["config"]), &conversion, &touches);
        let winner = decision.credits.first().map(|credit| match &credit.source {
            Source::Touch { id, .. } => id.clone(),
            Source::Coupon => format!("coupon:{}", credit.affiliate),
            Source::Lifetime => format!("lifetime:{}", credit.affiliate),
        });
        assert_eq!(winner, text(&case["expect_winner"]), "{}: {}", case["name"], decision.reason);
    }
}
