//! Requests with an Idempotency-Key.

use axum::http::Method;
use hopline_types::Role;
use serde_json::json;

use crate::harness::{World, affiliate};

// L-21, L-22
#[tokio::test]
async fn a_repeated_request_has_the_first_answer_and_one_effect() {
    let world = World::new().await;
    let body = json!({"name": "Acme", "currency": "EUR"});
    let send = async |value: &str| {
        world
            .call(
                &world.operator,
                Method::POST,
                "/v1/advertisers",
                Some(&body),
                &[("idempotency-key", value)],
            )
            .await
    };
    let first = send("\"k-1\"").await;
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = send("k-1").await;
    assert_eq!(
        (again.header("idempotency-replayed"), again.header("location")),
        ("true", "/v1/advertisers/1")
    );
    assert_eq!(first.expect(201), again.expect(201));
    send("k-2").await.expect(201);
    assert_eq!(world.get("/v1/advertisers").await.expect(200)["items"].as_array().unwrap().len(), 2);

    let other = json!({"name": "Other", "currency": "EUR"});
    let headers = [("idempotency-key", "k-1")];
    world.call(&world.operator, Method::POST, "/v1/advertisers", Some(&other), &headers).await.problem(422);
    // Another path and another credential are other requests.
    let person = affiliate("Blog", "blog@example.com");
    world.call(&world.operator, Method::POST, "/v1/affiliates", Some(&person), &headers).await.expect(201);
    let colleague = world.key(Role::Operator, None, None).await;
    world.call(&colleague, Method::POST, "/v1/advertisers", Some(&other), &headers).await.expect(201);
}

// L-22
#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let world = World::new().await;
    let headers = [("idempotency-key", "k")];
    let bad = json!({"name": "Acme"});
    world.call(&world.operator, Method::POST, "/v1/advertisers", Some(&bad), &headers).await.problem(422);
    let good = json!({"name": "Acme", "currency": "EUR"});
    world.call(&world.operator, Method::POST, "/v1/advertisers", Some(&good), &headers).await.expect(201);
    let unreadable = [("idempotency-key", "\"open")];
    world.call(&world.operator, Method::POST, "/v1/advertisers", Some(&good), &unreadable).await.problem(400);
}

// L-23
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_requests_at_once_with_one_key_have_one_effect_and_one_answer() {
    let world = std::sync::Arc::new(World::furnished().await);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let world = std::sync::Arc::clone(&world);
        running.spawn(async move {
            let body = json!({"offer_id": 1, "event": "lead"});
            let headers = [("idempotency-key", "one")];
            world
                .call(&world.operator, Method::POST, "/v1/conversions", Some(&body), &headers)
                .await
                .expect(201)
        });
    }
    let answers = running.join_all().await;
    assert_eq!(answers.len(), 50);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(world.get("/v1/conversions").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

// S-03
#[tokio::test]
async fn the_text_of_a_key_is_shown_once_even_to_a_repeated_request() {
    let world = World::new().await;
    let body = json!({"name": "ops 2", "role": "operator"});
    let headers = [("idempotency-key", "k")];
    let made = world.call(&world.operator, Method::POST, "/v1/keys", Some(&body), &headers).await.expect(201);
    let text = made["key"].as_str().unwrap();
    assert!(text.starts_with("hl_op_"));
    world.get_as(text, "/v1/offers").await.expect(200);
    let again = world.call(&world.operator, Method::POST, "/v1/keys", Some(&body), &headers).await;
    assert!(!String::from_utf8_lossy(&again.bytes).contains(text));
    again.problem(409);
    let listed = world.get("/v1/keys").await;
    assert!(!String::from_utf8_lossy(&listed.bytes).contains("\"key\""));
    assert_eq!(listed.expect(200)["items"].as_array().unwrap().len(), 2);
}
