//! What plans, tiers and bonuses come to, by hand-computed examples and by properties.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use std::collections::BTreeMap;

use hopline_money::{Amount, Currency, Decimal};
use hopline_terms::{
    Bonus, Customer, Earned, FieldError, GoalTerms, Item, Order, Part, Payment, Piece, Plan, Price, Sums,
    TermsError, Volume, commission, earn, ranked,
};
use hopline_types::{GoalKind, UnixMillis};
use proptest::prelude::*;
use serde_json::{Value, json};

const EUR: Currency = Currency::EUR;

fn eur(text: &str) -> Amount {
    Amount::parse(text, EUR).unwrap()
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// 12 % and 10 %.
fn sale() -> GoalTerms {
    let price = |text| Price::percent(decimal(text));
    GoalTerms { kind: GoalKind::Pps, revenue: price("12"), payout: price("10") }
}

fn plan(value: Value) -> Plan {
    let plan: Plan = serde_json::from_value(value).unwrap();
    assert_eq!(plan.check("", GoalKind::Pps, EUR), Ok(()));
    let stored = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
    plan
}

fn refused(value: Value) -> Vec<String> {
    let plan: Plan = serde_json::from_value(value).unwrap();
    let errors = plan.check("", GoalKind::Pps, EUR).unwrap_err();
    errors.iter().map(FieldError::to_string).collect()
}

fn order(amount: &str) -> Order {
    Order { amount: Some(eur(amount)), quantity: 1, ..Order::default() }
}

fn item(sku: &str, category: &str, quantity: u64, amount: &str) -> Item {
    let amount = eur(amount);
    Item { sku: Some(sku.into()), product: None, category: Some(category.into()), quantity, amount }
}

fn payout_of(plan: &Plan, order: &Order) -> (String, Vec<String>) {
    let earned = earn(&sale(), plan, order, EUR).unwrap();
    adds_up(&earned);
    (earned.payout.to_string(), payout_lines(&earned))
}

fn payout_lines(earned: &Earned) -> Vec<String> {
    let own = earned.lines.iter().filter(|line| line.side.as_str() == "payout");
    own.map(|line| format!("{}: {} × {} = {}", line.label, line.basis, line.rate, line.rounded)).collect()
}

fn adds_up(earned: &Earned) {
    let sum = |side: &str| {
        let own = earned.lines.iter().filter(|line| line.side.as_str() == side);
        own.map(|line| line.rounded.minor).sum::<i64>()
    };
    assert_eq!((sum("revenue"), sum("payout")), (earned.revenue.minor, earned.payout.minor));
}

#[test]
fn an_empty_plan_changes_nothing() {
    let plain = commission(&sale(), Some(eur("49.90")), 1, EUR).unwrap();
    assert_eq!(earn(&sale(), &Plan::default(), &order("49.90"), EUR).unwrap(), plain);
    assert_eq!(serde_json::to_value(Plan::default()).unwrap(), json!({}));
    let missing = Order { quantity: 1, ..Order::default() };
    assert_eq!(earn(&sale(), &Plan::default(), &missing, EUR), Err(TermsError::AmountMissing));
}

#[test]
fn the_first_rate_that_fits_applies_and_a_side_that_it_leaves_out_stays_as_it_was() {
    let plan = plan(json!({ "rates": [
        { "name": "large", "when": { "amount_from": "100" }, "payout": { "percent": "20" } },
        { "name": "new", "when": { "customer": "new", "country": ["DE", "AT"] }, "payout": { "percent": "15", "fixed": "1" } },
        { "when": { "field": { "coupon": ["SPRING"] } }, "revenue": { "percent": "5" }, "payout": { "percent": "4" } },
    ] }));
    let mut new = order("100");
    new.customer = Some(Customer::New);
    new.country = Some("DE".into());
    assert_eq!(payout_of(&plan, &new).1, ["percent of the order (large): 100.00 EUR × 20 % = 20.00 EUR"]);
    assert_eq!(earn(&sale(), &plan, &new, EUR).unwrap().revenue, eur("12"));
    new.amount = Some(eur("99.99"));
    let lines = [
        "percent of the order (new): 99.99 EUR × 15 % = 15.00 EUR",
        "fixed amount (new): 1 sale × 1.00 EUR = 1.00 EUR",
    ];
    assert_eq!(payout_of(&plan, &new), ("16.00 EUR".into(), lines.map(String::from).to_vec()));
    let mut coupon = order("50");
    coupon.fields = BTreeMap::from([("coupon".into(), "SPRING".into())]);
    assert_eq!(payout_of(&plan, &coupon).0, "2.00 EUR");
    assert_eq!(earn(&sale(), &plan, &coupon, EUR).unwrap().revenue, eur("2.50"));
    assert_eq!(payout_of(&plan, &order("50")).0, "5.00 EUR");
}

#[test]
fn items_with_their_own_rates_are_priced_one_by_one_and_the_rest_as_the_order() {
    let plan = plan(json!({ "rates": [
        { "name": "books", "when": { "category": ["books"] }, "payout": { "percent": "5" } },
        { "when": { "sku": ["A-1"] }, "payout": { "fixed": "2" } },
    ] }));
    let mut mixed = order("100");
    mixed.items =
        vec![item("B-1", "books", 1, "40"), item("A-1", "toys", 3, "30"), item("C-1", "toys", 1, "20")];
    let lines = [
        "percent of item B-1 (books): 40.00 EUR × 5 % = 2.00 EUR",
        "fixed amount for item A-1 (rate 2): 3 pieces × 2.00 EUR = 6.00 EUR",
        "percent of the rest of the order: 30.00 EUR × 10 % = 3.00 EUR",
    ];
    assert_eq!(payout_of(&plan, &mixed), ("11.00 EUR".into(), lines.map(String::from).to_vec()));
    // 45.00 count of 90.00: half of each.
    mixed.amount = Some(eur("45"));
    assert_eq!(
        payout_of(&plan, &mixed).1[0],
        "percent of item B-1, its share of what counts (books): 20.00 EUR × 5 % = 1.00 EUR"
    );
}

#[test]
fn taxes_shipping_and_discounts_are_taken_off_and_minimum_and_maximum_hold_for_what_is_left() {
    let plan = plan(json!({ "without": ["tax", "shipping"], "order_min": "20", "order_max": "200" }));
    let with_parts = |amount: &str| {
        let parts = [(Part::Tax, eur("19")), (Part::Shipping, eur("5")), (Part::Discount, eur("7"))];
        Order { parts: BTreeMap::from(parts), ..order(amount) }
    };
    assert_eq!(
        payout_of(&plan, &with_parts("124")).1,
        ["percent of the order: 100.00 EUR × 10 % = 10.00 EUR"]
    );
    assert_eq!(payout_of(&plan, &with_parts("44")).0, "2.00 EUR");
    assert_eq!(
        payout_of(&plan, &with_parts("43.99")).1,
        ["the order is below the minimum of 20.00 EUR: 19.99 EUR × 0 % = 0.00 EUR"]
    );
    assert_eq!(payout_of(&plan, &with_parts("10")).0, "0.00 EUR");
    assert_eq!(payout_of(&plan, &with_parts("900")).0, "20.00 EUR");
}

#[test]
fn renewals_change_their_rate_after_the_nth_and_end() {
    let plan = plan(json!({ "recurring": { "payments": 4, "months": 12, "then": [
        { "after": 1, "payout": { "percent": "6" } }, { "after": 2, "revenue": { "percent": "8" }, "payout": { "percent": "3" } },
    ] } }));
    let renewal = |number, days: i64| {
        let at = UnixMillis(days * 86_400_000);
        Order { payment: Some(Payment { number, first_at: UnixMillis(0), at }), ..order("100") }
    };
    let table = [
        (1, 0, "10.00 EUR"),
        (2, 30, "6.00 EUR"),
        (3, 60, "3.00 EUR"),
        (4, 364, "3.00 EUR"),
        (5, 90, "0.00 EUR"),
        (2, 365, "0.00 EUR"),
    ];
    for (number, days, expected) in table {
        assert_eq!(
            payout_of(&plan, &renewal(number, days)).0,
            expected,
            "payment {number} after {days} days"
        );
    }
    assert_eq!(earn(&sale(), &plan, &renewal(2, 30), EUR).unwrap().revenue, eur("12"));
    assert_eq!(earn(&sale(), &plan, &renewal(3, 60), EUR).unwrap().revenue, eur("8"));
}

#[test]
fn recruiters_get_their_levels_of_the_payout_or_of_the_order() {
    let plan = plan(
        json!({ "levels": [{ "percent": "10" }, { "of": "order", "percent": "0.5", "fixed": "0.10" }] }),
    );
    let levels = plan.levels_earned(eur("4.99"), Some(eur("49.90"))).unwrap();
    let amounts: Vec<_> = levels.iter().map(|level| (level.level, level.amount)).collect();
    assert_eq!(amounts, [(1, eur("0.50")), (2, eur("0.35"))]);
    assert_eq!(levels[1].lines.len(), 2);
}

#[test]
fn what_never_applies_overlaps_or_leaves_gaps_is_refused_with_both_sides_named() {
    let rates = |one: Value, two: Value| {
        let rate = |when| json!({ "when": when, "payout": { "percent": "1" } });
        refused(json!({ "rates": [rate(one), rate(two)] }))
    };
    let never = rates(json!({ "country": ["DE", "AT"] }), json!({ "country": ["AT"], "customer": "new" }));
    assert_eq!(
        never,
        [
            "rates[1].when: rates[1] can never apply: rates[0] comes first and fits whatever it fits; put the narrower one first"
        ]
    );
    let overlap = rates(json!({ "amount_below": "100" }), json!({ "amount_from": "80" }));
    assert_eq!(
        overlap,
        [
            "rates[1].when.amount_from: rates[1] overlaps rates[0]: both fit orders from 80 and below 100; end one where the other begins"
        ]
    );
    let gap = refused(json!({ "tiers": { "by": "count", "period": "month", "mode": "marginal", "steps": [
        { "from": "10", "payout": { "percent": "12" } }, { "from": "5", "revenue": { "percent": "12" } }] } }));
    let fields: Vec<&str> = gap.iter().map(|error| error.split(": ").next().unwrap()).collect();
    assert_eq!(
        fields,
        ["tiers.steps[0].from", "tiers.steps[0].revenue", "tiers.steps[1].payout", "tiers.steps[1].from"]
    );
    assert_eq!(
        refused(json!({ "levels": [{ "percent": "101" }], "order_min": "10", "order_max": "9" })),
        [
            "order_max: 9 is below order_min, 10: no order would earn",
            "levels[0].percent: 101 is out of range: expected 0 to 100"
        ]
    );
    plan(
        json!({ "allow_above_100": true, "rates": [{ "when": { "customer": "new" }, "payout": { "percent": "150" } }] }),
    );
    assert!(serde_json::from_value::<Plan>(json!({ "rate": [] })).is_err());
}

fn pieces(amounts: &[i64]) -> Vec<Piece> {
    let piece = |(number, minor): (i64, &i64)| Piece {
        at: UnixMillis(number),
        key: String::new(),
        counted_minor: *minor,
    };
    (1_i64..).zip(amounts).map(piece).collect()
}

fn tiers(by: &str, mode: &str, second: &str) -> Plan {
    plan(json!({ "tiers": { "by": by, "period": "month", "mode": mode, "steps": [
        { "from": "0", "payout": { "percent": "10" } }, { "from": second, "payout": { "percent": "15" } }] } }))
}

#[test]
fn retroactive_tiers_price_the_whole_period_and_marginal_ones_what_lies_above() {
    // 100, 200 and 300 EUR: 60.00 were booked at 10 %.
    let period = pieces(&[10_000, 20_000, 30_000]);
    let booked = Sums { revenue: eur("72"), payout: eur("60") };
    let table = [
        ("count", "retroactive", "3", "30.00 EUR"), // 600 × 15 % - 60
        ("count", "retroactive", "4", "0.00 EUR"),  // not reached
        ("count", "marginal", "3", "15.00 EUR"),    // 300 × 10 % + 300 × 15 % - 60
        ("amount", "retroactive", "600", "30.00 EUR"),
        ("amount", "marginal", "400", "10.00 EUR"), // 400 × 10 % + 200 × 15 % - 60
    ];
    for (by, mode, second, expected) in table {
        let tiers = tiers(by, mode, second).tiers.unwrap();
        let earned = tiers.settle(&period, &booked, &Sums::zero(EUR), EUR).unwrap();
        adds_up(&earned);
        assert_eq!(earned.payout.to_string(), expected, "{mode} by {by} from {second}");
        assert!(earned.revenue.is_zero());
        // The same again settles nothing.
        let settled = Sums { revenue: earned.revenue, payout: earned.payout };
        assert!(tiers.settle(&period, &booked, &settled, EUR).unwrap().payout.is_zero());
    }
}

#[test]
fn ladders_pay_each_rung_or_the_highest_and_take_it_back() {
    let ladder = |highest_only: bool| {
        let value = json!({ "kind": "ladder", "by": "count", "period": "month", "highest_only": highest_only, "rungs": [
            { "from": "10", "amount": "50" }, { "from": "20", "amount": "120" }] });
        let bonus: Bonus = serde_json::from_value(value).unwrap();
        assert_eq!(bonus.check("", EUR), Ok(()));
        bonus
    };
    let volume = |count| Volume { count, counted_minor: 0 };
    let table = [
        (false, 9, "0", "0.00 EUR"),
        (false, 20, "0", "170.00 EUR"),
        (true, 20, "50", "70.00 EUR"),
        (true, 19, "120", "-70.00 EUR"),
    ];
    for (highest_only, count, paid, expected) in table {
        let earned = ladder(highest_only).settle(volume(count), eur(paid), EUR).unwrap();
        adds_up(&earned);
        assert_eq!(earned.payout.to_string(), expected);
    }
}

#[test]
fn equal_ranks_share_the_prizes_of_their_places() {
    let scores: Vec<(u64, Volume)> = [(1, 5), (2, 9), (3, 5), (4, 0), (5, 1)]
        .map(|(who, count)| (who, Volume { count, counted_minor: 0 }))
        .to_vec();
    let prizes = ["100", "50", "25.01"].map(decimal);
    let board = ranked(&scores, hopline_terms::Measure::Count, &prizes, EUR).unwrap();
    let shown: Vec<_> = board.iter().map(|place| (place.who, place.rank, place.prize.to_string())).collect();
    let expected = [(2, 1, "100.00 EUR"), (1, 2, "37.51 EUR"), (3, 2, "37.50 EUR"), (5, 4, "0.00 EUR")];
    assert_eq!(shown, expected.map(|(who, rank, prize)| (who, rank, prize.to_owned())));
}

proptest! {
    // what is settled depends on what the period holds, not on the order in which it became known.
    #[test]
    fn a_10_settlements_in_any_order_and_steps_add_up_to_the_same(
        amounts in proptest::collection::vec(0_i64..1_000_000, 1..20),
        order in proptest::collection::vec(any::<u16>(), 20),
        is_marginal: bool,
        is_by_count: bool,
    ) {
        let (by, mode) = (if is_by_count { "count" } else { "amount" }, if is_marginal { "marginal" } else { "retroactive" });
        let tiers = tiers(by, mode, if is_by_count { "4" } else { "9000" }).tiers.unwrap();
        let all = pieces(&amounts);
        let mut arriving: Vec<(u16, Piece)> = order.iter().copied().chain(std::iter::repeat(0)).zip(all.clone()).collect();
        arriving.sort();
        let booked = |known: &[Piece]| {
            let payout = known.iter().map(|piece| hopline_money::percent_of(Amount::new(piece.counted_minor, EUR), &decimal("10")).unwrap().minor).sum();
            Sums { revenue: Amount::zero(EUR), payout: Amount::new(payout, EUR) }
        };
        let (mut known, mut settled) = (Vec::new(), Sums::zero(EUR));
        for (_, piece) in arriving {
            known.push(piece);
            let earned = tiers.settle(&known, &booked(&known), &settled, EUR).unwrap();
            settled.payout = settled.payout.checked_add(earned.payout).unwrap();
        }
        let at_once = tiers.settle(&all, &booked(&all), &Sums::zero(EUR), EUR).unwrap();
        prop_assert_eq!(settled.payout, at_once.payout);
    }

    #[test]
    fn lines_add_up_to_the_totals(
        amounts in proptest::collection::vec(0_i64..100_000, 0..6),
        total in 0_i64..500_000,
    ) {
        let plan = plan(json!({ "rates": [
            { "when": { "category": ["c0", "c2"] }, "payout": { "percent": "3.33" } },
            { "when": { "sku": ["1", "3"] }, "revenue": { "percent": "7.77", "fixed": "0.01" } }] }));
        let item = |(number, minor): (usize, &i64)| item(&number.to_string(), &format!("c{number}"), 1, &Amount::new(*minor, EUR).to_decimal());
        let items: Vec<Item> = amounts.iter().enumerate().map(item).collect();
        let order = Order { amount: Some(Amount::new(total, EUR)), quantity: 1, items, ..Order::default() };
        let earned = earn(&sale(), &plan, &order, EUR).unwrap();
        adds_up(&earned);
        prop_assert!(!earned.payout.is_negative() && !earned.revenue.is_negative());
    }
}
