//! Lists in parts.

use serde_json::{Value, json};

use crate::harness::{World, affiliate};

async fn pages(world: &World, path: &str) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = world.get(&format!("{path}{cursor}")).await.expect(200);
        ids.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()));
        match &page["next_cursor"] {
            Value::String(next) => cursor = format!("&cursor={next}"),
            _ => return ids,
        }
    }
}

// W-32
#[tokio::test]
async fn a_list_in_parts_repeats_and_skips_nothing_while_it_grows() {
    let world = World::furnished().await;
    for order in 1..=7 {
        let body = json!({"offer_id": 1, "event": "lead", "order_id": order.to_string()});
        world.post("/v1/conversions", &body).await.expect(201);
    }
    assert_eq!(pages(&world, "/v1/conversions?limit=3").await, [7, 6, 5, 4, 3, 2, 1]);
    let first = world.get("/v1/conversions?limit=4").await.expect(200);
    world
        .post("/v1/conversions", &json!({"offer_id": 1, "event": "lead", "order_id": "8"}))
        .await
        .expect(201);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = world.get(&format!("/v1/conversions?limit=4&cursor={cursor}")).await.expect(200);
    let ids: Vec<_> =
        rest["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect();
    assert_eq!((ids, &rest["next_cursor"]), (vec![3, 2, 1], &Value::Null));

    for name in ["b", "c", "d"] {
        world.post("/v1/affiliates", &affiliate(name, &format!("{name}@example.com"))).await.expect(201);
    }
    assert_eq!(pages(&world, "/v1/affiliates?limit=2").await, [1, 2, 3, 4]);
    world.sale("S", 1).await;
    let accounts = world.get("/v1/ledger/accounts?limit=1").await.expect(200);
    let cursor = accounts["next_cursor"].as_str().unwrap();
    let second = world.get(&format!("/v1/ledger/accounts?limit=1&cursor={cursor}")).await.expect(200);
    assert_ne!(second["items"], accounts["items"]);
}

// W-32
#[tokio::test]
async fn an_altered_or_foreign_cursor_is_refused() {
    let world = World::furnished().await;
    for name in ["b", "c"] {
        world.post("/v1/affiliates", &affiliate(name, &format!("{name}@example.com"))).await.expect(201);
    }
    let page = world.get("/v1/affiliates?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    world.get(&format!("/v1/affiliates?cursor={cursor}")).await.expect(200);
    let mut altered = cursor.to_owned();
    let first = altered.remove(0);
    altered.insert(0, if first == 'A' { 'B' } else { 'A' });
    for path in [
        format!("/v1/affiliates?cursor={altered}"),
        format!("/v1/affiliates?cursor={cursor}&status=active"),
        format!("/v1/links?cursor={cursor}"),
        "/v1/affiliates?cursor=1".to_owned(),
    ] {
        assert_eq!(world.get(&path).await.bad_fields(400), ["cursor"], "{path}");
    }
}

#[tokio::test]
async fn lists_are_narrowed_by_their_filters() {
    let world = World::furnished().await;
    world.sale("A-1", 1).await;
    world
        .post("/v1/conversions", &json!({"offer_id": 1, "event": "lead", "order_id": "A-2"}))
        .await
        .expect(201);
    world.work().await;
    let count = async |path: &str| world.get(path).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!(count("/v1/conversions?status=approved").await, 1);
    assert_eq!(count("/v1/conversions?status=unattributed&goal=lead").await, 1);
    assert_eq!(count("/v1/conversions?affiliate_id=1&offer_id=1").await, 1);
    assert_eq!(count("/v1/conversions?from=2026-03-01&to=2026-03-02").await, 2);
    assert_eq!(count("/v1/conversions?to=2026-03-01").await, 0);
    assert_eq!(count("/v1/links?offer_id=1&affiliate_id=1").await, 1);
    assert_eq!(count("/v1/offers?advertiser_id=2").await, 0);
    assert_eq!(count("/v1/affiliates?status=pending").await, 0);
}
