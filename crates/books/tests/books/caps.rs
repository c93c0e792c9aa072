//! Caps on conversions, revenue and payout.

use hopline_books::caps::CapsUnsound;
use hopline_books::{BookError, Context};
use hopline_catalogue::data::{CapMetric, CapPeriod, CapScope, ClosureEntry};
use hopline_click_store::ClickCount;
use hopline_control_store::caps::{self, NewCap};
use hopline_control_store::conversions::{self, Conversion, ConversionFilter};
use hopline_control_store::{DatabaseExt, Scope, Tx, catalogue};
use hopline_record::RequestedStatus;
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, HOUR_MS, UnixMillis, Verdict};
use proptest::prelude::*;

use crate::world::{DAY, NOW, Rules, World};

use CapMetric::{Conversions, Payout, Revenue};
use CapPeriod::{Day, Month, Total, Week};

fn cap(scope: CapScope, metric: CapMetric, period: CapPeriod, amount: i64) -> NewCap {
    NewCap { scope, metric, period, zone: "UTC".into(), amount }
}

fn at(time: &str) -> UnixMillis {
    UnixMillis(time.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn is_capped(conversion: &Conversion) -> bool {
    let is_rejected = conversion.status == Some(CommissionStatus::Rejected);
    let is_capped = conversion.reason.as_deref() == Some("cap");
    assert_eq!(is_rejected, is_capped, "{conversion:?}");
    is_capped
}

/// What the offer's caps have taken in the periods of a moment.
fn taken(world: &World, now: UnixMillis) -> Vec<(Option<AffiliateId>, i64)> {
    let offer = world.offer;
    let sums = world.write(move |tx| Ok(caps::taken_now(tx, offer, now)?)).unwrap();
    sums.iter().map(|sum| (sum.affiliate_id, sum.taken)).collect()
}

fn closures(world: &World, now: UnixMillis) -> Vec<ClosureEntry> {
    world.write(move |tx| Ok(catalogue::load(tx, now)?.closures)).unwrap()
}

fn version(world: &World) -> i64 {
    world.write(|tx| Ok(catalogue::version(tx)?)).unwrap()
}

fn reject(world: &World, id: ConversionId) {
    world.write(move |tx| hopline_books::reject(tx, id, "fake", "key:ops", NOW.plus(DAY))).unwrap();
}

#[test]
fn every_metric_scope_and_period_takes_exactly_its_amount() {
    // Who, when, the order's amount (10 % of it are paid out, 12 % are revenue), whether it is taken.
    type Sale = (char, &'static str, &'static str, bool);
    let zoned =
        |zone: &str, period| NewCap { zone: zone.into(), ..cap(CapScope::Offer, Conversions, period, 1) };
    let world = World::new(Rules::PAID_AT_ONCE);
    let (blog, shop) = (CapScope::Affiliate(world.blog), CapScope::Affiliate(world.shop));
    let each = CapScope::EachAffiliate;
    let table: Vec<(Vec<NewCap>, Vec<Sale>)> = vec![
        (
            vec![cap(CapScope::Offer, Conversions, Day, 2)],
            vec![
                ('b', "2026-03-02T00:00:00Z", "1.00", true),
                ('s', "2026-03-02T12:00:00Z", "1.00", true),
                ('s', "2026-03-02T23:59:59.999Z", "1.00", false),
                ('b', "2026-03-03T00:00:00Z", "1.00", true),
                // The day before is full, also for a report that comes late.
                ('b', "2026-03-02T06:00:00Z", "1.00", false),
                ('b', "2026-03-01T23:00:00Z", "1.00", true),
            ],
        ),
        (
            // The sum may reach the amount, not pass it; what fits later is taken.
            vec![cap(CapScope::Offer, Payout, Week, 1_000)],
            vec![
                ('b', "2026-03-02T00:00:00Z", "50.00", true),
                ('s', "2026-03-04T00:00:00Z", "50.10", false),
                ('s', "2026-03-05T00:00:00Z", "49.90", true),
                ('s', "2026-03-06T00:00:00Z", "0.20", false),
                ('s', "2026-03-07T00:00:00Z", "0.10", true),
                ('s', "2026-03-08T23:59:59Z", "0.10", false),
                // Nothing to pay is not too much.
                ('s', "2026-03-08T23:59:59Z", "0.00", true),
                ('s', "2026-03-09T00:00:00Z", "100.00", true),
            ],
        ),
        (
            vec![cap(each, Revenue, Month, 1_200)],
            vec![
                ('b', "2026-03-02T00:00:00Z", "100.00", true),
                ('b', "2026-03-31T23:59:59Z", "1.00", false),
                ('s', "2026-03-31T23:59:59Z", "100.00", true),
                ('b', "2026-04-01T00:00:00Z", "100.00", true),
                ('s', "2026-04-01T00:00:00Z", "100.10", false),
            ],
        ),
        (
            vec![cap(blog, Conversions, Total, 1)],
            vec![
                ('b', "2026-03-02T00:00:00Z", "1.00", true),
                ('b', "2027-03-02T00:00:00Z", "1.00", false),
                ('s', "2026-03-02T00:00:00Z", "1.00", true),
                ('s', "2026-03-02T00:00:00Z", "1.00", true),
            ],
        ),
        (
            // Its own cap overrules that of each, also where it is larger; another period's does not.
            vec![
                cap(each, Conversions, Day, 1),
                cap(shop, Conversions, Day, 2),
                cap(each, Conversions, Month, 3),
            ],
            vec![
                ('b', "2026-03-02T00:00:00Z", "1.00", true),
                ('b', "2026-03-02T00:00:00Z", "1.00", false),
                ('s', "2026-03-02T00:00:00Z", "1.00", true),
                ('s', "2026-03-02T00:00:00Z", "1.00", true),
                ('s', "2026-03-02T00:00:00Z", "1.00", false),
                ('s', "2026-03-03T00:00:00Z", "1.00", true),
                ('s', "2026-03-03T00:00:00Z", "1.00", false),
            ],
        ),
        (
            // Any cap without room refuses, and the others then take nothing.
            vec![cap(CapScope::Offer, Payout, Day, 1_000), cap(each, Conversions, Day, 1)],
            vec![
                ('b', "2026-03-02T00:00:00Z", "10.00", true),
                ('b', "2026-03-02T00:00:00Z", "90.00", false),
                ('s', "2026-03-02T00:00:00Z", "90.10", false),
                ('s', "2026-03-02T00:00:00Z", "90.00", true),
            ],
        ),
        (
            // The day on which clocks go ahead has 23 hours.
            vec![zoned("Europe/Berlin", Day)],
            vec![
                ('b', "2026-03-28T22:59:59Z", "1.00", true),
                ('b', "2026-03-28T23:00:00Z", "1.00", true),
                ('b', "2026-03-29T21:59:59Z", "1.00", false),
                ('b', "2026-03-29T22:00:00Z", "1.00", true),
            ],
        ),
        (
            // That on which they go back has 25.
            vec![zoned("Europe/Berlin", Day)],
            vec![
                ('b', "2026-10-24T22:00:00Z", "1.00", true),
                ('b', "2026-10-25T22:59:59Z", "1.00", false),
                ('b', "2026-10-25T23:00:00Z", "1.00", true),
            ],
        ),
        (
            vec![zoned("America/New_York", Week)],
            vec![
                ('b', "2026-03-09T03:59:59Z", "1.00", true),
                ('b', "2026-03-09T04:00:00Z", "1.00", true),
                ('b', "2026-03-16T03:59:59Z", "1.00", false),
            ],
        ),
        (
            vec![zoned("Asia/Kathmandu", Month)],
            vec![
                ('b', "2026-03-31T18:14:59Z", "1.00", true),
                ('b', "2026-03-31T18:15:00Z", "1.00", true),
                ('b', "2026-04-30T18:14:59Z", "1.00", false),
            ],
        ),
    ];
    for (row, (caps, sales)) in table.into_iter().enumerate() {
        let world = World::new(Rules::PAID_AT_ONCE);
        world.cap(&caps);
        let mut paid = 0;
        for (number, (who, time, amount, is_taken)) in sales.into_iter().enumerate() {
            let who = if who == 'b' { world.blog } else { world.shop };
            let id = world.sold_at(&format!("A-{number}"), amount, who, at(time));
            let conversion = world.conversion(id);
            assert_eq!(!is_capped(&conversion), is_taken, "row {row}, sale {number}");
            assert_eq!(conversion.affiliate, Some(who));
            paid += conversion.payout.unwrap().minor;
            if !is_taken {
                assert_eq!((conversion.revenue.unwrap().minor, conversion.payout.unwrap().minor), (0, 0));
            }
            world.audit();
        }
        let owned: i64 = [world.blog, world.shop].map(|who| world.balance(who).payable.minor).iter().sum();
        assert_eq!(owned, paid, "row {row}");
    }
}

#[test]
fn a_capped_sale_is_kept_rejected_books_nothing_and_reports_say_so() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.cap(&[cap(CapScope::Offer, Conversions, Day, 1)]);
    world.sold("A-1", "10.00");
    let booked = world.booked();
    let id = world.sold("A-2", "10.00");
    assert_eq!(world.booked(), booked);
    let conversion = world.conversion(id);
    assert!(is_capped(&conversion));
    assert!(matches!(world.refund(id, None), Err(BookError::State { .. })));
    let facts: Vec<_> = world.facts().into_iter().filter(|fact| fact.conversion == id).collect();
    assert_eq!(facts.len(), 1);
    assert_eq!((facts[0].status, facts[0].affiliate), (CommissionStatus::Rejected, Some(world.blog)));
    let deltas = facts[0].deltas;
    assert_eq!((deltas.conversions, deltas.rejected, deltas.sales), (1, 1, 0));
    assert_eq!((deltas.revenue_minor, deltas.payout_minor, deltas.gross_sales_minor), (0, 0, 0));
    world.audit();
}

#[test]
fn the_same_conversion_again_is_counted_once() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.cap(&[cap(CapScope::Offer, Payout, Day, 1_000)]);
    let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
    let sale = world.sale("A-1", "60.00", Some(click));
    let id = world.taken(sale.clone());
    for _ in 0..3 {
        assert_eq!(world.taken(sale.clone()), id);
        world.decide(id);
    }
    assert_eq!(taken(&world, NOW), [(None, 600)]);
    // A repetition of a capped one stays capped, though there is room by then.
    let capped = world.sold("A-2", "60.00");
    world.refund(id, None).unwrap();
    assert!(world.decide(capped).was_decided);
    assert!(is_capped(&world.conversion(capped)));
    assert_eq!(taken(&world, NOW), [(None, 0)]);
    world.audit();
}

#[test]
fn two_who_decide_at_once_take_no_more_than_the_cap() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.cap(&[cap(CapScope::Offer, Conversions, Day, 7), cap(CapScope::EachAffiliate, Payout, Day, 500)]);
    let waiting = |who, name: char| -> Vec<ConversionId> {
        let one = |number| {
            let click = world.click(who, NOW.plus(-DAY), Verdict::UNIQUE);
            world.taken(world.sale(&format!("{name}-{number}"), "10.00", Some(click)))
        };
        (0..10).map(one).collect()
    };
    let (blog, shop) = (waiting(world.blog, 'B'), waiting(world.shop, 'S'));
    let decide = |ids: Vec<ConversionId>| {
        let (database, keys) = (&world.database, &world.keys);
        async move {
            for id in ids {
                let keys = keys.clone();
                let decide = move |tx: &mut dyn Tx| {
                    hopline_books::decide(tx, id, &Context { keys: &keys, click: None, now: NOW })
                };
                database.write(decide).await.unwrap();
            }
        }
    };
    // Both decide all of them: every conversion is decided twice, by whoever comes first.
    let all = [blog.clone(), shop.clone()].concat();
    let back: Vec<ConversionId> = all.iter().rev().copied().collect();
    world.runtime.block_on(async { tokio::join!(decide(all.clone()), decide(back)) });
    let good = |ids: &[ConversionId]| ids.iter().filter(|id| !is_capped(&world.conversion(**id))).count();
    let (of_blog, of_shop) = (good(&blog), good(&shop));
    assert_eq!(of_blog + of_shop, 7);
    assert!(of_blog <= 5 && of_shop <= 5, "{of_blog} {of_shop}");
    world.audit();
}

#[test]
fn what_is_undone_is_given_back_and_opens_the_offer_again() {
    let world = World::new(Rules::JUDGED);
    world.cap(&[
        cap(CapScope::Offer, Conversions, Day, 2),
        cap(CapScope::EachAffiliate, Payout, Month, 2_000),
    ]);
    assert_eq!(closures(&world, NOW), []);
    let first = world.sold("A-1", "100.00");
    let before = version(&world);
    let second = world.sold("A-2", "100.00");
    // Both are full now, and edges learn it at once.
    assert_eq!(version(&world), before + 1);
    let day =
        ClosureEntry { offer_id: world.offer, affiliate_id: None, until: Some(at("2026-03-02T00:00:00Z")) };
    let month =
        ClosureEntry { affiliate_id: Some(world.blog), until: Some(at("2026-04-01T00:00:00Z")), ..day };
    assert_eq!(closures(&world, NOW), [day, month]);
    assert_eq!(closures(&world, NOW.plus(DAY)), [month]);
    reject(&world, second);
    assert_eq!(closures(&world, NOW), []);
    assert_eq!(version(&world), before + 2);
    assert_eq!(taken(&world, NOW), [(None, 1), (Some(world.blog), 1_000)]);
    let third = world.sold("A-3", "100.00");
    assert_eq!(closures(&world, NOW), [day, month]);
    world.write(move |tx| hopline_books::approve(tx, third, "key:ops", NOW)).unwrap();
    assert_eq!(closures(&world, NOW), [day, month]);
    // A part gives its money back, not the conversion.
    world.refund(third, Some("25.00")).unwrap();
    assert_eq!(closures(&world, NOW), [day]);
    assert_eq!(taken(&world, NOW), [(None, 2), (Some(world.blog), 1_750)]);
    world.refund(third, None).unwrap();
    assert_eq!(taken(&world, NOW), [(None, 1), (Some(world.blog), 1_000)]);
    // While it waits for its judgement it can be taken back too.
    world.refund(first, None).unwrap();
    assert_eq!(taken(&world, NOW), [(None, 0), (Some(world.blog), 0)]);
    assert_eq!(closures(&world, NOW), []);
    world.audit();
}

#[test]
fn a_cap_that_no_number_of_sales_comes_to_closes_the_offer_once_one_is_refused() {
    let world = World::new(Rules::JUDGED);
    world.cap(&[cap(CapScope::Offer, Payout, Day, 1_000)]);
    let closure =
        ClosureEntry { offer_id: world.offer, affiliate_id: None, until: Some(at("2026-03-02T00:00:00Z")) };
    let [first, ..] = ["A-1", "A-2", "A-3"].map(|order| world.sold(order, "30.00"));
    assert_eq!(closures(&world, NOW), []);
    let before = version(&world);
    assert!(is_capped(&world.conversion(world.sold("A-4", "30.00"))));
    assert_eq!((closures(&world, NOW), version(&world)), (vec![closure], before + 1));
    assert!(is_capped(&world.conversion(world.sold("A-5", "30.00"))));
    assert_eq!(version(&world), before + 1);
    // A refund, and it fits again.
    world.refund(first, Some("20.00")).unwrap();
    assert_eq!((closures(&world, NOW), version(&world)), (vec![], before + 2));
    assert!(!is_capped(&world.conversion(world.sold("A-6", "30.00"))));
    assert_eq!((closures(&world, NOW), taken(&world, NOW)), (vec![closure], vec![(None, 1_000)]));
    // Nor does one great order close for long what others find room in.
    let world = World::new(Rules::JUDGED);
    world.cap(&[cap(CapScope::Offer, Payout, Day, 1_000)]);
    assert!(is_capped(&world.conversion(world.sold("A-1", "101.00"))));
    assert_eq!(closures(&world, NOW), [closure]);
    world.sold("A-2", "10.00");
    assert_eq!((closures(&world, NOW), taken(&world, NOW)), (vec![], vec![(None, 100)]));
    world.audit();
}

#[test]
fn what_is_given_back_goes_to_the_caps_and_periods_that_took_it() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let old = world.cap(&[cap(CapScope::Offer, Conversions, Day, 5)])[0].id;
    let id = world.sold("A-1", "10.00");
    let zoned = NewCap { zone: "Europe/Berlin".into(), ..cap(CapScope::Offer, Conversions, Day, 1) };
    let new = world.cap(std::slice::from_ref(&zoned))[0].id;
    // The new one has taken nothing yet.
    assert!(!is_capped(&world.conversion(world.sold("A-2", "10.00"))));
    assert!(is_capped(&world.conversion(world.sold("A-3", "10.00"))));
    world.refund(id, None).unwrap();
    let kept = world.write(|tx| Ok(caps::kept(tx)?)).unwrap();
    let of = |cap| kept.iter().find(|sum| sum.cap_id == cap).unwrap().taken;
    assert_eq!((of(old), of(new)), (0, 1));
    // Lowered below its sum it takes nothing more; raised, what has room.
    let third = world.cap(&[NewCap { amount: 3, ..zoned.clone() }])[0].id;
    assert_eq!(third, new);
    assert!(!is_capped(&world.conversion(world.sold("A-4", "10.00"))));
    world.cap(&[NewCap { amount: 1, ..zoned }]);
    assert!(is_capped(&world.conversion(world.sold("A-5", "10.00"))));
    world.audit();
}

#[test]
fn further_goals_and_what_earns_nothing_take_no_conversions() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.cap(&[cap(CapScope::Offer, Conversions, Day, 1), cap(CapScope::Offer, Payout, Day, 1_200)]);
    let mut refused =
        world.sale("A-1", "10.00", Some(world.click(world.blog, NOW.plus(-1), Verdict::UNIQUE)));
    refused.requested_status = RequestedStatus::Rejected;
    let refused = world.taken(refused);
    assert_eq!(world.decide(refused).reason.as_deref(), Some("rejected_by_advertiser"));
    let nobody = world.taken(world.sale("A-2", "10.00", None));
    assert_eq!(world.decide(nobody).status, CommissionStatus::Unattributed);
    assert_eq!(taken(&world, NOW), []);
    world.sold("A-3", "100.00");
    // A lead is an event here: it takes its 2.00 of payout.
    let lead = |order: &str| {
        let click = world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE);
        let mut lead = world.sale(order, "0", Some(click));
        (lead.goal, lead.amount) = (Some("lead".into()), None);
        let id = world.taken(lead);
        world.decide(id);
        world.conversion(id)
    };
    assert!(!is_capped(&lead("L-1")));
    assert_eq!(taken(&world, NOW), [(None, 1), (None, 1_200)]);
    assert!(is_capped(&lead("L-2")));
    // When both are full and the advertiser refuses, that is the reason.
    let mut refused =
        world.sale("A-4", "10.00", Some(world.click(world.blog, NOW.plus(-1), Verdict::UNIQUE)));
    refused.requested_status = RequestedStatus::Rejected;
    let refused = world.taken(refused);
    assert_eq!(world.decide(refused).reason.as_deref(), Some("rejected_by_advertiser"));
    world.audit();
}

#[test]
fn of_an_hours_clicks_those_that_fit_are_paid_and_the_rest_is_not() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let end = NOW.plus(HOUR_MS);
    let settle = |affiliate, clicks| {
        let counts = [ClickCount { hour: NOW, offer: world.offer, affiliate, clicks }];
        world.write(move |tx| hopline_books::settle_clicks(tx, &counts, end, end)).unwrap()
    };
    // A click is worth 5.5 cents to affiliates, 6.5 of revenue.
    world.cap(&[cap(CapScope::Offer, Payout, Day, 100), cap(CapScope::Offer, Conversions, Day, 1)]);
    let first = settle(world.blog, 10);
    assert_eq!((first.conversions, first.clicks, first.capped), (1, 10, 0));
    // 55 cents so far: 8 more clicks are 44, the 9th would be too much.
    let second = settle(world.blog, 30);
    assert_eq!((second.conversions, second.clicks, second.capped), (2, 20, 12));
    assert_eq!(world.shown(world.blog)[2], "0.99");
    assert_eq!(taken(&world, NOW), [(None, 99)]);
    assert_eq!(settle(world.blog, 30), hopline_books::ClicksSettled::default());
    let third = settle(world.shop, 5);
    assert_eq!((third.conversions, third.clicks, third.capped, third.transactions), (1, 5, 5, 0));
    let of_blog = ConversionFilter { affiliate: Some(world.blog), ..Default::default() };
    let steps = world.write(move |tx| Ok(conversions::list(tx, Scope::All, &of_blog, 10)?)).unwrap();
    let shown: Vec<_> = steps.iter().map(|step| (step.quantity, is_capped(step))).collect();
    assert_eq!(shown, [(12, true), (8, false), (10, false)]);
    let (capped, paid) = (steps[0].id, steps[1].id);
    let told = world.write(move |tx| hopline_books::explain(tx, Scope::All, capped)).unwrap();
    let reason = told["decision"]["reason"].as_str().unwrap();
    assert_eq!(
        reason,
        "12 clicks of the hour are not paid: the cap of 1.00 EUR payout a day has no room: 0.99 EUR payout taken \
         since 2026-03-01T00:00:00Z, 0.66 EUR payout more would be too much"
    );
    // What is given back can be earned by later clicks; those without pay stay so.
    world.refund(paid, None).unwrap();
    let fourth = settle(world.blog, 34);
    assert_eq!((fourth.clicks, fourth.capped), (4, 0));
    assert_eq!(taken(&world, NOW), [(None, 77)]);
    world.audit();
}

#[test]
fn the_reasoning_names_caps_to_those_who_may_know_them() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.cap(&[cap(CapScope::Offer, Revenue, Total, 600), cap(CapScope::EachAffiliate, Payout, Day, 700)]);
    let (good, bad) = (world.sold("A-1", "49.90"), world.sold("A-2", "30.00"));
    let explain =
        |scope, id| world.write(move |tx| hopline_books::explain(tx, scope, id)).unwrap()["decision"].clone();
    let all = explain(Scope::All, good);
    assert_eq!(all["caps"][0]["outcome"], "passed");
    assert_eq!(all["caps"][0]["adds"]["amount"], "5.99");
    assert_eq!(all["touches"][0]["outcome"], "credited");
    assert!(all["takings"].is_null());
    let all = explain(Scope::All, bad);
    assert_eq!(all["touches"][0]["outcome"], "capped");
    let (total, day) = (&all["caps"][0], &all["caps"][1]);
    assert_eq!(
        (&total["outcome"], &total["period"], &total["until"]),
        (&"reached".into(), &"total".into(), &().into())
    );
    assert_eq!(
        (&total["taken_before"]["amount"], &total["adds"]["amount"]),
        (&"5.99".into(), &"3.60".into())
    );
    assert_eq!((&day["outcome"], &day["affiliate_id"]), (&"reached".into(), &world.blog.get().into()));
    assert_eq!(
        (&day["from"], &day["until"]),
        (&"2026-03-01T00:00:00Z".into(), &"2026-03-02T00:00:00Z".into())
    );
    assert!(
        all["reason"].as_str().unwrap().contains("the cap of 6.00 EUR revenue in all has no room"),
        "{all}"
    );
    assert_eq!(all["lines"].as_array().unwrap().len(), 2);

    // An advertiser learns nothing of what affiliates get, an affiliate nothing of any cap.
    let paying = Scope::Advertiser(world.advertiser);
    let own = Scope::Affiliate(world.blog);
    for (scope, id, caps, reason) in
        [(paying, good, 1, false), (paying, bad, 1, true), (own, good, 0, false), (own, bad, 0, true)]
    {
        let told = explain(scope, id);
        assert_eq!(told["caps"].as_array().map_or(0, Vec::len), caps, "{told}");
        assert_eq!(told["reason"] == "cap reached", reason, "{told}");
        for hidden in ["takings", "7.00", "\"payout\"", "700"] {
            let is_own_side = hidden == "\"payout\"" && scope == own;
            assert!(is_own_side || !told.to_string().contains(hidden), "{hidden}: {told}");
        }
    }
    let conversion =
        world.write(move |tx| hopline_books::explain(tx, own, bad)).unwrap()["conversion"].clone();
    assert_eq!(conversion["reason"], "cap");
}

#[test]
fn a_sum_that_is_not_its_conversions_is_found() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.cap(&[cap(CapScope::Offer, Conversions, Day, 5), cap(CapScope::EachAffiliate, Payout, Day, 1_000)]);
    world.sold("A-1", "10.00");
    let sound = world.write(|tx| hopline_books::caps::verify(tx)).unwrap().unwrap();
    assert_eq!((sound.sums, sound.conversions), (2, 1));
    for change in [
        "UPDATE cap_sums SET taken = taken + 1 WHERE affiliate_id = 0",
        "UPDATE cap_sums SET taken = 0 WHERE affiliate_id <> 0",
        "DELETE FROM cap_sums WHERE affiliate_id = 0",
        "UPDATE cap_sums SET period_start = period_start + 1",
        "INSERT INTO cap_sums (cap_id, affiliate_id, period_start, taken) VALUES (1, 0, 0, 3)",
        "UPDATE commissions SET payout_minor = payout_minor - 1",
    ] {
        let told = world.write(move |tx| {
            assert!(tx.execute(change, &[])? > 0, "{change}");
            let told = hopline_books::caps::verify(tx)?
                .map_or_else(|unsound: CapsUnsound| unsound.to_string(), |_| "sound".into());
            Err::<(), _>(BookError::Conflict { detail: told })
        });
        let told = told.unwrap_err().to_string();
        assert!(told.starts_with("cap ") && told.contains("its conversions give"), "{change}: {told}");
    }
    world.audit();
}

#[derive(Debug, Clone, Copy)]
enum Undo {
    Reject,
    Refund(Option<u32>),
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_whatever_order_things_are_undone_the_sums_are_the_same(
        sales in proptest::collection::vec((1..20_000_u32, any::<bool>()), 1..8),
        undone in proptest::collection::vec((0..8_usize, prop_oneof![
            Just(Undo::Reject),
            proptest::option::of(1..20_000_u32).prop_map(Undo::Refund),
        ]), 0..6),
    ) {
        // One step for each sale: two of one sale depend on each other.
        let undone: std::collections::BTreeMap<_, _> =
            undone.into_iter().map(|(which, undo)| (which % sales.len(), undo)).collect();
        let undone: Vec<_> = undone.into_iter().collect();
        let mut outcomes = Vec::new();
        for is_backward in [false, true] {
            let world = World::new(Rules::JUDGED);
            world.cap(&[
                cap(CapScope::Offer, Conversions, Day, 6),
                cap(CapScope::EachAffiliate, Revenue, Week, 5_000),
                cap(CapScope::Affiliate(world.shop), Payout, Total, 3_000),
            ]);
            let sold: Vec<ConversionId> = sales.iter().enumerate().map(|(number, (cents, is_shop))| {
                let who = if *is_shop { world.shop } else { world.blog };
                let amount = format!("{}.{:02}", cents / 100, cents % 100);
                world.sold_at(&format!("A-{number}"), &amount, who, NOW)
            }).collect();
            let mut steps = undone.clone();
            if is_backward {
                steps.reverse();
            }
            for (which, undo) in steps {
                let id = sold[which];
                match undo {
                    // What was capped cannot be undone, what was undone no more: that changes nothing.
                    Undo::Reject => {
                        world.write(move |tx| hopline_books::reject(tx, id, "no", "key:ops", NOW)).map(drop).unwrap_or_default();
                    }
                    Undo::Refund(cents) => {
                        let amount = cents.map(|cents| format!("{}.{:02}", cents / 100, cents % 100));
                        world.refund(id, amount.as_deref()).unwrap_or_default();
                    }
                }
                world.audit();
            }
            outcomes.push(taken(&world, NOW));
        }
        prop_assert_eq!(&outcomes[0], &outcomes[1]);
    }
}
