use hopline_books::ClicksSettled;
use hopline_click_store::ClickCount;
use hopline_control_store::{Scope, conversions};
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
