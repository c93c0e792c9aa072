//! A data directory, its server's settings, and what clients were told.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use hopline_loadgen::{Acknowledged, Difference, Load, Outcome, compare, run};
use hopline_testkit::{Backing, Hopline, Http, Setup, eventually, within};
use serde_json::Value;

use crate::network::{Network, PAYOUT_CENTS};

/// Connections of a load.
const CONNECTIONS: usize = 8;
/// What any machine and build sends.
const CLICKS_PER_SECOND: u64 = 200;
/// In what time workers take over from a killed one, and what was left is decided.
const TAKEOVER: Duration = Duration::from_secs(15);
/// Numbers that one load may use.
const NUMBERS: u64 = 1_000_000_000;

/// A data directory with a network in it.
#[derive(Debug)]
pub struct Installation {
    home: tempfile::TempDir,
    key: String,
    setup: Setup,
    /// What is advertised in it.
    pub network: Network,
    loads: u64,
    acknowledged: Vec<Acknowledged>,
    /// Clicks that may be stored or not: no answer, or another one than a redirect.
    open: Vec<u64>,
    /// Answers that were no redirect.
    refused: BTreeMap<u16, usize>,
    accepted_orders: BTreeSet<String>,
    open_orders: BTreeSet<String>,
}

/// What the stores hold, against what clients were told.
#[derive(Debug)]
pub struct Report {
    /// Clicks.
    pub clicks: Difference,
    /// Rows stored.
    pub rows: usize,
    /// Different click ids among them.
    pub ids: usize,
    /// Accepted orders that are not there with one approved conversion.
    pub orders_lost: Vec<String>,
    /// What affiliates can be paid less what the stored orders earn, in cents.
    pub overpaid_cents: i64,
    /// What `hopline audit` complains about, if it does.
    pub audit: Option<String>,
}

impl Report {
    /// Whether everything agrees.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.clicks.is_none()
            && self.orders_lost.is_empty()
            && self.overpaid_cents == 0
            && self.audit.is_none()
    }
}

impl Installation {
    /// A new one, with these settings for every server on it.
    ///
    /// # Panics
    /// The program fails.
    pub async fn new(setup: Setup) -> Self {
        let home = tempfile::tempdir().expect("a temporary directory can be made");
        let data_dir = home.path().join("data");
        Hopline::init(&data_dir, &setup).expect("init succeeds");
        let key = Hopline::key(&data_dir, &setup, &["--role", "operator"], "ops").expect("a key can be made");
        let mut server = Hopline::serve(&data_dir, &setup).expect("the server starts");
        let network = Network::create(&server, &server.api().with_key(&key)).await;
        assert!(server.terminate().expect("the server can be ended"), "the server ends in order");
        Self {
            home,
            key,
            setup,
            network,
            loads: 0,
            acknowledged: Vec::new(),
            open: Vec::new(),
            refused: BTreeMap::new(),
            accepted_orders: BTreeSet::new(),
            open_orders: BTreeSet::new(),
        }
    }

    /// A client of a server's API with an operator's key.
    #[must_use]
    pub fn api(&self, server: &Hopline) -> Http {
        server.api().with_key(&self.key)
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Starts a server.
    ///
    /// # Errors
    /// It does not start.
    pub fn serve(&self) -> anyhow::Result<Hopline> {
        Hopline::serve(&self.data_dir(), &self.setup)
    }

    /// Starts a server with these roles alone.
    ///
    /// # Errors
    /// It does not start.
    pub fn serve_roles(&self, roles: &str) -> anyhow::Result<Hopline> {
        Hopline::serve(&self.data_dir(), &self.setup.clone().roles(roles))
    }

    /// Gives workers on servers the time that they have to take over from killed ones. An installation by itself has
    /// decided everything when it has ended in order.
    async fn until_decided(&self, api: &Http) {
        let deadline = Instant::now() + TAKEOVER;
        if let Backing::Servers(_) = self.setup.backing {
            while self.decided(api).await < self.accepted_orders.len() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Accepted orders that are decided.
    ///
    /// # Panics
    /// The API answers nonsense.
    pub async fn decided(&self, api: &Http) -> usize {
        let mut decided = 0;
        for order in &self.accepted_orders {
            let list = api.get(&format!("/v1/conversions?order_id={order}")).await.expect(200);
            let items = list["items"].as_array().expect("a list of conversions");
            decided += usize::from(items.iter().any(|item| item["status"] == "approved"));
        }
        decided
    }

    /// Starts a further server of this installation, on a data directory of its own with this name.
    ///
    /// # Errors
    /// It does not start.
    pub fn serve_beside(&self, name: &str, setup: &Setup) -> anyhow::Result<Hopline> {
        let data_dir = self.home.path().join(name);
        Hopline::init(&data_dir, setup)?;
        Hopline::serve(&data_dir, setup)
    }

    /// The settings of its servers.
    #[must_use]
    pub const fn setup(&self) -> &Setup {
        &self.setup
    }

    /// Starts a server with a plan of faults, of which it logs those that happen.
    ///
    /// # Errors
    /// It does not start, which may be what the plan says.
    pub fn serve_with(&self, faults: &str) -> anyhow::Result<Hopline> {
        let log = self.faults_log();
        let log = log.to_str().expect("temporary paths are text");
        let setup = self.setup.clone().with("HOPLINE_FAULTS", faults).with("HOPLINE_FAULTS_LOG", log);
        Hopline::serve(&self.data_dir(), &setup)
    }

    /// Starts a server and kills it after a while, perhaps before it serves.
    ///
    /// # Panics
    /// The program cannot be started.
    pub async fn kill_at_the_start(&self, after: Duration) {
        let mut command = self.setup.command(&self.data_dir(), &["serve"]);
        for listener in ["EDGE", "API", "METRICS"] {
            command.env(format!("HOPLINE_{listener}_LISTEN"), "127.0.0.1:0");
        }
        let quiet = || std::process::Stdio::null();
        let child = command.stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn();
        let mut child = child.expect("the program starts");
        tokio::time::sleep(after).await;
        child.kill().expect("it can be killed");
        child.wait().expect("it can be awaited");
    }

    /// The faults that happened so far, as `point mode`.
    #[must_use]
    pub fn faults(&self) -> BTreeSet<String> {
        let text = std::fs::read_to_string(self.faults_log()).unwrap_or_default();
        text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(fault, _)| fault.to_owned()).collect()
    }

    fn faults_log(&self) -> PathBuf {
        self.home.path().join("faults.log")
    }

    /// A load of at most this many clicks on a server, with numbers of its own; it ends when the server does. Hand its
    /// outcome to [`Installation::note`].
    ///
    /// # Panics
    /// The server's address is none.
    pub fn load(
        &mut self,
        server: &Hopline,
        clicks_max: u64,
        stop: &Arc<AtomicBool>,
    ) -> impl Future<Output = anyhow::Result<Outcome>> + Send + 'static {
        self.loads += 1;
        let load = Load {
            target: address(&server.edge),
            paths: self.network.paths.clone(),
            connections: CONNECTIONS,
            clicks_max,
            time_max: time_for(clicks_max),
            first: self.loads * NUMBERS,
        };
        run(load, Arc::clone(stop))
    }

    /// Writes down what a load was told; gives the clicks that were redirected.
    pub fn note(&mut self, outcome: Outcome) -> usize {
        let redirected = outcome.acknowledged.len();
        self.acknowledged.extend(outcome.acknowledged);
        self.open.extend(outcome.open);
        for (number, status) in outcome.refused {
            self.open.push(number);
            *self.refused.entry(status).or_default() += 1;
        }
        redirected
    }

    /// Sends clicks, then reports orders for the newest of them.
    ///
    /// # Panics
    /// The load cannot be run.
    pub async fn story(&mut self, server: &Hopline, clicks: u64, orders: usize) {
        let outcome = self.load(server, clicks, &Arc::default()).await.expect("the load runs");
        let redirected = self.note(outcome);
        let newest: Vec<_> = self.acknowledged.iter().rev().take(redirected.min(orders)).cloned().collect();
        for click in newest {
            let order = format!("O-{}", click.number);
            let call = self.network.postback(&click.location, &order);
            // Once more where the answer was none: shops do, and it must count once.
            let edge = server.edge();
            let mut is_accepted = false;
            for _ in 0..2 {
                let answer = edge.send("GET", &call, &[], Vec::new()).await;
                is_accepted |= answer.is_ok_and(|answer| answer.status == 202);
            }
            let book = if is_accepted { &mut self.accepted_orders } else { &mut self.open_orders };
            book.insert(order);
        }
    }

    /// Clicks that were redirected so far.
    #[must_use]
    pub fn redirected(&self) -> usize {
        self.acknowledged.len()
    }

    /// Where the newest click was sent.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn newest_location(&self) -> String {
        self.acknowledged.last().expect("a click was redirected").location.clone()
    }

    /// Orders that were accepted so far.
    #[must_use]
    pub fn orders(&self) -> usize {
        self.accepted_orders.len()
    }

    /// Statuses other than redirects so far.
    #[must_use]
    pub fn refused(&self) -> &BTreeMap<u16, usize> {
        &self.refused
    }

    /// Starts a server without faults, lets it work off everything, and compares.
    ///
    /// # Panics
    /// The server does not start, does not drain, or answers nonsense.
    pub async fn check(&self) -> Report {
        // An orderly end drains everything.
        let mut server = self.serve().expect("the server starts on what is left");
        assert!(server.terminate().expect("the server can be ended"), "the server ends in order");
        let server = self.serve().expect("the server starts again");
        let api = self.api(&server);
        self.until_decided(&api).await;
        let rows = stored(&api).await;
        let rows: Vec<_> = rows.into_iter().filter(|(number, _)| *number > 0).collect();
        let (mut orders_lost, mut found) = (Vec::new(), 0);
        for order in self.accepted_orders.union(&self.open_orders) {
            let list = api.get(&format!("/v1/conversions?order_id={order}")).await.expect(200);
            let items = list["items"].as_array().expect("a list of conversions");
            let good = items.iter().filter(|item| item["status"] == "approved").count();
            if items.len() != good || good > 1 || (good == 0 && self.accepted_orders.contains(order)) {
                orders_lost.push(format!("{order}: {items:?}"));
            }
            found += i64::try_from(items.len()).unwrap_or(i64::MAX);
        }
        let overpaid_cents = self.network.payable_cents(&api).await - found * PAYOUT_CENTS;
        drop(server);
        let audit = self.setup.command(&self.data_dir(), &["audit"]).output().expect("the audit starts");
        let words = [audit.stdout, audit.stderr].concat();
        Report {
            clicks: compare(&self.acknowledged, &self.open, &rows),
            rows: rows.len(),
            ids: rows.iter().map(|(_, id)| id).collect::<BTreeSet<_>>().len(),
            orders_lost,
            overpaid_cents,
            audit: (!audit.status.success()).then(|| String::from_utf8_lossy(&words).into_owned()),
        }
    }

    /// The value of a metric without labels.
    ///
    /// # Panics
    /// There is none of that name.
    pub async fn metric(server: &Hopline, name: &str) -> f64 {
        let text = Http::new(&server.metrics).get("/metrics").await.text();
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no metric {name} in {text}"))
    }

    /// Waits until everything that the server wrote down is shipped.
    ///
    /// # Panics
    /// It takes longer than this.
    pub async fn drained(server: &Hopline, limit: Duration) {
        within(limit, "the spool has drained", async || {
            (Self::metric(server, "hopline_spool_bytes").await == 0.0).then_some(())
        })
        .await;
    }

    /// Waits until shipping has failed this many times more.
    ///
    /// # Panics
    /// It does not.
    pub async fn failing(server: &Hopline, times: f64) {
        let name = "hopline_ship_failures_total";
        let before = Self::metric(server, name).await;
        within(Duration::from_secs(40), "shipping fails", async || {
            (Self::metric(server, name).await >= before + times).then_some(())
        })
        .await;
    }

    /// What the servers on the data directory have logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data_dir().join("server.log")).unwrap_or_default()
    }

    /// Waits until a server has died by itself.
    ///
    /// # Panics
    /// It lives on.
    pub async fn until_dead(server: &Hopline, why: &str) {
        let target = address(&server.metrics);
        eventually(why, async || tokio::net::TcpStream::connect(target).await.is_err().then_some(())).await;
    }

    /// The segments of all streams, sorted.
    ///
    /// # Panics
    /// The spool cannot be listed.
    #[must_use]
    pub fn segments(&self) -> Vec<PathBuf> {
        let list = |folder: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(folder).expect("the spool can be listed");
            entries.map(|entry| entry.expect("it can be listed to its end").path()).collect()
        };
        let streams = list(&self.data_dir().join("spool"));
        let mut files: Vec<_> = streams.iter().flat_map(|stream| list(stream)).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
        files.sort();
        files
    }
}

/// All stored clicks as (number in sub1, click id), over the API that affiliates use.
async fn stored(api: &Http) -> Vec<(u64, String)> {
    let rows = api.get("/v1/clicks?from=2020-01-01&format=ndjson").await;
    assert_eq!(rows.status, 200, "{}", rows.text());
    // Not as one text beside the body: there may be millions.
    let lines = rows.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let rows = lines.map(|line| {
        let row: Value = serde_json::from_slice(line).expect("each line is JSON");
        let number = row["sub1"].as_str().unwrap_or_default().parse().unwrap_or_default();
        (number, row["click_id"].as_str().expect("a click id").to_owned())
    });
    rows.collect()
}

/// How long a load may take.
fn time_for(clicks_max: u64) -> Duration {
    let least = Duration::from_secs(20);
    // A load without end is ended by who started it, or by this.
    if clicks_max > NUMBERS { least } else { least.max(Duration::from_secs(clicks_max / CLICKS_PER_SECOND)) }
}

fn address(url: &str) -> SocketAddr {
    url.strip_prefix("http://").and_then(|address| address.parse().ok()).expect("a server's address")
}
