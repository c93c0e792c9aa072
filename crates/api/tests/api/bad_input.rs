//! What is wrong is said, where, and all of it at once.

use axum::body::Body;
use axum::http::{Method, Request, header};
use serde_json::{Value, json};

use crate::harness::{World, affiliate, offer};

fn raw(world: &World, content_type: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post("/v1/advertisers")
        .header(header::AUTHORIZATION, format!("Bearer {}", world.operator))
        .header(header::CONTENT_TYPE, content_type)
        .body(body.into())
        .unwrap()
}

// W-30
#[tokio::test]
async fn every_bad_field_of_an_offer_is_named_at_once() {
    let world = World::furnished().await;
    let bad = json!({
        "advertiser_id": "1", "name": "", "currency": "XAU", "landing_page": "ftp://shop.example/",
        "fallback_url": "https://{sub1}.example/", "deep_link_hosts": ["shop.example", "https://x"],
        "postback_auth": "basic", "attribution": {"model": "best", "window_days": 0}, "approval": "never",
        "hold_days": 1.5, "holddays": 3, "click_parameter": "a b", "starts_at": "yesterday",
        "goals": [
            {"key": "sale", "kind": "pps", "revenue": {"percent": 12}, "payout": {"percent": "101"}},
            {"key": "sale", "kind": "ppx", "revenue": {}, "payout": {"fixed": "1,50"}},
            {"key": "s l", "kind": "ppl", "revenue": {"fixed": "1"}},
        ],
    });
    let mut fields = world.post("/v1/offers", &bad).await.bad_fields(422);
    fields.sort();
    fields.dedup();
    let expected = [
        "advertiser_id",
        "approval",
        "attribution.model",
        "attribution.window_days",
        "click_parameter",
        "currency",
        "deep_link_hosts[1]",
        "fallback_url",
        "goals[0].payout.percent",
        "goals[0].revenue.percent",
        "goals[1].kind",
        "goals[1].payout.fixed",
        "goals[2].key",
        "goals[2].payout",
        "hold_days",
        "holddays",
        "landing_page",
        "name",
        "postback_auth",
        "starts_at",
    ];
    assert_eq!(fields, expected);
    assert_eq!(world.get("/v1/offers").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

// W-30
#[tokio::test]
async fn missing_fields_are_named_too() {
    let world = World::new().await;
    let fields = |answer: crate::harness::Answer| answer.bad_fields(422);
    assert_eq!(fields(world.post("/v1/advertisers", &json!({})).await), ["name", "currency"]);
    let missing = fields(world.post("/v1/offers", &json!({})).await);
    assert_eq!(missing, ["advertiser_id", "currency", "name", "landing_page", "goals"]);
    assert_eq!(fields(world.post("/v1/links", &json!({})).await), ["offer_id", "affiliate_id"]);
    assert_eq!(fields(world.post("/v1/payout_batches", &json!({})).await), ["currency", "method"]);
    assert_eq!(fields(world.post("/v1/users", &json!({})).await), ["email", "role", "password"]);
    let body = fields(world.post("/v1/keys", &json!([])).await);
    assert_eq!(body, ["body"]);
}

#[tokio::test]
async fn references_to_what_is_not_there_are_named() {
    let world = World::furnished().await;
    let refused = world.post("/v1/offers", &offer(9)).await.bad_fields(422);
    assert_eq!(refused, ["advertiser_id"]);
    let refused = world.post("/v1/links", &json!({"offer_id": 9, "affiliate_id": 1})).await.bad_fields(422);
    assert_eq!(refused, ["offer_id"]);
    let twice = world.post("/v1/affiliates", &affiliate("Other", "BLOG@example.com")).await.bad_fields(409);
    assert_eq!(twice, ["email"]);
    let code = json!({"offer_id": 1, "affiliate_id": 1, "code": "spring"});
    world.post("/v1/links", &code).await.expect(201);
    assert_eq!(world.post("/v1/links", &code).await.bad_fields(409), ["code"]);
    let reserved = json!({"offer_id": 1, "affiliate_id": 1, "code": "postback"});
    assert_eq!(world.post("/v1/links", &reserved).await.bad_fields(422), ["code"]);
}

// W-34, S-23
#[tokio::test]
async fn requests_that_cannot_be_read_say_why() {
    let world = World::new().await;
    let problem = world.send(raw(&world, "application/json", "{\n \"name\": }")).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("line 2 column 10"), "{problem}");
    let problem =
        world.send(raw(&world, "application/json", r#"{"name":"a","name":"b"}"#)).await.problem(400);
    assert!(problem["detail"].as_str().unwrap().contains("twice"), "{problem}");
    let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
    world.send(raw(&world, "application/json", deep)).await.problem(400);
    world.send(raw(&world, "application/json", vec![b'"', 0xff, b'"'])).await.problem(400);
    world.send(raw(&world, "text/plain", "{}")).await.problem(415);
    world.send(raw(&world, "application/json", vec![b' '; (1 << 20) + 1])).await.problem(413);
    let long = json!({"name": "x".repeat(201), "currency": "EUR"});
    assert_eq!(world.post("/v1/advertisers", &long).await.bad_fields(422), ["name"]);
}

// W-34
#[tokio::test]
async fn a_wrong_method_names_the_allowed_ones_and_a_wrong_path_is_not_found() {
    let world = World::furnished().await;
    let answer = world.call(&world.operator, Method::DELETE, "/v1/offers/1", None, &[]).await;
    let mut allowed: Vec<_> = answer.header("allow").split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["GET", "HEAD", "PATCH"]);
    answer.problem(405);
    let problem = world.get("/v1/nothing").await.problem(404);
    assert_eq!(problem["instance"], "/v1/nothing");
    world.get("/v1/offers/abc").await.problem(404);
    world.get("/v1/offers/0").await.problem(404);
    world.get("/v1/offers/99999999999999999999").await.problem(404);
    world.get("/v1/offers/2").await.problem(404);
}

#[tokio::test]
async fn unknown_and_repeated_query_parameters_are_refused() {
    let world = World::furnished().await;
    let refused = world.get("/v1/offers?limit=0&advertiser_id=x&colour=red&status=a&status=b").await;
    let mut fields = refused.bad_fields(400);
    fields.sort();
    assert_eq!(fields, ["advertiser_id", "colour", "limit", "status", "status"]);
    assert_eq!(world.get("/v1/goals").await.bad_fields(400), ["offer_id"]);
    assert_eq!(world.get("/v1/conversions?from=soon&status=great").await.bad_fields(400), ["status", "from"]);
    assert_eq!(world.get("/v1/payout_batches/1/export").await.bad_fields(400), ["format"]);
    assert_eq!(world.get("/v1/payout_batches/1/export?format=docx").await.bad_fields(400), ["format"]);
}

#[tokio::test]
async fn settings_are_changed_only_as_far_as_they_are_named() {
    let world = World::furnished().await;
    let operator = world.operator.clone();
    let before = world.get("/v1/offers/1").await.expect(200);
    let change =
        json!({"status": "paused", "hold_days": 14, "fallback_url": null, "attribution": {"window_days": 7}});
    let after = world.patch_as(&operator, "/v1/offers/1", &change).await.expect(200);
    assert_eq!((&after["status"], &after["hold_days"]), (&json!("paused"), &json!(14)));
    assert_eq!((&after["fallback_url"], &after["attribution"]["window_days"]), (&Value::Null, &json!(7)));
    assert_eq!((&after["landing_page"], &after["goals"]), (&before["landing_page"], &before["goals"]));
    let macros = json!({"landing_page": "https://shop.example/?x={nonsense}"});
    let warned = world.patch_as(&operator, "/v1/offers/1", &macros).await.expect(200);
    assert_eq!(warned["warnings"][0]["field"], "landing_page");
    let backwards = json!({"starts_at": "2026-05-01T00:00:00Z", "ends_at": "2026-04-01T00:00:00Z"});
    assert_eq!(world.patch_as(&operator, "/v1/offers/1", &backwards).await.bad_fields(422), ["ends_at"]);
    assert_eq!(
        world.patch_as(&operator, "/v1/offers/1", &json!({"goals": []})).await.bad_fields(422),
        ["goals"]
    );
}

#[tokio::test]
async fn new_terms_are_a_new_version_and_never_begin_in_the_past() {
    let world = World::furnished().await;
    let terms = json!({"revenue": {"percent": "20"}, "payout": {"percent": "15"}, "effective_from": "2026-04-01T00:00:00Z"});
    let made = world.post("/v1/goals/1/terms", &terms).await;
    assert_eq!(made.header("location"), "/v1/terms/5");
    assert_eq!(made.expect(201)["version"], 2);
    assert_eq!(world.get("/v1/goals/1").await.expect(200)["payout"], json!({"percent": "10"}));
    let versions = world.get("/v1/goals/1/terms").await.expect(200);
    assert_eq!(versions["items"].as_array().unwrap().len(), 2);
    let bad = json!({"revenue": {"fixed": "-1"}, "payout": {}, "effective_from": "2020-01-01T00:00:00Z"});
    let mut fields = world.post("/v1/goals/1/terms", &bad).await.bad_fields(422);
    fields.sort();
    fields.dedup();
    assert_eq!(fields, ["effective_from", "payout", "revenue.fixed"]);
    world.post("/v1/goals/9/terms", &terms).await.problem(404);
}

#[tokio::test]
async fn an_object_has_one_address() {
    let world = World::furnished().await;
    world.get("/v1/offers/1").await.expect(200);
    for path in ["/v1/offers/01", "/v1/offers/+1", "/v1/offers/1%20", "/v1/offers/-1", "/v1/offers/1.0"] {
        world.get(path).await.problem(404);
    }
    let problem = world.get("/v1/offers/1/").await.problem(404);
    assert_eq!(problem["detail"], "there is nothing at /v1/offers/1/; paths end without a slash");
}

#[tokio::test]
async fn a_flood_of_faults_is_answered_briefly() {
    let world = World::furnished().await;
    let fields: serde_json::Map<_, _> = (0..20_000).map(|n| (format!("k{n}"), json!(1))).collect();
    let answer = world.post("/v1/advertisers", &json!(fields)).await;
    assert!(answer.bytes.len() < 8_000, "{}", answer.bytes.len());
    let named = answer.bad_fields(422);
    assert_eq!((named.len(), named.last().map(String::as_str)), (23, Some("body")));
    for path in ["/v1/offers", "/v1/reports"] {
        let answer = world.get(&format!("{path}?{}", "a=1&".repeat(3_000))).await;
        assert!(answer.bytes.len() < 32_000, "{path}: {}", answer.bytes.len());
        assert_eq!(answer.bad_fields(400).len(), 100, "{path}");
    }
}

#[tokio::test]
async fn what_has_no_fields_needs_no_body_and_says_that_it_knows_none() {
    let world = World::furnished().await;
    world.sale("A-1", 1).await;
    let batch = json!({"currency": "EUR", "method": "sepa"});
    world.post("/v1/payout_batches", &batch).await.expect(201);
    let (path, junk) = ("/v1/payout_batches/1/approve", json!({"note": "fine"}));
    let refused = world.post(path, &junk).await.problem(422);
    assert_eq!(refused["errors"][0]["message"], "is not a field here; there are none");
    let finance = world.key(hopline_types::Role::Finance, None, None).await;
    let json_type = [("content-type", "application/json")];
    let approved = world.call(&finance, Method::POST, path, None, &json_type).await.expect(200);
    assert_eq!(approved["status"], "approved");
    let refused = world.get("/v1/ledger/trial_balance?x=1").await.problem(400);
    assert_eq!(refused["errors"][0]["message"], "is not a parameter here; there are none");
}

#[tokio::test]
async fn a_link_is_never_pending() {
    let world = World::furnished().await;
    world.post("/v1/links", &json!({"offer_id": 1, "affiliate_id": 1, "code": "spring"})).await.expect(201);
    let operator = world.operator.clone();
    let refused = world.patch_as(&operator, "/v1/links/1", &json!({"status": "pending"})).await.problem(422);
    assert_eq!(refused["detail"], "status: \"pending\" is not one of active, paused, blocked");
}
