//! Rates, rules, qualification, chargebacks, undoing and bulk judgement over the API.

use axum::http::Method;
use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::World;

/// A file for an upload.
async fn upload(world: &World, key: &str, kind: &str, text: &str) -> crate::harness::Answer {
    world.upload(key, "/v1/exchange_rates/import", kind, text).await
}

#[tokio::test]
async fn rates_are_entered_listed_and_never_changed() {
    let world = World::furnished().await;
    let rate =
        json!({"from": "EUR", "to": "USD", "rate": "1.1523", "source": "ecb", "at": "2026-02-27T15:00:00Z"});
    let entered = world.post("/v1/exchange_rates", &rate).await.expect(200);
    assert_eq!(entered, json!({"entered": 1, "known": 0, "conversions_released": 0}));
    let many = json!([rate, {"from": "EUR", "to": "GBP", "rate": "0.88", "source": "ecb"}]);
    let entered = world.post("/v1/exchange_rates", &many).await.expect(200);
    assert_eq!((entered["entered"].as_i64(), entered["known"].as_i64()), (Some(1), Some(1)));
    let mut other = rate.clone();
    other["rate"] = "1.16".into();
    assert_eq!(world.post("/v1/exchange_rates", &other).await.bad_fields(422), ["rate"]);
    let wrong = json!([rate, {"from": "EUR", "to": "EUR", "rate": "0", "source": "x"}, {"from": "EUX", "rate": "1,1"}]);
    let fields = world.post("/v1/exchange_rates", &wrong).await.bad_fields(422);
    assert_eq!(fields, ["rates[2].from", "rates[2].to", "rates[2].rate", "rates[2].source"]);
    let wrong =
        json!([{"from": "EUR", "to": "EUR", "rate": "0", "source": "x", "at": "2026-03-03T10:00:01Z"}]);
    let fields = world.post("/v1/exchange_rates", &wrong).await.bad_fields(422);
    assert_eq!(fields, ["rates[0].to", "rates[0].rate", "rates[0].at"]);
    let listed = world.get("/v1/exchange_rates?to=USD").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["rate"], "1.1523");
    world.get("/v1/exchange_rates?to=usd").await.problem(400);
    let first = world.get("/v1/exchange_rates?limit=1").await.expect(200);
    assert_eq!(first["items"][0]["to"], "GBP", "newest entry first");
    let next = format!("/v1/exchange_rates?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    assert_eq!(world.get(&next).await.expect(200)["items"][0]["to"], "USD");
    let policy = world.patch_as(&world.operator, "/v1/exchange_rates/policy", &json!({"days_max": 3})).await;
    assert_eq!(policy.expect(200), json!({"pivot": "EUR", "days_max": 3}));
    let affiliate = world.key(Role::Affiliate, None, Some(1)).await;
    world.get_as(&affiliate, "/v1/exchange_rates").await.problem(403);
}

#[tokio::test]
async fn a_file_of_rates_is_entered_whole_or_not_at_all() {
    let world = World::furnished().await;
    let finance = world.key(Role::Finance, None, None).await;
    let csv = "date,from,to,rate,source\n2026-02-27,USD,EUR,0.92345,bank\n2026-02-28,USD,EUR,0.93,bank\n";
    let entered = upload(&world, &finance, "text/csv; charset=utf-8", csv).await.expect(200);
    assert_eq!(entered["entered"], 2);
    assert_eq!(upload(&world, &finance, "text/csv", csv).await.expect(200)["known"], 2);
    let xml = "<Cube><Cube time='2026-02-27'><Cube currency='USD' rate='1.1'/><Cube currency='JPY' rate='180'/></Cube></Cube>";
    assert_eq!(upload(&world, &finance, "application/xml", xml).await.expect(200)["entered"], 2);
    let broken = format!("{csv}2026-02-29,USD,EUR,1,bank\n");
    let problem = upload(&world, &finance, "text/csv", &broken).await.problem(422);
    let told = problem["errors"][0]["message"].as_str().unwrap();
    assert!(told.starts_with("line 4: "), "{told}");
    upload(&world, &finance, "application/json", csv).await.problem(415);
    let advertiser = world.key(Role::Advertiser, Some(1), None).await;
    upload(&world, &advertiser, "text/csv", csv).await.problem(403);
}

#[tokio::test]
async fn a_foreign_order_waits_for_its_rate_and_shows_it() {
    let world = World::furnished().await;
    let sale =
        json!({"offer_id": 1, "event": "sale", "order_id": "A-1", "amount": "100.00", "currency": "USD"});
    let made = world.post("/v1/conversions", &sale).await.expect(201);
    assert_eq!(made["amount"], json!({"amount": "100.00", "currency": "USD"}));
    assert!(made.get("converted_amount").is_none());
    world.work().await;
    let missing = world.get("/v1/exchange_rates/missing").await.expect(200);
    assert_eq!(missing["items"][0]["from"], "USD");
    assert_eq!(missing["items"][0]["conversions"], 1);
    let told = world.get("/v1/conversions/1/explain").await.expect(200);
    assert_eq!(told["waits"]["for"], "exchange_rate");
    let rate = json!({"from": "USD", "to": "EUR", "rate": "0.92345", "source": "bank"});
    assert_eq!(world.post("/v1/exchange_rates", &rate).await.expect(200)["conversions_released"], 1);
    world.work().await;
    let shown = world.get("/v1/conversions/1").await.expect(200);
    assert_eq!(shown["converted_amount"], json!({"amount": "92.34", "currency": "EUR"}));
    assert_eq!(shown["exchange"]["rate"], "0.92345");
    assert_eq!(shown["exchange"]["source"], "bank");
}

#[tokio::test]
async fn conversions_are_judged_in_bulk_and_each_is_answered() {
    let world = World::furnished().await;
    world.patch_as(&world.operator, "/v1/offers/1", &json!({"approval": "manual"})).await.expect(200);
    for order in ["A-1", "A-2", "A-3"] {
        world.sale(order, 1).await;
    }
    let asked = json!({"items": [
        {"id": 1, "decision": "approve"},
        {"id": 2, "decision": "reject", "reason": "cancelled"},
        {"id": 3, "decision": "reject"},
        {"id": 99, "decision": "approve"},
        {"id": 1, "decision": "approve"},
        {"decision": "maybe"},
    ]});
    let answer = world.post("/v1/conversions/judge", &asked).await.expect(200);
    assert_eq!((answer["accepted"].as_i64(), answer["refused"].as_i64()), (Some(2), Some(4)));
    let told: Vec<_> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["status"].as_str().or(item["detail"].as_str()).unwrap().to_owned())
        .collect();
    assert_eq!(
        told,
        [
            "approved",
            "rejected",
            "some fields are not valid",
            "there is no conversion 99",
            "id: conversion 1 is named twice",
            "some fields are not valid"
        ]
    );
    // Another tenant finds nothing.
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    let other = world.key(Role::Advertiser, Some(2), None).await;
    let theirs = json!({"items": [{"id": 3, "decision": "approve"}]});
    let answer = world.post_as(&other, "/v1/conversions/judge", &theirs).await.expect(200);
    assert_eq!(answer["items"][0]["detail"], "there is no conversion 3");
    assert_eq!(world.get("/v1/conversions/3").await.expect(200)["status"], "pending");
    let own = world.key(Role::Advertiser, Some(1), None).await;
    let answer = world.post_as(&own, "/v1/conversions/judge", &theirs).await.expect(200);
    assert_eq!(
        (answer["items"][0]["status"].as_str(), answer["items"][0]["changed"].as_bool()),
        (Some("approved"), Some(true))
    );
    world.post("/v1/conversions/judge", &json!({"items": []})).await.problem(422);
}

#[tokio::test]
async fn mistakes_are_undone_and_chargebacks_are_won() {
    let world = World::furnished().await;
    world.patch_as(&world.operator, "/v1/offers/1", &json!({"approval": "manual"})).await.expect(200);
    world.sale("A-1", 1).await;
    let undo = |body: Value| {
        let world = &world;
        async move { world.post("/v1/conversions/1/undo", &body).await }
    };
    undo(json!({"what": "approval", "reason": "x"})).await.problem(409);
    world.post("/v1/conversions/1/approve", &json!({})).await.expect(200);
    let again = undo(json!({"what": "approval", "reason": "the wrong one"})).await.expect(200);
    assert_eq!(again["status"], "pending");
    world.post("/v1/conversions/1/reject", &json!({"reason": "fake"})).await.expect(200);
    let approved = world.post("/v1/conversions/1/approve", &json!({})).await.problem(409);
    assert!(approved["detail"].as_str().unwrap().contains("conversion 1 is rejected"), "{approved}");
    undo(json!({"what": "rejection", "reason": "it was not"})).await.expect(200);
    world.post("/v1/conversions/1/approve", &json!({})).await.expect(200);
    let charged = json!({"reason": "stolen card", "fee": "15.00"});
    let advertiser = world.key(Role::Advertiser, Some(1), None).await;
    let refused = world.post_as(&advertiser, "/v1/conversions/1/chargeback", &charged).await;
    assert_eq!(refused.bad_fields(422), ["fee"]);
    let back = world.post("/v1/conversions/1/chargeback", &charged).await.expect(200);
    assert_eq!(
        (back["status"].as_str(), back["refund"]["kind"].as_str()),
        (Some("reversed"), Some("chargeback"))
    );
    assert_eq!(back["refund"]["fee"]["amount"], "15.00");
    let balance = world.get("/v1/balances?affiliate=1").await.expect(200);
    assert_eq!(balance["items"][0]["carried"], "-15.00");
    assert_eq!(undo(json!({"what": "refund", "reason": "won"})).await.bad_fields(422), ["refund_id"]);
    undo(json!({"what": "refund", "refund_id": 99, "reason": "won"})).await.problem(404);
    let id = back["refund"]["id"].as_i64().unwrap();
    let won = undo(json!({"what": "refund", "refund_id": id, "return_fee": true, "reason": "won"}))
        .await
        .expect(200);
    assert_eq!(won["commission_status"], "payable");
    undo(json!({"what": "refund", "refund_id": id, "reason": "won"})).await.problem(409);
    let told = world.get("/v1/conversions/1/explain").await.expect(200);
    let judged: Vec<_> =
        told["judgements"].as_array().unwrap().iter().map(|one| one["what"].as_str().unwrap()).collect();
    assert_eq!(judged, ["approved", "approval_undone", "rejected", "rejection_undone", "approved"]);
    let affiliate = world.key(Role::Affiliate, None, Some(1)).await;
    let told = world.get_as(&affiliate, "/v1/conversions/1/explain").await.expect(200);
    assert!(told["judgements"][0]["actor"].is_null(), "who it was is the network's affair");
    world
        .post_as(&advertiser, "/v1/conversions/1/undo", &json!({"what": "approval", "reason": "x"}))
        .await
        .problem(403);
}

#[tokio::test]
async fn approval_rules_are_checked_kept_and_applied() {
    let world = World::furnished().await;
    let path = "/v1/offers/1/approval_rules";
    let wrong = json!({"rules": [
        {"name": "a", "action": "approve", "conditions": {"goals": ["sail"], "countries": ["de"], "amount_below": "1.001"}},
        {"name": "a", "action": "reject", "hold_days": 3, "conditions": {"amount_from": "5.00", "amount_below": "5.00"}},
        {"name": "", "action": "maybe", "surely_unknown": 1},
    ]});
    let fields = world.post(path, &wrong).await.bad_fields(422);
    assert_eq!(
        fields,
        [
            "rules[0].conditions.goals",
            "rules[0].conditions.countries",
            "rules[0].conditions.amount_below",
            "rules[1].conditions.amount_below",
            "rules[1].hold_days",
            "rules[1].name",
            "rules[2].name",
            "rules[2].action",
            "rules[2].surely_unknown"
        ]
    );
    let rules = json!({"rules": [
        {"name": "small", "action": "approve", "conditions": {"amount_below": "50.00"}},
        {"name": "rest", "action": "pending"},
    ]});
    let kept = world.post(path, &rules).await.expect(200);
    assert_eq!(kept["items"][0]["conditions"]["amount_below"], json!({"amount": "50.00", "currency": "EUR"}));
    assert_eq!(world.get(path).await.expect(200), kept);
    world.sale("A-1", 1).await;
    let told = world.get("/v1/conversions/1/explain").await.expect(200);
    assert_eq!(told["decision"]["approval"]["rule"]["name"], "small");
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    let other = world.key(Role::Advertiser, Some(2), None).await;
    world.get_as(&other, path).await.problem(404);
    world.post_as(&other, path, &rules).await.problem(404);
    let affiliate = world.key(Role::Affiliate, None, Some(1)).await;
    world.get_as(&affiliate, path).await.problem(403);
}

#[tokio::test]
async fn a_goal_is_qualified_and_an_affiliate_chooses_its_currency() {
    let world = World::furnished().await;
    let path = "/v1/goals/2/qualification";
    assert_eq!(world.get(path).await.expect(200)["needed"], false);
    let set = json!({"by_goal": "sale", "within_days": 30});
    let kept = world.post(path, &set).await.expect(200);
    assert_eq!(kept["at_deadline"], "reject");
    assert_eq!(world.get(path).await.expect(200), kept);
    for wrong in ["lead", "sail", "click"] {
        assert_eq!(world.post(path, &json!({"by_goal": wrong})).await.bad_fields(422), ["by_goal"]);
    }
    world.post("/v1/goals/3/qualification", &json!({})).await.problem(409);
    world.call(&world.operator, Method::DELETE, path, None, &[]).await.expect(200);
    assert_eq!(world.get(path).await.expect(200)["needed"], false);

    let path = "/v1/affiliates/1/payout_currency";
    let affiliate = world.key(Role::Affiliate, None, Some(1)).await;
    let wanted = world.post_as(&affiliate, path, &json!({"currency": "USD"})).await.expect(200);
    assert_eq!(wanted, json!({"affiliate_id": 1, "currency": "USD"}));
    assert_eq!(
        world.post_as(&affiliate, path, &json!({"currency": "XAU"})).await.bad_fields(422),
        ["currency"]
    );
    assert_eq!(world.get_as(&affiliate, path).await.expect(200), wanted);
    world.sale("A-1", 1).await;
    let rate = json!({"from": "EUR", "to": "USD", "rate": "1.25", "source": "bank"});
    world.post("/v1/exchange_rates", &rate).await.expect(200);
    let method = json!({"payout_method": {"type": "manual"}});
    world.patch_as(&world.operator, "/v1/affiliates/1", &method).await.expect(200);
    let batch =
        world.post("/v1/payout_batches", &json!({"currency": "USD", "method": "manual"})).await.expect(201);
    let exchange = &batch["exchanges"][0];
    assert_eq!(exchange["given"]["currency"], "EUR");
    assert_eq!(exchange["became"], batch["payouts"][0]["amount"]);
    assert_eq!(exchange["exchange"]["rate"], "1.25");
    assert_eq!(exchange["transaction"], "exchange:1:EUR");
    let rival = json!({"name": "Rival", "email": "rival@example.com", "status": "active"});
    world.post("/v1/affiliates", &rival).await.expect(201);
    let other = world.key(Role::Affiliate, None, Some(2)).await;
    world.get_as(&other, path).await.problem(404);
    world.get("/v1/set_aside_holds").await.expect(200);
}
