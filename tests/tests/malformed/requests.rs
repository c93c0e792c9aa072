//! What is sent: requests that are well-formed but hostile, bytes that are no requests, and in which pieces they leave.

use std::path::Path;

use hopline_tests::Random;

/// A header field of this name exists only if something that was sent became one.
pub(crate) const MARKER: &str = "x-injected";

/// Bytes for one connection.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) bytes: Vec<u8>,
    /// How many bytes leave at once.
    pub(crate) piece: usize,
    /// How many requests are meant to be in there.
    pub(crate) requests: usize,
    pub(crate) expect: Expect,
    /// The sender hangs up at once instead of waiting for answers.
    pub(crate) hangs_up: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// An answer to each request, in order.
    All,
    /// Any number of good answers; at least one if it begins with a good request.
    Some { good_first: bool },
    /// Any number of good answers, or frames of HTTP/2.
    Frames,
}

/// What the requests name.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) code: String,
    pub(crate) paused: String,
    pub(crate) offer: i64,
    pub(crate) affiliate: i64,
    pub(crate) token: String,
    /// A click id that was given out.
    pub(crate) click: String,
    /// Deep links, dangerous and not.
    pub(crate) urls: Vec<Vec<u8>>,
}

/// The seeds of the fuzz target of deep links: every case of the fixture, and more.
pub(crate) fn deep_links() -> Vec<Vec<u8>> {
    let folder =
        Path::new(&std::env::var("CARGO_MANIFEST_DIR").expect("cargo says it")).join("fuzz/corpus/deep_link");
    let mut files: Vec<_> = folder
        .read_dir()
        .expect("the seeds are there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files.into_iter().map(|file| std::fs::read(file).expect("a seed can be read")).collect()
}

pub(crate) fn index(random: &mut Random, bound: usize) -> usize {
    let bound = u64::try_from(bound).expect("lengths fit 64 bits");
    usize::try_from(random.below(bound)).expect("it is below a length")
}

fn byte(random: &mut Random) -> u8 {
    u8::try_from(random.below(256)).expect("it is below 256")
}

fn pick<'a, T: ?Sized>(random: &mut Random, choices: &[&'a T]) -> &'a T {
    choices[index(random, choices.len())]
}

fn one_in(random: &mut Random, count: u64) -> bool {
    random.below(count) == 0
}

fn escape(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

const NAMES: &[&str] = &[
    "sub1",
    "sub2",
    "sub10",
    "sub0",
    "sub11",
    "source",
    "lp",
    "creative",
    "ext",
    "email_hash",
    "gclid",
    "fbclid",
    "offer",
    "aff",
    "gdpr",
    "gdpr_consent",
    "gpp",
    "gpp_sid",
    "url",
    "hl_click",
    "c",
    "",
    "%73ub1",
    "sub1%00",
    "%0d%0aX-Injected:",
    "%",
    "SUB1",
    "[]",
    "a%20b",
];

const VALUES: &[&str] = &[
    "",
    "1",
    "%0d%0aX-Injected:%201",
    "%0D%0A%0D%0A%3Chtml%3E",
    "%0aX-Injected:1",
    "%0dX-Injected:1",
    "%00",
    "%",
    "%%",
    "%4",
    "%zz",
    "%u000d",
    "%c0%8d%c0%8a",
    "%e5%98%8d%e5%98%8aX-Injected:1",
    "%ff%fe",
    "%ed%a0%80",
    "%f4%90%80%80",
    "%f0%9f%98%80",
    "%e2%80%a8",
    "%252e%252e",
    "..%2f..%2f",
    "//evil.example/",
    "https://evil.example/",
    "@evil.example",
    "%23",
    "a%26b%3dc",
    "{sub1}",
    "{{click_id}}",
    "[[sub1]]",
    "%7bsub1%7d",
    "+",
    "a=b=c",
    "'",
    "%22%3e%3cscript%3e",
    "-1",
    "9223372036854775808",
    "99999999999999999999999",
    "0x10",
    "1e9",
    "%d9%a1",
    "NaN",
    "%7f",
    "%1b[31m",
    "%09",
    "javascript:alert(1)",
    "~!$'()*,;:@?",
];

fn value(random: &mut Random, world: &World) -> String {
    match random.below(12) {
        0 | 1 => escape(&world.urls[index(random, world.urls.len())]),
        2 => "x".repeat(index(random, 600)),
        3 => escape(&(0..index(random, 40)).map(|_| byte(random)).collect::<Vec<_>>()),
        4 => format!("{}{}", pick(random, VALUES), pick(random, VALUES)),
        _ => pick(random, VALUES).to_owned(),
    }
}

fn query(random: &mut Random, world: &World) -> String {
    let pairs = match random.below(40) {
        0 => return "&".repeat(12_000),
        1 => return "a=1&".repeat(3_000),
        2 => return format!("sub1={}", "%0d%0a".repeat(2_000)),
        3 => return "=&=&?&?=?".repeat(20),
        _ => 1 + random.below(5),
    };
    let pair = |random: &mut Random| match random.below(8) {
        0 => pick(random, NAMES).to_owned(),
        1 | 2 => format!("url={}", escape(&world.urls[index(random, world.urls.len())])),
        _ => format!("{}={}", pick(random, NAMES), value(random, world)),
    };
    (0..pairs).map(|_| pair(random)).collect::<Vec<_>>().join("&")
}

fn target(random: &mut Random, world: &World) -> String {
    let code = if one_in(random, 4) { &world.paused } else { &world.code };
    let query = query(random, world);
    match random.below(16) {
        0..6 => format!("/{code}?{query}"),
        6 => format!("/i/{code}?{query}"),
        7 => format!("/c?offer={}&aff={}&{query}", world.offer, world.affiliate),
        8 => format!("/c?offer={}&aff={}&{query}", value(random, world), value(random, world)),
        9 => format!("/pixel.gif?{}", postback(random, world)),
        10 | 11 => format!("/postback?{}", postback(random, world)),
        12 => format!("/{code}/{}?{query}", value(random, world)),
        13 => format!("/%2e%2e/{code}%00?{query}"),
        14 => {
            pick(random, &["/", "//", "/robots.txt?", "/i/", "/t.js", "/c", "/..", "/%", "/a/b/../c", "/;"])
                .to_owned()
        }
        _ => format!("/{}", value(random, world)),
    }
}

fn postback(random: &mut Random, world: &World) -> String {
    let order = random.below(40);
    let good = format!("click_id={}&event=sale&order_id=O-{order}&amount=5.00&currency=EUR", world.click);
    let with_token = format!("{good}&token={}", world.token);
    match random.below(8) {
        0 => with_token,
        1 => format!("{good}&token={}", value(random, world)),
        2 => with_token.replace(
            "5.00",
            pick(random, &["5,00", "-5.00", "1e3", "NaN", "5.001", "", "%d9%a1", "99999999999999999999"]),
        ),
        3 => with_token.replace("EUR", pick(random, &["eur", "XXX", "E%00", "%F0%9F%92%B6", "JPY", ""])),
        4 => format!(
            "{with_token}&items={}",
            pick(random, &["%5b", "%5b%7b%7d%5d", "null", "%22%5cud800%22", "%5b%5b%5b", "1e999"])
        ),
        5 => format!(
            "{with_token}&{}={}",
            pick(random, &["status", "ts", "adv1", "coupon", "customer_id", "sig"]),
            value(random, world)
        ),
        6 => with_token.replace(&world.click, &value(random, world)),
        _ => query(random, world),
    }
}

const FIELDS: &[&str] = &[
    "Cookie: hl_vid=BwcHBwcHBwcHBwcHBwcHBw",
    "Cookie: hl_vid=BwcHBwcHBwcHBwcHBwcHB=; hl_vid=x;;;=;",
    "Cookie: =\u{fffd}; hl_vid",
    "Referer: https://evil.example\\@/%0d%0aX-Injected: 1",
    "Referer: data:text/html,x",
    "Referer: \u{e9}\u{2028}",
    "User-Agent: ",
    "User-Agent: Mozilla/5.0 (((((((((((((((((((((((((",
    "User-Agent: \u{ff}\u{fe}\t%0d%0a",
    "Accept-Language: de;q=%0d%0a, *;q=9, \u{e9}-\u{e9}",
    "Accept-Language: -,-,;;q=,x-y-z-0123456789",
    "Sec-Purpose: prefetch;prerender",
    "Sec-Purpose: ((((",
    "Sec-GPC: 1",
    "Sec-Fetch-Dest: image",
    "Sec-Fetch-Dest: \u{e9}",
    "X-Forwarded-For: 1.2.3.4, ::1, , 999.1.1.1, unknown, \"[::1]:80\"",
    "X-Forwarded-Proto: https, \u{e9}",
    "Forwarded: for=\"_x\r",
    "Accept-Encoding: gzip;q=1e9",
    "Range: bytes=0-18446744073709551616",
    "If-None-Match: \"",
    "A:",
    "Accept: */*",
];

/// Longer heads than 16 KiB are refused.
const HEAD_BYTES_MAX: usize = 16_000;

/// A request that HTTP allows; what it asks for may make no sense.
fn well_formed(random: &mut Random, world: &World) -> Vec<u8> {
    loop {
        let request = any_request(random, world);
        if request.len() <= HEAD_BYTES_MAX {
            return request;
        }
    }
}

fn any_request(random: &mut Random, world: &World) -> Vec<u8> {
    let mut fields = String::new();
    for _ in 0..random.below(5) {
        let field = pick(random, FIELDS).replace('\r', "");
        fields.push_str(&format!("{field}\r\n"));
    }
    let host = pick(random, &["shop.example", "127.0.0.1:8080", "[::1]", "%0d%0a", "a..b", "xn--", ""]);
    if one_in(random, 8) {
        let body = postback(random, world);
        let length = body.len();
        let kind = pick(random, &["application/x-www-form-urlencoded", "application/json", "\u{e9}", ""]);
        let kind = format!("Content-Type: {kind}\r\nContent-Length: {length}\r\n");
        return format!("POST /postback HTTP/1.1\r\nHost: {host}\r\n{kind}{fields}\r\n{body}").into_bytes();
    }
    let method = if one_in(random, 8) { "HEAD" } else { "GET" };
    format!("{method} {} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n", target(random, world)).into_bytes()
}

fn good(world: &World) -> Vec<u8> {
    format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", world.code).into_bytes()
}

/// The last request of a connection.
const LAST: &[u8] = b"GET /robots.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// Requests that are broken as a whole. `{}` stands for a link.
const BROKEN: &[&[u8]] = &[
    b"GET {}\r\n\r\n", b"GET  {} HTTP/1.1\r\nHost: x\r\n\r\n", b"GET {}  HTTP/1.1\r\nHost: x\r\n\r\n", b"GET\t{}\tHTTP/1.1\r\nHost: x\r\n\r\n",
    b" GET {} HTTP/1.1\r\nHost: x\r\n\r\n", b"\r\n\r\n\r\nGET {} HTTP/1.1\r\nHost: x\r\n\r\n", b"GET {} HTTP/1.1\nHost: x\n\n", b"GET {} HTTP/1.1\rHost: x\r\r",
    b"GET {} HTTP/1.1 x\r\nHost: x\r\n\r\n", b"GET {} HTTP/9.9\r\nHost: x\r\n\r\n", b"GET {} HTTP/1.0\r\n\r\n", b"GET {} HTTP/1\r\nHost: x\r\n\r\n", b"GET {} http/1.1\r\nHost: x\r\n\r\n",
    b"get {} HTTP/1.1\r\nHost: x\r\n\r\n", b"G\0T {} HTTP/1.1\r\nHost: x\r\n\r\n", b"G\xffT {} HTTP/1.1\r\nHost: x\r\n\r\n", b"FROBNICATE {} HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"TRACE {} HTTP/1.1\r\nHost: x\r\nX-Injected: 1\r\n\r\n", b"GET http://evil.example{} HTTP/1.1\r\nHost: x\r\n\r\n", b"GET //evil.example{} HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET x{} HTTP/1.1\r\nHost: x\r\n\r\n", b"GET ? HTTP/1.1\r\nHost: x\r\n\r\n", b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", b"GET {}?sub1=\0 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET {}?sub1=\xc0\xaf HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET {}?sub1=\xf0\x9f\x98\x80 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET {}?sub1=a b HTTP/1.1\r\nHost: x\r\n\r\n", b"GET {}?sub1=a\rX-Injected: 1 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET {}?sub1=<>\"{}|\\^`#x HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", b"GET {} HTTP/1.1\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: \0\r\n\r\n", b"GET {} HTTP/1.1\r\nHost : x\r\n\r\n", b"GET {} HTTP/1.1\r\n Host: x\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: x\r\nA\0: b\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nA: \x7f\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\n\xff\xfe: b\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nReferer: a\rX-Injected: 1\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: x\r\nReferer: a\nX-Injected: 1\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", b"GET {} HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\na=b", b"POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\na=b", b"POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3\r\n\r\na=b",
    b"POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", b"POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    b"POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", b"POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n", b"POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na=bXX",
    b"POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"\r\na=b\r\n0\r\nX-Injected: 1\r\n\r\n", b"POST /postback HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n",
    b"POST {} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b", b"PUT {} HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /postback HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\na=b", b"POST /postback HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\nContent-Length: 3\r\n\r\na=b",
    b"GET {} HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", b"GET {} HTTP/1.1\r\nHost: x\r\nConnection: host, close, \xff\r\n\r\n",
    b"GET {} HTTP/1.1\r\nHost: x\r\nX-Injected", b"\0\0\0\0\0\0\0\0", b"\xff\xff\xff\xff\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Injected: 1\r\n\r\n", b"EHLO evil.example\r\n", b"\r\n", b"GET", b"GET {} HTTP/1.1\r\n",
];

/// What begins a connection in another protocol.
const PREFACES: &[&[u8]] = &[
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\x04\xff\xff\xff\xff\xff",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x01\x01\x05\0\0\0\x01\x82",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x05\x01\x05\0\0\0\x01\xff\xff\xff\xff\xff",
    b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
    b"PRI * HTTP/2.0\r\n",
    b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    b"PROXY UNKNOWN\r\n",
    b"PROXY",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x02",
    b"\r\n\r\n\0\r\nQUIT\n\xff\xff\xff\xff",
    b"\r\n\r\n\0\r\nQUIT\n",
    b"\x16\x03\x01\0\xa5\x01\0\0\xa1\x03\x03",
    b"\x16\x03\x01\xff\xff",
    b"\x80\x2e\x01\x03\x01",
    b"SSH-2.0-x\r\n",
];

fn with_link(template: &[u8], world: &World) -> Vec<u8> {
    let place = template.windows(2).position(|window| window == b"{}");
    place.map_or_else(
        || template.to_vec(),
        |at| [&template[..at], b"/", world.code.as_bytes(), &template[at + 2..]].concat(),
    )
}

/// One request that is too much of something.
fn oversized(random: &mut Random, world: &World) -> Vec<u8> {
    let code = &world.code;
    let head = format!("GET /{code} HTTP/1.1\r\nHost: x\r\n");
    match random.below(7) {
        0 => format!("{head}{}\r\n", "A: b\r\n".repeat(70 + index(random, 200))),
        1 => format!("{head}A: {}\r\n\r\n", "x".repeat(20_000)),
        2 => format!("{head}{}: x\r\n\r\n", "a".repeat(70_000)),
        3 => format!("GET /{code}?sub1={} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(100_000)),
        4 => format!("GET /{code}?{} HTTP/1.1\r\nHost: x\r\n\r\n", "a=1&".repeat(10_000)),
        5 => format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "%0d%0a".repeat(3_000)),
        _ => format!("{} / HTTP/1.1\r\nHost: x\r\n\r\n", "G".repeat(17_000)),
    }
    .into_bytes()
}

/// Changes some bytes of a request.
fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    const PIECES: &[&[u8]] =
        &[b"\0", b"\r", b"\n", b"\r\n", b"\r\n ", b"\t", b" ", b":", b"\xff", b"\x7f", b"%", b"\x80"];
    for _ in 0..=random.below(3) {
        let at = index(random, bytes.len().max(1)).min(bytes.len());
        match random.below(4) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => drop(bytes.remove(at)),
            2 => bytes.truncate(at),
            _ => drop(bytes.splice(at..at, pick(random, PIECES).iter().copied())),
        }
    }
}

fn malformed(random: &mut Random, world: &World) -> Vec<u8> {
    match random.below(20) {
        0 => oversized(random, world),
        1..10 => with_link(pick(random, BROKEN), world),
        10..13 => {
            let mut bytes = with_link(pick(random, BROKEN), world);
            damage(&mut bytes, random);
            bytes
        }
        _ => {
            let mut bytes = well_formed(random, world);
            damage(&mut bytes, random);
            bytes
        }
    }
}

/// Requests in one connection of well-formed ones.
const PIPELINED: usize = 15;

/// The next connection's bytes.
pub(crate) fn script(random: &mut Random, world: &World) -> Script {
    let piece = match random.below(8) {
        0 => 1 + index(random, 40),
        1 => 1024,
        _ => usize::MAX,
    };
    let mut script = Script {
        bytes: Vec::new(),
        piece,
        requests: 1,
        expect: Expect::Some { good_first: false },
        hangs_up: false,
    };
    match random.below(24) {
        0..6 => {
            script.bytes = (0..PIPELINED).flat_map(|_| well_formed(random, world)).collect();
            (script.requests, script.expect) = (PIPELINED + 1, Expect::All);
            script.piece = piece.max(200);
        }
        6 => {
            script.bytes = pick(random, PREFACES).to_vec();
            if one_in(random, 2) {
                script.bytes.extend(malformed(random, world));
            }
            script.expect = Expect::Frames;
        }
        7..10 => {
            script.bytes = good(world);
            script.bytes.extend(malformed(random, world));
            (script.requests, script.expect) = (2, Expect::Some { good_first: true });
        }
        10..12 => {
            script.bytes = well_formed(random, world);
            script.bytes.truncate(index(random, script.bytes.len()));
            script.hangs_up = true;
        }
        12 => {
            // Byte by byte.
            script.bytes = malformed(random, world);
            script.bytes.truncate(300);
            script.piece = 1;
        }
        _ => script.bytes = malformed(random, world),
    }
    if !script.hangs_up {
        script.bytes.extend(LAST);
    }
    script
}
