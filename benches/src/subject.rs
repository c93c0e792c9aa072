//! Hopline's edge on a made-up catalogue: one thread, no store, nobody who ships.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use arc_swap::ArcSwap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hopline_catalogue::Catalogue;
use hopline_catalogue::data::{
    AdvertiserEntry, AffiliateEntry, CatalogueData, ClickKeyEntry, LinkEntry, OfferEntry, OfferRules,
    PseudonymKeyEntry, Secret, Standing,
};
use hopline_edge::EdgeOptions;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{Config, Durability};
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::Metrics;
use hopline_types::{AdvertiserId, AffiliateId, LinkId, OfferId, PostbackAuth};
use rustix::process::setpriority_process;

const ADVERTISERS: i64 = 10;
const OFFERS: i64 = 500;
const AFFILIATES: i64 = 2000;
const DAY_MS: i64 = 86_400_000;

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
    let options =
        EdgeOptions::new(config, setup.spool.clone(), catalogue, Metrics::new().edge, shutdown, clock);
    let edge = hopline_edge::run(options)?;
    if let Some(pause) = setup.swap_every {
        let links = setup.links;
        // As the program does it: away from the edge's threads, giving way to them, the old one kept until they let go.
        std::thread::spawn(move || {
            setpriority_process(None, 15).unwrap_or_default();
            let mut old = None;
            loop {
                std::thread::park_timeout(pause);
                match compile(links, today) {
                    Ok(next) => drop(old.replace(current.swap(Arc::new(next)))),
                    Err(error) => panic!("{error:#}"),
                }
            }
        });
    }
    Ok(edge.wait()?)
}

fn compile(links: u32, today: i64) -> Result<Catalogue> {
    Catalogue::compile(network(links, today)).map_err(|problems| anyhow!("the catalogue: {problems:?}"))
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
        rules: OfferRules::default(),
    }
}
