//! `/v1/set_aside_holds`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_control_store::DatabaseExt;
use hopline_control_store::commissions::{HoldSetAside, holds_set_aside};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::view::Time;

const SHOWN_MAX: u32 = 1_000;

/// A commission whose hold could not be ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HoldSetAsideView {
    #[schema(minimum = 1)]
    commission_id: i64,
    conversion_id: i64,
    /// Why.
    detail: String,
    since: Time,
    /// When it is tried again.
    retry_at: Time,
}

/// Commissions whose holds have ended and that cannot be made payable, because what was booked for them makes no sense. The
/// others go on without them; up to 1,000 are shown.
#[utoipa::path(get, path = "/v1/set_aside_holds", tag = "books",
    responses((status = 200, body = crate::forms::Page<HoldSetAsideView>), Problems))]
pub(crate) async fn holds(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    query.finish()?;
    let database = app.services.database_for(caller.scope);
    let found: Result<_, Problem> = database.read(|tx| Ok(holds_set_aside(tx, SHOWN_MAX)?)).await;
    let view = |hold: &HoldSetAside| HoldSetAsideView {
        commission_id: hold.commission.get(),
        conversion_id: hold.conversion.get(),
        detail: hold.detail.clone(),
        since: Time(hold.since),
        retry_at: Time(hold.retry_at),
    };
    let items: Vec<HoldSetAsideView> = found?.iter().map(view).collect();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}
