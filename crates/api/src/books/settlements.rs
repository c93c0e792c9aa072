//! `/v1/click_settlements`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_control_store::DatabaseExt;

use crate::app::{App, SettledClicks};
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::request::Change;
use crate::view::Time;
use crate::work::Work;

/// Settle paid clicks now, up to `until`; without it, up to now. Hours that have ended by then are settled whole. The
/// running hour is settled as far as it has come where `until` lies in it or is absent; its later clicks follow with the next
/// settlement. Clicks settled before are not paid twice.
#[utoipa::path(post, path = "/v1/click_settlements", tag = "books", operation_id = "settle_clicks",
    request_body = Option<crate::forms::SettlementForm>,
    responses((status = 200, body = SettledClicks), Problems))]
pub(crate) async fn settle(
    State(app): State<Arc<App>>,
    change: Change,
) -> Result<Json<SettledClicks>, Problem> {
    let now = app.services.clock.now();
    let mut fields = Fields::body(&change.body);
    let until = fields.optional_time("until");
    if until.is_some_and(|until| until > now) {
        fields.refuse("until", "is in the future");
    }
    fields.finish()?;
    let until = until.unwrap_or(now);
    let settled = (app.services.settle_clicks)(until).await?;
    let caller = change.caller;
    let database = app.services.database_for(caller.scope);
    let logged = database.write(move |tx| {
        let mut work = Work { tx, caller: &caller, now };
        let what = serde_json::json!({"until": Time(until), "settled": settled});
        work.audit("click_settlement.run", "clicks".to_owned(), None, Some(what))
    });
    logged.await?;
    Ok(Json(settled))
}
