//! Whether a request is plain, and what it says: pure, over the bytes of its head.
//!
//! Plain is: `GET` or `HEAD`, HTTP/1.1, a target that begins with `/` and holds only bytes that a URI may hold, exactly
//! one `Host`, no field that announces a body or another protocol, `Connection` absent or one of `close` and `keep-alive`.
//! Whatever else comes is somebody else's to judge; nothing is refused here.

use std::mem::MaybeUninit;

use httparse::{Header, Request, Status};

/// More make a request not plain.
pub(super) const FIELDS_MAX: usize = 64;

/// A plain request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plain<'h, 'b> {
    /// Length of the head, which is all of the request.
    pub(super) bytes: usize,
    pub(super) is_head: bool,
    /// `Connection: close` was said.
    pub(super) closes: bool,
    pub(super) path: &'b [u8],
    /// Behind the first question mark; empty without one.
    pub(super) query: &'b [u8],
    pub(super) fields: &'h [Header<'b>],
}

/// What stands at the beginning of some bytes.
#[derive(Debug)]
pub(super) enum Found<'h, 'b> {
    Plain(Plain<'h, 'b>),
    /// So far it may become one.
    Incomplete,
    /// Malformed, or not plain.
    Other,
}

/// Reads the head at the beginning of `bytes`.
pub(super) fn read<'h, 'b>(bytes: &'b [u8], room: &'h mut [MaybeUninit<Header<'b>>]) -> Found<'h, 'b> {
    let mut request = Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, room) {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) => return Found::Incomplete,
        Err(_) => return Found::Other,
    };
    let Request { method: Some(method @ ("GET" | "HEAD")), path: Some(target), version: Some(1), headers } =
        request
    else {
        return Found::Other;
    };
    let target = target.as_bytes();
    if target.first() != Some(&b'/') || !target.iter().fold(true, |holds, byte| holds & is_target_byte(*byte))
    {
        return Found::Other;
    }
    let Some(closes) = closes(headers) else { return Found::Other };
    let (path, query) = match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, &target[target.len()..]),
    };
    let is_head = method.len() == 4;
    Found::Plain(Plain { bytes: length, is_head, closes, path, query, fields: headers })
}

/// Bytes that may stand in path and query as they are, without a fragment; backticks and what is not ASCII are left to
/// others.
const fn is_target_byte(byte: u8) -> bool {
    matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'~')
}

/// Whether the connection is to be closed; none where a field makes the request not plain.
fn closes(fields: &[Header<'_>]) -> Option<bool> {
    let (mut hosts, mut connections, mut closes) = (0, 0, false);
    for Header { name, value } in fields {
        let name = name.as_bytes();
        // By length first: most fields are none of these.
        match name.len() {
            4 if is(name, b"host") => hosts += 1,
            6 if is(name, b"expect") => return None,
            7 if is(name, b"upgrade") => return None,
            10 if is(name, b"connection") => {
                connections += 1;
                closes = value.eq_ignore_ascii_case(b"close");
                if !closes && !value.eq_ignore_ascii_case(b"keep-alive") {
                    return None;
                }
            }
            14 if is(name, b"content-length") => return None,
            17 if is(name, b"transfer-encoding") => return None,
            _ => (),
        }
    }
    (hosts == 1 && connections <= 1).then_some(closes)
}

/// Whether a field's name, which the parser lets hold no control characters, is this one, in any case.
fn is<const N: usize>(name: &[u8], known: &[u8; N]) -> bool {
    let Ok(name) = <&[u8; N]>::try_from(name) else { return false };
    name.iter().zip(known).fold(0, |differs, (byte, known)| differs | ((byte | 0x20) ^ known)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Eq)]
    enum Kind {
        Plain { is_head: bool, closes: bool },
        Incomplete,
        Other,
    }

    const PLAIN: Kind = Kind::Plain { is_head: false, closes: false };

    fn kind(text: &str) -> Kind {
        let mut room = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        match read(text.as_bytes(), &mut room) {
            Found::Plain(plain) => Kind::Plain { is_head: plain.is_head, closes: plain.closes },
            Found::Incomplete => Kind::Incomplete,
            Found::Other => Kind::Other,
        }
    }

    #[test]
    fn a_plain_request_gives_its_parts_and_its_length() {
        let text = b"GET /abc1234?sub1=a?b HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\nGET /next";
        let mut room = [const { MaybeUninit::uninit() }; FIELDS_MAX];
        let Found::Plain(plain) = read(text, &mut room) else { panic!("it is plain") };
        assert_eq!(&text[plain.bytes..], b"GET /next");
        assert_eq!((plain.path, plain.query), (&b"/abc1234"[..], &b"sub1=a?b"[..]));
        let names: Vec<_> = plain.fields.iter().map(|field| (field.name, field.value)).collect();
        assert_eq!(names, [("Host", &b"x"[..]), ("User-Agent", b"y")]);
    }

    #[test]
    fn what_may_be_answered_here_is_told_from_what_may_not() {
        let table = [
            ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", PLAIN),
            ("HEAD / HTTP/1.1\r\nHOST: x\r\n\r\n", Kind::Plain { is_head: true, closes: false }),
            ("GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n", PLAIN),
            (
                "GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n",
                Kind::Plain { is_head: false, closes: true },
            ),
            ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close, TE\r\n\r\n", Kind::Other),
            ("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nConnection: close\r\n\r\n", Kind::Other),
            ("GET / HTTP/1.1\r\n\r\n", Kind::Other),
            ("GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", Kind::Other),
            ("GET / HTTP/1.0\r\nHost: x\r\n\r\n", Kind::Other),
            ("POST / HTTP/1.1\r\nHost: x\r\n\r\n", Kind::Other),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", Kind::Other),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", Kind::Other),
            ("GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", Kind::Other),
            ("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n", Kind::Other),
            ("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", Kind::Other),
            ("GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", Kind::Other),
            ("GET /é HTTP/1.1\r\nHost: x\r\n\r\n", Kind::Other),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Kind::Other),
            ("\x16\x03\x01", Kind::Other),
            ("GET / HTTP/1.1\r\nHost: x\r\n", Kind::Incomplete),
            ("", Kind::Incomplete),
        ];
        for (text, expected) in table {
            assert_eq!(kind(text), expected, "{text:?}");
        }
        let many = "A: b\r\n".repeat(FIELDS_MAX);
        assert_eq!(kind(&format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n")), Kind::Other);
    }

    // What is answered here must be what hyper would have taken, cut at the same place.
    #[test]
    fn every_target_that_counts_as_plain_is_a_uri_that_reads_the_same() {
        for byte in (0..=127).filter(|byte| is_target_byte(*byte)) {
            let byte = char::from(byte);
            let target = format!("/a{byte}b?c{byte}d");
            let uri: http::Uri = target.parse().unwrap_or_else(|error| panic!("{target}: {error}"));
            let (path, query) = target.split_once('?').unwrap();
            assert_eq!((uri.path(), uri.query()), (path, Some(query)));
        }
    }
}
