//! The checks against independent vectors: files made by sepaxml and judged by two schema validators, account numbers
//! judged by python-stdnum.
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use hopline_payfile::{Iban, Rule, check_pain001};
use serde_json::Value;

fn cases(json: &str) -> Vec<Value> {
    let vectors: Value = serde_json::from_str(json).unwrap();
    vectors["cases"].as_array().unwrap().clone()
}

#[test]
fn p_02_every_file_of_the_vectors_is_judged_as_expected() {
    let cases = cases(include_str!("fixtures/sepa_pain001.json"));
    assert!(cases.len() >= 20);
    for case in &cases {
        let faults = check_pain001(case["xml"].as_str().unwrap());
        assert_eq!(faults.is_empty(), case["accept"].as_bool().unwrap(), "{}: {faults:?}", case["name"]);
    }
}

#[test]
fn p_02_each_fault_of_the_vectors_is_found_by_its_own_rule() {
    let expected = [
        ("group control sum off by one cent", Rule::ControlSum),
        ("group transaction count off by one", Rule::Count),
        ("currency is not EUR", Rule::Currency),
        ("three decimals", Rule::Amount),
        ("six decimals", Rule::Amount),
        ("amount zero", Rule::Amount),
        ("amount above the scheme maximum", Rule::Amount),
        ("IBAN with wrong check digits", Rule::Iban),
        ("creditor name of 71 characters", Rule::Name),
        ("remittance text of 141 characters", Rule::Remittance),
        ("end-to-end id of 36 characters", Rule::Identifier),
        ("end-to-end id missing", Rule::Form),
        ("end-to-end id starts with a slash", Rule::Identifier),
        ("name outside the scheme's character set", Rule::Characters),
        ("address only in free lines", Rule::Address),
        ("execution date as text", Rule::Date),
        ("namespace of another version", Rule::Version),
        ("charge bearer SHAR", Rule::ChargeBearer),
        ("service level missing code", Rule::ServiceLevel),
    ];
    let cases = cases(include_str!("fixtures/sepa_pain001.json"));
    for (name, rule) in expected {
        let case = cases.iter().find(|case| case["name"] == name).unwrap();
        let faults = check_pain001(case["xml"].as_str().unwrap());
        assert!(faults.iter().any(|fault| fault.rule == rule), "{name}: {faults:?}");
    }
}

#[test]
fn p_09_account_numbers_are_accepted_exactly_when_length_structure_and_check_digits_fit() {
    for case in cases(include_str!("fixtures/bank_identifiers.json")) {
        let iban = case["iban"].as_str().unwrap();
        let accepted = Iban::new(iban);
        assert_eq!(
            accepted.is_ok(),
            case["mod97_length_structure"].as_bool().unwrap(),
            "{iban}: {accepted:?}"
        );
    }
}
