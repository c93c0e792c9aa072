//! All attribution models side by side.

use hopline_click_store::{Dims, StoredClick};
use hopline_types::{AdvertiserId, AffiliateId, HOUR_MS, Role, UnixMillis};
use serde_json::{Value, json};

use crate::harness::{NOW, World, affiliate};
use crate::reports::{click, store};

const TODAY: &str = "/v1/reports/models?from=2026-03-01";

fn touch(record: u64, at: UnixMillis, visitor: u64, whose: i64) -> StoredClick {
    let mut click = click(record, at, Dims::default());
    click.advertiser = AdvertiserId::new(1).ok();
    click.affiliate = AffiliateId::new(whose).ok();
    click.visitor_key = visitor;
    click
}

/// Two visitors: one by way of affiliates 2 and 1, one by 2 alone; each bought after an hour. A third visitor's click is
/// not stored.
async fn network() -> World {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &affiliate("Mail", "mail@example.com")).await.expect(201);
    let last = NOW.plus(-HOUR_MS);
    let clicks = vec![
        touch(1, last.plus(-3 * HOUR_MS), 70, 2),
        touch(2, last.plus(-2 * HOUR_MS), 99, 1),
        touch(3, last, 70, 1),
        touch(4, last, 80, 2),
    ];
    store(&world, clicks).await;
    for (order, who, record) in [("A-1", 1, 3), ("A-2", 2, 4), ("A-3", 1, 50)] {
        let click = world.click(1, who, record).await;
        let sale = json!({"click_id": click, "event": "sale", "order_id": order, "amount": "10.00"});
        world.post("/v1/conversions", &sale).await.expect(201);
    }
    world.work().await;
    world
}

fn shares(row: &Value, models: &[&str]) -> Vec<String> {
    models.iter().map(|model| row[*model].as_str().unwrap().to_owned()).collect()
}

//
#[tokio::test]
async fn a_11_all_models_are_put_side_by_side_on_the_same_conversions() {
    let world = network().await;
    let before = world.get("/v1/ledger/trial_balance").await.expect(200);
    let answer = world.get(TODAY).await.expect(200);
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows.iter().map(|row| row["affiliate_id"].as_i64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    let models = ["last_click", "first_click", "last_non_direct", "linear", "position_based", "shapley"];
    assert_eq!(
        shares(&rows[0], &models),
        ["2.000000", "1.000000", "2.000000", "1.500000", "1.500000", "1.500000"]
    );
    assert_eq!(
        shares(&rows[1], &models),
        ["1.000000", "2.000000", "1.000000", "1.500000", "1.500000", "1.500000"]
    );
    // Without 1: of three visitors the one who began with 2 and ended there converts; half of those at 2 go on to 1, so 1/3.
    // Without 2: one of three. Both lose two thirds.
    assert_eq!(shares(&rows[0], &["markov"]), ["1.500000"]);
    let effects = &answer["meta"]["removal_effects"];
    assert_eq!(effects[0]["removal_effect"], "0.666667");
    let decayed: f64 = rows[0]["time_decay"].as_str().unwrap().parse().unwrap();
    assert!(decayed > 1.5 && decayed < 1.51, "{decayed}");
    for (model, total) in answer["totals"].as_object().unwrap() {
        assert_eq!(total, "3.000000", "{model}");
    }
    let meta = &answer["meta"];
    assert_eq!((&meta["conversions"], &meta["without_visitor"]), (&json!(3), &json!(1)));
    assert_eq!((&meta["has_more"], &meta["markov_other"]), (&json!(false), &Value::Null));
    assert_eq!(meta["note"], "for comparison only: payment follows each offer's own model");
    assert_eq!(world.get("/v1/ledger/trial_balance").await.expect(200), before, "nothing is booked");
}

#[tokio::test]
async fn models_are_narrowed_and_seen_by_those_who_pay() {
    let world = network().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    let own = world.key(Role::Advertiser, Some(1), None).await;
    assert_eq!(world.get_as(&own, TODAY).await.expect(200)["meta"]["conversions"], 3);
    let other = world.key(Role::Advertiser, Some(2), None).await;
    assert_eq!(world.get_as(&other, TODAY).await.expect(200)["rows"], json!([]));
    let affiliate = world.key(Role::Affiliate, None, Some(1)).await;
    world.get_as(&affiliate, TODAY).await.problem(403);
    for (filter, conversions) in
        [("goal=sale", 3), ("goal=lead", 0), ("offer=1", 3), ("offer=9", 0), ("advertiser=2", 0)]
    {
        let answer = world.get(&format!("{TODAY}&{filter}")).await.expect(200);
        assert_eq!(answer["meta"]["conversions"], conversions, "{filter}");
    }
    world.post("/v1/conversions/1/refund", &json!({"reason": "returned"})).await.expect(200);
    assert_eq!(world.get(TODAY).await.expect(200)["meta"]["conversions"], 2);
    assert_eq!(world.get("/v1/reports/models?group_by=offer").await.bad_fields(400), ["group_by"]);
}
