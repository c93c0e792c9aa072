//! Clicks that are found to be invalid later (C-02).

use hopline_books::reclassify;
use hopline_control_store::findings::{self, Applied};
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::{NOW, World};
use crate::reports::store_clicks;

const FINDINGS: &str = "/v1/click_findings";

pub(crate) fn robots() -> Value {
    json!({
        "offer_id": 1, "affiliate_id": 1, "from": "2026-03-01T09:00:00Z", "to": "2026-03-01T10:00:00Z",
        "reason": "bot", "remark": "one click a second",
    })
}

/// Does what the worker does.
async fn apply(world: &World) {
    let services = &world.services;
    let pending: Result<_, StoreError> = services.database.read(|tx| findings::pending(tx, 9)).await;
    for finding in pending.unwrap() {
        let done = services.click_store.reclassify(reclassify(&finding)).await.unwrap();
        let applied = Applied { clicks: i64::try_from(done.clicks).unwrap(), at: NOW };
        let noted: Result<_, StoreError> =
            services.database.write(move |tx| findings::mark_applied(tx, finding.id, applied)).await;
        assert!(noted.unwrap());
    }
}

#[tokio::test]
async fn c_02_a_finding_changes_the_counts_and_the_affiliate_sees_it_with_its_reason() {
    let world = World::furnished().await;
    store_clicks(&world, 5).await;
    let affiliate = world.key(Role::Affiliate, None, Some(1)).await;
    let report = "/v1/reports?from=2026-03-01&to=2026-03-01&group_by=class,reason&metrics=gross_clicks";
    let before = world.get_as(&affiliate, report).await.expect(200);
    assert_eq!(before["rows"].as_array().unwrap().len(), 1);

    // Five clicks, a second apart, the last at the end of the period: four are within.
    let made = world.post(FINDINGS, &robots()).await;
    assert_eq!(made.header("location"), "/v1/click_findings/1");
    let made = made.expect(201);
    assert_eq!(
        (&made["clicks"], &made["applied_at"], &made["filter"]),
        (&Value::Null, &Value::Null, &json!({}))
    );
    assert!(made["decided_by"].as_str().unwrap().starts_with("key:"));
    apply(&world).await;

    let seen = world.get_as(&affiliate, &format!("{FINDINGS}/1")).await.expect(200);
    assert_eq!((&seen["clicks"], &seen["reason"]), (&json!(4), &json!("bot")));
    assert_eq!(seen["remark"], "one click a second");
    assert!(seen.get("decided_by").is_none(), "{seen}");
    let after = world.get_as(&affiliate, report).await.expect(200);
    let rows: Vec<_> =
        after["rows"].as_array().unwrap().iter().map(|row| (&row["reason"], &row["gross_clicks"])).collect();
    assert_eq!(rows.len(), 2, "{after}");
    assert!(rows.contains(&(&json!("bot"), &json!(4))), "{after}");
    let clicks = world.get_as(&affiliate, "/v1/clicks?from=2026-03-01&to=2026-03-01").await;
    let clicks: Vec<Value> = String::from_utf8(clicks.bytes)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let found: Vec<_> = clicks.iter().filter(|click| click["finding_id"] == 1).collect();
    assert_eq!((clicks.len(), found.len()), (5, 4));
    assert_eq!((&found[0]["class"], &found[0]["answered_class"]), (&json!("invalid"), &json!("unique")));

    let log = world.get("/v1/audit_log?limit=500").await.expect(200).to_string();
    assert!(log.contains("click_finding.create"));
}

// S-10, S-11
#[tokio::test]
async fn c_02_findings_are_decided_by_operators_and_seen_by_those_they_are_about() {
    let world = World::furnished().await;
    world.post("/v1/advertisers", &json!({"name": "Other", "currency": "EUR"})).await.expect(201);
    let rival = json!({"name": "Rival", "email": "rival@example.com", "status": "active"});
    world.post("/v1/affiliates", &rival).await.expect(201);
    let mut theirs = robots();
    theirs["affiliate_id"] = 2.into();
    world.post(FINDINGS, &robots()).await.expect(201);
    world.post(FINDINGS, &theirs).await.expect(201);
    for (role, advertiser, affiliate, seen) in [
        (Role::Finance, None, None, vec![1, 2]),
        (Role::Advertiser, Some(1), None, vec![1, 2]),
        (Role::Advertiser, Some(2), None, vec![]),
        (Role::Affiliate, None, Some(1), vec![1]),
        (Role::Affiliate, None, Some(2), vec![2]),
    ] {
        let key = world.key(role, advertiser, affiliate).await;
        let list = world.get_as(&key, FINDINGS).await.expect(200);
        let ids: Vec<_> =
            list["items"].as_array().unwrap().iter().map(|item| item["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, seen, "{role} {advertiser:?} {affiliate:?}");
        for id in [1, 2] {
            let status = world.get_as(&key, &format!("{FINDINGS}/{id}")).await.status.as_u16();
            assert_eq!(status, if seen.contains(&id) { 200 } else { 404 });
        }
        world.post_as(&key, FINDINGS, &robots()).await.problem(403);
    }
    let listed = world.get(&format!("{FINDINGS}?affiliate_id=2&offer_id=1")).await.expect(200);
    assert_eq!(listed["items"][0]["id"], 2);
}

#[tokio::test]
async fn every_bad_field_of_a_finding_is_named_at_once() {
    let world = World::furnished().await;
    let nothing = world.post(FINDINGS, &json!({})).await.bad_fields(422);
    assert_eq!(nothing, ["offer_id", "affiliate_id", "from", "to", "reason", "remark"]);
    let with = |name: &str, value: Value| {
        let mut body = robots();
        body[name] = value;
        body
    };
    for (name, value, field) in [
        ("to", json!("2026-03-01T10:00:01Z"), "to"),
        ("to", json!("2026-03-01T09:00:00Z"), "to"),
        ("from", json!("2025-02-01T09:00:00Z"), "to"),
        ("from", json!("yesterday"), "from"),
        ("reason", json!("cap"), "reason"),
        ("remark", json!(" "), "remark"),
        ("offer_id", json!(9), "offer_id"),
        ("affiliate_id", json!(9), "affiliate_id"),
        ("filter", json!("all"), "filter"),
        ("filter", json!({"sub2": "x"}), "filter.sub2"),
        ("filter", json!({"country": "de"}), "filter.country"),
        ("filter", json!({"network": -1}), "filter.network"),
    ] {
        assert_eq!(
            world.post(FINDINGS, &with(name, value.clone())).await.bad_fields(422),
            [field],
            "{name} {value}"
        );
    }
    let filter =
        json!({"source": "", "sub1": "x", "referrer_host": "a.example", "country": "DE", "network": 64_496});
    let made = world.post(FINDINGS, &with("filter", filter.clone())).await.expect(201);
    assert_eq!(made["filter"], filter);
}
