//! Answers whose parts are known beforehand.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION,
    REFERRER_POLICY, RETRY_AFTER, SET_COOKIE,
};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::Full;

use crate::reply::{GIF, NOT_FOUND, ROBOTS, Reply, UNAVAILABLE};

pub(crate) type Body = Full<Bytes>;

pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
/// The shop learns the publisher's origin, never its page; nothing on the way from https to http. It is what browsers do
/// where nothing is said; saying it overrules a stricter or looser policy of the page only in this direction.
pub(crate) const POLICY: HeaderValue = HeaderValue::from_static("strict-origin-when-cross-origin");
/// Pages that isolate themselves may embed it.
pub(crate) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
/// Why a pixel's conversion was not taken.
pub(crate) const PIXEL_ERROR: HeaderName = HeaderName::from_static("x-hopline-error");

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

/// A reply as a response: what the lane writes as bytes ([`crate::lane`]).
pub(crate) fn of(reply: Reply<'_>) -> Response<Body> {
    match reply {
        Reply::Redirect { location, cookie } => redirect(location, cookie),
        Reply::Image => gif(),
        Reply::Later => prefetch(),
        Reply::NotFound => not_found(),
        Reply::Robots => robots(),
        Reply::Json(body) => json(body),
        Reply::Unavailable => unavailable(),
    }
}

fn redirect(location: &[u8], cookie: &[u8]) -> Response<Body> {
    // The reply's maker saw to it that no other bytes are in there.
    let Ok(location) = HeaderValue::from_bytes(location) else { return not_found() };
    let mut response = bare(StatusCode::FOUND, 3);
    response.headers_mut().insert(LOCATION, location);
    response.headers_mut().insert(REFERRER_POLICY, POLICY);
    if let Ok(cookie) = HeaderValue::from_bytes(cookie)
        && !cookie.is_empty()
    {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// To a script of any shop's page.
fn json(body: &[u8]) -> Response<Body> {
    let mut response = bare(StatusCode::OK, 2);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    *response.body_mut() = Full::new(Bytes::copy_from_slice(body));
    response
}

/// Nothing there, or nowhere to go.
#[cold]
pub(crate) fn not_found() -> Response<Body> {
    text(StatusCode::NOT_FOUND, NOT_FOUND)
}

/// To a speculative fetch: ask again when a person clicks.
fn prefetch() -> Response<Body> {
    bare(StatusCode::SERVICE_UNAVAILABLE, 0)
}

/// The record could not be written.
#[cold]
pub(crate) fn unavailable() -> Response<Body> {
    let mut response = text(StatusCode::SERVICE_UNAVAILABLE, UNAVAILABLE);
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
    text(StatusCode::OK, ROBOTS)
}

/// The 1x1 transparent GIF.
pub(crate) fn gif() -> Response<Body> {
    let mut response = bare(StatusCode::OK, 2);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("image/gif"));
    *response.body_mut() = Full::new(Bytes::from_static(GIF));
    response
}
