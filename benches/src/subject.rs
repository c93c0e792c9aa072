//! Hopline's edge as an operator would run it, on a made-up catalogue; no store, nobody who ships.
//!
//! All that a click may need is on: a file of countries; 500 offers, each with targeting (countries and devices that are
//! not wanted, which hits hardly any of the clicks), two landing pages in rotation, a cookie, macros and parameters
//! handed on; on every tenth offer a cap on clicks per day that is never reached; the built-in rules for user agents and
//! networks of data centres; a trusted proxy in front. Segments are filled ahead for `disk`, as the program does it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopline_catalogue::data::{
    AdvertiserEntry, AffiliateEntry, CapEntry, CapMetric, CapPeriod, CapScope, CatalogueData, ClickKeyEntry,
    LandingPageEntry, LinkEntry, Matching, OfferEntry, OfferRules, PseudonymKeyEntry, Secret, Standing,
    Targeting,
};
use hopline_catalogue::{Catalogue, snapshot};
use hopline_edge::EdgeOptions;
use hopline_geo::PlacesFile;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{Config, Durability};
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::Metrics;
use hopline_spool::SpoolOptions;
use hopline_types::{AdvertiserId, AffiliateId, CapId, LandingPageId, LinkId, OfferId, PostbackAuth};
use rustix::process::setpriority_process;

const ADVERTISERS: i64 = 10;
const OFFERS: i64 = 500;
const AFFILIATES: i64 = 2000;
const DAY_MS: i64 = 86_400_000;
/// The file of the demo.
const COUNTRIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/demo/data/countries.mmdb");
/// Every so manieth offer has a cap on clicks.
const CAPPED: i64 = 10;

/// How it is to run.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where it listens.
    pub address: SocketAddr,
    /// Links in the catalogue.
    pub links: u32,
    /// When a click counts as written.
    pub durability: Durability,
    /// Where the spool lies.
    pub spool: PathBuf,
    /// Event loops.
    pub threads: usize,
    /// A new version of the catalogue is compiled and swapped in again and again, with this pause.
    pub swap_every: Option<Duration>,
}

impl Setup {
    /// One thread; from words of a command line.
    ///
    /// # Errors
    /// A word is not what it should be.
    pub fn read(address: &str, links: &str, durability: &str, spool: &str) -> Result<Self> {
        let durability = match durability {
            "process" => Durability::Process,
            "disk" => Durability::Disk,
            other => bail!("no durability {other:?} is measured"),
        };
        let (address, links, spool) = (address.parse()?, links.parse()?, spool.into());
        Ok(Self { address, links, durability, spool, threads: 1, swap_every: None })
    }
}

/// Serves until it is killed.
///
/// # Errors
/// It cannot start, or ends badly.
pub fn serve(setup: &Setup) -> Result<()> {
    let clock = Clock::System;
    let today = clock.now().get().div_euclid(DAY_MS);
    let mut config = Config::defaults().edge;
    config.listen = setup.address;
    config.threads = setup.threads;
    config.durability = setup.durability;
    config.max_connections = 20_000;
    // Visitors' addresses come in a header, as behind a proxy.
    config.trusted_proxies = vec!["127.0.0.0/8".parse()?];
    let compiled = compile(setup.links, today)?;
    let catalogue = Arc::new(ArcSwap::from_pointee(compiled));
    let (current, shutdown) = (Arc::clone(&catalogue), Shutdown::new());
    let mut options =
        EdgeOptions::new(config, setup.spool.clone(), catalogue, Metrics::new().edge, shutdown, clock);
    let prefill = setup.durability == Durability::Disk;
    options.spool = SpoolOptions { prefill, ..SpoolOptions::default() };
    options.places = Some(Arc::new(PlacesFile::open(Some(Path::new(COUNTRIES)), None)?));
    let edge = hopline_edge::run(options)?;
    if let Some(pause) = setup.swap_every {
        let links = setup.links;
        // As the program does it: away from the edge's threads, giving way to them, the old one kept until they let go.
        std::thread::spawn(move || {
            setpriority_process(None, 15).unwrap_or_default();
            loop {
                let compiled = compile(links, today).unwrap_or_else(|error| panic!("{error:#}"));
                let old = current.swap(Arc::new(compiled));
                std::thread::park_timeout(pause);
                drop(old);
            }
        });
    }
    Ok(edge.wait()?)
}

/// With the bytes of its snapshot in memory meanwhile, as the program has them.
fn compile(links: u32, today: i64) -> Result<Catalogue> {
    let data = network(links, today);
    let bytes = std::hint::black_box(snapshot::encode(&data));
    let compiled = Catalogue::compile(data).map_err(|problems| anyhow!("the catalogue: {problems:?}"));
    drop(bytes);
    compiled
}

/// The code of a link: eight characters, spread as random ones would be.
#[must_use]
pub fn code(link: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // An odd factor loses nothing modulo a power of two; 62^8 is larger than 2^47.
    let mut rest = u64::from(link).wrapping_add(1).wrapping_mul(0x5851_f42d_4c95_7f2d) & ((1 << 47) - 1);
    let mut code = String::new();
    for _ in 0..8 {
        let digit = usize::try_from(rest % 62).unwrap_or_default();
        code.extend(DIGITS.get(digit).copied().map(char::from));
        rest /= 62;
    }
    code
}

fn network(links: u32, today: i64) -> CatalogueData {
    let secret = |byte: u8| Secret(STANDARD.encode([byte; 32]));
    CatalogueData {
        version: 1,
        click_keys: vec![ClickKeyEntry { id: 1, secret: secret(1), signs: true, not_after: None }],
        pseudonym_keys: (today..today + 2).map(|day| PseudonymKeyEntry { day, secret: secret(2) }).collect(),
        fallback_url: Some("https://network.example/?from={offer_id}".into()),
        advertisers: (1..=ADVERTISERS).map(advertiser).collect(),
        offers: (1..=OFFERS).map(offer).collect(),
        affiliates: (1..=AFFILIATES)
            .map(|id| AffiliateEntry {
                id: AffiliateId::new(id).expect("ids from 1 on"),
                standing: Standing::Active,
            })
            .collect(),
        links: (0..links)
            .map(|link| LinkEntry {
                id: LinkId::new(i64::from(link) + 1).expect("ids from 1 on"),
                code: code(link),
                offer_id: OfferId::new(i64::from(link) % OFFERS + 1).expect("ids from 1 on"),
                affiliate_id: AffiliateId::new(i64::from(link) % AFFILIATES + 1).expect("ids from 1 on"),
                standing: Standing::Active,
            })
            .collect(),
        ..CatalogueData::default()
    }
}

fn advertiser(id: i64) -> AdvertiserEntry {
    AdvertiserEntry {
        id: AdvertiserId::new(id).expect("ids from 1 on"),
        standing: Standing::Active,
        postback_token_sha256: format!("{id:064x}"),
        signing_key: Secret(format!("key {id}")),
    }
}

fn offer(id: i64) -> OfferEntry {
    OfferEntry {
        id: OfferId::new(id).expect("ids from 1 on"),
        advertiser_id: AdvertiserId::new(id % ADVERTISERS + 1).expect("ids from 1 on"),
        standing: Standing::Active,
        currency: "EUR".into(),
        landing_page: format!(
            "https://shop{id}.example/landing?c={{click_id}}&a={{affiliate_id}}&s={{sub1}}&o={{os}}"
        ),
        fallback_url: Some(format!("https://shop{id}.example/")),
        deep_link_hosts: vec![format!("shop{id}.example")],
        click_parameter: "hl_click".into(),
        pass_parameters: true,
        postback_auth: PostbackAuth::Token,
        starts_at: None,
        ends_at: None,
        goals: Vec::new(),
        rules: rules(id),
    }
}

fn rules(offer: i64) -> OfferRules {
    let not = |values: &[&str]| Matching::Not(values.iter().map(|&value| value.into()).collect());
    let cap = || CapEntry {
        id: CapId::new(offer).expect("ids from 1 on"),
        scope: CapScope::Offer,
        metric: CapMetric::Clicks,
        period: CapPeriod::Day,
        zone: "Europe/Berlin".into(),
        amount: 1_000_000_000_000,
    };
    OfferRules {
        targeting: Targeting {
            countries: not(&["AQ", "BV", "HM"]),
            devices: not(&["tv"]),
            ..Targeting::default()
        },
        landing_pages: vec![LandingPageEntry {
            id: LandingPageId::new(offer).expect("ids from 1 on"),
            url: format!(
                "https://shop{offer}.example/other?c={{click_id}}&a={{affiliate_id}}&s={{sub1}}&l={{country}}"
            ),
            weight: 1,
            standing: Standing::Active,
        }],
        caps: (offer % CAPPED == 0).then(cap).into_iter().collect(),
        ..OfferRules::default()
    }
}
