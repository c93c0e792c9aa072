//! `/v1/affiliates/{id}/payout_currency`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::payouts::{payout_currency, set_payout_currency};
use hopline_control_store::{DatabaseExt, Scope, Tx, affiliates};
use hopline_money::Currency;
use hopline_types::AffiliateId;
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
use crate::work::{self, Done, Tell};

/// The currency that an affiliate wants to be paid in.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutCurrencyView {
    affiliate_id: i64,
    /// ISO 4217 code; null: each currency that it has earned is paid by itself.
    currency: Option<&'static str>,
}

fn view(id: AffiliateId, currency: Option<Currency>) -> PayoutCurrencyView {
    PayoutCurrencyView { affiliate_id: id.get(), currency: currency.map(|currency| currency.code()) }
}

fn visible(tx: &mut dyn Tx, scope: Scope, id: AffiliateId) -> Result<(), Problem> {
    let found = affiliates::get(tx, scope, id)?;
    found.map(drop).ok_or_else(|| Problem::not_found(format!("there is no affiliate {id}")))
}

/// The currency that an affiliate is paid in.
#[utoipa::path(get, path = "/v1/affiliates/{id}/payout_currency", tag = "payout_currency",
    params(("id" = i64, Path)),
    responses((status = 200, body = PayoutCurrencyView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<AffiliateId>,
    query: Query,
) -> Result<Json<PayoutCurrencyView>, Problem> {
    query.finish()?;
    let scope = caller.scope;
    let database = app.services.database_for(scope);
    let found = database.read(move |tx| {
        visible(tx, scope, id)?;
        Ok::<_, Problem>(payout_currency(tx, id)?)
    });
    Ok(Json(view(id, found.await?)))
}

/// Be paid in another currency than was earned. What is open in others is changed when a payout batch in this one is drafted,
/// at the newest rate; batches in the others leave the affiliate out.
#[utoipa::path(post, path = "/v1/affiliates/{id}/payout_currency", tag = "payout_currency",
    params(("id" = i64, Path)), request_body = crate::forms::PayoutCurrencyForm,
    responses((status = 200, body = PayoutCurrencyView), Problems))]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    Id(id): Id<AffiliateId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let code = fields.optional_text("currency", 3);
    let currency = code.and_then(|code| {
        Currency::payable(&code).map_err(|refusal| fields.refuse("currency", refusal.to_string())).ok()
    });
    fields.finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        visible(work.tx, work.caller.scope, id)?;
        let before = payout_currency(work.tx, id)?;
        set_payout_currency(work.tx, id, currency, &work.caller.actor.name, work.now)?;
        let told =
            |currency: Option<Currency>| Some(json!({"currency": currency.map(|currency| currency.code())}));
        work.audit("affiliate.payout_currency", format!("affiliate:{id}"), told(before), told(currency))?;
        Ok(Done::ok(view(id, currency)))
    })
    .await
}
