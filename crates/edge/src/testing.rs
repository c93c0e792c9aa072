//! The private decoders of what clients send, for the fuzz targets: each as the edge calls it, with owned results.

use hopline_catalogue::Catalogue;
use hopline_record::ConversionEvent;
use hopline_types::{ConversionSource, UnixMillis};

use crate::field::Field;
use crate::{consent, cookie, postback, query, referrer};

/// The lane's own module, which is seen nowhere else; a second copy of it is compiled.
#[path = "lane/head.rs"]
#[expect(clippy::duplicate_mod, reason = "it is private to the lane")]
mod head;

/// What stands at the beginning of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A request that the lane answers.
    Plain(PlainHead),
    /// So far it may become one.
    Incomplete,
    /// Malformed, or hyper's to answer.
    Other,
}

/// A request that the lane answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainHead {
    /// Length of the head.
    pub bytes: usize,
    /// `HEAD`, not `GET`.
    pub is_head: bool,
    /// `Connection: close` was said.
    pub closes: bool,
    /// Up to the first question mark.
    pub path: Vec<u8>,
    /// Behind it.
    pub query: Vec<u8>,
    /// Names and values of the header.
    pub fields: Vec<(String, Vec<u8>)>,
}

/// Reads a head as the lane does.
#[must_use]
pub fn head(bytes: &[u8]) -> Head {
    match head::read(bytes, &mut head::Room::new()) {
        head::Found::Plain(plain) => Head::Plain(PlainHead {
            bytes: plain.bytes,
            is_head: plain.is_head,
            closes: plain.closes,
            path: plain.path.to_vec(),
            query: plain.query.to_vec(),
            fields: plain.fields.iter().map(owned).collect(),
        }),
        head::Found::Incomplete => Head::Incomplete,
        head::Found::Other => Head::Other,
    }
}

fn owned(field: &Field<'_>) -> (String, Vec<u8>) {
    (String::from_utf8_lossy(field.text).into_owned(), field.value.to_vec())
}

/// The most fields of a plain head.
pub const FIELDS_MAX: usize = head::FIELDS_MAX;

/// Raw pairs of a query, in order.
pub fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    query::pairs(query)
}

/// The first value of a name that is not empty.
#[must_use]
pub fn first<'a>(query: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    query::first(query, wanted)
}

/// A value's bytes.
#[must_use]
pub fn decode(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    query::decode(raw, &mut out);
    out
}

/// A value's text of at most so many bytes, and whether it was cut.
#[must_use]
pub fn text(raw: &[u8], bytes_max: usize) -> (String, bool) {
    let (mut scratch, mut out) = (Vec::new(), String::new());
    let is_cut = query::text(raw, bytes_max, &mut scratch, &mut out);
    (out, is_cut)
}

/// The visitor that a `Cookie` header names.
#[must_use]
pub fn visitor(cookie: &[u8]) -> Option<u64> {
    cookie::read(cookie)
}

/// A new visitor's `Set-Cookie` header and key.
#[must_use]
pub fn new_visitor(random: [u8; 16], days: u32, is_https: bool) -> (Vec<u8>, u64) {
    let mut out = Vec::new();
    let key = cookie::write(random, cookie::attributes(days, is_https).as_bytes(), &mut out);
    (out, key)
}

/// Adds a parameter to stored consent, if it is a signal that may be stored.
pub fn note_consent(name: &[u8], value: &[u8], stored: &mut String) {
    if consent::is_signal(name) {
        consent::store(name, value, stored);
    }
}

/// Whether stored consent allows a cookie.
#[must_use]
pub fn is_consent_given(stored: &str) -> bool {
    consent::is_given(stored)
}

/// Host of a `Referer`, empty where it has none.
#[must_use]
pub fn referrer_host(referer: &[u8]) -> String {
    let mut out = String::new();
    referrer::host(referer, &mut out);
    out
}

/// First language of an `Accept-Language`, empty where it has none.
#[must_use]
pub fn language(accept_language: &[u8]) -> String {
    let mut out = String::new();
    referrer::language(accept_language, &mut out);
    out
}

/// Why a conversion is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Status of a postback's answer.
    pub status: u16,
    /// What is wrong, by parameter.
    pub fields: Vec<&'static str>,
    /// What a pixel's header says of it.
    pub header: Vec<u8>,
}

/// What is recorded of a postback's or a pixel's parameters as sent.
///
/// # Errors
/// The refusal.
pub fn postback(
    catalogue: &Catalogue,
    raw: &[u8],
    source: ConversionSource,
    now: UnixMillis,
) -> Result<ConversionEvent, Refusal> {
    let checked = postback::read(catalogue, raw, source, now).map_err(|problem| Refusal {
        status: problem.status.as_u16(),
        fields: problem.errors.iter().map(|error| error.field).collect(),
        header: problem.header().as_bytes().to_vec(),
    })?;
    Ok(checked.event)
}
