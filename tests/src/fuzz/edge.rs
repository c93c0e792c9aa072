//! What the edge reads of a click: the head of its request, query, cookie, consent, referrer, language.

use std::collections::BTreeSet;

use hopline_edge::testing::{self, FIELDS_MAX, Head, PlainHead};
use httparse::{EMPTY_HEADER, Request, Status};
use url::Url;

use super::take;

/// A plain head is what the parser reads: same target, same fields, cut at the same place, whatever stands behind it. It
/// has one host and announces neither a body nor another protocol. None of its beginnings is judged otherwise than to be
/// incomplete, and what is not plain never becomes so.
///
/// # Panics
/// One of these does not hold.
pub fn request_head(data: &[u8]) {
    let found = testing::head(data);
    let mut room = [EMPTY_HEADER; FIELDS_MAX];
    let mut request = Request::new(&mut room);
    let parsed = request.parse(data);
    let next = [data, b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
    match &found {
        Head::Plain(plain) => {
            assert_eq!(parsed, Ok(Status::Complete(plain.bytes)));
            check_plain(plain, &request);
            assert_eq!(testing::head(&next), found);
            for end in 0..plain.bytes {
                assert_eq!(testing::head(&data[..end]), Head::Incomplete, "the first {end} bytes");
            }
        }
        Head::Incomplete => assert_eq!(parsed, Ok(Status::Partial)),
        Head::Other => {
            assert_ne!(parsed, Ok(Status::Partial));
            assert_eq!(testing::head(&next), Head::Other);
        }
    }
}

fn check_plain(plain: &PlainHead, request: &Request<'_, '_>) {
    assert_eq!(request.version, Some(1));
    assert_eq!(request.method, Some(if plain.is_head { "HEAD" } else { "GET" }));
    let target = request.path.expect("a complete request has a target").as_bytes();
    let mark = &b"?"[..usize::from(plain.path.len() < target.len())];
    assert_eq!([&plain.path, mark, &plain.query].concat(), target);
    assert!(plain.path.starts_with(b"/") && !plain.path.contains(&b'?'));
    assert!(target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#'));

    let fields: Vec<_> =
        request.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec())).collect();
    assert_eq!(plain.fields, fields);
    let named = |wanted: &str| -> Vec<&[u8]> {
        let fields = fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        fields.map(|(_, value)| value.as_slice()).collect()
    };
    assert_eq!(named("host").len(), 1);
    for forbidden in ["content-length", "transfer-encoding", "upgrade", "expect"] {
        assert!(named(forbidden).is_empty(), "{forbidden}");
    }
    let closes = match named("connection")[..] {
        [] => false,
        [value] if value.eq_ignore_ascii_case(b"keep-alive") => false,
        [value] => {
            assert!(value.eq_ignore_ascii_case(b"close"));
            true
        }
        _ => panic!("two Connection fields"),
    };
    assert_eq!(plain.closes, closes);
}

/// The first byte is a limit, the rest a query. Its pairs are its pieces; a value never grows, escaped it reads the same;
/// text is what its bytes say, cut between characters at the limit and only there.
///
/// # Panics
/// One of these does not hold.
pub fn click_query(data: &[u8]) {
    let ([limit], query) = take(data);
    let limit = usize::from(limit);
    let pairs: Vec<_> = testing::pairs(query).collect();
    let pieces: Vec<_> = query.split(|byte| *byte == b'&').filter(|piece| !piece.is_empty()).collect();
    assert_eq!(pairs.len(), pieces.len());
    for ((name, value), piece) in pairs.iter().zip(pieces) {
        let mark = &b"="[..usize::from(name.len() < piece.len())];
        assert_eq!([*name, mark, *value].concat(), piece);
        assert!(!name.contains(&b'='));
        let first = pairs.iter().find(|(other, value)| other == name && !value.is_empty());
        assert_eq!(testing::first(query, name), first.map(|(_, value)| *value));
    }
    for raw in pairs.iter().flat_map(|(name, value)| [*name, *value]).chain([query]) {
        check_value(raw, limit);
    }
}

fn check_value(raw: &[u8], limit: usize) {
    let bytes = testing::decode(raw);
    assert!(bytes.len() <= raw.len());
    let escaped: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
    assert_eq!(testing::decode(escaped.as_bytes()), bytes);
    let whole = String::from_utf8_lossy(&bytes);
    assert_eq!(testing::text(raw, usize::MAX), (whole.clone().into_owned(), false));
    let (text, is_cut) = testing::text(raw, limit);
    assert!(text.len() <= limit);
    assert_eq!(Some(text.as_str()), whole.get(..whole.floor_char_boundary(limit)));
    assert_eq!(is_cut, text.len() < whole.len());
}

/// As a `Cookie` header: a visitor is only who is named, wherever among other cookies. Then the first 16 bytes are a new
/// visitor, whose cookie reads back.
///
/// # Panics
/// One of these does not hold.
pub fn visitor_cookie(data: &[u8]) {
    let found = testing::visitor(data);
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    let is_cookie = |bytes: &[u8]| {
        bytes.strip_prefix(b"hl_vid=").is_some_and(|value| value.len() == 22 && value.iter().all(is_letter))
    };
    let is_named = data.split(|byte| *byte == b';').any(|pair| is_cookie(pair.trim_ascii_start()));
    assert!(found.is_none() || is_named, "{found:?} is named nowhere");
    assert_eq!(testing::visitor(&[b"a=b; ", data, b"; c=d"].concat()), found);

    let (random, _) = take::<16>(data);
    let (header, key) = testing::new_visitor(random, 395, random[0] % 2 == 0);
    assert!(header.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' '));
    let pair = header.split(|byte| *byte == b';').next().unwrap_or_default();
    assert!(is_cookie(pair));
    assert_eq!(testing::visitor(pair), Some(key));
    assert_eq!(testing::visitor(&[pair, b"; ", data].concat()), Some(key));
}

/// As a query: what is stored are the signals as they were sent, each name once, 4096 bytes at most and none that would
/// end a field. As what was stored: consent is never taken from anything but its two names.
///
/// # Panics
/// One of these does not hold.
pub fn consent(data: &[u8]) {
    let mut stored = String::new();
    let store = |stored: &mut String| {
        for (name, value) in testing::pairs(data) {
            testing::note_consent(name, value, stored);
        }
    };
    store(&mut stored);
    assert!(stored.len() <= 4096);
    assert!(
        stored.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>;\\#?".contains(&byte)),
        "{stored:?}"
    );
    let mut names = BTreeSet::new();
    for pair in stored.split('&').filter(|_| !stored.is_empty()) {
        let (name, value) = pair.split_once('=').expect("a stored signal has a name and a value");
        assert!(
            ["gdpr", "gdpr_consent", "gpp", "gpp_sid"].contains(&name) && names.insert(name),
            "{stored:?}"
        );
        let sent = (name.as_bytes(), value.as_bytes());
        assert!(testing::pairs(data).any(|pair| pair == sent), "{pair:?} was not sent");
    }
    let before = stored.clone();
    store(&mut stored);
    assert_eq!(stored, before, "a second time something was added");
    is_grounded(&stored);
    if let Ok(text) = str::from_utf8(data) {
        is_grounded(text);
    }
}

fn is_grounded(stored: &str) {
    let names = |wanted: &str| stored.split('&').any(|pair| pair.starts_with(wanted));
    let is_given = testing::is_consent_given(stored);
    assert!(!is_given || names("gdpr=0") || names("gdpr_consent=C"), "{stored:?} gives consent");
}

/// As a `Referer`: its host holds letters, digits, `-`, `.` and `_` in lower case, and is the one that a browser would
/// ask, user information and port left out. As an `Accept-Language`: two to eight letters from its beginning.
///
/// # Panics
/// One of these does not hold.
pub fn referrer(data: &[u8]) {
    let host = testing::referrer_host(data);
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.' | b'_');
    assert!(host.len() <= 253 && host.bytes().all(is_plain), "{host:?}");
    let lower = data.to_ascii_lowercase();
    assert!(host.is_empty() || lower.windows(host.len()).any(|window| window == host.as_bytes()), "{host:?}");
    // A URL as browsers send it.
    let is_sent = data.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'\\');
    if let (true, false, Ok(text)) = (is_sent, host.is_empty(), str::from_utf8(data))
        && let Ok(url) = Url::parse(text)
        && let Some(url::Host::Domain(domain)) = url.host()
    {
        assert_eq!(host, domain, "{text:?}");
    }

    let language = testing::language(data);
    assert!(language.is_empty() || (2..=8).contains(&language.len()));
    assert!(language.bytes().all(|byte| byte.is_ascii_lowercase()) && lower.starts_with(language.as_bytes()));
    let behind = data.get(language.len()).copied().unwrap_or_default();
    assert!(language.is_empty() || !behind.is_ascii_alphabetic(), "{language:?} is cut within a word");
}
