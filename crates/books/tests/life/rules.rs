//! Approval by rules.

use hopline_control_store::approval_rules::{self, Action, ApprovalRule, Conditions};
use hopline_types::{CommissionStatus, UnixMillis, Verdict};

use crate::world::{DAY, NOW, Rules, World};

fn rule(name: &str, action: Action, conditions: Conditions) -> ApprovalRule {
    ApprovalRule { name: name.to_owned(), action, hold_days: None, conditions }
}

fn set(world: &World, rules: Vec<ApprovalRule>) {
    let offer = world.offer;
    world.write(move |tx| Ok(approval_rules::replace(tx, offer, &rules)?)).unwrap();
}

#[test]
fn the_first_rule_that_fits_decides_and_is_named() {
    let world = World::new(Rules { hold_days: 14, ..Rules::JUDGED });
    set(
        &world,
        vec![
            rule("flagged", Action::Reject, Conditions { flagged: Some(true), ..Conditions::default() }),
            ApprovalRule {
                hold_days: Some(0),
                ..rule(
                    "small",
                    Action::Approve,
                    Conditions { amount_below: Some(5_000), ..Conditions::default() },
                )
            },
            rule(
                "middle",
                Action::Approve,
                Conditions { amount_below: Some(20_000), ..Conditions::default() },
            ),
        ],
    );
    for (order, amount, status, name) in [
        ("A-1", "49.99", CommissionStatus::Payable, Some("small")),
        ("A-2", "50.00", CommissionStatus::Approved, Some("middle")),
        ("A-3", "200.00", CommissionStatus::Pending, None),
    ] {
        let id = world.sold(order, amount);
        assert_eq!(world.conversion(id).status, Some(status), "{order}");
        let told = world.explained(id);
        let approval = &told["decision"]["approval"];
        assert_eq!(approval["rule"]["name"].as_str(), name, "{order}: {approval}");
    }
    let click = world.click(world.blog, NOW.plus(-DAY), Verdict::DUPLICATE);
    let flagged = world.taken(world.sale("A-4", "10.00", Some(click)));
    let decided = world.decide(flagged);
    assert_eq!(
        (decided.status, decided.reason.as_deref()),
        (CommissionStatus::Rejected, Some("rejected_by_rule"))
    );
    let told = world.explained(flagged);
    assert_eq!(told["decision"]["approval"]["flags"][0], "duplicate_click");
    world.audit();
}

#[test]
fn conditions_ask_for_goal_country_affiliate_and_age() {
    let world = World::new(Rules::JUDGED);
    let approves = |conditions: Conditions, order: &str, at: UnixMillis| {
        set(&world, vec![rule("it", Action::Approve, conditions)]);
        let id = world.sold_at(order, "10.00", world.blog, at);
        world.conversion(id).status == Some(CommissionStatus::Payable)
    };
    let none = Conditions::default;
    assert!(approves(none(), "A-1", NOW));
    assert!(approves(Conditions { goals: Some(vec!["sale".into()]), ..none() }, "A-2", NOW));
    assert!(!approves(Conditions { goals: Some(vec!["lead".into()]), ..none() }, "A-3", NOW));
    assert!(approves(Conditions { affiliates: Some(vec![world.blog]), ..none() }, "A-4", NOW));
    assert!(!approves(Conditions { affiliates: Some(vec![world.shop]), ..none() }, "A-5", NOW));
    // The affiliates were entered at NOW.
    assert!(!approves(Conditions { affiliate_days: Some(30), ..none() }, "A-6", NOW.plus(29 * DAY)));
    assert!(approves(Conditions { affiliate_days: Some(30), ..none() }, "A-7", NOW.plus(30 * DAY)));
    assert!(!approves(Conditions { countries: Some(vec!["DE".into()]), ..none() }, "A-8", NOW), "not known");
    assert!(!approves(Conditions { amount_from: Some(1_001), ..none() }, "A-9", NOW));
    assert!(approves(Conditions { amount_from: Some(1_000), flagged: Some(false), ..none() }, "A-10", NOW));
    world.audit();
}

#[test]
fn what_the_advertiser_says_comes_before_the_rules() {
    let world = World::new(Rules::JUDGED);
    set(&world, vec![rule("all", Action::Reject, Conditions::default())]);
    let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
    let mut sale = world.sale("A-1", "10.00", Some(click));
    sale.requested_status = hopline_record::RequestedStatus::Approved;
    let id = world.taken(sale);
    assert_eq!(world.decide(id).status, CommissionStatus::Payable);
    world.audit();
}
