//! The smallest story: from an advertiser to a settled payout, in the shapes that the contract fixes.

use hopline_types::Role;
use serde_json::json;

use crate::harness::{World, affiliate, offer};

#[tokio::test]
async fn the_smallest_story_answers_as_the_contract_says() {
    let world = World::new().await;

    let advertiser = world.post("/v1/advertisers", &json!({"name": "Acme", "currency": "EUR"})).await;
    assert_eq!(advertiser.header("location"), "/v1/advertisers/1");
    let advertiser = advertiser.expect(201);
    assert_eq!(advertiser["id"], 1);
    assert_eq!(advertiser["currency"], "EUR");
    assert!(advertiser["postback_token"].as_str().unwrap().len() >= 22);
    assert!(advertiser["signing_key"].as_str().unwrap().len() >= 22);

    let made = world.post("/v1/offers", &offer(1)).await.expect(201);
    assert_eq!(made["goals"][0]["key"], "sale");
    assert_eq!(made["goals"][0]["revenue"], json!({"percent": "12"}));
    assert_eq!(made["goals"][2]["payout"], json!({"fixed": "0.05"}));
    assert_eq!(made["attribution"]["window_days"], 30);

    let made = world.post("/v1/affiliates", &affiliate("Blog", "blog@example.com")).await.expect(201);
    assert_eq!((&made["status"], &made["payout_method"]["iban"]), (&json!("active"), &json!("…3000")));

    let link = world.post("/v1/links", &json!({"offer_id": 1, "affiliate_id": 1})).await.expect(201);
    assert_eq!(link["url"], format!("http://127.0.0.1:8080/{}", link["code"].as_str().unwrap()));

    world.sale("A-1", 1).await;
    let found = world.get("/v1/conversions?order_id=A-1").await.expect(200);
    assert_eq!(found["next_cursor"], json!(null));
    let item = &found["items"][0];
    for (name, value) in [
        ("id", json!(1)),
        ("offer_id", json!(1)),
        ("affiliate_id", json!(1)),
        ("advertiser_id", json!(1)),
        ("goal", json!("sale")),
        ("kind", json!("pps")),
        ("order_id", json!("A-1")),
        ("amount", json!({"amount": "49.90", "currency": "EUR"})),
        ("revenue", json!({"amount": "5.99", "currency": "EUR"})),
        ("payout", json!({"amount": "4.99", "currency": "EUR"})),
        ("status", json!("approved")),
        ("duplicate", json!(false)),
        ("reason", json!(null)),
    ] {
        assert_eq!(item[name], value, "{name}");
    }

    let balances = world.get("/v1/balances?affiliate=1").await.expect(200);
    let balance = &balances["items"][0];
    for (name, value) in [
        ("affiliate_id", json!(1)),
        ("currency", json!("EUR")),
        ("pending", json!("0.00")),
        ("approved", json!("0.00")),
        ("payable", json!("4.99")),
        ("paid", json!("0.00")),
        ("carried", json!("0.00")),
    ] {
        assert_eq!(balance[name], value, "{name}");
    }

    let batch = json!({"currency": "EUR", "method": "sepa", "minimum": "1.00"});
    let batch = world.post("/v1/payout_batches", &batch).await.expect(201);
    assert_eq!((&batch["id"], &batch["status"]), (&json!(1), &json!("draft")));
    assert_eq!(batch["payouts"][0]["affiliate_id"], 1);
    assert_eq!(batch["payouts"][0]["amount"], json!({"amount": "4.99", "currency": "EUR"}));
    assert_eq!(batch["refused"], json!([]));

    // L-25: the creator may not approve.
    let refused = world.post("/v1/payout_batches/1/approve", &json!({})).await.problem(403);
    assert!(refused["detail"].as_str().unwrap().contains("same person"), "{refused}");
    world.get("/v1/payout_batches/1/export?format=csv").await.problem(409);
    let second = world.key(Role::Finance, None, None).await;
    let approved = world.post_as(&second, "/v1/payout_batches/1/approve", &json!({})).await.expect(200);
    assert_eq!(approved["status"], "approved");

    // P-33: count and sum stand in the headers.
    let file = world.get("/v1/payout_batches/1/export?format=pain.001.001.09").await;
    assert_eq!(file.status.as_u16(), 200);
    assert!(file.header("content-type").starts_with("application/xml"), "{}", file.header("content-type"));
    assert!(file.header("content-disposition").starts_with("attachment; filename=\""));
    assert_eq!((file.header("x-hopline-count"), file.header("x-hopline-control-sum")), ("1", "4.99"));
    let xml = String::from_utf8(file.bytes.clone()).unwrap();
    assert!(xml.contains("<CtrlSum>4.99</CtrlSum>") && xml.contains("DE89370400440532013000"));
    let again = world.get("/v1/payout_batches/1/export?format=pain.001.001.09").await;
    assert_eq!(again.bytes, file.bytes);
    let csv = world.get("/v1/payout_batches/1/export?format=csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));

    let settled = world.post("/v1/payout_batches/1/settle", &json!({"failed": []})).await.expect(200);
    assert_eq!((&settled["status"], &settled["payouts"][0]["status"]), (&json!("settled"), &json!("paid")));
    let balances = world.get("/v1/balances?affiliate=1").await.expect(200);
    assert_eq!(
        (&balances["items"][0]["payable"], &balances["items"][0]["paid"]),
        (&json!("0.00"), &json!("4.99"))
    );

    let trial = world.get("/v1/ledger/trial_balance").await.expect(200);
    assert_eq!((&trial["balanced"], &trial["currencies"][0]["currency"]), (&json!(true), &json!("EUR")));
    assert_eq!(trial["currencies"][0]["debits"], trial["currencies"][0]["credits"]);

    let transactions = world.get("/v1/ledger/transactions?limit=500").await.expect(200);
    let transactions = transactions["items"].as_array().unwrap();
    assert_eq!(transactions[0]["sequence"], 1);
    assert_eq!(transactions[1]["previous_hash"], transactions[0]["hash"]);
    assert!(!world.get("/v1/ledger/accounts").await.expect(200)["items"].as_array().unwrap().is_empty());
}

// L-25
#[tokio::test]
async fn what_was_done_is_in_the_audit_log_without_secrets() {
    let world = World::furnished().await;
    world
        .post("/v1/keys", &json!({"name": "shop", "role": "advertiser", "advertiser_id": 1}))
        .await
        .expect(201);
    let user = json!({"email": "f@example.com", "role": "finance", "password": "correct horse"});
    world.post("/v1/users", &user).await.expect(201);
    let log = world.get("/v1/audit_log").await;
    let text = String::from_utf8(log.bytes.clone()).unwrap();
    let log = log.expect(200);
    let actions: Vec<_> =
        log["items"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert_eq!(
        actions,
        [
            "advertiser.create",
            "offer.create",
            "affiliate.create",
            "landing_page.create",
            "domain.create",
            "link.create",
            "key.create",
            "user.create"
        ]
    );
    let entry = &log["items"][2];
    assert!(entry["actor"].as_str().unwrap().starts_with("key:"));
    assert_eq!((&entry["object"], &entry["after"]["name"]), (&json!("affiliate:1"), &json!("Blog")));
    assert_eq!(entry["after"]["payout_method"]["iban"], "…3000");
    for secret in ["DE89370400440532013000", "postback_token", "hl_ad_", "correct horse", "argon2"] {
        assert!(!text.contains(secret), "{secret}");
    }
}
