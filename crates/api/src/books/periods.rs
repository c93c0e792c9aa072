//! `/v1/ledger/periods`: closing months.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use hopline_control_store::ledger::{self, CloseError, ClosedPeriod};
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_ledger::Period;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::Change;
use crate::view::Time;
use crate::work::{self, Done, Tell};

/// A month that was closed, and with it all before.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClosedPeriodView {
    /// Such as `2026-01`, in UTC.
    #[schema(value_type = String, examples("2026-01"))]
    month: Period,
    closed_at: Time,
    closed_by: String,
    /// How many transactions the ledger had then.
    ledger_records: i64,
    /// SHA-256 of the last of them; zeros where there was none.
    last_hash: String,
}

impl ClosedPeriodView {
    fn of(closed: &ClosedPeriod) -> Self {
        Self {
            month: closed.period,
            closed_at: Time(closed.closed_at),
            closed_by: closed.closed_by.clone(),
            ledger_records: closed.record_count,
            last_hash: closed.record_hash.to_string(),
        }
    }
}

/// What is closed, and what is open.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Periods {
    /// What is booked with an earlier effective time is booked as of here; none while nothing was closed.
    open_from: Option<Time>,
    /// Closings, the oldest first.
    items: Vec<ClosedPeriodView>,
}

impl From<CloseError> for Problem {
    fn from(error: CloseError) -> Self {
        match error {
            CloseError::NotOver { .. } => Self::conflict(error.to_string()),
            CloseError::Store(error) => error.into(),
        }
    }
}

/// The month in a path; what is none names nothing.
pub(crate) fn month(text: &str) -> Result<Period, Problem> {
    text.parse().map_err(|refusal: hopline_ledger::PeriodError| Problem::not_found(refusal.to_string()))
}

/// List closed periods, and say from when on the books are open.
#[utoipa::path(get, path = "/v1/ledger/periods", tag = "books", operation_id = "ledger_periods_list",
    responses((status = 200, body = Periods), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Periods>, Problem> {
    query.finish()?;
    let database = app.services.database_for(caller.scope);
    let found: Result<_, StoreError> =
        database.read(|tx| Ok((ledger::open_from(tx)?, ledger::closed_periods(tx)?))).await;
    let (open_from, closed) = found?;
    let items = closed.iter().map(ClosedPeriodView::of).collect();
    Ok(Json(Periods { open_from: open_from.map(Time), items }))
}

/// Close a month, and with it all before. It takes no transaction any more and is never opened again: what happened in it
/// and is booked later is effective with the first moment of the open period, and its `reason` begins with the month that
/// it was for. Only a month that is over can be closed. One that is closed stays as it is, and the answer is its closing.
#[utoipa::path(post, path = "/v1/ledger/periods/{month}/close", tag = "books", operation_id = "ledger_periods_close",
    params(("month" = String, Path, description = "Such as `2026-01`, in UTC")),
    responses((status = 200, body = ClosedPeriodView), Problems))]
pub(crate) async fn close(
    State(app): State<Arc<App>>,
    Path(text): Path<String>,
    change: Change,
) -> Result<Response, Problem> {
    let period = month(&text)?;
    crate::fields::Fields::body(&change.body).finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let (closed, is_new) = ledger::close(work.tx, period, &work.caller.actor.name, work.now)?;
        let view = ClosedPeriodView::of(&closed);
        if is_new {
            let after = serde_json::to_value(&view).ok();
            work.audit("ledger_period.close", format!("ledger_period:{period}"), None, after)?;
        }
        Ok(Done::ok(view))
    })
    .await
}
