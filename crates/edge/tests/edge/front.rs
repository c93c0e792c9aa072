//! What stands before the first request: PROXY headers, TLS, the choice of HTTP's version.

mod endings;
mod harness;

use std::io::Read as _;

use hopline_listen::tls::{Checked, Protocols};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::Verdict;

use crate::lane::{essence, without_chance};
use crate::support::*;
use harness::*;

const AGENT: (&str, &str) = ("User-Agent", BROWSER);

#[test]
fn every_front_gives_equal_answers_and_records() {
    type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);
    let cases: [Case; 9] = [
        ("GET", "/abc1234?sub1=a+b&sub2=%C3%A9", &[AGENT, ("Referer", "https://blog.example/")]),
        ("GET", "/abc1234", &[AGENT, ("Cookie", "a=b; hl_vid=BwcHBwcHBwcHBwcHBwcHBw")]),
        ("GET", "/abc1234", &[AGENT, ("Sec-Purpose", "prefetch")]),
        ("HEAD", "/abc1234", &[AGENT]),
        ("GET", "/c?offer=1&aff=9", &[AGENT]),
        ("GET", "/paused1", &[AGENT]),
        ("GET", "/i/abc1234", &[AGENT]),
        ("GET", "/nothing", &[]),
        ("PUT", "/abc1234", &[]),
    ];
    type Send = Box<dyn FnMut(&str, &str, &[(&str, &str)]) -> Answer>;
    let own = header_from("127.0.0.1:4711");
    let fronts =
        ["clear", "proxied", "tls", "proxied tls", "http2", "proxied http2", "tls http2"].map(|front| {
            let mut flags = vec![("edge.threads", "1")];
            let mut sent = Vec::new();
            if front.contains("proxied") {
                flags.extend(PROXIED);
                sent.clone_from(&own);
            }
            let edge = if front.contains("tls") { with_tls(&flags) } else { Edge::with(&flags, |_| ()) };
            let stream = connection(&edge, &sent);
            let mut send: Send = match (front.contains("tls"), front.contains("http2")) {
                (false, false) => {
                    let mut client = Client::from(stream);
                    Box::new(move |method, path, headers| client.send(method, path, headers, ""))
                }
                (true, false) => {
                    let mut client = tls_client(stream);
                    Box::new(move |method, path, headers| client.send(method, path, headers, ""))
                }
                (is_tls, true) => {
                    let mut client = if is_tls { Http2::tls(stream) } else { Http2::clear(stream) };
                    Box::new(move |method, path, headers| client.send(method, path, headers, "").unwrap())
                }
            };
            let answers: Vec<_> = cases
                .iter()
                .map(|(method, path, headers)| {
                    let (status, mut fields, body) = essence(&send(method, path, headers));
                    // Whether no body is said to have no bytes is each version's own habit.
                    fields.retain(|(name, value)| (name.as_str(), value.as_str()) != ("content-length", "0"));
                    (path.to_owned(), status, fields, body)
                })
                .collect();
            drop(send);
            let stopped = edge.stop();
            let records: Vec<_> = stopped.clicks().into_iter().map(without_chance).collect();
            (front, answers, records)
        });
    let [clear, others @ ..] = &fronts;
    assert_eq!(clear.1[0].1, 302);
    for (front, answers, records) in others {
        for (here, there) in answers.iter().zip(&clear.1) {
            assert_eq!(here, there, "{front}");
        }
        assert_eq!(records, &clear.2, "{front}");
    }
}

// C-06, S-25: the address that a proxy tells takes the connection's place, and only where it tells one.
#[test]
fn s_25_the_visitor_is_whom_the_proxy_names() {
    let edge = Edge::with(&[PROXIED[0], PROXIED[1], ("edge.threads", "1")], |_| ());
    let forwarded = |address| [AGENT, ("X-Forwarded-For", address)];
    let visit = |header: Vec<u8>, headers: &[(&str, &str)]| {
        let answer = Client::from(connection(&edge, &header)).send("GET", "/abc1234", headers, "");
        edge.verify(answer.parameter("c")).verdict
    };
    let table = [
        ("a visitor", header_from("198.51.100.7:1"), vec![AGENT], Verdict::UNIQUE),
        ("again, from another port", header_from("198.51.100.7:2"), vec![AGENT], Verdict::DUPLICATE),
        ("over IPv6", header_from("[2001:db8::7]:1"), vec![AGENT], Verdict::UNIQUE),
        ("again", header_from("[2001:db8::7]:1"), vec![AGENT], Verdict::DUPLICATE),
        (
            "claims to be somebody else",
            header_from("198.51.100.7:1"),
            forwarded("192.0.2.1").into(),
            Verdict::DUPLICATE,
        ),
        (
            "a proxy behind the proxy",
            header_from("10.1.1.1:1"),
            forwarded("192.0.2.2").into(),
            Verdict::UNIQUE,
        ),
        ("who is that visitor", header_from("192.0.2.2:1"), vec![AGENT], Verdict::DUPLICATE),
        ("the balancer itself", local_header(), vec![AGENT], Verdict::UNIQUE),
        (
            "whom nobody may forward through",
            local_header(),
            forwarded("192.0.2.3").into(),
            Verdict::DUPLICATE,
        ),
        ("unspecified", header(0x21, 0, b""), forwarded("192.0.2.4").into(), Verdict::DUPLICATE),
    ];
    for (who, header, headers, expected) in table {
        assert_eq!(visit(header, &headers), expected, "{who}");
    }
}

#[test]
fn a_proxy_header_may_come_in_pieces_and_with_the_first_request() {
    let edge = Edge::with(&PROXIED, |_| ());
    let header = header_from("198.51.100.7:1");
    for cut in [1, 12, 16, header.len() - 1] {
        let mut client = Client::from(connection(&edge, &header[..cut]));
        client.raw(&header[cut..]);
        assert_eq!(client.send("GET", "/abc1234", &[AGENT], "").status, 302, "{cut}");
    }
    let whole = [&header[..], b"GET /abc1234 HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HT"].concat();
    let mut client = Client::from(connection(&edge, &whole));
    assert_eq!(client.answer(false).unwrap().status, 302);
    client.raw(b"TP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(client.answer(false).unwrap().status, 404);
}

#[test]
fn a_connection_without_its_header_or_handshake_is_closed_and_counted() {
    let mut flags = PROXIED.to_vec();
    flags.push(("edge.threads", "1"));
    let edge = with_tls(&flags);
    let good = header_from("198.51.100.7:1");
    let mut cut = good.clone();
    cut.truncate(20);
    let wrong: [&[u8]; 6] = [
        b"GET /abc1234 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PROXY TCP4 198.51.100.7 127.0.0.1 1 80\r\n",
        &header(0x31, 0x11, &[0; 12]),
        &header(0x21, 0x11, &[0; 11]),
        &cut,
        &[&good[..], b"GET /abc1234 HTTP/1.1\r\nHost: x\r\n\r\n"].concat(),
    ];
    for bytes in wrong {
        let mut stream = connection(&edge, bytes);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        // What came unread makes the end a reset.
        stream.read_to_end(&mut answer).unwrap_or_default();
        assert!(!answer.starts_with(b"HTTP"), "{bytes:?}");
    }
    // A balancer that looks whether the port is open.
    drop(connection(&edge, b""));
    assert_eq!(tls_client(connection(&edge, &good)).send("GET", "/abc1234", &[AGENT], "").status, 302);
    assert_eq!(edge.stop().count(EdgeOutcome::Malformed), 6);
}

#[test]
fn s_25_a_header_from_somebody_else_is_a_malformed_request() {
    let flags = [("edge.trusted_proxies", "10.0.0.0/8"), ("edge.proxy_protocol", "true")];
    let edge = Edge::with(&flags, |_| ());
    let mut client = Client::from(connection(&edge, &header_from("198.51.100.7:1")));
    client.write("GET", "/abc1234", &[AGENT], "");
    assert!(client.answer(false).is_none_or(|answer| answer.status == 400));
    assert_eq!(edge.visit("/abc1234").status, 302, "who sends none is served");
    assert_eq!(edge.stop().count(EdgeOutcome::Malformed), 1);
}

#[test]
fn a_certificate_is_replaced_while_connections_are_served() {
    let folder = Folder::with("first");
    let reloader = folder.open(Protocols::Http2AndHttp1);
    let edge = Edge::with(&[], |options| options.tls = Some(std::sync::Arc::clone(&reloader)));
    let mut old = tls_client(connection(&edge, b""));
    assert_eq!(old.send("GET", "/abc1234", &[AGENT], "").status, 302);
    folder.install("second");
    assert_eq!(reloader.check().unwrap(), Checked::Reloaded);
    let mut new = tls_client(connection(&edge, b""));
    assert_eq!(new.send("GET", "/abc1234", &[AGENT], "").status, 302);
    assert_eq!(old.send("GET", "/abc1234", &[AGENT], "").status, 302, "the open one lives on");
    assert_eq!((shown(&old), shown(&new)), ("first", "second"));
}

#[test]
fn the_preface_of_http_2_is_recognised_in_any_pieces_but_only_at_the_beginning() {
    let edge = Edge::with(&[("edge.threads", "1")], |_| ());
    for cut in [1, 3, 14, 15, 18, 23, 24, 30] {
        let mut stream = connection(&edge, &HTTP2_BEGINS[..cut]);
        std::io::Write::write_all(&mut stream, &HTTP2_BEGINS[cut..]).unwrap();
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).unwrap();
        assert_eq!(frame[3], 4, "settings, after {cut} bytes");
    }
    let mut client = edge.client();
    assert_eq!(client.send("GET", "/abc1234", &[AGENT], "").status, 302);
    client.raw(HTTP2_BEGINS);
    assert!(client.answer(false).is_none_or(|answer| answer.status >= 400));
    // Something else than the rest of the preface.
    let mut stream =
        connection(&edge, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n");
    stream.read_to_end(&mut Vec::new()).unwrap_or_default();
    assert_eq!(edge.stop().count(EdgeOutcome::Malformed), 2);
}

#[test]
fn where_http_2_is_off_its_preface_is_malformed_and_tls_agrees_on_http_1() {
    let flags = [("edge.http2", "false"), ("edge.threads", "1")];
    let edge = Edge::with(&flags, |_| ());
    let mut client = Client::from(connection(&edge, HTTP2_BEGINS));
    assert!(client.answer(false).is_none_or(|answer| answer.status >= 400));
    assert_eq!(edge.stop().count(EdgeOutcome::Malformed), 1);
    let folder = Folder::with("first");
    let edge = Edge::with(&flags, |options| options.tls = Some(folder.open(Protocols::Http1)));
    let mut client = tls_client(connection(&edge, b""));
    assert_eq!(client.send("GET", "/abc1234", &[AGENT], "").status, 302);
}

#[test]
fn a_conversion_over_http_2_is_taken_with_its_body() {
    let edge = Edge::start();
    let id = edge.visit("/abc1234").parameter("c").to_owned();
    let mut client = Http2::clear(connection(&edge, b""));
    let body = format!("click_id={id}&order_id=1&amount=1.00&token={TOKEN}");
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    assert_eq!(client.send("POST", "/postback", &form, &body).unwrap().status, 202);
    let too_long = format!("{body}&sub1={}", "x".repeat(70_000));
    assert_eq!(client.send("POST", "/postback", &form, &too_long).unwrap().status, 413);
    assert_eq!(
        client.send("POST", "/postback", &form, &body).unwrap().status,
        202,
        "the connection lives on"
    );
    drop(client);
    assert_eq!(edge.stop().conversions().len(), 1);
}

// S-23
#[test]
fn s_23_fields_beyond_16_kib_are_refused_over_http_2_too() {
    let edge = Edge::start();
    let mut client = Http2::clear(connection(&edge, b""));
    let long = "x".repeat(17 * 1024);
    let refused = client.send("GET", "/abc1234", &[AGENT, ("X-Long", &long)], "");
    assert!(refused.is_none_or(|answer| answer.status == 431));
    assert_eq!(client.send("GET", "/abc1234", &[AGENT], "").unwrap().status, 302, "others are served");
}
