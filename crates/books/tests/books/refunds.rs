use hopline_books::BookError;
use hopline_types::{CommissionStatus, Verdict};

use crate::world::{DAY, NOW, Rules, World};

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

#[test]
fn what_credits_nobody_cannot_be_refunded() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.taken(world.sale("A-1", "10.00", None));
    assert!(matches!(world.refund(id, None), Err(BookError::State { is, .. }) if is == "not decided yet"));
    world.decide(id);
    assert!(matches!(world.refund(id, None), Err(BookError::State { is, .. }) if is == "unattributed"));
}
