//! An offer's attribution, coupons, and explanations over the API.

use axum::http::Method;
use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::{World, affiliate, offer};

async fn attribution(world: &World, given: Value) -> crate::harness::Answer {
    world.patch_as(&world.operator, "/v1/offers/1", &json!({"attribution": given})).await
}

#[tokio::test]
async fn an_offer_says_how_its_credit_is_given_and_contradictions_are_refused() {
    let world = World::furnished().await;
    let shown = world.get("/v1/offers/1").await.expect(200);
    let defaults = json!({
        "model": "last_click", "window_days": 30, "window_seconds": 2_592_000, "view_window_hours": 24,
        "coupon": "overrides_click", "lifetime": false, "self_referral": "reject", "cross_device": false,
    });
    assert_eq!(shown["attribution"], defaults);
    let given = json!({
        "model": "time_decay", "window_days": 14, "view_window_hours": 12, "half_life_days": 3, "coupon": "fallback",
        "lifetime": true, "self_referral": "allow", "cross_device": true,
    });
    let shown = attribution(&world, given).await.expect(200);
    assert_eq!(shown["attribution"]["half_life_days"], 3);
    assert_eq!(shown["attribution"]["coupon"], "fallback");
    assert_eq!(world.get("/v1/offers/1").await.expect(200)["attribution"], shown["attribution"]);

    let problem = attribution(&world, json!({"model": "linear", "half_life_days": 5})).await.problem(422);
    let told = &problem["errors"][0];
    assert_eq!(told["field"], "attribution.half_life_days");
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("time_decay") && message.contains("the model is linear"), "{message}");
    let fields =
        attribution(&world, json!({"window_days": 1, "view_window_hours": 48})).await.bad_fields(422);
    assert_eq!(fields, ["attribution.view_window_hours"]);
    let fields = attribution(&world, json!({"coupon": "sometimes", "lifetime": 1, "half_live": 2}))
        .await
        .bad_fields(422);
    assert_eq!(fields, ["attribution.coupon", "attribution.lifetime", "attribution.half_live"]);
    assert_eq!(world.get("/v1/offers/1").await.expect(200)["attribution"], shown["attribution"]);

    let mut new = offer(1);
    new["attribution"] = json!({"model": "linear", "lifetime": true});
    let made = world.post("/v1/offers", &new).await.expect(201);
    assert_eq!(
        (&made["attribution"]["model"], &made["attribution"]["lifetime"]),
        (&json!("linear"), &json!(true))
    );
}

#[tokio::test]
async fn coupons_are_entered_listed_used_and_archived() {
    let world = World::furnished().await;
    let made =
        world.post("/v1/coupons", &json!({"advertiser_id": 1, "code": "Summer10", "affiliate_id": 1})).await;
    let made = made.expect(201);
    assert_eq!((&made["code"], &made["archived_at"]), (&json!("Summer10"), &Value::Null));
    let again = json!({"advertiser_id": 1, "code": "SUMMER10", "affiliate_id": 1});
    assert_eq!(world.post("/v1/coupons", &again).await.bad_fields(422), ["code"]);

    // A conversion with a coupon and without a click is its owner's.
    let sale =
        json!({"offer_id": 1, "event": "sale", "order_id": "A-1", "amount": "100.00", "coupon": "summer10"});
    world.post("/v1/conversions", &sale).await.expect(201);
    world.work().await;
    let shown = world.get("/v1/conversions/1").await.expect(200);
    assert_eq!((&shown["affiliate_id"], &shown["payout"]["amount"]), (&json!(1), &json!("10.00")));
    let blog = world.key(Role::Affiliate, None, Some(1)).await;
    let text = world.get_as(&blog, "/v1/conversions/1/explain?format=text").await;
    assert!(text.header("content-type").starts_with("text/plain"));
    let text = String::from_utf8(text.bytes).unwrap();
    assert!(
        text.contains("100.00 EUR x 10 % = 10") && text.contains("Coupon summer10 of affiliate 1: credited"),
        "{text}"
    );
    assert!(!text.contains("revenue"), "{text}");
    world.get("/v1/conversions/1/explain?format=html").await.problem(400);

    assert_eq!(world.get("/v1/coupons?code=SUMMER10&archived=false").await.expect(200)["items"][0]["id"], 1);
    let gone = world.call(&world.operator, Method::DELETE, "/v1/coupons/1", None, &[]).await;
    assert_eq!(gone.status.as_u16(), 204);
    world.call(&world.operator, Method::DELETE, "/v1/coupons/1", None, &[]).await.problem(409);
    world.post("/v1/coupons", &again).await.expect(201);
    assert_eq!(
        world.get("/v1/coupons?archived=true").await.expect(200)["items"].as_array().unwrap().len(),
        1
    );
}

#[tokio::test]
async fn a_list_of_coupons_is_entered_whole_or_not_at_all_with_every_bad_one_named() {
    let world = World::furnished().await;
    let many: Vec<Value> = (0..1_000)
        .map(|number| json!({"advertiser_id": 1, "code": format!("C{number}"), "affiliate_id": 1, "offer_id": 1}))
        .collect();
    let made = world.post("/v1/coupons", &Value::from(many.clone())).await.expect(200);
    assert_eq!(made["items"].as_array().unwrap().len(), 1_000);
    assert_eq!(made["items"][999]["code"], "C999");
    let more: Vec<Value> = many.into_iter().chain([json!({})]).collect();
    assert_eq!(world.post("/v1/coupons", &Value::from(more)).await.bad_fields(422), ["body"]);
    let wrong = json!([
        {"advertiser_id": 1, "code": "D", "affiliate_id": 1},
        {"advertiser_id": 1, "code": " d", "affiliate_id": 1},
        {"code": "E", "affiliate_id": 1},
        {"advertiser_id": 1, "code": "", "affiliate_id": "x", "valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"},
    ]);
    let fields = world.post("/v1/coupons", &wrong).await.bad_fields(422);
    let expected = [
        "coupons[1].code",
        "coupons[2].advertiser_id",
        "coupons[3].code",
        "coupons[3].affiliate_id",
        "coupons[3].valid_until",
    ];
    assert_eq!(fields, expected);
    attribution(&world, json!({"coupon": "ignored"})).await.expect(200);
    let wrong = json!([
        {"advertiser_id": 1, "code": "D", "affiliate_id": 9},
        {"advertiser_id": 2, "code": "E", "affiliate_id": 1},
        {"advertiser_id": 1, "code": "c7", "affiliate_id": 1},
        {"advertiser_id": 1, "code": "F", "affiliate_id": 1, "offer_id": 9},
        {"advertiser_id": 1, "code": "G", "affiliate_id": 1, "offer_id": 1},
    ]);
    let fields = world.post("/v1/coupons", &wrong).await.bad_fields(422);
    let expected = [
        "coupons[0].affiliate_id",
        "coupons[1].advertiser_id",
        "coupons[2].code",
        "coupons[3].offer_id",
        "coupons[4].offer_id",
    ];
    assert_eq!(fields, expected);
    assert_eq!(world.get("/v1/coupons?code=d").await.expect(200)["items"], json!([]));
}

// S-10
#[tokio::test]
async fn s_10_coupons_are_seen_by_their_shop_and_their_owner_alone() {
    let world = World::furnished().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    world.post("/v1/affiliates", &affiliate("Second", "second@example.com")).await.expect(201);
    let acme = world.key(Role::Advertiser, Some(1), None).await;
    let other = world.key(Role::Advertiser, Some(2), None).await;
    let blog = world.key(Role::Affiliate, None, Some(1)).await;
    let second = world.key(Role::Affiliate, None, Some(2)).await;
    // An advertiser names affiliates that have links to its offers, and itself where it names no advertiser.
    let new = json!({"code": "X", "affiliate_id": 1});
    assert_eq!(world.post_as(&acme, "/v1/coupons", &new).await.expect(201)["advertiser_id"], 1);
    let unknown = json!({"code": "Y", "affiliate_id": 2});
    assert_eq!(world.post_as(&acme, "/v1/coupons", &unknown).await.bad_fields(422), ["affiliate_id"]);
    let foreign = json!({"advertiser_id": 1, "code": "Y", "affiliate_id": 1});
    assert_eq!(world.post_as(&other, "/v1/coupons", &foreign).await.bad_fields(422), ["advertiser_id"]);
    world.post_as(&blog, "/v1/coupons", &foreign).await.problem(403);
    for (key, sees) in [(&acme, true), (&blog, true), (&other, false), (&second, false)] {
        let status = if sees { 200 } else { 404 };
        assert_eq!(world.get_as(key, "/v1/coupons/1").await.status.as_u16(), status);
        let listed = world.get_as(key, "/v1/coupons").await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), usize::from(sees));
    }
    world.call(&other, Method::DELETE, "/v1/coupons/1", None, &[]).await.problem(404);
}

// S-10, A-10
#[tokio::test]
async fn s_10_a_late_coupon_claims_an_order_and_each_affiliate_sees_its_own_part_of_the_story() {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &affiliate("Second", "second@example.com")).await.expect(201);
    world.post("/v1/affiliates", &affiliate("Third", "third@example.com")).await.expect(201);
    let click = world.click(1, 1, 7).await;
    let sale = json!({"click_id": click, "event": "sale", "order_id": "A-1", "amount": "100.00", "coupon": "SUMMER10"});
    world.post("/v1/conversions", &sale).await.expect(201);
    world.work().await;
    let (first, second) =
        (world.key(Role::Affiliate, None, Some(1)).await, world.key(Role::Affiliate, None, Some(2)).await);
    let third = world.key(Role::Affiliate, None, Some(3)).await;
    let shown = world.get_as(&first, "/v1/conversions/1").await.expect(200);
    assert_eq!((&shown["affiliate_id"], &shown["payout"]["amount"]), (&json!(1), &json!("10.00")));
    world.get_as(&second, "/v1/conversions/1").await.problem(404);

    let coupon = json!({"advertiser_id": 1, "code": "summer10", "affiliate_id": 2});
    world.post("/v1/coupons", &coupon).await.expect(201);
    world.work().await;
    let shown = world.get("/v1/conversions/1").await.expect(200);
    assert_eq!((&shown["affiliate_id"], &shown["payout"]["amount"]), (&json!(2), &json!("10.00")));
    let told = world.get("/v1/conversions/1/explain").await.expect(200);
    assert_eq!(told["decision"]["number"], 2);
    assert_eq!(told["earlier_decisions"][0]["decision"]["credits"][0]["affiliate_id"], 1);
    let page = world.get_as(&world.operator, "/v1/conversions/1/explain?format=text").await;
    let page = String::from_utf8(page.bytes).unwrap();
    assert!(page.contains("because coupon SUMMER10 was entered later"), "{page}");

    // Who has lost it goes on seeing it, and that it has nothing of it; nobody sees who else was credited.
    for (key, own, payout, other) in [(&first, json!(null), "0.00", 2), (&second, json!(2), "10.00", 1)] {
        let shown = world.get_as(key, "/v1/conversions/1").await.expect(200);
        assert_eq!((&shown["affiliate_id"], &shown["payout"]["amount"]), (&own, &json!(payout)));
        let listed = world.get_as(key, "/v1/conversions").await.expect(200);
        assert_eq!(listed["items"], json!([shown]));
        let told = world.get_as(key, "/v1/conversions/1/explain").await.expect(200).to_string();
        assert!(!told.contains(&format!("\"affiliate_id\":{other}")), "{told}");
        assert!(!told.contains(&format!("affiliate:{other}:")), "{told}");
    }
    world.get_as(&third, "/v1/conversions/1").await.problem(404);
    world.get_as(&third, "/v1/conversions/1/explain").await.problem(404);
    assert_eq!(world.get_as(&third, "/v1/conversions").await.expect(200)["items"], json!([]));
}
