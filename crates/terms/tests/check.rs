//! Which terms are accepted, and what is said of the others.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use hopline_money::{Currency, Decimal};
use hopline_terms::{FieldError, GoalTerms, GoalTermsForm, Price};
use hopline_types::GoalKind;
use serde_json::json;

fn errors(goal: serde_json::Value, currency: Currency) -> Vec<String> {
    let form: GoalTermsForm = serde_json::from_value(goal).unwrap();
    let errors = form.check("goals[0]", Some(currency)).unwrap_err();
    errors.iter().map(FieldError::to_string).collect()
}

fn accepted(goal: serde_json::Value, currency: Currency) -> GoalTerms {
    let form: GoalTermsForm = serde_json::from_value(goal).unwrap();
    let checked = form.check("", Some(currency)).unwrap();
    assert_eq!(checked.warnings, []);
    assert_eq!(checked.terms.check("", currency), Ok(()));
    checked.terms
}

fn price(percent: Option<&str>, fixed: Option<&str>) -> Price {
    let decimal = |text: &str| Decimal::parse(text).unwrap();
    Price { percent: percent.map(decimal), fixed: fixed.map(decimal) }
}

#[test]
fn the_goals_of_the_smallest_story_are_accepted() {
    let table = [
        (
            json!({"key":"sale","kind":"pps","revenue":{"percent":"12"},"payout":{"percent":"10"}}),
            GoalKind::Pps,
        ),
        (
            json!({"key":"lead","kind":"ppl","revenue":{"fixed":"3.00"},"payout":{"fixed":"2.00"}}),
            GoalKind::Ppl,
        ),
        (
            json!({"key":"click","kind":"ppc","revenue":{"fixed":"0.06"},"payout":{"fixed":"0.05"}}),
            GoalKind::Ppc,
        ),
        (
            json!({"key":"install","kind":"ppi","revenue":{"fixed":"1.50"},"payout":{"fixed":"1.00"}}),
            GoalKind::Ppi,
        ),
    ];
    for (goal, kind) in table {
        let terms = accepted(goal.clone(), Currency::EUR);
        assert_eq!(terms.kind, kind);
        let form = serde_json::to_value(terms.form(Currency::EUR)).unwrap();
        for field in ["kind", "revenue", "payout"] {
            assert_eq!(form[field], goal[field], "terms are shown as they were given");
        }
        let stored = serde_json::to_string(&terms).unwrap();
        assert_eq!(serde_json::from_str::<GoalTerms>(&stored).unwrap(), terms);
    }
}

#[test]
fn limits_are_inclusive() {
    let goal = json!({"kind":"pps","revenue":{"percent":"100","fixed":"0.01"},"payout":{"percent":"0"}});
    assert_eq!(accepted(goal, Currency::EUR).payout, price(Some("0"), None));
    let goal = json!({"kind":"ppc","revenue":{"fixed":"0.000001"},"payout":{"fixed":"0"}});
    assert_eq!(accepted(goal, Currency::JPY).revenue, price(None, Some("0.000001")));
    let goal =
        json!({"kind":"ppl","revenue":{"fixed":"92233720368547758.07"},"payout":{"fixed":"1.50000000"}});
    accepted(goal, Currency::EUR);
    let goal = json!({"kind":"ppl","revenue":{"fixed":"1.125"},"payout":{"fixed":"1"}});
    accepted(goal, Currency::new("KWD").unwrap());
}

#[test]
fn all_bad_fields_are_named_at_once_with_their_paths() {
    let goal = json!({"kind":"ppl","revenue":{"percent":"101","fixed":"3,00"},"payout":{"percent":"-1"}});
    assert_eq!(
        errors(goal, Currency::EUR),
        [
            "goals[0].revenue.percent: is for pps only: ppl is paid by a fixed amount",
            "goals[0].revenue.fixed: \"3,00\" has ',' as character 2: expected digits, optionally a point and a minus in front, such as 49.90",
            "goals[0].revenue.percent: 101 is out of range: expected 0 to 100",
            "goals[0].payout.percent: is for pps only: ppl is paid by a fixed amount",
            "goals[0].payout.fixed: is missing: ppl is paid by a fixed amount",
            "goals[0].payout.percent: -1 is out of range: expected 0 to 100",
        ]
    );
    let goal = json!({"kind":"cpa","payout":{"percent":"100.01","fixed":"-0.5"}});
    assert_eq!(
        errors(goal, Currency::EUR),
        [
            "goals[0].kind: \"cpa\" is not one of pps, ppl, ppc, ppi",
            "goals[0].revenue: is missing",
            "goals[0].payout.percent: 100.01 is out of range: expected 0 to 100",
            "goals[0].payout.fixed: -0.5 is negative: expected 0 or more",
        ]
    );
    assert_eq!(
        GoalTermsForm::default()
            .check("", None)
            .unwrap_err()
            .iter()
            .map(|e| e.field.as_str())
            .collect::<Vec<_>>(),
        ["kind", "revenue", "payout"]
    );
}

#[test]
fn a_sale_needs_a_percentage_or_a_fixed_amount() {
    let goal = json!({"kind":"pps","revenue":{},"payout":{"percent":"1"}});
    assert_eq!(errors(goal, Currency::EUR), ["goals[0].revenue: needs percent, fixed or both"]);
}

// L-15, L-17
#[test]
fn only_prices_per_click_may_be_finer_than_the_currency_and_up_to_six_places() {
    for kind in ["pps", "ppl", "ppi"] {
        let goal = json!({"kind":kind,"revenue":{"fixed":"0.055"},"payout":{"fixed":"0.05"}});
        assert_eq!(
            errors(goal, Currency::EUR),
            [
                "goals[0].revenue.fixed: 0.055 has 3 decimal places: EUR has 2, only a price per click may be finer"
            ]
        );
    }
    let goal = json!({"kind":"ppi","revenue":{"fixed":"0.5"},"payout":{"fixed":"0"}});
    assert_eq!(
        errors(goal, Currency::JPY),
        ["goals[0].revenue.fixed: 0.5 has 1 decimal places: JPY has 0, only a price per click may be finer"]
    );
    let goal = json!({"kind":"ppc","revenue":{"fixed":"0.0000001"},"payout":{"fixed":"0"}});
    assert_eq!(
        errors(goal, Currency::EUR),
        ["goals[0].revenue.fixed: 0.0000001 has 7 decimal places: a price has at most 6"]
    );
}

#[test]
fn a_price_that_no_amount_can_hold_is_refused() {
    let goal = json!({"kind":"ppl","revenue":{"fixed":"92233720368547758.08"},"payout":{"fixed":"1"}});
    assert_eq!(
        errors(goal, Currency::EUR),
        ["goals[0].revenue.fixed: 92233720368547758.08 is more than an amount of EUR can hold"]
    );
}

#[test]
fn with_an_unknown_currency_everything_else_is_still_checked() {
    let goal = json!({"kind":"ppl","revenue":{"fixed":"0.055"},"payout":{"fixed":"x"}});
    let form: GoalTermsForm = serde_json::from_value(goal).unwrap();
    let errors = form.check("goals[0]", None).unwrap_err();
    assert_eq!(errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(), ["goals[0].payout.fixed"]);
}

#[test]
fn a_payout_above_the_revenue_is_accepted_with_a_warning() {
    let goal = json!({"kind":"pps","revenue":{"percent":"10"},"payout":{"percent":"12","fixed":"1"}});
    let form: GoalTermsForm = serde_json::from_value(goal).unwrap();
    let warnings = form.check("goals[3]", Some(Currency::EUR)).unwrap().warnings;
    assert_eq!(
        warnings.iter().map(FieldError::to_string).collect::<Vec<_>>(),
        [
            "goals[3].payout.percent: 12 is above the revenue's 10: the margin can be negative",
            "goals[3].payout.fixed: 1 is above the revenue's 0: the margin can be negative",
        ]
    );
}

#[test]
fn terms_that_are_values_already_are_checked_by_the_same_rules() {
    let terms =
        GoalTerms { kind: GoalKind::Ppc, revenue: price(Some("5"), None), payout: price(None, Some("-1")) };
    let errors = terms.check("", Currency::EUR).unwrap_err();
    assert_eq!(
        errors.iter().map(|e| e.field.as_str()).collect::<Vec<_>>(),
        ["revenue.percent", "revenue.fixed", "payout.fixed"]
    );
}

#[test]
fn an_unknown_part_of_a_price_is_refused() {
    assert!(serde_json::from_value::<GoalTermsForm>(json!({"revenue":{"percnt":"1"}})).is_err());
    assert!(serde_json::from_value::<Price>(json!({"percnt":"1"})).is_err());
}
