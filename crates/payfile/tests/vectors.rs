//! The checks against independent vectors: files made by sepaxml and judged by two schema validators, account numbers
//! judged by python-stdnum.
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use hopline_payfile::{Iban, RoutingNumber, Rule, check_nacha, check_pain001};
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

#[test]
fn p_22_routing_numbers_of_the_vectors_are_judged_as_expected() {
    let vectors: Value = serde_json::from_str(include_str!("fixtures/bank_identifiers.json")).unwrap();
    let cases = vectors["routing"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let expected =
            case["checksum_valid"].as_bool().unwrap() && case["first_two_in_range"].as_bool().unwrap();
        let judged = RoutingNumber::new(case["routing"].as_str().unwrap());
        assert_eq!(judged.is_ok(), expected, "{case}: {judged:?}");
    }
}

// P-21: the cases whose `achkit_errors` are empty are those that achkit itself does not see.
#[test]
fn p_21_every_ach_file_of_the_vectors_is_judged_as_expected() {
    let cases = cases(include_str!("fixtures/nacha_ach.json"));
    assert!(cases.len() >= 15);
    for case in &cases {
        let faults = check_nacha(case["file_text"].as_str().unwrap());
        assert_eq!(faults.is_empty(), case["accept"].as_bool().unwrap(), "{}: {faults:?}", case["name"]);
    }
}

#[test]
fn p_21_each_fault_of_the_ach_vectors_is_found_by_its_own_rule() {
    let expected = [
        ("one record has 93 characters", Rule::Record),
        ("entry hash off by one", Rule::Hash),
        ("batch credit total off by one", Rule::ControlSum),
        ("entry/addenda count off by one", Rule::Count),
        ("file hash off by one", Rule::Hash),
        ("block count off by one", Rule::Blocking),
        ("padding records missing", Rule::Blocking),
        ("routing check digit wrong", Rule::Routing),
        ("service class 225 (debits only) on a credit batch", Rule::ServiceClass),
        ("batch control with another company id", Rule::Record),
        ("batch number differs in the control", Rule::Record),
        ("trace number does not start with the originating DFI", Rule::Trace),
        ("addenda indicator wrong", Rule::Addenda),
        ("lower-case file id modifier", Rule::Record),
        ("non-ASCII letter in a name", Rule::Characters),
        ("record size field is 093", Rule::Record),
        ("effective date is not a date", Rule::Date),
    ];
    let cases = cases(include_str!("fixtures/nacha_ach.json"));
    assert_eq!(expected.len() + 1, cases.len());
    for (name, rule) in expected {
        let case = cases.iter().find(|case| case["name"] == name).unwrap();
        let faults = check_nacha(case["file_text"].as_str().unwrap());
        assert!(faults.iter().any(|fault| fault.rule == rule), "{name}: {faults:?}");
    }
}
