//! Every store is down: the edge starts and serves from its last catalogue, and what it wrote arrives when they are back.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::{Path, PathBuf};

use hopline_testkit::{BROWSER, Backing, ClickHouseServer, Hopline, Http, PostgresServer, Setup, eventually};
use serde_json::json;

/// Stores that can be taken away.
enum Stores {
    /// Files, and where they are put aside.
    Files(PathBuf),
    Servers(Box<(PostgresServer, ClickHouseServer)>),
}

impl Stores {
    fn backing(&self) -> Backing {
        match self {
            Self::Files(_) => Backing::Embedded,
            Self::Servers(servers) => Backing::on(&servers.0, &servers.1).unwrap(),
        }
    }

    fn take_away(&mut self, data_dir: &Path) {
        match self {
            // Files are gone, and something else lies in their places.
            Self::Files(away) => {
                std::fs::create_dir(&away).unwrap();
                for name in ["control.db", "control.db-wal", "control.db-shm", "clicks"] {
                    let from = data_dir.join(name);
                    if from.exists() {
                        rename(&from, &away.join(name));
                    }
                }
                std::fs::write(data_dir.join("clicks"), "not a folder").unwrap();
            }
            Self::Servers(servers) => {
                servers.0.stop().unwrap();
                servers.1.stop().unwrap();
            }
        }
    }

    fn bring_back(&mut self, data_dir: &Path) {
        match self {
            Self::Files(away) => {
                assert!(!data_dir.join("control.db").exists(), "nothing was begun anew");
                std::fs::remove_file(data_dir.join("clicks")).unwrap();
                for entry in std::fs::read_dir(away).unwrap() {
                    let entry = entry.unwrap();
                    rename(&entry.path(), &data_dir.join(entry.file_name()));
                }
            }
            Self::Servers(servers) => {
                servers.0.start_again().unwrap();
                servers.1.start_again().unwrap();
            }
        }
    }
}

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
async fn an_edge_starts_and_serves_while_its_files_are_gone() {
    let home = tempfile::tempdir().unwrap();
    edge_without_stores(&home, Stores::Files(home.path().join("away"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_starts_and_serves_while_its_servers_are_down() {
    let home = tempfile::tempdir().unwrap();
    let servers = (PostgresServer::start().unwrap(), ClickHouseServer::start().unwrap());
    edge_without_stores(&home, Stores::Servers(Box::new(servers))).await;
}

async fn edge_without_stores(home: &tempfile::TempDir, mut stores: Stores) {
    let data_dir = home.path().join("data");
    let setup = Setup::over(stores.backing());
    Hopline::init(&data_dir, &setup).unwrap();
    let operator = Hopline::key(&data_dir, &setup, &["--role", "operator"], "ops").unwrap();
    let mut server = Hopline::serve(&data_dir, &setup).unwrap();
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

    stores.take_away(&data_dir);
    let mut server = Hopline::serve(&data_dir, &setup).unwrap();
    assert_eq!(server.api, "", "the API needs its stores");
    let edge = server.edge();
    for visitor in 1..=20 {
        assert_eq!(visit(&edge, code, visitor).await, 302);
    }
    let ready = Http::new(&server.metrics).get("/readyz").await;
    assert_eq!(ready.status, 200, "a load balancer must go on sending clicks: {}", ready.text());

    // They come back while it runs.
    stores.bring_back(&data_dir);
    let metrics = Http::new(&server.metrics);
    eventually("the clicks are shipped", async || {
        let text = metrics.get("/metrics").await.text();
        let shipped = |line: &str| line.starts_with("hopline_ship_rows_total") && line.ends_with(" 20");
        text.lines().any(shipped).then_some(())
    })
    .await;
    assert!(server.terminate().unwrap());
    let audit = setup.command(&data_dir, &["audit"]).output().unwrap();
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));

    let server = Hopline::serve(&data_dir, &setup).unwrap();
    let report = server.api().with_key(&operator).get("/v1/reports?metrics=gross_clicks,unique_clicks").await;
    let totals = &report.expect(200)["totals"];
    // The visitor who had been there before the outage had been there: a duplicate.
    assert_eq!((&totals["gross_clicks"], &totals["unique_clicks"]), (&json!(21), &json!(20)), "{totals}");
}
