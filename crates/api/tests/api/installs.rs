//! Installs: whose they are, how measurement is read, what became of each report, how soon they came.

use axum::http::Method;
use hopline_books::{Intake, intake_events};
use hopline_control_store::DatabaseExt;
use hopline_record::ConversionEvent;
use hopline_types::{ConversionSource, HOUR_MS, Role, SECOND_MS};
use serde_json::{Value, json};

use crate::harness::{Answer, NOW, World, affiliate};

const SOURCES: &str = "/v1/install_sources";
const MAPPINGS: &str = "/v1/install_mappings";
const INSTALLS: &str = "/v1/installs";

/// A postback that Apple has published with its documentation.
fn postback(number: usize) -> ConversionEvent {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../installs/tests/vectors/apple_postbacks.json")).unwrap();
    let body = vectors["cases"][number]["postback"].to_string();
    ConversionEvent::of_report(ConversionSource::Skadnetwork, &body, NOW).unwrap()
}

async fn report(world: &World, event_id: &str, event: ConversionEvent) -> Intake {
    let events = [(event_id.to_owned(), event)];
    let taken = world.services.database.write(move |tx| intake_events(tx, &events, NOW)).await;
    taken.unwrap().remove(0)
}

fn source(identifier: &str) -> Value {
    json!({"ad_network": "com.example", "app": "525463029", "source_identifier": identifier, "offer_id": 1, "affiliate_id": 1})
}

/// One of each: source, mapping, and a report that waits for nobody.
pub(crate) async fn furnish(world: &World) {
    world.post(SOURCES, &source("5239")).await.expect(201);
    let mapping = json!({"advertiser_id": 1, "provider": "adjust", "names": {"click_id": ["reftag"]}});
    world.post(MAPPINGS, &mapping).await.expect(201);
    report(world, "1-0-1", postback(0)).await;
}

async fn delete(world: &World, key: &str, path: &str) -> Answer {
    world.call(key, Method::DELETE, path, None, &[]).await
}

#[tokio::test]
async fn an_install_that_waited_is_paid_once_its_source_is_entered() {
    let world = World::furnished().await;
    let Intake::Kept { .. } = report(&world, "1-0-1", postback(0)).await else { panic!("it counts") };
    let waiting = world.get("/v1/installs?state=waiting").await.expect(200)["items"][0].clone();
    assert_eq!((&waiting["reason"], &waiting["conversion_id"]), (&json!("no_source"), &Value::Null));
    assert_eq!(waiting["details"]["unsigned"]["conversion_value"], 63);
    let made = world.post(SOURCES, &source("5239")).await;
    assert_eq!(made.header("location"), "/v1/install_sources/1");
    let made = made.expect(201);
    assert_eq!(
        (&made["counted"], &made["goal_id"], &made["redownloads"]),
        (&json!(1), &json!(4), &json!(false))
    );
    world.work().await;
    let conversion = world.get("/v1/conversions/1").await.expect(200);
    assert_eq!((&conversion["source"], &conversion["goal"]), (&json!("skadnetwork"), &json!("install")));
    assert_eq!((&conversion["affiliate_id"], &conversion["status"]), (&json!(1), &json!("approved")));
    assert_eq!(conversion["payout"]["amount"], "1.00");
    let explained = world.get("/v1/conversions/1/explain").await.expect(200);
    let reason = explained["decision"]["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("named by source identifier: SKAdNetwork reported source identifier 5239"),
        "{reason}"
    );
    let counted = world.get("/v1/installs/1").await.expect(200);
    assert_eq!((&counted["state"], &counted["conversion_id"]), (&json!("counted"), &json!(1)));
    world.post("/v1/installs/1/judge", &json!({})).await.problem(409);
    let of_conversion = world.get("/v1/installs?conversion_id=1&source=skadnetwork").await.expect(200);
    assert_eq!(of_conversion["items"].as_array().unwrap().len(), 1);
    assert_eq!(delete(&world, &world.operator, "/v1/install_sources/1").await.status.as_u16(), 204);
    world.get("/v1/install_sources/1").await.problem(404);
    world.get("/v1/installs/1").await.expect(200);
}

//
#[tokio::test]
async fn a_22_lost_installs_are_kept_and_visible_and_earn_nothing() {
    let world = World::furnished().await;
    let lost = json!({"ad_network": "example123.SKAdNetwork", "app": "525463029", "offer_id": 1, "affiliate_id": 1, "redownloads": true});
    assert_eq!(world.post(SOURCES, &lost).await.expect(201)["ad_network"], "example123.skadnetwork");
    report(&world, "1-0-1", postback(3)).await;
    report(&world, "1-0-2", postback(2)).await;
    world.work().await;
    let own = world.key(Role::Affiliate, None, Some(1)).await;
    let seen = world.get_as(&own, INSTALLS).await.expect(200);
    let items = seen["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert_eq!((&items[1]["state"], &items[1]["reason"]), (&json!("kept"), &json!("lost")));
    assert_eq!((&items[0]["state"], &items[0]["conversion_id"]), (&json!("counted"), &json!(1)));
    assert!(items[0].get("report").is_none() && items[0].get("details").is_none());
    let balances = world.get("/v1/balances?affiliate=1").await.expect(200);
    assert_eq!(balances["items"][0]["payable"], "1.00");
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_source_or_a_mapping_is_told() {
    let world = World::furnished().await;
    let bad = json!({"ad_network": "", "app": "x", "source_identifier": "12x", "campaign_id": -1, "offer_id": 0, "affiliate_id": "y"});
    let mut fields = world.post(SOURCES, &bad).await.bad_fields(422);
    fields.sort();
    fields.dedup();
    assert_eq!(fields, ["ad_network", "affiliate_id", "app", "campaign_id", "offer_id", "source_identifier"]);
    let with = |name: &str, value: Value| {
        let mut source = source("5239");
        source[name] = value;
        source
    };
    for (name, value) in [("offer_id", json!(9)), ("affiliate_id", json!(9)), ("goal", json!("sale"))] {
        assert_eq!(world.post(SOURCES, &with(name, value)).await.bad_fields(422), [name]);
    }
    world.post(SOURCES, &source("5239")).await.expect(201);
    assert_eq!(world.post(SOURCES, &source("5239")).await.bad_fields(409), ["source_identifier"]);
    let rest = with("source_identifier", Value::Null);
    world.post(SOURCES, &rest).await.expect(201);
    assert_eq!(world.post(SOURCES, &rest).await.bad_fields(409), ["app"]);

    let bad = json!({"provider": "nobody", "names": {"clickid": ["x"], "event": []}, "events": {"a": 1}});
    let mut fields = world.post(MAPPINGS, &bad).await.bad_fields(422);
    fields.sort();
    assert_eq!(fields, ["advertiser_id", "events", "names.clickid", "names.event", "provider"]);
    let mapping = json!({"advertiser_id": 1, "provider": "branch"});
    world.post(MAPPINGS, &mapping).await.expect(201);
    assert_eq!(world.post(MAPPINGS, &mapping).await.bad_fields(409), ["advertiser_id"]);
    let nobody = json!({"advertiser_id": 9, "provider": "branch"});
    assert_eq!(world.post(MAPPINGS, &nobody).await.bad_fields(422), ["advertiser_id"]);
    assert_eq!(world.get("/v1/installs?state=nonsense").await.bad_fields(400), ["state"]);
}

#[tokio::test]
async fn a_measured_event_counts_when_its_goal_is_mapped() {
    let world = World::furnished().await;
    let advertiser = world.key(Role::Advertiser, Some(1), None).await;
    let click = world.click(1, 1, 7).await;
    let sent = json!({"label": click, "event_name": "signup", "adid": "d-1"}).to_string();
    let mut event = ConversionEvent::of_report(ConversionSource::Measurement, &sent, NOW).unwrap();
    event.advertiser = 1;
    report(&world, "1-0-1", event).await;
    let mapping = json!({"provider": "adjust", "events": {"signup": "lead"}});
    world.post_as(&advertiser, "/v1/installs/1/judge", &json!({})).await.expect(200);
    assert_eq!(world.get("/v1/installs/1").await.expect(200)["reason"], "event_without_goal");
    world.post_as(&advertiser, MAPPINGS, &mapping).await.expect(201);
    let judged = world.post_as(&advertiser, "/v1/installs/1/judge", &json!({})).await.expect(200);
    assert_eq!((&judged["state"], &judged["conversion_id"]), (&json!("counted"), &json!(1)));
    world.work().await;
    assert_eq!(world.get("/v1/conversions/1").await.expect(200)["goal"], "lead");
}

// S-10
#[tokio::test]
async fn s_10_installs_sources_and_mappings_are_seen_by_those_they_are_about() {
    let world = World::furnished().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    world.post("/v1/affiliates", &affiliate("Rival", "rival@example.com")).await.expect(201);
    furnish(&world).await;
    let rivals =
        [world.key(Role::Advertiser, Some(2), None).await, world.key(Role::Affiliate, None, Some(2)).await];
    for key in &rivals {
        for path in [SOURCES, INSTALLS] {
            assert_eq!(world.get_as(key, path).await.expect(200)["items"], json!([]), "{path}");
            world.get_as(key, &format!("{path}/1")).await.problem(404);
        }
        world.post_as(key, SOURCES, &source("1111")).await.problem(403);
    }
    world.get_as(&rivals[0], "/v1/install_mappings/1").await.problem(404);
    delete(&world, &rivals[0], "/v1/install_mappings/1").await.problem(404);
    world.post_as(&rivals[0], "/v1/installs/1/judge", &json!({})).await.problem(404);
    let foreign = json!({"advertiser_id": 1, "provider": "branch"});
    assert_eq!(world.post_as(&rivals[0], MAPPINGS, &foreign).await.bad_fields(422), ["advertiser_id"]);
    for key in
        [world.key(Role::Advertiser, Some(1), None).await, world.key(Role::Affiliate, None, Some(1)).await]
    {
        for path in [SOURCES, INSTALLS] {
            assert_eq!(
                world.get_as(&key, path).await.expect(200)["items"].as_array().unwrap().len(),
                1,
                "{path}"
            );
        }
    }
    let own = world.key(Role::Advertiser, Some(1), None).await;
    assert_eq!(delete(&world, &own, "/v1/install_mappings/1").await.status.as_u16(), 204);
}

// C-15
#[tokio::test]
async fn c_15_an_affiliate_whose_installs_follow_their_clicks_at_once_stands_out() {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &affiliate("Injector", "injector@example.com")).await.expect(201);
    let clicked = NOW.plus(-HOUR_MS);
    let mut reports = Vec::new();
    for number in 0..40_i64 {
        for (who, after) in [(1, (60 + number * 60) * SECOND_MS), (2, 3 * SECOND_MS)] {
            let click = world.click(1, who, u64::try_from(who * 1_000 + number).unwrap()).await;
            let at = jiff::Timestamp::from_millisecond(clicked.plus(after).get()).unwrap();
            reports.push(json!({"click_id": click, "event": "install", "at": at.to_string()}));
        }
    }
    world.post("/v1/conversions", &Value::Array(reports)).await.expect(200);
    world.work().await;
    let answer = world.get("/v1/reports/installs?from=2026-03-01&offer=1").await.expect(200);
    let rows = answer["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["installs"], &rows[0]["flags"]), (&json!(40), &json!([])));
    assert_eq!(rows[1]["flags"][0]["sign"], "injection");
    assert_eq!(
        rows[1]["flags"][0]["reason"],
        "40 of 40 installs came within 10 s of their click, against 0 of 40 of the other affiliates"
    );
    assert_eq!(rows[1]["spans"], json!([{"from_seconds": 0, "to_seconds": 10, "installs": 40}]));
    assert_eq!(rows[0]["shares"]["within_1_hour"], json!({"numerator": 40, "denominator": 40}));
    assert_eq!(
        world.get("/v1/conversions?affiliate_id=2").await.expect(200)["items"][0]["status"],
        "approved"
    );
    let affiliate = world.key(Role::Affiliate, None, Some(2)).await;
    world.get_as(&affiliate, "/v1/reports/installs").await.problem(403);
    let other = world.get("/v1/reports/installs?from=2026-02-01&to=2026-02-02").await.expect(200);
    assert_eq!(other["rows"], json!([]));
}
