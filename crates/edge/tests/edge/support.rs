//! An edge on a port of its own with a small catalogue, a client that shows every header, and the spool read back.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hopline_catalogue::Catalogue;
use hopline_catalogue::data::*;
use hopline_clickid::ClickClaims;
use hopline_edge::{EdgeHandle, EdgeOptions, run};
use hopline_record::{Click, ConversionEvent, Record};
use hopline_runtime::clock::ManualClock;
use hopline_runtime::config::{Config, Inputs};
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::{EdgeOutcome, Metrics};
use hopline_spool::{Batch, BatchLimits, Position, ReadOutcome, SpoolReader, Storage};
use hopline_types::*;
use sha2::{Digest, Sha256};

pub const NOW: UnixMillis = UnixMillis(1_790_000_000_000);
pub const BROWSER: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1";
pub const TOKEN: &str = "pt_secret";

pub fn offer(id: i64, landing_page: &str) -> OfferEntry {
    let goal = |id: i64, key: &str, kind| GoalEntry { id: GoalId::new(id).unwrap(), key: key.into(), kind };
    OfferEntry {
        id: OfferId::new(id).unwrap(),
        advertiser_id: AdvertiserId::new(1).unwrap(),
        standing: Standing::Active,
        currency: "EUR".into(),
        landing_page: landing_page.into(),
        fallback_url: None,
        deep_link_hosts: vec!["shop.example".into()],
        click_parameter: "hl_click".into(),
        pass_parameters: false,
        postback_auth: PostbackAuth::Token,
        starts_at: None,
        ends_at: None,
        goals: vec![
            goal(1, "sale", GoalKind::Pps),
            goal(2, "lead", GoalKind::Ppl),
            goal(3, "click", GoalKind::Ppc),
        ],
        rules: OfferRules::default(),
    }
}

pub fn link(id: i64, code: &str, offer: i64) -> LinkEntry {
    LinkEntry {
        id: LinkId::new(id).unwrap(),
        code: code.into(),
        offer_id: OfferId::new(offer).unwrap(),
        affiliate_id: AffiliateId::new(9).unwrap(),
        standing: Standing::Active,
    }
}

pub fn data() -> CatalogueData {
    let secret = |byte| Secret(STANDARD.encode([byte; 32]));
    let hex = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let advertiser = |id: i64, token: &str| AdvertiserEntry {
        id: AdvertiserId::new(id).unwrap(),
        standing: Standing::Active,
        postback_token_sha256: hex(token),
        signing_key: Secret("signing key".into()),
    };
    let mut passing = offer(2, "https://shop.example/p");
    passing.pass_parameters = true;
    let mut paused = offer(3, "https://shop.example/");
    paused.standing = Standing::Paused;
    paused.fallback_url = Some("https://fallback.example/?o={offer_id}&c={click_id}".into());
    let mut expired = offer(4, "https://shop.example/");
    expired.ends_at = Some(NOW);
    let mut signed = offer(5, "https://shop.example/");
    signed.postback_auth = PostbackAuth::Hmac;
    let mut open = offer(6, "https://shop.example/");
    open.postback_auth = PostbackAuth::Open;
    CatalogueData {
        version: 1,
        click_keys: vec![ClickKeyEntry { id: 1, secret: secret(1), signs: true, not_after: None }],
        pseudonym_keys: vec![PseudonymKeyEntry { day: NOW.get() / 86_400_000, secret: secret(2) }],
        fallback_url: None,
        advertisers: vec![advertiser(1, TOKEN), advertiser(2, "other")],
        offers: vec![
            offer(
                1,
                "https://shop.example/shoes?c={click_id}&s={sub1}&o={offer_id}&a={affiliate_id}&k={link_code}&b={browser}&r={referrer_host}&t={timestamp}",
            ),
            passing,
            paused,
            expired,
            signed,
            open,
        ],
        affiliates: vec![AffiliateEntry { id: AffiliateId::new(9).unwrap(), standing: Standing::Active }],
        links: vec![
            link(11, "abc1234", 1),
            link(12, "passing", 2),
            link(13, "paused1", 3),
            link(14, "expired", 4),
            link(15, "signed1", 5),
            link(16, "open123", 6),
        ],
        ..CatalogueData::default()
    }
}

pub struct Edge {
    pub address: SocketAddr,
    pub catalogue: Arc<ArcSwap<Catalogue>>,
    pub clock: ManualClock,
    pub metrics: Metrics,
    pub shutdown: Shutdown,
    pub handle: Option<EdgeHandle>,
    _dir: tempfile::TempDir,
}

impl Edge {
    pub fn start() -> Self {
        Self::with(&[], |_| ())
    }

    pub fn with(flags: &[(&str, &str)], change: impl FnOnce(&mut EdgeOptions)) -> Self {
        let mut inputs = Inputs::default();
        let own = [("edge.listen", "127.0.0.1:0"), ("edge.threads", "2")];
        inputs.flags = own.iter().chain(flags).map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let dir = tempfile::tempdir().unwrap();
        let catalogue = Arc::new(ArcSwap::from_pointee(Catalogue::compile(data()).unwrap()));
        let clock = ManualClock::starting_at(NOW);
        let (metrics, shutdown) = (Metrics::new(), Shutdown::new());
        let mut options = EdgeOptions::new(
            Config::load(&inputs).unwrap().edge,
            dir.path().to_owned(),
            Arc::clone(&catalogue),
            metrics.edge.clone(),
            shutdown.clone(),
            clock.clock(),
        );
        // Small ones: reading back looks at every byte of the space reserved.
        options.spool.segment_bytes_max = 256 * 1024;
        change(&mut options);
        let handle = run(options).unwrap();
        Self {
            address: handle.address(),
            catalogue,
            clock,
            metrics,
            shutdown,
            handle: Some(handle),
            _dir: dir,
        }
    }

    pub fn swap(&self, change: impl FnOnce(&mut CatalogueData)) {
        let mut data = data();
        change(&mut data);
        self.catalogue.store(Arc::new(Catalogue::compile(data).unwrap()));
    }

    pub fn client(&self) -> Client {
        Client::to(self.address)
    }

    /// One request on a connection of its own.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.client().send("GET", path, headers, "")
    }

    /// As a person in a browser.
    pub fn visit(&self, path: &str) -> Answer {
        self.get(path, &[("User-Agent", BROWSER)])
    }

    pub fn verify(&self, token: &str) -> ClickClaims {
        self.catalogue.load().keys().verify(token, NOW).unwrap()
    }

    /// Ends the edge and reads what it wrote.
    pub fn stop(mut self) -> Stopped {
        self.shutdown.begin();
        let handle = self.handle.take().unwrap();
        let streams: Vec<_> = handle.streams().to_vec();
        handle.wait().unwrap();
        let records =
            streams.iter().flat_map(|stream| read(Arc::new(hopline_spool::FsStorage), &stream.dir)).collect();
        Stopped { records, metrics: self.metrics.clone() }
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}

pub fn read(storage: Arc<dyn Storage>, dir: &Path) -> Vec<Record> {
    let mut reader = SpoolReader::open_in(storage, dir, Position::START, None).unwrap();
    let limits = BatchLimits { records_max: 1000, bytes_max: 1 << 20, until: None };
    let (mut batch, mut records) = (Batch::default(), Vec::new());
    loop {
        let outcome = reader.next_batch(limits, &mut batch).unwrap();
        records.extend(batch.iter().map(|record| Record::decode(record.kind, record.payload).unwrap()));
        if outcome != ReadOutcome::More {
            return records;
        }
    }
}

pub struct Stopped {
    pub records: Vec<Record>,
    pub metrics: Metrics,
}

impl Stopped {
    pub fn clicks(&self) -> Vec<&Click> {
        self.records
            .iter()
            .filter_map(|record| if let Record::Click(click) = record { Some(click) } else { None })
            .collect()
    }

    pub fn conversions(&self) -> Vec<&ConversionEvent> {
        self.records
            .iter()
            .filter_map(|record| if let Record::Conversion(event) = record { Some(event) } else { None })
            .collect()
    }

    pub fn only_click(&self) -> &Click {
        let clicks = self.clicks();
        assert_eq!(clicks.len(), 1, "{clicks:#?}");
        clicks[0]
    }

    pub fn count(&self, outcome: EdgeOutcome) -> u64 {
        self.metrics.edge.requests(outcome)
    }
}

/// The verdict byte of a recorded click.
pub fn verdict(click: &Click) -> Verdict {
    Verdict::from_code(click.token[28]).unwrap()
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn location(&self) -> &str {
        assert_eq!(self.status, 302, "{self:?}");
        self.header("location").unwrap()
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A parameter of the location's query.
    pub fn parameter(&self, name: &str) -> &str {
        let (_, query) = self.location().split_once('?').unwrap();
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).unwrap()
    }

    /// The cookie pair to send back.
    pub fn cookie(&self) -> Option<&str> {
        self.header("set-cookie").map(|value| value.split(';').next().unwrap())
    }

    pub fn error_fields(&self) -> Vec<String> {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let json = self.json();
        assert_eq!(json["status"], self.status);
        json["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["field"].as_str().unwrap().to_owned())
            .collect()
    }
}

pub struct Client<S: Read = TcpStream> {
    stream: BufReader<S>,
}

impl Client {
    pub fn to(address: SocketAddr) -> Self {
        Self::from(TcpStream::connect(address).unwrap())
    }

    pub fn from(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self::over(stream)
    }
}

impl<S: Read + Write> Client<S> {
    pub fn over(stream: S) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// What lies beneath.
    pub fn stream(&self) -> &S {
        self.stream.get_ref()
    }

    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.write(method, path, headers, body);
        self.answer(method == "HEAD").unwrap()
    }

    pub fn write(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) {
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: edge.example\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            text.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        self.raw(format!("{text}\r\n{body}").as_bytes());
    }

    /// Sends bytes; a server that has hung up already is no failure of the client.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).unwrap_or_default();
    }

    /// Sends the same bytes again and again without reading, until they are taken no more; how often they were.
    pub fn flood(&mut self, bytes: &[u8], most: usize) -> usize {
        (0..most).take_while(|_| self.stream.get_mut().write_all(bytes).is_ok()).count()
    }

    /// None where the connection ends before an answer.
    pub fn answer(&mut self, is_head: bool) -> Option<Answer> {
        let mut line = || {
            let mut line = String::new();
            self.stream.read_line(&mut line).ok().filter(|read| *read > 0)?;
            Some(line.trim_end().to_owned())
        };
        let status = line()?.split(' ').nth(1)?.parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let text = line()?;
            if text.is_empty() {
                break;
            }
            let (name, value) = text.split_once(": ").unwrap_or((text.trim_end_matches(':'), ""));
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length: usize = answer.header("content-length").map_or(0, |value| value.parse().unwrap());
        if !is_head {
            answer.body.resize(length, 0);
            self.stream.read_exact(&mut answer.body).unwrap();
        }
        Some(answer)
    }
}

impl Client {
    /// Says that nothing more comes.
    pub fn finish_writing(&mut self) {
        self.stream.get_ref().shutdown(std::net::Shutdown::Write).unwrap_or_default();
    }
}
