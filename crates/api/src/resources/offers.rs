//! `/v1/offers`.

mod caps;
mod credit;
mod form;
mod save;
mod shape;
mod traffic;

pub(super) use form::{URL_CHARS_MAX, check_url, currency, price};
pub(super) use save::may_name;
pub(crate) use shape::{GoalView, OfferView};
pub(crate) use traffic::TargetingView;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_catalogue::data::{CapEntry, Standing};
use hopline_control_store::caps::TakenNow;
use hopline_control_store::offers::{self, Offer, OfferFilter, TermsVersion};
use hopline_control_store::{DatabaseExt, StoreError, Tx, advertisers};
use hopline_types::{OfferId, UnixMillis};
use serde_json::Value;

use super::no_such;
use crate::app::App;
use crate::caller::{Caller, Sides};
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::work::{self, Done, Tell};

const COLLECTION: &str = "/v1/offers";

/// An offer with the terms of its goals in force now, in the order of its goals, and its caps.
pub(crate) struct Current {
    pub(super) offer: Offer,
    pub(super) terms: Vec<TermsVersion>,
    caps: Vec<CapEntry>,
    /// What the caps have taken in the periods that go on.
    taken: Vec<TakenNow>,
}

pub(super) fn current(tx: &mut dyn Tx, offer: Offer, now: UnixMillis) -> Result<Current, StoreError> {
    let mut terms = Vec::with_capacity(offer.goals.len());
    for goal in &offer.goals {
        terms.extend(offers::terms_at(tx, goal.id, now)?);
    }
    let caps = hopline_control_store::caps::caps_of(tx, offer.id)?;
    let taken = hopline_control_store::caps::taken_now(tx, offer.id, now)?;
    Ok(Current { offer, terms, caps, taken })
}

/// Enter an offer with its goals and their terms.
#[utoipa::path(post, path = COLLECTION, tag = "offers",
    request_body = crate::forms::OfferForm,
    responses((status = 201, body = OfferView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let (new, settings, rules, warnings) = form::new_offer(&change.body)?;
    work::run(&app, &change, Tell::Edges, move |work| {
        let advertiser = new.advertiser_id;
        if advertisers::get(work.tx, work.caller.scope, advertiser)?.is_none() {
            return Err(no_such("advertiser_id", "advertiser", advertiser));
        }
        let offer = offers::create(work.tx, &new, work.now)?;
        let offer = save::rules(work, offer, &rules)?;
        let offer = settings.credit().save(work, offer)?;
        let current = current(work.tx, offer, work.now)?;
        let view = OfferView::of(&current, Sides::BOTH, None);
        let object = format!("offer:{}", current.offer.id);
        work.audit("offer.create", object, None, serde_json::to_value(&view).ok())?;
        Ok(Done::created(COLLECTION, view.warning(&warnings)))
    })
    .await
}

/// List offers: an affiliate's are those it can run.
#[utoipa::path(get, path = COLLECTION, tag = "offers",
    params(crate::forms::ListParameters,
        ("advertiser_id" = Option<i64>, Query, description = "Only of this advertiser"),
        ("status" = Option<crate::forms::Status>, Query, description = "Only with this status")),
    responses((status = 200, body = crate::forms::Page<OfferView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = OfferFilter { advertiser_id: query.id("advertiser_id"), standing: query.parsed("status") };
    let list = query.list(&app, &caller)?;
    let (scope, page, now) = (caller.scope, list.page(), app.services.clock.now());
    let database = app.services.database_for(caller.scope);
    let rows = database.read(move |tx| {
        let offers = offers::list(tx, scope, &filter, page)?;
        let each = offers.into_iter().map(|offer| current(tx, offer, now));
        each.collect::<Result<Vec<_>, StoreError>>()
    });
    let view = |row: &Current| OfferView::of(row, caller.sides(), caller.actor.affiliate);
    Ok(Json(list.answer(&app, rows.await?, |row| row.offer.id.get(), view)))
}

/// Get an offer.
#[utoipa::path(get, path = "/v1/offers/{id}", tag = "offers",
    params(("id" = i64, Path)),
    responses((status = 200, body = OfferView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<OfferId>,
) -> Result<Json<OfferView>, Problem> {
    let (scope, now) = (caller.scope, app.services.clock.now());
    let database = app.services.database_for(caller.scope);
    let found = database.read(move |tx| {
        let offer = offers::get(tx, scope, id)?.ok_or_else(|| unknown(id))?;
        Ok::<_, Problem>(current(tx, offer, now)?)
    });
    Ok(Json(OfferView::of(&found.await?, caller.sides(), caller.actor.affiliate)))
}

/// Change an offer's settings and traffic rules. `targeting` and `caps` are replaced as a whole; a cap that is the same
/// but for its amount keeps its id and what it has taken. Terms change by new versions: `POST /v1/goals/{id}/terms`.
#[utoipa::path(patch, path = "/v1/offers/{id}", tag = "offers",
    params(("id" = i64, Path)), request_body = crate::forms::OfferChangeForm,
    responses((status = 200, body = OfferView), Problems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Id(id): Id<OfferId>,
    request: Change,
) -> Result<Response, Problem> {
    let (scope, sides) = (request.caller.scope, request.caller.sides());
    // Amounts of caps are read in the offer's currency, which never changes.
    let known: Result<_, Problem> =
        app.services.database_for(scope).read(move |tx| Ok(offers::get(tx, scope, id)?)).await;
    let currency = known?.ok_or_else(|| unknown(id))?.currency;
    let (change, rules, warnings) = form::offer_change(&request.body, currency, sides)?;
    let sets_status = change.standing();
    if !request.caller.is_operator() && sets_status.is_some_and(|status| !is_advertisers(status)) {
        let message = "is set to pending or blocked by operators only";
        return Err(Problem::fields(vec![FieldProblem::new("status", message)]));
    }
    work::run(&app, &request, Tell::Edges, move |work| {
        let (scope, now) = (work.caller.scope, work.now);
        let before = offers::get(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        if sets_status.is_some() && !work.caller.is_operator() && !is_advertisers(before.settings.standing) {
            let status = before.settings.standing.as_str();
            return Err(Problem::conflict(format!("the offer is {status}; only operators let it run")));
        }
        let before = current(work.tx, before, now)?;
        let mut apply = |settings: &mut offers::OfferSettings| change.apply(settings);
        let after = offers::update(work.tx, scope, id, &mut apply, now)?.ok_or_else(|| unknown(id))?;
        form::check_times(&after.settings)?;
        let after = save::rules(work, after, &rules)?;
        let after = change.credit().save(work, after)?;
        let after = current(work.tx, after, now)?;
        let log = |offer: &Current| serde_json::to_value(OfferView::of(offer, Sides::BOTH, None)).ok();
        work.audit("offer.update", format!("offer:{id}"), log(&before), log(&after))?;
        Ok(Done::ok(OfferView::of(&after, sides, None).warning(&warnings)))
    })
    .await
}

/// Whether an advertiser may set this status, and leave it.
pub(super) const fn is_advertisers(status: Standing) -> bool {
    matches!(status, Standing::Active | Standing::Paused)
}

fn unknown(id: OfferId) -> Problem {
    Problem::not_found(format!("there is no offer {id}"))
}
