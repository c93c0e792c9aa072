//! `/v1/ledger`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_control_store::ledger::{self, AccountBalance, TransactionFilter};
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_ledger::{Period, Posting, Stored};
use hopline_money::format_minor;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::view::Time;

/// One line of a transaction: a debit or a credit.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PostingView {
    account: String,
    currency: &'static str,
    debit: Option<String>,
    credit: Option<String>,
}

impl PostingView {
    fn of(posting: &Posting) -> Self {
        let amount = format_minor(i128::from(posting.amount_minor).abs(), posting.currency);
        let is_debit = posting.amount_minor > 0;
        Self {
            account: posting.account.as_path(),
            currency: posting.currency.code(),
            debit: is_debit.then(|| amount.clone()),
            credit: (!is_debit).then_some(amount),
        }
    }
}

/// A transaction of the ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TransactionView {
    /// Its place, from 1 without gaps.
    sequence: i64,
    /// A function of what caused it.
    id: String,
    kind: &'static str,
    booked_at: Time,
    effective_at: Time,
    conversion_id: Option<i64>,
    affiliate_id: Option<i64>,
    payout_id: Option<i64>,
    /// The transaction that it corrects.
    corrects: Option<String>,
    reason: Option<String>,
    /// The closed period that it was for, where it came late, such as `2026-01`.
    #[schema(value_type = Option<String>)]
    late_for: Option<Period>,
    /// When it happened, where it came late; `effective_at` is in the open period.
    happened_at: Option<Time>,
    postings: Vec<PostingView>,
    /// SHA-256 of the transaction before.
    previous_hash: String,
    /// SHA-256 of this one.
    hash: String,
}

impl TransactionView {
    fn of(stored: &Stored) -> Self {
        let draft = &stored.draft;
        let late = draft.late();
        Self {
            sequence: stored.sequence,
            id: draft.id.as_str().to_owned(),
            kind: draft.kind.as_str(),
            booked_at: Time(stored.booked_at),
            effective_at: Time(draft.effective_at),
            conversion_id: draft.subject.conversion.map(i64::from),
            affiliate_id: draft.subject.affiliate.map(i64::from),
            payout_id: draft.subject.payout.map(i64::from),
            corrects: draft.corrects.as_ref().map(|id| id.as_str().to_owned()),
            reason: draft.reason.clone(),
            late_for: late.map(|late| late.period),
            happened_at: late.map(|late| Time(late.happened_at)),
            postings: draft.postings.iter().map(PostingView::of).collect(),
            previous_hash: stored.previous_hash.to_string(),
            hash: stored.hash.to_string(),
        }
    }
}

/// List transactions in the order of booking.
#[utoipa::path(get, path = "/v1/ledger/transactions", tag = "books",
    params(crate::forms::ListParameters,
        ("account" = Option<String>, Query, description = "Only with a line on this account"),
        ("kind" = Option<crate::forms::TransactionKind>, Query, description = "Only of this kind"),
        ("conversion_id" = Option<i64>, Query, description = "Only of this conversion"),
        ("from" = Option<String>, Query, description = "Effective not before this time or day"),
        ("to" = Option<String>, Query, description = "Effective before this time or day")),
    responses((status = 200, body = crate::forms::Page<TransactionView>), Problems))]
pub(crate) async fn transactions(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<Value>, Problem> {
    let mut filter = TransactionFilter {
        account: query.parsed("account"),
        kind: query.parsed("kind"),
        conversion: query.id("conversion_id"),
        from: query.time("from"),
        to: query.time("to"),
        after: 0,
    };
    let list = query.list(&app, &caller)?;
    filter.after = list.after().unwrap_or(0);
    let (scope, rows) = (caller.scope, list.rows());
    let found: Result<_, Problem> = app
        .services
        .database_for(caller.scope)
        .read(move |tx| Ok(ledger::transactions(tx, scope, &filter, rows)?))
        .await;
    Ok(Json(list.answer(&app, found?, |row| row.sequence, TransactionView::of)))
}

/// An account with its sums in one currency; decimal texts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AccountView {
    account: String,
    currency: &'static str,
    debits: String,
    credits: String,
    /// As seen from the account's normal side.
    balance: String,
}

impl AccountView {
    fn of(balance: &AccountBalance) -> Self {
        let decimal = |minor: i128| format_minor(minor, balance.currency);
        Self {
            account: balance.account.as_path(),
            currency: balance.currency.code(),
            debits: decimal(balance.debits_minor.into()),
            credits: decimal(balance.credits_minor.into()),
            balance: decimal(balance.balance_minor()),
        }
    }
}

/// List accounts that have entries.
#[utoipa::path(get, path = "/v1/ledger/accounts", tag = "books",
    params(crate::forms::ListParameters),
    responses((status = 200, body = crate::forms::Page<AccountView>), Problems))]
pub(crate) async fn accounts(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<Value>, Problem> {
    let list = query.list(&app, &caller)?;
    let (scope, rows) = (caller.scope, list.rows());
    let after =
        list.position().and_then(|text| text.split_once(' ')).map(|(a, c)| (a.to_owned(), c.to_owned()));
    let database = app.services.database_for(caller.scope);
    let found = database.read(move |tx| {
        let after = after.as_ref().map(|(account, currency)| (account.as_str(), currency.as_str()));
        ledger::accounts(tx, scope, after, rows)
    });
    let position = |row: &AccountBalance| format!("{} {}", row.account.as_path(), row.currency.code());
    let found: Result<_, StoreError> = found.await;
    Ok(Json(list.answer(&app, found?, position, AccountView::of)))
}

/// Sums over all accounts in one currency; decimal texts.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CurrencyTotal {
    currency: &'static str,
    debits: String,
    credits: String,
}

/// Debits and credits of the whole ledger.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TrialBalance {
    /// Whether they are equal in every currency.
    balanced: bool,
    currencies: Vec<CurrencyTotal>,
}

/// Debits and credits of the whole ledger, per currency.
#[utoipa::path(get, path = "/v1/ledger/trial_balance", tag = "books",
    responses((status = 200, body = TrialBalance), Problems))]
pub(crate) async fn trial_balance(
    State(app): State<Arc<App>>,
    caller: Caller,
    query: Query,
) -> Result<Json<TrialBalance>, Problem> {
    query.finish()?;
    let totals: Result<_, StoreError> =
        app.services.database_for(caller.scope).read(ledger::trial_balance).await;
    let totals = totals?;
    let each = totals.iter().map(|total| CurrencyTotal {
        currency: total.currency.code(),
        debits: format_minor(total.debits_minor, total.currency),
        credits: format_minor(total.credits_minor, total.currency),
    });
    let balanced = totals.iter().all(|total| total.debits_minor == total.credits_minor);
    Ok(Json(TrialBalance { balanced, currencies: each.collect() }))
}
