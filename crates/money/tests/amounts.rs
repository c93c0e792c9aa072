//! What is read, printed and refused, and what the messages say.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use hopline_money::{
    Amount, Currency, CurrencyError, Decimal, MoneyError, NumberError, convert, div_half_even, format_minor,
    percent_of, split, times,
};

fn eur(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

fn refusal(text: &str) -> String {
    Amount::parse(text, Currency::EUR).unwrap_err().to_string()
}

// L-16
#[test]
fn l_16_unknown_superseded_and_uncountable_codes_are_refused_with_their_reason() {
    for code in ["BGN", "ANG", "DEM", "eur", "EURO", "", "€", "E R", "ZZZ"] {
        assert_eq!(Currency::new(code), Err(CurrencyError::Unknown { given: code.into() }));
    }
    assert_eq!(Currency::new("XAU"), Err(CurrencyError::NoMinorUnit { code: "XAU" }));
    assert_eq!(Currency::payable("CLF"), Err(CurrencyError::NotPayable { code: "CLF" }));
    assert!(Currency::new("XCG").is_ok());
    let flood = Currency::new(&"x".repeat(10_000)).unwrap_err().to_string();
    assert!(flood.len() < 200, "an error repeats only the start of what was given");
}

#[test]
fn well_known_currencies_are_those_of_the_list() {
    for currency in [Currency::EUR, Currency::USD, Currency::JPY] {
        assert_eq!(Currency::new(currency.code()), Ok(currency));
    }
}

// L-17
#[test]
fn l_17_refusals_say_what_is_wrong_and_where() {
    let form = "expected digits, optionally a point and a minus in front, such as 49.90";
    assert_eq!(refusal("49,90"), format!("\"49,90\" has ',' as character 3: {form}"));
    assert_eq!(refusal("1e3"), format!("\"1e3\" has 'e' as character 2: {form}"));
    assert_eq!(refusal("+1"), format!("\"+1\" has '+' as character 1: {form}"));
    assert_eq!(refusal(" 1"), format!("\" 1\" has ' ' as character 1: {form}"));
    assert_eq!(refusal("-1-"), format!("\"-1-\" has '-' as character 3: {form}"));
    assert_eq!(refusal("1.2.3"), format!("\"1.2.3\" has '.' as character 4: {form}"));
    assert_eq!(refusal("٣"), format!("\"٣\" has '٣' as character 1: {form}"));
    assert_eq!(refusal("0.001"), "\"0.001\" has 3 decimal places: EUR has at most 2, and nothing is rounded");
    assert_eq!(refusal(".5"), "\".5\" lacks a digit before the point: expected a form such as 49.90");
    assert_eq!(refusal("-.5"), "\"-.5\" lacks a digit before the point: expected a form such as 49.90");
    assert_eq!(refusal("5."), "\"5.\" lacks a digit after the point: expected a form such as 49.90");
    assert_eq!(refusal("-"), "\"-\" lacks a digit after the minus: expected a form such as 49.90");
    assert_eq!(refusal("."), "\".\" lacks a digit before the point: expected a form such as 49.90");
    assert_eq!(refusal(""), "nothing was given: expected digits such as 49.90");
    assert_eq!(refusal(&"9".repeat(65)), "the number has 65 characters: at most 64 are read");
}

#[test]
fn zeros_at_the_end_are_no_places() {
    assert_eq!(Amount::parse("49.9000", Currency::EUR), Ok(eur(4990)));
    assert_eq!(Amount::parse("7.0", Currency::JPY), Ok(Amount::new(7, Currency::JPY)));
    assert_eq!(Amount::parse("-0.00", Currency::EUR), Ok(eur(0)));
    assert_eq!(Amount::parse("007", Currency::EUR), Ok(eur(700)));
}

// L-14
#[test]
fn l_14_amounts_are_read_up_to_their_limits_and_not_beyond() {
    assert_eq!(Amount::parse("92233720368547758.07", Currency::EUR), Ok(eur(i64::MAX)));
    assert_eq!(Amount::parse("-92233720368547758.08", Currency::EUR), Ok(eur(i64::MIN)));
    for beyond in ["92233720368547758.08", "-92233720368547758.09", &"9".repeat(64)] {
        let refused = Amount::parse(beyond, Currency::EUR).unwrap_err();
        assert!(matches!(refused, NumberError::Range { .. }), "{beyond}: {refused}");
        assert!(refused.to_string().ends_with("expected -92233720368547758.08 to 92233720368547758.07"));
    }
}

// L-14
#[test]
fn l_14_calculations_beyond_the_limits_are_errors() {
    let overflow = MoneyError::Overflow { currency: Currency::EUR };
    assert_eq!(eur(i64::MAX).checked_add(eur(1)), Err(overflow.clone()));
    assert_eq!(eur(i64::MIN).checked_sub(eur(1)), Err(overflow.clone()));
    assert_eq!(eur(i64::MIN).checked_neg(), Err(overflow.clone()));
    let percent = |text: &str| Decimal::parse(text).unwrap();
    assert_eq!(percent_of(eur(i64::MAX), &percent("100")), Ok(eur(i64::MAX)));
    assert_eq!(percent_of(eur(i64::MAX), &percent("100.000000000001")), Err(overflow.clone()));
    assert_eq!(percent_of(eur(i64::MIN), &percent("100")), Ok(eur(i64::MIN)));
    let largest = percent("999999999999999999.999999999999");
    assert_eq!(times(u64::MAX, &largest, Currency::EUR), Err(overflow.clone()));
    assert_eq!(
        convert(eur(i64::MAX), &largest, Currency::JPY).unwrap_err().to_string(),
        "the result does not fit an amount of JPY: expected at most 9223372036854775807 minor units"
    );
    assert_eq!(times(u64::MAX, &percent("0.000000000001"), Currency::EUR), Ok(eur(1_844_674_407)));
}

#[test]
fn two_currencies_are_never_added() {
    let yen = Amount::new(1, Currency::JPY);
    let mixed = MoneyError::CurrencyMismatch { left: Currency::EUR, right: Currency::JPY };
    assert_eq!(eur(1).checked_add(yen), Err(mixed.clone()));
    assert_eq!(eur(1).checked_sub(yen), Err(mixed));
}

#[test]
fn amounts_print_all_places_of_their_currency() {
    assert_eq!(eur(4990).to_decimal(), "49.90");
    assert_eq!(eur(-5).to_string(), "-0.05 EUR");
    assert_eq!(Amount::new(-12, Currency::JPY).to_decimal(), "-12");
    assert_eq!(eur(i64::MIN).to_decimal(), "-92233720368547758.08");
    assert_eq!(format_minor(i128::MAX, Currency::EUR), "1701411834604692317316873037158841057.27");
    assert_eq!(format_minor(5, Currency::new("CLF").unwrap()), "0.0005");
}

#[test]
fn amounts_travel_as_two_strings_and_nothing_else() {
    let json = r#"{"amount":"49.90","currency":"EUR"}"#;
    assert_eq!(serde_json::to_string(&eur(4990)).unwrap(), json);
    assert_eq!(serde_json::from_str::<Amount>(json).unwrap(), eur(4990));
    let refused = |json: &str| serde_json::from_str::<Amount>(json).unwrap_err().to_string();
    assert!(refused(r#"{"amount":49.9,"currency":"EUR"}"#).contains("expected a string"));
    assert!(refused(r#"{"amount":"49.90","currency":"EUR","x":1}"#).contains("unknown field `x`"));
    assert!(refused(r#"{"amount":"49.90"}"#).contains("missing field `currency`"));
    assert!(
        refused(r#"{"amount":"0.001","currency":"EUR"}"#)
            .starts_with("amount: \"0.001\" has 3 decimal places")
    );
    assert!(refused(r#"{"amount":"1","currency":"BGN"}"#).starts_with("currency: \"BGN\" is no currency"));
}

#[test]
fn decimals_are_equal_when_their_numbers_are() {
    let decimal = |text: &str| Decimal::parse(text).unwrap();
    assert_eq!(decimal("0.50"), decimal("0.5"));
    assert_eq!(decimal("0.50").to_string(), "0.5");
    assert_eq!(decimal("-0"), Decimal::ZERO);
    assert_eq!(Decimal::whole(-12).unwrap(), decimal("-12.000"));
    assert!(decimal("2") > decimal("1.999999999999"));
    assert!(decimal("-2") < decimal("-1.9"));
    assert_eq!(serde_json::to_string(&decimal("0.0125")).unwrap(), "\"0.0125\"");
    assert_eq!(serde_json::from_str::<Decimal>("\"12.5\"").unwrap(), decimal("12.5"));
    assert!(serde_json::from_str::<Decimal>("12.5").is_err(), "numbers are strings in JSON");
}

#[test]
fn decimals_have_twelve_places_and_eighteen_digits_before_the_point() {
    assert!(Decimal::parse("999999999999999999.999999999999").is_ok());
    assert!(matches!(Decimal::parse("1000000000000000000"), Err(NumberError::Range { .. })));
    assert!(matches!(Decimal::whole(i64::MIN), Err(NumberError::Range { .. })));
    let refused = Decimal::parse("0.0000000000001").unwrap_err().to_string();
    assert_eq!(
        refused,
        "\"0.0000000000001\" has 13 decimal places: a decimal has at most 12, and nothing is rounded"
    );
}

// L-15
#[test]
fn l_15_click_prices_below_a_cent_are_rounded_when_booked() {
    let price = Decimal::parse("0.0125").unwrap();
    assert_eq!(times(3, &price, Currency::EUR), Ok(eur(4)));
    assert_eq!(times(2, &price, Currency::EUR), Ok(eur(2)), "2.5 cents go to the even cent");
    assert_eq!(times(0, &price, Currency::EUR), Ok(eur(0)));
    assert_eq!(times(3, &Decimal::parse("0.5").unwrap(), Currency::JPY).unwrap().minor, 2);
}

#[test]
fn division_rounds_half_to_even_on_both_sides_of_zero() {
    let table = [
        (5, 10, 0),
        (15, 10, 2),
        (25, 10, 2),
        (-5, 10, 0),
        (-15, 10, -2),
        (-25, 10, -2),
        (26, 10, 3),
        (24, 10, 2),
        (5, -10, 0),
        (15, -10, -2),
        (-15, -10, 2),
        (7, 7, 1),
        (1, 3, 0),
        (2, 3, 1),
        (-2, 3, -1),
    ];
    for (dividend, divisor, expected) in table {
        assert_eq!(div_half_even(dividend, divisor), Some(expected), "{dividend} / {divisor}");
    }
    assert_eq!(div_half_even(1, 0), None);
    assert_eq!(div_half_even(i128::MIN, -1), None);
    assert_eq!(div_half_even(i128::MIN, 1), Some(i128::MIN));
    assert_eq!(div_half_even(i128::MAX, i128::MIN), Some(-1));
}

// L-19
#[test]
fn l_19_a_split_without_weight_is_an_error_and_the_largest_one_adds_up() {
    assert_eq!(split(5, &[]), Err(MoneyError::NoWeight { parts: 0 }));
    assert_eq!(split(0, &[0, 0]), Err(MoneyError::NoWeight { parts: 2 }));
    assert_eq!(split(i64::MIN, &[u64::MAX]), Ok(vec![i64::MIN]));
    assert_eq!(split(i64::MAX, &[u64::MAX, 0]), Ok(vec![i64::MAX, 0]));
}

// L-20
#[test]
fn l_20_computed_rates_have_twelve_places_and_are_rounded_once() {
    let decimal = |text: &str| Decimal::parse(text).unwrap();
    let rate = |above: &[&str], below: &[&str]| {
        let (above, below): (Vec<_>, Vec<_>) = (
            above.iter().map(|text| decimal(text)).collect(),
            below.iter().map(|text| decimal(text)).collect(),
        );
        hopline_money::rate_of(&above, &below).map(|rate| rate.to_string())
    };
    assert_eq!(rate(&["1"], &["1.0829"]).as_deref(), Some("0.923446301598"));
    assert_eq!(rate(&["0.80"], &["1.25"]).as_deref(), Some("0.64"));
    assert_eq!(rate(&["0.85", "1.2"], &[]).as_deref(), Some("1.02"));
    assert_eq!(rate(&[], &["4", "0.5"]).as_deref(), Some("0.5"));
    assert_eq!(rate(&["0.000000000001"], &["2"]), None, "half of the last place is rounded to nothing");
    assert_eq!(rate(&["0.000000000003"], &["2"]).as_deref(), Some("0.000000000002"));
    assert_eq!(rate(&["1"], &["0"]), None);
    assert_eq!(rate(&["999999999999999999"], &["0.000000000001"]), None, "out of range");
}
