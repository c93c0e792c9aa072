//! C-02: what findings about clicks mean for money and for conversions decided later.

use hopline_books::{ClicksSettled, Context};
use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope};
use hopline_click_store::{ClickCount, Dims, StoredClick};
use hopline_control_store::caps::NewCap;
use hopline_control_store::findings::{self, NewFinding};
use hopline_control_store::{Scope, Tx, conversions};
use hopline_record::Click;
use hopline_types::{ClickFilter, CommissionStatus, ConversionId, HOUR_MS, Reason, UnixMillis, Verdict};

use crate::world::{DAY, NOW, Rules, World};

pub(crate) fn settle(world: &World, clicks: u64) -> ClicksSettled {
    let counts = [ClickCount { hour: NOW, offer: world.offer, affiliate: world.blog, clicks }];
    let end = NOW.plus(HOUR_MS);
    world.write(move |tx| hopline_books::settle_clicks(tx, &counts, end, end)).unwrap()
}

/// Clicks of the blog were robots' from an hour before to an hour after.
pub(crate) fn find(world: &World, filter: ClickFilter) {
    let new = NewFinding {
        offer_id: world.offer,
        affiliate_id: world.blog,
        from: NOW.plus(-HOUR_MS),
        to: NOW.plus(HOUR_MS),
        filter,
        reason: Reason::Bot,
        remark: "one click a second, all night".into(),
    };
    world.write(move |tx| Ok(findings::create(tx, &new, "user:1", NOW)?)).unwrap();
}

fn settled(world: &World) -> Vec<ConversionId> {
    let list = |tx: &mut dyn Tx| {
        let found = conversions::list(tx, Scope::All, &conversions::ConversionFilter::default(), 100)?;
        Ok(found.into_iter().map(|conversion| conversion.id).collect())
    };
    let mut ids: Vec<ConversionId> = world.write(list).unwrap();
    ids.sort_unstable();
    ids
}

#[test]
fn c_02_settled_clicks_that_are_found_invalid_are_taken_back_and_the_affiliate_is_told_why() {
    let world = World::new(Rules::PAID_AT_ONCE);
    settle(&world, 7);
    settle(&world, 10);
    assert_eq!(world.shown(world.blog)[2], "0.55");
    assert_eq!(settle(&world, 6), ClicksSettled::default(), "nothing was found: nobody loses money");
    find(&world, ClickFilter::default());
    let out = settle(&world, 6);
    // Three of the second settlement, one of the first.
    assert_eq!((out.taken_out, out.conversions, out.clicks, out.transactions), (4, 0, 0, 2));
    assert_eq!(settle(&world, 6), ClicksSettled::default());
    // 6 × 0.055 = 0.33.
    assert_eq!(world.shown(world.blog)[2], "0.33");
    world.audit();
    let facts = world.facts();
    assert_eq!(facts.iter().map(|fact| fact.deltas.payout_minor).sum::<i64>(), 33);
    assert_eq!(facts.iter().map(|fact| fact.deltas.revenue_minor).sum::<i64>(), 39);

    let (first, blog) = (settled(&world)[0], world.blog);
    let told = world.write(move |tx| hopline_books::explain(tx, Scope::Affiliate(blog), first)).unwrap();
    let expected = "1 clicks of the hour were found to be invalid: finding 1 (bot)";
    assert_eq!(told["refunds"][0]["reason"], expected);
    assert_eq!(told["refunds"][0]["payout"]["amount"], "0.05");
    let reasons: Vec<&str> =
        told["transactions"].as_array().unwrap().iter().filter_map(|one| one["reason"].as_str()).collect();
    assert_eq!(reasons, [expected]);

    // Late valid clicks are paid on top; then all of it goes.
    settle(&world, 9);
    assert_eq!(world.shown(world.blog)[2], "0.50");
    assert_eq!(settle(&world, 0).taken_out, 9);
    assert_eq!(world.shown(world.blog)[2], "0.00");
    world.audit();
    assert_eq!(world.facts().iter().map(|fact| fact.deltas.payout_minor).sum::<i64>(), 0);
}

#[test]
fn c_02_what_is_taken_back_after_the_payout_is_carried() {
    let world = World::new(Rules::PAID_AT_ONCE);
    settle(&world, 100);
    let batch = world.draft("0.01").batch.id;
    let now = NOW.plus(2 * DAY);
    world
        .write(move |tx| {
            hopline_books::payouts::approve(tx, batch, "key:second", true, now)?;
            hopline_books::payouts::settle(tx, batch, &[], "key:second", now)
        })
        .unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "5.50", "0.00"]);
    find(&world, ClickFilter::default());
    assert_eq!(settle(&world, 40).taken_out, 60);
    assert_eq!(world.shown(world.blog)[3..], ["5.50", "-3.30"]);
    world.audit();
}

#[test]
fn c_02_clicks_that_were_never_paid_take_no_money_with_them() {
    // Refused by a cap, judged by people, taken back before.
    let world = World::new(Rules::PAID_AT_ONCE);
    world.cap(&[NewCap {
        scope: CapScope::Offer,
        metric: CapMetric::Payout,
        period: CapPeriod::Total,
        zone: "UTC".into(),
        amount: 55,
    }]);
    settle(&world, 15);
    find(&world, ClickFilter::default());
    assert_eq!(settle(&world, 10).taken_out, 5);
    assert_eq!(world.shown(world.blog)[2], "0.55", "only what the cap had refused was taken out");
    settle(&world, 8);
    assert_eq!(world.shown(world.blog)[2], "0.44");
    world.audit();
    // The cap has room again.
    settle(&world, 10);
    assert_eq!(world.shown(world.blog)[2], "0.55");
    world.audit();

    for is_judged in [true, false] {
        let world = World::new(if is_judged { Rules::JUDGED } else { Rules::PAID_AT_ONCE });
        find(&world, ClickFilter::default());
        settle(&world, 10);
        settle(&world, 8);
        let id = settled(&world)[0];
        if is_judged {
            world.write(move |tx| hopline_books::reject(tx, id, "robots", "key:ops", NOW)).unwrap();
        } else {
            world.refund(id, None).unwrap();
        }
        assert_eq!(settle(&world, 3).taken_out, 5);
        assert_eq!(world.shown(world.blog), ["0.00"; 5].map(String::from));
        world.audit();
        assert_eq!(world.facts().iter().map(|fact| fact.deltas.payout_minor).sum::<i64>(), 0);
    }
}

#[test]
fn c_02_any_sequence_of_counts_leaves_the_worth_of_the_last() {
    for rules in [Rules::PAID_AT_ONCE, Rules::HELD, Rules::JUDGED] {
        let world = World::new(rules);
        find(&world, ClickFilter::default());
        let mut seed = 7_u64;
        for _ in 0..40 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let clicks = (seed >> 33) % 30;
            settle(&world, clicks);
            let worth = hopline_money::Decimal::parse("0.055").unwrap();
            let price = hopline_terms::Price::fixed(worth);
            let terms = hopline_terms::GoalTerms {
                kind: hopline_types::GoalKind::Ppc,
                revenue: price,
                payout: price,
            };
            let eur = hopline_money::Currency::EUR;
            let worth = hopline_terms::click_settlement(&terms, 0, clicks, eur).unwrap().payout.minor;
            let balance = world.balance(world.blog);
            let has = balance.pending.minor + balance.approved.minor + balance.payable.minor;
            assert_eq!(has, worth, "{clicks} clicks");
        }
        world.audit();
    }
}

/// A click of the blog, and its sale.
fn sale(world: &World, order: &str, at: UnixMillis, source: &str) -> (ConversionId, StoredClick) {
    use base64::Engine as _;
    let id = world.click(world.blog, at, Verdict::UNIQUE);
    let token = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&id).unwrap().try_into().unwrap();
    let record = Click { token, source: source.into(), ..Click::default() };
    let stored = StoredClick::from_record(record, false).unwrap();
    (world.taken(world.sale(order, "100.00", Some(id))), stored)
}

#[test]
fn c_02_a_click_that_was_found_invalid_wins_nothing_afterwards() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let at = NOW.plus(-10 * 60_000);
    let is_mail = ClickFilter { source: Some("mail".into()), ..ClickFilter::default() };
    find(&world, is_mail);
    let decide = |id: ConversionId, click: Option<StoredClick>| {
        let keys = world.keys.clone();
        let decide = move |tx: &mut dyn Tx| {
            hopline_books::decide(tx, id, &Context { keys: &keys, click: click.as_ref(), now: NOW })
        };
        let decided = world.write(decide).unwrap();
        (decided.status, decided.reason)
    };
    let invalid = (CommissionStatus::Rejected, Some("invalid_click".to_owned()));
    let credited = (CommissionStatus::Payable, None);
    // The filter asks for what the stored click says.
    let (id, click) = sale(&world, "A-1", at, "mail");
    assert_eq!(decide(id, Some(click)), invalid);
    let told = world.write(move |tx| hopline_books::explain(tx, Scope::All, id)).unwrap();
    let check = &told["decision"]["checks"][0];
    assert_eq!((&check["reason"], &check["finding_id"]), (&"bot".into(), &1.into()));
    let (id, click) = sale(&world, "A-2", at, "page");
    assert_eq!(decide(id, Some(click)), credited);
    let (id, _) = sale(&world, "A-3", at, "mail");
    assert_eq!(decide(id, None), credited);
    // Without a filter the click id says enough; outside of the period nothing is said.
    find(&world, ClickFilter::default());
    let (id, _) = sale(&world, "A-4", at, "page");
    assert_eq!(decide(id, None), invalid);
    let (id, click) = sale(&world, "A-5", NOW.plus(-HOUR_MS - 1), "mail");
    assert_eq!(decide(id, Some(click)), credited);
    // The stored click says it by itself.
    let (id, mut click) = sale(&world, "A-6", NOW.plus(-HOUR_MS - 2), "mail");
    (click.verdict, click.finding) =
        (Verdict::invalid(Reason::Stuffing), hopline_types::FindingId::new(9).ok());
    click.dims = Dims::default();
    assert_eq!(decide(id, Some(click)), invalid);
    world.audit();
}
