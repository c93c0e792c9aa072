//! kill -9 under load: every answered click is stored, once (D-01, D-02, D-03).

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hopline_loadgen::{Acknowledged, Load, compare, run};
use hopline_testkit::{Hopline, Http, Setup, eventually};
use serde_json::{Value, json};

const KILLS: u64 = 20;
const CONNECTIONS: usize = 16;

/// A small generator of reproducible numbers (SplitMix64, Steele and others 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Small segments, so that kills also hit segment changes.
fn setup() -> Setup {
    Setup::default().with("HOPLINE_SPOOL_SEGMENT_BYTES", "1048576").with("HOPLINE_EDGE_THREADS", "2")
}

async fn network(data_dir: &Path, api: &Http) -> Vec<String> {
    let advertiser =
        api.post("/v1/advertisers", &json!({"name": "Acme", "currency": "EUR"})).await.expect(201);
    let offer = json!({
        "advertiser_id": advertiser["id"], "name": "Shoes", "currency": "EUR",
        "landing_page": "https://shop.example/?c={click_id}&s={sub1}",
        "goals": [{"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}}],
    });
    let offer = api.post("/v1/offers", &offer).await.expect(201);
    let mut paths = Vec::new();
    for number in 0..3 {
        let affiliate =
            json!({"name": "Blog", "email": format!("blog{number}@example.com"), "status": "active"});
        let affiliate = api.post("/v1/affiliates", &affiliate).await.expect(201);
        let link = json!({"offer_id": offer["id"], "affiliate_id": affiliate["id"]});
        let link = api.post("/v1/links", &link).await.expect(201);
        paths.push(format!("/{}", link["code"].as_str().expect("a code")));
    }
    assert!(data_dir.join("VERSION").exists());
    paths
}

/// All stored clicks as (number in sub1, click id), over the API that affiliates use.
async fn stored(api: &Http) -> Vec<(u64, String)> {
    let rows = api.get("/v1/clicks?from=2020-01-01&format=ndjson").await;
    assert_eq!(rows.status, 200, "{}", rows.text());
    rows.text()
        .lines()
        .map(|line| {
            let row: Value = serde_json::from_str(line).expect("each line is JSON");
            (
                row["sub1"].as_str().unwrap_or_default().parse().unwrap_or_default(),
                row["click_id"].as_str().expect("a click id").to_owned(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d_03_twenty_kills_under_load_lose_no_answered_click_and_double_none() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    Hopline::init(&data_dir).unwrap();
    let key = Hopline::key(&data_dir, &["--role", "operator"], "ops").unwrap();

    let seed = std::env::var("HOPLINE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        u64::from(std::process::id()) << 20
            ^ u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos())
    });
    println!("HOPLINE_SEED={seed} repeats this run");
    let mut random = Random(seed);

    let mut acknowledged: Vec<Acknowledged> = Vec::new();
    let mut open = Vec::new();
    let mut refused: BTreeMap<u16, usize> = BTreeMap::new();
    let mut paths = Vec::new();
    for kill in 0..KILLS {
        let mut server = Hopline::serve(&data_dir, &setup()).unwrap();
        if paths.is_empty() {
            paths = network(&data_dir, &server.api().with_key(&key)).await;
            let edge = server.edge();
            eventually("the links redirect", async || {
                (edge.send("HEAD", paths.last().unwrap(), &[], Vec::new()).await.ok()?.status == 302)
                    .then_some(())
            })
            .await;
        }
        let load = Load {
            target: server.edge.strip_prefix("http://").unwrap().parse().unwrap(),
            paths: paths.clone(),
            connections: CONNECTIONS,
            clicks_max: 1_000_000,
            time_max: Duration::from_secs(20),
            first: (kill + 1) * 1_000_000_000,
        };
        let sending = tokio::spawn(run(load, Arc::new(AtomicBool::new(false))));
        // The moment is what is random here: from right after the start, during recovery and first shipping, on.
        tokio::time::sleep(Duration::from_micros(random.below(600_000))).await;
        server.kill().unwrap();
        let outcome = sending.await.unwrap().unwrap();
        acknowledged.extend(outcome.acknowledged);
        open.extend(outcome.open);
        for (_, status) in outcome.refused {
            *refused.entry(status).or_default() += 1;
        }
    }
    assert!(acknowledged.len() > 1_000, "too little load to mean anything: {}", acknowledged.len());
    assert!(refused.is_empty(), "statuses other than 302: {refused:?}");

    let server = Hopline::serve(&data_dir, &setup()).unwrap();
    let api = server.api().with_key(&key);
    let metrics = Http::new(&server.metrics);
    eventually("the spool has drained", async || {
        let text = metrics.get("/metrics").await.text();
        text.lines().any(|line| line == "hopline_spool_bytes 0").then_some(())
    })
    .await;
    let rows: Vec<_> = stored(&api).await.into_iter().filter(|(number, _)| *number > 0).collect();
    let difference = compare(&acknowledged, &open, &rows);
    println!("{} answered, {} open, {} stored", acknowledged.len(), open.len(), rows.len());
    assert!(difference.is_none(), "seed {seed}: {difference:?}");

    drop(server);
    let audit = hopline_testkit::command(&data_dir, &["audit"]).output().unwrap();
    assert!(
        audit.status.success(),
        "seed {seed}: {}{}",
        String::from_utf8_lossy(&audit.stdout),
        String::from_utf8_lossy(&audit.stderr)
    );
}
