//! `/v1/reports`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hopline_report::{FieldError, Format, Metric, Report, ReportQuery, SortBy};

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;

pub(crate) mod installs;
pub(crate) mod models;
pub(crate) mod signals;

/// The period of a report that takes `from`, `to` and `tz` as the others do; what is wrong with them is remarked on.
fn period(query: &mut Query, app: &App, caller: &Caller) -> Result<ReportQuery, Problem> {
    let mut pairs = vec![("group_by", String::new())];
    for name in ["from", "to", "tz"] {
        pairs.extend(query.text(name).map(|text| (name, text)));
    }
    let period = ReportQuery::parse(pairs, app.services.clock.now(), caller.report_scope());
    for error in period.as_ref().err().into_iter().flatten() {
        query.refuse(&error.field, error.message.clone());
    }
    period.map_err(refused)
}

/// Count clicks, conversions and money. `format=json` or `csv`. What advertisers pay is not shown to affiliates, and
/// what affiliates get not to advertisers.
#[utoipa::path(get, path = "/v1/reports", tag = "reports",
    params(crate::forms::ReportParameters),
    responses((status = 200, content((crate::forms::ReportAnswer = "application/json"), (String = "text/csv"))), Problems))]
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Response, Problem> {
    let pairs = query.pairs().iter().map(|(name, value)| (name, value));
    let names_metrics = pairs.clone().any(|(name, value)| name == "metrics" && !value.is_empty());
    let mut query =
        ReportQuery::parse(pairs, app.services.clock.now(), caller.report_scope()).map_err(refused)?;
    if !caller.sides().payout {
        hide_payout(&mut query, names_metrics)?;
    }
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

/// Whether a metric shows what affiliates get, or lets it be computed from what the advertiser pays.
const fn shows_payout(metric: Metric) -> bool {
    matches!(
        metric,
        Metric::Payout | Metric::Profit | Metric::Margin | Metric::Cpc | Metric::Cpa | Metric::Epc
    )
}

/// Leaves out what advertisers are not shown; where it was asked for by name, that is refused.
fn hide_payout(query: &mut ReportQuery, names_metrics: bool) -> Result<(), Problem> {
    let refusal = |field: &str, metric: Metric| {
        FieldProblem::new(field, format!("{metric} is not shown to advertisers"))
    };
    let mut errors = Vec::new();
    if names_metrics {
        let hidden = query.metrics.iter().copied().filter(|metric| shows_payout(*metric));
        errors.extend(hidden.map(|metric| refusal("metrics", metric)));
    }
    for key in &query.sort {
        if let SortBy::Metric(metric) = key.by
            && shows_payout(metric)
        {
            errors.push(refusal("sort", metric));
        }
    }
    if !errors.is_empty() {
        return Err(Problem::parameters(errors));
    }
    query.metrics.retain(|metric| !shows_payout(*metric));
    Ok(())
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
