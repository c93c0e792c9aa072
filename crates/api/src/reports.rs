//! `/v1/reports`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hopline_report::{FieldError, Format, Report, ReportQuery};

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;

/// Count clicks, conversions and money. `format=json` or `csv`.
#[utoipa::path(get, path = "/v1/reports", tag = "reports",
    params(crate::forms::ReportParameters),
    responses((status = 200, content((crate::forms::ReportAnswer = "application/json"), (String = "text/csv"))), Problems))]
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    let pairs = query.pairs().iter().map(|(name, value)| (name, value));
    let query =
        ReportQuery::parse(pairs, app.services.clock.now(), caller.report_scope()).map_err(refused)?;
    let rows = app.services.click_store.report(query.clone()).await?;
    let report = Report::new(&query, rows);
    if query.format != Format::Csv {
        return Ok(Json(report.to_json()).into_response());
    }
    let csv = report.to_csv().map_err(|failure| {
        tracing::error!(%failure, "cannot write a report as CSV");
        Problem::internal("the failure has been logged")
    })?;
    Ok(([(header::CONTENT_TYPE, CSV), (header::CONTENT_DISPOSITION, AS_REPORT)], csv).into_response())
}

/// RFC 4180, with a header.
pub(crate) const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
const AS_REPORT: HeaderValue = HeaderValue::from_static("attachment; filename=\"report.csv\"");

/// 400 with every bad parameter.
pub(crate) fn refused(errors: Vec<FieldError>) -> Problem {
    Problem::parameters(
        errors.into_iter().map(|error| FieldProblem::new(error.field, error.message)).collect(),
    )
}
