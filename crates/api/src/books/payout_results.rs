//! `/v1/payout_batches/{id}/results`: what banks and services answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use hopline_books::payouts::{self, NewResult, RESULT_FORMATS, Rest};
use hopline_control_store::DatabaseExt;
use hopline_control_store::payouts::{ResultLineRow, ResultRow, lines_of_result, results_of};
use hopline_types::BatchId;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::payout_batches::BatchDetail;
use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::Id;
use crate::upload::UploadBytes;
use crate::view::Time;
use crate::work::{self, Done, Tell};

/// A result file that was booked.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultView {
    #[schema(minimum = 1)]
    id: i64,
    payout_batch_id: i64,
    /// `pain.002`, `nacha`, `paypal`, `wise` or `csv`.
    format: String,
    /// Of the file's bytes: no file is booked twice.
    sha256: String,
    received_at: Time,
    received_by: String,
    lines: Vec<ResultLineView>,
}

/// What one line did.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultLineView {
    /// The line in the file, from 1; null: it was not named, and decided with the rest.
    line: Option<i64>,
    payout_id: i64,
    /// `paid`, `failed`, `returned` (it had been paid), `waiting`, `notice` or `unchanged`.
    outcome: String,
    reason: Option<String>,
}

/// A result file and what has become of the batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AppliedView {
    #[schema(minimum = 1)]
    id: i64,
    lines: Vec<ResultLineView>,
    payout_batch: BatchDetail,
}

/// All result files of a batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ResultsView {
    items: Vec<ResultView>,
}

fn line(row: &ResultLineRow) -> ResultLineView {
    ResultLineView {
        line: row.line,
        payout_id: row.payout.get(),
        outcome: row.outcome.clone(),
        reason: row.reason.clone(),
    }
}

fn view(row: &ResultRow, lines: &[ResultLineRow]) -> ResultView {
    ResultView {
        id: row.id,
        payout_batch_id: row.result.batch.get(),
        format: row.result.format.clone(),
        sha256: row.result.sha256.clone(),
        received_at: Time(row.result.received_at),
        received_by: row.result.received_by.clone(),
        lines: lines.iter().map(line).collect(),
    }
}

/// The result files that were booked for a batch, with what each line did.
#[utoipa::path(get, path = "/v1/payout_batches/{id}/results", tag = "payouts", operation_id = "payout_results_list",
    params(("id" = i64, Path)),
    responses((status = 200, body = ResultsView), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<BatchId>,
    query: Query,
) -> Result<Json<ResultsView>, Problem> {
    query.finish()?;
    let database = app.services.database_for(caller.scope);
    let found = database.read(move |tx| {
        payouts::view(tx, id)?;
        let mut items = Vec::new();
        for row in results_of(tx, id)? {
            let lines = lines_of_result(tx, row.id)?;
            items.push(view(&row, &lines));
        }
        Ok::<_, Problem>(ResultsView { items })
    });
    Ok(Json(found.await?))
}

/// Book a result file: pain.002 of a bank, a NACHA return file, a report of PayPal or Wise, or any CSV by a saved mapping. It is
/// booked whole or refused whole: an unknown reference, a wrong amount or sum, or a file that was booked before is told
/// with its line, and nothing has changed. What failed or came back is payable again. A batch of which all payouts are decided
/// is settled.
#[utoipa::path(post, path = "/v1/payout_batches/{id}/results", tag = "payouts", operation_id = "payout_results_upload",
    params(("id" = i64, Path),
        ("format" = String, Query, description = "`pain.002`, `nacha`, `paypal`, `wise` or `csv`"),
        ("mapping" = Option<String>, Query, description = "With csv: the name of a saved mapping"),
        ("rest" = Option<String>, Query,
            description = "What becomes of payouts that the file does not name: they stay as they are (`open`, the default), or were `paid`")),
    request_body(content((String = "application/xml"), (String = "text/csv"), (String = "text/plain"))),
    responses((status = 201, body = AppliedView), Problems))]
pub(crate) async fn upload(
    State(app): State<Arc<App>>,
    Id(id): Id<BatchId>,
    upload: UploadBytes,
) -> Result<Response, Problem> {
    let UploadBytes { change, bytes, mut query } = upload;
    let (format, mapping, rest) = (query.text("format"), query.text("mapping"), query.text("rest"));
    if format.is_none() {
        query.refuse("format", format!("is missing: expected one of {}", RESULT_FORMATS.join(", ")));
    }
    let rest = match rest.as_deref() {
        None | Some("open") => Rest::Open,
        Some("paid") => Rest::Paid,
        Some(other) => {
            query.refuse("rest", format!("{other:?} is not one of open, paid"));
            Rest::Open
        }
    };
    query.finish()?;
    let format = format.expect("a missing format was remarked on");
    if !RESULT_FORMATS.contains(&format.as_str()) {
        let message = format!("{format:?} is not one of {}", RESULT_FORMATS.join(", "));
        return Err(Problem::parameters(vec![FieldProblem::new("format", message)]));
    }
    let new = NewResult { format, mapping, rest, bytes: bytes.to_vec() };
    work::run(&app, &change, Tell::Worker, move |work| {
        let applied = payouts::apply_result(work.tx, id, &new, &work.caller.actor.name, work.now)?;
        let lines: Vec<_> = applied.lines.iter().map(line).collect();
        let log = json!({"result": applied.id, "format": &new.format, "lines": &lines, "status": applied.view.batch.status.as_str()});
        work.audit("payout_batch.result", format!("payout_batch:{id}"), None, Some(log))?;
        let answer = AppliedView { id: applied.id, lines, payout_batch: BatchDetail::of(&applied.view) };
        Ok(Done::ok(answer).with_status(axum::http::StatusCode::CREATED))
    })
    .await
}
