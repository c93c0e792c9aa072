//! Reports of installs: what is recorded of them, and what is refused at once.
//!
//! | path | what is checked here | answer |
//! | --- | --- | --- |
//! | `/installs/skadnetwork`, `/installs/adattributionkit`, Apple's `/.well-known/…/report-attribution/` | Apple's signature | 200, empty |
//! | `/installs/play` | form, and the click id's signature | 202 |
//! | `/installs/measurement` | the advertiser's token | 200 |
//!
//! Whose install it is, and whether it counts, is decided at the intake, where it is known what an ad network's campaign stands
//! for and what an advertiser's measurement calls its fields: a report that means nothing yet is kept and can be matched later.
//! A reporter that is not answered 2xx sends again; what was recorded lately is answered as it was then, and what comes twice
//! nevertheless is counted once by the store.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hopline_catalogue::Catalogue;
use hopline_catalogue::data::Standing;
use hopline_installs::measurement::flatten;
use hopline_installs::play::PlayReport;
use hopline_installs::{AppleKeys, Refusal, adattributionkit, skadnetwork};
use hopline_record::{ConversionEvent, REPORT_BYTES_MAX, RequestedStatus};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{ConversionSource, GoalKind, UnixMillis};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::problem::{FieldError, Problem};
use super::{EventKey, auth, body, record};
use crate::answer::{self, Body};
use crate::query;
use crate::service::Edge;

/// The most bytes of one of Apple's postbacks; they have about 700.
const APPLE_BYTES_MAX: usize = 4096;
/// The most pairs of a report.
const PAIRS_MAX: usize = 500;
/// Longer values of a measurement's report (user agents, links) are left out.
const VALUE_BYTES_MAX: usize = 1024;

/// Which report is sent to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    SkAdNetwork,
    AdAttributionKit,
    Play,
    Measurement,
}

/// An event that may be recorded, and by what its repeat is known.
struct Checked {
    event: ConversionEvent,
    key: EventKey,
}

/// Answers a report.
pub(crate) async fn install(
    edge: Edge,
    request: Request<Incoming>,
    report: Report,
) -> (Response<Body>, EdgeOutcome) {
    let checked = match sent(request).await {
        Ok(sent) => check(&edge, report, &sent),
        Err(problem) => Err(problem),
    };
    let Checked { event, key } = match checked {
        Ok(checked) => checked,
        Err(problem) => return (problem.answer(), EdgeOutcome::Refused),
    };
    match record(&edge, &event, key).await {
        Ok(accepted) => (answer_of(report, &accepted), EdgeOutcome::Accepted),
        Err(_) => (answer::unavailable(), EdgeOutcome::Unavailable),
    }
}

fn answer_of(report: Report, accepted: &super::Accepted) -> Response<Body> {
    match report {
        Report::SkAdNetwork | Report::AdAttributionKit => answer::bare(StatusCode::OK, 0),
        Report::Play => accepted.answer(),
        Report::Measurement => {
            let mut response = accepted.answer();
            // Some of them take nothing else for success.
            *response.status_mut() = StatusCode::OK;
            response
        }
    }
}

/// What came: query and body.
struct Sent {
    query: Vec<u8>,
    body: Bytes,
    is_json: bool,
}

async fn sent(request: Request<Incoming>) -> Result<Sent, Problem> {
    let query = request.uri().query().unwrap_or_default().as_bytes().to_vec();
    let is_json = request.headers().get(CONTENT_TYPE).is_some_and(|value: &HeaderValue| {
        value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().ends_with(b"json")
    });
    Ok(Sent { query, body: body(request).await?, is_json })
}

fn check(edge: &Edge, report: Report, sent: &Sent) -> Result<Checked, Problem> {
    let thread = &edge.thread;
    let now = thread.turn().now;
    let mut cache = thread.catalogue.borrow_mut();
    let keys = &thread.shared.apple_keys;
    match report {
        Report::SkAdNetwork => apple(ConversionSource::Skadnetwork, &sent.body, keys, now),
        Report::AdAttributionKit => apple(ConversionSource::Adattributionkit, &sent.body, keys, now),
        Report::Play => play(cache.load(), sent, now),
        Report::Measurement => measurement(cache.load(), sent, now),
    }
}

fn apple(
    source: ConversionSource,
    body: &[u8],
    keys: &AppleKeys,
    now: UnixMillis,
) -> Result<Checked, Problem> {
    if body.len() > APPLE_BYTES_MAX {
        let detail = "a postback may have 4096 bytes at most";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail));
    }
    let read = match source {
        ConversionSource::Skadnetwork => skadnetwork::read(body, keys),
        _ => adattributionkit::read(body, keys),
    };
    let postback = read.map_err(|refusal| unbelieved(&refusal))?;
    let text = std::str::from_utf8(body).map_err(|_| malformed("the postback is no UTF-8"))?;
    let event = ConversionEvent::of_report(source, text, now).ok_or_else(too_long)?;
    Ok(Checked { event, key: (0, source.as_str().to_owned(), postback.key()) })
}

fn unbelieved(refusal: &Refusal) -> Problem {
    let status = match refusal {
        Refusal::NotJson { .. } => StatusCode::BAD_REQUEST,
        Refusal::Field { .. } | Refusal::Version { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::UnknownKey { .. } | Refusal::DevelopmentKey { .. } | Refusal::Signature { .. } => {
            StatusCode::FORBIDDEN
        }
    };
    Problem::of(status, refusal.field_name(), refusal.to_string())
}

/// From the app itself, which cannot hold a secret: its click id proves itself, and its conversion waits as `pending`. From the
/// advertiser's server, with the token, the offer's rule decides.
fn play(catalogue: &Catalogue, sent: &Sent, now: UnixMillis) -> Result<Checked, Problem> {
    let pairs = pairs(sent)?;
    let given = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let report = PlayReport::read(given, &[]).map_err(|errors| {
        let error = |(field, message)| FieldError { field, message };
        Problem::fields(errors.into_iter().map(error).collect())
    })?;
    let unprocessable =
        |message: String| Problem::of(StatusCode::UNPROCESSABLE_ENTITY, "install_referrer", message);
    let click_id = report
        .click_id
        .ok_or_else(|| unprocessable("carries no click id as hl_click, click_id or clickid".to_owned()))?;
    let claims = catalogue
        .keys()
        .verify(&click_id, now)
        .map_err(|refused| unprocessable(format!("its click id: {refused} ({})", refused.as_str())))?;
    let offer = catalogue
        .offer(claims.offer)
        .ok_or_else(|| unprocessable(format!("the offer {} of its click id is not there", claims.offer)))?;
    let advertiser = catalogue.advertiser_of(offer);
    if advertiser.standing == Standing::Blocked {
        return Err(blocked());
    }
    if !offer.goals.iter().any(|goal| goal.kind == GoalKind::Ppi) {
        return Err(unprocessable(format!(
            "the offer {} of its click id pays for no installs",
            claims.offer
        )));
    }
    let token = first(&pairs, "token");
    let is_proved = !token.is_empty() && auth::is_token(token, advertiser)?;
    if !token.is_empty() && !is_proved {
        return Err(Problem::of(
            StatusCode::FORBIDDEN,
            "token",
            "this is not the advertiser's postback token",
        ));
    }
    let kept = ["app", "install_version", "install_referrer", "google_play_instant"];
    let is_kept = |name: &str| kept.contains(&name) || name.contains("_timestamp_");
    let text = object(pairs.iter().filter(|(name, _)| is_kept(name)));
    let mut event = ConversionEvent::of_report(ConversionSource::Play, &text, now).ok_or_else(too_long)?;
    event.requested_status = if is_proved { RequestedStatus::Unstated } else { RequestedStatus::Pending };
    (event.advertiser, event.offer) = (advertiser.number, offer.number);
    event.click_id = click_id;
    let key = (event.advertiser, "play".to_owned(), event.click_id.clone());
    Ok(Checked { event, key })
}

fn measurement(catalogue: &Catalogue, sent: &Sent, now: UnixMillis) -> Result<Checked, Problem> {
    let pairs = pairs(sent)?;
    let advertiser = auth::holder(first(&pairs, "token"), catalogue)?;
    if advertiser.standing == Standing::Blocked {
        return Err(blocked());
    }
    let is_kept = |(name, value): &&(String, String)| {
        name != "token" && !value.is_empty() && value.len() <= VALUE_BYTES_MAX && name.len() <= 200
    };
    let text = object(pairs.iter().filter(is_kept));
    let mut event =
        ConversionEvent::of_report(ConversionSource::Measurement, &text, now).ok_or_else(too_long)?;
    event.advertiser = advertiser.number;
    // What makes it one is not known here, but the same words are.
    let digest = STANDARD.encode(Sha256::digest(text.as_bytes()));
    Ok(Checked { key: (event.advertiser, "measurement".to_owned(), digest), event })
}

fn blocked() -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "this advertiser is blocked")
}

fn malformed(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn too_long() -> Problem {
    let detail = format!("the report may have {REPORT_BYTES_MAX} bytes at most: have fewer fields sent");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, &detail)
}

/// Decoded pairs of query and body, of which the first with a name counts.
fn pairs(sent: &Sent) -> Result<Vec<(String, String)>, Problem> {
    let mut pairs = form(&sent.query);
    if sent.is_json {
        let message: Value = serde_json::from_slice(&sent.body)
            .map_err(|error| malformed(&format!("the body is no JSON: {error}")))?;
        pairs.extend(flatten(&message));
    } else {
        pairs.extend(form(&sent.body));
    }
    if pairs.len() > PAIRS_MAX {
        return Err(malformed("at most 500 parameters are accepted"));
    }
    Ok(pairs)
}

fn form(raw: &[u8]) -> Vec<(String, String)> {
    let decoded = |raw: &[u8]| {
        let mut bytes = Vec::new();
        query::decode(raw, &mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        text.chars().filter(|c| !c.is_control()).collect::<String>()
    };
    query::pairs(raw).take(PAIRS_MAX + 1).map(|(name, value)| (decoded(name), decoded(value))).collect()
}

fn first<'a>(pairs: &'a [(String, String)], wanted: &str) -> &'a str {
    let found = pairs.iter().find(|(name, value)| name == wanted && !value.is_empty());
    found.map_or("", |(_, value)| value.as_str())
}

/// Pairs as a JSON object; the first of a name counts.
fn object<'a>(pairs: impl Iterator<Item = &'a (String, String)>) -> String {
    let mut fields = Map::new();
    for (name, value) in pairs {
        fields.entry(name.clone()).or_insert_with(|| Value::String(value.clone()));
    }
    Value::Object(fields).to_string()
}
