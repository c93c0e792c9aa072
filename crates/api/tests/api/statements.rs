//! Statements of affiliates, in all forms.

use std::process::Command;

use axum::http::Method;
use hopline_types::Role;
use serde_json::{Value, json};

use crate::harness::World;

const DAY: i64 = 86_400_000;
const PLACES: [&str; 4] = ["pending", "approved", "payable", "paid"];

/// Two sales, one of them refunded in part, a payout; the month that it was, and the one after, closed.
async fn busy(world: &World) -> (hopline_ledger::Period, i64) {
    let now = world.clock.clock().now();
    let month = hopline_ledger::Period::of(now).unwrap();
    world.sale("A-1", 1).await;
    world.sale("A-2", 2).await;
    world
        .post("/v1/conversions/2/refund", &json!({"amount": "9.90", "reason": "half, \"broken\""}))
        .await
        .expect(200);
    let drafted =
        world.post("/v1/payout_batches", &json!({"currency": "EUR", "method": "sepa"})).await.expect(201);
    assert_eq!(drafted["payouts"].as_array().unwrap().len(), 1, "{drafted}");
    let second = world.key(Role::Finance, None, None).await;
    world.post_as(&second, "/v1/payout_batches/1/approve", &json!({})).await.expect(200);
    world.post_as(&second, "/v1/payout_batches/1/settle", &json!({"failed": []})).await.expect(200);
    (month, now.get())
}

fn pdf_text(pdf: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("statement.pdf");
    std::fs::write(&file, pdf).unwrap();
    let output = Command::new("pdftotext").arg("-layout").arg(&file).arg("-").output();
    let output = output.expect("pdftotext is there: `cargo xtask test` installs what tests need");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What each row says: what it is, and its four amounts.
type Rows = Vec<(String, [String; 4])>;

fn of_json(statement: &Value) -> Rows {
    let amounts = |value: &Value| PLACES.map(|place| value[place].as_str().unwrap().to_owned());
    let mut rows = Rows::new();
    for each in statement["currencies"].as_array().unwrap() {
        rows.push(("opening".into(), amounts(&each["opening"])));
        for line in each["lines"].as_array().unwrap() {
            rows.push((line["ledger_record"].to_string(), amounts(line)));
        }
        rows.push(("closing".into(), amounts(&each["closing"])));
    }
    rows
}

fn of_csv(bytes: &[u8]) -> Rows {
    let mut reader = csv::Reader::from_reader(bytes);
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let rows = reader.records().map(Result::unwrap).filter(|row| &row[0] != "statement");
    rows.map(|row| {
        let word = if &row[0] == "line" { row[place("ledger_record")].to_owned() } else { row[0].to_owned() };
        (word, PLACES.map(|name| row[place(name)].to_owned()))
    })
    .collect()
}

fn of_pdf(text: &str) -> Rows {
    let is_amount = |cell: &&str| cell.rsplit_once('.').is_some_and(|(_, places)| places.len() == 2);
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|cells| cells.len() >= 5 && cells.iter().rev().take(4).all(is_amount))
        .map(|cells| {
            let amounts = cells.last_chunk::<4>().unwrap().map(str::to_owned);
            // Day, time, record.
            let word = if matches!(cells[0], "opening" | "closing") { cells[0] } else { cells[2] };
            (word.to_owned(), amounts)
        })
        .collect()
}

// P-34, L-13
#[tokio::test]
async fn p_34_json_csv_and_pdf_carry_the_same_numbers() {
    let world = World::furnished().await;
    let (month, _) = busy(&world).await;
    let path = format!("/v1/affiliates/1/statements/{month}");
    let statement = world.get(&path).await.expect(200);
    assert_eq!(statement["status"], "open");
    let rows = of_json(&statement);
    let each = |text: [&str; 4]| text.map(str::to_owned);
    assert_eq!(rows.first().unwrap().1, each(["0.00"; 4]));
    assert_eq!(rows.last().unwrap().1, each(["0.00", "0.00", "0.00", "8.99"]));
    assert_eq!(world.get("/v1/balances?affiliate=1").await.expect(200)["items"][0]["paid"], "8.99");

    let csv = world.call(&world.operator, Method::GET, &path, None, &[("accept", "text/csv")]).await;
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(
        csv.header("content-disposition"),
        format!("attachment; filename=\"statement-1-{month}.csv\"")
    );
    assert_eq!(of_csv(&csv.bytes), rows);
    let pdf = world.get(&format!("{path}?format=pdf")).await;
    assert_eq!(pdf.header("content-type"), "application/pdf");
    let text = pdf_text(&pdf.bytes);
    assert_eq!(of_pdf(&text), rows, "{text}");
    for said in [&statement["last_hash"], &statement["ledger_records"]] {
        let said = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
        assert!(text.contains(&said), "{said}: {text}");
        assert!(String::from_utf8_lossy(&csv.bytes).contains(&said), "{said}");
    }
    assert!(text.contains("half, \"broken\""), "{text}");
    // Down to the conversion, and to the payout.
    let lines = statement["currencies"][0]["lines"].as_array().unwrap();
    let refund = lines.iter().find(|line| line["kind"] == "commission_reversed").unwrap();
    assert_eq!(
        (&refund["conversion_id"], &refund["offer_id"], &refund["goal"]),
        (&json!(2), &json!(1), &json!("sale"))
    );
    assert!(lines.iter().any(|line| line["kind"] == "payout_settled" && line["payout_id"] == 1), "{lines:?}");
    // The same whoever asks.
    let own = world.key(Role::Affiliate, None, Some(1)).await;
    assert_eq!(world.get_as(&own, &format!("{path}?format=pdf")).await.bytes, pdf.bytes);
}

// L-12
#[tokio::test]
async fn l_12_a_statement_of_a_closed_month_is_the_same_whenever_it_is_made() {
    let world = World::furnished().await;
    let (month, now) = busy(&world).await;
    world.clock.set(month.end().plus(DAY));
    let closed = world.post(&format!("/v1/ledger/periods/{month}/close"), &json!({})).await.expect(200);
    let made = async |format: &str| {
        world.get(&format!("/v1/affiliates/1/statements/{month}?format={format}")).await.bytes
    };
    let before = [made("json").await, made("csv").await, made("pdf").await];
    // A late sale, another name, a sale in the next month.
    let click = world.click(1, 1, 7).await;
    let at = jiff::Timestamp::from_millisecond(now).unwrap().to_string();
    let late = json!({"click_id": click, "event": "sale", "order_id": "A-3", "amount": "10.00", "currency": "EUR", "at": at});
    world.post("/v1/conversions", &late).await.expect(201);
    world.work().await;
    world.patch_as(&world.operator, "/v1/affiliates/1", &json!({"name": "Other"})).await.expect(200);
    assert_eq!([made("json").await, made("csv").await, made("pdf").await], before);
    let statement: Value = serde_json::from_slice(&before[0]).unwrap();
    assert_eq!(statement["status"], "closed");
    assert_eq!(statement["last_hash"], closed["last_hash"]);
    // The next month begins where this one ended, and says what came late.
    let next = month.next().unwrap();
    let next = world.get(&format!("/v1/affiliates/1/statements/{next}")).await.expect(200);
    assert_eq!(next["currencies"][0]["opening"], statement["currencies"][0]["closing"]);
    let lines = next["currencies"][0]["lines"].as_array().unwrap();
    assert!(!lines.is_empty());
    assert!(lines.iter().all(|line| line["late_for"] == json!(month.to_string())), "{lines:?}");
}

// S-10
#[tokio::test]
async fn s_10_statements_are_seen_by_their_affiliate_and_the_network() {
    let world = World::furnished().await;
    world.post("/v1/affiliates", &crate::harness::affiliate("Deals", "deals@example.com")).await.expect(201);
    let other = world.key(Role::Affiliate, None, Some(2)).await;
    world.get_as(&other, "/v1/affiliates/1/statements/2026-01").await.problem(404);
    let empty = world.get_as(&other, "/v1/affiliates/2/statements/2026-01").await.expect(200);
    assert_eq!(empty["currencies"], json!([]));
    let advertiser = world.key(Role::Advertiser, Some(1), None).await;
    world.get_as(&advertiser, "/v1/affiliates/1/statements/2026-01").await.problem(403);
    for path in [
        "/v1/affiliates/99/statements/2026-01",
        "/v1/affiliates/01/statements/2026-01",
        "/v1/affiliates/1/statements/2026",
    ] {
        world.get(path).await.problem(404);
    }
    let bad = world.get("/v1/affiliates/1/statements/2026-01?format=doc").await;
    assert_eq!(bad.bad_fields(400), ["format"]);
}
