//! What holds for all amounts.

use hopline_money::{Amount, Currency, Decimal, div_half_even, percent_of, split};
use proptest::prelude::*;

fn any_currency() -> impl Strategy<Value = Currency> {
    prop::sample::select(Currency::all().collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn amounts_read_back_what_they_print(minor in any::<i64>(), currency in any_currency()) {
        let amount = Amount::new(minor, currency);
        prop_assert_eq!(Amount::parse(&amount.to_decimal(), currency), Ok(amount));
    }

    #[test]
    fn decimals_read_back_what_they_print(text in "-?[0-9]{1,18}(\\.[0-9]{1,12})?") {
        let decimal = Decimal::parse(&text).unwrap();
        prop_assert_eq!(Decimal::parse(&decimal.to_string()), Ok(decimal));
    }

    #[test]
    fn no_input_makes_the_reader_stop(text in any::<String>(), currency in any_currency()) {
        if let Ok(amount) = Amount::parse(&text, currency) {
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-'));
            prop_assert_eq!(Amount::parse(&amount.to_decimal(), currency), Ok(amount));
        }
    }

    // L-19
    #[test]
    fn l_19_parts_add_up_and_differ_from_the_exact_share_by_less_than_one(
        total in any::<i64>(),
        weights in prop::collection::vec(prop_oneof![Just(0), 1..10_u64, any::<u64>()], 1..20),
    ) {
        let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        prop_assume!(sum > 0);
        let parts = split(total, &weights).unwrap();
        prop_assert_eq!(parts.iter().map(|part| i128::from(*part)).sum::<i128>(), i128::from(total));
        for (part, weight) in parts.iter().zip(&weights) {
            let floor = u128::from(total.unsigned_abs()) * u128::from(*weight) / sum;
            let part_units = u128::from(part.unsigned_abs());
            prop_assert!(part_units == floor || part_units == floor + 1);
            prop_assert!(*weight > 0 || *part == 0);
            prop_assert!(*part == 0 || (*part < 0) == (total < 0));
        }
        if total != i64::MIN {
            let mirrored: Vec<i64> = split(-total, &weights).unwrap().into_iter().map(|part| -part).collect();
            prop_assert_eq!(parts, mirrored);
        }
    }

    #[test]
    fn a_rounded_quotient_is_never_further_than_half_away(dividend in -(1_i128 << 100)..(1_i128 << 100), divisor in 1..(1_i128 << 60)) {
        let quotient = div_half_even(dividend, divisor).unwrap();
        let distance = (dividend - quotient * divisor).abs();
        prop_assert!(distance * 2 <= divisor);
        prop_assert!(distance * 2 < divisor || quotient % 2 == 0);
    }

    // L-18
    #[test]
    fn l_18_a_percentage_lies_within_half_a_unit_of_the_exact_result(minor in any::<i64>(), hundredths in 0..=10_000_i64) {
        let percent = Decimal::parse(&format!("{}.{:02}", hundredths / 100, hundredths % 100)).unwrap();
        let result = percent_of(Amount::new(minor, Currency::EUR), &percent).unwrap().minor;
        let error = i128::from(result) * 10_000 - i128::from(minor) * i128::from(hundredths);
        prop_assert!(error.abs() <= 5_000);
    }
}
