//! Orders and payouts in other currencies than the offer's (L-20).

use hopline_books::BookError;
use hopline_books::payouts::{self, FailedPayout, NewBatch};
use hopline_control_store::payouts::set_payout_currency;
use hopline_control_store::rates::{self, Policy};
use hopline_control_store::{conversions, ledger};
use hopline_ledger::Account;
use hopline_money::Amount;
use hopline_types::{CommissionStatus, Verdict};

use crate::scene::{currency, rate, state};
use crate::world::{DAY, NOW, Rules, World};

// L-20
#[test]
fn l_20_an_order_in_another_currency_is_converted_at_the_stored_rate() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.enter(&[rate("USD", "EUR", "0.92345", NOW.plus(-DAY))]).unwrap();
    let (id, decided) = world.report(world.foreign("A-1", "100.00", "USD"));
    assert_eq!(decided.unwrap().status, CommissionStatus::Payable);
    let conversion = world.conversion(id);
    assert_eq!(conversion.ordered(), Some(Amount::new(10_000, currency("USD"))));
    assert_eq!(
        conversion.amount,
        Some(Amount::new(9_234, currency("EUR"))),
        "92.345 is rounded half to even"
    );
    // Ten percent of 92.34, and twelve.
    assert_eq!(conversion.payout, Some(Amount::new(923, currency("EUR"))));
    assert_eq!(conversion.revenue, Some(Amount::new(1_108, currency("EUR"))));
    let told = world.explained(id);
    assert_eq!(told["conversion"]["amount"]["currency"], "USD");
    assert_eq!(told["conversion"]["converted_amount"]["amount"], "92.34");
    assert_eq!(told["conversion"]["exchange"]["rate"], "0.92345");
    assert_eq!(told["conversion"]["exchange"]["source"], "bank");
    assert_eq!(told["conversion"]["exchange"]["at"], "2026-02-28T10:00:00Z");
    let facts = world.facts();
    assert_eq!(facts.iter().map(|fact| fact.deltas.gross_sales_minor).sum::<i64>(), 9_234);
    world.audit();
}

// L-20
#[test]
fn l_20_the_newest_rate_of_the_time_counts_and_later_ones_change_nothing() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let rates = [
        rate("USD", "EUR", "0.80", NOW.plus(-8 * DAY)),
        rate("USD", "EUR", "0.90", NOW.plus(-2 * DAY)),
        rate("USD", "EUR", "0.91", NOW.plus(1)),
    ];
    assert_eq!(world.enter(&rates).unwrap().new, 3);
    let (id, _) = world.report(world.foreign("A-1", "100.00", "USD"));
    assert_eq!(world.conversion(id).amount, Some(Amount::new(9_000, currency("EUR"))));
    // The same again is known; another rate under the same name is refused; under another name it counts from now on.
    assert_eq!(world.enter(&rates).unwrap().known, 3);
    match world.enter(&[rate("USD", "EUR", "0.95", NOW.plus(-2 * DAY))]) {
        Err(BookError::Invalid(errors)) => assert_eq!(errors[0].field, "rates[0].rate"),
        other => panic!("{other:?}"),
    }
    let mut right = rate("USD", "EUR", "0.95", NOW.plus(-2 * DAY));
    right.source = "bank, corrected".to_owned();
    world.enter(&[right]).unwrap();
    let (later, _) = world.report(world.foreign("A-2", "100.00", "USD"));
    assert_eq!(world.conversion(later).amount, Some(Amount::new(9_500, currency("EUR"))));
    assert_eq!(world.conversion(id).amount, Some(Amount::new(9_000, currency("EUR"))));
    world.audit();
}

#[test]
fn rates_are_inverted_and_crossed_over_the_pivot_and_say_so() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world
        .enter(&[
            rate("EUR", "USD", "1.25", NOW.plus(-DAY)),
            rate("EUR", "GBP", "0.80", NOW.plus(-2 * DAY)),
            rate("JPY", "USD", "0.0064", NOW.plus(-DAY)),
        ])
        .unwrap();
    let (id, _) = world.report(world.foreign("A-1", "100.00", "USD"));
    assert_eq!(world.conversion(id).amount, Some(Amount::new(8_000, currency("EUR"))));
    let exchange = world.conversion(id).exchange.unwrap();
    assert_eq!((exchange.rate.rate.to_string().as_str(), exchange.steps.len()), ("0.8", 1));
    let quote = |from: &str, to: &str| {
        let (from, to) = (currency(from), currency(to));
        world.write(move |tx| hopline_books::rates::quote(tx, from, to, NOW)).unwrap()
    };
    let cross = quote("USD", "GBP").unwrap();
    assert_eq!(cross.rate.rate.to_string(), "0.64", "0.80 over 1.25");
    assert_eq!(cross.rate.at, NOW.plus(-2 * DAY), "as old as its older part");
    assert_eq!(cross.steps.len(), 2);
    assert!(quote("JPY", "GBP").is_err(), "two steps beside the pivot are none");
    let change = Policy { pivot: currency("USD"), days_max: 1 };
    world.write(move |tx| Ok(rates::set_policy(tx, change)?)).unwrap();
    assert_eq!(quote("JPY", "EUR").unwrap().rate.rate.to_string(), "0.00512");
    let told = quote("EUR", "GBP").unwrap_err().to_string();
    assert!(told.contains("EUR to GBP") && told.contains("at most 1 days old"), "{told}");
}

#[test]
fn without_a_rate_an_order_waits_and_is_decided_once_one_is_entered() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.enter(&[rate("USD", "EUR", "0.80", NOW.plus(-8 * DAY))]).unwrap();
    let (id, waits) = world.report(world.foreign("A-1", "100.00", "USD"));
    assert!(matches!(&waits, Err(BookError::Waits { conversion, .. }) if *conversion == id), "{waits:?}");
    let waiting = || {
        let all = conversions::all_partitions();
        world.write(move |tx| Ok(conversions::waiting(tx, None, 10, &all)?.len())).unwrap()
    };
    assert_eq!(waiting(), 0, "workers are not offered it");
    assert_eq!(world.explained(id)["waits"]["for"], "exchange_rate");
    let pairs = world.write(|tx| Ok(rates::held_pairs(tx)?)).unwrap();
    assert_eq!((pairs.len(), pairs[0].from, pairs[0].conversions), (1, currency("USD"), 1));
    assert_eq!(world.conversion(id).shown_status(), CommissionStatus::Pending);
    world.audit();
    // Not one that is too late for it.
    assert_eq!(world.enter(&[rate("USD", "EUR", "0.90", NOW.plus(1))]).unwrap().released, 1);
    assert!(matches!(world.try_to_decide(id), Err(BookError::Waits { .. })));
    assert_eq!(world.enter(&[rate("USD", "EUR", "0.91", NOW)]).unwrap().released, 1);
    assert_eq!(waiting(), 1);
    assert_eq!(world.try_to_decide(id).unwrap().status, CommissionStatus::Payable);
    assert_eq!(world.conversion(id).amount, Some(Amount::new(9_100, currency("EUR"))));
    assert!(world.explained(id)["waits"].is_null());
    world.audit();
}

// L-07
#[test]
fn l_07_refunds_of_a_foreign_order_are_in_its_own_currency() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.enter(&[rate("JPY", "EUR", "0.006125", NOW)]).unwrap();
    let (id, _) = world.report(world.foreign("A-1", "10001", "JPY"));
    assert_eq!(world.conversion(id).amount, Some(Amount::new(6_126, currency("EUR"))));
    match world.refund(id, Some("10.50")) {
        Err(BookError::Invalid(errors)) => assert_eq!(errors[0].field, "amount", "yen have no hundredths"),
        other => panic!("{other:?}"),
    }
    world.refund(id, Some("5000")).unwrap();
    world.audit();
    assert!(matches!(world.refund(id, Some("5002")), Err(BookError::Invalid(_))));
    world.refund(id, None).unwrap();
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Reversed));
    assert_eq!(world.shown(world.blog), ["0.00"; 5]);
    let facts = world.facts();
    assert_eq!(facts.iter().map(|fact| fact.deltas.refunds_minor).sum::<i64>(), 6_126);
    world.audit();
}

#[test]
fn an_order_that_is_too_large_in_the_offers_currency_is_not_decided() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.enter(&[rate("KWD", "EUR", "3.1", NOW)]).unwrap();
    let (id, refused) = world.report(world.foreign("A-1", "999999999.999", "KWD"));
    assert!(refused.is_ok(), "{refused:?}");
    world.enter(&[rate("KWD", "EUR", "12", NOW.plus(-1)), rate("BHD", "EUR", "120", NOW)]).unwrap();
    let (too_large, refused) = world.report(world.foreign("A-2", "999999999.999", "BHD"));
    assert!(matches!(refused, Err(BookError::Invalid(_))), "{refused:?}");
    assert_ne!(id, too_large);
}

// L-20
#[test]
fn l_20_a_payout_in_another_currency_is_one_transaction_with_two_balanced_legs() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let sold = world.sold("A-1", "100.00");
    let refunded = world.sold("A-2", "50.00");
    world.refund(refunded, Some("20.00")).unwrap();
    // 10.00 + 5.00 - 2.00
    assert_eq!(world.shown(world.blog)[2], "13.00");
    let blog = world.blog;
    world
        .write(move |tx| Ok(set_payout_currency(tx, blog, Some(currency("USD")), "key:blog", NOW)?))
        .unwrap();
    let draft = |code: &str| {
        let new = NewBatch { currency: code.into(), method: "manual".into(), cutoff: None, minimum: None };
        let now = NOW.plus(2 * DAY);
        world.write(move |tx| payouts::draft(tx, &new, "key:first", now)).unwrap()
    };
    let left_out = draft("EUR");
    assert_eq!((left_out.payouts.len(), left_out.batch.refused[0].reason.as_str()), (0, "other_currency"));
    world.pay_by_hand();
    let no_rate = draft("USD");
    assert_eq!((no_rate.payouts.len(), no_rate.batch.refused[0].reason.as_str()), (0, "no_rate"));
    world.enter(&[rate("EUR", "USD", "1.1523", NOW.plus(DAY))]).unwrap();
    let paid = draft("USD");
    let [payout] = &paid.payouts[..] else { panic!("{paid:?}") };
    assert_eq!(payout.amount, Amount::new(1_498, currency("USD")), "13.00 at 1.1523 is 14.9799");
    let [exchange] = &paid.exchanges[..] else { panic!("{paid:?}") };
    assert_eq!((exchange.from, exchange.to), (Amount::new(1_300, currency("EUR")), payout.amount));
    assert_eq!(exchange.transaction.as_str(), format!("exchange:{}:EUR", payout.id));
    let id = exchange.transaction.clone();
    let booked = world.write(move |tx| Ok(ledger::by_id(tx, &id)?.unwrap())).unwrap();
    let lines: Vec<_> = booked
        .draft
        .postings
        .iter()
        .map(|line| (line.account.as_path(), line.amount_minor, line.currency.code()))
        .collect();
    let payable = Account::AffiliatePayable(blog).as_path();
    assert_eq!(
        lines,
        [
            (payable.clone(), 1_300, "EUR"),
            ("network:exchange".to_owned(), -1_300, "EUR"),
            ("network:exchange".to_owned(), 1_498, "USD"),
            (payable, -1_498, "USD"),
        ]
    );
    assert!(booked.draft.reason.unwrap().starts_with("rate 1.1523 EUR/USD source bank at "));
    world.audit();
    let batch = paid.batch.id;
    world.write(move |tx| payouts::approve(tx, batch, "key:second", true, NOW)).unwrap();
    world.write(move |tx| payouts::settle(tx, batch, &[], "key:second", NOW)).unwrap();
    assert_eq!(world.conversion(sold).status, Some(CommissionStatus::Paid));
    assert_eq!(world.conversion(refunded).status, Some(CommissionStatus::Paid));
    let told = world.explained(sold);
    assert_eq!(told["payouts"][0]["paid_in"], "USD");
    assert_eq!(told["payouts"][0]["exchange"]["rate"], "1.1523");
    world.audit();
    // A refund after the payment is owed in the currency of the sale, and is not changed (L-10).
    world.refund(sold, None).unwrap();
    let balances = world.write(move |tx| Ok(hopline_books::balances(tx, Some(blog))?)).unwrap();
    let carried: Vec<_> = balances.iter().map(|balance| balance.carried.to_string()).collect();
    assert_eq!(carried, ["-10.00 EUR", "0.00 USD"]);
    let empty = draft("USD");
    assert!(empty.payouts.is_empty() && empty.batch.refused.is_empty());
    world.audit();
}

#[test]
fn what_was_changed_for_a_payout_that_failed_is_paid_by_the_next_one() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let sold = world.sold("A-1", "100.00");
    let blog = world.blog;
    world.enter(&[rate("EUR", "USD", "1.20", NOW.plus(DAY))]).unwrap();
    world.pay_by_hand();
    world
        .write(move |tx| Ok(set_payout_currency(tx, blog, Some(currency("USD")), "key:blog", NOW)?))
        .unwrap();
    let draft = || {
        let new = NewBatch { currency: "USD".into(), method: "manual".into(), cutoff: None, minimum: None };
        world.write(move |tx| payouts::draft(tx, &new, "key:first", NOW.plus(2 * DAY))).unwrap()
    };
    let first = draft();
    let (batch, payout) = (first.batch.id, first.payouts[0].id);
    assert_eq!(first.payouts[0].amount.to_string(), "12.00 USD");
    world.write(move |tx| payouts::approve(tx, batch, "key:second", true, NOW)).unwrap();
    let failed = [FailedPayout { payout, reason: "closed".into() }];
    world.write(move |tx| payouts::settle(tx, batch, &failed, "key:second", NOW)).unwrap();
    assert_eq!(world.conversion(sold).status, Some(CommissionStatus::Payable));
    world.audit();
    // A cancelled draft in between, and a further sale.
    let cancelled = draft().batch.id;
    world.write(move |tx| payouts::cancel(tx, cancelled, "key:first", NOW)).unwrap();
    world.sold("A-2", "10.00");
    world.audit();
    let last = draft();
    assert_eq!(last.payouts[0].amount.to_string(), "13.20 USD", "12.00 as before, and 1.00 at 1.20");
    let batch = last.batch.id;
    world.write(move |tx| payouts::approve(tx, batch, "key:second", true, NOW)).unwrap();
    world.write(move |tx| payouts::settle(tx, batch, &[], "key:second", NOW)).unwrap();
    assert_eq!(world.conversion(sold).status, Some(CommissionStatus::Paid));
    world.audit();
}

#[test]
fn a_repeated_report_in_another_currency_differs_from_the_first() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.enter(&[rate("USD", "EUR", "0.9", NOW)]).unwrap();
    let (_, decided) = world.report(world.foreign("A-1", "100.00", "USD"));
    decided.unwrap();
    let mut again =
        world.sale("A-1", "90.00", Some(world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE)));
    again.event_id = "event-again".to_owned();
    let hopline_books::Intake::Repeat { differences, .. } = world.intake(again) else { panic!("taken") };
    let fields: Vec<_> = differences.iter().map(|difference| difference.field.as_str()).collect();
    assert_eq!(fields, ["amount", "currency", "click_id"]);
    let id = world.sold("A-3", "1.00");
    let approval = world.judge(id, hopline_books::Judge::UndoRejection { reason: "x".into() }, NOW);
    assert_eq!(state(approval), "conversion 2 is payable, there is no rejection to undo");
}
