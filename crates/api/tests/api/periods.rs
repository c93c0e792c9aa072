//! Closing months over HTTP.

use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::World;

const DAY: i64 = 86_400_000;

// L-12
#[tokio::test]
async fn l_12_a_month_is_closed_once_it_is_over_and_stays_closed() {
    let world = World::furnished().await;
    world.sale("A-1", 1).await;
    let now = world.clock.clock().now();
    let month = hopline_ledger::Period::of(now).unwrap();
    let path = format!("/v1/ledger/periods/{month}/close");
    let open = world.get("/v1/ledger/periods").await.expect(200);
    assert_eq!(open, json!({"open_from": null, "items": []}));
    let early = world.post(&path, &json!({})).await.problem(409);
    assert_eq!(
        early["detail"],
        json!(format!(
            "{month} is not over: it can be closed from {}-01T00:00:00Z on",
            month.next().unwrap()
        ))
    );
    for bad in ["2026-13", "2026-1", "january"] {
        world.post(&format!("/v1/ledger/periods/{bad}/close"), &json!({})).await.problem(404);
    }
    assert_eq!(world.post(&path, &json!({"force": true})).await.bad_fields(422), ["force"]);

    world.clock.set(month.end().plus(DAY));
    let finance = world.key(Role::Finance, None, None).await;
    let closed = world.post_as(&finance, &path, &json!({})).await.expect(200);
    let transactions = world.get("/v1/ledger/transactions?limit=500").await.expect(200);
    let last = transactions["items"].as_array().unwrap().last().unwrap();
    assert_eq!((&closed["ledger_records"], &closed["last_hash"]), (&last["sequence"], &last["hash"]));
    // Again, by another: the same closing, and one entry in the log.
    assert_eq!(world.post(&path, &json!({})).await.expect(200), closed);
    let log = world.get("/v1/audit_log?limit=500").await.expect(200);
    let closings =
        log["items"].as_array().unwrap().iter().filter(|entry| entry["action"] == "ledger_period.close");
    assert_eq!(closings.count(), 1);
    let periods = world.get("/v1/ledger/periods").await.expect(200);
    assert_eq!(periods["items"], json!([closed]));
    assert_eq!(periods["open_from"], json!(format!("{}-01T00:00:00.000Z", month.next().unwrap())));

    // A sale of the closed month that arrives now.
    let click = world.click(1, 1, 2).await;
    let at = jiff::Timestamp::from_millisecond(now.get()).unwrap().to_string();
    let body = json!({"click_id": click, "event": "sale", "order_id": "A-2", "amount": "10.00", "currency": "EUR",
        "at": at});
    world.post("/v1/conversions", &body).await.expect(201);
    world.work().await;
    let after = format!("/v1/ledger/transactions?limit=500&from={}-01T00:00:00Z", month.next().unwrap());
    let late = world.get(&after).await.expect(200);
    let late: Vec<&Value> = late["items"].as_array().unwrap().iter().collect();
    assert!(!late.is_empty());
    for transaction in late {
        assert_eq!(transaction["late_for"], json!(month.to_string()), "{transaction}");
        assert!(
            transaction["happened_at"].as_str().unwrap().starts_with(&month.to_string()),
            "{transaction}"
        );
    }
}

// S-11
#[tokio::test]
async fn only_the_networks_people_close_months() {
    let world = World::furnished().await;
    for (role, advertiser, affiliate) in [(Role::Advertiser, Some(1), None), (Role::Affiliate, None, Some(1))]
    {
        let key = world.key(role, advertiser, affiliate).await;
        world.get_as(&key, "/v1/ledger/periods").await.problem(403);
        world.post_as(&key, "/v1/ledger/periods/2020-01/close", &json!({})).await.problem(403);
    }
}

// L-24, L-13
#[tokio::test]
async fn l_24_the_ledger_leaves_as_plain_text_and_names_its_end() {
    let world = World::furnished().await;
    world.sale("A-1", 1).await;
    let transactions = world.get("/v1/ledger/transactions?limit=500").await.expect(200);
    let last = transactions["items"].as_array().unwrap().last().unwrap();
    for form in ["hledger", "beancount"] {
        let answer = world.get(&format!("/v1/ledger/export?format={form}")).await;
        assert_eq!(answer.status.as_u16(), 200);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert_eq!(answer.header("hopline-ledger-records"), last["sequence"].to_string());
        assert_eq!(answer.header("hopline-ledger-last-hash"), last["hash"].as_str().unwrap());
        let text = String::from_utf8(answer.bytes).unwrap();
        let end = format!(
            "; {} records, the last has the hash {}\n",
            last["sequence"],
            last["hash"].as_str().unwrap()
        );
        assert!(text.ends_with(&end), "{text}");
        assert_eq!(text.matches(" * ").count().to_string(), last["sequence"].to_string(), "{text}");
    }
    assert_eq!(world.get("/v1/ledger/export").await.bad_fields(400), ["format"]);
    assert_eq!(world.get("/v1/ledger/export?format=xml&from=x").await.bad_fields(400), ["format", "from"]);
    let key = world.key(Role::Affiliate, None, Some(1)).await;
    world.get_as(&key, "/v1/ledger/export?format=hledger").await.problem(403);
}
