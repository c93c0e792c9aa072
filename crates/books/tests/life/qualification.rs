//! Leads that wait until they are qualified.

use hopline_books::{Judge, NewConversion, Qualified};
use hopline_control_store::qualifications::{self, AtDeadline, Qualification};
use hopline_types::{CommissionStatus, ConversionId, UnixMillis, Verdict};

use crate::world::{DAY, NOW, Rules, World};

fn needed(world: &World, by: Option<&str>, within_days: Option<i64>, at_deadline: AtDeadline) {
    let by_goal = by.map(|key| world.goal(key));
    let new = Qualification { goal: world.goal("lead"), by_goal, within_days, at_deadline };
    world.write(move |tx| Ok(qualifications::set(tx, &new)?)).unwrap();
}

fn lead(world: &World, number: u32, customer: Option<&str>) -> NewConversion {
    let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
    let mut lead = world.sale(&format!("L-{number}"), "", Some(click));
    lead.goal = Some("lead".to_owned());
    lead.customer_id = customer.map(str::to_owned);
    lead
}

fn sale(world: &World, order: &str, customer: Option<&str>, at: UnixMillis) -> NewConversion {
    let mut sale = world.sale(order, "10.00", None);
    sale.event_id = format!("sale-{order}");
    sale.customer_id = customer.map(str::to_owned);
    (sale.converted_at, sale.received_at) = (at, at);
    sale
}

fn decided(world: &World, new: NewConversion) -> ConversionId {
    let id = world.taken(new);
    world.decide(id);
    id
}

fn qualify(world: &World, now: UnixMillis) -> Qualified {
    world.write(move |tx| hopline_books::qualify_leads(tx, now, 100)).unwrap()
}

#[test]
fn a_lead_is_qualified_by_a_later_sale_of_the_same_customer_in_either_order_of_arrival() {
    for sale_first in [false, true] {
        let world = World::new(Rules::PAID_AT_ONCE);
        needed(&world, Some("sale"), Some(30), AtDeadline::Reject);
        let (lead, sale) = (lead(&world, 1, Some("C-1")), sale(&world, "A-1", Some("C-1"), NOW.plus(1)));
        let ids = if sale_first {
            let sale = decided(&world, sale);
            qualify(&world, NOW);
            (decided(&world, lead), sale)
        } else {
            let lead = decided(&world, lead);
            assert_eq!(world.conversion(lead).status, Some(CommissionStatus::Pending));
            assert_eq!(world.explained(lead)["waits"]["for"], "qualification");
            assert_eq!(qualify(&world, NOW).approved, 0);
            (lead, decided(&world, sale))
        };
        assert_eq!(qualify(&world, NOW).approved, 1);
        assert_eq!(world.conversion(ids.0).status, Some(CommissionStatus::Payable));
        let judgement = &world.judgements(ids.0)[0];
        assert_eq!(judgement.reason, Some(format!("qualified by conversion {}", ids.1)));
        assert_eq!(judgement.actor, "system:qualification");
        assert_eq!(qualify(&world, NOW.plus(40 * DAY)), Qualified::default(), "nothing is left to do");
        assert_eq!(world.shown(world.blog)[2], "2.00");
        world.audit();
    }
}

#[test]
fn only_the_same_customer_or_order_in_time_qualifies() {
    let world = World::new(Rules::PAID_AT_ONCE);
    needed(&world, Some("sale"), Some(30), AtDeadline::Reject);
    let one = decided(&world, lead(&world, 1, Some("C-1")));
    let by_order = decided(&world, lead(&world, 2, None));
    decided(&world, sale(&world, "A-1", Some("C-2"), NOW.plus(1)));
    decided(&world, sale(&world, "A-2", Some("C-1"), NOW.plus(-1)));
    decided(&world, sale(&world, "A-3", Some("C-1"), NOW.plus(30 * DAY)));
    decided(&world, sale(&world, "L-2", None, NOW.plus(2)));
    assert_eq!(qualify(&world, NOW).approved, 1);
    assert_eq!(world.conversion(by_order).status, Some(CommissionStatus::Payable));
    assert_eq!(world.conversion(one).status, Some(CommissionStatus::Pending));
    let ended = qualify(&world, NOW.plus(30 * DAY));
    assert_eq!((ended.approved, ended.rejected), (0, 1));
    let conversion = world.conversion(one);
    assert_eq!(conversion.status, Some(CommissionStatus::Rejected));
    assert_eq!(conversion.reason.as_deref(), Some("not qualified before 2026-03-31T10:00:00Z"));
    world.audit();
}

#[test]
fn the_advertiser_may_qualify_a_lead_itself_and_a_deadline_may_approve() {
    let world = World::new(Rules::PAID_AT_ONCE);
    needed(&world, None, Some(7), AtDeadline::Approve);
    let (one, other) = (decided(&world, lead(&world, 1, None)), decided(&world, lead(&world, 2, None)));
    world.judge(one, Judge::Reject { reason: "a fake address".to_owned() }, NOW).unwrap();
    let ended = qualify(&world, NOW.plus(7 * DAY));
    assert_eq!((ended.approved, ended.rejected), (1, 0));
    assert_eq!(world.conversion(one).status, Some(CommissionStatus::Rejected));
    assert_eq!(world.conversion(other).status, Some(CommissionStatus::Payable));
    let mut sure = lead(&world, 3, None);
    sure.requested_status = hopline_record::RequestedStatus::Approved;
    let sure = decided(&world, sure);
    assert_eq!(world.conversion(sure).status, Some(CommissionStatus::Payable), "the advertiser has said so");
    world.audit();
}
