//! Conversions at the edge: `/postback` from servers, `/pixel.gif` from browsers.
//!
//! # Where parameters come from
//!
//! From the body of a POST (`application/x-www-form-urlencoded`) if there is one, else from the query; both at once are
//! refused, so that a signature always covers all of them. Of a parameter given twice the first counts. Values that are no
//! UTF-8 are refused.
//!
//! # What is checked, in this order
//!
//! 1. `click_id`: signature and time. Its offer and that offer's advertiser are the conversion's. Without a click id the
//!    advertiser is found by `token`, or by `offer` where that offer demands signatures.
//! 2. The proof that the offer demands: `token` (compared by SHA-256 in constant time) or `sig`: hex HMAC-SHA256 with the
//!    advertiser's signing key over the parameters exactly as sent, up to but without `&sig=`, which stands last; `ts` (Unix
//!    seconds) then lies within 300 s. 401 where nothing is offered, 403 where it is wrong. Without a click id an offer that
//!    demands nothing still needs the token.
//! 3. All fields, with every error at once (422).
//!
//! A pixel cannot hold a secret: it needs a valid click id and nothing else, and its conversion waits as `pending`.
//!
//! `order_id` is needed for sales, and where there is no click id; other goals without one happen once per click.
//!
//! # Repeats
//!
//! The last conversions are remembered by (advertiser, goal, order id or click id): a repeat is answered with the first
//! event's id and `"duplicate":true`, and not recorded again. The memory is this process's and forgets everything when
//! it is full; the store is the real guard. Two equal requests at the same instant may both be recorded.

mod auth;
mod fields;
mod installs;
mod problem;

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use dashmap::DashMap;
use hopline_catalogue::Catalogue;
use hopline_clickid::UniqueNumber;
use hopline_record::{ConversionEvent, Kind};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{ConversionSource, UnixMillis};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use std::time::Duration;

use crate::answer::{self, Body};
use crate::commit::NotWritten;
use crate::service::Edge;
use fields::{Checked, Parameters};
pub(crate) use installs::{Report, install};
use problem::Problem;

const BODY_BYTES_MAX: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
const RECENT_MAX: usize = 100_000;

/// Conversions that were accepted lately.
#[derive(Debug, Default)]
pub(crate) struct RecentEvents {
    events: DashMap<EventKey, UniqueNumber, foldhash::quality::RandomState>,
    count: AtomicUsize,
}

/// Advertiser, goal, and order id or click id.
type EventKey = (u32, String, String);

impl RecentEvents {
    fn get(&self, key: &EventKey) -> Option<UniqueNumber> {
        self.events.get(key).map(|found| *found)
    }

    fn remember(&self, key: EventKey, event: UniqueNumber) {
        if self.count.fetch_add(1, Ordering::Relaxed) >= RECENT_MAX {
            self.count.store(1, Ordering::Relaxed);
            self.events.clear();
        }
        self.events.entry(key).or_insert(event);
    }
}

/// What became of a conversion that was not refused.
struct Accepted {
    event: UniqueNumber,
    is_duplicate: bool,
}

/// Answers `/postback`.
pub(crate) async fn answer(edge: Edge, request: Request<Incoming>) -> (Response<Body>, EdgeOutcome) {
    let outcome = match parameters(request).await {
        Ok(raw) => take(&edge, &raw, ConversionSource::Postback).await,
        Err(problem) => Err(problem),
    };
    match outcome {
        Ok(Ok(accepted)) => (accepted.answer(), EdgeOutcome::Accepted),
        Ok(Err(_)) => (answer::unavailable(), EdgeOutcome::Unavailable),
        Err(problem) => (problem.answer(), EdgeOutcome::Refused),
    }
}

/// Answers `/pixel.gif`: the image, whatever came; what was wrong stands in a header.
pub(crate) async fn pixel(edge: Edge, request: Request<Incoming>) -> (Response<Body>, EdgeOutcome) {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let (error, outcome) = match take(&edge, query.as_bytes(), ConversionSource::Pixel).await {
        Ok(Ok(_)) => (None, EdgeOutcome::Accepted),
        Ok(Err(_)) => (Some(HeaderValue::from_static("not recorded")), EdgeOutcome::Unavailable),
        Err(problem) => (Some(problem.header()), EdgeOutcome::Refused),
    };
    let mut response = answer::gif();
    // A shop's script reads what became of its call.
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-hopline-error"));
    headers.insert(answer::RESOURCE_POLICY, HeaderValue::from_static("cross-origin"));
    if let Some(error) = error {
        response.headers_mut().insert(answer::PIXEL_ERROR, error);
    }
    (response, outcome)
}

/// The parameters as sent.
async fn parameters(request: Request<Incoming>) -> Result<Vec<u8>, Problem> {
    let query = request.uri().query().unwrap_or_default().as_bytes().to_vec();
    if request.body().is_end_stream() {
        return Ok(query);
    }
    let is_form = is_form(&request);
    let body = body(request).await?;
    match (query.is_empty(), body.is_empty()) {
        (_, true) => Ok(query),
        (true, false) if is_form => Ok(body.into()),
        (true, false) => {
            let detail = "a body is expected as application/x-www-form-urlencoded";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
        }
        (false, false) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "parameters come in the query or in the body, not in both",
        )),
    }
}

/// Whether the body is said, or for want of another word taken, to be a form.
fn is_form(request: &Request<Incoming>) -> bool {
    request.headers().get(CONTENT_TYPE).is_none_or(|value| {
        let essence = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        essence.trim_ascii().eq_ignore_ascii_case(b"application/x-www-form-urlencoded")
    })
}

/// The body, as far as it is short and comes soon.
async fn body(request: Request<Incoming>) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = "the body may have 65536 bytes at most";
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
        Ok(Err(_)) => Err(Problem::new(StatusCode::BAD_REQUEST, "the body ended too early")),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive within 10 seconds")),
    }
}

/// Reads parameters as sent and checks everything.
pub(crate) fn read(
    catalogue: &Catalogue,
    raw: &[u8],
    source: ConversionSource,
    now: UnixMillis,
) -> Result<Checked, Problem> {
    fields::check(catalogue, &Parameters::parse(raw)?, source, now)
}

/// Checks, records, waits until it is durable.
async fn take(
    edge: &Edge,
    raw: &[u8],
    source: ConversionSource,
) -> Result<Result<Accepted, NotWritten>, Problem> {
    let thread = &edge.thread;
    let now = thread.turn().now;
    let checked = read(thread.catalogue.borrow_mut().load(), raw, source, now)?;
    let key = checked.key();
    Ok(record(edge, &checked.event, key).await)
}

/// Records an event unless it was recorded lately, and waits until it is durable.
async fn record(edge: &Edge, checked: &ConversionEvent, key: EventKey) -> Result<Accepted, NotWritten> {
    let thread = &edge.thread;
    let now = checked.received_at;
    if let Some(event) = thread.shared.recent.get(&key) {
        return Ok(Accepted { event, is_duplicate: true });
    }
    let mut payload = Vec::with_capacity(512);
    checked.encode(&mut payload);
    let event = thread.log.next_number(now)?;
    thread.log.append(now, Kind::Conversion, &payload)?.await?;
    thread.shared.recent.remember(key, event);
    Ok(Accepted { event, is_duplicate: false })
}

impl Accepted {
    fn answer(&self) -> Response<Body> {
        let mut body = serde_json::json!({"accepted": true, "event_id": self.event.to_string()});
        if self.is_duplicate {
            body["duplicate"] = true.into();
        }
        let mut response = answer::bare(StatusCode::ACCEPTED, 1);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *response.body_mut() = Full::new(Bytes::from(body.to_string()));
        response
    }
}
