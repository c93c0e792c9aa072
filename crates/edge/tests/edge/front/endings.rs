//! How connections end: at the drain, by being slow, by not reading (S-23).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use crate::support::*;

use super::AGENT;
use super::harness::*;

/// `:method` GET, `:scheme` http, `:authority` x, `:path` /nothing (RFC 7541).
const GET_NOTHING: &[u8] = b"\x82\x86\x01\x01x\x04\x08/nothing";

/// Waits until the connection ends; what comes before does not matter.
fn until_end(mut stream: TcpStream) {
    stream.read_to_end(&mut Vec::new()).unwrap_or_default();
}

#[test]
fn the_drain_waits_neither_for_idle_connections_nor_for_those_before_their_first_request() {
    let edge = with_tls(&PROXIED);
    let good = header_from("198.51.100.7:1");
    let before_header = connection(&edge, b"");
    let within_header = connection(&edge, &good[..20]);
    let before_handshake = connection(&edge, &good);
    let mut idle = tls_client(connection(&edge, &good));
    assert_eq!(idle.send("GET", "/abc1234", &[AGENT], "").status, 302);
    let mut idle_http2 = Http2::tls(connection(&edge, &good));
    assert_eq!(idle_http2.send("GET", "/abc1234", &[AGENT], "").unwrap().status, 302);
    let begun = Instant::now();
    assert_eq!(edge.stop().clicks().len(), 2);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(idle.answer(false).is_none());
    for stream in [before_header, within_header, before_handshake] {
        until_end(stream);
    }
}

#[test]
fn the_drain_does_not_wait_for_the_leave_of_a_silent_client_of_http_2() {
    let edge = Edge::start();
    let silent = connection(&edge, HTTP2_BEGINS);
    let begun = Instant::now();
    edge.stop();
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    until_end(silent);
}

// D-17
#[test]
fn d_17_requests_of_http_2_sent_before_the_end_are_answered_and_recorded() {
    let edge = Edge::start();
    let mut client = Http2::clear(connection(&edge, b""));
    assert_eq!(client.send("GET", "/nothing", &[], "").unwrap().status, 404);
    let answers: Vec<_> = (0..40).map(|_| client.begin("GET", "/abc1234", &[AGENT], "")).collect();
    let first = answers.into_iter().map(|answer| client.wait(answer).unwrap()).collect::<Vec<_>>();
    edge.shutdown.begin();
    assert!(first.iter().all(|answer| answer.status == 302 && answer.header("connection").is_none()));
    let mut answered = first.len();
    // Until the client has heard of it; whatever is answered is recorded.
    while let Some(answer) = client.send("GET", "/abc1234", &[AGENT], "") {
        assert_eq!((answer.status, answer.header("connection")), (302, None));
        answered += 1;
    }
    assert_eq!(edge.stop().clicks().len(), answered);
}

// S-23. The limit is the wall clock's: this test takes as long as it.
#[test]
fn s_23_who_is_slow_or_silent_is_cut_on_every_front() {
    let clear = Edge::start();
    let proxied = Edge::with(&PROXIED, |_| ());
    let tls = with_tls(&[]);
    let begun = Instant::now();
    let mut within_head = tls_client(connection(&tls, b""));
    within_head.raw(b"GET /abc1234 HT");
    let mut after_answer = tls_client(connection(&tls, b""));
    assert_eq!(after_answer.send("GET", "/abc1234", &[AGENT], "").status, 302);
    // It reads and answers pings, and asks for nothing.
    let mut idle_http2 = Http2::tls(connection(&tls, b""));
    assert_eq!(idle_http2.send("GET", "/abc1234", &[AGENT], "").unwrap().status, 302);
    // The beginning of a head's frames, never continued.
    let unfinished = [HTTP2_BEGINS, &[0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82]].concat();
    // It takes no byte of the answer's body.
    let settings = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    let unanswerable = [&HTTP2_BEGINS[..24], &settings, &[0, 0, 15, 1, 5, 0, 0, 0, 1], GET_NOTHING].concat();
    let slow = [
        connection(&clear, b""),
        connection(&clear, b"GET /abc1234 HT"),
        connection(&clear, b"POST /abc1234 HTTP/1.1\r\nHos"),
        connection(&clear, &HTTP2_BEGINS[..20]),
        connection(&clear, HTTP2_BEGINS),
        connection(&clear, &unfinished),
        connection(&clear, &unanswerable),
        connection(&proxied, b""),
        connection(&proxied, &header_from("198.51.100.7:1")[..20]),
        connection(&proxied, &header_from("198.51.100.7:1")),
        connection(&tls, b""),
        connection(&tls, b"\x16\x03\x01"),
    ];
    for stream in slow {
        until_end(stream);
        let took = begun.elapsed();
        assert!(took > Duration::from_secs(10) && took < Duration::from_secs(45), "{took:?}");
    }
    assert!(within_head.answer(false).is_none());
    assert!(after_answer.answer(false).is_none());
    assert!(idle_http2.send("GET", "/abc1234", &[AGENT], "").is_none(), "it was told to leave");
    for edge in [clear, proxied, tls] {
        let begun = Instant::now();
        edge.stop();
        assert!(begun.elapsed() < Duration::from_secs(3), "nobody is left");
    }
}

/// A connection whose system takes little ahead, and whose writes end when they are taken no more.
fn unread(edge: &Edge) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    socket.connect(&edge.address.into()).unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
    socket.into()
}

// S-23
#[test]
fn s_23_a_client_of_http_2_that_does_not_read_is_not_read_any_further() {
    let edge = Edge::with(&[("edge.threads", "1")], |_| ());
    let mut stream = unread(&edge);
    stream.write_all(HTTP2_BEGINS).unwrap();
    // `:method` GET, `:scheme` http, `:authority` x, `:path` in plain letters (RFC 7541).
    let path = format!("/passing?p={}", "x".repeat(8_000));
    let mut fields = vec![0x82, 0x86, 0x01, 1, b'x', 0x04, 0x7f];
    let rest = u16::try_from(path.len() - 0x7f).unwrap();
    let [low, high] = [rest & 0x7f | 0x80, rest >> 7].map(|byte| u8::try_from(byte).unwrap());
    fields.extend([low, high]);
    fields.extend(path.as_bytes());
    let length = u32::try_from(fields.len()).unwrap().to_be_bytes();
    let requests = (0_u32..8_192).take_while(|number| {
        let stream_id = (2 * number + 1).to_be_bytes();
        let frame = [&length[1..], &[1, 5], &stream_id, &fields].concat();
        stream.write_all(&frame).is_ok()
    });
    let taken = requests.count();
    assert!(taken > 0 && taken < 8_192, "the edge holds answers to {taken} requests");
    assert_eq!(edge.visit("/abc1234").status, 302, "others are served");
}

// S-23
#[test]
fn s_23_a_client_over_tls_that_does_not_read_is_not_read_any_further() {
    let edge = with_tls(&[("edge.threads", "1")]);
    let mut client = tls_client(unread(&edge));
    assert_eq!(client.send("GET", "/abc1234", &[AGENT], "").status, 302);
    let long = "x".repeat(8_000);
    let request = format!("GET /passing?p={long} HTTP/1.1\r\nHost: x\r\nUser-Agent: {BROWSER}\r\n\r\n");
    let taken = client.flood(request.as_bytes(), 8_192);
    assert!(taken < 8_192, "the edge holds answers to {taken} requests");
    assert_eq!(tls_client(connection(&edge, b"")).send("GET", "/abc1234", &[AGENT], "").status, 302);
}
