//! Every store is down: the edge starts and serves from its last catalogue, and what it wrote arrives when they are back.

use hopline_testkit::{BROWSER, Hopline, Http, Setup, command, eventually};
use serde_json::json;

/// Visitors of their own, so that each click is unique.
async fn visit(edge: &Http, code: &str, visitor: usize) -> u16 {
    let cookie = format!("hl_vid={visitor:03}AAAAAAAAAAAAAAAAAAA");
    let mut headers = BROWSER.to_vec();
    headers.push(("cookie", &cookie));
    edge.send("GET", &format!("/{code}"), &headers, Vec::new()).await.expect("an answer").status
}

/// As an operator would.
fn rename(from: &std::path::Path, to: &std::path::Path) {
    let moved = std::process::Command::new("mv").arg(from).arg(to).status().expect("mv");
    assert!(moved.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_starts_and_serves_while_every_store_is_down() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    Hopline::init(&data_dir).unwrap();
    let operator = Hopline::key(&data_dir, &["--role", "operator"], "ops").unwrap();
    let mut server = Hopline::serve(&data_dir, &Setup::default()).unwrap();
    let api = server.api().with_key(&operator);
    let advertiser = json!({"name": "Acme", "currency": "EUR"});
    assert_eq!(api.post("/v1/advertisers", &advertiser).await.expect(201)["id"], 1);
    let offer = json!({
        "advertiser_id": 1, "name": "Shoes", "currency": "EUR", "landing_page": "https://shop.example/",
        "goals": [{"key": "click", "kind": "ppc", "revenue": {"fixed": "0.06"}, "payout": {"fixed": "0.05"}}],
    });
    assert_eq!(api.post("/v1/offers", &offer).await.expect(201)["id"], 1);
    let affiliate = json!({"name": "Blog", "email": "blog@example.com", "status": "active"});
    assert_eq!(api.post("/v1/affiliates", &affiliate).await.expect(201)["id"], 1);
    let link = api.post("/v1/links", &json!({"offer_id": 1, "affiliate_id": 1})).await.expect(201);
    let code = link["code"].as_str().unwrap();
    let edge = server.edge();
    eventually("the link redirects", async || (visit(&edge, code, 1).await == 302).then_some(())).await;
    assert!(server.terminate().unwrap());

    // Files of the stores are gone, and something else lies in their places.
    let away = home.path().join("away");
    std::fs::create_dir(&away).unwrap();
    for name in ["control.db", "control.db-wal", "control.db-shm", "clicks"] {
        let from = data_dir.join(name);
        if from.exists() {
            rename(&from, &away.join(name));
        }
    }
    std::fs::write(data_dir.join("clicks"), "not a folder").unwrap();
    let mut server = Hopline::serve(&data_dir, &Setup::default()).unwrap();
    assert_eq!(server.api, "", "the API needs its stores");
    let edge = server.edge();
    for visitor in 1..=20 {
        assert_eq!(visit(&edge, code, visitor).await, 302);
    }
    let ready = Http::new(&server.metrics).get("/readyz").await;
    assert_eq!(ready.status, 200, "a load balancer must go on sending clicks: {}", ready.text());
    assert!(!data_dir.join("control.db").exists(), "nothing was begun anew");

    // They come back while it runs.
    std::fs::remove_file(data_dir.join("clicks")).unwrap();
    for entry in std::fs::read_dir(&away).unwrap() {
        let entry = entry.unwrap();
        rename(&entry.path(), &data_dir.join(entry.file_name()));
    }
    let metrics = Http::new(&server.metrics);
    eventually("the clicks are shipped", async || {
        let text = metrics.get("/metrics").await.text();
        let shipped = |line: &str| line.starts_with("hopline_ship_rows_total") && line.ends_with(" 20");
        text.lines().any(shipped).then_some(())
    })
    .await;
    assert!(server.terminate().unwrap());
    let audit = command(&data_dir, &["audit"]).output().unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));

    let server = Hopline::serve(&data_dir, &Setup::default()).unwrap();
    let report = server.api().with_key(&operator).get("/v1/reports?metrics=gross_clicks,unique_clicks").await;
    let totals = &report.expect(200)["totals"];
    // The visitor who had been there before the outage had been there: a duplicate.
    assert_eq!((&totals["gross_clicks"], &totals["unique_clicks"]), (&json!(21), &json!(20)), "{totals}");
}
