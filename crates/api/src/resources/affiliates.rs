//! `/v1/affiliates`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_catalogue::data::Standing;
use hopline_control_store::DatabaseExt;
use hopline_control_store::affiliates::{self, Affiliate, AffiliateChange, AffiliateFilter, NewAffiliate};
use hopline_types::AffiliateId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{email, payout_method, taken};
use crate::app::App;
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Time;
use crate::work::{self, Done, Tell, Work};

const COLLECTION: &str = "/v1/affiliates";

/// An affiliate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AffiliateView {
    #[schema(minimum = 1)]
    id: i64,
    name: String,
    email: String,
    /// `active`, `paused`, `pending` or `blocked`.
    status: &'static str,
    /// How it is paid: an object with `type`; accounts are shown by their last four.
    payout_method: Option<Value>,
    payout_method_changed_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

impl AffiliateView {
    fn of(affiliate: &Affiliate) -> Self {
        Self {
            id: affiliate.id.get(),
            name: affiliate.name.clone(),
            email: affiliate.email.clone(),
            status: affiliate.standing.as_str(),
            payout_method: affiliate.payout_method.clone(),
            payout_method_changed_at: affiliate.payout_method_changed_at.map(Time),
            created_at: Time(affiliate.created_at),
            updated_at: Time(affiliate.updated_at),
        }
    }

    fn log(affiliate: &Affiliate) -> Option<Value> {
        serde_json::to_value(Self::of(affiliate)).ok()
    }
}

/// Enter an affiliate.
#[utoipa::path(post, path = COLLECTION, tag = "affiliates",
    request_body = crate::forms::AffiliateForm,
    responses((status = 201, body = AffiliateView), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let new = NewAffiliate {
        name: fields.text("name", TEXT_CHARS_MAX),
        email: email(&mut fields),
        standing: fields.optional_word("status").unwrap_or(Standing::Pending),
        payout_method: payout_method::read(&mut fields),
    };
    fields.finish()?;
    work::run(&app, &change, Tell::Edges, move |work| {
        let by = &work.caller.actor.name;
        let affiliate = affiliates::create(work.tx, &new, by, work.now).map_err(taken("email"))?;
        let log = AffiliateView::log(&affiliate);
        work.audit("affiliate.create", format!("affiliate:{}", affiliate.id), None, log)?;
        Ok(Done::created(COLLECTION, AffiliateView::of(&affiliate)))
    })
    .await
}

/// List affiliates.
#[utoipa::path(get, path = COLLECTION, tag = "affiliates",
    params(crate::forms::ListParameters,
        ("status" = Option<crate::forms::Status>, Query, description = "Only with this status"),
        ("email" = Option<String>, Query, description = "Only with this address")),
    responses((status = 200, body = crate::forms::Page<AffiliateView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let filter = AffiliateFilter { standing: query.parsed("status"), email: query.text("email") };
    let list = query.list(&app, &caller)?;
    let (scope, page) = (caller.scope, list.page());
    let rows: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(affiliates::list(tx, scope, &filter, page)?))
        .await;
    Ok(Json(list.answer(&app, rows?, |row| row.id.get(), AffiliateView::of)))
}

/// Get an affiliate.
#[utoipa::path(get, path = "/v1/affiliates/{id}", tag = "affiliates",
    params(("id" = i64, Path)),
    responses((status = 200, body = AffiliateView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<AffiliateId>,
) -> Result<Json<AffiliateView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(affiliates::get(tx, scope, id)?)).await;
    found?.map(|affiliate| Json(AffiliateView::of(&affiliate))).ok_or_else(|| unknown(id))
}

/// Change an affiliate. Its status is changed by operators only.
#[utoipa::path(patch, path = "/v1/affiliates/{id}", tag = "affiliates",
    params(("id" = i64, Path)), request_body = crate::forms::AffiliateChangeForm,
    responses((status = 200, body = AffiliateView), Problems))]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Id(id): Id<AffiliateId>,
    request: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&request.body);
    let name = fields.has("name").then(|| fields.text("name", TEXT_CHARS_MAX));
    let email = fields.has("email").then(|| email(&mut fields));
    let standing = fields.optional_word("status");
    if standing.is_some() && !request.caller.is_operator() {
        fields.refuse("status", "is changed by operators only");
    }
    let method = payout_method::read(&mut fields);
    let payout_method = fields.has("payout_method").then_some(method);
    fields.finish()?;
    let change = AffiliateChange { name, email, standing, payout_method };
    work::run(&app, &request, Tell::Edges, move |work| {
        let (scope, by) = (work.caller.scope, &work.caller.actor.name);
        let before = affiliates::get(work.tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let after = affiliates::update(work.tx, scope, id, &change, by, work.now).map_err(taken("email"))?;
        let after = after.ok_or_else(|| unknown(id))?;
        let (old, new) = (AffiliateView::log(&before), AffiliateView::log(&after));
        work.audit("affiliate.update", format!("affiliate:{id}"), old, new)?;
        Ok(Done::ok(AffiliateView::of(&after)))
    })
    .await
}

/// How an affiliate is paid, whole.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutMethodView {
    affiliate_id: i64,
    /// As entered; null where nothing is entered.
    payout_method: Option<Value>,
}

/// Show an affiliate's whole payout method. That it was shown, and to whom, goes into the audit log.
#[utoipa::path(get, path = "/v1/affiliates/{id}/payout_method", tag = "affiliates",
    params(("id" = i64, Path)),
    responses((status = 200, body = PayoutMethodView), Problems))]
pub(crate) async fn payout_method(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<AffiliateId>,
    query: Query,
) -> Result<Json<PayoutMethodView>, Problem> {
    query.finish()?;
    let (scope, now) = (caller.scope, app.services.clock.now());
    let database = app.services.database_for(scope);
    let shown = database.write(move |tx| {
        let affiliate = affiliates::get(tx, scope, id)?.ok_or_else(|| unknown(id))?;
        let method = affiliates::payout_method(tx, id)?;
        let mut work = Work { tx, caller: &caller, now };
        let seen = serde_json::json!({"payout_method": affiliate.payout_method});
        work.audit("affiliate.payout_method.reveal", format!("affiliate:{id}"), None, Some(seen))?;
        Ok::<_, Problem>(PayoutMethodView { affiliate_id: id.get(), payout_method: method })
    });
    Ok(Json(shown.await?))
}

fn unknown(id: AffiliateId) -> Problem {
    Problem::not_found(format!("there is no affiliate {id}"))
}
