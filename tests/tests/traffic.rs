//! Traffic rules from the API to the reports: who is taken, where the others go, what is counted, also across kills.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hopline_testkit::{Answer, BROWSER, Hopline, Http, Setup, eventually};
use serde_json::{Value, json};

/// Networks of the fixture: in London, in Sweden, in Germany.
const LONDON: &str = "81.2.69";
const SWEDEN: &str = "89.160.20";
const GERMANY: &str = "2.125.160";

fn fixture(name: &str) -> PathBuf {
    Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it"))
        .join("../crates/geo/tests/fixtures")
        .join(name)
}

/// A server with an advertiser and an affiliate, behind a proxy that it trusts.
struct Stage {
    home: tempfile::TempDir,
    setup: Setup,
    key: String,
    token: String,
    server: Hopline,
}

impl Stage {
    async fn new(geoip: Option<&Path>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let data_dir = home.path().join("data");
        Hopline::init(&data_dir, &Setup::default()).unwrap();
        let key = Hopline::key(&data_dir, &Setup::default(), &["--role", "operator"], "ops").unwrap();
        let mut setup = Setup::default().with("HOPLINE_EDGE_TRUSTED_PROXIES", "127.0.0.0/8");
        if let Some(file) = geoip {
            setup = setup.with("HOPLINE_EDGE_GEOIP", file.to_str().unwrap());
        }
        let server = Hopline::serve(&data_dir, &setup).unwrap();
        let mut stage = Self { home, setup, key, token: String::new(), server };
        let advertiser = stage.make("advertisers", json!({"name": "Acme", "currency": "EUR"})).await;
        stage.token = advertiser["postback_token"].as_str().unwrap().to_owned();
        let affiliate = json!({"name": "Blog", "email": "blog@example.com", "status": "active"});
        stage.make("affiliates", affiliate).await;
        stage
    }

    fn api(&self) -> Http {
        self.server.api().with_key(&self.key)
    }

    async fn make(&self, resource: &str, body: Value) -> Value {
        self.api().post(&format!("/v1/{resource}"), &body).await.expect(201)
    }

    /// An offer with these rules; gives the path of a link to it, which is known to the edge.
    async fn offer(&self, name: &str, rules: Value) -> String {
        let mut offer = json!({
            "advertiser_id": 1, "name": name, "currency": "EUR", "postback_auth": "token",
            "landing_page": format!("https://{name}.example/?c={{click_id}}"),
            "approval": "automatic", "hold_days": 0,
            "goals": [{"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}}],
        });
        offer.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
        let offer = self.make("offers", offer).await;
        let link = self.make("links", json!({"offer_id": offer["id"], "affiliate_id": 1})).await;
        let path = format!("/{}", link["code"].as_str().unwrap());
        self.until_known(&path, &[]).await;
        path
    }

    /// Waits until the edge knows a link. A bot's click is in no way counted.
    async fn until_known(&self, path: &str, fields: &[(&str, &str)]) {
        let edge = self.server.edge();
        let fields = [fields, &[("user-agent", "curl/8")]].concat();
        eventually("the link is known", async || {
            let answer = edge.send("HEAD", path, &fields, Vec::new()).await.unwrap();
            (answer.status == 302).then_some(())
        })
        .await;
    }

    async fn visit(&self, path: &str, address: &str) -> Answer {
        visit(&self.server.edge(), path, address, &[]).await.unwrap()
    }

    async fn report(&self, query: &str) -> Vec<Value> {
        let report = self.api().get(&format!("/v1/reports?{query}")).await.expect(200);
        report["rows"].as_array().unwrap().clone()
    }

    /// The clicks in the store, oldest first.
    async fn clicks(&self) -> Vec<Value> {
        let answer = self.api().get("/v1/clicks?format=ndjson").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let rows = answer.text();
        rows.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn restart(&mut self) {
        self.server = Hopline::serve(&self.home.path().join("data"), &self.setup).unwrap();
    }
}

/// A person's click from an address.
async fn visit(edge: &Http, path: &str, address: &str, more: &[(&str, &str)]) -> anyhow::Result<Answer> {
    let fields = [&BROWSER[..], &[("x-forwarded-for", address)], more].concat();
    edge.send("GET", path, &fields, Vec::new()).await
}

/// Host and click id of where somebody was sent.
fn destination(answer: &Answer) -> (String, String) {
    assert_eq!(answer.status, 302, "{}", answer.text());
    let url = url::Url::parse(answer.header("location")).unwrap();
    let click = url.query_pairs().find(|(name, _)| name == "c").map(|(_, value)| value.into_owned());
    (url.host_str().unwrap().to_owned(), click.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_go_where_the_rules_say_and_the_reports_tell_pages_and_reasons_apart() {
    let stage = Stage::new(Some(&fixture("city.mmdb"))).await;
    let rest = stage
        .offer(
            "rest",
            json!({"fallback_url": "https://nobody.example/", "targeting": {"countries": {"not": ["SE"]}}}),
        )
        .await;
    assert_eq!(destination(&stage.visit(&rest, &format!("{SWEDEN}.200")).await).0, "nobody.example");
    let shoes = stage
        .offer(
            "shoes",
            json!({
                "targeting": {"countries": {"only": ["GB"]}}, "fallback_offer_id": 1,
                "landing_page_weight": 1, "fallback_url": "https://other.example/",
            }),
        )
        .await;
    let page =
        json!({"offer_id": 2, "name": "Blue", "url": "https://blue.example/?c={click_id}", "weight": 1});
    let page = stage.make("landing_pages", page).await["id"].clone();
    stage
        .make(
            "domains",
            json!({"host": "go.blog.example", "affiliate_id": 1, "default_url": "https://blog.example/"}),
        )
        .await;
    let host = [("host", "go.blog.example")];
    let edge = stage.server.edge();
    eventually("the domain is known", async || {
        (edge.send("GET", "/", &host, Vec::new()).await.unwrap().header("location")
            == "https://blog.example/")
            .then_some(())
    })
    .await;
    let named = format!("{shoes}?lp={page}");
    assert_eq!(
        destination(&visit(&edge, &named, &format!("{LONDON}.250"), &host).await.unwrap()).0,
        "blue.example"
    );

    // Two pages; what lands on the blue one buys, of the others the first.
    let mut landed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 1..=40 {
        let (host, click) = destination(&stage.visit(&shoes, &format!("{LONDON}.{number}")).await);
        landed.entry(host).or_default().push(click);
    }
    let (own, blue) = (landed["shoes.example"].clone(), landed["blue.example"].clone());
    assert_eq!(own.len() + blue.len(), 40);
    let buyers = blue.iter().chain(&own[..1]);
    for (number, click) in buyers.enumerate() {
        let token = &stage.token;
        let sale = format!(
            "/postback?click_id={click}&event=sale&order_id=A-{number}&amount=50.00&currency=EUR&token={token}"
        );
        assert_eq!(edge.get(&sale).await.status, 202);
    }
    // Others: from Germany to the other offer, from Sweden to nobody's.
    assert_eq!(destination(&stage.visit(&shoes, &format!("{GERMANY}.1")).await).0, "rest.example");
    assert_eq!(destination(&stage.visit(&shoes, &format!("{SWEDEN}.1")).await).0, "other.example");

    let pages = eventually("clicks and sales are in the report", async || {
        let query = "group_by=landing_page&metrics=unique_clicks,conversions,cvr,payout&filter[offer]=2";
        let rows = stage.report(query).await;
        let sales: i64 = rows.iter().map(|row| row["conversions"].as_i64().unwrap()).sum();
        let clicks: i64 = rows.iter().map(|row| row["unique_clicks"].as_i64().unwrap()).sum();
        (sales == i64::try_from(blue.len() + 1).unwrap() && clicks == 41).then_some(rows)
    })
    .await;
    let row =
        |wanted: &dyn Fn(&Value) -> bool| pages.iter().find(|row| wanted(&row["landing_page"])).unwrap();
    let page = page.to_string();
    let blue_row = row(&|found| found.to_string().trim_matches('"') == page);
    assert_eq!(blue_row["unique_clicks"], blue.len() + 1, "{pages:#?}");
    assert_eq!(blue_row["conversions"], blue.len(), "{pages:#?}");
    let own_row = row(&|page| page.is_null() || page == "");
    assert_eq!(
        (&own_row["unique_clicks"], &own_row["conversions"]),
        (&json!(own.len()), &json!(1)),
        "{pages:#?}"
    );

    let reasons = stage
        .report("group_by=offer,reason&metrics=gross_clicks,invalid_clicks&filter[reason]=geo,none")
        .await;
    let count = |offer: i64, reason: &str| {
        let row = reasons.iter().find(|row| {
            row["offer"].to_string().trim_matches('"') == offer.to_string() && row["reason"] == reason
        });
        row.map_or(0, |row| row["gross_clicks"].as_i64().unwrap())
    };
    assert_eq!(
        [count(2, "geo"), count(2, "none"), count(1, "none"), count(1, "geo")],
        [2, 41, 1, 1],
        "{reasons:#?}"
    );
    let approved = stage.report("group_by=status&metrics=conversions&basis=conversion").await;
    let approved = approved.iter().find(|row| row["status"] == "approved").unwrap();
    assert_eq!(approved["conversions"], blue.len() + 1);

    let clicks = stage.clicks().await;
    let german: Vec<_> = clicks.iter().filter(|click| click["country"] == "DE").collect();
    let of = |field: &str| german.iter().map(|click| click[field].clone()).collect::<Vec<_>>();
    assert_eq!((of("offer_id"), of("reason")), (vec![json!(2), json!(1)], vec![json!("geo"), json!("none")]));
}

#[tokio::test(flavor = "multi_thread")]
async fn never_more_clicks_than_the_cap_are_taken_by_many_connections_across_kills() {
    const CAP: usize = 400;
    const CONNECTIONS: usize = 8;
    let mut stage = Stage::new(None).await;
    let caps = json!([{"metric": "clicks", "period": "total", "amount": CAP}]);
    let path = stage.offer("shoes", json!({"caps": caps, "fallback_url": "https://full.example/"})).await;
    let visitors = Arc::new(AtomicU32::new(0));
    let taken = Arc::new(AtomicU32::new(0));
    for kill_at in [Some(100), Some(250), None] {
        let loads: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (edge, path) = (stage.server.edge(), path.clone());
                let (visitors, taken) = (Arc::clone(&visitors), Arc::clone(&taken));
                tokio::spawn(async move {
                    let mut refused = 0;
                    // Until the server is gone, or full for certain.
                    while refused < 5 {
                        let number = visitors.fetch_add(1, Ordering::Relaxed);
                        let address = std::net::Ipv4Addr::from(0x0800_0000 + number).to_string();
                        let Ok(answer) = visit(&edge, &path, &address, &[]).await else { return };
                        match destination(&answer).0.as_str() {
                            "shoes.example" => taken.fetch_add(1, Ordering::Relaxed),
                            _ => {
                                refused += 1;
                                0
                            }
                        };
                    }
                })
            })
            .collect();
        if let Some(kill_at) = kill_at {
            eventually("so many were taken", async || {
                (taken.load(Ordering::Relaxed) >= kill_at).then_some(())
            })
            .await;
            stage.server.kill().unwrap();
        }
        for load in loads {
            load.await.unwrap();
        }
        if kill_at.is_some() {
            stage.restart();
        }
    }
    // An orderly end ships everything.
    assert!(stage.server.terminate().unwrap());
    stage.restart();
    let clicks = stage.clicks().await;
    let unique = clicks.iter().filter(|click| click["class"] == "unique").count();
    let taken = usize::try_from(taken.load(Ordering::Relaxed)).unwrap();
    assert!(taken <= unique && unique <= CAP, "{taken} visitors were sent on, {unique} clicks are unique");
    // What a kill left unanswered is all that may be missing.
    assert!(taken + 2 * CONNECTIONS >= CAP && unique + 2 * CONNECTIONS >= CAP, "{taken}, {unique}");
    let capped = clicks.iter().filter(|click| click["reason"] == "cap").count();
    assert!(capped >= 5 * CONNECTIONS, "{capped} were refused with the reason");
    let again = stage.visit(&path, "9.9.9.9").await;
    assert_eq!(destination(&again).0, "full.example", "it stays full after another start");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cap_on_conversions_closes_the_offer_for_clicks_soon_after_it_is_reached() {
    let stage = Stage::new(None).await;
    let caps = json!([{"metric": "conversions", "period": "day", "amount": 2}]);
    let path = stage.offer("shoes", json!({"caps": caps, "fallback_url": "https://full.example/"})).await;
    let mut last = Instant::now();
    for number in 1..=2 {
        let (host, click) = destination(&stage.visit(&path, &format!("8.8.8.{number}")).await);
        assert_eq!(host, "shoes.example", "{number}");
        let sale = format!(
            "/postback?click_id={click}&event=sale&order_id=A-{number}&amount=50.00&currency=EUR&token={}",
            stage.token
        );
        last = Instant::now();
        assert_eq!(stage.server.edge().get(&sale).await.status, 202);
    }
    let visitors = AtomicU32::new(0);
    eventually("the offer is closed", async || {
        let visitor = visitors.fetch_add(1, Ordering::Relaxed);
        let (host, _) = destination(&stage.visit(&path, &format!("8.8.4.{visitor}")).await);
        (host == "full.example").then_some(())
    })
    .await;
    assert!(last.elapsed() < Duration::from_secs(5), "{:?}", last.elapsed());
    let refused = eventually("the refused click is stored", async || {
        stage.clicks().await.into_iter().find(|click| click["reason"] == "cap")
    })
    .await;
    assert_eq!(refused["class"], "invalid", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_geography_that_is_replaced_is_in_force_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("geo.mmdb");
    std::fs::copy(fixture("flat-ipv4.mmdb"), &file).unwrap();
    let stage = Stage::new(Some(&file)).await;
    let targeting = json!({"countries": {"only": ["DE"]}});
    let path =
        stage.offer("shoes", json!({"targeting": targeting, "fallback_url": "https://else.example/"})).await;
    let address = format!("{GERMANY}.1");
    assert_eq!(destination(&stage.visit(&path, &address).await).0, "else.example");
    // As an operator should: beside it, then renamed.
    let city = std::fs::read(fixture("city.mmdb")).unwrap();
    hopline_runtime::files::replace(&file, &city, 0o600).unwrap();
    eventually("the country is known", async || {
        (destination(&stage.visit(&path, &address).await).0 == "shoes.example").then_some(())
    })
    .await;
}
