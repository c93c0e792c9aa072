//! What holds for every request: refused origins, headers of answers.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hopline_api::refuse_cross_site;

use crate::pages::message;
use crate::state::PortalState;

/// Everything from here, nothing inline; the chart's own styles are set by script, which this allows.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

const TRANSPORT: &str = "max-age=31536000";

/// Refuses changes that another site asks for (S-06).
pub(crate) async fn refuse_other_sites(request: Request, next: Next) -> Response {
    match refuse_cross_site(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => message::Refused::from(problem).into_response(),
    }
}

/// Adds the headers of S-24. Pages are not stored, unless they say otherwise.
pub(crate) async fn headers(State(state): State<PortalState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if state.is_https() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
