//! Terms as they are booked: overrides, items, recruiters, and what terms would do.

use hopline_books::terms::{DryRun, Proposed};
use hopline_control_store::offers::{self, NewTerms, Whose};
use hopline_control_store::{conversions, groups};
use hopline_money::{Currency, Decimal};
use hopline_terms::{GoalTerms, Plan, Price};
use hopline_types::{GoalId, GoalKind, UnixMillis, Verdict};
use serde_json::{Value, json};

use crate::world::{DAY, NOW, Rules, World};

fn goal(world: &World) -> GoalId {
    let offer = world.offer;
    world.write(move |tx| Ok(offers::goals_of(tx, offer)?[0].id)).unwrap()
}

fn terms(payout: &str) -> GoalTerms {
    let percent = |text: &str| Price::percent(Decimal::parse(text).unwrap());
    GoalTerms { kind: GoalKind::Pps, revenue: percent("12"), payout: percent(payout) }
}

fn enter(world: &World, payout: &'static str, plan: Value, whose: Whose, until: Option<UnixMillis>) {
    let goal = goal(world);
    let plan: Plan = serde_json::from_value(plan).unwrap();
    let new = NewTerms { terms: terms(payout), plan, whose, effective_from: NOW.plus(-3 * DAY), until };
    world.write(move |tx| Ok(offers::add_version(tx, goal, &new, NOW).map(drop)?)).unwrap();
}

fn reasoning(world: &World, id: hopline_types::ConversionId) -> Value {
    serde_json::from_str(&world.conversion(id).decision.unwrap()).unwrap()
}

#[test]
fn an_affiliates_own_terms_go_before_its_groups_before_the_goals_and_end() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (blog, shop) = (world.blog, world.shop);
    let group = world.write(move |tx| {
        let group = groups::create(tx, "gold", NOW)?;
        groups::put(tx, group.id, blog, NOW)?;
        groups::put(tx, group.id, shop, NOW)?;
        Ok(group.id)
    });
    let group = group.unwrap();
    enter(&world, "11", json!({}), Whose::Group(group), None);
    enter(&world, "11.5", json!({}), Whose::Affiliate(blog), Some(NOW));
    let paid = |id| world.conversion(id).payout.unwrap().to_string();
    let own = world.sold_at("A-1", "100", blog, NOW.plus(-1));
    assert_eq!(paid(own), "11.50 EUR");
    let applies = reasoning(&world, own)["terms"]["applies"].clone();
    assert_eq!(applies, format!("version 3: terms of affiliate {blog} alone"));
    let ended = world.sold_at("A-2", "100", blog, NOW);
    assert_eq!(paid(ended), "11.00 EUR");
    assert_eq!(paid(world.sold_at("A-3", "100", shop, NOW)), "11.00 EUR");
    world.write(move |tx| Ok(groups::take_out(tx, group, shop)?)).unwrap();
    assert_eq!(paid(world.sold_at("A-4", "100", shop, NOW)), "10.00 EUR");
}

#[test]
fn items_are_priced_by_their_own_rates_and_new_customers_once() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let plan = json!({ "without": ["tax"], "rates": [
        { "name": "books", "when": { "category": ["books"] }, "payout": { "percent": "5" } },
        { "name": "new", "when": { "customer": "new" }, "payout": { "percent": "20" } },
    ] });
    enter(&world, "10", plan, Whose::All, None);
    let sell = |order: &str| {
        let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
        let mut sale = world.sale(order, "119", Some(click));
        sale.customer_id = Some("c-7".into());
        sale.converted_at = NOW.plus(if order == "A-1" { 0 } else { 1 });
        sale.items = Some(
            json!([{ "sku": "B-1", "category": "books", "quantity": 2, "price": "20.00" },
                { "type": "tax", "amount": "19.00" }])
            .to_string(),
        );
        let id = world.taken(sale);
        world.decide(id);
        world.conversion(id).payout.unwrap().to_string()
    };
    // 40.00 × 5 % + 60.00 × 20 %, then 40.00 × 5 % + 60.00 × 10 %.
    assert_eq!(sell("A-1"), "14.00 EUR");
    assert_eq!(sell("A-2"), "8.00 EUR");
}

#[test]
fn a_recruiter_gets_its_level_as_a_commission_of_the_same_conversion() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (blog, shop) = (world.blog, world.shop);
    world.write(move |tx| Ok(groups::set_recruiter(tx, blog, Some(shop))?)).unwrap();
    let circle = world.write(move |tx| Ok(groups::set_recruiter(tx, shop, Some(blog))?));
    assert!(circle.is_err(), "recruiting makes no circle");
    enter(&world, "10", json!({ "levels": [{ "percent": "10" }, { "percent": "5" }] }), Whose::All, None);
    let id = world.sold("A-1", "100");
    assert_eq!(world.conversion(id).payout.unwrap().to_string(), "11.00 EUR");
    assert_eq!(world.shown(blog)[2], "10.00");
    assert_eq!(world.shown(shop)[2], "1.00");
    assert_eq!(reasoning(&world, id)["levels"][0]["level"], 1);
    world.refund(id, None).unwrap();
    assert_eq!((world.shown(blog)[2].clone(), world.shown(shop)[2].clone()), ("0.00".into(), "0.00".into()));
}

#[test]
fn a_preview_and_a_dry_run_say_what_would_be_and_book_nothing() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (offer, goal, shop, blog) = (world.offer, goal(&world), world.shop, world.blog);
    let id = world.sold("A-1", "100");
    enter(&world, "11", json!({}), Whose::Affiliate(shop), None);
    let preview = world.write(move |tx| {
        let conversion = conversions::find(tx, id)?.unwrap();
        hopline_books::terms::preview(tx, &conversion, shop)
    });
    let preview = preview.unwrap();
    assert_eq!((preview.version.version, preview.earned.payout.to_string()), (2, "11.00 EUR".into()));

    let run = world.write(move |tx| {
        let filter = conversions::ConversionFilter { offer: Some(offer), ..Default::default() };
        let page = conversions::list(tx, hopline_control_store::Scope::All, &filter, 100)?;
        let mut run = DryRun::new(Currency::EUR, Proposed { goal, terms: terms("8"), plan: Plan::default() });
        run.add(tx, &page)?;
        Ok(run)
    });
    let change = run.unwrap().changes[&blog];
    assert_eq!((change.payout_before, change.payout_after, change.conversions), (1_000, 800, 1));
    assert_eq!(world.shown(blog)[2], "10.00");
}
