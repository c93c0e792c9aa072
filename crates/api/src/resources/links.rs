//! `/v1/links`.

pub(crate) mod qr;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_catalogue::data::Standing;
use hopline_control_store::links::{self, Link, LinkChange, LinkFilter, NewLink};
use hopline_control_store::offers::Offer;
use hopline_control_store::{DatabaseExt, affiliates, domains, offers};
use hopline_types::{AffiliateId, DomainId, LinkCode, LinkId, OfferId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{no_such, taken};
use crate::app::App;
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell, Work};

const COLLECTION: &str = "/v1/links";

/// A link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LinkView {
    #[schema(minimum = 1)]
    id: i64,
    code: String,
    /// What the affiliate embeds.
    url: String,
    offer_id: i64,
    affiliate_id: i64,
    /// The domain whose host stands in `url`; null: the edge's own.
    domain_id: Option<i64>,
    /// `active`, `paused` or `blocked`.
    status: &'static str,
    created_at: Time,
}

impl LinkView {
    fn of(link: &Link, base_url: &str) -> Self {
        Self {
            id: link.id.get(),
            code: link.code.as_str().to_owned(),
            url: url(link, base_url),
            offer_id: link.offer_id.get(),
            affiliate_id: link.affiliate_id.get(),
            domain_id: link.domain_id.map(DomainId::get),
            status: link.standing.as_str(),
            created_at: Time(link.created_at),
        }
    }
}

/// What the affiliate embeds: on the link's domain, or on the edge's own host.
fn url(link: &Link, base_url: &str) -> String {
    match &link.host {
        Some(host) => format!("https://{host}/{}", link.code),
        None => format!("{base_url}/{}", link.code),
    }
}

/// Refuses a domain that is not there for the caller, or on which such links are not answered.
fn check_domain(
    work: &mut Work<'_>,
    domain: DomainId,
    affiliate: AffiliateId,
    offer: &Offer,
) -> Result<(), Problem> {
    let known = domains::get(work.tx, work.caller.scope, domain)?;
    let known = known.ok_or_else(|| no_such("domain_id", "domain", domain))?;
    if known.settings.answers(affiliate, offer.advertiser_id) {
        return Ok(());
    }
    let message = format!("{} answers no links of affiliate {affiliate} to offer {}", known.host, offer.id);
    Err(Problem::fields(vec![FieldProblem::new("domain_id", message)]))
}

/// Reads the affiliate: an affiliate's own where it is not named.
fn affiliate(fields: &mut Fields<'_>, caller: &Caller) -> Option<AffiliateId> {
    match caller.actor.affiliate {
        None => fields.id("affiliate_id"),
        Some(own) => Some(fields.optional_id("affiliate_id").unwrap_or(own)),
    }
}

/// Reads the status; links do not wait for anybody.
fn standing(fields: &mut Fields<'_>) -> Option<Standing> {
    let text = fields.optional_text("status", TEXT_CHARS_MAX)?;
    let standing = text.parse().ok().filter(|standing| *standing != Standing::Pending);
    if standing.is_none() {
        fields.refuse("status", format!("{text:?} is not one of active, paused, blocked"));
    }
    standing
}

/// Create a link, under a chosen code or a generated one, on the edge's own host or on a domain.
#[utoipa::path(post, path = COLLECTION, tag = "links",
    request_body = crate::forms::LinkForm,
    responses((status = 201, body = LinkView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let offer_id = fields.id::<OfferId>("offer_id");
    let affiliate_id = affiliate(&mut fields, &change.caller);
    let code = fields.optional_text("code", TEXT_CHARS_MAX).and_then(|text| {
        LinkCode::new(text).map_err(|refusal| fields.refuse("code", refusal.to_string())).ok()
    });
    let domain_id = fields.optional_id::<DomainId>("domain_id");
    fields.finish()?;
    let (offer_id, affiliate_id) = offer_id.zip(affiliate_id).expect("missing ids were remarked on");
    let base_url = app.services.settings.edge_base_url.clone();
    work::run(&app, &change, Tell::Edges, move |work| {
        let scope = work.caller.scope;
        let offer = offers::get(work.tx, scope, offer_id)?;
        let offer = offer.ok_or_else(|| no_such("offer_id", "offer", offer_id))?;
        if affiliates::get(work.tx, scope, affiliate_id)?.is_none() {
            return Err(no_such("affiliate_id", "affiliate", affiliate_id));
        }
        if let Some(domain) = domain_id {
            check_domain(work, domain, affiliate_id, &offer)?;
        }
        let new = NewLink { code: code.clone(), offer_id, affiliate_id, domain_id };
        let link = links::create(work.tx, &new, &mut crate::app::random, work.now).map_err(taken("code"))?;
        let view = LinkView::of(&link, &base_url);
        work.audit("link.create", format!("link:{}", link.id), None, serde_json::to_value(&view).ok())?;
        Ok(Done::created(COLLECTION, view))
    })
    .await
}

/// List links.
#[utoipa::path(get, path = COLLECTION, tag = "links",
    params(crate::forms::ListParameters,
        ("offer_id" = Option<i64>, Query, description = "Only to this offer"),
        ("affiliate_id" = Option<i64>, Query, description = "Only of this affiliate"),
        ("code" = Option<String>, Query, description = "Only with this code"),
        ("status" = Option<crate::forms::LinkStatus>, Query, description = "Only with this status")),
    responses((status = 200, body = crate::forms::Page<LinkView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = LinkFilter {
        offer_id: query.id("offer_id"),
        affiliate_id: query.id("affiliate_id"),
        code: query.text("code"),
        standing: query.parsed("status"),
    };
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(links::list(tx, scope, &filter, page)?))
        .await;
    let base_url = &app.services.settings.edge_base_url;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), |row| LinkView::of(row, base_url))))
}

/// Get a link.
#[utoipa::path(get, path = "/v1/links/{id}", tag = "links",
    params(("id" = i64, Path)),
    responses((status = 200, body = LinkView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<LinkId>,
) -> Result<Json<LinkView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(links::get(tx, scope, id)?)).await;
    let link = found?.ok_or_else(|| unknown(id))?;
    Ok(Json(LinkView::of(&link, &app.services.settings.edge_base_url)))
}

/// Pause a link, let it run again, or show it on another domain; its code is answered on the edge's own host all the
/// same.
#[utoipa::path(patch, path = "/v1/links/{id}", tag = "links",
    params(("id" = i64, Path)), request_body = crate::forms::LinkChangeForm,
    responses((status = 200, body = LinkView), Problems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Id(id): Id<LinkId>,
    request: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&request.body);
    let standing = standing(&mut fields);
    if standing == Some(Standing::Blocked) && !request.caller.is_operator() {
        fields.refuse("status", "is set to blocked by operators only");
    }
    let domain = fields.optional_id::<DomainId>("domain_id");
    let domain_id = fields.has("domain_id").then_some(domain);
    fields.finish()?;
    let base_url = app.services.settings.edge_base_url.clone();
    work::run(&app, &request, Tell::Edges, move |work| {
        let scope = work.caller.scope;
        let before = links::get(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        if before.standing == Standing::Blocked && standing.is_some() && !work.caller.is_operator() {
            return Err(Problem::conflict("the link is blocked; only operators let it run again"));
        }
        if let Some(domain) = domain {
            let offer = offers::get(work.tx, scope, before.offer_id)?;
            let offer = offer.ok_or_else(|| no_such("domain_id", "domain", domain))?;
            check_domain(work, domain, before.affiliate_id, &offer)?;
        }
        let change = LinkChange { standing, domain_id };
        let after = links::update(work.tx, scope, id, &change)?.ok_or_else(|| unknown(id))?;
        let (old, new) = (LinkView::of(&before, &base_url), LinkView::of(&after, &base_url));
        let log = |view: &LinkView| serde_json::to_value(view).ok();
        work.audit("link.update", format!("link:{id}"), log(&old), log(&new))?;
        Ok(Done::ok(new))
    })
    .await
}

fn unknown(id: LinkId) -> Problem {
    Problem::not_found(format!("there is no link {id}"))
}
