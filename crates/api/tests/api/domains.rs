//! Hosts of links beside the edge's own.

use axum::http::Method;
use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::{World, affiliate, offer};

const DOMAINS: &str = "/v1/domains";

async fn delete(world: &World, key: &str, path: &str) -> crate::harness::Answer {
    world.call(key, Method::DELETE, path, None, &[]).await
}

#[tokio::test]
async fn a_link_is_shown_on_its_domain_until_that_is_taken_away() {
    let world = World::furnished().await;
    let link = json!({"offer_id": 1, "affiliate_id": 1, "domain_id": 1, "code": "spring"});
    let made = world.post("/v1/links", &link).await.expect(201);
    assert_eq!((&made["url"], &made["domain_id"]), (&json!("https://go.blog.example/spring"), &json!(1)));
    assert_eq!(world.get("/v1/links/1").await.expect(200)["domain_id"], Value::Null);
    assert_eq!(delete(&world, &world.operator, "/v1/domains/1").await.status.as_u16(), 204);
    delete(&world, &world.operator, "/v1/domains/1").await.problem(404);
    let after = world.get("/v1/links/2").await.expect(200);
    assert_eq!((&after["url"], &after["domain_id"]), (&json!("http://127.0.0.1:8080/spring"), &Value::Null));
    world.post(DOMAINS, &json!({"host": "go.blog.example"})).await.expect(201);
}

#[tokio::test]
async fn hosts_are_names_kept_as_browsers_write_them_and_taken_once() {
    let world = World::furnished().await;
    let made = world.post(DOMAINS, &json!({"host": "Los.Müller.example"})).await;
    assert_eq!(made.header("location"), "/v1/domains/2");
    assert_eq!(made.expect(201)["host"], "los.xn--mller-kva.example");
    let again = json!({"host": "LOS.müller.example"});
    assert_eq!(world.post(DOMAINS, &again).await.bad_fields(409), ["host"]);
    for host in [
        "",
        "192.0.2.1",
        "[2001:db8::1]",
        "0x7f.1",
        "localhost",
        "https://go.example",
        "go.example:80",
        "a b.example",
    ] {
        assert_eq!(world.post(DOMAINS, &json!({"host": host})).await.bad_fields(422), ["host"], "{host}");
    }
    let bad = json!({"host": 1, "affiliate_id": 0, "advertiser_id": "x", "default_url": "https://a.example/{sub1}"});
    let mut fields = world.post(DOMAINS, &bad).await.bad_fields(422);
    fields.sort();
    assert_eq!(fields, ["advertiser_id", "affiliate_id", "default_url", "host"]);
    let nobody = json!({"host": "x.example", "affiliate_id": 9});
    assert_eq!(world.post(DOMAINS, &nobody).await.bad_fields(422), ["affiliate_id"]);
    let found = world.get("/v1/domains?host=go.blog.example").await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_edges_own_host_is_no_further_domain() {
    let mut world = World::furnished().await;
    let mut services = world.services.clone();
    services.settings.edge_base_url = "https://Go.Example".into();
    world.router = hopline_api::router(services);
    let refused = world.post(DOMAINS, &json!({"host": "go.example"})).await.bad_fields(422);
    assert_eq!(refused, ["host"]);
}

#[tokio::test]
async fn a_domain_that_is_bound_to_others_shows_only_their_links() {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &affiliate("Rival", "rival@example.com")).await.expect(201);
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    world.post("/v1/offers", &offer(2)).await.expect(201);
    let link = |offer: i64, affiliate: i64, domain: i64| json!({"offer_id": offer, "affiliate_id": affiliate, "domain_id": domain});
    assert_eq!(world.post("/v1/links", &link(1, 2, 1)).await.bad_fields(422), ["domain_id"]);
    assert_eq!(world.post("/v1/links", &link(1, 1, 9)).await.bad_fields(422), ["domain_id"]);
    world.post("/v1/links", &link(1, 1, 1)).await.expect(201);
    world.post("/v1/links", &link(2, 1, 1)).await.expect(201);
    let bound = json!({"advertiser_id": 2, "default_url": "https://blog.example/"});
    let changed = world.patch_as(&world.operator, "/v1/domains/1", &bound).await.expect(200);
    assert_eq!((&changed["affiliate_id"], &changed["advertiser_id"]), (&json!(1), &json!(2)));
    assert_eq!(changed["default_url"], "https://blog.example/");
    assert_eq!(world.get("/v1/links/2").await.expect(200)["domain_id"], Value::Null);
    assert_eq!(world.get("/v1/links/3").await.expect(200)["domain_id"], 1);
    assert_eq!(world.post("/v1/links", &link(1, 1, 1)).await.bad_fields(422), ["domain_id"]);
    let moved = async |link: i64, domain: Value| {
        let path = format!("/v1/links/{link}");
        world.patch_as(&world.operator, &path, &json!({"domain_id": domain})).await
    };
    assert_eq!(moved(2, json!(1)).await.bad_fields(422), ["domain_id"]);
    assert_eq!(moved(3, json!(null)).await.expect(200)["domain_id"], Value::Null);
    let back = moved(3, json!(1)).await.expect(200);
    assert!(back["url"].as_str().unwrap().starts_with("https://go.blog.example/"), "{back}");
    let freed = json!({"affiliate_id": null, "advertiser_id": null, "default_url": null});
    let freed = world.patch_as(&world.operator, "/v1/domains/1", &freed).await.expect(200);
    for field in ["affiliate_id", "advertiser_id", "default_url"] {
        assert_eq!(freed[field], Value::Null, "{field}");
    }
    world.post("/v1/links", &link(1, 2, 1)).await.expect(201);
}

// S-10
#[tokio::test]
async fn operators_have_the_domains_and_tenants_see_those_that_they_can_use() {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &affiliate("Rival", "rival@example.com")).await.expect(201);
    world.post(DOMAINS, &json!({"host": "go.example"})).await.expect(201);
    let own = world.key(Role::Affiliate, None, Some(1)).await;
    let rival = world.key(Role::Affiliate, None, Some(2)).await;
    let advertiser = world.key(Role::Advertiser, Some(1), None).await;
    let count =
        async |key: &str| world.get_as(key, DOMAINS).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!((count(&own).await, count(&rival).await, count(&advertiser).await), (2, 1, 1));
    world.get_as(&rival, "/v1/domains/1").await.problem(404);
    let foreign = json!({"offer_id": 1, "domain_id": 1});
    assert_eq!(world.post_as(&rival, "/v1/links", &foreign).await.bad_fields(422), ["domain_id"]);
    let shared =
        world.post_as(&rival, "/v1/links", &json!({"offer_id": 1, "domain_id": 2})).await.expect(201);
    assert!(shared["url"].as_str().unwrap().starts_with("https://go.example/"), "{shared}");
    for key in [&own, &advertiser] {
        world.post_as(key, DOMAINS, &json!({"host": "x.example"})).await.problem(403);
        world.patch_as(key, "/v1/domains/1", &json!({"default_url": null})).await.problem(403);
        delete(&world, key, "/v1/domains/1").await.problem(403);
    }
}
