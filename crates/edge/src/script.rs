//! `/t.js` and `/.well-known/gpc.json`: files that never change while the edge runs.
//!
//! The script is for shops' pages: `assets/README.md` tells what it does. It is served compressed to those who accept gzip
//! (one form was compressed beforehand), with a strong `ETag` per form (SHA-256 of its bytes), for an hour: after an
//! upgrade a shop's visitors have the new one within that time. Any origin may load it and read it
//! (`Cross-Origin-Resource-Policy`, `Access-Control-Allow-Origin`: for pages that isolate themselves, and for `integrity`).
//!
//! `gpc.json` says that Global Privacy Control is honoured (R-06).
//!
//! Everything here is a function of two header fields.

use std::sync::LazyLock;

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName,
    HeaderValue, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use sha2::{Digest, Sha256};

const SCRIPT: &[u8] = include_bytes!("../assets/t.js");
const SCRIPT_GZIP: &[u8] = include_bytes!("../assets/t.js.gz");
const GPC: &[u8] = include_bytes!("../assets/gpc.json");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// One file in one form.
struct Form {
    bytes: &'static [u8],
    etag: HeaderValue,
    content_type: &'static str,
    is_gzip: bool,
    varies: bool,
}

static PLAIN: LazyLock<Form> = LazyLock::new(|| Form::script(SCRIPT, false));
static GZIP: LazyLock<Form> = LazyLock::new(|| Form::script(SCRIPT_GZIP, true));
static GPC_JSON: LazyLock<Form> = LazyLock::new(|| Form {
    bytes: GPC,
    etag: etag(GPC),
    content_type: "application/json",
    is_gzip: false,
    varies: false,
});

/// The answer to `GET /t.js`: 200, or 304 where the asker has it already.
pub(crate) fn script_answer(
    accept_encoding: Option<&[u8]>,
    if_none_match: Option<&[u8]>,
) -> Response<&'static [u8]> {
    let form = if accept_encoding.is_some_and(accepts_gzip) { &*GZIP } else { &*PLAIN };
    form.answer(if_none_match)
}

/// The answer to `GET /.well-known/gpc.json`.
pub(crate) fn gpc_answer(if_none_match: Option<&[u8]>) -> Response<&'static [u8]> {
    GPC_JSON.answer(if_none_match)
}

impl Form {
    fn script(bytes: &'static [u8], is_gzip: bool) -> Self {
        let content_type = "text/javascript; charset=utf-8";
        Self { bytes, etag: etag(bytes), content_type, is_gzip, varies: true }
    }

    fn answer(&self, if_none_match: Option<&[u8]>) -> Response<&'static [u8]> {
        let is_known = if_none_match.is_some_and(|field| names(field, self.etag.as_bytes()));
        let mut response = Response::new(if is_known { &b""[..] } else { self.bytes });
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        headers.insert(ETAG, self.etag.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
        if self.varies {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.is_gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }
}

fn etag(bytes: &[u8]) -> HeaderValue {
    let text = format!("\"{}\"", hex(bytes));
    HeaderValue::try_from(text).expect("hexadecimal digits in quotes are a header value")
}

/// The SHA-256 of the bytes in hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `Accept-Encoding` names gzip (or `*`, where it does not name gzip) with a weight above zero.
fn accepts_gzip(field: &[u8]) -> bool {
    let weight = |wanted: &[u8]| {
        field.split(|byte| *byte == b',').find_map(|item| {
            let mut parts = item.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let is_wanted = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case(wanted));
            is_wanted.then(|| parts.all(|part| !is_zero_weight(part)))
        })
    };
    weight(b"gzip").or_else(|| weight(b"*")).unwrap_or(false)
}

/// `q=0`, `q=0.`, `q=0.000`.
fn is_zero_weight(parameter: &[u8]) -> bool {
    match parameter {
        [b'q' | b'Q', b'=', value @ ..] => value.iter().all(|byte| matches!(byte, b'0' | b'.')),
        _ => false,
    }
}

/// Whether `If-None-Match` names the tag, by the weak comparison.
fn names(field: &[u8], etag: &[u8]) -> bool {
    field.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(|item| {
        let opaque = item.strip_prefix(b"W/").unwrap_or(item);
        opaque == b"*" || opaque == etag
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &[u8] = include_bytes!("../assets/t.src.js");
    const SUMS: &str = include_str!("../assets/SHA256SUMS");

    #[test]
    fn the_script_was_made_from_its_source_and_compressed() {
        let expected =
            format!("{}  t.src.js\n{}  t.js\n{}  t.js.gz\n", hex(SOURCE), hex(SCRIPT), hex(SCRIPT_GZIP));
        assert_eq!(SUMS, expected, "make the script again: assets/README.md says how");
        // The trailer of a gzip file: the checksum and the length of what was compressed (RFC 1952).
        let (_, trailer) = SCRIPT_GZIP.split_last_chunk::<8>().unwrap();
        let number = |at: usize| u32::from_le_bytes(*trailer[at..].first_chunk().unwrap());
        assert_eq!((number(0), number(4)), (crc32(SCRIPT), u32::try_from(SCRIPT.len()).unwrap()));
    }

    /// CRC-32 of gzip, bit by bit.
    fn crc32(bytes: &[u8]) -> u32 {
        let shift = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), shift))
    }

    #[test]
    fn the_script_is_small_and_asks_nobody_but_the_edge() {
        assert!(SCRIPT_GZIP.len() < 2048, "{} bytes", SCRIPT_GZIP.len());
        let text = std::str::from_utf8(SCRIPT).unwrap();
        assert!(text.is_ascii(), "no charset can spoil it");
        for command in ["get:", "convert:", "click:", "consent:"] {
            assert!(text.contains(command), "{command}");
        }
        assert!(!text.contains("//"), "no address and no comment");
        for newer in ["=>", "`", "const ", "let ", "async ", "...", "?.", "??"] {
            assert!(!text.contains(newer), "{newer} is no ECMAScript 5");
        }
    }

    #[test]
    fn gzip_goes_to_those_who_accept_it() {
        for (field, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("br;q=1.0, GZIP;q=0.8", true),
            ("*", true),
            ("identity, *;q=0.1", true),
            ("", false),
            ("br", false),
            ("gzip;q=0", false),
            ("gzip; q=0.000, *", false),
            ("*;q=0", false),
            ("x-gzip", false),
        ] {
            let answer = script_answer(Some(field.as_bytes()), None);
            let encoding = answer.headers().get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
            assert_eq!(encoding, expected.then_some(&b"gzip"[..]), "{field:?}");
            assert_eq!(*answer.body(), if expected { SCRIPT_GZIP } else { SCRIPT }, "{field:?}");
            assert_eq!(answer.headers()[VARY], "accept-encoding", "{field:?}");
        }
        assert_eq!(*script_answer(None, None).body(), SCRIPT);
    }

    #[test]
    fn who_has_it_already_gets_no_body() {
        let first = script_answer(None, None);
        assert_eq!(first.status(), StatusCode::OK);
        assert_eq!(first.headers()[CACHE_CONTROL], "public, max-age=3600");
        assert_eq!(first.headers()[CONTENT_TYPE], "text/javascript; charset=utf-8");
        let tag = first.headers()[ETAG].to_str().unwrap();
        for field in [tag.to_owned(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = script_answer(None, Some(field.as_bytes()));
            assert_eq!((again.status(), *again.body()), (StatusCode::NOT_MODIFIED, &b""[..]), "{field}");
            assert_eq!(again.headers()[ETAG], tag);
        }
        for field in ["", "\"other\"", tag.trim_matches('"')] {
            assert_eq!(script_answer(None, Some(field.as_bytes())).status(), StatusCode::OK, "{field}");
        }
        let compressed = script_answer(Some(b"gzip"), Some(tag.as_bytes()));
        assert_eq!(compressed.status(), StatusCode::OK, "the compressed form has a tag of its own");
    }

    #[test]
    fn r_06_gpc_json_says_that_the_signal_is_honoured() {
        let answer = gpc_answer(None);
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        let value: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(value, serde_json::json!({"gpc": true, "lastUpdate": "2026-11-22"}));
    }
}
