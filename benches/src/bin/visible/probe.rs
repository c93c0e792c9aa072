//! A running program, and somebody who looks for one click and one order in its reports.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hopline_testkit::{Backing, Hopline, Http, Setup};
use serde_json::{Value, json};

/// Longer than any time that would be of interest.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// How long one click and one order took to be seen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) click: Duration,
    pub(crate) conversion: Duration,
}

/// The program with a network of two links: one for the crowd, one for those who are looked for.
pub(crate) struct Probe {
    api: Http,
    edge: Http,
    token: String,
    crowd: Link,
    own: Link,
    looks: u64,
    server: Hopline,
    _home: tempfile::TempDir,
}

struct Link {
    path: String,
    affiliate: i64,
}

impl Probe {
    pub(crate) async fn start(backing: Backing) -> Result<Self> {
        let home = tempfile::tempdir()?;
        let data_dir = home.path().join("data");
        let setup = Setup::over(backing);
        Hopline::init(&data_dir, &setup)?;
        let key = Hopline::key(&data_dir, &setup, &["--role", "operator"], "bench")?;
        let server = Hopline::serve(&data_dir, &setup)?;
        let api = server.api().with_key(&key);
        let advertiser = json!({"name": "Acme", "currency": "EUR"});
        let advertiser = api.post("/v1/advertisers", &advertiser).await.expect(201);
        let offer = json!({
            "advertiser_id": advertiser["id"], "name": "Shoes", "currency": "EUR", "postback_auth": "token",
            "landing_page": "https://shop.example/?c={click_id}", "approval": "automatic", "hold_days": 0,
            "goals": [{"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}}],
        });
        let offer = api.post("/v1/offers", &offer).await.expect(201);
        let crowd = link(&api, &offer, "crowd").await?;
        let own = link(&api, &offer, "own").await?;
        let edge = server.edge();
        hopline_testkit::eventually("the links redirect", async || {
            (edge.send("HEAD", &own.path, &[], Vec::new()).await.ok()?.status == 302).then_some(())
        })
        .await;
        let token = advertiser["postback_token"].as_str().context("the advertiser's token")?.to_owned();
        Ok(Self { api, edge, token, crowd, own, looks: 0, server, _home: home })
    }

    /// The edge's address.
    pub(crate) fn edge(&self) -> Result<SocketAddr> {
        Ok(self.server.edge.trim_start_matches("http://").parse()?)
    }

    /// The path of the link that a load is to take.
    pub(crate) fn crowd_path(&self) -> &str {
        &self.crowd.path
    }

    /// Sends a click, waits for it in a report; reports an order, waits for that.
    pub(crate) async fn look(&mut self) -> Result<Seen> {
        self.looks += 1;
        let answer = self.edge.click(&self.own.path).await;
        let clicked = Instant::now();
        let location = answer.header("location").to_owned();
        let click_id = location.split_once("?c=").with_context(|| format!("no click id in {location}"))?.1;
        self.wait(&self.own, "clicks", self.looks, clicked).await?;
        let click = clicked.elapsed();
        let call = format!(
            "/postback?click_id={click_id}&event=sale&order_id=B-{}&amount=50.00&currency=EUR&token={}",
            self.looks, self.token
        );
        let answer = self.edge.get(&call).await;
        anyhow::ensure!(answer.status == 202, "{call}: {}", answer.text());
        let accepted = Instant::now();
        self.wait(&self.own, "conversions", self.looks, accepted).await?;
        Ok(Seen { click, conversion: accepted.elapsed() })
    }

    /// Waits until the crowd's clicks are all in a report; how many seconds that took.
    pub(crate) async fn until_all(&self, clicks: usize) -> Result<f64> {
        let since = Instant::now();
        self.wait(&self.crowd, "clicks", u64::try_from(clicks)?, since).await?;
        Ok(since.elapsed().as_secs_f64())
    }

    async fn wait(&self, link: &Link, metric: &str, count: u64, since: Instant) -> Result<()> {
        let path =
            format!("/v1/reports?group_by=affiliate&metrics={metric}&filter[affiliate]={}", link.affiliate);
        while since.elapsed() < PATIENCE {
            let report: Value = self.api.get(&path).await.expect(200);
            if report["totals"][metric].as_u64().unwrap_or_default() >= count {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("{metric} of affiliate {} did not reach {count} in {PATIENCE:?}", link.affiliate)
    }
}

async fn link(api: &Http, offer: &Value, name: &str) -> Result<Link> {
    let affiliate = json!({"name": name, "email": format!("{name}@example.com"), "status": "active"});
    let affiliate = api.post("/v1/affiliates", &affiliate).await.expect(201);
    let wanted = json!({"offer_id": offer["id"], "affiliate_id": affiliate["id"]});
    let link = api.post("/v1/links", &wanted).await.expect(201);
    let path = format!("/{}", link["code"].as_str().context("a link has a code")?);
    Ok(Link { path, affiliate: affiliate["id"].as_i64().context("an affiliate has an id")? })
}
