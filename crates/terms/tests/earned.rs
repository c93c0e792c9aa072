//! What conversions and clicks earn, to the cent.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use hopline_money::{Amount, Currency, Decimal, MoneyError};
use hopline_terms::{Earned, GoalTerms, Price, Side, TermsError, click_settlement, commission};
use hopline_types::GoalKind;
use proptest::prelude::*;

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn eur(text: &str) -> Amount {
    Amount::parse(text, Currency::EUR).unwrap()
}

fn percent(revenue: &str, payout: &str) -> GoalTerms {
    GoalTerms {
        kind: GoalKind::Pps,
        revenue: Price::percent(decimal(revenue)),
        payout: Price::percent(decimal(payout)),
    }
}

fn fixed(kind: GoalKind, revenue: &str, payout: &str) -> GoalTerms {
    GoalTerms { kind, revenue: Price::fixed(decimal(revenue)), payout: Price::fixed(decimal(payout)) }
}

/// The lines as a person reads them.
fn explained(earned: &Earned) -> Vec<String> {
    let lines = earned.lines.iter();
    lines
        .map(|line| {
            format!(
                "{}: {}: {} × {} = {} → {}",
                line.side, line.label, line.basis, line.rate, line.exact, line.rounded
            )
        })
        .collect()
}

#[test]
fn a_sale_of_the_smallest_story_earns_5_99_and_4_99() {
    let earned = commission(&percent("12", "10"), Some(eur("49.90")), 1, Currency::EUR).unwrap();
    assert_eq!((earned.revenue, earned.payout), (eur("5.99"), eur("4.99")));
    assert_eq!(
        explained(&earned),
        [
            "revenue: percent of the order: 49.90 EUR × 12 % = 5.988 → 5.99 EUR",
            "payout: percent of the order: 49.90 EUR × 10 % = 4.99 → 4.99 EUR",
        ]
    );
}

// L-18
#[test]
fn each_line_is_rounded_half_to_even_and_the_lines_add_up_to_the_total() {
    let both = |percent, fixed| Price { percent: Some(decimal(percent)), fixed: Some(decimal(fixed)) };
    let terms = GoalTerms { kind: GoalKind::Pps, revenue: both("10", "0.50"), payout: both("10", "0.25") };
    let earned = commission(&terms, Some(eur("0.25")), 1, Currency::EUR).unwrap();
    assert_eq!(
        explained(&earned),
        [
            "revenue: percent of the order: 0.25 EUR × 10 % = 0.025 → 0.02 EUR",
            "revenue: fixed amount: 1 sale × 0.50 EUR = 0.50 → 0.50 EUR",
            "payout: percent of the order: 0.25 EUR × 10 % = 0.025 → 0.02 EUR",
            "payout: fixed amount: 1 sale × 0.25 EUR = 0.25 → 0.25 EUR",
        ]
    );
    assert_eq!((earned.revenue, earned.payout), (eur("0.52"), eur("0.27")));
    let three_halves = commission(&percent("10", "10"), Some(eur("0.35")), 1, Currency::EUR).unwrap();
    assert_eq!(three_halves.payout, eur("0.04"));
}

#[test]
fn leads_installs_and_clicks_earn_their_price_times_the_quantity() {
    let table = [
        (
            fixed(GoalKind::Ppl, "3.00", "2.00"),
            1,
            "3.00",
            "2.00",
            "payout: fixed amount: 1 lead × 2.00 EUR = 2.00 → 2.00 EUR",
        ),
        (
            fixed(GoalKind::Ppi, "1.50", "1.00"),
            3,
            "4.50",
            "3.00",
            "payout: fixed amount: 3 installs × 1.00 EUR = 3.00 → 3.00 EUR",
        ),
        (
            fixed(GoalKind::Ppc, "0.0125", "0.005"),
            3,
            "0.04",
            "0.02",
            "payout: fixed amount: 3 clicks × 0.005 EUR = 0.015 → 0.02 EUR",
        ),
    ];
    for (terms, quantity, revenue, payout, line) in table {
        let earned = commission(&terms, None, quantity, Currency::EUR).unwrap();
        assert_eq!((earned.revenue, earned.payout), (eur(revenue), eur(payout)));
        assert_eq!(explained(&earned)[1], line);
    }
}

#[test]
fn currencies_without_places_round_to_whole_units() {
    let order = Amount::parse("1234", Currency::JPY).unwrap();
    let earned = commission(&percent("12.5", "10"), Some(order), 1, Currency::JPY).unwrap();
    assert_eq!(
        explained(&earned),
        [
            "revenue: percent of the order: 1234 JPY × 12.5 % = 154.25 → 154 JPY",
            "payout: percent of the order: 1234 JPY × 10 % = 123.4 → 123 JPY",
        ]
    );
}

#[test]
fn what_a_conversion_lacks_is_named() {
    let sale = percent("12", "10");
    let missing = commission(&sale, None, 1, Currency::EUR).unwrap_err();
    assert_eq!((&missing, missing.field()), (&TermsError::AmountMissing, Some("amount")));

    let dollars = Amount::parse("1", Currency::USD).unwrap();
    for terms in [sale.clone(), fixed(GoalKind::Ppl, "1", "1")] {
        let other = commission(&terms, Some(dollars), 1, Currency::EUR).unwrap_err();
        assert_eq!(other, TermsError::Currency { given: Currency::USD, expected: Currency::EUR });
        assert_eq!(other.field(), Some("currency"));
    }
    let negative = commission(&sale, Some(eur("-0.01")), 1, Currency::EUR).unwrap_err();
    assert_eq!(negative.to_string(), "amount -0.01 EUR is negative: expected 0 or more");
    assert_eq!(negative.field(), Some("amount"));
}

#[test]
fn unchecked_terms_without_a_usable_price_earn_an_error_and_not_nothing() {
    let mut terms = percent("12", "10");
    terms.kind = GoalKind::Ppl;
    let unusable = |kind, side| Err(TermsError::Unusable { kind, side });
    assert_eq!(commission(&terms, None, 1, Currency::EUR), unusable(GoalKind::Ppl, Side::Revenue));
    let mut terms = fixed(GoalKind::Ppc, "0.06", "0.05");
    terms.payout = Price::default();
    assert_eq!(click_settlement(&terms, 0, 1, Currency::EUR), unusable(GoalKind::Ppc, Side::Payout));
}

#[test]
fn too_much_money_is_an_error() {
    let overflow = Err(TermsError::Money(MoneyError::Overflow { currency: Currency::EUR }));
    let terms = fixed(GoalKind::Ppc, "1000", "1000");
    assert_eq!(commission(&terms, None, u64::MAX, Currency::EUR), overflow);
    let largest = Amount::new(i64::MAX, Currency::EUR);
    let whole = Price { percent: Some(decimal("100")), fixed: Some(decimal("0.01")) };
    let terms = GoalTerms { kind: GoalKind::Pps, revenue: whole, payout: whole };
    assert_eq!(commission(&terms, Some(largest), 1, Currency::EUR), overflow);
}

#[test]
fn a_second_settlement_of_clicks_shows_what_was_settled_before() {
    let terms = fixed(GoalKind::Ppc, "0.06", "0.0125");
    let earned = click_settlement(&terms, 101, 150, Currency::EUR).unwrap();
    assert_eq!(
        explained(&earned),
        [
            "revenue: clicks so far: 150 clicks × 0.06 EUR = 9.00 → 9.00 EUR",
            "revenue: settled before: 101 clicks × 0.06 EUR = -6.06 → -6.06 EUR",
            "payout: clicks so far: 150 clicks × 0.0125 EUR = 1.875 → 1.88 EUR",
            "payout: settled before: 101 clicks × 0.0125 EUR = -1.2625 → -1.26 EUR",
        ]
    );
    assert_eq!((earned.revenue, earned.payout), (eur("2.94"), eur("0.62")));
    let first = click_settlement(&terms, 0, 1, Currency::EUR).unwrap();
    assert_eq!(first.lines.len(), 2);
}

#[test]
fn clicks_are_settled_only_forward_and_only_where_they_are_paid() {
    let went_back = click_settlement(&fixed(GoalKind::Ppc, "1", "1"), 2, 1, Currency::EUR);
    assert_eq!(went_back, Err(TermsError::CountWentBack { counted_before: 2, counted_now: 1 }));
    let not_clicks = click_settlement(&fixed(GoalKind::Ppl, "1", "1"), 0, 1, Currency::EUR);
    assert_eq!(not_clicks, Err(TermsError::NotPaidPerClick { kind: GoalKind::Ppl }));
}

proptest! {
    #[test]
    fn settling_clicks_in_any_steps_pays_what_settling_them_at_once_pays(
        steps in proptest::collection::vec(0_u64..5_000, 1..30),
        price in 0_i64..2_000_000,
    ) {
        let price = format!("{}.{:06}", price / 1_000_000, price % 1_000_000);
        let terms = fixed(GoalKind::Ppc, &price, &price);
        let (mut counted, mut paid) = (0, Amount::zero(Currency::EUR));
        for step in steps {
            let earned = click_settlement(&terms, counted, counted + step, Currency::EUR).unwrap();
            prop_assert!(!earned.payout.is_negative());
            counted += step;
            paid = paid.checked_add(earned.payout).unwrap();
        }
        prop_assert_eq!(paid, commission(&terms, None, counted, Currency::EUR).unwrap().payout);
    }

    // L-18
    #[test]
    fn the_rounded_lines_lie_within_half_a_cent_of_the_exact_product(
        minor in 0_i64..1_000_000_000_000,
        millionths in 0_i64..=100_000_000,
    ) {
        let rate = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
        let terms = percent(&rate, &rate);
        let order = Amount::new(minor, Currency::EUR);
        let earned = commission(&terms, Some(order), 1, Currency::EUR).unwrap();
        // In units of 10^-8 cents.
        let exact = i128::from(minor) * i128::from(millionths);
        let off = (i128::from(earned.payout.minor) * 100_000_000 - exact).abs();
        prop_assert!(off <= 50_000_000);
        prop_assert_eq!(earned.lines[1].exact.clone(), exact_text(exact));
    }
}

/// 10^-8 cents as a decimal of euros.
fn exact_text(exact: i128) -> String {
    let unit = 10_i128.pow(10);
    let text = format!("{}.{:010}", exact / unit, exact % unit);
    let kept = text.trim_end_matches('0').len().max(text.find('.').unwrap() + 3);
    text.chars().take(kept).collect()
}
