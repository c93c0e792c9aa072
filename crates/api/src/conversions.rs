//! `/v1/conversions`.
//!
//! A conversion is taken in and answered once it is durable; the worker decides on it a moment later. Repeating one
//! changes nothing and says so. A list of up to 1,000 is one transaction: what is right in it is taken in, what is wrong
//! is named, item by item.

pub(crate) mod form;
pub(crate) mod judge;
pub(crate) mod life;
mod view;

pub(crate) use view::ConversionView;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use hopline_books::{BookError, Difference, Intake, NewConversion};
use hopline_clickid::KeyRing;
use hopline_control_store::conversions::{self, ConversionFilter};
use hopline_control_store::{DatabaseExt, base62, click_keys};
use hopline_types::{ConversionId, UnknownWord};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::{App, random};
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::work::{self, Done, Tell, Work};

const COLLECTION: &str = "/v1/conversions";
/// The most items of a list.
const ITEMS_MAX: usize = 1_000;
/// Characters of an event id made here.
const EVENT_CHARS: usize = 22;

/// What became of one item of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemResult {
    /// Its place in the list, from 0.
    index: usize,
    /// Names the report; absent where it was refused.
    event_id: Option<String>,
    /// The conversion; absent where it was refused.
    id: Option<i64>,
    accepted: bool,
    /// Whether it was reported before.
    duplicate: bool,
    /// In what it differs from the first report, which counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<crate::forms::DifferenceDoc>)]
    differences: Vec<Difference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

/// What became of the items of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemResults {
    accepted: usize,
    duplicates: usize,
    refused: usize,
    items: Vec<ItemResult>,
}

/// Report one conversion, or a list of up to 1,000.
#[utoipa::path(post, path = COLLECTION, tag = "conversions",
    request_body = crate::forms::ConversionsBody,
    responses((status = 201, description = "Taken in", body = ConversionView),
        (status = 200, description = "Reported before, or the results of a list",
            body = crate::forms::ConversionOrResults), Problems))]
pub(crate) async fn create(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let now = app.services.clock.now();
    let read = |value: &Value| form::read(value, &change.caller, now, base62(EVENT_CHARS, &mut random));
    if let Value::Array(items) = &change.body {
        if items.is_empty() || items.len() > ITEMS_MAX {
            let message = format!("the list has {} items, expected 1 to {ITEMS_MAX}", items.len());
            return Err(Problem::fields(vec![FieldProblem::new("body", message)]));
        }
        let items: Vec<_> = items.iter().map(read).collect();
        return work::run(&app, &change, Tell::Worker, move |work| several(work, &items)).await;
    }
    let new = read(&change.body).map_err(Problem::fields)?;
    work::run(&app, &change, Tell::Worker, move |work| one(work, &new)).await
}

fn field_problems(errors: Vec<hopline_books::FieldError>) -> Vec<FieldProblem> {
    errors.into_iter().map(|error| FieldProblem::new(error.field, error.message)).collect()
}

/// The keys that click ids are checked with.
fn click_keys(work: &mut Work<'_>) -> Result<KeyRing, Problem> {
    click_keys::ring(work.tx)?.ok_or_else(|| {
        tracing::error!("there are no click keys: the installation was not initialised");
        Problem::internal("the failure has been logged")
    })
}

fn one(work: &mut Work<'_>, new: &NewConversion) -> Result<Done, Problem> {
    let keys = click_keys(work)?;
    let (id, differences, is_new) = match hopline_books::intake(work.tx, new, &keys, work.now)? {
        Intake::Refused { errors } => return Err(Problem::fields(field_problems(errors))),
        Intake::Taken { conversion } => (conversion, Vec::new(), true),
        Intake::Repeat { conversion, differences } => (conversion, differences, false),
        Intake::Kept { .. } => {
            return Err(Problem::internal("a conversion was taken for a report of an install"));
        }
    };
    let found = conversions::get(work.tx, work.caller.scope, id)?.ok_or_else(|| unknown(id))?;
    let view = ConversionView::of(&found, work.caller).with_differences(differences);
    if !is_new {
        return Ok(Done::created(COLLECTION, view).with_status(StatusCode::OK));
    }
    work.audit("conversion.report", format!("conversion:{id}"), None, serde_json::to_value(&view).ok())?;
    Ok(Done::created(COLLECTION, view))
}

type Read = Result<NewConversion, Vec<FieldProblem>>;

fn several(work: &mut Work<'_>, items: &[Read]) -> Result<Done, Problem> {
    let keys = click_keys(work)?;
    let reports: Vec<&NewConversion> = items.iter().flatten().collect();
    let mut outcomes = hopline_books::intake_many(work.tx, &reports, &keys, work.now)?.into_iter();
    let mut results = ItemResults { accepted: 0, duplicates: 0, refused: 0, items: Vec::new() };
    let mut taken = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let result = match item {
            Err(errors) => refused(index, errors.clone()),
            Ok(new) => {
                let lost = || BookError::Broken { detail: format!("item {index} was not taken in") };
                result_of(index, new, outcomes.next().ok_or_else(lost)?)
            }
        };
        match (result.accepted, result.duplicate) {
            (false, _) => results.refused += 1,
            (true, true) => results.duplicates += 1,
            (true, false) => {
                results.accepted += 1;
                taken.extend(result.id);
            }
        }
        results.items.push(result);
    }
    if !taken.is_empty() {
        work.audit(
            "conversion.report",
            "conversions".to_owned(),
            None,
            Some(serde_json::json!({"ids": taken})),
        )?;
    }
    Ok(Done::ok(results))
}

const fn refused(index: usize, errors: Vec<FieldProblem>) -> ItemResult {
    ItemResult {
        index,
        event_id: None,
        id: None,
        accepted: false,
        duplicate: false,
        differences: Vec::new(),
        errors,
    }
}

fn result_of(index: usize, new: &NewConversion, outcome: Intake) -> ItemResult {
    let accepted = |id: ConversionId, duplicate, differences| ItemResult {
        event_id: Some(new.event_id.clone()),
        id: Some(id.get()),
        accepted: true,
        duplicate,
        differences,
        ..refused(index, Vec::new())
    };
    match outcome {
        Intake::Refused { errors } => refused(index, field_problems(errors)),
        Intake::Taken { conversion } => accepted(conversion, false, Vec::new()),
        Intake::Repeat { conversion, differences } => accepted(conversion, true, differences),
        // Only events of the edge are reports of installs.
        Intake::Kept { .. } => refused(index, Vec::new()),
    }
}

/// List conversions, newest first.
#[utoipa::path(get, path = COLLECTION, tag = "conversions",
    params(crate::forms::ListParameters,
        ("order_id" = Option<String>, Query, description = "Only with this order id"),
        ("click_id" = Option<String>, Query, description = "Only with this click id"),
        ("offer_id" = Option<i64>, Query, description = "Only of this offer"),
        ("affiliate_id" = Option<i64>, Query, description = "Only of this affiliate"),
        ("advertiser_id" = Option<i64>, Query, description = "Only of this advertiser"),
        ("status" = Option<crate::forms::ConversionStatus>, Query, description = "Only with this status"),
        ("goal" = Option<String>, Query, description = "Only of goals with this key"),
        ("from" = Option<String>, Query, description = "Not before this time or day"),
        ("to" = Option<String>, Query, description = "Before this time or day")),
    responses((status = 200, body = crate::forms::Page<ConversionView>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let mut filter = ConversionFilter {
        order_id: query.text("order_id"),
        click_id: query.text("click_id"),
        offer: query.id("offer_id"),
        affiliate: query.id("affiliate_id"),
        advertiser: query.id("advertiser_id"),
        status: query.parsed("status"),
        goal: query.text("goal"),
        from: query.time("from"),
        to: query.time("to"),
        before: None,
    };
    let list = query.list(&app, &caller)?;
    filter.before = list.after().and_then(|id| ConversionId::new(id).ok());
    let (scope, rows) = (caller.scope, list.rows());
    let found: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(conversions::list(tx, scope, &filter, rows)?))
        .await;
    Ok(Json(list.answer(&app, found?, |row| row.id, |row| ConversionView::of(row, &caller))))
}

/// Get a conversion.
#[utoipa::path(get, path = "/v1/conversions/{id}", tag = "conversions",
    params(("id" = i64, Path)),
    responses((status = 200, body = ConversionView), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<ConversionId>,
) -> Result<Json<ConversionView>, Problem> {
    let scope = caller.scope;
    let found: Result<_, Problem> =
        app.services.database_for(caller.scope).read(move |tx| Ok(conversions::get(tx, scope, id)?)).await;
    found?.map(|found| Json(ConversionView::of(&found, &caller))).ok_or_else(|| unknown(id))
}

/// The whole reasoning behind a conversion: touches, model, terms, rounding, ledger, payouts. Where it was decided again, the
/// earlier decisions are in `earlier_decisions`, each with `because`. With `format=text` as one page for people.
#[utoipa::path(get, path = "/v1/conversions/{id}/explain", tag = "conversions",
    params(("id" = i64, Path),
        ("format" = Option<String>, Query, description = "`json` (default) or `text`")),
    responses((status = 200, body = crate::forms::Explanation), Problems))]
pub(crate) async fn explain(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<ConversionId>,
    mut query: Query,
) -> Result<Response, Problem> {
    let format: Option<Form> = query.parsed("format");
    query.finish()?;
    let scope = caller.scope;
    let explained =
        app.services.database_for(caller.scope).read(move |tx| hopline_books::explain(tx, scope, id)).await?;
    Ok(match format {
        None | Some(Form::Json) => Json(explained).into_response(),
        Some(Form::Text) => hopline_books::explain_text(&explained).into_response(),
    })
}

/// How an explanation is written.
#[derive(Debug, Clone, Copy)]
enum Form {
    Json,
    Text,
}

impl std::str::FromStr for Form {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err(UnknownWord { given: text.into(), expected: "json, text".into() }),
        }
    }
}

fn unknown(id: ConversionId) -> Problem {
    Problem::not_found(format!("there is no conversion {id}"))
}
