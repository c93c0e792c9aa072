//! `/v1/balances`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_books::AffiliateBalance;
use hopline_control_store::{DatabaseExt, affiliates};
use hopline_types::AffiliateId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;

/// An affiliate's money in one currency; decimal texts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BalanceView {
    affiliate_id: i64,
    currency: &'static str,
    /// Waiting for approval.
    pending: String,
    /// Approved, hold running.
    approved: String,
    /// Free to be paid.
    payable: String,
    /// Paid so far.
    paid: String,
    /// What the next payouts must make up for: zero or below.
    carried: String,
    /// Reserved by payout batches that are not settled.
    in_payout: String,
}

impl BalanceView {
    fn of(balance: &AffiliateBalance) -> Self {
        Self {
            affiliate_id: balance.affiliate.get(),
            currency: balance.payable.currency.code(),
            pending: balance.pending.to_decimal(),
            approved: balance.approved.to_decimal(),
            payable: balance.payable.to_decimal(),
            paid: balance.paid.to_decimal(),
            carried: balance.carried.to_decimal(),
            in_payout: balance.in_payout.to_decimal(),
        }
    }
}

/// Balances of affiliates.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Balances {
    items: Vec<BalanceView>,
}

/// The balances of one affiliate, or of all; an affiliate's own.
#[utoipa::path(get, path = "/v1/balances", tag = "books",
    params(("affiliate" = Option<i64>, Query, description = "Only of this affiliate")),
    responses((status = 200, body = Balances), Problems))]
pub(crate) async fn balances(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Balances>, Problem> {
    let wanted = query.id::<AffiliateId>("affiliate");
    query.finish()?;
    let affiliate = wanted.or(caller.actor.affiliate);
    let scope = caller.scope;
    let database = app.services.database_for(caller.scope);
    let found = database.read(move |tx| {
        if let Some(id) = affiliate
            && affiliates::get(tx, scope, id)?.is_none()
        {
            return Err(Problem::not_found(format!("there is no affiliate {id}")));
        }
        Ok(hopline_books::balances(tx, affiliate)?)
    });
    Ok(Json(Balances { items: found.await?.iter().map(BalanceView::of).collect() }))
}
