//! Answers whose parts are known beforehand.

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY, RETRY_AFTER,
};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;

pub(crate) type Body = Full<Bytes>;

pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// The shop learns the publisher's origin, never its page; nothing on the way from https to http. It is what browsers do
/// where nothing is said; saying it overrules a stricter or looser policy of the page only in this direction.
pub(crate) const POLICY: HeaderValue = HeaderValue::from_static("strict-origin-when-cross-origin");
/// Why a pixel's conversion was not taken.
pub(crate) const PIXEL_ERROR: HeaderName = HeaderName::from_static("x-hopline-error");

const GIF: &[u8] = &[
    0x47, 0x49, 0x46, 0x38, 0x39, 0x61, 1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0x21, 0xf9, 4, 1, 0, 0, 0,
    0, 0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0, 0x3b,
];

/// An answer without body and with `no-store`, with room for `more` further headers.
pub(crate) fn bare(status: StatusCode, more: usize) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = status;
    *response.headers_mut() = HeaderMap::with_capacity(1 + more);
    response.headers_mut().insert(CACHE_CONTROL, NO_STORE);
    response
}

fn text(status: StatusCode, body: &'static str) -> Response<Body> {
    let mut response = bare(status, 2);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    *response.body_mut() = Full::new(Bytes::from_static(body.as_bytes()));
    response
}

/// 302 to `location`; `headers` is an empty map with room.
pub(crate) fn redirect(mut headers: HeaderMap, location: HeaderValue) -> Response<Body> {
    headers.insert(CACHE_CONTROL, NO_STORE);
    headers.insert(http::header::LOCATION, location);
    headers.insert(REFERRER_POLICY, POLICY);
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::FOUND;
    *response.headers_mut() = headers;
    response
}

/// Nothing there, or nowhere to go.
#[cold]
pub(crate) fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, "not found\n")
}

/// To a speculative fetch: ask again when a person clicks.
pub(crate) fn prefetch() -> Response<Body> {
    bare(StatusCode::SERVICE_UNAVAILABLE, 0)
}

/// The record could not be written.
#[cold]
pub(crate) fn unavailable() -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, "cannot record this now, try again\n");
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

#[cold]
pub(crate) fn method_not_allowed(allow: &'static str) -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(allow));
    response
}

pub(crate) fn robots() -> Response<Body> {
    text(StatusCode::OK, "User-agent: *\nDisallow: /\n")
}

/// The 1x1 transparent GIF.
pub(crate) fn gif() -> Response<Body> {
    let mut response = bare(StatusCode::OK, 2);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    *response.body_mut() = Full::new(Bytes::from_static(GIF));
    response
}
