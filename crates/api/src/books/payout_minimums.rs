//! `/v1/payout_minimums` and `/v1/affiliates/{id}/payout_minimums`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::payouts::{
    affiliate_minimums, method_minimums, set_affiliate_minimum, set_method_minimum,
};
use hopline_control_store::{DatabaseExt, Scope, StoreError, Tx, affiliates};
use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, PayoutMethod};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::Money;
use crate::work::{self, Done, Tell};

/// The least that is paid by a method in one currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MethodMinimumView {
    /// `sepa`, `ach`, `paypal`, `wise`, `bank` or `manual`.
    method: &'static str,
    minimum: Money,
}

/// All minimums of methods.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MethodMinimumsView {
    items: Vec<MethodMinimumView>,
}

/// What an affiliate wants to be paid at least, by currency.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AffiliateMinimumsView {
    affiliate_id: i64,
    items: Vec<Money>,
}

/// A minimum in a request's currency.
fn minimum(fields: &mut Fields<'_>) -> Option<Amount> {
    let code = fields.text("currency", 3);
    let text = crate::conversions::form::amount(fields, "minimum");
    if text.is_none() && !fields.has("minimum") {
        fields.missing("minimum");
    }
    let currency = match Currency::payable(&code) {
        Ok(currency) => Some(currency),
        Err(_) if code.is_empty() => None,
        Err(error) => {
            fields.refuse("currency", error.to_string());
            None
        }
    };
    match Amount::parse(&text?, currency?) {
        Ok(amount) if amount.is_negative() => {
            fields.refuse("minimum", format!("{amount} is negative: expected 0 or more"));
            None
        }
        Ok(amount) => Some(amount),
        Err(error) => {
            fields.refuse("minimum", error.to_string());
            None
        }
    }
}

/// The least that is paid, by method and currency.
#[utoipa::path(get, path = "/v1/payout_minimums", tag = "payouts", operation_id = "payout_minimums_list",
    responses((status = 200, body = MethodMinimumsView), Problems))]
pub(crate) async fn of_methods(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<MethodMinimumsView>, Problem> {
    query.finish()?;
    let found: Result<_, StoreError> =
        app.services.database_for(caller.scope).read(|tx| method_minimums(tx)).await;
    let view = |of: &hopline_control_store::payouts::Minimum| MethodMinimumView {
        method: of.method.as_str(),
        minimum: of.minimum.into(),
    };
    Ok(Json(MethodMinimumsView { items: found?.iter().map(view).collect() }))
}

/// Set the least that is paid by a method in one currency. Who has less is left out of batches and listed there.
#[utoipa::path(post, path = "/v1/payout_minimums", tag = "payouts", operation_id = "payout_minimums_set",
    request_body = crate::forms::MethodMinimumForm,
    responses((status = 200, body = MethodMinimumView), Problems))]
pub(crate) async fn set_of_method(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let method = fields.word::<PayoutMethod>("method");
    let minimum = minimum(&mut fields);
    fields.finish()?;
    let (method, minimum) = (method.expect("it was remarked on"), minimum.expect("it was remarked on"));
    work::run(&app, &change, Tell::Nobody, move |work| {
        set_method_minimum(work.tx, method, minimum, &work.caller.actor.name, work.now)?;
        let view = MethodMinimumView { method: method.as_str(), minimum: minimum.into() };
        let log = serde_json::to_value(&view).ok();
        work.audit("payout_minimum.set", format!("payout_minimum:{method}:{}", minimum.currency), None, log)?;
        Ok(Done::ok(view))
    })
    .await
}

fn view(tx: &mut dyn Tx, scope: Scope, id: AffiliateId) -> Result<AffiliateMinimumsView, Problem> {
    let found = affiliates::get(tx, scope, id)?;
    found.ok_or_else(|| Problem::not_found(format!("there is no affiliate {id}")))?;
    let items = affiliate_minimums(tx, scope, id)?.into_iter().map(Into::into).collect();
    Ok(AffiliateMinimumsView { affiliate_id: id.get(), items })
}

/// What an affiliate wants to be paid at least, by currency.
#[utoipa::path(get, path = "/v1/affiliates/{id}/payout_minimums", tag = "payouts", operation_id = "affiliate_payout_minimums",
    params(("id" = i64, Path)),
    responses((status = 200, body = AffiliateMinimumsView), Problems))]
pub(crate) async fn of_affiliate(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<AffiliateId>,
    query: Query,
) -> Result<Json<AffiliateMinimumsView>, Problem> {
    query.finish()?;
    let scope = caller.scope;
    Ok(Json(app.services.database_for(scope).read(move |tx| view(tx, scope, id)).await?))
}

/// Set what an affiliate wants to be paid at least in one currency: batches leave it out until it has as much.
#[utoipa::path(post, path = "/v1/affiliates/{id}/payout_minimums", tag = "payouts", operation_id = "affiliate_payout_minimums_set",
    params(("id" = i64, Path)), request_body = crate::forms::AffiliateMinimumForm,
    responses((status = 200, body = AffiliateMinimumsView), Problems))]
pub(crate) async fn set_of_affiliate(
    State(app): State<Arc<App>>,
    Id(id): Id<AffiliateId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let minimum = minimum(&mut fields);
    fields.finish()?;
    let minimum = minimum.expect("it was remarked on");
    work::run(&app, &change, Tell::Nobody, move |work| {
        let scope = work.caller.scope;
        let before = view(work.tx, scope, id)?;
        set_affiliate_minimum(work.tx, id, minimum, &work.caller.actor.name, work.now)?;
        let after = view(work.tx, scope, id)?;
        let log = |view: &AffiliateMinimumsView| Some(json!({"payout_minimums": &view.items}));
        work.audit("affiliate.payout_minimum", format!("affiliate:{id}"), log(&before), log(&after))?;
        Ok(Done::ok(after))
    })
    .await
}
