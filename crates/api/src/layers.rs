//! What happens to every request and answer: ids, headers, problems, panics.

use std::any::Any;

use axum::body::{Body, HttpBody as _};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hopline_control_store::base62;

use crate::app::random;
use crate::caller::RequestId;
use crate::problem::{Place, Problem};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS: usize = 16;
/// The API shows nothing in a browser; the docs page sets its own.
const API_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// The outermost layer: gives the request an id, and the answer its headers.
pub(crate) async fn frame(mut request: Request, next: Next) -> Response {
    let id = base62(REQUEST_ID_CHARS, &mut random);
    let path = request.uri().path().to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = placed(problem, path, &id, response);
    }
    let headers = response.headers_mut();
    add_security(headers);
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(API_POLICY);
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The problem again, with path and request id in it.
fn placed(mut problem: Problem, path: String, id: &str, before: Response) -> Response {
    problem.place = Some(Box::new(Place { instance: path, request_id: id.to_owned() }));
    let (mut parts, body) = before.into_parts();
    // A HEAD request has a problem without a body.
    let is_empty = body.size_hint().exact() == Some(0);
    let written = problem.into_response().into_body();
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, if is_empty { Body::empty() } else { written })
}

/// Headers that every answer of ours has, on pages too.
pub fn add_security(headers: &mut HeaderMap) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("no-referrer"));
}

/// What is at no path.
pub(crate) async fn nothing_here(uri: Uri) -> Problem {
    let path = uri.path();
    let hint = if path.len() > 1 && path.ends_with('/') { "; paths end without a slash" } else { "" };
    Problem::not_found(format!("there is nothing at {path}{hint}"))
}

/// What a path does not take; the router adds `Allow`.
pub(crate) async fn not_this_method(method: Method, uri: Uri) -> Problem {
    Problem::method(format!("{method} is not allowed at {}", uri.path()))
}

/// A handler that panicked: its message goes to the log only.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the payload over")]
pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Response {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let message = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no text");
    tracing::error!(message, "an operation panicked");
    Problem::internal("the failure has been logged").into_response()
}
