//! `/v1/landing_pages`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_catalogue::data::Standing;
use hopline_catalogue::{LANDING_PAGES_MAX, WEIGHT_MAX};
use hopline_control_store::landing_pages::{self, LandingPage, LandingPageFilter, LandingPageSettings};
use hopline_control_store::{DatabaseExt, Page, offers};
use hopline_types::{LandingPageId, OfferId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::no_such;
use super::offers::{URL_CHARS_MAX, check_url, is_advertisers};
use crate::app::App;
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell, Work};

const COLLECTION: &str = "/v1/landing_pages";
const WEIGHT: u32 = 1;

/// A landing page of an offer beside its own. Affiliates are shown the active ones, without weights.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LandingPageView {
    /// `lp` in links, `landing_page` in reports.
    #[schema(minimum = 1)]
    id: i64,
    offer_id: i64,
    name: String,
    url: String,
    /// Share of the visitors whose link names no page.
    #[serde(skip_serializing_if = "Option::is_none")]
    weight: Option<u32>,
    /// `active`, `paused`, `pending` or `blocked`: only active ones are used.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Time>,
    /// What is allowed but probably not meant; only where the page was saved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FieldProblem>,
}

impl LandingPageView {
    fn of(page: &LandingPage, caller: &Caller) -> Self {
        let whole = !caller.is_affiliate();
        Self {
            id: page.id.get(),
            offer_id: page.offer_id.get(),
            name: page.settings.name.clone(),
            url: page.settings.url.clone(),
            weight: whole.then_some(page.settings.weight),
            status: whole.then_some(page.settings.standing.as_str()),
            created_at: whole.then_some(Time(page.created_at)),
            updated_at: whole.then_some(Time(page.updated_at)),
            warnings: Vec::new(),
        }
    }

    fn warning(self, warnings: &[FieldProblem]) -> Self {
        Self { warnings: warnings.to_vec(), ..self }
    }
}

/// What to change; `None` leaves as it is.
struct PageChange {
    name: Option<String>,
    url: Option<String>,
    weight: Option<u32>,
    standing: Option<Standing>,
}

impl PageChange {
    fn read(fields: &mut Fields<'_>, caller: &Caller, warnings: &mut Vec<FieldProblem>) -> Self {
        let standing = fields.optional_word("status");
        if !caller.is_operator() && standing.is_some_and(|status| !is_advertisers(status)) {
            fields.refuse("status", "is set to pending or blocked by operators only");
        }
        Self {
            name: fields.has("name").then(|| fields.text("name", TEXT_CHARS_MAX)),
            url: fields
                .has("url")
                .then(|| fields.text("url", URL_CHARS_MAX))
                .filter(|url| check_url(fields, "url", url, warnings)),
            weight: fields
                .optional_whole("weight", 0, i64::from(WEIGHT_MAX))
                .and_then(|weight| u32::try_from(weight).ok()),
            standing,
        }
    }

    fn apply(&self, page: &mut LandingPageSettings) {
        if let Some(name) = &self.name {
            page.name.clone_from(name);
        }
        if let Some(url) = &self.url {
            page.url.clone_from(url);
        }
        page.weight = self.weight.unwrap_or(page.weight);
        page.standing = self.standing.unwrap_or(page.standing);
    }
}

/// Add a landing page to an offer. Visitors whose link names none (`lp`) are spread over the active ones, the offer's
/// own among them, by their weights.
#[utoipa::path(post, path = COLLECTION, tag = "landing_pages",
    request_body = crate::forms::LandingPageForm,
    responses((status = 201, body = LandingPageView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let mut warnings = Vec::new();
    let offer_id = fields.id::<OfferId>("offer_id");
    for name in ["name", "url"] {
        if !fields.has(name) && change.body.is_object() {
            fields.refuse(name, "is missing");
        }
    }
    let given = PageChange::read(&mut fields, &change.caller, &mut warnings);
    fields.finish()?;
    let offer_id = offer_id.expect("a missing offer was remarked on");
    let mut page = LandingPageSettings {
        name: String::new(),
        url: String::new(),
        weight: WEIGHT,
        standing: Standing::Active,
    };
    given.apply(&mut page);
    work::run(&app, &change, Tell::Edges, move |work| {
        if offers::get(work.tx, work.caller.scope, offer_id)?.is_none() {
            return Err(no_such("offer_id", "offer", offer_id));
        }
        refuse_too_many(work, offer_id)?;
        let page = landing_pages::create(work.tx, offer_id, &page, work.now)?;
        let view = LandingPageView::of(&page, work.caller);
        let object = format!("landing_page:{}", page.id);
        work.audit("landing_page.create", object, None, serde_json::to_value(&view).ok())?;
        Ok(Done::created(COLLECTION, view.warning(&warnings)))
    })
    .await
}

fn refuse_too_many(work: &mut Work<'_>, offer: OfferId) -> Result<(), Problem> {
    let filter = LandingPageFilter { offer_id: Some(offer), standing: None };
    let most = Page::first(u32::try_from(LANDING_PAGES_MAX).unwrap_or(u32::MAX));
    let known = landing_pages::list(work.tx, work.caller.scope, &filter, most)?.len();
    if known < LANDING_PAGES_MAX {
        return Ok(());
    }
    let message = format!("has {known} landing pages already: change one of them");
    Err(Problem::fields(vec![FieldProblem::new("offer_id", message)]))
}

/// List landing pages: an affiliate's are the active ones of offers that it can run.
#[utoipa::path(get, path = COLLECTION, tag = "landing_pages",
    params(crate::forms::ListParameters,
        ("offer_id" = Option<i64>, Query, description = "Only of this offer"),
        ("status" = Option<crate::forms::Status>, Query, description = "Only with this status")),
    responses((status = 200, body = crate::forms::Page<LandingPageView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = LandingPageFilter { offer_id: query.id("offer_id"), standing: query.parsed("status") };
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(landing_pages::list(tx, scope, &filter, page)?))
        .await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), |row| LandingPageView::of(row, &caller))))
}

/// Get a landing page.
#[utoipa::path(get, path = "/v1/landing_pages/{id}", tag = "landing_pages",
    params(("id" = i64, Path)),
    responses((status = 200, body = LandingPageView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<LandingPageId>,
) -> Result<Json<LandingPageView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(landing_pages::get(tx, scope, id)?)).await;
    found?.map(|page| Json(LandingPageView::of(&page, &caller))).ok_or_else(|| unknown(id))
}

/// Change a landing page. A paused one gets no visitors; links that name it lead to the others.
#[utoipa::path(patch, path = "/v1/landing_pages/{id}", tag = "landing_pages",
    params(("id" = i64, Path)), request_body = crate::forms::LandingPageChangeForm,
    responses((status = 200, body = LandingPageView), Problems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Id(id): Id<LandingPageId>,
    request: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&request.body);
    let mut warnings = Vec::new();
    let change = PageChange::read(&mut fields, &request.caller, &mut warnings);
    fields.finish()?;
    work::run(&app, &request, Tell::Edges, move |work| {
        let scope = work.caller.scope;
        let before = landing_pages::get(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let status = before.settings.standing;
        if change.standing.is_some() && !work.caller.is_operator() && !is_advertisers(status) {
            let detail = format!("the landing page is {}; only operators let it run", status.as_str());
            return Err(Problem::conflict(detail));
        }
        let mut apply = |page: &mut LandingPageSettings| change.apply(page);
        let after =
            landing_pages::update(work.tx, scope, id, &mut apply, work.now)?.ok_or_else(|| unknown(id))?;
        let (old, new) =
            (LandingPageView::of(&before, work.caller), LandingPageView::of(&after, work.caller));
        let log = |view: &LandingPageView| serde_json::to_value(view).ok();
        work.audit("landing_page.update", format!("landing_page:{id}"), log(&old), log(&new))?;
        Ok(Done::ok(new.warning(&warnings)))
    })
    .await
}

fn unknown(id: LandingPageId) -> Problem {
    Problem::not_found(format!("there is no landing page {id}"))
}
