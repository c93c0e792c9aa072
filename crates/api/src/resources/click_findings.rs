//! `/v1/click_findings`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::findings::{self, Finding, FindingFilter, NewFinding};
use hopline_control_store::{DatabaseExt, Scope, affiliates, offers};
use hopline_types::{AffiliateId, ClickFilter, FindingId, HOUR_MS, OfferId, Reason, UnixMillis};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::no_such;
use crate::app::App;
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/click_findings";
const REMARK_CHARS_MAX: usize = 1_000;
const PERIOD_DAYS_MAX: i64 = 366;

/// What can be found out later; the rest follows from settings at the time of the click.
const REASONS: &[(&str, Reason)] = &[
    ("bot", Reason::Bot),
    ("datacenter", Reason::Datacenter),
    ("prefetch", Reason::Prefetch),
    ("stuffing", Reason::Stuffing),
    ("geo", Reason::Geo),
    ("device", Reason::Device),
    ("blocked", Reason::Blocked),
];

/// What clicks must equal, each part exactly. Empty text means clicks without one.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClickFilter)]
pub(crate) struct FilterView {
    #[schema(max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
    #[schema(max_length = 200)]
    #[serde(skip_serializing_if = "Option::is_none")]
    sub1: Option<String>,
    #[schema(max_length = 253)]
    #[serde(skip_serializing_if = "Option::is_none")]
    referrer_host: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    #[schema(pattern = "^([A-Z]{2})?$")]
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// Number of the autonomous system; 0 where it is not known.
    #[schema(minimum = 0, maximum = 4_294_967_295_i64)]
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<u32>,
}

/// A later decision: these clicks are invalid. Never changed; another one comes beside it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClickFindingView {
    #[schema(minimum = 1)]
    id: i64,
    offer_id: i64,
    affiliate_id: i64,
    /// From then on.
    from: Time,
    /// Up to then, exclusive.
    to: Time,
    filter: FilterView,
    reason: &'static str,
    remark: String,
    /// Operators and finance are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    decided_by: Option<String>,
    decided_at: Time,
    /// How many clicks became invalid; null before it was applied.
    clicks: Option<i64>,
    applied_at: Option<Time>,
}

impl ClickFindingView {
    fn of(finding: &Finding, caller: &Caller) -> Self {
        let Finding { id, what, decided_by, decided_at, applied } = finding;
        let ClickFilter { source, sub1, referrer_host, country, network } = what.filter.clone();
        Self {
            id: id.get(),
            offer_id: what.offer_id.get(),
            affiliate_id: what.affiliate_id.get(),
            from: Time(what.from),
            to: Time(what.to),
            filter: FilterView { source, sub1, referrer_host, country, network },
            reason: what.reason.as_str(),
            remark: what.remark.clone(),
            decided_by: (caller.scope == Scope::All).then(|| decided_by.clone()),
            decided_at: Time(*decided_at),
            clicks: applied.map(|applied| applied.clicks),
            applied_at: applied.map(|applied| Time(applied.at)),
        }
    }
}

/// Decide that clicks are invalid, after they were counted. The worker applies it: the clicks' class and reason change in
/// reports and raw clicks, they win no further conversions, and what was settled for them is taken back by the ledger,
/// also after its payout. Clicks of the period that are stored later are invalid too.
#[utoipa::path(post, path = COLLECTION, tag = "click_findings",
    request_body = crate::forms::ClickFindingForm,
    responses((status = 201, body = ClickFindingView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let now = app.services.clock.now();
    let mut fields = Fields::body(&change.body);
    let offer_id = fields.id::<OfferId>("offer_id");
    let affiliate_id = fields.id::<AffiliateId>("affiliate_id");
    let period = period(&mut fields, now);
    let filter = filter(&mut fields);
    let reason = fields.choice("reason", REASONS);
    let remark = fields.text("remark", REMARK_CHARS_MAX);
    fields.finish()?;
    let (from, to) = period.expect("a missing period was remarked on");
    let new = NewFinding {
        offer_id: offer_id.expect("a missing offer was remarked on"),
        affiliate_id: affiliate_id.expect("a missing affiliate was remarked on"),
        from,
        to,
        filter,
        reason: reason.expect("a missing reason was remarked on"),
        remark,
    };
    work::run(&app, &change, Tell::Worker, move |work| {
        let scope = work.caller.scope;
        if offers::get(work.tx, scope, new.offer_id)?.is_none() {
            return Err(no_such("offer_id", "offer", new.offer_id));
        }
        if affiliates::get(work.tx, scope, new.affiliate_id)?.is_none() {
            return Err(no_such("affiliate_id", "affiliate", new.affiliate_id));
        }
        let finding = findings::create(work.tx, &new, &work.caller.actor.name, work.now)?;
        let view = ClickFindingView::of(&finding, work.caller);
        let object = format!("click_finding:{}", finding.id);
        work.audit("click_finding.create", object, None, serde_json::to_value(&view).ok())?;
        Ok(Done::created(COLLECTION, view))
    })
    .await
}

fn period(fields: &mut Fields<'_>, now: UnixMillis) -> Option<(UnixMillis, UnixMillis)> {
    for name in ["from", "to"] {
        if fields.value(name).is_none() {
            fields.missing(name);
        }
    }
    let (from, to) = (fields.optional_time("from"), fields.optional_time("to"));
    if to.is_some_and(|to| to > now) {
        fields.refuse("to", "is in the future: only what has happened can be found out");
    }
    let (from, to) = from.zip(to)?;
    if to <= from {
        fields.refuse("to", "is not after `from`");
    } else if to.since(from) > PERIOD_DAYS_MAX * 24 * HOUR_MS {
        fields.refuse("to", format!("is more than {PERIOD_DAYS_MAX} days after `from`"));
    }
    Some((from, to))
}

fn filter(fields: &mut Fields<'_>) -> ClickFilter {
    let Some(value) = fields.value("filter") else { return ClickFilter::default() };
    let mut parts = Fields::at(fields.place("filter"), value);
    let filter = ClickFilter {
        source: parts.optional_text("source", TEXT_CHARS_MAX),
        sub1: parts.optional_text("sub1", TEXT_CHARS_MAX),
        referrer_host: parts.optional_text("referrer_host", 253),
        country: parts.optional_text("country", TEXT_CHARS_MAX),
        network: parts
            .optional_whole("network", 0, i64::from(u32::MAX))
            .and_then(|network| u32::try_from(network).ok()),
    };
    let is_country =
        |text: &str| text.is_empty() || text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase());
    if filter.country.as_deref().is_some_and(|country| !is_country(country)) {
        parts.refuse("country", "is no ISO 3166-1 alpha-2 code such as DE");
    }
    fields.refuse_all(parts.close());
    filter
}

/// List findings: an affiliate's are those about its clicks, an advertiser's those on its offers.
#[utoipa::path(get, path = COLLECTION, tag = "click_findings",
    params(crate::forms::ListParameters,
        ("offer_id" = Option<i64>, Query, description = "Only on this offer"),
        ("affiliate_id" = Option<i64>, Query, description = "Only about this affiliate")),
    responses((status = 200, body = crate::forms::Page<ClickFindingView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = FindingFilter { offer_id: query.id("offer_id"), affiliate_id: query.id("affiliate_id") };
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(findings::list(tx, scope, filter, page)?))
        .await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), |row| ClickFindingView::of(row, &caller))))
}

/// Get a finding.
#[utoipa::path(get, path = "/v1/click_findings/{id}", tag = "click_findings",
    params(("id" = i64, Path)),
    responses((status = 200, body = ClickFindingView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<FindingId>,
) -> Result<Json<ClickFindingView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(findings::get(tx, scope, id)?)).await;
    let found = found?.ok_or_else(|| Problem::not_found(format!("there is no click finding {id}")))?;
    Ok(Json(ClickFindingView::of(&found, &caller)))
}
