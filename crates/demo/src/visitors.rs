//! Simulated visitors: people who click and buy, browsers that prefetch, bots that look.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rand::RngExt as _;
use serde_json::json;

use crate::Demo;
use crate::client::{Client, ClientError};
use crate::network::{Network, Offer};

const BROWSERS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
];
const BOTS: [&str; 3] = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "curl/8.5.0",
];
/// How many different visitors there are; some come back.
const VISITORS: u16 = 5_000;
const PLACES: [&str; 6] = ["newsletter", "sidebar", "review", "banner", "footer", "video"];

/// What the visitors did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Redirects followed by people.
    pub clicks: usize,
    /// Requests that are no clicks: prefetches, bots, HEAD.
    pub others: usize,
    /// Conversions reported.
    pub conversions: usize,
    /// Orders sent back.
    pub refunds: usize,
}

#[derive(Default)]
struct Counters {
    left: AtomicUsize,
    clicks: AtomicUsize,
    others: AtomicUsize,
    conversions: AtomicUsize,
    refunds: AtomicUsize,
}

/// Waits until the edge knows the newest link.
pub(crate) async fn wait_for_links(edge: &Client, network: &Network) -> Result<(), ClientError> {
    let Some((code, _)) = network.links.last() else { return Ok(()) };
    for _ in 0..200 {
        if edge.send("HEAD", &format!("/{code}"), &[], None).await?.status == 302 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    Err(ClientError {
        request: format!("HEAD /{code}"),
        detail: "the edge does not know the link after 5 s".into(),
    })
}

/// Sends `visits` visitors, some at the same time.
pub(crate) async fn visit(
    demo: &Demo,
    network: &Network,
    visits: usize,
    at_once: usize,
    progress: &mut impl FnMut(&str),
) -> Result<Tally, ClientError> {
    let counters = Arc::new(Counters { left: AtomicUsize::new(visits), ..Counters::default() });
    let tasks: Vec<_> = (0..at_once)
        .map(|_| {
            let (demo, network, counters) = (demo.clone(), network.clone(), counters.clone());
            tokio::spawn(async move {
                while counters
                    .left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
                    .is_ok()
                {
                    one(&demo, &network, &counters).await?;
                }
                Ok::<(), ClientError>(())
            })
        })
        .collect();
    for task in tasks {
        match task.await {
            Ok(outcome) => outcome?,
            Err(error) => {
                return Err(ClientError { request: "a visitor".into(), detail: error.to_string() });
            }
        }
    }
    let tally = Tally {
        clicks: counters.clicks.load(Ordering::Relaxed),
        others: counters.others.load(Ordering::Relaxed),
        conversions: counters.conversions.load(Ordering::Relaxed),
        refunds: counters.refunds.load(Ordering::Relaxed),
    };
    progress(&format!(
        "{} clicks, {} prefetches, bots and looks, {} conversions, {} refunds",
        tally.clicks, tally.others, tally.conversions, tally.refunds
    ));
    Ok(tally)
}

/// What a visitor does, drawn once so that no generator is kept across an await.
struct Fate {
    link: usize,
    place: &'static str,
    agent: &'static str,
    address: String,
    kind: Kind,
    buys: bool,
    sends_back: bool,
    order: u64,
    order_minor: u32,
}

#[derive(PartialEq, Eq)]
enum Kind {
    Person,
    Prefetch,
    Bot,
    Head,
}

fn fate(network: &Network) -> Fate {
    let mut random = rand::rng();
    // Few affiliates bring most of the visitors, as in life.
    let share: f64 = random.random();
    let kind = match random.random_range(0..100) {
        0..84 => Kind::Person,
        84..90 => Kind::Prefetch,
        90..98 => Kind::Bot,
        _ => Kind::Head,
    };
    let link = skewed(share, network.links.len());
    let usual = network.offers[network.links[link].1].order_minor;
    Fate {
        link,
        place: PLACES[random.random_range(0..PLACES.len())],
        agent: if kind == Kind::Bot {
            BOTS[random.random_range(0..BOTS.len())]
        } else {
            BROWSERS[random.random_range(0..BROWSERS.len())]
        },
        address: address(random.random_range(0..VISITORS)),
        kind,
        buys: random.random_range(0..100) < 8,
        sends_back: random.random_range(0..100) < 8,
        order: random.random(),
        order_minor: usual / 2 + random.random_range(0..usual.max(1)),
    }
}

/// Address blocks of large access networks in several countries, so that reports by country have something to show. Nothing
/// is ever sent there: an address only stands in a header that this program hands to itself.
const BLOCKS: [(u8, u8); 7] = [(79, 192), (2, 3), (81, 130), (24, 5), (88, 3), (189, 5), (126, 4)];

/// The network address of a visitor.
fn address(visitor: u16) -> String {
    let [high, low] = visitor.to_be_bytes();
    let (first, second) = BLOCKS[usize::from(visitor) % BLOCKS.len()];
    format!("{first}.{second}.{high}.{low}")
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place in a short list, drawn from a share between 0 and 1"
)]
fn skewed(share: f64, length: usize) -> usize {
    ((share * share * length as f64) as usize).min(length.saturating_sub(1))
}

async fn one(demo: &Demo, network: &Network, counters: &Counters) -> Result<(), ClientError> {
    let fate = fate(network);
    let (code, place) = &network.links[fate.link];
    let offer = &network.offers[*place];
    let path = format!("/{code}?sub1={}", fate.place);
    // The demo's edge believes forwarding headers from loopback, as behind a proxy: each visitor has an address.
    let mut fields = vec![
        ("user-agent", fate.agent),
        ("referer", "https://affiliate.example/"),
        ("x-forwarded-for", fate.address.as_str()),
    ];
    let method = if fate.kind == Kind::Head { "HEAD" } else { "GET" };
    match fate.kind {
        Kind::Prefetch => fields.push(("sec-purpose", "prefetch")),
        Kind::Person => fields.extend([
            ("sec-fetch-dest", "document"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-user", "?1"),
            ("accept-language", "en"),
        ]),
        Kind::Bot | Kind::Head => {}
    }
    let answer = demo.edge.send(method, &path, &fields, None).await?;
    if fate.kind != Kind::Person || answer.status != 302 {
        counters.others.fetch_add(1, Ordering::Relaxed);
        return Ok(());
    }
    counters.clicks.fetch_add(1, Ordering::Relaxed);
    let Some(click_id) = click_id(&answer.location).filter(|_| fate.buys && offer.goal != "click") else {
        return Ok(());
    };
    let order_id = format!("N-{:012X}", fate.order & 0xffff_ffff_ffff);
    let reported =
        demo.edge.send("GET", &postback(offer, click_id, &order_id, fate.order_minor), &[], None).await?;
    if reported.status != 202 {
        let words = String::from_utf8_lossy(&reported.body).into_owned();
        return Err(ClientError { request: "GET /postback".into(), detail: words });
    }
    counters.conversions.fetch_add(1, Ordering::Relaxed);
    if fate.sends_back && offer.order_minor > 0 && refund(&demo.api, &order_id).await? {
        counters.refunds.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Refunds an order once it is booked; false where it was not in time.
async fn refund(api: &Client, order_id: &str) -> Result<bool, ClientError> {
    for _ in 0..80 {
        let list = api.get(&format!("/v1/conversions?order_id={order_id}")).await?;
        let item = &list["items"][0];
        if item["status"] == "approved" {
            let path = format!("/v1/conversions/{}/refund", item["id"]);
            api.post(&path, &json!({"reason": "sent back by the customer"})).await?;
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(false)
}

fn click_id(location: &str) -> Option<&str> {
    location.split_once("click=")?.1.split('&').next()
}

fn postback(offer: &Offer, click_id: &str, order_id: &str, order_minor: u32) -> String {
    let mut path = format!("/postback?click_id={click_id}&event={}&order_id={order_id}", offer.goal);
    if offer.order_minor > 0 {
        path.push_str(&format!(
            "&amount={}.{:02}&currency={}",
            order_minor / 100,
            order_minor % 100,
            offer.currency
        ));
    }
    path.push_str(&format!("&token={}", offer.token));
    path
}

/// A postback to paste: for a sale after a click made for it.
pub(crate) async fn example_postback(edge: &Client, network: &Network) -> Result<String, ClientError> {
    let sale = network.links.iter().find(|(_, place)| network.offers[*place].order_minor > 0);
    let (code, place) = sale
        .or(network.links.first())
        .ok_or_else(|| ClientError { request: "the example network".into(), detail: "has no link".into() })?;
    let fields = [
        ("user-agent", BROWSERS[0]),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-user", "?1"),
    ];
    let answer = edge.send("GET", &format!("/{code}?sub1=example"), &fields, None).await?;
    let click_id = click_id(&answer.location).ok_or_else(|| ClientError {
        request: format!("GET /{code}"),
        detail: format!("answered {} without a click id", answer.status),
    })?;
    let order_id = format!("EXAMPLE-{:06}", rand::random::<u32>() % 1_000_000);
    Ok(format!("{}{}", edge.base(), postback(&network.offers[*place], click_id, &order_id, 4_990)))
}
