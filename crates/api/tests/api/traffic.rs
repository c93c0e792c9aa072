//! Whose traffic an offer takes, and how much.

use hopline_control_store::caps::{self, CapSpan};
use hopline_control_store::{DatabaseExt, StoreError, catalogue};
use hopline_types::{AffiliateId, CapId, HOUR_MS, Role};
use serde_json::{Value, json};

use crate::harness::{NOW, World, affiliate, offer};

fn with(mut body: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn rules() -> Value {
    json!({
        "targeting": {
            "countries": {"only": ["DE", "AT"]}, "regions": {"not": ["DE-BY"]}, "devices": {"not": ["tv"]},
            "os": {"only": ["Android", "iOS"]}, "browsers": {"not": ["IE"]}, "languages": {"only": ["de"]},
            "hours": {"zone": "Europe/Berlin", "week": [[9, 10], [9], [9], [9], [9], [], []]},
        },
        "fallback_offer_id": 1, "landing_page_weight": 3, "cookies": "consent", "cookieless_countries": ["FR"],
        "caps": [
            {"metric": "clicks", "period": "day", "amount": 1000, "zone": "Europe/Berlin"},
            {"metric": "revenue", "period": "month", "amount": "500.00", "each_affiliate": true},
            {"metric": "payout", "period": "total", "amount": {"amount": "99.90", "currency": "EUR"}, "affiliate_id": 1},
            {"metric": "conversions", "period": "week", "amount": "10"},
        ],
    })
}

async fn version(world: &World) -> i64 {
    world.services.database.read(catalogue::version).await.unwrap()
}

async fn take(world: &World, cap: i64, affiliate: Option<i64>, end: Option<i64>, amount: i64) {
    let cap = CapId::new(cap).unwrap();
    let affiliate = affiliate.map(|id| AffiliateId::new(id).unwrap());
    let end = end.map(|after| NOW.plus(after));
    let span = CapSpan { start: hopline_types::UnixMillis(0), end };
    let added: Result<_, StoreError> =
        world.services.database.write(move |tx| caps::add(tx, cap, affiliate, &span, amount)).await;
    added.unwrap();
}

#[tokio::test]
async fn rules_come_back_as_they_were_given() {
    let world = World::furnished().await;
    let plain = world.get("/v1/offers/1").await.expect(200);
    assert_eq!((&plain["targeting"], &plain["caps"]), (&json!({}), &json!([])));
    assert_eq!((&plain["cookies"], &plain["cookieless_countries"]), (&json!("always"), &json!([])));
    assert_eq!((&plain["fallback_offer_id"], &plain["landing_page_weight"]), (&Value::Null, &Value::Null));

    let made = world.post("/v1/offers", &with(offer(1), &rules())).await.expect(201);
    assert_eq!(world.get("/v1/offers/2").await.expect(200), made);
    for field in ["targeting", "fallback_offer_id", "landing_page_weight", "cookies", "cookieless_countries"]
    {
        assert_eq!(made[field], rules()[field], "{field}");
    }
    let money = |amount: &str| json!({"amount": amount, "currency": "EUR"});
    let expected = json!([
        {"id": 1, "metric": "clicks", "period": "day", "zone": "Europe/Berlin", "amount": 1000, "affiliate_id": null,
         "each_affiliate": false},
        {"id": 2, "metric": "revenue", "period": "month", "zone": "UTC", "amount": money("500.00"), "affiliate_id": null,
         "each_affiliate": true},
        {"id": 3, "metric": "payout", "period": "total", "zone": "UTC", "amount": money("99.90"), "affiliate_id": 1,
         "each_affiliate": false, "taken": money("0.00")},
        {"id": 4, "metric": "conversions", "period": "week", "zone": "UTC", "amount": 10, "affiliate_id": null,
         "each_affiliate": false, "taken": 0},
    ]);
    assert_eq!(made["caps"], expected);

    // What was got may be sent back, and changes nothing.
    let names =
        ["targeting", "caps", "fallback_offer_id", "landing_page_weight", "cookies", "cookieless_countries"];
    let same: Value = names.map(|name| (name.to_owned(), made[name].clone())).into_iter().collect();
    let again = world.patch_as(&world.operator, "/v1/offers/2", &same).await.expect(200);
    for name in names {
        assert_eq!(again[name], made[name], "{name}");
    }
    let log = world.get("/v1/audit_log?limit=500").await.expect(200).to_string();
    assert!(log.contains("cookieless_countries"), "the audit log keeps the rules");
}

#[tokio::test]
async fn rules_are_taken_away_with_null_and_edges_are_told() {
    let world = World::furnished().await;
    world.post("/v1/offers", &with(offer(1), &rules())).await.expect(201);
    let before = version(&world).await;
    let nothing = json!({
        "targeting": null, "fallback_offer_id": null, "landing_page_weight": null, "cookies": "always",
        "cookieless_countries": null, "caps": null,
    });
    let bare = world.patch_as(&world.operator, "/v1/offers/2", &nothing).await.expect(200);
    let plain = world.get("/v1/offers/1").await.expect(200);
    for name in nothing.as_object().unwrap().keys() {
        assert_eq!(bare[name], plain[name], "{name}");
    }
    assert!(version(&world).await > before);
    let data = world.services.database.read(|tx| catalogue::load(tx, NOW)).await;
    let data: hopline_catalogue::data::CatalogueData = data.map_err(|failure: StoreError| failure).unwrap();
    assert_eq!(data.offers[1].rules, hopline_catalogue::data::OfferRules::default());
    assert_eq!((data.offers[0].rules.landing_pages.len(), data.domains.len()), (1, 1));
    hopline_catalogue::Catalogue::compile(data).unwrap();
}

#[tokio::test]
async fn every_bad_rule_is_named_at_once_with_its_path() {
    let world = World::furnished().await;
    let bad = json!({
        "targeting": {
            "countries": {"only": ["DE", "de"]}, "regions": {"only": ["US-CA"], "not": ["US-TX"]}, "devices": {"not": ["watch"]},
            "os": {}, "browsers": ["IE"], "languages": {"only": ["DE"]}, "colour": 1,
            "hours": {"zone": "Mars/Olympus", "week": [[24], [9], [9], [9], [9], [], []]},
        },
        "fallback_offer_id": 0, "landing_page_weight": 10_001, "cookies": "crumbs", "cookieless_countries": ["FR", "x"],
        "caps": [
            {"metric": "luck", "period": "year", "amount": 1},
            {"metric": "clicks", "period": "day", "amount": 1.5, "zone": "Mars/Olympus"},
            {"metric": "revenue", "period": "day", "amount": 5},
            {"metric": "revenue", "period": "day", "amount": "1.005"},
            {"metric": "payout", "period": "day", "amount": {"amount": "1.00", "currency": "USD"}},
            {"metric": "clicks", "period": "week", "amount": 5, "affiliate_id": 1, "each_affiliate": true, "colour": 1},
            {"metric": "clicks", "period": "day", "amount": 5},
            {"metric": "clicks", "period": "day", "amount": 6},
            {"metric": "clicks", "period": "month", "amount": -1},
            {"metric": "clicks", "period": "total", "amount": 1, "zone": "Mars/Olympus"},
            {},
        ],
    });
    let expected = [
        "caps[0].metric",
        "caps[0].period",
        "caps[10].amount",
        "caps[10].metric",
        "caps[10].period",
        "caps[1].amount",
        "caps[1].zone",
        "caps[2].amount",
        "caps[3].amount",
        "caps[4].amount.currency",
        "caps[5].colour",
        "caps[5].each_affiliate",
        "caps[7]",
        "caps[8].amount",
        "caps[9].zone",
        "cookieless_countries[1]",
        "cookies",
        "fallback_offer_id",
        "landing_page_weight",
        "targeting.browsers",
        "targeting.colour",
        "targeting.countries.only[1]",
        "targeting.devices.not[0]",
        "targeting.hours.week[0]",
        "targeting.hours.zone",
        "targeting.languages.only[0]",
        "targeting.os.only",
        "targeting.regions.not",
    ];
    for answer in [
        world.post("/v1/offers", &with(offer(1), &bad)).await,
        world.patch_as(&world.operator, "/v1/offers/1", &bad).await,
    ] {
        let mut fields = answer.bad_fields(422);
        fields.sort();
        fields.dedup();
        assert_eq!(fields, expected);
    }
    for week in [
        json!([[9], [9]]),
        json!("always"),
        json!([[9], 9, [9], [9], [9], [], []]),
        json!([["x"], [], [], [], [], [], []]),
    ] {
        let hours = json!({"targeting": {"hours": {"zone": "UTC", "week": week}}});
        let fields = world.patch_as(&world.operator, "/v1/offers/1", &hours).await.bad_fields(422);
        assert!(fields.len() == 1 && fields[0].starts_with("targeting.hours.week"), "{fields:?}");
    }
    let nobody = json!({"caps": [{"metric": "clicks", "period": "day", "amount": 1, "affiliate_id": 9}]});
    let refused = world.patch_as(&world.operator, "/v1/offers/1", &nobody).await.bad_fields(422);
    assert_eq!(refused, ["caps[0].affiliate_id"]);
}

#[tokio::test]
async fn fallback_offers_make_no_loops_and_no_long_chains() {
    let world = World::furnished().await;
    for _ in 2..=9 {
        world.post("/v1/offers", &offer(1)).await.expect(201);
    }
    let point = async |from: i64, to: i64| {
        let path = format!("/v1/offers/{from}");
        world.patch_as(&world.operator, &path, &json!({"fallback_offer_id": to})).await
    };
    for from in 1..=7 {
        point(from, from + 1).await.expect(200);
    }
    for (from, to) in [(8, 1), (8, 8), (8, 9), (9, 1)] {
        let before = version(&world).await;
        assert_eq!(point(from, to).await.bad_fields(422), ["fallback_offer_id"], "{from} to {to}");
        assert_eq!(version(&world).await, before);
    }
    assert_eq!(point(8, 99).await.bad_fields(422), ["fallback_offer_id"]);
    let far = with(offer(1), &json!({"fallback_offer_id": 1}));
    assert_eq!(world.post("/v1/offers", &far).await.bad_fields(422), ["fallback_offer_id"]);
    assert_eq!(world.get("/v1/offers").await.expect(200)["items"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn a_cap_that_is_raised_keeps_its_id_and_what_it_has_taken() {
    let world = World::furnished().await;
    let cap = |metric: &str, amount: Value| json!({"metric": metric, "period": "day", "amount": amount});
    let set = async |caps: Value| {
        let changed = world.patch_as(&world.operator, "/v1/offers/1", &json!({"caps": caps})).await;
        changed.expect(200)["caps"].clone()
    };
    set(json!([cap("conversions", json!(5)), cap("revenue", json!("10.00"))])).await;
    take(&world, 1, None, Some(HOUR_MS), 4).await;
    take(&world, 2, None, Some(HOUR_MS), 250).await;
    let raised = set(json!([cap("clicks", json!(7)), cap("conversions", json!(9))])).await;
    assert_eq!(
        (&raised[0]["id"], &raised[0]["amount"], &raised[0]["taken"]),
        (&json!(1), &json!(9), &json!(4))
    );
    assert_eq!((&raised[1]["id"], raised[1].get("taken")), (&json!(3), None));
    assert_eq!(raised.as_array().unwrap().len(), 2);
    // In the next period nothing is taken yet.
    world.clock.set(NOW.plus(HOUR_MS));
    assert_eq!(world.get("/v1/offers/1").await.expect(200)["caps"][0]["taken"], 0);
}

#[tokio::test]
async fn a_cap_that_is_lowered_below_what_it_has_taken_closes_at_once() {
    let world = World::furnished().await;
    let set = async |amount: i64| {
        let caps = json!({"caps": [{"metric": "conversions", "period": "day", "amount": amount}]});
        world.patch_as(&world.operator, "/v1/offers/1", &caps).await.expect(200);
        let closed: Result<_, StoreError> =
            world.services.database.read(|tx| Ok(catalogue::load(tx, NOW)?.closures)).await;
        closed.unwrap().len()
    };
    assert_eq!(set(5).await, 0);
    take(&world, 1, None, Some(HOUR_MS), 4).await;
    assert_eq!(set(4).await, 1);
    assert_eq!(set(5).await, 0);
}

// S-10
#[tokio::test]
async fn everybody_sees_the_caps_of_their_own_side() {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &affiliate("Rival", "rival@example.com")).await.expect(201);
    let cap =
        |metric: &str, more: &Value| with(json!({"metric": metric, "period": "day", "amount": "9"}), more);
    let caps = json!({"caps": [
        cap("conversions", &json!({})), cap("revenue", &json!({})), cap("payout", &json!({})),
        cap("conversions", &json!({"affiliate_id": 1})), cap("conversions", &json!({"affiliate_id": 2})),
        cap("conversions", &json!({"each_affiliate": true})), cap("clicks", &json!({})),
    ]});
    world.patch_as(&world.operator, "/v1/offers/1", &caps).await.expect(200);
    for (number, whose) in [(1, None), (3, None), (4, Some(1)), (5, Some(2)), (6, Some(1)), (6, Some(2))] {
        take(&world, number, whose, None, number).await;
    }
    let seen = async |key: &str| {
        let offer = world.get_as(key, "/v1/offers/1").await.expect(200);
        let listed = world.get_as(key, "/v1/offers").await.expect(200)["items"][0].clone();
        assert_eq!(offer["caps"], listed["caps"]);
        let caps = offer["caps"].as_array().unwrap().clone();
        caps.iter().map(|cap| (cap["id"].as_i64().unwrap(), cap.get("taken").cloned())).collect::<Vec<_>>()
    };
    let money = |amount: &str| Some(json!({"amount": amount, "currency": "EUR"}));
    let (one, four, five, six) = (Some(json!(1)), Some(json!(4)), Some(json!(5)), Some(json!(6)));
    let operator = seen(&world.operator).await;
    let all = [
        (1, one.clone()),
        (2, money("0.00")),
        (3, money("0.03")),
        (4, four.clone()),
        (5, five.clone()),
        (6, None),
        (7, None),
    ];
    assert_eq!(operator, all);
    let advertiser = world.key(Role::Advertiser, Some(1), None).await;
    assert_eq!(
        seen(&advertiser).await,
        [(1, one), (2, money("0.00")), (4, four.clone()), (5, five), (6, None), (7, None)]
    );
    let blog = world.key(Role::Affiliate, None, Some(1)).await;
    assert_eq!(seen(&blog).await, [(1, None), (3, None), (4, four), (6, six), (7, None)]);

    // An advertiser replaces what it sees; what it does not see stays.
    let own = json!({"caps": [cap("revenue", &json!({})), cap("conversions", &json!({"affiliate_id": 1}))]});
    world.patch_as(&advertiser, "/v1/offers/1", &own).await.expect(200);
    let left: Vec<_> = seen(&world.operator).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, [2, 3, 4]);
    let payout = json!({"caps": [cap("payout", &json!({})), cap("clicks", &json!({"affiliate_id": 2}))]});
    let refused = world.patch_as(&advertiser, "/v1/offers/1", &payout).await.bad_fields(422);
    assert_eq!(refused, ["caps[0].metric"]);
    let stranger = json!({"caps": [cap("clicks", &json!({"affiliate_id": 2}))]});
    let refused = world.patch_as(&advertiser, "/v1/offers/1", &stranger).await.bad_fields(422);
    assert_eq!(refused, ["caps[0].affiliate_id"], "it has no links to this advertiser's offers");
}

// S-10
#[tokio::test]
async fn an_advertisers_offer_falls_back_to_its_own_offers_only() {
    let world = World::furnished().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    world.post("/v1/offers", &offer(2)).await.expect(201);
    world.post("/v1/offers", &offer(1)).await.expect(201);
    let advertiser = world.key(Role::Advertiser, Some(1), None).await;
    let fallback = |offer: i64| json!({"fallback_offer_id": offer});
    let refused = world.patch_as(&advertiser, "/v1/offers/1", &fallback(2)).await.bad_fields(422);
    assert_eq!(refused, ["fallback_offer_id"]);
    let own = world.patch_as(&advertiser, "/v1/offers/1", &fallback(3)).await.expect(200);
    assert_eq!(own["fallback_offer_id"], 3);
    world.patch_as(&world.operator, "/v1/offers/1", &fallback(2)).await.expect(200);
}
