//! `/v1/payout_batches`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use hopline_books::payouts::{
    self, BatchView, Debtor, DraftOptions, Export, FailedPayout, NachaSettings, NewBatch,
};
use hopline_control_store::payouts::{Batch, Payout, PayoutExchange, RefusedPayee, list_batches};
use hopline_control_store::{DatabaseExt, StoreError, sha256_hex};
use hopline_money::Amount;
use hopline_payfile::FileOut;
use hopline_runtime::config::PayoutsConfig;
use hopline_types::{BatchId, PayoutId, PayoutMethod};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::query::Query;
use crate::request::{Change, Id};
use crate::view::{ExchangeView, Money, Time};
use crate::work::{self, Done, Tell, Work};

const COLLECTION: &str = "/v1/payout_batches";
const COUNT: HeaderName = HeaderName::from_static("x-hopline-count");
const CONTROL_SUM: HeaderName = HeaderName::from_static("x-hopline-control-sum");

/// A payout batch.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchSummary {
    #[schema(minimum = 1)]
    id: i64,
    /// `draft`, `approved`, `settled` or `cancelled`.
    status: &'static str,
    currency: &'static str,
    /// `sepa`, `ach`, `paypal`, `wise`, `bank` or `manual`.
    method: &'static str,
    /// What became payable up to this time is in it.
    cutoff: Time,
    /// The least amount paid.
    minimum: Money,
    /// The identifier of its bank file.
    message_id: String,
    /// The day on which the bank shall pay.
    execution_date: String,
    created_at: Time,
    created_by: String,
    approved_at: Option<Time>,
    approved_by: Option<String>,
    settled_at: Option<Time>,
    settled_by: Option<String>,
    /// When its file was first made.
    exported_at: Option<Time>,
    exported_by: Option<String>,
    /// Amounts are multiples of this.
    round_down_to: Money,
    /// The schedule that has prepared it.
    schedule_id: Option<i64>,
    /// Who was left out, and why.
    refused: Vec<RefusedView>,
}

/// An affiliate that was left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefusedView {
    affiliate_id: i64,
    /// What would have been paid.
    amount: Money,
    /// A short word that never changes.
    reason: String,
    /// The same for people.
    detail: String,
}

/// One payment to one affiliate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutView {
    #[schema(minimum = 1)]
    id: i64,
    affiliate_id: i64,
    amount: Money,
    /// `draft`, `approved`, `paid` or `failed`.
    status: &'static str,
    /// Why it failed.
    reason: Option<String>,
    /// When it came back after the bank had paid.
    returned_at: Option<Time>,
    /// The reference in the bank file.
    end_to_end_id: String,
}

/// A payout batch with its payouts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BatchDetail {
    #[serde(flatten)]
    batch: BatchSummary,
    payouts: Vec<PayoutView>,
    /// What was changed into its currency for them.
    exchanges: Vec<PayoutExchangeView>,
}

/// What was changed for a payout: booked as one transaction with two balanced legs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PayoutExchangeView {
    payout_id: i64,
    /// What was given.
    given: Money,
    /// What it became.
    became: Money,
    exchange: ExchangeView,
    /// The id of the ledger transaction.
    transaction: String,
}

impl BatchSummary {
    fn of(batch: &Batch) -> Self {
        let refused = |payee: &RefusedPayee| RefusedView {
            affiliate_id: payee.affiliate_id.get(),
            amount: payee.amount.into(),
            reason: payee.reason.clone(),
            detail: payee.detail.clone(),
        };
        Self {
            id: batch.id.get(),
            status: batch.status.as_str(),
            currency: batch.currency.code(),
            method: batch.method.as_str(),
            cutoff: Time(batch.cutoff),
            minimum: batch.minimum.into(),
            message_id: batch.message_id.clone(),
            execution_date: batch.execution_date.clone(),
            created_at: Time(batch.created_at),
            created_by: batch.created_by.clone(),
            approved_at: batch.approved_at.map(Time),
            approved_by: batch.approved_by.clone(),
            settled_at: batch.settled_at.map(Time),
            settled_by: batch.settled_by.clone(),
            exported_at: batch.exported_at.map(Time),
            exported_by: batch.exported_by.clone(),
            round_down_to: Amount::new(batch.step_minor, batch.currency).into(),
            schedule_id: batch.schedule,
            refused: batch.refused.iter().map(refused).collect(),
        }
    }
}

impl BatchDetail {
    pub(crate) fn of(view: &BatchView) -> Self {
        let payout = |payout: &Payout| PayoutView {
            id: payout.id.get(),
            affiliate_id: payout.affiliate.get(),
            amount: payout.amount.into(),
            status: payout.status.as_str(),
            reason: payout.reason.clone(),
            returned_at: payout.returned_at.map(Time),
            end_to_end_id: payout.end_to_end_id.clone(),
        };
        let exchange = |changed: &PayoutExchange| PayoutExchangeView {
            payout_id: changed.payout.get(),
            given: changed.from.into(),
            became: changed.to.into(),
            exchange: ExchangeView::of(&changed.exchange),
            transaction: changed.transaction.to_string(),
        };
        Self {
            batch: BatchSummary::of(&view.batch),
            payouts: view.payouts.iter().map(payout).collect(),
            exchanges: view.exchanges.iter().map(exchange).collect(),
        }
    }
}

fn log(work: &mut Work<'_>, action: &str, view: &BatchView) -> Result<BatchDetail, Problem> {
    let detail = BatchDetail::of(view);
    work.audit(action, format!("payout_batch:{}", view.batch.id), None, serde_json::to_value(&detail).ok())?;
    Ok(detail)
}

/// Draft a payout batch: reserves what can be paid, and says who cannot be and why.
#[utoipa::path(post, path = COLLECTION, tag = "payouts",
    request_body = crate::forms::BatchForm,
    responses((status = 201, body = BatchDetail), Problems))]
pub(crate) async fn draft(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let new = NewBatch {
        currency: fields.text("currency", 3),
        method: fields
            .word::<PayoutMethod>("method")
            .map_or_else(String::new, |method| method.as_str().to_owned()),
        cutoff: fields.optional_time("cutoff"),
        minimum: crate::conversions::form::amount(&mut fields, "minimum"),
    };
    let round_down_to = crate::conversions::form::amount(&mut fields, "round_down_to");
    let options = DraftOptions { round_down_to, schedule: None };
    fields.finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let drafted = payouts::draft_with(work.tx, &new, &options, &work.caller.actor.name, work.now)?;
        Ok(Done::created(COLLECTION, log(work, "payout_batch.draft", &drafted)?))
    })
    .await
}

/// List payout batches, newest first.
#[utoipa::path(get, path = COLLECTION, tag = "payouts",
    params(crate::forms::ListParameters),
    responses((status = 200, body = crate::forms::Page<BatchSummary>), Problems))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let list = query.list(&app, &caller)?;
    let before = list.after().and_then(|id| BatchId::new(id).ok());
    let rows = list.rows();
    let found: Result<_, StoreError> =
        app.services.database_for(caller.scope).read(move |tx| list_batches(tx, before, rows)).await;
    Ok(Json(list.answer(&app, found?, |row| row.id, BatchSummary::of)))
}

/// Get a payout batch with its payouts.
#[utoipa::path(get, path = "/v1/payout_batches/{id}", tag = "payouts",
    params(("id" = i64, Path)),
    responses((status = 200, body = BatchDetail), Problems))]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<BatchId>,
) -> Result<Json<BatchDetail>, Problem> {
    let found = app.services.database_for(caller.scope).read(move |tx| payouts::view(tx, id)).await;
    Ok(Json(BatchDetail::of(&found?)))
}

/// Approve a draft. By another person than its creator, and than whoever has changed bank data of one of its payees since
/// that one was last paid, where the four-eyes rule is on. The batch does not change any more.
#[utoipa::path(post, path = "/v1/payout_batches/{id}/approve", tag = "payouts",
    params(("id" = i64, Path)),
    responses((status = 200, body = BatchDetail), Problems))]
pub(crate) async fn approve(
    State(app): State<Arc<App>>,
    Id(id): Id<BatchId>,
    change: Change,
) -> Result<Response, Problem> {
    Fields::body(&change.body).finish()?;
    let four_eyes = app.services.settings.payouts.four_eyes;
    let payer = debtor(&app.services.settings.payouts);
    work::run(&app, &change, Tell::Nobody, move |work| {
        let approved =
            payouts::approve_with_payer(work.tx, id, &work.caller.actor.name, four_eyes, &payer, work.now)?;
        Ok(Done::ok(log(work, "payout_batch.approve", &approved)?))
    })
    .await
}

/// Give a draft up: its money is payable again.
#[utoipa::path(post, path = "/v1/payout_batches/{id}/cancel", tag = "payouts",
    params(("id" = i64, Path)),
    responses((status = 200, body = BatchDetail), Problems))]
pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    Id(id): Id<BatchId>,
    change: Change,
) -> Result<Response, Problem> {
    Fields::body(&change.body).finish()?;
    work::run(&app, &change, Tell::Nobody, move |work| {
        let cancelled = payouts::cancel(work.tx, id, &work.caller.actor.name, work.now)?;
        Ok(Done::ok(log(work, "payout_batch.cancel", &cancelled)?))
    })
    .await
}

/// Book the bank's answer: everything is paid but what is named as failed.
#[utoipa::path(post, path = "/v1/payout_batches/{id}/settle", tag = "payouts",
    params(("id" = i64, Path)), request_body = crate::forms::SettleForm,
    responses((status = 200, body = BatchDetail), Problems))]
pub(crate) async fn settle(
    State(app): State<Arc<App>>,
    Id(id): Id<BatchId>,
    change: Change,
) -> Result<Response, Problem> {
    let failed = failed_payouts(&change.body)?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let settled = payouts::settle(work.tx, id, &failed, &work.caller.actor.name, work.now)?;
        Ok(Done::ok(log(work, "payout_batch.settle", &settled)?))
    })
    .await
}

fn failed_payouts(body: &Value) -> Result<Vec<FailedPayout>, Problem> {
    let mut fields = Fields::body(body);
    let mut failed = Vec::new();
    match fields.value("failed").map(Value::as_array) {
        None => fields.refuse("failed", "is missing: give an empty list where everything was paid"),
        Some(None) => fields.refuse("failed", "is not a list"),
        Some(Some(items)) => {
            for (index, item) in items.iter().enumerate() {
                let mut inner = Fields::at(format!("failed[{index}]"), item);
                let payout = inner.id::<PayoutId>("payout_id");
                let reason = inner.text("reason", TEXT_CHARS_MAX);
                fields.refuse_all(inner.close());
                failed.extend(payout.map(|payout| FailedPayout { payout, reason }));
            }
        }
    }
    fields.finish()?;
    Ok(failed)
}

/// The file of an approved batch, the same bytes each time. It changes nothing but the audit log: payees' bank data is seen.
/// `X-Hopline-Count` and `X-Hopline-Control-Sum` say what is in it. `csv` may be in a saved form (`template`).
#[utoipa::path(get, path = "/v1/payout_batches/{id}/export", tag = "payouts",
    params(("id" = i64, Path),
        ("format" = crate::forms::ExportFormat, Query),
        ("template" = Option<String>, Query, description = "With csv: the name of a saved form; its version at the approval counts")),
    responses((status = 200, content((String = "application/xml"), (String = "text/csv"), (String = "text/plain"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")),
        headers(("X-Hopline-Count" = i64), ("X-Hopline-Control-Sum" = String))), Problems))]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    caller: Caller,
    Id(id): Id<BatchId>,
    mut query: Query,
) -> Result<Response, Problem> {
    let format = query.text("format");
    let template = query.text("template");
    if format.is_none() {
        query.refuse("format", format!("is missing: expected one of {}", payouts::FORMATS.join(", ")));
    }
    query.finish()?;
    let format = format.expect("a missing format was remarked on");
    if !payouts::FORMATS.contains(&format.as_str()) {
        let message = format!("{format:?} is not one of {}", payouts::FORMATS.join(", "));
        return Err(Problem::parameters(vec![FieldProblem::new("format", message)]));
    }
    let debtor = debtor(&app.services.settings.payouts);
    let now = app.services.clock.now();
    let database = app.services.database_for(caller.scope);
    let file = database.write(move |tx| {
        let asked = Export { format: format.clone(), template: template.clone(), debtor: debtor.clone() };
        let file = payouts::export_with(tx, id, &asked, &caller.actor.name, now)?;
        let mut work = Work { tx, caller: &caller, now };
        let seen = serde_json::json!({"format": &format, "template": &template, "count": file.count,
            "control_sum": file.control_sum.to_decimal(), "sha256": sha256_hex(&file.bytes)});
        work.audit("payout_batch.export", format!("payout_batch:{id}"), None, Some(seen))?;
        Ok::<_, Problem>(file)
    });
    Ok(file_answer(file.await?))
}

fn debtor(payouts: &PayoutsConfig) -> Debtor {
    Debtor {
        name: payouts.debtor_name.clone(),
        iban: payouts.debtor_iban.clone(),
        bic: payouts.debtor_bic.clone(),
        country: payouts.debtor_country.clone(),
        town: payouts.debtor_town.clone(),
        nacha: NachaSettings {
            destination: payouts.nacha_destination.clone(),
            destination_name: payouts.nacha_destination_name.clone(),
            origin: payouts.nacha_origin.clone(),
            origin_name: payouts.nacha_origin_name.clone(),
            originating_bank: payouts.nacha_originating_bank.clone(),
            company_name: payouts.nacha_company_name.clone(),
            company_id: payouts.nacha_company_id.clone(),
            description: payouts.nacha_description.clone(),
        },
        paypal_decimal_mark: Some(payouts.paypal_decimal_mark.clone()),
        wise_source_currency: payouts.wise_source_currency.clone(),
        wise_columns: payouts.wise_columns.clone(),
    }
}

fn file_answer(file: FileOut) -> Response {
    let disposition = format!("attachment; filename=\"{}\"", file.file_name);
    let text = |text: String| HeaderValue::try_from(text).expect("file names and sums are plain ASCII");
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.media_type)),
        (header::CONTENT_DISPOSITION, text(disposition)),
        (COUNT, HeaderValue::from(file.count)),
        (CONTROL_SUM, text(file.control_sum.to_decimal())),
    ];
    (headers, file.bytes).into_response()
}
