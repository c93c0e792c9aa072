//! Landing pages beside an offer's own.

use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::{World, landing_page, offer};

const PAGES: &str = "/v1/landing_pages";

fn ids(list: &Value) -> Vec<i64> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn a_page_is_entered_changed_and_listed_by_offer() {
    let world = World::furnished().await;
    world.post("/v1/offers", &offer(1)).await.expect(201);
    let made = world.post(PAGES, &landing_page(2, "Blue")).await;
    assert_eq!(made.header("location"), "/v1/landing_pages/2");
    let made = made.expect(201);
    assert_eq!(
        (&made["weight"], &made["status"], &made["offer_id"]),
        (&json!(1), &json!("active"), &json!(2))
    );
    assert_eq!(ids(&world.get(PAGES).await.expect(200)), [1, 2]);
    assert_eq!(ids(&world.get(&format!("{PAGES}?offer_id=2")).await.expect(200)), [2]);
    let operator = world.operator.clone();
    let change = json!({"weight": 0, "status": "paused", "url": "https://shop.example/?x={nonsense}"});
    let changed = world.patch_as(&operator, "/v1/landing_pages/2", &change).await.expect(200);
    assert_eq!((&changed["weight"], &changed["name"]), (&json!(0), &json!("Blue")));
    assert_eq!(changed["warnings"][0]["field"], "url");
    let got = world.get("/v1/landing_pages/2").await.expect(200);
    assert_eq!((&got["status"], &got["url"]), (&json!("paused"), &change["url"]));
    assert_eq!(ids(&world.get(&format!("{PAGES}?status=paused")).await.expect(200)), [2]);
    let log = world.get("/v1/audit_log?limit=500").await.expect(200).to_string();
    assert!(log.contains("landing_page.update") && log.contains("landing_page.create"));
}

#[tokio::test]
async fn every_bad_field_of_a_page_is_named_at_once() {
    let world = World::furnished().await;
    let bad =
        json!({"offer_id": 0, "name": "", "url": "javascript:alert(1)", "weight": 10_001, "status": "great"});
    let fields = world.post(PAGES, &bad).await.bad_fields(422);
    assert_eq!(fields, ["offer_id", "status", "name", "url", "weight"]);
    assert_eq!(world.post(PAGES, &json!({})).await.bad_fields(422), ["offer_id", "name", "url"]);
    assert_eq!(world.post(PAGES, &landing_page(9, "Blue")).await.bad_fields(422), ["offer_id"]);
    let moved = world.patch_as(&world.operator, "/v1/landing_pages/1", &json!({"offer_id": 2})).await;
    assert_eq!(moved.bad_fields(422), ["offer_id"]);
}

#[tokio::test]
async fn an_offer_has_a_hundred_pages_at_most() {
    let world = World::furnished().await;
    for number in 2..=100 {
        world.post(PAGES, &landing_page(1, &number.to_string())).await.expect(201);
    }
    assert_eq!(world.post(PAGES, &landing_page(1, "101")).await.bad_fields(422), ["offer_id"]);
}

// S-10
#[tokio::test]
async fn advertisers_have_their_own_pages_and_affiliates_see_the_active_ones() {
    let world = World::furnished().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    world.post("/v1/offers", &offer(2)).await.expect(201);
    world.post(PAGES, &landing_page(2, "Theirs")).await.expect(201);
    let own = world.key(Role::Advertiser, Some(1), None).await;
    let affiliate = world.key(Role::Affiliate, None, Some(1)).await;
    let finance = world.key(Role::Finance, None, None).await;

    let made = world.post_as(&own, PAGES, &landing_page(1, "Blue")).await.expect(201);
    assert_eq!(made["id"], 3);
    assert_eq!(world.post_as(&own, PAGES, &landing_page(2, "x")).await.bad_fields(422), ["offer_id"]);
    let paused = json!({"status": "paused"});
    world.patch_as(&own, "/v1/landing_pages/3", &paused).await.expect(200);
    world.patch_as(&own, "/v1/landing_pages/2", &paused).await.problem(404);
    world.get_as(&own, "/v1/landing_pages/2").await.problem(404);
    assert_eq!(ids(&world.get_as(&own, PAGES).await.expect(200)), [1, 3]);
    assert_eq!(ids(&world.get_as(&finance, PAGES).await.expect(200)), [1, 2, 3]);

    let seen = world.get_as(&affiliate, PAGES).await.expect(200);
    assert_eq!(ids(&seen), [1, 2]);
    let mut names: Vec<_> = seen["items"][0].as_object().unwrap().keys().collect();
    names.sort();
    assert_eq!(names, ["id", "name", "offer_id", "url"]);
    world.get_as(&affiliate, "/v1/landing_pages/3").await.problem(404);
    world.post_as(&affiliate, PAGES, &landing_page(1, "x")).await.problem(403);
    world.patch_as(&affiliate, "/v1/landing_pages/1", &paused).await.problem(403);
    world.post_as(&finance, PAGES, &landing_page(1, "x")).await.problem(403);
}

#[tokio::test]
async fn an_advertiser_pauses_its_pages_but_does_not_lift_an_operators_block() {
    let world = World::furnished().await;
    let own = world.key(Role::Advertiser, Some(1), None).await;
    let status = |word: &str| json!({ "status": word });
    let path = "/v1/landing_pages/1";
    world.patch_as(&own, path, &status("paused")).await.expect(200);
    world.patch_as(&own, path, &status("active")).await.expect(200);
    assert_eq!(world.patch_as(&own, path, &status("blocked")).await.bad_fields(422), ["status"]);
    world.patch_as(&world.operator, path, &status("blocked")).await.expect(200);
    world.patch_as(&own, path, &status("active")).await.problem(409);
    world.patch_as(&own, path, &json!({"name": "Crimson"})).await.expect(200);
}
