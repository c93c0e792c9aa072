//! Vectors made with Python's `decimal` and `fractions` and with ISO 4217 list one of 2026-01-01.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use hopline_money::{Amount, Currency, CurrencyError, Decimal, NumberError, convert, percent_of, split};
use serde_json::Value;

fn money(section: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("fixtures/money.json")).unwrap();
    let cases = all[section].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "{section}");
    cases
}

fn text<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field].as_str().unwrap()
}

fn number(case: &Value, field: &str) -> i64 {
    case[field].as_i64().unwrap()
}

// L-16
#[test]
fn l_16_all_178_codes_have_the_places_of_list_one() {
    let all: Value = serde_json::from_str(include_str!("fixtures/iso4217_exponents.json")).unwrap();
    let cases = all["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 178);
    for case in cases {
        let code = text(case, "code");
        match case["exponent"].as_u64() {
            Some(exponent) => {
                let currency = Currency::new(code).unwrap();
                assert_eq!(u64::from(currency.exponent()), exponent, "{code}");
                assert_eq!(currency.code(), code);
                assert_eq!(currency.is_payable(), case["payable"].as_bool().unwrap(), "{code}");
                assert_eq!(Currency::payable(code).is_ok(), currency.is_payable(), "{code}");
            }
            None => assert!(matches!(Currency::new(code), Err(CurrencyError::NoMinorUnit { .. })), "{code}"),
        }
    }
    let countable = cases.iter().filter(|case| !case["exponent"].is_null()).count();
    assert_eq!(Currency::all().count(), countable, "nothing is countable that is not on the list");
}

// L-17
#[test]
fn l_17_decimals_become_minor_units_exactly_or_not_at_all() {
    for case in money("conversion") {
        let (decimal, currency) = (text(&case, "decimal"), Currency::new(text(&case, "currency")).unwrap());
        let parsed = Amount::parse(decimal, currency);
        if !case["plain_notation"].as_bool().unwrap() {
            assert!(matches!(parsed, Err(NumberError::Character { .. })), "{decimal}: {parsed:?}");
        } else if let Some(minor) = case["exact_minor"].as_i64() {
            assert_eq!(parsed, Ok(Amount::new(minor, currency)), "{decimal}");
        } else {
            assert!(matches!(parsed, Err(NumberError::Places { .. })), "{decimal}: {parsed:?}");
        }
    }
}

// L-18
#[test]
fn l_18_percentages_are_rounded_once_and_half_to_even() {
    for case in money("rates") {
        let rate = text(&case, "rate");
        let amount = Amount::new(number(&case, "amount_minor"), Currency::EUR);
        let expected = number(&case, "half_even");
        // The vector's rate is a fraction; a percentage is a hundred times that.
        let percent = times_hundred(rate);
        assert_eq!(percent_of(amount, &percent).unwrap().minor, expected, "{amount} x {rate}");
        let as_rate = Decimal::parse(rate).unwrap();
        assert_eq!(convert(amount, &as_rate, Currency::EUR).unwrap().minor, expected, "{amount} x {rate}");
    }
}

fn times_hundred(rate: &str) -> Decimal {
    let (whole, fraction) = rate.split_once('.').unwrap_or((rate, ""));
    let fraction = format!("{fraction:0<2}");
    let (up, rest) = fraction.split_at(2);
    let rest = if rest.is_empty() { "0" } else { rest };
    Decimal::parse(&format!("{whole}{up}.{rest}")).unwrap()
}

// L-19
#[test]
fn l_19_splits_follow_the_largest_remainder() {
    for case in money("cases") {
        let weights: Vec<u64> =
            case["weights"].as_array().unwrap().iter().map(|w| w.as_u64().unwrap()).collect();
        let parts: Vec<i64> = case["parts"].as_array().unwrap().iter().map(|p| p.as_i64().unwrap()).collect();
        assert_eq!(split(number(&case, "total_minor"), &weights).unwrap(), parts, "{weights:?}");
    }
}

// L-20
#[test]
fn l_20_exchanges_are_rounded_once_between_currencies_of_different_places() {
    for case in money("fx") {
        let amount = Amount::new(number(&case, "amount_minor"), Currency::new(text(&case, "from")).unwrap());
        let rate = Decimal::parse(text(&case, "rate_to_per_from")).unwrap();
        let to = Currency::new(text(&case, "to")).unwrap();
        let result = convert(amount, &rate, to).unwrap();
        assert_eq!(result, Amount::new(number(&case, "to_minor_half_even"), to), "{amount} at {rate}");
    }
}
