//! Ten thousand malformed and hostile requests against the real binary's edge, from a fixed seed: no worker dies, no
//! answer is broken, none leads elsewhere, none holds a header of ours (issue "Bad input", S-22, S-23).
//!
//! Two thousand more of them come through a proxy that begins with a PROXY header, whole or broken, to an edge that
//! speaks HTTP/2 in clear text too.
//!
//! `HOPLINE_SEED` chooses another seed, `HOPLINE_REQUESTS` another number of requests.

mod answers;
mod proxy;
mod requests;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hopline_testkit::{Hopline, Http, Setup, command, eventually};
use hopline_tests::Random;
use requests::{Expect, Script, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;

const SEED: u64 = 20_261_122;
const REQUESTS: usize = 10_000;
const PROXIED_REQUESTS: usize = 2_000;
const CONNECTIONS: u64 = 24;
/// How long a client waits for more before it says that it has no more to send. Whatever its length, what comes is
/// checked; it only decides when a client gives up on bytes that the server takes for the beginning of something.
const PATIENCE: Duration = Duration::from_millis(60);
/// Longer than anything takes but the server's own limits of slow clients.
const DEADLINE: Duration = Duration::from_secs(30);

fn chosen<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Two links of one affiliate: to an offer with deep links that passes parameters on, and to one that is paused.
async fn world(server: &Hopline, api: &Http) -> World {
    let advertiser =
        api.post("/v1/advertisers", &json!({"name": "Acme", "currency": "EUR"})).await.expect(201);
    let affiliate = json!({"name": "Blog", "email": "blog@example.com", "status": "active"});
    let affiliate = api.post("/v1/affiliates", &affiliate).await.expect(201);
    let mut codes = Vec::new();
    let mut offers = Vec::new();
    for status in ["active", "paused"] {
        let offer = json!({
            "advertiser_id": advertiser["id"], "name": "Shoes", "currency": "EUR", "postback_auth": "token",
            "status": status, "pass_parameters": true, "deep_link_hosts": ["shop.example"],
            "landing_page": "https://shop.example/{ext}?c={click_id}&s={sub1}&t={sub2}&u={source}&r={referrer_host}&v={creative_id}#{sub10}",
            "fallback_url": "https://fallback.example/{sub1}?e={ext}", "approval": "automatic", "hold_days": 0,
            "attribution": {"model": "last_click", "window_days": 30},
            "goals": [{"key": "sale", "kind": "pps", "revenue": {"percent": "12"}, "payout": {"percent": "10"}}],
        });
        let offer = api.post("/v1/offers", &offer).await.expect(201);
        let link = json!({"offer_id": offer["id"], "affiliate_id": affiliate["id"]});
        let link = api.post("/v1/links", &link).await.expect(201);
        let code = text(&link["code"]);
        let edge = server.edge();
        eventually("the link redirects", async || {
            let answer = edge.send("HEAD", &format!("/{code}"), &[], Vec::new()).await.ok()?;
            (answer.status == 302).then_some(())
        })
        .await;
        codes.push(code);
        offers.push(offer["id"].as_i64().expect("an id is a number"));
    }
    let location = server.edge().click(&format!("/{}", codes[0])).await.header("location").to_owned();
    let click =
        location.split_once("?c=").and_then(|(_, rest)| rest.split('&').next()).expect("it names a click");
    World {
        paused: codes.pop().expect("there are two"),
        code: codes.pop().expect("there are two"),
        offer: offers[0],
        affiliate: affiliate["id"].as_i64().expect("an id is a number"),
        token: text(&advertiser["postback_token"]),
        click: click.to_owned(),
        urls: requests::deep_links(),
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("it is text").to_owned()
}

/// Sends a script and gives what came back, and whether the connection was closed in order.
async fn exchange(edge: SocketAddr, script: &Script) -> std::io::Result<(Vec<u8>, bool)> {
    let stream = TcpStream::connect(edge).await?;
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.into_split();
    let mut answer = Vec::new();
    let begun = Notify::new();
    let sending = async {
        for piece in script.bytes.chunks(script.piece) {
            if writer.write_all(piece).await.is_err() {
                break;
            }
            // So that pieces leave one by one.
            tokio::task::yield_now().await;
        }
        match script.expect {
            Expect::All => std::future::pending().await,
            Expect::Some { good_first: true } => begun.notified().await,
            Expect::Some { good_first: false } | Expect::Frames => (),
        }
        if !script.hangs_up {
            tokio::time::sleep(PATIENCE).await;
        }
        // It may be gone already.
        writer.shutdown().await.unwrap_or_default();
        std::future::pending::<()>().await;
    };
    let reading = async {
        while reader.read_buf(&mut answer).await? > 0 {
            begun.notify_one();
        }
        Ok::<_, std::io::Error>(())
    };
    let outcome = tokio::select! {
        read = reading => read,
        () = sending => unreachable!("it waits at its end"),
    };
    Ok((answer, outcome.is_ok()))
}

/// Whether the answers are what may come.
fn judge(script: &Script, answer: &[u8], is_whole: bool) -> Result<Vec<u16>, String> {
    if script.expect == Expect::Frames && answers::are_frames(answer) {
        return Ok(Vec::new());
    }
    let statuses = answers::check(answer, &script.bytes, is_whole)?;
    match script.expect {
        Expect::All if statuses.len() != script.requests => {
            Err(format!("{} answers to {} requests: {statuses:?}", statuses.len(), script.requests))
        }
        Expect::Some { good_first: true } if is_whole && statuses.first() != Some(&302) => {
            Err(format!("a good click got no redirect: {statuses:?}"))
        }
        _ => Ok(statuses),
    }
}

fn good_click(world: &World, is_proxied: bool) -> Script {
    let mut bytes = if is_proxied { proxy::HEADER.to_vec() } else { Vec::new() };
    bytes.extend(format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", world.code).bytes());
    Script { bytes, piece: usize::MAX, requests: 1, expect: Expect::All, hangs_up: false }
}

/// Sends scripts until enough requests were sent.
async fn attack(
    edge: SocketAddr,
    world: Arc<World>,
    seed: u64,
    left: Arc<AtomicUsize>,
    is_proxied: bool,
) -> Vec<u16> {
    let mut random = Random::new(seed);
    let mut statuses = Vec::new();
    let good = good_click(&world, is_proxied);
    while left.load(Ordering::Relaxed) > 0 {
        let mut script = requests::script(&mut random, &world);
        if is_proxied {
            proxy::begin(&mut script, &mut random);
        }
        let taken = |left: usize| Some(left.saturating_sub(script.requests));
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).expect("it always gives a number");
        let outcome = tokio::time::timeout(DEADLINE, exchange(edge, &script)).await;
        let what = || format!("{:?}, sent b\"{}\"", script.expect, script.bytes.escape_ascii());
        let (answer, is_whole) = outcome
            .unwrap_or_else(|_| panic!("no end of the connection: {}", what()))
            .unwrap_or_else(|error| panic!("{error}: {}", what()));
        match judge(&script, &answer, is_whole) {
            Ok(found) => statuses.extend(found),
            Err(fault) => panic!("{fault}: {}, got b\"{}\"", what(), answer.escape_ascii()),
        }
        if random.below(10) == 0 {
            let (answer, is_whole) = exchange(edge, &good).await.expect("the edge takes connections");
            assert_eq!(judge(&good, &answer, is_whole), Ok(vec![302]), "after {}", what());
        }
    }
    statuses
}

/// Attacks over many connections at once; gives the statuses of all answers.
async fn attack_all(edge: SocketAddr, world: &Arc<World>, requests: usize, is_proxied: bool) -> Vec<u16> {
    let seed = chosen("HOPLINE_SEED", SEED);
    let left = Arc::new(AtomicUsize::new(chosen("HOPLINE_REQUESTS", requests)));
    let attack = |number| attack(edge, world.clone(), seed + number * 1_000_003, left.clone(), is_proxied);
    let attackers: Vec<_> = (0..CONNECTIONS).map(|number| tokio::spawn(attack(number))).collect();
    // All of them, before a failure of one ends the server.
    let mut outcomes = Vec::new();
    for attacker in attackers {
        outcomes.push(attacker.await);
    }
    let outcomes: Result<Vec<_>, _> = outcomes.into_iter().collect();
    outcomes.unwrap_or_else(|error| panic!("seed {seed}: {error}")).concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_requests_break_nothing_and_lead_nowhere_else() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    Hopline::init(&data_dir, &Setup::default()).unwrap();
    let key = Hopline::key(&data_dir, &Setup::default(), &["--role", "operator"], "ops").unwrap();
    let server = Hopline::serve(&data_dir, &Setup::default()).unwrap();
    let world = Arc::new(world(&server, &server.api().with_key(&key)).await);
    let edge: SocketAddr = server.edge.strip_prefix("http://").unwrap().parse().unwrap();

    let statuses = attack_all(edge, &world, REQUESTS, false).await;
    // Were everything refused at the door, little would have been tried.
    for status in [200, 202, 302, 400, 403, 404, 405, 422, 431, 503] {
        assert!(statuses.contains(&status), "no answer was {status}");
    }

    assert_eq!(server.edge().click(&format!("/{}", world.code)).await.status, 302);
    end(server, &data_dir);
}

// S-25
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_more_behind_proxy_headers_and_with_http2_break_nothing_either() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    Hopline::init(&data_dir, &Setup::default()).unwrap();
    let key = Hopline::key(&data_dir, &Setup::default(), &["--role", "operator"], "ops").unwrap();
    // Who sets it up speaks no PROXY protocol.
    let mut server = Hopline::serve(&data_dir, &Setup::default()).unwrap();
    let world = Arc::new(world(&server, &server.api().with_key(&key)).await);
    assert!(server.terminate().unwrap(), "the server ends in order");
    let setup = Setup::default()
        .with("HOPLINE_EDGE_HTTP2", "true")
        .with("HOPLINE_EDGE_PROXY_PROTOCOL", "true")
        .with("HOPLINE_EDGE_TRUSTED_PROXIES", "127.0.0.0/8");
    let server = Hopline::serve(&data_dir, &setup).unwrap();
    let edge: SocketAddr = server.edge.strip_prefix("http://").unwrap().parse().unwrap();

    let statuses = attack_all(edge, &world, PROXIED_REQUESTS, true).await;
    for status in [200, 302, 400, 404, 405] {
        assert!(statuses.contains(&status), "no answer was {status}");
    }

    let good = good_click(&world, true);
    let (answer, is_whole) = exchange(edge, &good).await.unwrap();
    assert_eq!(judge(&good, &answer, is_whole), Ok(vec![302]));
    end(server, &data_dir);
}

/// Ends a server in order; nothing panicked and everything that was answered is stored.
fn end(mut server: Hopline, data_dir: &Path) {
    assert!(server.terminate().expect("the server can be ended"), "the server ends in order");
    let log = std::fs::read_to_string(data_dir.join("server.log")).expect("the server has a log");
    assert!(!log.contains("panick"), "{log}");
    audit(data_dir);
}

fn audit(data_dir: &Path) {
    let audit = command(data_dir, &["audit"]).output().expect("the binary runs");
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stdout));
}

#[test]
fn broken_answers_are_told_from_good_ones() {
    let found = "HTTP/1.1 302 Found\r\nlocation: ";
    let good = format!("{found}https://shop.example/?c=1\r\nset-cookie: hl_vid=x\r\n\r\n");
    let gif = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nGIF";
    assert_eq!(answers::check(format!("{gif}{good}{gif}").as_bytes(), b"", true), Ok(vec![200, 302, 200]));
    for bad in [
        format!("{found}\r\n\r\n"),
        format!("{found}/relative\r\n\r\n"),
        format!("{found}https://evil.example/\r\n\r\n"),
        format!("{found}http://shop.example/\r\n\r\n"),
        format!("{found}https://a@shop.example/\r\n\r\n"),
        format!("{found}https://shop.example/ b\r\n\r\n"),
        format!("{found}https://shop.example/\nX-Injected: 1\r\n\r\n"),
        format!("{found}https://shop.example/\r\nX-Injected: 1\r\n\r\n"),
        format!("{found}https://shop.example/\r\nSet-Cookie: other=1\r\n\r\n"),
        format!("{found}https://shop.example/\r\nLocation: https://shop.example/\r\n\r\n"),
        "HTTP/1.1 302 Found\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\nlocation: https://shop.example/\r\n\r\n".into(),
        "HTTP/1.1 500 Internal Server Error\r\n\r\n".into(),
        "HTTP/1.1 503 Service Unavailable\r\n\r\n".into(),
        "HTTP/2.0 200 OK\r\n\r\n".into(),
        "<html>\r\n\r\n".into(),
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nGIF".into(),
    ] {
        assert!(answers::check(bad.as_bytes(), b"", true).is_err(), "{bad:?}");
    }
    assert_eq!(
        answers::check(b"HTTP/1.1 503 Service Unavailable\r\n\r\n", b"Sec-Purpose: Prefetch", true),
        Ok(vec![503])
    );
    assert!(answers::are_frames(b"\0\0\0\x04\0\0\0\0\0") && !answers::are_frames(b"HTTP/1.1 200 OK\r\n\r\n"));
}
