//! Judging many conversions, chargebacks, and undoing what was a mistake.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hopline_books::{Judge, Reviewed};
use hopline_control_store::{Scope, conversions};
use hopline_types::ConversionId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::judge::{RefundedView, state, visible};
use super::{ConversionView, form};
use crate::app::App;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::{FieldProblem, Problem};
use crate::request::{Change, Id};
use crate::work::{self, Done, Tell, Work};

/// What became of one judgement of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JudgedItem {
    /// Its place in the list, from 0.
    index: usize,
    id: Option<i64>,
    /// Whether the conversion is now as it was judged.
    accepted: bool,
    /// Whether anything was changed: it may have been so before.
    changed: bool,
    /// As it is now: see a conversion's `status`.
    status: Option<&'static str>,
    /// Why it was not accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
}

/// What became of judgements.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JudgedItems {
    accepted: usize,
    refused: usize,
    items: Vec<JudgedItem>,
}

#[derive(Debug, Clone, Copy)]
enum Decision {
    Approve,
    Reject,
}

type Read = Result<(ConversionId, Judge), (Option<i64>, Vec<FieldProblem>)>;

/// Approve and reject up to 1,000 conversions in one transaction. Each is answered: what is wrong with one leaves the others
/// alone.
#[utoipa::path(post, path = "/v1/conversions/judge", tag = "conversions",
    request_body = crate::forms::JudgementsForm,
    responses((status = 200, body = JudgedItems), Problems))]
pub(crate) async fn judge_many(State(app): State<Arc<App>>, change: Change) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let items = match fields.value("items") {
        None => {
            fields.missing("items");
            &[][..]
        }
        Some(Value::Array(items)) if (1..=hopline_books::JUDGED_MAX).contains(&items.len()) => {
            items.as_slice()
        }
        Some(Value::Array(items)) => {
            let most = hopline_books::JUDGED_MAX;
            fields.refuse("items", format!("has {} entries, expected 1 to {most}", items.len()));
            &[]
        }
        Some(_) => {
            fields.refuse("items", "is not a list");
            &[]
        }
    };
    let read: Vec<Read> = items.iter().map(read).collect();
    fields.finish()?;
    work::run(&app, &change, Tell::Worker, move |work| judged(work, &read)).await
}

fn read(value: &Value) -> Read {
    let mut fields = Fields::at(String::new(), value);
    let id = fields.id::<ConversionId>("id");
    let decision = fields.choice("decision", &[("approve", Decision::Approve), ("reject", Decision::Reject)]);
    let reason = fields.optional_text("reason", TEXT_CHARS_MAX);
    if matches!(decision, Some(Decision::Reject)) && reason.as_ref().is_none_or(|text| text.trim().is_empty())
    {
        fields.refuse("reason", "is missing: a rejection needs one");
    }
    let problems = fields.close();
    match (id, decision) {
        (Some(id), Some(Decision::Approve)) if problems.is_empty() => Ok((id, Judge::Approve { reason })),
        (Some(id), Some(Decision::Reject)) if problems.is_empty() => {
            Ok((id, Judge::Reject { reason: reason.unwrap_or_default() }))
        }
        _ => Err((id.map(ConversionId::get), problems)),
    }
}

fn judged(work: &mut Work<'_>, read: &[Read]) -> Result<Done, Problem> {
    let scope = work.caller.scope;
    // Which of them the caller may see is asked before the books are opened to it.
    let mut asked: Vec<(ConversionId, Judge)> = Vec::new();
    let mut is_visible = Vec::with_capacity(read.len());
    for item in read {
        let found = match item {
            Ok((id, _)) => conversions::get(work.tx, scope, *id)?.is_some(),
            Err(_) => false,
        };
        is_visible.push(found);
        if let (Ok((id, judge)), true) = (item, found) {
            asked.push((*id, judge.clone()));
        }
    }
    work.tx.narrow(Scope::All)?;
    let actor = work.caller.actor.name.clone();
    let mut answers = hopline_books::judge_many(work.tx, &asked, &actor, work.now)?.into_iter();
    let mut results = JudgedItems { accepted: 0, refused: 0, items: Vec::with_capacity(read.len()) };
    let mut changed = Vec::new();
    for (index, (item, is_visible)) in read.iter().zip(is_visible).enumerate() {
        let answer = if is_visible { answers.next() } else { None };
        let result = result_of(index, item, answer);
        if result.accepted {
            results.accepted += 1;
        } else {
            results.refused += 1;
        }
        if result.changed {
            changed.push(json!({"id": result.id, "status": result.status}));
        }
        results.items.push(result);
    }
    if !changed.is_empty() {
        work.audit("conversion.judge", "conversions".to_owned(), None, Some(Value::Array(changed)))?;
    }
    Ok(Done::ok(results))
}

fn result_of(
    index: usize,
    item: &Read,
    answer: Option<Result<Reviewed, hopline_books::BookError>>,
) -> JudgedItem {
    let of = |id: Option<i64>| JudgedItem {
        index,
        id,
        accepted: false,
        changed: false,
        status: None,
        detail: None,
        errors: Vec::new(),
    };
    match (item, answer) {
        (Err((id, errors)), _) => JudgedItem {
            detail: Some("some fields are not valid".to_owned()),
            errors: errors.clone(),
            ..of(*id)
        },
        (Ok((id, _)), None) => {
            JudgedItem { detail: Some(format!("there is no conversion {id}")), ..of(Some(id.get())) }
        }
        (Ok((id, _)), Some(Err(refusal))) => {
            JudgedItem { detail: Some(refusal.to_string()), ..of(Some(id.get())) }
        }
        (Ok((id, _)), Some(Ok(reviewed))) => JudgedItem {
            accepted: true,
            changed: reviewed.changed,
            status: Some(reviewed.conversion.shown_status().as_str()),
            ..of(Some(id.get()))
        },
    }
}

/// Take back what the customer's bank has taken back, in part or as far as something is left.
#[utoipa::path(post, path = "/v1/conversions/{id}/chargeback", tag = "conversions",
    params(("id" = i64, Path)), request_body = crate::forms::ChargebackForm,
    responses((status = 200, body = RefundedView), Problems))]
pub(crate) async fn chargeback(
    State(app): State<Arc<App>>,
    Id(id): Id<ConversionId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let amount = form::amount(&mut fields, "amount");
    let fee = form::amount(&mut fields, "fee");
    if fee.is_some() && change.caller.scope != Scope::All {
        fields.refuse("fee", "is for operators");
    }
    let reason = fields.text("reason", TEXT_CHARS_MAX);
    fields.finish()?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let before = visible(work, id)?;
        let actor = work.caller.actor.name.clone();
        let asked = (amount.as_deref(), fee.as_deref());
        let refunded = hopline_books::charge_back(work.tx, id, asked, &reason, &actor, work.now)?;
        Ok(Done::ok(RefundedView::of(work, "conversion.chargeback", &before, &refunded)?))
    })
    .await
}

#[derive(Debug, Clone, Copy)]
enum Undone {
    Approval,
    Rejection,
    Refund,
}

/// Undo a step that was a mistake, or a chargeback that was won: a further transaction that names the first one. After an
/// approval or a rejection the conversion is pending again; after a refund or chargeback what it took is given again.
#[utoipa::path(post, path = "/v1/conversions/{id}/undo", tag = "conversions",
    params(("id" = i64, Path)), request_body = crate::forms::UndoForm,
    responses((status = 200, body = ConversionView), Problems))]
pub(crate) async fn undo(
    State(app): State<Arc<App>>,
    Id(id): Id<ConversionId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let words =
        [("approval", Undone::Approval), ("rejection", Undone::Rejection), ("refund", Undone::Refund)];
    let what = fields.choice("what", &words);
    let refund = fields.optional_whole("refund_id", 1, i64::MAX);
    let return_fee = fields.optional_flag("return_fee").unwrap_or(false);
    let reason = fields.text("reason", TEXT_CHARS_MAX);
    match (what, refund) {
        (Some(Undone::Refund), None) => fields.refuse("refund_id", "is needed where what is refund"),
        (Some(Undone::Approval | Undone::Rejection), Some(_)) => {
            fields.refuse("refund_id", "goes with what refund only");
        }
        _ => {}
    }
    fields.finish()?;
    let what = what.expect("a missing word was remarked on");
    work::run(&app, &change, Tell::Worker, move |work| {
        let before = visible(work, id)?;
        let actor = work.caller.actor.name.clone();
        let reason = reason.clone();
        let judge = match (what, refund) {
            (Undone::Refund, Some(refund)) => {
                let asked = (refund, return_fee);
                let refunded = hopline_books::undo_refund(work.tx, id, asked, &reason, &actor, work.now)?;
                RefundedView::of(work, "conversion.undo", &before, &refunded)?;
                return Ok(Done::ok(ConversionView::of(&refunded.conversion, work.caller)));
            }
            (Undone::Rejection, _) => Judge::UndoRejection { reason },
            _ => Judge::UndoApproval { reason },
        };
        let reviewed = hopline_books::judge(work.tx, id, &judge, &actor, work.now)?;
        let (old, new) = (state(&before), state(&reviewed.conversion));
        work.audit("conversion.undo", format!("conversion:{id}"), old, new)?;
        Ok(Done::ok(ConversionView::of(&reviewed.conversion, work.caller)))
    })
    .await
}
