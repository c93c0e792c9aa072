use hopline_books::ClicksSettled;
use hopline_click_store::ClickCount;
use hopline_control_store::{Scope, conversions, offers};
use hopline_money::Decimal;
use hopline_terms::{GoalTerms, Price};
use hopline_types::{GoalKind, HOUR_MS, UnixMillis};

use crate::world::{NOW, Rules, World};

fn settle(world: &World, clicks: u64, until: UnixMillis) -> ClicksSettled {
    let counts = [ClickCount { hour: NOW, offer: world.offer, affiliate: world.blog, clicks }];
    world.write(move |tx| hopline_books::settle_clicks(tx, &counts, until, until)).unwrap()
}

#[test]
fn an_hour_of_clicks_is_paid_once_and_late_clicks_book_only_the_difference() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let end = NOW.plus(HOUR_MS);
    assert_eq!(settle(&world, 7, end.plus(-1)), ClicksSettled::default());
    let first = settle(&world, 7, end);
    assert_eq!((first.conversions, first.clicks, first.transactions), (1, 7, 3));
    assert_eq!(settle(&world, 7, end), ClicksSettled::default());
    // 7 × 0.055 = 0.385, half to even 0.38.
    assert_eq!(world.shown(world.blog)[2], "0.38");
    let late = settle(&world, 10, end.plus(HOUR_MS));
    assert_eq!((late.conversions, late.clicks), (1, 3));
    // 10 × 0.055 = 0.55: steps do not drift.
    assert_eq!(world.shown(world.blog)[2], "0.55");
    // A count that went back books nothing.
    assert_eq!(settle(&world, 9, end.plus(HOUR_MS)), ClicksSettled::default());
    let found = world
        .write(|tx| {
            let filter = conversions::ConversionFilter {
                order_id: Some("clicks:2026-03-01T10:00:00Z:2".into()),
                ..Default::default()
            };
            Ok(conversions::list(tx, Scope::All, &filter, 10)?)
        })
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].quantity, found[0].kind), (3, GoalKind::Ppc));
    let facts = world.facts();
    assert_eq!(facts.iter().map(|fact| fact.deltas.payout_minor).sum::<i64>(), 55);
    assert_eq!(facts.iter().map(|fact| fact.deltas.conversions).sum::<i64>(), 0);
    world.audit();
}

fn reprice(world: &World, revenue: &str, payout: &str, from: UnixMillis) {
    let fixed = |text| Price::fixed(Decimal::parse(text).unwrap());
    let terms = GoalTerms { kind: GoalKind::Ppc, revenue: fixed(revenue), payout: fixed(payout) };
    let offer = world.offer;
    let change = move |tx: &mut dyn hopline_control_store::Tx| {
        let clicks =
            offers::goals_of(tx, offer)?.into_iter().find(|goal| goal.kind == GoalKind::Ppc).unwrap();
        Ok(offers::add_terms(tx, clicks.id, &terms, from, NOW).map(drop)?)
    };
    world.write(change).unwrap();
}

#[test]
fn an_hour_of_clicks_has_the_price_of_its_beginning() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let end = NOW.plus(HOUR_MS);
    settle(&world, 10, end);
    reprice(&world, "9", "8", NOW.plus(1));
    settle(&world, 20, end);
    assert_eq!(world.shown(world.blog)[2], "1.10");
    // Entered late for a time that has begun: clicks that were paid keep their price.
    reprice(&world, "0.02", "0.01", NOW);
    settle(&world, 30, end);
    assert_eq!(world.shown(world.blog)[2], "1.20");
    world.audit();
}

#[test]
fn clicks_worth_less_than_a_cent_wait_for_more_and_none_is_lost() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let end = NOW.plus(HOUR_MS);
    reprice(&world, "0.0004", "0.0003", NOW);
    for count in 1..=1_000 {
        settle(&world, count, end);
    }
    assert_eq!(world.shown(world.blog)[2], "0.30");
    world.audit();
}

#[test]
fn clicks_that_were_taken_back_or_refused_are_not_paid_again() {
    for is_judged in [false, true] {
        let world = World::new(if is_judged { Rules::JUDGED } else { Rules::PAID_AT_ONCE });
        let end = NOW.plus(HOUR_MS);
        settle(&world, 10, end);
        let id = world
            .write(|tx| {
                Ok(conversions::list(tx, Scope::All, &conversions::ConversionFilter::default(), 1)?[0].id)
            })
            .unwrap();
        if is_judged {
            world.write(move |tx| hopline_books::reject(tx, id, "robots", "key:ops", NOW)).unwrap();
        } else {
            world.refund(id, None).unwrap();
        }
        assert_eq!(settle(&world, 10, end), ClicksSettled::default());
        settle(&world, 12, end);
        let place = if is_judged { 0 } else { 2 };
        assert_eq!(world.shown(world.blog)[place], "0.11");
        world.audit();
    }
}
