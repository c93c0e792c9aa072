//! `hopline attribute`: JSON in, JSON out.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use hopline_attribution::{DryRunInput, FieldError, TOUCHES_MAX, dry_run};
use serde_json::{Value, json};

fn ask(question: &Value) -> Result<Value, Vec<String>> {
    let input: DryRunInput = serde_json::from_value(question.clone()).unwrap();
    let output =
        dry_run(&input).map_err(|errors| errors.iter().map(FieldError::to_string).collect::<Vec<_>>())?;
    Ok(serde_json::to_value(output).unwrap())
}

fn question() -> Value {
    json!({"model":"linear","window_seconds":2_592_000,"conversion":{"at":"2026-02-01T00:00:00Z"},
        "commission":{"amount":"10.00","currency":"EUR"},
        "touches":[{"id":"t1","affiliate":"a","at":"2026-01-30T08:00:00Z"}]})
}

#[test]
fn the_question_of_the_contract_gets_its_answer() {
    assert_eq!(
        ask(&question()).unwrap(),
        json!({
            "credits":[{"touch":"t1","affiliate":"a","weight":"1.000000",
                        "commission":{"amount":"10.00","currency":"EUR"}}],
            "reason":"linear: 1 click within 30 days, each with the same share",
            "rule":"clicks",
            "considered":[{"touch":"t1","age_seconds":144_000,"outcome":"credited"}],
        })
    );
}

#[test]
fn credits_come_in_the_order_of_the_touches_and_none_for_those_outside_the_window() {
    let mut question = question();
    question["model"] = json!("time_decay");
    question["touches"] = json!([
        {"id":"new","affiliate":"a","at":"2026-02-01T00:00:00Z"},
        {"id":"old","affiliate":"b","at":"2026-01-01T23:59:59Z"},
        {"id":"edge","affiliate":"c","at":"2026-01-02T01:00:00+01:00"},
        {"id":"week","affiliate":"d","at":"2026-01-25T00:00:00Z","kind":"click"},
        {"id":"late","affiliate":"e","at":"2026-02-01T00:00:00.001Z"},
        {"id":"bot","affiliate":"f","at":"2026-01-31T00:00:00Z","invalid":"bot"},
    ]);
    let answer = ask(&question).unwrap();
    let credits = answer["credits"].as_array().unwrap();
    let shown: Vec<_> = credits
        .iter()
        .map(|credit| [&credit["touch"], &credit["weight"], &credit["commission"]["amount"]])
        .map(|values| values.map(|value| value.as_str().unwrap()))
        .collect();
    assert_eq!(
        shown,
        [["new", "0.644633", "6.45"], ["edge", "0.033051", "0.33"], ["week", "0.322316", "3.22"]]
    );
    assert_eq!(answer["considered"][1]["outcome"], "outside_window");
    assert_eq!(answer["considered"][4]["outcome"], "after_conversion");
    assert_eq!(answer["considered"][5]["detail"], "bot");
}

#[test]
fn left_over_cents_go_to_the_earlier_touch_wherever_it_is_listed() {
    let mut question = question();
    question["commission"]["amount"] = json!("1");
    question["touches"] = json!([
        {"id":"c","affiliate":"c","at":"2026-01-30T00:00:00Z"},
        {"id":"a","affiliate":"a","at":"2026-01-10T00:00:00Z"},
        {"id":"b","affiliate":"b","at":"2026-01-20T00:00:00Z"},
    ]);
    let answer = ask(&question).unwrap();
    let amounts: Vec<_> =
        answer["credits"].as_array().unwrap().iter().map(|c| &c["commission"]["amount"]).collect();
    assert_eq!(amounts, ["0.33", "0.34", "0.33"]);
    assert_eq!(answer["credits"][0]["weight"], "0.333333");
}

#[test]
fn a_direct_visit_needs_no_affiliate() {
    let mut question = question();
    question["model"] = json!("last_non_direct");
    question["touches"]
        .as_array_mut()
        .unwrap()
        .push(json!({"id":"d","at":"2026-01-31T00:00:00Z","kind":"direct"}));
    assert_eq!(ask(&question).unwrap()["credits"][0]["touch"], "t1");
    question["touches"].as_array_mut().unwrap().remove(0);
    assert_eq!(ask(&question).unwrap()["credits"], json!([]));
}

#[test]
fn the_programmes_settings_can_be_given() {
    let mut with = question();
    with["coupon"] = json!("fallback");
    with["conversion"]["coupon_owner"] = json!("owner");
    assert_eq!(ask(&with).unwrap()["credits"][0]["touch"], "t1");
    with["coupon"] = json!("overrides_click");
    assert_eq!(ask(&with).unwrap()["credits"][0]["touch"], "coupon:owner");
    with["lifetime"] = json!(true);
    with["conversion"]["customer_bound_to"] = json!("friend");
    assert_eq!(ask(&with).unwrap()["credits"][0]["touch"], "lifetime:friend");
    with["conversion"]["buyer_is_affiliate"] = json!("friend");
    assert_eq!(ask(&with).unwrap()["credits"][0]["touch"], "coupon:owner");
    with["self_referral"] = json!("allow");
    assert_eq!(ask(&with).unwrap()["credits"][0]["touch"], "lifetime:friend");

    let mut viewed = question();
    viewed["touches"][0]["kind"] = json!("view");
    assert_eq!(ask(&viewed).unwrap()["credits"], json!([]));
    viewed["view_window_seconds"] = json!(144_000);
    assert_eq!(ask(&viewed).unwrap()["rule"], "views");
}

#[test]
fn without_a_window_thirty_days_are_meant() {
    let mut question = question();
    question.as_object_mut().unwrap().remove("window_seconds");
    question["touches"][0]["at"] = json!("2026-01-02T00:00:00Z");
    assert_eq!(ask(&question).unwrap()["credits"].as_array().unwrap().len(), 1);
    question["touches"][0]["at"] = json!("2026-01-01T23:59:59.999Z");
    assert_eq!(ask(&question).unwrap()["credits"], json!([]));
}

#[test]
fn all_bad_fields_are_named_at_once_with_their_paths() {
    let bad = json!({"model":"lastclick","window_seconds":-1,"half_life_seconds":0,"lifetime":"yes","windows":1,
    "conversion":{"at":"yesterday","customer_bound_to":""},
    "commission":{"amount":"10,00","currency":"EUR","tax":0},
    "touches":[
        {"id":"t1","affiliate":"a","at":"2026-01-30T08:00:00Z"},
        {"id":"t1","affiliate":"a","at":"2026-01-30T08:00:00"},
        {"affiliate":7,"at":"2026-01-30T08:00:00Z","kind":"banner","colour":"red"},
        "t4",
        {"id":"t1","affiliate":"b","at":"2026-01-30T08:00:00Z"},
    ]});
    assert_eq!(
        ask(&bad).unwrap_err(),
        [
            "model: \"lastclick\" is not one of last_click, first_click, last_non_direct, linear, position_based, time_decay",
            "window_seconds: -1 is out of range: expected 0 to 316224000",
            "half_life_seconds: 0 is out of range: expected 1 to 316224000",
            "lifetime: is not true or false",
            "conversion.at: \"yesterday\" is no time: expected a form such as 2026-02-01T00:00:00Z",
            "conversion.customer_bound_to: has 0 bytes: expected 1 to 256",
            "commission.tax: is not known here",
            "commission.amount: \"10,00\" has ',' as character 3: expected digits, optionally a point and a minus in front, such as 49.90",
            "touches[1].at: \"2026-01-30T08:00:00\" is no time: expected a form such as 2026-02-01T00:00:00Z",
            "touches[2].id: is missing: expected a text",
            "touches[2].kind: unknown variant `banner`, expected one of `click`, `view`, `coupon`, `direct`",
            "touches[2].affiliate: is not a text",
            "touches[2].colour: is not known here",
            "touches[3]: is not an object",
            "touches[4].id: \"t1\" is given twice",
            "windows: is not known here",
        ]
    );
}

#[test]
fn everything_that_must_be_there_is_asked_for() {
    assert_eq!(
        ask(&json!({})).unwrap_err(),
        [
            "model: is missing: expected a text",
            "conversion: is missing: expected an object",
            "commission: is missing: expected an object",
            "touches: is missing: expected a list",
        ]
    );
}

#[test]
fn a_negative_commission_and_too_many_touches_are_refused() {
    let mut question = question();
    question["commission"]["amount"] = json!("-0.01");
    question["touches"] = json!(vec![question["touches"][0].clone(); TOUCHES_MAX + 1]);
    assert_eq!(
        ask(&question).unwrap_err(),
        [
            "commission.amount: -0.01 is negative: expected 0 or more",
            "touches: 10001 touches are too many: expected at most 10000",
        ]
    );
}

#[test]
fn no_touches_at_all_are_a_question_too() {
    let mut question = question();
    question["touches"] = json!([]);
    let answer = ask(&question).unwrap();
    assert_eq!(answer["credits"], json!([]));
    assert_eq!(answer["reason"], "linear: nobody is credited, there is no touch");
}
