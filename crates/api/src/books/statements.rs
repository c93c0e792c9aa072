//! `/v1/affiliates/{id}/statements/{month}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hopline_books::statement::{
    Amounts, CurrencyStatement, Line, Statement, statement, statement_csv, statement_pdf,
};
use hopline_control_store::{DatabaseExt, Scope, StoreError, affiliates};
use hopline_ledger::Period;
use hopline_money::{Currency, format_minor};
use hopline_types::AffiliateId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::view::Time;

const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
const PDF: HeaderValue = HeaderValue::from_static("application/pdf");

/// Money in the four places that an affiliate's can be; decimal texts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AmountsView {
    /// Waiting for approval.
    pending: String,
    /// Approved, hold running.
    approved: String,
    /// Free to be paid; below zero where the next payouts must make up for it.
    payable: String,
    /// Paid.
    paid: String,
}

impl AmountsView {
    fn of(amounts: Amounts, currency: Currency) -> Self {
        let [pending, approved, payable, paid] = amounts.each().map(|minor| format_minor(minor, currency));
        Self { pending, approved, payable, paid }
    }
}

/// One transaction, as far as it is about the affiliate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementLine {
    effective_at: Time,
    booked_at: Time,
    /// Its place in the ledger.
    ledger_record: i64,
    kind: &'static str,
    conversion_id: Option<i64>,
    /// When the conversion happened.
    converted_at: Option<Time>,
    offer_id: Option<i64>,
    goal: Option<String>,
    payout_id: Option<i64>,
    /// The closed month that it was for, where it came late.
    #[schema(value_type = Option<String>)]
    late_for: Option<Period>,
    reason: Option<String>,
    /// What it has changed.
    #[serde(flatten)]
    change: AmountsView,
}

impl StatementLine {
    fn of(line: &Line, currency: Currency) -> Self {
        let about = line.conversion.as_ref();
        Self {
            effective_at: Time(line.effective_at),
            booked_at: Time(line.booked_at),
            ledger_record: line.sequence,
            kind: line.kind.as_str(),
            conversion_id: about.map(|about| about.id.get()),
            converted_at: about.map(|about| Time(about.converted_at)),
            offer_id: about.map(|about| about.offer.get()),
            goal: about.map(|about| about.goal.clone()),
            payout_id: line.payout.map(hopline_types::PayoutId::get),
            late_for: line.late_for,
            reason: line.reason.clone(),
            change: AmountsView::of(line.change, currency),
        }
    }
}

/// A month in one currency; opening and lines add up to closing.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CurrencyStatementView {
    currency: &'static str,
    opening: AmountsView,
    lines: Vec<StatementLine>,
    closing: AmountsView,
}

impl CurrencyStatementView {
    fn of(each: &CurrencyStatement) -> Self {
        Self {
            currency: each.currency.code(),
            opening: AmountsView::of(each.opening, each.currency),
            lines: each.lines.iter().map(|line| StatementLine::of(line, each.currency)).collect(),
            closing: AmountsView::of(each.closing, each.currency),
        }
    }
}

/// An affiliate's statement of a month.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatementView {
    affiliate_id: i64,
    #[schema(value_type = String, examples("2026-01"))]
    month: Period,
    /// `closed`: nothing of this will change. `open`: more may be booked.
    status: &'static str,
    /// How many records the ledger had when the month was closed, or has.
    ledger_records: i64,
    /// The hash of the last of them.
    last_hash: String,
    /// Those in which there was anything.
    currencies: Vec<CurrencyStatementView>,
}

impl StatementView {
    fn of(statement: &Statement) -> Self {
        Self {
            affiliate_id: statement.affiliate.get(),
            month: statement.period,
            status: if statement.is_closed { "closed" } else { "open" },
            ledger_records: statement.record_count,
            last_hash: statement.record_hash.to_string(),
            currencies: statement.currencies.iter().map(CurrencyStatementView::of).collect(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Csv,
    Pdf,
}

impl Form {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Json, "json", "application/json"),
        (Self::Csv, "csv", "text/csv"),
        (Self::Pdf, "pdf", "application/pdf"),
    ];

    /// `format`, else the first of `Accept` that there is, else JSON.
    fn asked(query: &mut Query, headers: &HeaderMap) -> Self {
        if let Some(word) = query.text("format") {
            let found = Self::ALL.into_iter().find(|(_, name, _)| *name == word);
            if found.is_none() {
                query.refuse("format", format!("{word:?} is none: expected json, csv or pdf"));
            }
            return found.map_or(Self::Json, |(form, ..)| form);
        }
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut kinds = accepted
            .flat_map(|value| value.split(','))
            .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let found = kinds.find_map(|kind| Self::ALL.into_iter().find(|(.., media)| *media == kind));
        found.map_or(Self::Json, |(form, ..)| form)
    }
}

/// An affiliate's statement of a month: every entry on its accounts down to the conversion, between opening and closing
/// balances, as JSON, CSV or PDF with the same numbers. That of a closed month is the same to the byte whenever it is asked
/// for. It names the number of ledger records and the hash of the last one: what was cut off a ledger is found by comparing
/// with them.
#[utoipa::path(get, path = "/v1/affiliates/{id}/statements/{month}", tag = "books", operation_id = "statements_get",
    params(("id" = i64, Path), ("month" = String, Path, description = "Such as `2026-01`, in UTC"),
        ("format" = Option<String>, Query, description = "`json`, `csv` or `pdf`; else what `Accept` says")),
    responses((status = 200, content((StatementView = "application/json"), (String = "text/csv"), (Vec<u8> = "application/pdf"))),
        Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, month)): Path<(String, String)>,
    headers: HeaderMap,
    mut query: Query,
) -> Result<Response, Problem> {
    let form = Form::asked(&mut query, &headers);
    query.finish()?;
    let missing = || Problem::not_found(format!("there is no affiliate {id}"));
    let number = id.parse::<i64>().ok().filter(|number| number.to_string() == id).ok_or_else(missing)?;
    let affiliate = AffiliateId::new(number).map_err(|_| missing())?;
    let period = super::periods::month(&month)?;
    let scope = caller.scope;
    let exists =
        app.services.database_for(scope).read(move |tx| affiliates::get(tx, scope, affiliate)).await?;
    exists.ok_or_else(missing)?;
    // The end of the ledger is seen by nobody who is narrowed; the affiliate's own accounts are bound in every statement.
    let database = app.services.database_for(Scope::All);
    let found: Result<_, StoreError> = database.read(move |tx| statement(tx, affiliate, period)).await;
    let found = found?;
    let name = format!("statement-{affiliate}-{period}");
    Ok(match form {
        Form::Json => Json(StatementView::of(&found)).into_response(),
        Form::Csv => file(CSV, &format!("{name}.csv"), statement_csv(&found)),
        Form::Pdf => file(PDF, &format!("{name}.pdf"), statement_pdf(&found)),
    })
}

fn file(kind: HeaderValue, name: &str, content: Vec<u8>) -> Response {
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\""));
    let disposition = disposition.expect("ids and months are plain");
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], content).into_response()
}
