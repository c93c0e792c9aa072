//! Reports, raw clicks, settlements.

use hopline_types::Role;
use serde_json::json;

use crate::harness::World;

#[tokio::test]
async fn a_report_answers_as_json_and_csv() {
    let world = World::furnished().await;
    let path =
        "/v1/reports?from=2026-03-01&to=2026-03-01&group_by=day,offer&metrics=clicks,conversions,payout";
    let answer = world.get(path).await.expect(200);
    assert!(answer["rows"].is_array() && answer["totals"].is_object());
    assert_eq!(answer["meta"]["basis"], "conversion");
    let csv = world.get(&format!("{path}&format=csv")).await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let text = String::from_utf8(csv.bytes).unwrap();
    assert!(text.starts_with("day,offer,clicks,conversions,payout"), "{text}");
}

// W-30
#[tokio::test]
async fn every_bad_parameter_of_a_report_is_named() {
    let world = World::furnished().await;
    let mut fields =
        world.get("/v1/reports?from=x&group_by=colour&metrics=luck&page=2").await.bad_fields(400);
    fields.sort();
    assert_eq!(fields, ["from", "group_by", "metrics", "page"]);
    assert_eq!(world.get("/v1/clicks?limit=3").await.bad_fields(400), ["limit"]);
    let key = world.key(Role::Affiliate, None, Some(1)).await;
    assert_eq!(world.get_as(&key, "/v1/reports?metrics=revenue").await.bad_fields(400), ["metrics"]);
}

#[tokio::test]
async fn raw_clicks_are_streamed_as_ndjson_and_csv() {
    let world = World::furnished().await;
    let clicks = world.get("/v1/clicks").await;
    assert_eq!((clicks.status.as_u16(), clicks.header("content-type")), (200, "application/x-ndjson"));
    assert!(clicks.bytes.is_empty());
    let csv = world.get("/v1/clicks?format=csv").await;
    let text = String::from_utf8(csv.bytes).unwrap();
    assert!(text.starts_with("click_id,at,kind,link_code,offer_id,affiliate_id") && text.ends_with("\r\n"));
}

#[tokio::test]
async fn clicks_are_settled_on_demand_up_to_now() {
    let world = World::furnished().await;
    let settled = world.post("/v1/click_settlements", &json!({})).await.expect(200);
    assert_eq!(settled, json!({"conversions": 2, "clicks": 7}));
    let future = json!({"until": "2026-03-02T00:00:00Z"});
    assert_eq!(world.post("/v1/click_settlements", &future).await.bad_fields(422), ["until"]);
}

#[tokio::test]
async fn who_must_act_on_a_change_is_told() {
    let world = World::new().await;
    world.post("/v1/advertisers", &json!({"name": "Acme", "currency": "EUR"})).await.expect(201);
    world.services.catalogue_changed.notified().await;
    world.post("/v1/offers", &crate::harness::offer(1)).await.expect(201);
    world
        .post("/v1/conversions", &json!({"offer_id": 1, "event": "lead", "order_id": "1"}))
        .await
        .expect(201);
    world.services.wake_worker.notified().await;
}
