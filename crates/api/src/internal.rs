//! What edges by themselves ask of an API: `/internal/v1/…`. For edges of the same version and nobody else; it is not in
//! the OpenAPI document and may change with every release.
//!
//! | request | answer |
//! |---|---|
//! | `GET /internal/v1/catalogue` | 200 with the snapshot's bytes (`hopline_catalogue::snapshot`) and an `ETag`; with `If-None-Match` of the version in force it waits up to [`WAIT_MAX`] for another, then 304 |
//! | `POST /internal/v1/events` | `{"events":[{"id":"3-0-17","record":"base64"}]}`: reported conversions as spooled; 200 `{"taken":n,"refused":[{"id","reason"}],"unreadable":[…]}` |
//!
//! An edge says who it is in `Hopline-Edge` (its `edge.id`) and `Hopline-Edge-Instance` (a mark of its data directory); the
//! answer's `Hopline-Edge-Was` is the mark found before, so that two edges with one id notice each other.
//!
//! # Who may
//!
//! Bearers of an edge key (`hl_ed_…`, `hopline key create --role edge`), which opens nothing else. The snapshot holds the
//! installation's own keys, of clicks and of advertisers: whoever has an edge key can make click ids. Let this path be
//! reached over TLS and from edges only.
//!
//! # Repetition
//!
//! Events are taken once by their id, however often they are handed in. What is refused is kept as refused, like those of an
//! edge beside its store. What cannot be read is named and not kept: the edge sets it aside.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hopline_books::{Intake, intake_events};
use hopline_control_store::{Database, DatabaseExt, StoreError, edge_keys, keys, leases};
use hopline_record::ConversionEvent;
use hopline_runtime::clock::Clock;
use hopline_runtime::lifecycle::Shutdown;
use http_body_util::{BodyExt as _, Limited};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, watch};
use tower_http::catch_panic::CatchPanicLayer;

use crate::layers;
use crate::problem::Problem;

/// Longest wait for a new catalogue. Shorter than proxies' usual patience.
pub const WAIT_MAX: Duration = Duration::from_secs(20);
/// Bytes of one handing-in of events.
const EVENTS_BYTES_MAX: usize = 16 << 20;
/// Events of one handing-in.
const EVENTS_MAX: usize = 2_000;
const EVENTS_TIME_MAX: Duration = Duration::from_secs(60);
/// Characters of an event's id.
const ID_CHARS_MAX: usize = 64;
/// Characters of the mark of a data directory.
const MARK_CHARS_MAX: usize = 64;

const EDGE: HeaderName = HeaderName::from_static("hopline-edge");
const INSTANCE: HeaderName = HeaderName::from_static("hopline-edge-instance");
const WAS: HeaderName = HeaderName::from_static("hopline-edge-was");

/// A catalogue as edges are given it.
#[derive(Debug, Clone, Default)]
pub struct PublishedCatalogue {
    /// Its version.
    pub version: i64,
    /// The snapshot; empty while there is none yet.
    pub bytes: Bytes,
}

/// What the internal paths work on.
#[derive(Debug, Clone)]
pub struct InternalServices {
    /// Where keys are, and conversions go.
    pub database: Arc<dyn Database>,
    /// The time.
    pub clock: Clock,
    /// The catalogue in force.
    pub catalogue: watch::Receiver<PublishedCatalogue>,
    /// Woken when conversions wait for their decision.
    pub wake_worker: Arc<Notify>,
    /// Ends waiting.
    pub shutdown: Shutdown,
}

/// The routes for edges, to be merged with [`crate::router`].
pub fn internal_router(services: InternalServices) -> Router {
    let services = Arc::new(services);
    Router::new()
        .route("/internal/v1/catalogue", get(catalogue))
        .route("/internal/v1/events", post(events))
        .route_layer(from_fn_with_state(Arc::clone(&services), guard))
        .with_state(services)
        .layer(CatchPanicLayer::custom(layers::panicked))
        .layer(from_fn(layers::frame))
}

async fn guard(
    State(services): State<Arc<InternalServices>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = given.and_then(|text| text.split_once(' '));
    let Some((_, key)) = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")) else {
        return Err(Problem::unauthenticated("send an edge key: Authorization: Bearer hl_ed_…"));
    };
    let key = key.trim().to_owned();
    keys::looks_like_edge_key(&key).map_err(|refusal| Problem::unauthenticated(refusal.to_string()))?;
    let found = services.database.read(move |tx| edge_keys::authenticate(tx, &key)).await;
    match found.map_err(|failure: StoreError| Problem::from(failure))? {
        Some(_) => Ok(next.run(request).await),
        None => Err(Problem::unauthenticated("the edge key is unknown or withdrawn")),
    }
}

async fn catalogue(
    State(services): State<Arc<InternalServices>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let was = announced(&services, &headers).await?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let known = known.and_then(|tag| tag.trim().strip_prefix("\"v")?.strip_suffix('"')?.parse::<i64>().ok());
    let mut catalogue = services.catalogue.clone();
    let is_news = |now: &PublishedCatalogue| !now.bytes.is_empty() && known != Some(now.version);
    let waited = tokio::select! {
        waited = tokio::time::timeout(WAIT_MAX, catalogue.wait_for(is_news)) => waited.ok(),
        () = services.shutdown.begun() => None,
    };
    // Nobody publishes any more: the process ends.
    let news = waited.and_then(Result::ok).map(|now| now.clone());
    let mut response = match news {
        Some(news) => {
            let content = HeaderValue::from_static("application/octet-stream");
            ([(header::CONTENT_TYPE, content), (header::ETAG, tag(news.version))], Body::from(news.bytes))
                .into_response()
        }
        None => match known {
            Some(version) => (StatusCode::NOT_MODIFIED, [(header::ETAG, tag(version))]).into_response(),
            None => return Err(Problem::unavailable("there is no catalogue yet")),
        },
    };
    if let Some(was) = was.and_then(|was| HeaderValue::try_from(was).ok()) {
        response.headers_mut().insert(WAS, was);
    }
    Ok(response)
}

fn tag(version: i64) -> HeaderValue {
    HeaderValue::try_from(format!("\"v{version}\"")).expect("digits are well-formed in a header")
}

/// Puts the edge's mark, and gives the one found there.
async fn announced(services: &InternalServices, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(edge), Some(mark)) = (text(&EDGE), text(&INSTANCE)) else { return Ok(None) };
    let Ok(edge) = edge.parse::<u16>() else {
        return Err(Problem::malformed("Hopline-Edge is no number of an edge"));
    };
    if mark.is_empty() || mark.len() > MARK_CHARS_MAX {
        return Err(Problem::malformed("Hopline-Edge-Instance is no mark of a data directory"));
    }
    let mark = mark.to_owned();
    let announce = services.database.book(move |tx| leases::announce(tx, &edge_lease(edge), &mark));
    announce.await.map_err(|failure: StoreError| Problem::from(failure))
}

/// The name under which an edge announces itself.
#[must_use]
pub fn edge_lease(edge: u16) -> String {
    format!("edge:{edge}")
}

#[derive(Debug, Deserialize)]
struct Handed {
    events: Vec<HandedEvent>,
}

#[derive(Debug, Deserialize)]
struct HandedEvent {
    id: String,
    record: String,
}

#[derive(Debug, Serialize)]
struct Taken {
    taken: usize,
    refused: Vec<NotTaken>,
    unreadable: Vec<NotTaken>,
}

#[derive(Debug, Serialize)]
struct NotTaken {
    id: String,
    reason: String,
}

async fn events(
    State(services): State<Arc<InternalServices>>,
    request: Request,
) -> Result<Response, Problem> {
    let body = Limited::new(request.into_body(), EVENTS_BYTES_MAX).collect();
    let bytes = tokio::time::timeout(EVENTS_TIME_MAX, body)
        .await
        .map_err(|_| Problem::timeout(format!("the events did not arrive within {EVENTS_TIME_MAX:?}")))?
        .map_err(|_| {
            Problem::too_large(format!("the events broke off, or have more than {EVENTS_BYTES_MAX} bytes"))
        })?
        .to_bytes();
    let handed: Handed = serde_json::from_slice(&bytes)
        .map_err(|refusal| Problem::malformed(format!("these are no events: {refusal}")))?;
    if handed.events.len() > EVENTS_MAX {
        return Err(Problem::too_large(format!("at most {EVENTS_MAX} events at once")));
    }
    let mut unreadable = Vec::new();
    let mut read = Vec::new();
    for HandedEvent { id, record } in handed.events {
        match event(&id, &record) {
            Ok(event) => read.push((id, event)),
            Err(reason) => unreadable.push(NotTaken { id, reason }),
        }
    }
    let now = services.clock.now();
    let ids: Vec<String> = read.iter().map(|(id, _)| id.clone()).collect();
    let outcomes = services.database.book(move |tx| intake_events(tx, &read, now)).await?;
    let refused: Vec<NotTaken> = ids
        .into_iter()
        .zip(&outcomes)
        .filter_map(|(id, outcome)| match outcome {
            Intake::Refused { errors } => {
                let told = errors.iter().map(|error| format!("{}: {}", error.field, error.message));
                Some(NotTaken { id, reason: told.collect::<Vec<_>>().join("; ") })
            }
            Intake::Taken { .. } | Intake::Repeat { .. } | Intake::Kept { .. } => None,
        })
        .collect();
    services.wake_worker.notify_one();
    Ok(Json(Taken { taken: outcomes.len() - refused.len(), refused, unreadable }).into_response())
}

fn event(id: &str, record: &str) -> Result<ConversionEvent, String> {
    if id.is_empty()
        || id.len() > ID_CHARS_MAX
        || !id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
    {
        return Err("its id is not of the form edge-stream-record".to_owned());
    }
    let payload = STANDARD.decode(record).map_err(|refusal| format!("its record is no base64: {refusal}"))?;
    ConversionEvent::decode(&payload).map_err(|refusal| format!("its record cannot be read: {refusal}"))
}
