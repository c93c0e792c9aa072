use super::rule::far_above;
use super::*;

fn of(part: u64, whole: u64) -> Ratio {
    Ratio { part, whole }
}

fn plain() -> Figures {
    Figures {
        click_through: of(200, 20_000),
        conversion: of(200, 10_000),
        quick_orders: of(1, 200),
        returning: of(40, 200),
        without_referrer: of(1_000, 10_000),
        stuffing: of(5, 10_000),
    }
}

fn input(affiliate: i64, figures: Figures) -> SignalInput {
    SignalInput {
        offer: OfferId::new(1).unwrap(),
        affiliate: AffiliateId::new(affiliate).unwrap(),
        figures,
        without_referrer_before: Ratio::default(),
    }
}

fn signals_of(input_of_one: SignalInput) -> Vec<Signal> {
    let rows = judge(&[input_of_one, input(2, plain())]);
    rows[0].flags.iter().map(|flag| flag.signal).collect()
}

#[test]
fn c_10_each_signal_is_flagged_from_its_threshold_on_and_not_below() {
    let p = plain();
    let table = [
        ("as the others", p, None),
        ("clicks thrice", Figures { click_through: of(600, 20_000), ..p }, Some(Signal::ClickThroughHigh)),
        ("less than thrice", Figures { click_through: of(599, 20_000), ..p }, None),
        ("few impressions", Figures { click_through: of(999, 999), ..p }, None),
        ("few orders", Figures { conversion: of(66, 10_000), ..p }, Some(Signal::ConversionLow)),
        ("more than a third", Figures { conversion: of(67, 10_000), ..p }, None),
        ("none, but of few clicks", Figures { conversion: of(0, 300), ..p }, None),
        ("a tenth is quick", Figures { quick_orders: of(20, 200), ..p }, Some(Signal::QuickOrders)),
        ("less than a tenth", Figures { quick_orders: of(19, 200), ..p }, None),
        ("two quick ones", Figures { quick_orders: of(2, 10), ..p }, None),
        ("twice as many known", Figures { returning: of(80, 200), ..p }, Some(Signal::ReturningCustomers)),
        ("fewer than twice", Figures { returning: of(79, 200), ..p }, None),
        ("twice, of few orders", Figures { returning: of(10, 25), ..p }, None),
        ("no referrer", Figures { without_referrer: of(2_000, 10_000), ..p }, Some(Signal::ReferrerMissing)),
        ("never a referrer", Figures { without_referrer: of(10_000, 10_000), ..p }, None),
        ("marked", Figures { stuffing: of(500, 10_000), ..p }, Some(Signal::MarkedStuffing)),
        ("less than marked", Figures { stuffing: of(499, 10_000), ..p }, None),
    ];
    for (name, figures, expected) in table {
        assert_eq!(signals_of(input(1, figures)), Vec::from_iter(expected), "{name}");
    }
}

#[test]
fn c_10_a_site_that_sent_referrers_before_is_compared_with_itself() {
    let gone = Figures { without_referrer: of(10_000, 10_000), ..plain() };
    let before = |ratio| SignalInput { without_referrer_before: ratio, ..input(1, gone) };
    assert_eq!(signals_of(before(of(10, 1_000))), [Signal::ReferrerMissing]);
    assert_eq!(signals_of(before(of(990, 1_000))), []);
}

#[test]
fn c_10_the_norm_is_of_the_other_affiliates_of_the_same_offer() {
    let mut elsewhere = input(3, plain());
    elsewhere.offer = OfferId::new(9).unwrap();
    let rows = judge(&[elsewhere, input(2, plain()), input(1, plain())]);
    let norms: Vec<_> = rows.iter().map(|row| (row.input.affiliate.get(), row.norm)).collect();
    assert_eq!(norms, [(1, plain()), (2, plain()), (3, Figures::default())]);
}

#[test]
fn c_10_a_row_needs_enough_requests() {
    let with = |whole| judge(&[input(1, Figures { stuffing: of(0, whole), ..Figures::default() })]).len();
    assert_eq!((with(CLICKS_MIN - 1), with(CLICKS_MIN)), (0, 1));
}

#[test]
fn c_10_a_flag_says_what_was_found_and_its_signal_what_it_takes() {
    let figures = Figures { conversion: of(1, 10_000), ..plain() };
    let flag = judge(&[input(1, figures), input(2, plain())])[0].flags[0].clone();
    assert_eq!(flag.reason, "1 of 10000 (0.0 %), against 200 of 10000 (2.0 %) of the other affiliates");
    assert!(
        Signal::ConversionLow
            .threshold()
            .starts_with("at most one part in 3 of the share compared with, by at least 4")
    );
}

#[test]
fn c_10_the_largest_counts_neither_overflow_nor_hide_a_difference() {
    let half = u64::MAX / 2;
    assert!(far_above(of(half, half), of(1, half), 3));
    assert!(!far_above(of(half, half), of(u64::MAX, u64::MAX), 3));
    assert!(!far_above(of(0, u64::MAX), of(0, u64::MAX), 3));
}
