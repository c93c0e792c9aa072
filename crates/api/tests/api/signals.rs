//! Signs of cookie stuffing (C-10).

use hopline_click_store::{Dims, Fact, Retention, StoredClick};
use hopline_control_store::conversions::{self, DecisionColumns, InsertConversion};
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_money::Currency;
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, ConversionSource, GoalId, HOUR_MS, OfferId,
    Reason, Role, UnixMillis, Verdict,
};
use serde_json::{Value, json};

use crate::harness::{NOW, World, affiliate};
use crate::reports::{click, sale, store};

const TODAY: &str = "/v1/reports/signals?from=2026-03-01&to=2026-03-01";
const CLICKED: UnixMillis = NOW.plus(-HOUR_MS);
const STUFFER: i64 = 3;

/// Clicks to be stored.
struct Clicks(Vec<StoredClick>);

impl Clicks {
    /// So many by an affiliate on an offer, whose advertiser has the same number.
    fn add(&mut self, count: usize, offer: i64, affiliate: i64, with: impl Fn(&mut StoredClick)) {
        for _ in 0..count {
            let record = u64::try_from(self.0.len() + 1).unwrap();
            let mut click =
                click(record, CLICKED, Dims { referrer_host: "blog.example".into(), ..Dims::default() });
            click.offer = OfferId::new(offer).ok();
            click.advertiser = AdvertiserId::new(offer).ok();
            click.affiliate = AffiliateId::new(affiliate).ok();
            with(&mut click);
            self.0.push(click);
        }
    }
}

/// Three affiliates of one offer: two alike, and one that loads its links in hidden frames. Another advertiser's offer.
async fn network() -> World {
    let world = World::furnished().await;
    for name in ["Mail", "Stuffer"] {
        world.post("/v1/affiliates", &affiliate(name, &format!("{name}@example.com"))).await.expect(201);
    }
    let banner = |click: &mut StoredClick| click.dims.creative = "banner".into();
    let impression = |click: &mut StoredClick| click.is_impression = true;
    let mut clicks = Clicks(Vec::new());
    for honest in [1, 2] {
        clicks.add(600, 1, honest, impression);
        clicks.add(294, 1, honest, |_| {});
        clicks.add(6, 1, honest, banner);
    }
    clicks.add(1_000, 1, STUFFER, impression);
    clicks.add(100, 1, STUFFER, banner);
    clicks.add(500, 1, STUFFER, |click| {
        banner(click);
        click.dims.referrer_host.clear();
    });
    clicks.add(60, 1, STUFFER, |click| click.verdict = Verdict::invalid(Reason::Stuffing));
    clicks.add(200, 2, 1, |_| {});
    store(&world, clicks.0).await;
    let sales = (1..=20).map(|number| Fact {
        fact_id: format!("sale:{number}"),
        conversion: ConversionId::new(number).unwrap(),
        affiliate: AffiliateId::new(1 + number % 2).ok(),
        ..sale("")
    });
    world.services.click_store.store_facts(sales.collect()).await.unwrap();
    world
}

/// Sales on offer 1: by whom, of which customer, when, how long after the click.
async fn enter_orders(world: &World, orders: Vec<(Option<i64>, String, UnixMillis, i64)>) {
    let entered: Result<(), StoreError> = world
        .services
        .database
        .write(move |tx| {
            for (number, (affiliate, customer, converted_at, after_ms)) in orders.iter().enumerate() {
                let new = InsertConversion {
                    event_id: format!("event:{number}"),
                    advertiser: AdvertiserId::new(1).unwrap(),
                    offer: OfferId::new(1).unwrap(),
                    goal: GoalId::new(1).unwrap(),
                    goal_key: "sale".into(),
                    idempotency: format!("order:{number}"),
                    source: ConversionSource::Api,
                    requested_status: None,
                    order_id: Some(number.to_string()),
                    click_id: None,
                    coupon: None,
                    customer_id: Some(customer.clone()),
                    items: None,
                    adv: None,
                    quantity: 1,
                    amount: Some(4_990),
                    currency: Currency::EUR,
                    order: None,
                    converted_at: *converted_at,
                    received_at: NOW,
                };
                let id = conversions::insert(tx, &new)?;
                let decision = DecisionColumns {
                    concerned: affiliate.iter().map(|id| AffiliateId::new(*id).unwrap()).collect(),
                    decided_at: NOW,
                    affiliate: affiliate.map(|id| AffiliateId::new(id).unwrap()),
                    link: None,
                    clicked_at: affiliate.map(|_| converted_at.plus(-after_ms)),
                    terms: None,
                    revenue_minor: None,
                    payout_minor: None,
                    status: CommissionStatus::Pending,
                    reason: None,
                    decision: "{}".into(),
                };
                conversions::record_decisions(tx, [(id, &decision)])?;
            }
            Ok(())
        })
        .await;
    entered.unwrap();
}

fn flagged(row: &Value) -> Vec<&str> {
    let signals = row["signals"].as_array().unwrap().iter();
    signals
        .filter(|signal| signal["flagged"] == true)
        .map(|signal| signal["signal"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn c_10_an_affiliate_that_stuffs_cookies_is_flagged_among_honest_ones_with_the_reasons() {
    let world = network().await;
    let mut orders = Vec::new();
    for number in 0..20 {
        let (old, new) = (format!("old-{number}"), format!("new-{number}"));
        orders.push((None, old.clone(), NOW.plus(-700 * HOUR_MS), 0));
        let after_ms = if number < 3 { 4_999 } else { 600_000 };
        orders.push((Some(STUFFER), old, CLICKED, after_ms));
        orders.push((Some(1), new, CLICKED, 600_000));
    }
    enter_orders(&world, orders).await;
    let answer = world.get(&format!("{TODAY}&offer=1")).await.expect(200);
    let rows = answer["rows"].as_array().unwrap();
    let found: Vec<_> =
        rows.iter().map(|row| (row["affiliate_id"].as_i64().unwrap(), flagged(row))).collect();
    let all = vec![
        "click_through_high",
        "conversion_low",
        "quick_orders",
        "returning_customers",
        "referrer_missing",
        "marked_stuffing",
    ];
    assert_eq!(found, [(1, vec![]), (2, vec![]), (STUFFER, all)]);
    let counted = |signal: usize| {
        let signal = &rows[2]["signals"][signal];
        let ratio =
            |ratio: &Value| (ratio["numerator"].as_u64().unwrap(), ratio["denominator"].as_u64().unwrap());
        (ratio(signal), ratio(&signal["norm"]), signal["reason"].as_str().unwrap())
    };
    let others = "of the other affiliates";
    for (signal, own, norm, reason) in [
        (0, (600, 1_000), (12, 1_200), format!("600 of 1000 (60.0 %), against 12 of 1200 (1.0 %) {others}")),
        (1, (0, 600), (20, 600), format!("0 of 600 (0.0 %), against 20 of 600 (3.3 %) {others}")),
        (2, (3, 20), (0, 20), "3 of 20 (15.0 %)".into()),
        (3, (20, 20), (0, 20), format!("20 of 20 (100.0 %), against 0 of 20 (0.0 %) {others}")),
        (4, (500, 600), (0, 600), format!("500 of 600 (83.3 %), against 0 of 600 (0.0 %) {others}")),
        (5, (60, 660), (0, 600), "60 of 660 (9.0 %)".into()),
    ] {
        assert_eq!(counted(signal), (own, norm, reason.as_str()));
    }
    assert_eq!((&rows[2]["flagged"], &rows[0]["flagged"]), (&json!(true), &json!(false)));
    assert_eq!(rows[0]["signals"][0]["reason"], Value::Null);

    // What is asked for narrows what is shown, not what it is compared with.
    let only = world.get(&format!("{TODAY}&affiliate={STUFFER}&offer=1")).await.expect(200);
    assert_eq!(only["rows"], json!([rows[2]]));
    assert_eq!(world.get(&format!("{TODAY}&offer=9")).await.expect(200)["rows"], json!([]));
    let meta = &answer["meta"];
    assert_eq!((&meta["rules_version"], &meta["clicks_min"]), (&json!(1), &json!(200)));
    assert_eq!((&meta["from"], &meta["tz"]), (&json!("2026-03-01T00:00:00.000Z"), &json!("UTC")));
    let thresholds = meta["thresholds"].as_array().unwrap();
    assert_eq!(thresholds.len(), 6);
    assert_eq!(thresholds[5]["threshold"], "at least 5 % and 10 of at least 200");
}

/// Referrers that were there on the days before, and are gone.
#[tokio::test]
async fn c_10_the_only_affiliate_of_an_offer_is_compared_with_itself_before() {
    let world = World::furnished().await;
    let mut clicks = Clicks(Vec::new());
    clicks.add(200, 1, 1, |click| click.at = CLICKED.plus(-48 * HOUR_MS));
    clicks.add(200, 1, 1, |click| click.dims.referrer_host.clear());
    store(&world, clicks.0).await;
    let answer = world.get(TODAY).await.expect(200);
    let missing = &answer["rows"][0]["signals"][4];
    assert_eq!(missing["before"], json!({"numerator": 0, "denominator": 200}));
    assert_eq!(flagged(&answer["rows"][0]), ["referrer_missing"]);
    let reason = "200 of 200 (100.0 %), against 0 of 200 (0.0 %) of the same affiliate before the period";
    assert_eq!(missing["reason"], reason);
    assert_eq!(answer["meta"]["before_from"], "2026-02-01T00:00:00.000Z");
}

/// What retention has deleted is not taken for clicks with a creative or a referrer.
#[tokio::test]
async fn c_10_where_raw_clicks_are_gone_both_sides_of_a_share_begin_later() {
    let world = World::furnished().await;
    let mut clicks = Clicks(Vec::new());
    for days in [0, 2] {
        let at = CLICKED.plus(-days * 24 * HOUR_MS);
        clicks.add(300, 1, 1, |click| click.at = at);
        clicks.add(100, 1, 1, |click| {
            click.at = at;
            click.is_impression = true;
        });
    }
    store(&world, clicks.0).await;
    let gone = Retention { clicks_before: Some(NOW.plus(-24 * HOUR_MS)), touches_before: None };
    world.services.click_store.retain(gone).await.unwrap();
    let answer = world.get("/v1/reports/signals?from=2026-02-27&to=2026-03-01").await.expect(200);
    let ratio = |signal: usize| {
        let signal = &answer["rows"][0]["signals"][signal];
        (signal["numerator"].as_u64().unwrap(), signal["denominator"].as_u64().unwrap())
    };
    assert_eq!((ratio(0), ratio(4), ratio(5)), ((0, 100), (0, 300), (0, 600)));
    assert_eq!(answer["meta"]["incomplete_before"], "2026-02-28T00:00:00.000Z");
}

// S-10, S-11
#[tokio::test]
async fn c_10_advertisers_see_signs_of_their_own_offers_and_affiliates_none() {
    let world = network().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    let finance = world.key(Role::Finance, None, None).await;
    let first = world.key(Role::Advertiser, Some(1), None).await;
    let second = world.key(Role::Advertiser, Some(2), None).await;
    let affiliate = world.key(Role::Affiliate, None, Some(1)).await;
    for (key, of_first, of_second) in
        [(&finance, vec![1, 1, 1], vec![2]), (&first, vec![1, 1, 1], vec![]), (&second, vec![], vec![2])]
    {
        for (filter, expected) in [
            ("", [of_first.clone(), of_second.clone()].concat()),
            ("&offer=1", of_first),
            ("&offer=2", of_second.clone()),
        ] {
            let answer = world.get_as(key, &format!("{TODAY}{filter}")).await.expect(200);
            let rows = answer["rows"].as_array().unwrap().iter();
            let offers: Vec<i64> = rows.map(|row| row["offer_id"].as_i64().unwrap()).collect();
            assert_eq!(offers, expected, "{filter}");
        }
    }
    world.get_as(&affiliate, TODAY).await.problem(403);
}

// W-30
#[tokio::test]
async fn every_bad_parameter_of_the_signs_is_named() {
    let world = World::furnished().await;
    let bad = "/v1/reports/signals?from=x&tz=Mars/One&offer=0&affiliate=me&group_by=day";
    let mut fields = world.get(bad).await.bad_fields(400);
    fields.sort();
    assert_eq!(fields, ["affiliate", "from", "group_by", "offer", "tz"]);
}
