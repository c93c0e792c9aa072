//! The smallest story: what a new user does by hand (contract section 9), through real HTTP against the real binary,
//! over files and over PostgreSQL and ClickHouse.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use hopline_testkit::{Backing, Hopline, Setup, eventually};
use hopline_tests::over_both;
use serde_json::{Value, json};

fn shoes() -> Value {
    json!({
        "advertiser_id": 1, "name": "Shoes", "currency": "EUR",
        "landing_page": "https://shop.example/shoes?c={click_id}&s={sub1}",
        "fallback_url": "https://shop.example/", "deep_link_hosts": ["shop.example"],
        "postback_auth": "token", "attribution": {"model": "last_click", "window_days": 30},
        "approval": "automatic", "hold_days": 0,
        "goals": [
            {"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}},
            {"key": "lead", "kind": "ppl", "revenue": {"fixed": "3.00"}, "payout": {"fixed": "2.00"}},
            {"key": "click", "kind": "ppc", "revenue": {"fixed": "0.06"}, "payout": {"fixed": "0.05"}},
            {"key": "install", "kind": "ppi", "revenue": {"fixed": "1.50"}, "payout": {"fixed": "1.00"}},
        ],
    })
}

/// The query parameter of a URL, as it stands.
fn parameter<'a>(url: &'a str, name: &str) -> &'a str {
    let query = url.split_once('?').expect("the URL has a query").1;
    query
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .expect("the parameter is there")
}

/// Path and query of an absolute URL.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").expect("the URL is absolute").1;
    rest.find('/').and_then(|slash| rest.get(slash..)).expect("the URL has a path")
}

over_both!(async a_click_becomes_a_payment, clicks_leads_and_installs_earn_and_refunds_take_back);

async fn a_click_becomes_a_payment(backing: Backing) {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    let setup = Setup::over(backing)
        .with("HOPLINE_PAYOUTS_DEBTOR_NAME", "Example Network GmbH")
        .with("HOPLINE_PAYOUTS_DEBTOR_IBAN", "DE89370400440532013000")
        .with("HOPLINE_PAYOUTS_DEBTOR_BIC", "COBADEFFXXX");
    Hopline::init(&data_dir, &setup).unwrap();
    Hopline::init(&data_dir, &setup).expect("init is safe to repeat");
    let operator = Hopline::key(&data_dir, &setup, &["--role", "operator"], "ops").unwrap();
    let finance = Hopline::key(&data_dir, &setup, &["--role", "finance"], "second person").unwrap();
    assert!(operator.starts_with("hl_") && !operator.contains(char::is_whitespace), "{operator:?}");

    let mut server = Hopline::serve(&data_dir, &setup).unwrap();
    let api = server.api().with_key(&operator);
    let edge = server.edge();

    let ready = hopline_testkit::Http::new(&server.metrics).get("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.text());

    // Advertiser, offer, affiliate, link.
    let advertiser =
        api.post("/v1/advertisers", &json!({"name": "Acme", "currency": "EUR"})).await.expect(201);
    assert_eq!((&advertiser["id"], &advertiser["name"]), (&json!(1), &json!("Acme")));
    let token = advertiser["postback_token"].as_str().unwrap();
    assert!(advertiser["signing_key"].as_str().unwrap().len() >= 32);
    let offer = api.post("/v1/offers", &shoes()).await.expect(201);
    assert_eq!(offer["goals"].as_array().unwrap().len(), 4);
    let affiliate = json!({
        "name": "Blog", "email": "blog@example.com", "status": "active",
        "payout_method": {"type": "sepa", "holder": "Blog GmbH", "iban": "DE89370400440532013000"},
    });
    assert_eq!(api.post("/v1/affiliates", &affiliate).await.expect(201)["id"], 1);
    let link = api.post("/v1/links", &json!({"offer_id": 1, "affiliate_id": 1})).await.expect(201);
    let url = link["url"].as_str().unwrap();
    assert_eq!(url, format!("{}/{}", server.edge, link["code"].as_str().unwrap()));

    // A new link works within a second of its creation, without a restart.
    let answer = eventually("the new link redirects", async || {
        let answer = edge.click(&format!("{}?sub1=newsletter", path(url))).await;
        (answer.status == 302).then_some(answer)
    })
    .await;
    let location = answer.header("location");
    assert!(location.starts_with("https://shop.example/shoes?c="), "{location}");
    assert_eq!(parameter(location, "s"), "newsletter");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("set-cookie").starts_with("hl_vid="), "{}", answer.header("set-cookie"));
    let click_id = parameter(location, "c").to_owned();
    assert!(click_id.len() <= 64);

    // The sale, reported twice.
    let sale = format!(
        "/postback?click_id={click_id}&event=sale&order_id=A-1&amount=49.90&currency=EUR&token={token}"
    );
    let accepted = edge.get(&sale).await.expect(202);
    assert_eq!(accepted["accepted"], true);
    assert!(accepted["event_id"].is_string());
    let again = edge.get(&sale).await.expect(202);
    assert_eq!(again["duplicate"], true, "{again}");

    let conversion = eventually("the conversion is decided", async || {
        let list = api.get("/v1/conversions?order_id=A-1").await.expect(200);
        assert!(list["next_cursor"].is_null());
        list["items"].as_array().unwrap().iter().find(|item| item["status"] == "approved").cloned()
    })
    .await;
    for (field, value) in [
        ("offer_id", json!(1)),
        ("affiliate_id", json!(1)),
        ("advertiser_id", json!(1)),
        ("goal", json!("sale")),
        ("kind", json!("pps")),
        ("order_id", json!("A-1")),
        ("click_id", json!(click_id)),
        ("amount", json!({"amount": "49.90", "currency": "EUR"})),
        ("revenue", json!({"amount": "5.99", "currency": "EUR"})),
        ("payout", json!({"amount": "4.99", "currency": "EUR"})),
        ("duplicate", json!(false)),
        ("reason", Value::Null),
    ] {
        assert_eq!(conversion[field], value, "{field} of {conversion}");
    }
    let explained = api.get(&format!("/v1/conversions/{}/explain", conversion["id"])).await.expect(200);
    assert!(explained.to_string().contains("5.988"), "the exact amount before rounding: {explained}");

    let balance = api.get("/v1/balances?affiliate=1").await.expect(200);
    let expected = [
        ("affiliate_id", json!(1)),
        ("currency", json!("EUR")),
        ("pending", json!("0.00")),
        ("approved", json!("0.00")),
        ("payable", json!("4.99")),
        ("paid", json!("0.00")),
        ("carried", json!("0.00")),
    ];
    assert_eq!(balance["items"].as_array().unwrap().len(), 1, "{balance}");
    for (field, value) in expected {
        assert_eq!(balance["items"][0][field], value, "{field} of {balance}");
    }

    // The payout, approved by a second person.
    let order = json!({"currency": "EUR", "method": "sepa", "minimum": "1.00"});
    let batch = api.post("/v1/payout_batches", &order).await.expect(201);
    assert_eq!(batch["status"], "draft");
    assert_eq!(batch["payouts"].as_array().unwrap().len(), 1, "{batch}");
    assert_eq!(batch["payouts"][0]["affiliate_id"], 1);
    let refused = api.post("/v1/payout_batches/1/approve", &json!({})).await;
    assert!((400..500).contains(&refused.status), "the creator may not approve: {}", refused.text());
    let second = server.api().with_key(&finance);
    assert_eq!(
        second.post("/v1/payout_batches/1/approve", &json!({})).await.expect(200)["status"],
        "approved"
    );

    let file = api.get("/v1/payout_batches/1/export?format=pain.001.001.09").await;
    assert_eq!(file.status, 200, "{}", file.text());
    assert!(file.header("content-type").starts_with("application/xml"), "{}", file.header("content-type"));
    let repeated = api.get("/v1/payout_batches/1/export?format=pain.001.001.09").await;
    assert_eq!(file.body, repeated.body, "P-03: exporting twice gives the same bytes");
    is_valid_pain001(home.path(), &file.body);
    let csv = api.get("/v1/payout_batches/1/export?format=csv").await;
    assert!(csv.text().contains("4.99"), "{}", csv.text());

    let settled = api.post("/v1/payout_batches/1/settle", &json!({"failed": []})).await.expect(200);
    assert_eq!(settled["status"], "settled");
    let balance = api.get("/v1/balances?affiliate=1").await.expect(200);
    assert_eq!(
        (&balance["items"][0]["payable"], &balance["items"][0]["paid"]),
        (&json!("0.00"), &json!("4.99"))
    );

    let trial = api.get("/v1/ledger/trial_balance").await.expect(200);
    assert_eq!(trial["balanced"], true);
    let euro = &trial["currencies"][0];
    assert_eq!((&euro["currency"], &euro["debits"]), (&json!("EUR"), &euro["credits"]));

    // The report knows the click, the sale and the money.
    let report = eventually("the report shows click and sale", async || {
        let path = "/v1/reports?group_by=offer,affiliate,sub1&metrics=gross_clicks,unique_clicks,conversions,revenue,payout";
        let report = api.get(path).await.expect(200);
        let row = report["rows"].as_array().unwrap().iter().find(|row| row["sub1"] == "newsletter").cloned()?;
        (row["conversions"] == 1).then_some(row)
    })
    .await;
    assert_eq!(report["revenue"], "5.99", "{report}");
    assert_eq!(report["payout"], "4.99", "{report}");

    // A clean end, and books that pass the audit.
    assert!(server.terminate().unwrap(), "SIGTERM ends without an error");
    let audit = setup.command(&data_dir, &["audit"]).output().unwrap();
    assert!(
        audit.status.success(),
        "{}{}",
        String::from_utf8_lossy(&audit.stdout),
        String::from_utf8_lossy(&audit.stderr)
    );
    let verified = setup.command(&data_dir, &["click", "verify", &click_id]).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

/// P-01: the official schema accepts the file.
fn is_valid_pain001(folder: &std::path::Path, file: &[u8]) {
    let python = std::env::var_os("HOPLINE_TEST_PYTHON").expect(
        "HOPLINE_TEST_PYTHON names a Python with the official schemas: run the tests by `cargo xtask test`",
    );
    let name = folder.join("payouts.xml");
    std::fs::write(&name, file).expect("the temporary folder takes a file");
    let script = std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it") + "/tools/validate_pain001.py";
    let output = std::process::Command::new(python).arg(script).arg(&name).output().expect("python runs");
    assert!(
        output.status.success(),
        "P-01: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

async fn clicks_leads_and_installs_earn_and_refunds_take_back(backing: Backing) {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    let setup = Setup::over(backing);
    Hopline::init(&data_dir, &setup).unwrap();
    let operator = Hopline::key(&data_dir, &setup, &["--role", "operator"], "ops").unwrap();
    let server = Hopline::serve(&data_dir, &setup).unwrap();
    let api = server.api().with_key(&operator);
    let edge = server.edge();
    let advertiser =
        api.post("/v1/advertisers", &json!({"name": "Acme", "currency": "EUR"})).await.expect(201);
    let token = advertiser["postback_token"].as_str().unwrap();
    assert_eq!(api.post("/v1/offers", &shoes()).await.expect(201)["id"], 1);
    let affiliate = json!({"name": "Blog", "email": "blog@example.com", "status": "active"});
    assert_eq!(api.post("/v1/affiliates", &affiliate).await.expect(201)["id"], 1);
    let link = api.post("/v1/links", &json!({"offer_id": 1, "affiliate_id": 1})).await.expect(201);
    let link = path(link["url"].as_str().unwrap()).to_owned();
    let first = eventually("the link redirects", async || {
        let answer = edge.click(&link).await;
        (answer.status == 302).then_some(answer)
    })
    .await;
    let click_id = parameter(first.header("location"), "c").to_owned();
    let payable = async |amount: &'static str| {
        eventually(&format!("{amount} is payable"), async || {
            let balance = api.get("/v1/balances?affiliate=1").await.expect(200);
            (balance["items"][0]["payable"] == amount).then_some(())
        })
        .await;
    };

    // A lead of 2.00 and an install of 1.00, by postback.
    for (event, order) in [("lead", "L-1"), ("install", "I-1")] {
        let call = format!("/postback?click_id={click_id}&event={event}&order_id={order}&token={token}");
        assert_eq!(edge.get(&call).await.expect(202)["accepted"], true);
    }
    payable("3.00").await;

    // A sale of 100.00 over the API, then a refund of a quarter of it.
    let sale = json!({"click_id": click_id, "event": "sale", "order_id": "S-1", "amount": "100.00", "currency": "EUR"});
    let created = api.post("/v1/conversions", &sale).await.expect(201);
    payable("13.00").await;
    let again = api.post("/v1/conversions", &sale).await.expect(200);
    assert_eq!((&again["id"], &again["duplicate"]), (&created["id"], &json!(true)), "{again}");
    let path = format!("/v1/conversions/{}/refund", created["id"]);
    let refund = json!({"amount": "25.00", "reason": "one pair sent back"});
    assert!(api.post(&path, &refund).await.status < 300);
    payable("10.50").await;
    let too_much = api.post(&path, &json!({"amount": "75.01", "reason": "more than there was"})).await;
    assert!((400..500).contains(&too_much.status), "{}", too_much.text());

    // The one unique click pays 0.05; a second one of the same visitor and a bot's pay nothing.
    assert_eq!(edge.click(&link).await.status, 302);
    let bot = [("user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")];
    assert_eq!(edge.send("GET", &link, &bot, Vec::new()).await.unwrap().status, 302);
    let prefetch = [("sec-purpose", "prefetch")];
    let prefetched = edge.send("GET", &link, &prefetch, Vec::new()).await.unwrap();
    assert_eq!((prefetched.status, prefetched.header("set-cookie")), (503, ""));
    eventually("the clicks are counted", async || {
        let report =
            api.get("/v1/reports?metrics=gross_clicks,unique_clicks,duplicate_clicks,invalid_clicks").await;
        let totals = report.expect(200)["totals"].clone();
        (totals["gross_clicks"].as_i64()? >= 4).then_some(totals)
    })
    .await;
    assert!(api.post("/v1/click_settlements", &json!({})).await.status < 300);
    payable("10.55").await;
    assert!(api.post("/v1/click_settlements", &json!({})).await.status < 300, "settling again books nothing");
    payable("10.55").await;

    // Wrong amounts are refused, never rounded; all bad fields at once.
    for amount in ["49,90", "1e3", "0.001", "-5.00", "+1", "", "1 000"] {
        let sale = json!({"click_id": click_id, "event": "sale", "order_id": "W-1", "amount": amount, "currency": "EUR"});
        let refused = api.post("/v1/conversions", &sale).await;
        assert!(
            (400..500).contains(&refused.status),
            "{amount:?} gave {}: {}",
            refused.status,
            refused.text()
        );
        assert!(refused.text().contains("amount"), "{}", refused.text());
        let encoded = amount.replace(' ', "%20").replace('+', "%2B");
        let call = format!(
            "/postback?click_id={click_id}&event=sale&order_id=W-2&amount={encoded}&currency=EUR&token={token}"
        );
        let refused = edge.get(&call).await;
        assert!(
            (400..500).contains(&refused.status),
            "{amount:?} gave {}: {}",
            refused.status,
            refused.text()
        );
    }
    let trial = api.get("/v1/ledger/trial_balance").await.expect(200);
    assert_eq!(trial["balanced"], true);
}
