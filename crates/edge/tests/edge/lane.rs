//! Plain requests and others give the same answers, in order, on one connection.

use std::io::ErrorKind;
use std::sync::Arc;

use hopline_record::{Click, Flags};
use hopline_runtime::telemetry::{EdgeOutcome, Label};
use hopline_spool::testing::{Effect, FaultStorage, Operation};

use crate::support::*;

/// A request that is not plain by a field that changes nothing.
pub(crate) const ELSEWHERE: (&str, &str) = ("Content-Length", "0");

fn request(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: edge.example\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text
}

/// What must be equal: everything but the click id, the visitor and the order of fields.
pub(crate) fn essence(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .map(|(name, value)| {
            let value = match name.as_str() {
                "location" => value
                    .split_inclusive(['?', '&'])
                    .map(|piece| {
                        if piece.starts_with("c=") || piece.starts_with("hl_click=") { "id&" } else { piece }
                    })
                    .collect(),
                "set-cookie" => value.split_once(';').map_or(value.as_str(), |(_, rest)| rest).to_owned(),
                "date" => format!("{} bytes", value.len()),
                _ => value.clone(),
            };
            (name.clone(), value)
        })
        .collect();
    headers.sort();
    (answer.status, headers, answer.body.clone())
}

#[test]
fn both_ways_give_equal_answers_and_records() {
    let browser = ("User-Agent", BROWSER);
    let cases: [(&str, &[(&str, &str)]); 16] = [
        ("/abc1234?sub1=a+b&sub2=%C3%A9", &[browser, ("Referer", "https://blog.example/"), ("Sec-GPC", "1")]),
        ("/abc1234", &[browser, ("Cookie", "a=b; hl_vid=BwcHBwcHBwcHBwcHBwcHBw")]),
        ("/abc1234", &[("USER-AGENT", "curl/8.5.0"), ("accept-language", "de")]),
        ("/abc1234", &[]),
        ("/abc1234", &[browser, ("Sec-Purpose", "prefetch")]),
        ("/abc1234", &[browser, ("Sec-Fetch-Dest", "image")]),
        ("/abc1234?url=https%3A%2F%2Fshop.example%2Fitem", &[browser]),
        ("/passing?gclid=a%20b&x='y'&z", &[browser]),
        ("/c?offer=1&aff=9", &[browser]),
        ("/paused1", &[browser]),
        ("/expired", &[browser]),
        ("/i/abc1234?sub1=x", &[browser, ("Sec-Fetch-Dest", "image")]),
        ("/i/unknown", &[browser]),
        ("/nothing", &[browser]),
        ("/robots.txt", &[browser]),
        ("/a/b?c", &[browser]),
    ];
    same_both_ways(&cases, || Edge::with(&[("edge.threads", "1")], |_| ()));
}

#[test]
fn both_ways_apply_the_same_traffic_rules() {
    use crate::rules::{FIREFOX, LONDON, SWEDEN, edge};
    use hopline_catalogue::data::*;
    use hopline_types::*;

    let start = || {
        edge(|data| {
            let rules = &mut data.offers[0].rules;
            rules.targeting.countries = Matching::Only(vec!["GB".into()]);
            rules.targeting.languages = Matching::Not(vec!["fr".into()]);
            rules.fallback_offer_id = Some(OfferId::new(2).unwrap());
            rules.cookies = CookieMode::Consent;
            let standing = Standing::Active;
            let url = "https://page.example/?c={click_id}&country={country}".to_owned();
            let id = LandingPageId::new(21).unwrap();
            rules.landing_pages = vec![LandingPageEntry { id, url, weight: 3, standing }];
            let rules = &mut data.offers[1].rules;
            rules.targeting.devices = Matching::Not(vec!["desktop".into()]);
            let (id, scope, metric) = (CapId::new(1).unwrap(), CapScope::Offer, CapMetric::Clicks);
            let (period, zone) = (CapPeriod::Day, "UTC".into());
            rules.caps = vec![CapEntry { id, scope, metric, period, zone, amount: 1 }];
            data.fallback_url = Some("https://network.example/?o={offer_id}&s={sub1}".into());
            data.domains = vec![DomainEntry {
                id: DomainId::new(1).unwrap(),
                host: "edge.example".into(),
                affiliate_id: Some(AffiliateId::new(9).unwrap()),
                advertiser_id: None,
                default_url: Some("https://default.example/".into()),
            }];
        })
    };
    let browser = ("User-Agent", BROWSER);
    let (london, sweden) = (("X-Forwarded-For", LONDON), ("X-Forwarded-For", SWEDEN));
    let known = ("Cookie", "hl_vid=BwcHBwcHBwcHBwcHBwcHBw");
    let cases: [(&str, &[(&str, &str)]); 13] = [
        ("/abc1234?lp=21&gdpr=0", &[browser, london, known]),
        ("/abc1234?gdpr=0", &[browser, london, known]),
        ("/abc1234?gdpr=1&gpp=DBAB~C", &[browser, london, known]),
        ("/abc1234?lp=22", &[browser, london, ("Accept-Language", "fr")]),
        ("/abc1234?sub1=a", &[browser, sweden, known]),
        ("/abc1234?sub1=b", &[browser, sweden, ("Accept-Language", "de")]),
        ("/abc1234", &[("User-Agent", FIREFOX), sweden]),
        ("/abc1234", &[("User-Agent", "curl/8.5.0"), sweden]),
        ("/abc1234", &[browser, sweden, ("Sec-Purpose", "prefetch")]),
        ("/abc1234", &[browser, sweden, ("Sec-Fetch-Dest", "iframe")]),
        ("/i/abc1234", &[browser, sweden]),
        ("/", &[browser]),
        ("/nothing", &[browser]),
    ];
    same_both_ways(&cases, start);
}

fn same_both_ways(cases: &[(&str, &[(&str, &str)])], start: impl Fn() -> Edge) {
    let ways = [None, Some(ELSEWHERE)].map(|elsewhere| {
        let edge = start();
        let mut answers = Vec::new();
        for method in ["GET", "HEAD"] {
            for connection in ["keep-alive", "close"] {
                for (path, headers) in cases {
                    let mut headers = headers.to_vec();
                    headers.push(("Connection", connection));
                    headers.extend(elsewhere);
                    let mut client = edge.client();
                    client.raw(request(method, path, &headers).as_bytes());
                    let answer = client.answer(method == "HEAD").unwrap();
                    answers.push((format!("{method} {path} {connection}"), essence(&answer)));
                }
            }
        }
        let stopped = edge.stop();
        let records: Vec<_> = stopped.clicks().into_iter().map(without_chance).collect();
        let counts: Vec<_> = EdgeOutcome::ALL.iter().map(|outcome| stopped.count(*outcome)).collect();
        (answers, records, counts)
    });
    let [lane, elsewhere] = ways;
    for (here, there) in lane.0.iter().zip(&elsewhere.0) {
        assert_eq!(here, there);
    }
    assert_eq!(lane, elsewhere);
}

/// The signature's and a new visitor's bytes are chance.
pub(crate) fn without_chance(click: &Click) -> Click {
    let mut click = Click { token: [0; 45], ..click.clone() };
    if click.flags.has(Flags::NO_COOKIE) {
        assert_ne!(click.pseudonym, 0);
        click.visitor_key = 0;
    }
    click
}

// D-16
#[test]
fn of_requests_sent_together_exactly_those_whose_record_is_lost_are_refused() {
    let storage = FaultStorage::new();
    let disk = storage.clone();
    let edge = Edge::with(&[("edge.threads", "1")], |options| options.storage = Arc::new(disk));
    let browser = [("User-Agent", BROWSER)];
    let paths = ["/abc1234", "/nothing", "/passing", "/robots.txt", "/i/abc1234"];
    let together: String = paths.iter().map(|path| request("GET", path, &browser)).collect();
    let mut client = edge.client();
    let mut statuses = || {
        client.raw(together.as_bytes());
        paths.map(|_| client.answer(false).unwrap().status)
    };
    storage.inject(Operation::Write, 0, Effect::Fail(ErrorKind::StorageFull));
    assert_eq!(statuses(), [503, 404, 503, 200, 503]);
    assert_eq!(statuses(), [302, 404, 302, 200, 200]);
    let counts = [EdgeOutcome::Unavailable, EdgeOutcome::Redirect, EdgeOutcome::NotFound];
    let stopped = edge.metrics.clone();
    edge.shutdown.begin();
    let mut edge = edge;
    edge.handle.take().unwrap().wait().unwrap();
    assert_eq!(counts.map(|outcome| stopped.edge.requests(outcome)), [3, 2, 2]);
}

#[test]
fn a_head_that_comes_byte_by_byte_is_answered_like_any_other() {
    let edge = Edge::start();
    let mut client = edge.client();
    for number in 0..2 {
        for byte in request("GET", &format!("/abc1234?sub1={number}"), &[("User-Agent", BROWSER)]).as_bytes()
        {
            client.raw(&[*byte]);
        }
        assert_eq!(client.answer(false).unwrap().parameter("s"), number.to_string());
    }
    // One and a half, then the rest.
    let text = request("GET", "/abc1234?sub1=x", &[("User-Agent", BROWSER)]);
    let (first, second) = text.split_at(60);
    client.raw(format!("{text}{first}").as_bytes());
    assert_eq!(client.answer(false).unwrap().parameter("s"), "x");
    client.raw(second.as_bytes());
    assert_eq!(client.answer(false).unwrap().parameter("s"), "x");
}

// S-23
#[test]
fn s_23_a_head_beyond_16_kib_is_refused_and_the_answers_before_it_arrive() {
    let edge = Edge::start();
    let browser = [("User-Agent", BROWSER)];
    let mut client = edge.client();
    client.raw(request("GET", "/abc1234", &browser).as_bytes());
    client.raw(request("GET", "/abc1234", &[("X-Long", &"x".repeat(17 * 1024))]).as_bytes());
    assert_eq!(client.answer(false).unwrap().status, 302);
    assert!(client.answer(false).is_none_or(|answer| answer.status == 431));
    assert!(client.answer(false).is_none());
    // The longest that is taken, in the query; what is over the limit of a text is cut.
    let long = "x".repeat(15 * 1024);
    assert_eq!(edge.get(&format!("/abc1234?sub1={long}"), &browser).parameter("s").len(), 256);
}

#[test]
fn answers_keep_their_order_when_a_connection_leaves_the_lane() {
    let edge = Edge::start();
    let browser = [("User-Agent", BROWSER)];
    let id = edge.visit("/abc1234").parameter("c").to_owned();
    let body = format!("click_id={id}&order_id=1&amount=1.00&token={TOKEN}");
    let form = "Content-Type: application/x-www-form-urlencoded";
    let click = |number: u32| request("GET", &format!("/abc1234?sub1={number}"), &browser);
    let postback = format!(
        "POST /postback HTTP/1.1\r\nHost: x\r\n{form}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    for cut in [0, 1, 150, 300, 500] {
        let mut client = edge.client();
        let all = format!("{}{}{postback}{}{}", click(1), click(2), click(3), click(4));
        let (first, second) = all.split_at(cut);
        client.raw(first.as_bytes());
        client.raw(second.as_bytes());
        for number in [1, 2] {
            assert_eq!(client.answer(false).unwrap().parameter("s"), number.to_string());
        }
        assert_eq!(client.answer(false).unwrap().status, 202);
        for number in [3, 4] {
            assert_eq!(client.answer(false).unwrap().parameter("s"), number.to_string());
        }
    }
}

#[test]
fn who_asks_for_the_end_gets_it_and_nothing_behind_it_is_answered() {
    let edge = Edge::start();
    let browser = ("User-Agent", BROWSER);
    let mut client = edge.client();
    client.raw(request("GET", "/abc1234", &[browser]).as_bytes());
    client.raw(request("GET", "/abc1234", &[browser, ("Connection", "close")]).as_bytes());
    let stays = client.answer(false).unwrap();
    assert_eq!((stays.status, stays.header("connection")), (302, None));
    let goes = client.answer(false).unwrap();
    assert_eq!((goes.status, goes.header("connection")), (302, Some("close")));
    assert!(client.answer(false).is_none());
    let mut both = edge.client();
    let text = request("HEAD", "/i/abc1234", &[browser, ("Connection", "close")]);
    both.raw(format!("{text}{text}").as_bytes());
    assert_eq!(both.answer(true).unwrap().status, 200);
    assert!(both.answer(true).is_none());
    assert_eq!(edge.stop().clicks().len(), 2);
}

#[test]
fn a_head_without_body_is_followed_by_the_next_answer() {
    let edge = Edge::start();
    let browser = [("User-Agent", BROWSER)];
    let mut client = edge.client();
    for path in ["/abc1234", "/i/abc1234", "/nothing", "/robots.txt"] {
        client.raw(request("HEAD", path, &browser).as_bytes());
        let head = client.answer(true).unwrap();
        let get = client.send("GET", path, &browser, "");
        assert_eq!(head.status, get.status);
        assert!(
            head.header("content-length").is_none_or(|length| Some(length) == get.header("content-length"))
        );
    }
}

#[test]
fn more_answers_than_a_pass_may_hold_come_all_the_same() {
    let edge = Edge::with(&[("edge.threads", "1")], |_| ());
    let mut client = edge.client();
    let one = "GET /abc1234 HTTP/1.1\r\nHost:x\r\n\r\n";
    // As many as fit into a read buffer make more than 64 KiB of answers.
    let count = 16 * 1024 / one.len();
    for _ in 0..4 {
        client.raw(one.repeat(count).as_bytes());
        for number in 0..count {
            assert_eq!(client.answer(false).map(|answer| answer.status), Some(302), "{number}");
        }
    }
    drop(client);
    assert_eq!(edge.stop().clicks().len(), 4 * count);
}

// C-06: under which keys a visitor is known later.
#[test]
fn c_06_a_record_holds_the_new_visitor_and_the_pseudonym_it_was_counted_by() {
    let edge = Edge::with(&[("edge.threads", "1")], |_| ());
    let browser = ("User-Agent", BROWSER);
    let first = edge.visit("/abc1234");
    let cookie = first.cookie().unwrap().to_owned();
    edge.get("/abc1234", &[browser, ("Cookie", &cookie)]);
    edge.get("/abc1234", &[browser, ("Sec-Fetch-Dest", "image")]);
    edge.get("/i/abc1234", &[browser]);
    let stopped = edge.stop();
    let [new, known, bare] = stopped.clicks()[..] else { panic!("three clicks") };
    assert_ne!((new.pseudonym, new.visitor_key), (0, 0));
    assert_ne!(new.visitor_key, new.pseudonym, "a cookie was set");
    assert_eq!((known.visitor_key, known.pseudonym), (new.visitor_key, 0));
    assert_eq!((bare.visitor_key, bare.pseudonym), (new.pseudonym, new.pseudonym), "none was set");
    let Some(hopline_record::Record::Impression(view)) = stopped.records.last() else { panic!("a view") };
    assert_eq!((view.visitor_key, view.pseudonym), (new.pseudonym, new.pseudonym));
}
