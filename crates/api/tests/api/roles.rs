//! Who may do what, and what each then sees.

use axum::http::Method;
use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::{NOW, World, offer};

struct Keys {
    finance: String,
    advertiser: String,
    affiliate: String,
    /// Of advertiser 2 and affiliate 2, who have nothing.
    other_advertiser: String,
    other_affiliate: String,
}

/// Two advertisers and two affiliates; everything belongs to the first ones.
async fn two_tenants() -> (World, Keys) {
    let world = World::furnished().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    let rival = json!({"name": "Rival", "email": "rival@example.com", "status": "active"});
    world.post("/v1/affiliates", &rival).await.expect(201);
    world.sale("SECRET-1", 1).await;
    let mut finding = crate::click_findings::robots();
    finding["remark"] = "SECRET-1".into();
    world.post("/v1/click_findings", &finding).await.expect(201);
    let operator = world.operator.clone();
    // A paused offer is visible only to affiliates that have links to it.
    world.patch_as(&operator, "/v1/offers/1", &json!({"status": "paused"})).await.expect(200);
    let keys = Keys {
        finance: world.key(Role::Finance, None, None).await,
        advertiser: world.key(Role::Advertiser, Some(1), None).await,
        affiliate: world.key(Role::Affiliate, None, Some(1)).await,
        other_advertiser: world.key(Role::Advertiser, Some(2), None).await,
        other_affiliate: world.key(Role::Affiliate, None, Some(2)).await,
    };
    (world, keys)
}

fn operations() -> Vec<(Method, String)> {
    let document: Value = serde_json::from_str(&hopline_api::openapi_json()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            operations.push((method.to_uppercase().parse().unwrap(), path.replace("{id}", "1")));
        }
    }
    operations
}

// S-11
#[tokio::test]
async fn nothing_answers_without_a_valid_credential() {
    let world = World::furnished().await;
    let operations = operations();
    assert!(operations.len() > 40);
    let mut mistyped = world.operator.clone();
    mistyped.push('x');
    for (method, path) in operations {
        let answer = world.call("", method.clone(), &path, None, &[]).await;
        assert_eq!(answer.header("www-authenticate"), "Bearer", "{method} {path}");
        answer.problem(401);
        world.call(&mistyped, method, &path, None, &[]).await.problem(401);
    }
    let basic = [("authorization", "Basic b3BzOm9wcw==")];
    world.call("", Method::GET, "/v1/offers", None, &basic).await.problem(401);
}

// S-03
#[tokio::test]
async fn withdrawn_and_expired_keys_are_refused() {
    let world = World::new().await;
    let body = json!({"name": "short", "role": "operator", "expires_at": "2026-03-01T11:00:00Z"});
    let made = world.post("/v1/keys", &body).await.expect(201);
    let key = made["key"].as_str().unwrap().to_owned();
    world.get_as(&key, "/v1/offers").await.expect(200);
    let seen = world.get(&format!("/v1/keys/{}", made["id"])).await.expect(200);
    assert_eq!(seen["last_used_at"], "2026-03-01T10:00:00.000Z");
    world.clock.set(NOW.plus(hopline_types::HOUR_MS));
    world.get_as(&key, "/v1/offers").await.problem(401);

    let made = world.post("/v1/keys", &json!({"name": "n", "role": "finance"})).await.expect(201);
    let key = made["key"].as_str().unwrap().to_owned();
    world.get_as(&key, "/v1/offers").await.expect(200);
    let path = format!("/v1/keys/{}", made["id"]);
    let gone = world.call(&world.operator, Method::DELETE, &path, None, &[]).await;
    assert_eq!((gone.status.as_u16(), gone.bytes.len()), (204, 0));
    world.get_as(&key, "/v1/offers").await.problem(401);
    let past = json!({"name": "n", "role": "finance", "expires_at": "2026-02-01T00:00:00Z"});
    assert_eq!(world.post("/v1/keys", &past).await.bad_fields(422), ["expires_at"]);
}

// S-10, S-11
#[tokio::test]
async fn another_tenants_objects_are_not_found_and_appear_nowhere() {
    let (world, keys) = two_tenants().await;
    for key in [&keys.other_advertiser, &keys.other_affiliate] {
        for (method, path) in operations() {
            // These are the tenant's own view of everything, narrowed by its scope; checked for what they show.
            let answer = world.call(key, method.clone(), &path, Some(&json!({})), &[]).await;
            let text = String::from_utf8_lossy(&answer.bytes);
            for secret in ["SECRET-1", "Acme", "\"Blog\"", "DE8937", "blog@example.com", "49.90", "4.99"] {
                assert!(!text.contains(secret), "{secret} in {method} {path}: {text}");
            }
            let names_an_object = path.split('/').any(|part| part == "1");
            if names_an_object {
                let status = answer.status.as_u16();
                let hidden = matches!(status, 404 | 403) || (method != Method::GET && status == 422);
                assert!(hidden, "{method} {path} answers {status}: {text}");
            }
        }
    }
    for path in ["/v1/offers", "/v1/links", "/v1/conversions"] {
        for key in [&keys.other_advertiser, &keys.other_affiliate] {
            assert_eq!(world.get_as(key, path).await.expect(200)["items"], json!([]), "{path}");
        }
    }
    let filtered = world.get_as(&keys.other_affiliate, "/v1/conversions?order_id=SECRET-1").await.expect(200);
    assert_eq!(filtered["items"], json!([]));
    world.get_as(&keys.other_affiliate, "/v1/balances?affiliate=1").await.problem(404);
}

// S-10
#[tokio::test]
async fn changes_to_another_tenants_objects_are_not_found() {
    let (world, keys) = two_tenants().await;
    let reason = json!({"reason": "mine"});
    let paused = json!({"status": "paused"});
    world.post_as(&keys.other_advertiser, "/v1/conversions/1/refund", &reason).await.problem(404);
    world.post_as(&keys.other_advertiser, "/v1/conversions/1/reject", &reason).await.problem(404);
    world.post_as(&keys.other_advertiser, "/v1/conversions/1/approve", &json!({})).await.problem(404);
    world.patch_as(&keys.other_advertiser, "/v1/offers/1", &paused).await.problem(404);
    world.patch_as(&keys.other_affiliate, "/v1/links/1", &paused).await.problem(404);
    world.patch_as(&keys.other_affiliate, "/v1/affiliates/1", &json!({"name": "x"})).await.problem(404);
    let link = json!({"offer_id": 1, "affiliate_id": 1});
    assert_eq!(world.post_as(&keys.other_affiliate, "/v1/links", &link).await.bad_fields(422), ["offer_id"]);
    let key = json!({"name": "k", "role": "advertiser", "advertiser_id": 1});
    let refused = world.post_as(&keys.other_advertiser, "/v1/keys", &key).await.bad_fields(422);
    assert_eq!(refused, ["advertiser_id"]);
    let higher = json!({"name": "k", "role": "operator"});
    assert_eq!(world.post_as(&keys.other_advertiser, "/v1/keys", &higher).await.bad_fields(422), ["role"]);
}

#[tokio::test]
async fn roles_are_kept_to_their_operations() {
    let (world, keys) = two_tenants().await;
    let name = json!({"name": "x"});
    for (key, method, path) in [
        (&keys.finance, Method::POST, "/v1/offers"),
        (&keys.finance, Method::GET, "/v1/keys"),
        (&keys.advertiser, Method::GET, "/v1/affiliates"),
        (&keys.advertiser, Method::GET, "/v1/affiliates/1"),
        (&keys.advertiser, Method::POST, "/v1/advertisers"),
        (&keys.advertiser, Method::GET, "/v1/payout_batches"),
        (&keys.advertiser, Method::GET, "/v1/balances"),
        (&keys.advertiser, Method::POST, "/v1/goals/1/terms"),
        (&keys.affiliate, Method::GET, "/v1/advertisers/1"),
        (&keys.affiliate, Method::GET, "/v1/ledger/trial_balance"),
        (&keys.affiliate, Method::GET, "/v1/goals/1/terms"),
        (&keys.affiliate, Method::POST, "/v1/conversions"),
        (&keys.affiliate, Method::POST, "/v1/conversions/1/approve"),
        (&keys.affiliate, Method::GET, "/v1/users"),
        (&keys.affiliate, Method::GET, "/v1/audit_log"),
    ] {
        let problem = world.call(key, method.clone(), path, Some(&name), &[]).await.problem(403);
        assert!(problem["detail"].as_str().unwrap().contains("operator"), "{method} {path}: {problem}");
    }
}

#[tokio::test]
async fn each_role_sees_its_own_part_of_what_it_shares() {
    let (world, keys) = two_tenants().await;
    let operator = world.get("/v1/conversions/1").await.expect(200);
    let advertiser = world.get_as(&keys.advertiser, "/v1/conversions/1").await.expect(200);
    let affiliate = world.get_as(&keys.affiliate, "/v1/conversions/1").await.expect(200);
    assert_eq!(operator["revenue"]["amount"], "5.99");
    assert_eq!(advertiser["revenue"]["amount"], "5.99");
    assert_eq!(affiliate["payout"]["amount"], "4.99");
    for hidden in ["revenue", "customer_id", "adv", "items"] {
        assert!(affiliate.get(hidden).is_none(), "{hidden}");
    }
    let offer = world.get_as(&keys.affiliate, "/v1/offers/1").await.expect(200);
    assert!(offer["goals"][0].get("revenue").is_none() && offer["goals"][0]["payout"].is_object());
    let goal = world.get_as(&keys.affiliate, "/v1/goals/1").await.expect(200);
    assert!(goal.get("revenue").is_none());
    let finance = world.get_as(&keys.finance, "/v1/advertisers/1").await.expect(200);
    assert!(finance.get("postback_token").is_none() && finance.get("signing_key").is_none());
    assert!(
        world.get_as(&keys.advertiser, "/v1/advertisers/1").await.expect(200)["postback_token"].is_string()
    );
    let own = world.get_as(&keys.affiliate, "/v1/balances").await.expect(200);
    assert_eq!((&own["items"][0]["affiliate_id"], &own["items"][0]["payable"]), (&json!(1), &json!("4.99")));
    let explained = world.get_as(&keys.affiliate, "/v1/conversions/1/explain").await;
    assert!(!String::from_utf8_lossy(&explained.bytes).contains("5.99"));
    explained.expect(200);
}

#[tokio::test]
async fn an_affiliate_links_and_describes_itself_but_does_not_let_itself_in() {
    let world = World::furnished().await;
    let pending =
        world.post("/v1/affiliates", &json!({"name": "New", "email": "new@example.com"})).await.expect(201);
    assert_eq!(pending["status"], "pending");
    let key = world.key(Role::Affiliate, None, Some(2)).await;
    let active = json!({"status": "active"});
    assert_eq!(world.patch_as(&key, "/v1/affiliates/2", &active).await.bad_fields(422), ["status"]);
    let method = json!({"payout_method": {"type": "paypal", "email": "new@example.com"}});
    let changed = world.patch_as(&key, "/v1/affiliates/2", &method).await.expect(200);
    assert_eq!(changed["payout_method"]["type"], "paypal");
    let link = world.post_as(&key, "/v1/links", &json!({"offer_id": 1})).await.expect(201);
    assert_eq!(link["affiliate_id"], 2);
    let blocked = json!({"status": "blocked"});
    assert_eq!(world.patch_as(&key, "/v1/links/2", &blocked).await.bad_fields(422), ["status"]);
    let operator = world.operator.clone();
    world.patch_as(&operator, "/v1/links/2", &blocked).await.expect(200);
    world.patch_as(&key, "/v1/links/2", &active).await.problem(409);
    world.post_as(&key, "/v1/offers", &offer(1)).await.problem(403);
}

#[tokio::test]
async fn an_advertiser_pauses_its_offers_but_does_not_lift_an_operators_block() {
    let world = World::furnished().await;
    let operator = world.operator.clone();
    let key = world.key(Role::Advertiser, Some(1), None).await;
    let (active, blocked) = (json!({"status": "active"}), json!({"status": "blocked"}));
    let paused = world.patch_as(&key, "/v1/offers/1", &json!({"status": "paused"})).await.expect(200);
    assert_eq!(paused["status"], "paused");
    world.patch_as(&key, "/v1/offers/1", &active).await.expect(200);
    assert_eq!(world.patch_as(&key, "/v1/offers/1", &blocked).await.bad_fields(422), ["status"]);
    world.patch_as(&operator, "/v1/offers/1", &blocked).await.expect(200);
    world.patch_as(&key, "/v1/offers/1", &active).await.problem(409);
    world.patch_as(&key, "/v1/offers/1", &json!({"name": "Boots"})).await.expect(200);
}

#[tokio::test]
async fn an_advertiser_is_not_shown_what_affiliates_get() {
    let (world, keys) = two_tenants().await;
    let advertiser = &keys.advertiser;
    let conversion = world.get_as(advertiser, "/v1/conversions/1").await.expect(200);
    assert_eq!((&conversion["revenue"]["amount"], conversion.get("payout")), (&json!("5.99"), None));
    let listed = world.get_as(advertiser, "/v1/conversions").await.expect(200);
    assert!(listed["items"][0].get("payout").is_none(), "{listed}");
    for path in ["/v1/goals/1", "/v1/terms/1"] {
        let shown = world.get_as(advertiser, path).await.expect(200);
        assert!(shown["revenue"].is_object() && shown.get("payout").is_none(), "{path}: {shown}");
    }
    let hold = json!({"hold_days": 3});
    let changed = world.patch_as(advertiser, "/v1/offers/1", &hold).await.expect(200);
    let offer = world.get_as(advertiser, "/v1/offers/1").await.expect(200);
    for shown in [&changed["goals"][0], &offer["goals"][0]] {
        assert!(shown["revenue"].is_object() && shown.get("payout").is_none(), "{shown}");
    }
    let refund = json!({"amount": "10.00", "reason": "returned"});
    let refunded = world.post_as(advertiser, "/v1/conversions/1/refund", &refund).await.expect(200);
    assert!(refunded.get("payout").is_none() && refunded["refund"].get("payout").is_none(), "{refunded}");
    assert_eq!(refunded["refund"]["revenue"]["currency"], "EUR");
    let seen = world.get("/v1/audit_log?limit=500").await.expect(200).to_string();
    assert!(seen.contains("\"payout\""), "the audit log keeps both sides");
}

#[tokio::test]
async fn a_report_hides_the_other_side_of_the_money() {
    let (world, keys) = two_tenants().await;
    let day = "/v1/reports?from=2026-03-01&to=2026-03-01";
    for (key, shown, hidden, role) in [
        (
            &keys.advertiser,
            "revenue",
            ["payout", "profit", "margin", "cpc", "cpa", "epc"].as_slice(),
            "advertisers",
        ),
        (&keys.affiliate, "payout", ["revenue", "profit", "margin", "rpc", "rpa"].as_slice(), "affiliates"),
    ] {
        let report = world.get_as(key, day).await.expect(200);
        assert!(report["totals"].get(shown).is_some(), "{report}");
        for metric in hidden {
            assert!(report["totals"].get(metric).is_none(), "{metric}: {report}");
            let problem = world.get_as(key, &format!("{day}&metrics=clicks,{metric}")).await.problem(400);
            let expected = format!("metrics: {metric} is not shown to {role}");
            assert_eq!(problem["detail"], expected);
        }
        let sorted = world.get_as(key, &format!("{day}&sort=-{}", hidden[0])).await;
        assert_eq!(sorted.bad_fields(400), ["sort"]);
    }
}
