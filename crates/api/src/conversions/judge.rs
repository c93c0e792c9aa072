//! Approving, rejecting and refunding a conversion.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use hopline_books::Refunded;
use hopline_control_store::Scope;
use hopline_control_store::conversions::{self, Conversion};
use hopline_types::ConversionId;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::{ConversionView, form, unknown};
use crate::app::App;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::request::{Change, Id};
use crate::view::{Money, Time};
use crate::work::{self, Done, Tell, Work};

/// A conversion after a refund.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefundedView {
    #[serde(flatten)]
    conversion: ConversionView,
    refund: RefundView,
}

/// What was given back.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RefundView {
    id: i64,
    /// `refund`, `chargeback`, or `undo` of an earlier one.
    kind: &'static str,
    /// The one that it undoes.
    undoes: Option<i64>,
    /// Of the order's amount, in its currency; null where the order has none. Below zero where it undoes.
    amount: Option<Money>,
    /// Taken back of what the advertiser pays.
    revenue: Money,
    /// Taken back of what the affiliate gets; not shown to advertisers.
    #[serde(skip_serializing_if = "Option::is_none")]
    payout: Option<Money>,
    /// What a chargeback has cost, charged to the affiliates; not shown to advertisers.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Money>,
    reason: String,
    created_at: Time,
}

impl RefundedView {
    /// As the caller may see it; keeps an entry in the audit log.
    pub(super) fn of(
        work: &mut Work<'_>,
        action: &str,
        before: &Conversion,
        refunded: &Refunded,
    ) -> Result<Self, Problem> {
        let Refunded { conversion, refund: given, .. } = refunded;
        let ordered = conversion.ordered().map_or(given.currency, |order| order.currency);
        let view = RefundView {
            id: given.id,
            kind: given.kind.as_str(),
            undoes: given.undoes,
            amount: given.amount_minor.map(|minor| Money::of(minor, ordered)),
            revenue: Money::of(given.revenue_minor, given.currency),
            payout: Some(Money::of(given.payout_minor, given.currency)),
            fee: (given.fee_minor > 0).then(|| Money::of(given.fee_minor, given.currency)),
            reason: given.reason.clone(),
            created_at: Time(given.created_at),
        };
        let after = json!({"status": state(conversion), "refund": &view});
        work.audit(action, format!("conversion:{}", conversion.id), state(before), Some(after))?;
        let sees_payout = work.caller.sides().payout;
        let (payout, fee) = (view.payout.filter(|_| sees_payout), view.fee.filter(|_| sees_payout));
        let refund = RefundView { payout, fee, ..view };
        Ok(Self { conversion: ConversionView::of(conversion, work.caller), refund })
    }
}

/// A conversion that the caller may see, about to be booked: that moves accounts of others too.
pub(super) fn visible(work: &mut Work<'_>, id: ConversionId) -> Result<Conversion, Problem> {
    let found = conversions::get(work.tx, work.caller.scope, id)?.ok_or_else(|| unknown(id))?;
    work.tx.narrow(Scope::All)?;
    Ok(found)
}

pub(super) fn state(conversion: &Conversion) -> Option<Value> {
    Some(json!({"status": conversion.status.map(|status| status.as_str()), "reason": conversion.reason}))
}

/// Give back a conversion, in part or as far as something is left of it.
#[utoipa::path(post, path = "/v1/conversions/{id}/refund", tag = "conversions",
    params(("id" = i64, Path)), request_body = crate::forms::RefundForm,
    responses((status = 200, body = RefundedView), Problems))]
pub(crate) async fn refund(
    State(app): State<Arc<App>>,
    Id(id): Id<ConversionId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let amount = form::amount(&mut fields, "amount");
    let reason = fields.text("reason", TEXT_CHARS_MAX);
    fields.finish()?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let before = visible(work, id)?;
        let actor = &work.caller.actor.name;
        let refunded = hopline_books::refund(work.tx, id, amount.as_deref(), &reason, actor, work.now)?;
        Ok(Done::ok(RefundedView::of(work, "conversion.refund", &before, &refunded)?))
    })
    .await
}

/// Approve a pending conversion.
#[utoipa::path(post, path = "/v1/conversions/{id}/approve", tag = "conversions",
    params(("id" = i64, Path)),
    responses((status = 200, body = ConversionView), Problems))]
pub(crate) async fn approve(
    State(app): State<Arc<App>>,
    Id(id): Id<ConversionId>,
    change: Change,
) -> Result<Response, Problem> {
    Fields::body(&change.body).finish()?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let before = visible(work, id)?;
        let reviewed = hopline_books::approve(work.tx, id, &work.caller.actor.name, work.now)?;
        let (old, new) = (state(&before), state(&reviewed.conversion));
        work.audit("conversion.approve", format!("conversion:{id}"), old, new)?;
        Ok(Done::ok(ConversionView::of(&reviewed.conversion, work.caller)))
    })
    .await
}

/// Reject a pending conversion.
#[utoipa::path(post, path = "/v1/conversions/{id}/reject", tag = "conversions",
    params(("id" = i64, Path)), request_body = crate::forms::RejectForm,
    responses((status = 200, body = ConversionView), Problems))]
pub(crate) async fn reject(
    State(app): State<Arc<App>>,
    Id(id): Id<ConversionId>,
    change: Change,
) -> Result<Response, Problem> {
    let mut fields = Fields::body(&change.body);
    let reason = fields.text("reason", TEXT_CHARS_MAX);
    fields.finish()?;
    work::run(&app, &change, Tell::Worker, move |work| {
        let before = visible(work, id)?;
        let reviewed = hopline_books::reject(work.tx, id, &reason, &work.caller.actor.name, work.now)?;
        let (old, new) = (state(&before), state(&reviewed.conversion));
        work.audit("conversion.reject", format!("conversion:{id}"), old, new)?;
        Ok(Done::ok(ConversionView::of(&reviewed.conversion, work.caller)))
    })
    .await
}
