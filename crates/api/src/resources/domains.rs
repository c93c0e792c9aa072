//! `/v1/domains`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use hopline_catalogue::data::DomainEntry;
use hopline_catalogue::{Domain as Compiled, check_domain_host};
use hopline_control_store::domains::{self, Domain, DomainFilter, DomainSettings};
use hopline_control_store::{DatabaseExt, advertisers, affiliates};
use hopline_types::{AdvertiserId, AffiliateId, DomainId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::offers::URL_CHARS_MAX;
use super::{no_such, taken};
use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell, Work};

const COLLECTION: &str = "/v1/domains";
const HOST_CHARS_MAX: usize = 253;

/// A host of links beside the edge's own. Its DNS must point to the edge.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DomainView {
    #[schema(minimum = 1)]
    id: i64,
    /// As browsers write it: small letters, punycode.
    host: String,
    /// Only this affiliate's links are answered on it.
    affiliate_id: Option<i64>,
    /// Only links to this advertiser's offers are answered on it.
    advertiser_id: Option<i64>,
    /// Where visitors go whose path names no link of this host; null: 404.
    default_url: Option<String>,
    created_at: Time,
    updated_at: Time,
}

impl DomainView {
    fn of(domain: &Domain) -> Self {
        Self {
            id: domain.id.get(),
            host: domain.host.clone(),
            affiliate_id: domain.settings.affiliate_id.map(AffiliateId::get),
            advertiser_id: domain.settings.advertiser_id.map(AdvertiserId::get),
            default_url: domain.settings.default_url.clone(),
            created_at: Time(domain.created_at),
            updated_at: Time(domain.updated_at),
        }
    }

    fn log(domain: &Domain) -> Option<Value> {
        serde_json::to_value(Self::of(domain)).ok()
    }
}

/// What to change; `None` leaves as it is, `Some(None)` takes away.
#[derive(Clone)]
struct DomainChange {
    affiliate_id: Option<Option<AffiliateId>>,
    advertiser_id: Option<Option<AdvertiserId>>,
    default_url: Option<Option<String>>,
}

impl DomainChange {
    fn read(fields: &mut Fields<'_>) -> Self {
        let (affiliate, advertiser) =
            (fields.optional_id("affiliate_id"), fields.optional_id("advertiser_id"));
        let url = fields.optional_text("default_url", URL_CHARS_MAX);
        if let Some(url) = &url {
            check_default_url(fields, url);
        }
        Self {
            affiliate_id: fields.has("affiliate_id").then_some(affiliate),
            advertiser_id: fields.has("advertiser_id").then_some(advertiser),
            default_url: fields.has("default_url").then_some(url),
        }
    }

    fn apply(&self, domain: &mut DomainSettings) {
        domain.affiliate_id = self.affiliate_id.unwrap_or(domain.affiliate_id);
        domain.advertiser_id = self.advertiser_id.unwrap_or(domain.advertiser_id);
        if let Some(url) = &self.default_url {
            domain.default_url.clone_from(url);
        }
    }

    /// Refuses owners that are not there.
    fn check(&self, work: &mut Work<'_>) -> Result<(), Problem> {
        let scope = work.caller.scope;
        if let Some(id) = self.affiliate_id.flatten()
            && affiliates::get(work.tx, scope, id)?.is_none()
        {
            return Err(no_such("affiliate_id", "affiliate", id));
        }
        if let Some(id) = self.advertiser_id.flatten()
            && advertisers::get(work.tx, scope, id)?.is_none()
        {
            return Err(no_such("advertiser_id", "advertiser", id));
        }
        Ok(())
    }
}

/// As edges would refuse it.
fn check_default_url(fields: &mut Fields<'_>, url: &str) {
    let entry = DomainEntry {
        id: DomainId::new(1).expect("1 is an id"),
        host: "domain.example".to_owned(),
        affiliate_id: None,
        advertiser_id: None,
        default_url: Some(url.to_owned()),
    };
    for refusal in Compiled::compile(&entry).err().unwrap_or_default() {
        fields.refuse(&refusal.field, refusal.message);
    }
}

/// Reads the host in the form in which browsers send it.
fn host(fields: &mut Fields<'_>, edge_base_url: &str) -> String {
    let text = fields.text("host", HOST_CHARS_MAX);
    if text.is_empty() {
        return text;
    }
    let host = check_domain_host(&text).and_then(|host| match url::Host::parse(&host) {
        Ok(url::Host::Domain(name)) if name.contains('.') => Ok(host),
        _ => Err(format!("{text:?} is no host name such as go.example.com")),
    });
    let edge = url::Url::parse(edge_base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    match host {
        Ok(host) if Some(&host) == edge.as_ref() => {
            fields.refuse(
                "host",
                format!("{host} is the edge's own host, where all links are answered anyway"),
            );
            host
        }
        Ok(host) => host,
        Err(refusal) => {
            fields.refuse("host", refusal);
            String::new()
        }
    }
}

/// Enter a domain, for everybody's links or bound to an affiliate, an advertiser, or both.
#[utoipa::path(post, path = COLLECTION, tag = "domains",
    request_body = crate::forms::DomainForm,
    responses((status = 201, body = DomainView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let host = host(&mut fields, &app.services.settings.edge_base_url);
    let given = DomainChange::read(&mut fields);
    fields.finish()?;
    work::run(&app, &change, Tell::Edges, move |work| {
        given.check(work)?;
        let mut settings = DomainSettings::default();
        given.apply(&mut settings);
        let domain = domains::create(work.tx, &host, &settings, work.now).map_err(taken("host"))?;
        work.audit("domain.create", format!("domain:{}", domain.id), None, DomainView::log(&domain))?;
        Ok(Done::created(COLLECTION, DomainView::of(&domain)))
    })
    .await
}

/// List domains: an affiliate's and an advertiser's are those on which its links are answered.
#[utoipa::path(get, path = COLLECTION, tag = "domains",
    params(crate::forms::ListParameters,
        ("host" = Option<String>, Query, description = "Only with this host"),
        ("affiliate_id" = Option<i64>, Query, description = "Only bound to this affiliate"),
        ("advertiser_id" = Option<i64>, Query, description = "Only bound to this advertiser")),
    responses((status = 200, body = crate::forms::Page<DomainView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = DomainFilter {
        host: query.text("host"),
        affiliate_id: query.id("affiliate_id"),
        advertiser_id: query.id("advertiser_id"),
    };
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(domains::list(tx, scope, &filter, page)?))
        .await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), DomainView::of)))
}

/// Get a domain.
#[utoipa::path(get, path = "/v1/domains/{id}", tag = "domains",
    params(("id" = i64, Path)),
    responses((status = 200, body = DomainView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<DomainId>,
) -> Result<Json<DomainView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(domains::get(tx, scope, id)?)).await;
    found?.map(|domain| Json(DomainView::of(&domain))).ok_or_else(|| unknown(id))
}

/// Bind a domain to others, or change where visitors go whose path names no link. Links that are no longer answered on
/// it are shown on the edge's own host from then on.
#[utoipa::path(patch, path = "/v1/domains/{id}", tag = "domains",
    params(("id" = i64, Path)), request_body = crate::forms::DomainChangeForm,
    responses((status = 200, body = DomainView), Problems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Id(id): Id<DomainId>,
    request: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&request.body);
    let change = DomainChange::read(&mut fields);
    fields.finish()?;
    work::run(&app, &request, Tell::Edges, move |work| {
        let scope = work.caller.scope;
        let before = domains::get(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        change.check(work)?;
        let mut apply = |domain: &mut DomainSettings| change.apply(domain);
        let after = domains::update(work.tx, scope, id, &mut apply, work.now)?.ok_or_else(|| unknown(id))?;
        let (old, new) = (DomainView::log(&before), DomainView::log(&after));
        work.audit("domain.update", format!("domain:{id}"), old, new)?;
        Ok(Done::ok(DomainView::of(&after)))
    })
    .await
}

/// Take a domain away. Its links are shown on the edge's own host from then on, and answered there as before.
#[utoipa::path(delete, path = "/v1/domains/{id}", tag = "domains",
    params(("id" = i64, Path)),
    responses((status = 204, description = "Taken away"), Problems))]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Id(id): Id<DomainId>,
    change: Change,
) -> Result<Response, Problem> {
    work::run(&app, &change, Tell::Edges, move |work| {
        let gone = domains::remove(work.tx, work.caller.scope, id)?.ok_or_else(|| unknown(id))?;
        work.audit("domain.delete", format!("domain:{id}"), DomainView::log(&gone), None)?;
        Ok(Done::ok(Value::Null))
    })
    .await
    .map(|_| StatusCode::NO_CONTENT.into_response())
}

fn unknown(id: DomainId) -> Problem {
    Problem::not_found(format!("there is no domain {id}"))
}
