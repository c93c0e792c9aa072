//! What comes late: decisions that are made again, and what they book.

use std::collections::BTreeMap;

use hopline_attribution::CouponRule;
use hopline_books::{Reconsidered, ToReconsider, decide_again};
use hopline_catalogue::data::Standing;
use hopline_click_store::Touch;
use hopline_control_store::conversions::{self, ConversionFilter, all_partitions};
use hopline_control_store::offers::{self, AttributionSettings, NewTerms, Whose};
use hopline_control_store::reconsiderations::{self, Asked, Why};
use hopline_control_store::{Scope, Tx, affiliates, groups};
use hopline_money::Decimal;
use hopline_terms::{GoalTerms, Plan, Price};
use hopline_types::{CommissionStatus, ConversionId, GoalKind, Model, UnixMillis};
use serde_json::json;

use crate::world::{DAY, NOW, Rules, World};

impl World {
    /// Looks at all that is due, until nothing is; with the touches that are known now.
    pub(crate) fn look_again(
        &self,
        touches: &BTreeMap<ConversionId, Vec<Touch>>,
        now: UnixMillis,
    ) -> Vec<Reconsidered> {
        let mut changed = Vec::new();
        loop {
            let (keys, touches) = (self.keys.clone(), touches.clone());
            let look = move |tx: &mut dyn Tx| {
                let due = reconsiderations::due(tx, now, 50, &all_partitions())?;
                let mut ids: Vec<ConversionId> = due.iter().map(|due| due.asked.conversion).collect();
                ids.sort_unstable();
                ids.dedup();
                let none = Vec::new();
                let asked: Vec<_> = ids
                    .iter()
                    .map(|id| ToReconsider {
                        conversion: *id,
                        click: None,
                        touches: touches.get(id).unwrap_or(&none),
                    })
                    .collect();
                decide_again(tx, &asked, &keys, now)
            };
            let looked = self.write(look).unwrap();
            if looked.is_empty() {
                return changed;
            }
            changed.extend(looked.into_iter().map(Result::unwrap).filter(|looked| looked.number.is_some()));
        }
    }

    fn ask(&self, id: ConversionId, why: Why) {
        let advertiser = self.advertiser;
        let asked = Asked { conversion: id, advertiser, why, due_at: NOW, asked_at: NOW, look: 1 };
        self.write(move |tx| Ok(reconsiderations::ask(tx, &[asked])?)).unwrap();
    }

    /// What reports have learned of an affiliate: conversions and payout.
    fn learned(&self, affiliate: Option<hopline_types::AffiliateId>) -> (i64, i64) {
        let facts = self.facts();
        let own = facts.iter().filter(|fact| fact.affiliate == affiliate);
        own.fold((0, 0), |sum, fact| (sum.0 + fact.deltas.conversions, sum.1 + fact.deltas.payout_minor))
    }
}

fn no_touches() -> BTreeMap<ConversionId, Vec<Touch>> {
    BTreeMap::new()
}

// A-10, L-04, L-06
#[test]
fn a_conversion_without_affiliate_is_claimed_when_its_coupon_is_entered() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let mut sale = world.sale("A-1", "100.00", None);
    sale.coupon = Some(" Summer10".into());
    let id = world.taken(sale);
    assert_eq!(world.decide(id).status, CommissionStatus::Unattributed);
    // A refund before anybody is credited counts for whoever will be.
    world.refund(id, Some("40.00")).unwrap();
    assert_eq!(world.booked(), 0);

    let coupon = world.coupon("SUMMER10", world.shop, None);
    world
        .write(move |tx| Ok(reconsiderations::ask_for_coupons(tx, std::slice::from_ref(&coupon), NOW)?))
        .unwrap();
    let changed = world.look_again(&no_touches(), NOW.plus(DAY));
    assert_eq!(changed.len(), 1);
    assert_eq!((changed[0].number, changed[0].transactions), (Some(2), 4));
    assert_eq!(world.shown(world.shop), ["0.00", "0.00", "6.00", "0.00", "0.00"]);
    let conversion = world.conversion(id);
    assert_eq!(
        (conversion.affiliate, conversion.status),
        (Some(world.shop), Some(CommissionStatus::Payable))
    );
    assert_eq!((world.learned(None), world.learned(Some(world.shop))), ((0, 0), (1, 600)));

    let told = world.told(id, Scope::Affiliate(world.shop));
    assert_eq!(told["decision"]["number"], 2);
    assert_eq!(told["decision"]["decided_again"]["because"], "coupon  Summer10 was entered later");
    assert_eq!(told["earlier_decisions"][0]["decision"]["reason"], "no click id came with the conversion");
    let page = hopline_books::explain_text(&told);
    assert!(page.contains("Decided again at 2026-03-02T10:00:00Z, because coupon"), "{page}");
    world.audit();
    // Nothing more is asked for; the same again books nothing.
    world.ask(id, Why::Coupon);
    assert_eq!(world.look_again(&no_touches(), NOW.plus(DAY)), []);
    world.audit();
}

// A-10, L-06, L-10
#[test]
fn a_late_click_takes_its_share_also_of_what_was_paid_and_refunded() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.credits_by(Model::Linear, AttributionSettings::default());
    let click = world.click_of(world.blog, NOW.plus(-DAY));
    let id = world.taken(world.sale("A-1", "100.00", click));
    world.decide_with(id, vec![]);
    let batch = world.draft("1.00").batch.id;
    let pay = move |tx: &mut dyn Tx| {
        hopline_books::payouts::approve(tx, batch, "key:second", true, NOW.plus(2 * DAY))?;
        hopline_books::payouts::settle(tx, batch, &[], "key:second", NOW.plus(3 * DAY)).map(drop)
    };
    world.write(pay).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "10.00", "0.00"]);
    world.refund(id, Some("50.00")).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "10.00", "-5.00"]);

    let touches = BTreeMap::from([(id, vec![world.touch(1, world.shop, 7 * DAY)])]);
    // The decision asked for looks by itself.
    let changed = world.look_again(&touches, NOW.plus(4 * DAY));
    assert_eq!(changed.len(), 1);
    assert_eq!(world.commissions(id), [(world.blog, 600, 500), (world.shop, 600, 500)]);
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "10.00", "-7.50"]);
    assert_eq!(world.shown(world.shop), ["0.00", "0.00", "2.50", "0.00", "0.00"]);
    assert_eq!(world.learned(Some(world.shop)), (1, 250));
    assert_eq!(world.learned(Some(world.blog)), (0, 250));
    world.audit();

    // The refund was a mistake: everybody gets the half again.
    let undo = move |tx: &mut dyn Tx| {
        let refund = hopline_control_store::commissions::refunds_of(tx, id)?[0].id;
        hopline_books::undo_refund(tx, id, (refund, false), "a mistake", "key:ops", NOW.plus(5 * DAY))
    };
    world.write(undo).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "10.00", "-5.00"]);
    assert_eq!(world.shown(world.shop), ["0.00", "0.00", "5.00", "0.00", "0.00"]);
    world.audit();
    // Both see it, each its own part.
    for (own, other) in [(world.blog, world.shop), (world.shop, world.blog)] {
        let told = world.told(id, Scope::Affiliate(own));
        assert_eq!(told["conversion"]["payout"]["amount"], "5.00");
        assert_eq!(told["decision"]["credits"].as_array().unwrap().len(), 1);
        let text = told.to_string();
        assert!(!text.contains(&format!("\"affiliate_id\":{other}")), "{text}");
        assert!(!text.contains(&format!("affiliate:{other}:")), "{text}");
    }
}

//
#[test]
fn an_earlier_order_that_is_reported_later_binds_the_customer_after_all() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let settings = AttributionSettings { lifetime: true, ..AttributionSettings::default() };
    world.credits_by(Model::LastClick, settings);
    let at = |days: i64| NOW.plus(days * DAY - 20 * DAY);
    let second = world.ordered("A-2", "C-1", at(2), world.click_of(world.shop, at(1)));
    let third = world.ordered("A-3", "C-1", at(3), None);
    let fourth = world.ordered("A-4", "C-1", at(4), world.click_of(world.shop, at(3)));
    assert_eq!(world.shown(world.shop)[2], "30.00");
    let first = world.ordered("A-1", "C-1", at(0), world.click_of(world.blog, at(-1)));
    assert_eq!(world.look_again(&no_touches(), NOW).len(), 3);
    for id in [first, second, third, fourth] {
        assert_eq!(world.conversion(id).affiliate, Some(world.blog), "{id}");
    }
    assert_eq!(world.shown(world.shop)[2], "0.00");
    assert_eq!(world.shown(world.blog)[2], "40.00");
    world.audit();
}

#[test]
fn what_a_person_has_rejected_stays_rejected_and_what_is_old_is_final() {
    let world = World::new(Rules::JUDGED);
    let settings =
        AttributionSettings { coupon: CouponRule::OverridesClick, ..AttributionSettings::default() };
    world.credits_by(Model::LastClick, settings);
    let mut sale = world.sale("A-1", "100.00", world.click_of(world.blog, NOW.plus(-DAY)));
    sale.coupon = Some("SUMMER10".into());
    let rejected = world.taken(sale);
    world.decide(rejected);
    world.write(move |tx| hopline_books::reject(tx, rejected, "a test order", "key:ops", NOW)).unwrap();
    let mut sale = world.sale("A-2", "100.00", world.click_of(world.blog, NOW.plus(-31 * DAY)));
    (sale.coupon, sale.converted_at) = (Some("SUMMER10".into()), NOW.plus(-31 * DAY + 1));
    let old = world.taken(sale);
    world.decide(old);
    let mut sale = world.sale("A-3", "100.00", world.click_of(world.blog, NOW.plus(-DAY)));
    sale.coupon = Some("SUMMER10".into());
    let approved = world.taken(sale);
    world.decide(approved);
    world.write(move |tx| hopline_books::approve(tx, approved, "key:ops", NOW)).unwrap();

    let coupon = world.coupon("SUMMER10", world.shop, None);
    world
        .write(move |tx| Ok(reconsiderations::ask_for_coupons(tx, std::slice::from_ref(&coupon), NOW)?))
        .unwrap();
    let changed = world.look_again(&no_touches(), NOW);
    assert_eq!(changed.iter().map(|changed| changed.conversion).collect::<Vec<_>>(), [approved]);
    assert_eq!(world.conversion(rejected).affiliate, Some(world.blog));
    assert_eq!(world.conversion(old).affiliate, Some(world.blog));
    // What was approved stays so, for whoever is credited now.
    assert_eq!(world.conversion(approved).status, Some(CommissionStatus::Payable));
    assert_eq!(world.shown(world.shop)[2], "10.00");
    assert_eq!(world.shown(world.blog), ["10.00", "0.00", "0.00", "0.00", "0.00"]);
    world.audit();
}

// S-10
#[test]
fn s_10_everybody_who_has_a_part_of_a_conversion_sees_it_and_no_part_of_others() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.credits_by(Model::Linear, AttributionSettings::default());
    let (blog, shop) = (world.blog, world.shop);
    let made = world.write(move |tx| {
        let mut affiliate = |name: &str| {
            let new = affiliates::NewAffiliate {
                name: name.into(),
                email: format!("{name}@example.com"),
                standing: Standing::Active,
                payout_method: None,
            };
            affiliates::create(tx, &new, "key:entry", NOW).map(|made| made.id)
        };
        let (recruiter, stranger) = (affiliate("recruiter")?, affiliate("stranger")?);
        groups::set_recruiter(tx, shop, Some(recruiter))?;
        Ok((recruiter, stranger))
    });
    let (recruiter, stranger) = made.unwrap();
    let goal = hopline_control_store::offers::goals_of;
    let (offer, price) = (world.offer, |text: &str| Price::percent(Decimal::parse(text).unwrap()));
    for (whose, payout, plan) in [
        (Whose::All, "10", json!({ "levels": [{ "percent": "10" }] })),
        (Whose::Affiliate(blog), "8", json!({})),
    ] {
        let terms = GoalTerms { kind: GoalKind::Pps, revenue: price("12"), payout: price(payout) };
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let new = NewTerms { terms, plan, whose, effective_from: NOW.plus(-30 * DAY), until: None };
        let add = move |tx: &mut dyn Tx| {
            let goal = goal(tx, offer)?[0].id;
            Ok(offers::add_version(tx, goal, &new, NOW).map(drop)?)
        };
        world.write(add).unwrap();
    }
    let click = world.click_of(shop, NOW.plus(-DAY));
    let id = world.taken(world.sale("A-1", "100.00", click));
    world.decide_with(id, vec![world.touch(1, blog, 7 * DAY)]);
    world.refund(id, Some("50.00")).unwrap();
    // Half of 8.00, half of 10.00, a tenth of that; half of all of it was refunded.
    for (own, payout, back, terms) in
        [(blog, "4.00", "2.00", "8"), (shop, "5.00", "2.50", "10"), (recruiter, "0.50", "0.25", "")]
    {
        let scope = Scope::Affiliate(own);
        let seen = world.write(move |tx| Ok(conversions::list(tx, scope, &ConversionFilter::default(), 9)?));
        assert_eq!(seen.unwrap().iter().map(|one| one.id).collect::<Vec<_>>(), [id]);
        let told = world.told(id, scope);
        assert_eq!(told["conversion"]["payout"]["amount"], payout, "{own}");
        assert_eq!(told["refunds"][0]["payout"]["amount"], back, "{own}");
        assert_eq!(told["commissions"].as_array().unwrap().len(), 1);
        let lines = told["decision"]["lines"].as_array().cloned().unwrap_or_default();
        assert!(lines.iter().all(|line| line["rate"] == format!("{terms} %")), "{own}: {lines:?}");
        assert_eq!(lines.is_empty(), terms.is_empty());
        let text = told.to_string();
        for other in [blog, shop, recruiter].into_iter().filter(|other| *other != own) {
            assert!(!text.contains(&format!("\"affiliate_id\":{other},")), "{own}: {text}");
            assert!(!text.contains(&format!("affiliate {other}")), "{own}: {text}");
            assert!(!text.contains(&format!("affiliate:{other}:")), "{own}: {text}");
        }
    }
    let scope = Scope::Affiliate(stranger);
    let seen = world.write(move |tx| Ok(conversions::get(tx, scope, id)?));
    assert_eq!(seen.unwrap(), None);
    let filter = ConversionFilter { affiliate: Some(recruiter), ..ConversionFilter::default() };
    let seen = world.write(move |tx| Ok(conversions::list(tx, Scope::All, &filter, 9)?));
    assert_eq!(seen.unwrap().len(), 1);
    world.audit();
}
