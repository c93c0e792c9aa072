//! Reports, raw clicks, settlements.

use std::collections::BTreeSet;

use hopline_click_store::{ClickBatch, Deltas, Dims, Fact, StoredClick, StreamId};
use hopline_clickid::{TOKEN_BYTES, UniqueNumber};
use hopline_record::Flags;
use hopline_types::{
    AdvertiserId, AffiliateId, CommissionStatus, ConversionId, GoalId, GoalKind, LinkId, OfferId, Role,
    UnixMillis, Verdict,
};
use serde_json::{Value, json};

use crate::harness::{NOW, World, landing_page};

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

pub(crate) fn click(record: u64, at: UnixMillis, dims: Dims) -> StoredClick {
    StoredClick {
        unique: UniqueNumber::new(0, 0, record).unwrap(),
        is_impression: false,
        at,
        offer: OfferId::new(1).ok(),
        affiliate: AffiliateId::new(1).ok(),
        link: LinkId::new(1).ok(),
        advertiser: AdvertiserId::new(1).ok(),
        verdict: Verdict::UNIQUE,
        visitor_key: record,
        pseudonym: 0,
        network: 0,
        flags: Flags::default(),
        status: 302,
        rule_version: 1,
        code: "abc1234".into(),
        dims,
        ext: String::new(),
        email_hash: String::new(),
        language: "de".into(),
        detail: String::new(),
        deep_link: String::new(),
        consent: String::new(),
        token: [0; TOKEN_BYTES],
        finding: None,
    }
}

/// Clicks 1 to `count` of affiliate 1 on offer 1, a second apart.
pub(crate) async fn store_clicks(world: &World, count: u64) {
    let clicks = (1..=count).map(|record| {
        let at = NOW.plus(-1_000 * i64::try_from(count - record).unwrap());
        click(record, at, Dims { source: "=1+1".into(), ..Dims::default() })
    });
    store(world, clicks.collect()).await;
}

/// Stores all clicks that a world has, numbered from 1.
pub(crate) async fn store(world: &World, clicks: Vec<StoredClick>) {
    let stream = StreamId { edge: 0, stream: 0 };
    let count = u64::try_from(clicks.len()).unwrap();
    let batch = ClickBatch::of_clicks(stream, 1, count, &clicks);
    world.services.click_store.store(batch).await.unwrap();
}

#[tokio::test]
async fn an_export_of_many_pages_holds_every_click_once_and_only_the_callers_own() {
    let world = World::furnished().await;
    store_clicks(&world, 2_500).await;
    let text = String::from_utf8(world.get("/v1/clicks").await.bytes).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2_500);
    let times: BTreeSet<_> = lines.iter().map(|line| line["at"].as_str().unwrap().to_owned()).collect();
    assert_eq!(times.len(), 2_500);
    assert_eq!((&lines[0]["affiliate_id"], &lines[0]["source"]), (&json!(1), &json!("=1+1")));
    // P-32
    let csv = world.get("/v1/clicks?format=csv").await.bytes;
    let text = String::from_utf8(csv).unwrap();
    assert_eq!((text.lines().count(), text.matches(",'=1+1,").count()), (2_501, 2_500));

    world.post("/v1/affiliates", &json!({"name": "Rival", "email": "r@example.com"})).await.expect(201);
    let rival = world.key(Role::Affiliate, None, Some(2)).await;
    assert!(world.get_as(&rival, "/v1/clicks").await.bytes.is_empty());
    let own = world.key(Role::Affiliate, None, Some(1)).await;
    let report = world.get_as(&own, "/v1/reports?metrics=clicks&group_by=").await.expect(200);
    assert_eq!(report["totals"]["clicks"], 2_500);
    let report = world.get_as(&rival, "/v1/reports?metrics=clicks&group_by=").await.expect(200);
    assert_eq!(report["totals"]["clicks"], 0);
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

/// A sale of 49.90 EUR by a click that landed on this page.
pub(crate) fn sale(page: &str) -> Fact {
    Fact {
        fact_id: "sale".into(),
        conversion: ConversionId::new(1).unwrap(),
        booked_at: NOW,
        converted_at: NOW,
        clicked_at: Some(NOW.plus(-hopline_types::HOUR_MS)),
        advertiser: AdvertiserId::new(1).unwrap(),
        offer: OfferId::new(1).unwrap(),
        goal: GoalId::new(1).unwrap(),
        goal_key: "sale".into(),
        goal_kind: GoalKind::Pps,
        affiliate: AffiliateId::new(1).ok(),
        link: LinkId::new(1).ok(),
        dims: Dims { landing_page: page.into(), ..Dims::default() },
        coupon: String::new(),
        status: CommissionStatus::Approved,
        currency: hopline_money::Currency::EUR,
        deltas: Deltas { conversions: 1, sales: 1, payout_minor: 499, ..Deltas::default() },
    }
}

/// The A/B report of an offer's landing pages.
#[tokio::test]
async fn landing_pages_are_compared_by_a_report() {
    let world = World::furnished().await;
    let blue = world.post("/v1/landing_pages", &landing_page(1, "Blue")).await.expect(201);
    assert_eq!(blue["id"], 2);
    let pages = ["1", "1", "1", "1", "2", "2", ""];
    let clicks = (1..).zip(pages).map(|(record, page)| {
        let dims = Dims { landing_page: page.into(), ..Dims::default() };
        click(record, NOW.plus(-hopline_types::HOUR_MS), dims)
    });
    store(&world, clicks.collect()).await;
    world.services.click_store.store_facts(vec![sale("1")]).await.unwrap();
    let path = "/v1/reports?from=2026-03-01&to=2026-03-01&group_by=landing_page&sort=landing_page\
                &metrics=gross_clicks,unique_clicks,conversions,cvr,epc&filter[offer]=1";
    let report = world.get(path).await.expect(200);
    let row = |page: Value, clicks: i64, sales: i64, cvr: &str, epc: &str| {
        json!({"landing_page": page, "gross_clicks": clicks, "unique_clicks": clicks, "conversions": sales,
               "cvr": cvr, "epc": epc})
    };
    assert_eq!(
        report["rows"],
        json!([
            row(json!("1"), 4, 1, "0.250000", "1.247500"),
            row(json!("2"), 2, 0, "0.000000", "0.000000"),
            row(Value::Null, 1, 0, "0.000000", "0.000000"),
        ])
    );
    assert_eq!((&report["totals"]["gross_clicks"], &report["totals"]["conversions"]), (&json!(7), &json!(1)));
    let only = world.get(&format!("{path}&filter[landing_page]=2")).await.expect(200);
    assert_eq!(only["rows"], json!([report["rows"][1]]));
}
