//! Whether a request is plain, and what it says: pure, over the bytes of its head.
//!
//! Plain is: `GET` or `HEAD`, HTTP/1.1, a target that begins with `/` and holds only bytes that a URI may hold, exactly
//! one `Host`, no field that announces a body or another protocol, `Connection` absent or one of `close` and `keep-alive`.
//! Whatever else comes is somebody else's to judge; nothing is refused here.
//!
//! # Two readers
//!
//! What browsers send is read in one pass, many bytes at a time ([`usual`]): lines that end in CR LF, names of letters,
//! digits and hyphens, values of visible ASCII and blanks, at most [`USUAL_MAX`] fields. Whatever else comes, the beginning
//! of a head among it, is `httparse`'s to read, as hyper's is. So the first reader only ever says yes, and a test holds it to
//! saying what the second would.

use std::mem::MaybeUninit;

use httparse::{Header, Request, Status};

use crate::field::{Field, Name, colon, is_plain_name, known, text_end};

/// More make a request not plain.
pub(super) const FIELDS_MAX: usize = 64;
/// Fields of a usual head; browsers behind a proxy send up to about twenty.
const USUAL_MAX: usize = 24;

/// Where the fields of a head lie once they are read.
#[derive(Debug)]
pub(super) struct Room<'b> {
    usual: [Field<'b>; USUAL_MAX],
    /// Filled only where there is need: it is large.
    other: Option<[Field<'b>; FIELDS_MAX]>,
}

impl Room<'_> {
    pub(super) const fn new() -> Self {
        Self { usual: [Field::NONE; USUAL_MAX], other: None }
    }
}

/// A plain request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plain<'h, 'b> {
    /// Length of the head, which is all of the request.
    pub(super) bytes: usize,
    pub(super) is_head: bool,
    /// `Connection: close` was said.
    pub(super) closes: bool,
    pub(super) path: &'b [u8],
    /// Behind the first question mark; empty without one.
    pub(super) query: &'b [u8],
    pub(super) fields: &'h [Field<'b>],
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
pub(super) fn read<'h, 'b>(bytes: &'b [u8], room: &'h mut Room<'b>) -> Found<'h, 'b> {
    match usual(bytes, &mut room.usual) {
        Some(plain) => Found::Plain(plain),
        None => any(bytes, &mut room.other),
    }
}

/// Reads a plain head as browsers send it; none: it is something else, or not all there.
fn usual<'h, 'b>(bytes: &'b [u8], room: &'h mut [Field<'b>; USUAL_MAX]) -> Option<Plain<'h, 'b>> {
    const VERSION: &[u8] = b" HTTP/1.1\r\n";
    let (is_head, rest) = match bytes {
        [b'G', b'E', b'T', b' ', rest @ ..] => (false, rest),
        [b'H', b'E', b'A', b'D', b' ', rest @ ..] => (true, rest),
        _ => return None,
    };
    let (target, rest) = rest.split_at_checked(rest.iter().position(|byte| !TARGET[usize::from(*byte)])?)?;
    let mut rest = rest.strip_prefix(VERSION)?;
    let mut count = 0;
    while *rest.first()? != b'\r' {
        let (text, after) = rest.split_at_checked(colon(rest)?)?;
        let name = match known(text) {
            Some(name) => name,
            None if is_plain_name(text) => Name::Other,
            None => return None,
        };
        let (value, after) = after.split_at_checked(text_end(after)?)?;
        *room.get_mut(count)? = Field { name, text, value: unpadded(value.get(1..)?) };
        count += 1;
        rest = after.strip_prefix(b"\r\n")?;
    }
    let rest = rest.strip_prefix(b"\r\n")?;
    plain(bytes.len() - rest.len(), is_head, target, room.get(..count)?)
}

/// Without the blanks at both ends; before a value there is one, as a rule.
#[inline]
fn unpadded(value: &[u8]) -> &[u8] {
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match value {
        [b' ', ..] | [.., b' '] => value.trim_ascii(),
        _ => value,
    }
}

/// Reads any head.
#[cold]
fn any<'h, 'b>(bytes: &'b [u8], room: &'h mut Option<[Field<'b>; FIELDS_MAX]>) -> Found<'h, 'b> {
    let mut headers = [const { MaybeUninit::<Header<'b>>::uninit() }; FIELDS_MAX];
    let mut request = Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, &mut headers) {
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
    if !target.iter().all(|byte| TARGET[usize::from(*byte)]) {
        return Found::Other;
    }
    let fields = room.insert([Field::NONE; FIELDS_MAX]);
    for (place, Header { name, value }) in fields.iter_mut().zip(&*headers) {
        *place = Field::new(name.as_bytes(), value);
    }
    let fields = fields.get(..headers.len()).unwrap_or_default();
    plain(length, method.len() == 4, target, fields).map_or(Found::Other, Found::Plain)
}

/// The request, if target and fields are plain as a whole.
fn plain<'h, 'b>(
    bytes: usize,
    is_head: bool,
    target: &'b [u8],
    fields: &'h [Field<'b>],
) -> Option<Plain<'h, 'b>> {
    let (path, query) = match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, &target[target.len()..]),
    };
    let (mut hosts, mut connections, mut closes) = (0, 0, false);
    for field in fields {
        match field.name {
            Name::Host => hosts += 1,
            Name::Connection => {
                connections += 1;
                closes = ends(field.value)?;
            }
            Name::Announcing => return None,
            Name::Signal(_) | Name::Cookie | Name::Origin | Name::Forwarded | Name::Other => (),
        }
    }
    let is_plain = path.first() == Some(&b'/') && hosts == 1 && connections <= 1;
    is_plain.then_some(Plain { bytes, is_head, closes, path, query, fields })
}

/// Bytes that may stand in path and query as they are, without a fragment; backticks and what is not ASCII are left to
/// others.
const TARGET: [bool; 256] = {
    let (mut table, mut byte) = ([false; 256], 0_u8);
    while byte < 128 {
        table[byte as usize] = matches!(byte, b'!' | b'$'..=b';' | b'=' | b'?'..=b'_' | b'a'..=b'~');
        byte += 1;
    }
    table
};

/// Whether a value of `Connection` asks for the connection's end; none where it says anything else than that or the contrary.
fn ends(value: &[u8]) -> Option<bool> {
    let is = |word: &[u8]| value.eq_ignore_ascii_case(word);
    if is(b"keep-alive") { Some(false) } else { is(b"close").then_some(true) }
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
        match read(text.as_bytes(), &mut Room::new()) {
            Found::Plain(plain) => Kind::Plain { is_head: plain.is_head, closes: plain.closes },
            Found::Incomplete => Kind::Incomplete,
            Found::Other => Kind::Other,
        }
    }

    #[test]
    fn a_plain_request_gives_its_parts_and_its_length() {
        let text = b"GET /abc1234?sub1=a?b HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\nGET /next";
        let mut room = Room::new();
        let Found::Plain(plain) = read(text, &mut room) else { panic!("it is plain") };
        assert_eq!(&text[plain.bytes..], b"GET /next");
        assert_eq!((plain.path, plain.query), (&b"/abc1234"[..], &b"sub1=a?b"[..]));
        let names: Vec<_> = plain.fields.iter().map(|field| (field.text, field.value)).collect();
        assert_eq!(names, [(&b"Host"[..], &b"x"[..]), (b"User-Agent", b"y")]);
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

    // What a browser sends, with every byte of it taken away, doubled or exchanged, and cut off everywhere.
    #[test]
    fn what_the_first_reader_takes_the_second_reads_the_same() {
        let text = b"GET /abc1234?sub1=a HTTP/1.1\r\nHost: go.example\r\nConnection: keep-alive\r\nsec-ch-ua-mobile: ?0\r\n\
            Accept:  */*;q=0.8 \r\nReferer:\r\nX-Forwarded-For: 203.0.113.9\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n";
        let bytes = b"\0\t\n\r !\"#%&-./09:;?@AZ[_`az{~\x7f\x80\xff";
        let mut taken = 0;
        let mut look = |text: &[u8]| {
            let (mut first, mut second) = (Room::new(), None);
            let Some(plain) = usual(text, &mut first.usual) else { return };
            taken += 1;
            match any(text, &mut second) {
                Found::Plain(other) => assert_eq!(plain, other),
                other => panic!("{}: {other:?}", text.escape_ascii()),
            }
        };
        for at in 0..text.len() {
            let (before, after) = text.split_at(at);
            look(before);
            look(&[before, &after[1..]].concat());
            for byte in bytes {
                look(&[before, &[*byte], after].concat());
                look(&[before, &[*byte], &after[1..]].concat());
            }
        }
        assert!(taken > 1000, "{taken}");
        let with = |count: usize| format!("GET /a HTTP/1.1\r\nHost: x\r\n{}\r\n", "A: b\r\n".repeat(count));
        assert!(usual(with(USUAL_MAX - 1).as_bytes(), &mut Room::new().usual).is_some());
        assert!(usual(with(USUAL_MAX).as_bytes(), &mut Room::new().usual).is_none());
        assert_eq!(kind(&with(USUAL_MAX)), PLAIN);
    }

    // What is answered here must be what hyper would have taken, cut at the same place.
    #[test]
    fn every_target_that_counts_as_plain_is_a_uri_that_reads_the_same() {
        for byte in (0..=127).filter(|byte| TARGET[usize::from(*byte)]) {
            let byte = char::from(byte);
            let target = format!("/a{byte}b?c{byte}d");
            let uri: http::Uri = target.parse().unwrap_or_else(|error| panic!("{target}: {error}"));
            let (path, query) = target.split_once('?').unwrap();
            assert_eq!((uri.path(), uri.query()), (path, Some(query)));
        }
    }
}
