//! Tiers, ladders, sign-up bonuses, contests: differences, booked once.

use hopline_books::PeriodSettled;
use hopline_catalogue::data::Standing;
use hopline_control_store::offers::{self, NewTerms, Whose};
use hopline_control_store::{Scope, Tx, affiliates, bonuses, conversions};
use hopline_money::Decimal;
use hopline_terms::{Bonus, GoalTerms, Plan, Price};
use hopline_types::{AffiliateId, ConversionSource, GoalKind, UnixMillis};
use serde_json::{Value, json};

use crate::world::{DAY, NOW, Rules, World};

/// All that is due, as a worker settles it; once more, nothing is.
fn settle(world: &World, now: UnixMillis) -> PeriodSettled {
    let pass = |world: &World| {
        world
            .write(move |tx| {
                let list = hopline_books::due_periods(tx, 0, now)?;
                let mut all = PeriodSettled::default();
                for due in &list.due {
                    let one = hopline_books::settle_period(tx, due, now)?;
                    // The same again books nothing.
                    assert_eq!(hopline_books::settle_period(tx, due, now)?, PeriodSettled::default());
                    all.conversions += one.conversions;
                    all.taken_back += one.taken_back;
                    all.transactions += one.transactions;
                }
                hopline_books::note_periods(tx, list.read_to)?;
                Ok(all)
            })
            .unwrap()
    };
    let settled = pass(world);
    assert_eq!(pass(world), PeriodSettled::default());
    world.audit();
    settled
}

fn tiers(world: &World, tiers: Value) {
    let offer = world.offer;
    let plan: Plan = serde_json::from_value(json!({ "tiers": tiers })).unwrap();
    let percent = |text: &str| Price::percent(Decimal::parse(text).unwrap());
    let terms = GoalTerms { kind: GoalKind::Pps, revenue: percent("12"), payout: percent("10") };
    let enter = move |tx: &mut dyn Tx| {
        let goal = offers::goals_of(tx, offer)?[0].id;
        let new = NewTerms {
            terms: terms.clone(),
            plan: plan.clone(),
            whose: Whose::All,
            effective_from: NOW.plus(-3 * DAY),
            until: None,
        };
        Ok(offers::add_version(tx, goal, &new, NOW).map(drop)?)
    };
    world.write(enter).unwrap();
}

fn bonus(world: &World, bonus: Value, at: UnixMillis) {
    let offer = world.offer;
    let bonus: Bonus = serde_json::from_value(bonus).unwrap();
    world.write(move |tx| Ok(bonuses::create(tx, offer, "Spring", &bonus, at).map(drop)?)).unwrap();
}

fn payable(world: &World, affiliate: AffiliateId) -> String {
    world.shown(affiliate)[2].clone()
}

/// The newest settlement, explained.
fn explained(world: &World) -> (Value, String) {
    let explain = |tx: &mut dyn Tx| {
        let filter = conversions::ConversionFilter::default();
        let all = conversions::list(tx, Scope::All, &filter, 1_000)?;
        let newest = all.into_iter().find(|one| one.source == ConversionSource::Period).unwrap();
        let explanation = hopline_books::explain(tx, Scope::All, newest.id)?;
        let text = hopline_books::explain_text(&explanation);
        Ok((explanation, text))
    };
    world.write(explain).unwrap()
}

#[test]
fn a_retroactive_tier_prices_the_whole_month_and_a_refund_takes_it_back() {
    let world = World::new(Rules::PAID_AT_ONCE);
    tiers(
        &world,
        json!({ "by": "count", "period": "month", "mode": "retroactive", "steps": [
            { "from": "0", "payout": { "percent": "10" } }, { "from": "3", "payout": { "percent": "12" } }] }),
    );
    world.sold_at("A-1", "100.00", world.blog, NOW.plus(-2));
    world.sold_at("A-2", "100.00", world.blog, NOW.plus(-1));
    world.sold_at("B-1", "500.00", world.shop, NOW);
    assert_eq!(settle(&world, NOW), PeriodSettled::default());
    let third = world.sold_at("A-3", "50.00", world.blog, NOW);
    assert_eq!(payable(&world, world.blog), "25.00");
    // 12 % of 250.00 are 30.00, of which 25.00 were booked.
    assert_eq!(settle(&world, NOW).conversions, 1);
    assert_eq!(payable(&world, world.blog), "30.00");
    assert_eq!(payable(&world, world.shop), "50.00");
    let (explanation, text) = explained(&world);
    assert_eq!(explanation["decision"]["rule"], "tiers_of_the_period");
    for part in [
        "3 conversions of the month count into the tiers",
        "tier from 3: 250.00 EUR x 12 % = 30.00, rounded 30.00 EUR",
        "booked for these conversions: 25.00 EUR x -1 (of 3) = -25.00, rounded -25.00 EUR",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    world.refund(third, None).unwrap();
    let back = settle(&world, NOW.plus(DAY));
    assert_eq!((back.conversions, back.taken_back), (0, 1));
    assert_eq!(payable(&world, world.blog), "20.00");
    // Reached again, it is paid again.
    world.sold_at("A-4", "10.00", world.blog, NOW);
    assert_eq!(settle(&world, NOW.plus(DAY)).conversions, 1);
    assert_eq!(payable(&world, world.blog), "25.20");
}

#[test]
fn a_marginal_tier_prices_what_lies_above_it_and_months_are_apart() {
    let world = World::new(Rules::PAID_AT_ONCE);
    tiers(
        &world,
        json!({ "by": "amount", "period": "day", "zone": "Europe/Berlin", "mode": "marginal", "steps": [
            { "from": "0", "payout": { "percent": "10" }, "revenue": { "percent": "12" } },
            { "from": "1000", "payout": { "percent": "15" }, "revenue": { "percent": "20" } }] }),
    );
    world.sold_at("A-1", "700.00", world.blog, NOW);
    world.sold_at("A-2", "600.01", world.blog, NOW);
    // Another day, below the step.
    world.sold_at("A-3", "999.99", world.blog, NOW.plus(-DAY));
    // 10 % of 1000 and 15 % of 300.01 are 145.00, of which 70.00 and 60.00 were booked.
    assert_eq!(settle(&world, NOW).conversions, 1);
    assert_eq!(payable(&world, world.blog), "245.00");
    let revenue: i64 = world.facts().iter().map(|fact| fact.deltas.revenue_minor).sum();
    // 12 % of all, and 8 % of 300.01 more.
    assert_eq!(revenue, 8_400 + 7_200 + 12_000 + 2_400);
    assert_eq!(world.facts().iter().map(|fact| fact.deltas.conversions).sum::<i64>(), 3);
}

#[test]
fn a_ladder_pays_each_rung_once_and_takes_it_back_also_after_it_was_paid() {
    let world = World::new(Rules::PAID_AT_ONCE);
    bonus(
        &world,
        json!({ "kind": "ladder", "by": "count", "period": "month",
            "rungs": [{ "from": "2", "amount": "10.00" }, { "from": "3", "amount": "25.00" }] }),
        NOW.plus(-DAY),
    );
    // Before the bonus was entered.
    world.sold_at("A-0", "10.00", world.blog, NOW.plus(-DAY - 1));
    world.sold_at("A-1", "10.00", world.blog, NOW);
    assert_eq!(settle(&world, NOW), PeriodSettled::default());
    let second = world.sold_at("A-2", "10.00", world.blog, NOW);
    assert_eq!(settle(&world, NOW).conversions, 1);
    world.sold_at("A-3", "10.00", world.blog, NOW);
    assert_eq!(settle(&world, NOW).conversions, 1);
    assert_eq!(payable(&world, world.blog), "39.00");
    let batch = world.draft("1.00");
    assert_eq!(batch.payouts.len(), 1);
    world.refund(second, None).unwrap();
    assert_eq!(settle(&world, NOW.plus(3 * DAY)).taken_back, 1);
    // The part in the payout is paid; the rung is carried as owed.
    assert_eq!(world.shown(world.blog)[4], "-26.00");
}

#[test]
fn who_joins_gets_the_sign_up_bonus_once_and_who_was_there_before_does_not() {
    let world = World::new(Rules::PAID_AT_ONCE);
    bonus(&world, json!({ "kind": "sign_up", "on": "approval", "amount": "5.00" }), NOW.plus(1));
    bonus(&world, json!({ "kind": "sign_up", "on": "first_sale", "amount": "7.00" }), NOW.plus(1));
    let enter = |tx: &mut dyn Tx| {
        let new = affiliates::NewAffiliate {
            name: "New".into(),
            email: "new@example.com".into(),
            standing: Standing::Active,
            payout_method: None,
        };
        Ok(affiliates::create(tx, &new, "key:entry", NOW.plus(2))?.id)
    };
    let new = world.write(enter).unwrap();
    assert_eq!(settle(&world, NOW.plus(3)).conversions, 1);
    assert_eq!(payable(&world, new), "5.00");
    let first = world.sold_at("N-1", "10.00", new, NOW.plus(4));
    world.sold_at("B-1", "10.00", world.blog, NOW.plus(4));
    assert_eq!(settle(&world, NOW.plus(5)).conversions, 1);
    assert_eq!(payable(&world, new), "13.00");
    assert_eq!(payable(&world, world.blog), "1.00");
    world.refund(first, None).unwrap();
    settle(&world, NOW.plus(DAY));
    assert_eq!(payable(&world, new), "5.00");
}

#[test]
fn a_contest_is_paid_after_its_end_and_a_tie_shares_the_prizes_to_the_cent() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (from, to) = (NOW.plus(-DAY), NOW.plus(DAY));
    bonus(
        &world,
        json!({ "kind": "contest", "by": "amount", "from": from, "to": to, "prizes": ["10.01", "5.00"] }),
        from,
    );
    world.sold_at("A-1", "100.00", world.blog, NOW);
    let sold = world.sold_at("B-1", "100.00", world.shop, NOW);
    assert_eq!(settle(&world, NOW.plus(1)), PeriodSettled::default(), "it goes on");
    assert_eq!(settle(&world, to).conversions, 2);
    assert_eq!((payable(&world, world.blog), payable(&world, world.shop)), ("17.51".into(), "17.50".into()));
    assert!(explained(&world).1.contains("ranks 1 to 2 shared by 2 with 100.00 EUR"));
    // An order given back after the end changes the ranks.
    let part = world.refund(sold, Some("40.00"));
    part.unwrap();
    let after = settle(&world, NOW.plus(2 * DAY));
    assert_eq!((after.conversions, after.taken_back), (1, 1));
    assert_eq!((payable(&world, world.blog), payable(&world, world.shop)), ("20.01".into(), "11.00".into()));
}

#[test]
fn what_somebody_has_rejected_is_not_paid_again() {
    let world = World::new(Rules::JUDGED);
    bonus(
        &world,
        json!({ "kind": "ladder", "by": "count", "period": "total", "rungs": [{ "from": "1", "amount": "9.00" }] }),
        NOW.plus(-DAY),
    );
    world.sold_at("A-1", "10.00", world.blog, NOW);
    assert_eq!(settle(&world, NOW).conversions, 1);
    let id = explained(&world).0["conversion"]["id"].as_i64().unwrap();
    let id = hopline_types::ConversionId::new(id).unwrap();
    world.write(move |tx| hopline_books::reject(tx, id, "self-made", "key:ops", NOW)).unwrap();
    world.sold_at("A-2", "10.00", world.blog, NOW);
    assert_eq!(settle(&world, NOW), PeriodSettled::default());
    assert_eq!(world.shown(world.blog)[0], "2.00");
}
