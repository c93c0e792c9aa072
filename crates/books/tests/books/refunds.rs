use hopline_books::BookError;
use hopline_control_store::{ledger, offers};
use hopline_money::Decimal;
use hopline_terms::{GoalTerms, Price};
use hopline_types::{CommissionStatus, GoalKind, Verdict};

use crate::world::{DAY, NOW, Rules, World};

fn percent(text: &str) -> Price {
    Price::percent(Decimal::parse(text).unwrap())
}

/// Other terms for the sales of a world, from a day ago on.
fn reprice(world: &World, revenue: &str, payout: &str) {
    let terms = GoalTerms { kind: GoalKind::Pps, revenue: percent(revenue), payout: percent(payout) };
    let offer = world.offer;
    let change = move |tx: &mut dyn hopline_control_store::Tx| {
        let sale = offers::goals_of(tx, offer)?.remove(0).id;
        Ok(offers::add_terms(tx, sale, &terms, NOW.plus(-DAY), NOW).map(drop)?)
    };
    world.write(change).unwrap();
}

// L-07
#[test]
fn l_07_partial_refunds_add_up_to_exactly_the_commission() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "49.90");
    for part in ["16.63", "16.63", "16.63"] {
        world.refund(id, Some(part)).unwrap();
        world.audit();
    }
    // One cent of the order is left; the payout is half of a cent away from nothing.
    assert_eq!(world.shown(world.blog)[2], "0.00");
    world.refund(id, None).unwrap();
    let conversion = world.conversion(id);
    assert_eq!(conversion.status, Some(CommissionStatus::Reversed));
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "0.00", "0.00"]);
    assert!(matches!(world.refund(id, None), Err(BookError::State { is, .. }) if is == "refunded in full"));
    let facts = world.facts();
    let sum = |part: fn(&hopline_click_store::Deltas) -> i64| -> i64 {
        facts.iter().map(|fact| part(&fact.deltas)).sum()
    };
    assert_eq!(sum(|deltas| deltas.revenue_minor), 0);
    assert_eq!(sum(|deltas| deltas.payout_minor), 0);
    assert_eq!(sum(|deltas| deltas.refunds_minor), 4990);
    assert_eq!(sum(|deltas| deltas.conversions), 1);
    assert_eq!(sum(|deltas| deltas.approved), 0);
    assert_eq!(sum(|deltas| deltas.reversed), 1);
    world.audit();
}

#[test]
fn more_than_the_order_is_refused_and_changes_nothing() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "49.90");
    world.refund(id, Some("40.00")).unwrap();
    let booked = world.booked();
    for amount in ["9.91", "0", "-1", "1,0", "0.001"] {
        match world.refund(id, Some(amount)) {
            Err(BookError::Invalid(errors)) => assert_eq!(errors[0].field, "amount", "{amount}"),
            other => panic!("{amount}: {other:?}"),
        }
    }
    assert_eq!(world.booked(), booked);
}

#[test]
fn a_refund_takes_from_wherever_the_money_is() {
    for (rules, place) in [(Rules::JUDGED, 0), (Rules::HELD, 1), (Rules::PAID_AT_ONCE, 2)] {
        let world = World::new(rules);
        let id = world.sold("A-1", "100.00");
        world.refund(id, Some("25.00")).unwrap();
        assert_eq!(world.shown(world.blog)[place], "7.50");
        world.audit();
    }
}

#[test]
fn a_lead_without_an_amount_is_taken_back_whole() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
    let mut lead = world.sale("L-1", "", Some(click));
    lead.goal = Some("lead".into());
    lead.order_id = None;
    let id = world.taken(lead);
    world.decide(id);
    assert_eq!(world.shown(world.blog)[2], "2.00");
    assert!(matches!(world.refund(id, Some("1.00")), Err(BookError::Invalid(_))));
    world.refund(id, None).unwrap();
    assert!(matches!(world.refund(id, None), Err(BookError::State { .. })));
    assert_eq!(world.shown(world.blog)[2], "0.00");
    world.audit();
}

//
#[test]
fn a_refund_of_what_credits_nobody_yet_books_nothing_and_is_kept() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.taken(world.sale("A-1", "10.00", None));
    assert!(matches!(world.refund(id, None), Err(BookError::State { is, .. }) if is == "not decided yet"));
    world.decide(id);
    world.refund(id, Some("4.00")).unwrap();
    let conversion = world.conversion(id);
    assert_eq!((conversion.status, world.booked()), (Some(CommissionStatus::Unattributed), 0));
    assert_eq!(conversion.reason.as_deref(), Some("no_click"));
    world.refund(id, None).unwrap();
    let whole = world.refund(id, None);
    assert!(matches!(whole, Err(BookError::State { is, .. }) if is == "refunded in full"));
    world.audit();
    // What the advertiser itself has rejected is over.
    let mut sale = world.sale("A-2", "10.00", None);
    sale.requested_status = hopline_record::RequestedStatus::Rejected;
    let id = world.taken(sale);
    world.decide(id);
    assert!(matches!(world.refund(id, None), Err(BookError::State { is, .. }) if is == "unattributed"));
}

// L-07
#[test]
fn l_07_what_is_left_of_a_pending_sale_can_still_be_judged_when_its_payout_rounds_away() {
    let world = World::new(Rules::JUDGED);
    reprice(&world, "20", "10");
    // Revenue 0.02, payout 0.01; six tenths are 0.01 and 0.01.
    let id = world.sold("A-1", "0.10");
    world.refund(id, Some("0.06")).unwrap();
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Pending));
    let approved = world.write(move |tx| hopline_books::approve(tx, id, "key:ops", NOW)).unwrap();
    assert_eq!(approved.conversion.status, Some(CommissionStatus::Approved));
    world.audit();
    world.refund(id, None).unwrap();
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Reversed));
    for totals in world.write(|tx| Ok(ledger::kept_balances(tx, "advertiser:")?)).unwrap() {
        assert_eq!(totals.balance_minor(), 0, "{}", totals.account);
    }
    world.audit();
}

// L-07
#[test]
fn l_07_refunds_in_any_steps_take_back_exactly_what_the_sale_paid() {
    for order in [1, 2, 3, 7, 99, 101, 4_990, 12_345] {
        let world = World::new(Rules::PAID_AT_ONCE);
        let euros = |cents: i64| format!("{}.{:02}", cents / 100, cents % 100);
        let id = world.sold("A-1", &euros(order));
        let step = (order / 5).max(1);
        let mut left = order;
        while left > 0 {
            let now = step.min(left);
            world.refund(id, Some(&euros(now))).unwrap();
            left -= now;
            world.audit();
        }
        assert!(matches!(world.refund(id, None), Err(BookError::State { .. })), "{order}");
        for totals in world.write(|tx| Ok(ledger::kept_balances(tx, "")?)).unwrap() {
            assert_eq!(totals.balance_minor(), 0, "{order}: {}", totals.account);
        }
    }
}

// L-07
#[test]
fn l_07_of_parallel_full_refunds_exactly_one_is_booked() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    let booked = world.booked();
    let refund = || world.refund(id, None).is_ok();
    let done = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12).map(|_| scope.spawn(refund)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|done| *done).count()
    });
    assert_eq!(done, 1);
    assert_eq!(world.booked(), booked + 1);
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "0.00", "0.00"]);
    world.audit();
}

// L-07
#[test]
fn l_07_odd_prices_are_booked_paid_and_taken_back_to_nothing() {
    for (revenue, payout) in
        [("0", "10"), ("10", "0"), ("0", "0"), ("5", "20"), ("10", "10"), ("100", "99.99")]
    {
        for rules in [Rules::PAID_AT_ONCE, Rules::HELD, Rules::JUDGED] {
            let is_judged = rules.approval == hopline_control_store::offers::Approval::Manual;
            let world = World::new(rules);
            reprice(&world, revenue, payout);
            let id = world.sold("A-1", "33.33");
            world.refund(id, Some("0.01")).unwrap();
            world.audit();
            if is_judged {
                world.write(move |tx| hopline_books::approve(tx, id, "key:ops", NOW)).unwrap();
            }
            world.write(|tx| hopline_books::release_holds(tx, NOW.plus(15 * DAY), 10)).unwrap();
            world.refund(id, Some("11.11")).unwrap();
            world.audit();
            let now = NOW.plus(16 * DAY);
            let new = hopline_books::payouts::NewBatch {
                currency: "EUR".into(),
                method: "sepa".into(),
                ..Default::default()
            };
            world
                .write(move |tx| {
                    let batch = hopline_books::payouts::draft(tx, &new, "key:first", now)?.batch.id;
                    hopline_books::payouts::approve(tx, batch, "key:second", true, now)?;
                    hopline_books::payouts::settle(tx, batch, &[], "key:second", now)
                })
                .unwrap();
            world.audit();
            world.refund(id, None).unwrap();
            assert_eq!(world.conversion(id).status, Some(CommissionStatus::Reversed), "{revenue} {payout}");
            world.audit();
            // Only what the bank has moved is left, against the balance that is carried.
            let balance = world.balance(world.blog);
            assert_eq!(balance.paid.minor, -balance.carried.minor);
            let facts = world.facts();
            assert_eq!(facts.iter().map(|fact| fact.deltas.payout_minor).sum::<i64>(), 0);
            assert_eq!(facts.iter().map(|fact| fact.deltas.revenue_minor).sum::<i64>(), 0);
        }
    }
}
