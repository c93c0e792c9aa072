//! `/v1/audit_log`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_control_store::audit_log::{self, Entry};
use hopline_control_store::{DatabaseExt, StoreError};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::view::Time;

/// A record of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntryView {
    /// Its place, from 1 without gaps.
    sequence: i64,
    at: Time,
    actor: String,
    action: String,
    object: String,
    /// From which network, or `cli`.
    origin: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
    request_id: Option<String>,
}

impl EntryView {
    fn of(record: &Entry) -> Self {
        let entry = &record.entry;
        let json = |text: &Option<String>| text.as_ref().and_then(|text| serde_json::from_str(text).ok());
        Self {
            sequence: record.sequence,
            at: Time(entry.at),
            actor: entry.actor.clone(),
            action: entry.action.clone(),
            object: entry.object.clone(),
            origin: entry.origin.clone(),
            before: json(&entry.before),
            after: json(&entry.after),
            request_id: entry.request_id.clone(),
        }
    }
}

/// List the audit log from its beginning.
#[utoipa::path(get, path = "/v1/audit_log", tag = "books",
    params(crate::forms::ListParameters),
    responses((status = 200, body = crate::forms::Page<EntryView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let list = query.list(&app, &caller)?;
    let page = list.page();
    let found: Result<_, StoreError> =
        app.services.database_for(caller.scope).read(move |tx| audit_log::list(tx, page)).await;
    Ok(Json(list.answer(&app, found?, |row| row.sequence, EntryView::of)))
}
