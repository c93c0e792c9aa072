//! `/v1/payout_templates` and `/v1/payout_result_mappings`: the payer's own forms of CSV files.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_control_store::payouts::{TemplateKind, TemplateRow, list_templates, save_template as save};
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_payfile::{ResultMapping, Template};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::fields::Fields;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::request::Change;
use crate::work::{self, Done, Tell};

const NAME_CHARS_MAX: usize = 64;

/// A saved form, in its newest version.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FormView {
    name: String,
    /// From 1; saving the same again makes no new one.
    #[schema(minimum = 1)]
    version: i64,
    /// As saved, with the defaults of what was left out.
    content: Value,
    created_at: crate::view::Time,
    created_by: String,
}

/// All saved forms.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FormsView {
    items: Vec<FormView>,
}

fn view(row: &TemplateRow) -> FormView {
    FormView {
        name: row.name.clone(),
        version: row.version,
        content: serde_json::from_str(&row.content).unwrap_or_default(),
        created_at: crate::view::Time(row.created_at),
        created_by: row.created_by.clone(),
    }
}

async fn listed(
    app: &Arc<App>,
    caller: &Caller,
    query: Query,
    kind: TemplateKind,
) -> Result<Json<FormsView>, Problem> {
    query.finish()?;
    let found: Result<_, StoreError> =
        app.services.database_for(caller.scope).read(move |tx| list_templates(tx, kind)).await;
    Ok(Json(FormsView { items: found?.iter().map(view).collect() }))
}

/// Reads a name and a form; all remarks at once.
fn form<T: DeserializeOwned + Serialize>(
    body: &Value,
    field: &'static str,
    faults: impl FnOnce(&T) -> Vec<(String, String)>,
) -> Result<(String, String), Problem> {
    let mut fields = Fields::body(body);
    let name = fields.text("name", NAME_CHARS_MAX);
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if !is_name {
        fields.refuse("name", "holds other characters than letters, digits, - _ and .");
    }
    let mut content = String::new();
    match fields.value(field).cloned().map(serde_json::from_value::<T>) {
        None => fields.missing(field),
        Some(Err(error)) => fields.refuse(field, error.to_string()),
        Some(Ok(read)) => {
            for (part, detail) in faults(&read) {
                fields.refuse(&format!("{field}.{part}"), detail);
            }
            content = serde_json::to_string(&read).expect("forms are plain data");
        }
    }
    fields.finish()?;
    Ok((name, content))
}

async fn saved(
    app: &Arc<App>,
    change: &Change,
    kind: TemplateKind,
    name: String,
    content: String,
) -> Result<Response, Problem> {
    work::run(app, change, Tell::Nobody, move |work| {
        let row = save(work.tx, kind, &name, &content, &work.caller.actor.name, work.now)?;
        let (action, object) = match kind {
            TemplateKind::Export => ("payout_template.save", format!("payout_template:{name}")),
            TemplateKind::Result => ("payout_result_mapping.save", format!("payout_result_mapping:{name}")),
        };
        let view = view(&row);
        work.audit(action, object, None, serde_json::to_value(&view).ok())?;
        Ok(Done::ok(view))
    })
    .await
}

/// The forms of CSV files that go out.
#[utoipa::path(get, path = "/v1/payout_templates", tag = "payouts", operation_id = "payout_templates_list",
    responses((status = 200, body = FormsView), Problems))]
pub(crate) async fn templates(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<FormsView>, Problem> {
    listed(&app, &caller, query, TemplateKind::Export).await
}

/// Save a form of CSV files that go out, as a new version of its name. A batch keeps the version of its approval.
#[utoipa::path(post, path = "/v1/payout_templates", tag = "payouts", operation_id = "payout_templates_save",
    request_body = crate::forms::TemplateForm,
    responses((status = 200, body = FormView), Problems))]
pub(crate) async fn save_template(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let (name, content) = form::<Template>(&change.body, "template", Template::faults)?;
    saved(&app, &change, TemplateKind::Export, name, content).await
}

/// The ways in which CSV files that come in are read.
#[utoipa::path(get, path = "/v1/payout_result_mappings", tag = "payouts", operation_id = "payout_result_mappings_list",
    responses((status = 200, body = FormsView), Problems))]
pub(crate) async fn mappings(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<FormsView>, Problem> {
    listed(&app, &caller, query, TemplateKind::Result).await
}

/// Save how CSV files that come in are read, as a new version of its name.
#[utoipa::path(post, path = "/v1/payout_result_mappings", tag = "payouts", operation_id = "payout_result_mappings_save",
    request_body = crate::forms::MappingForm,
    responses((status = 200, body = FormView), Problems))]
pub(crate) async fn save_mapping(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let faults = |mapping: &ResultMapping| {
        mapping.faults().into_iter().map(|(field, detail)| (field.to_owned(), detail)).collect()
    };
    let (name, content) = form::<ResultMapping>(&change.body, "mapping", faults)?;
    saved(&app, &change, TemplateKind::Result, name, content).await
}
