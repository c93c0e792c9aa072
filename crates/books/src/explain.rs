//! The whole reasoning behind a conversion.

use hopline_control_store::commissions::{self, Refund};
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::judgements::{self, Judgement};
use hopline_control_store::rates::{self, Exchange, Rate};
use hopline_control_store::{Scope, Tx, ledger, payouts, qualifications};
use hopline_ledger::{Account, Owner, Step, Stored, TransactionKind};
use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, UnixMillis};
use serde_json::{Value, json};

use crate::decide::decision_number;
use crate::{BookError, caps};

mod text;

pub use text::explain_text;

/// `2026-03-01T10:00:00Z`, with milliseconds only where there are any.
pub(crate) fn rfc3339(at: UnixMillis) -> String {
    jiff::Timestamp::from_millisecond(at.get()).map_or_else(|_| at.get().to_string(), |at| at.to_string())
}

/// The decision, the ledger's transactions and the payouts of a conversion, as JSON. A tenant sees its own part: an
/// affiliate its own touches, credit and payouts but not what the advertiser pays; an advertiser what it pays but not
/// what affiliates get.
///
/// # Errors
/// [`BookError::NotFound`], also for what may not be seen; the store's.
pub fn explain(tx: &mut dyn Tx, scope: Scope, conversion: ConversionId) -> Result<Value, BookError> {
    let found = conversions::get(tx, scope, conversion)?;
    let conversion = found.ok_or(BookError::NotFound { what: "conversion", id: conversion.get() })?;
    let mut decision: Value = match &conversion.decision {
        None => json!({ "reason": "not decided yet" }),
        Some(text) => serde_json::from_str(text).map_err(|error| {
            BookError::broken(format!("the decision of conversion {} is no JSON: {error}", conversion.id))
        })?,
    };
    hide(&mut decision, scope);
    let (sees_revenue, sees_payout) = sees(scope);
    let payout = match scope {
        Scope::Affiliate(own) => payout_of(&conversion, own),
        _ => conversion.payout.filter(|_| sees_payout),
    };
    let ordered = conversion.ordered().map_or(conversion.currency, |amount| amount.currency);
    let judgements: Vec<Value> = judgements::of_conversion(tx, conversion.id)?
        .iter()
        .map(|judgement| judgement_json(judgement, scope))
        .collect();
    let waits = waits(tx, &conversion)?;
    let booked = ledger::of_conversion(tx, conversion.id)?;
    let number = decision_number(&conversion);
    let refunds: Vec<Value> = commissions::refunds_of(tx, conversion.id)?
        .into_iter()
        .map(|refund| match scope {
            // Of what several share an affiliate is told its own part.
            Scope::Affiliate(own) => {
                Refund { payout_minor: refunded(&refund, number, own, &booked), ..refund }
            }
            _ => refund,
        })
        .map(|refund| refund_json(&refund, ordered, (sees_revenue, sees_payout)))
        .collect();
    let transactions: Vec<Value> =
        booked.iter().filter_map(|record| transaction_json(record, scope)).collect();
    let mut shares = Vec::new();
    let mut paid = Vec::new();
    for commission in commissions::of_conversion(tx, conversion.id)? {
        let is_visible = match scope {
            Scope::All => true,
            Scope::Affiliate(affiliate) => affiliate == commission.affiliate,
            Scope::Advertiser(_) | Scope::Nothing => false,
        };
        if !is_visible {
            continue;
        }
        let money = |minor| Amount::new(minor, commission.currency);
        shares.push(json!({
            "affiliate_id": commission.affiliate,
            "status": commission.status,
            "payout": money(commission.payout_minor),
            "reversed": money(commission.reversed_payout_minor),
            "approved_at": commission.approved_at.map(rfc3339),
            "payable_at": commission.payable_at.map(rfc3339),
        }));
        for (payout, amount) in
            payouts::payouts_of_conversion(tx, commission.conversion, commission.affiliate)?
        {
            let exchanges = payouts::exchanges_of(tx, payout.id)?;
            paid.push(json!({
                "payout_id": payout.id,
                "batch_id": payout.batch,
                "affiliate_id": payout.affiliate,
                "status": payout.status.as_str(),
                "reason": payout.reason,
                "end_to_end_id": payout.end_to_end_id,
                "amount": money(amount),
                "paid_in": payout.amount.currency,
                "exchange": exchanges.iter().find(|exchange| exchange.from.currency == commission.currency)
                    .map(|exchange| exchange_json(&exchange.exchange)),
            }));
        }
    }
    let mut earlier = Vec::new();
    for version in conversions::earlier_decisions(tx, conversion.id)? {
        let mut decision: Value = serde_json::from_str(&version.reasoning).map_err(|error| {
            BookError::broken(format!("decision {} of {}: {error}", version.number, conversion.id))
        })?;
        hide(&mut decision, scope);
        earlier.push(json!({
            "number": version.number,
            "decided_at": rfc3339(version.decided_at),
            "replaced_at": rfc3339(version.replaced_at),
            "because": version.why,
            "decision": decision,
        }));
    }
    Ok(json!({
        "conversion": conversion_json(&conversion, sees_revenue, payout),
        "waits": waits,
        "decision": decision,
        "earlier_decisions": earlier,
        "judgements": judgements,
        "commissions": shares,
        "refunds": refunds,
        "transactions": transactions,
        "payouts": paid,
    }))
}

/// What a conversion waits for: a rate, or to be qualified.
fn waits(tx: &mut dyn Tx, conversion: &Conversion) -> Result<Value, BookError> {
    if let (Some(since), Some(order)) = (rates::is_held(tx, conversion.id)?, conversion.order) {
        let detail = format!(
            "no rate of {} to {} is known for {}: it is decided once one is entered",
            order.currency,
            conversion.currency,
            rfc3339(conversion.converted_at)
        );
        return Ok(json!({ "for": "exchange_rate", "since": rfc3339(since), "detail": detail }));
    }
    let is_pending = conversion.status == Some(CommissionStatus::Pending);
    match qualifications::waits_until(tx, conversion.id)?.filter(|_| is_pending) {
        Some(until) => Ok(json!({ "for": "qualification", "until": until.map(rfc3339) })),
        None => Ok(Value::Null),
    }
}

/// A rate with what it was made of, so that a person can compute it again.
pub(crate) fn exchange_json(exchange: &Exchange) -> Value {
    let rate = |rate: &Rate| {
        json!({
            "from": rate.from,
            "to": rate.to,
            "rate": rate.rate,
            "source": rate.source,
            "at": rfc3339(rate.at),
        })
    };
    let mut told = rate(&exchange.rate);
    told["steps"] = exchange.steps.iter().map(rate).collect();
    told["rounding"] = json!("the converted amount once, half to even; a computed rate to 12 places");
    told
}

fn judgement_json(judgement: &Judgement, scope: Scope) -> Value {
    json!({
        "what": judgement.what.as_str(),
        "reason": judgement.reason,
        "actor": (scope == Scope::All).then_some(&judgement.actor),
        "at": rfc3339(judgement.at),
    })
}

const fn sees(scope: Scope) -> (bool, bool) {
    match scope {
        Scope::All => (true, true),
        Scope::Advertiser(_) => (true, false),
        Scope::Affiliate(_) => (false, true),
        Scope::Nothing => (false, false),
    }
}

fn conversion_json(conversion: &Conversion, sees_revenue: bool, payout: Option<Amount>) -> Value {
    json!({
        "id": conversion.id,
        "advertiser_id": conversion.advertiser,
        "offer_id": conversion.offer,
        "goal": conversion.goal_key,
        "kind": conversion.kind,
        "order_id": conversion.order_id,
        "source": conversion.source,
        "converted_at": rfc3339(conversion.converted_at),
        "received_at": rfc3339(conversion.received_at),
        "decided_at": conversion.decided_at.map(rfc3339),
        "quantity": conversion.quantity,
        "amount": conversion.ordered(),
        "converted_amount": conversion.order.and(conversion.amount),
        "exchange": conversion.exchange.as_ref().map(exchange_json),
        "revenue": conversion.revenue.filter(|_| sees_revenue),
        "payout": payout,
        "status": conversion.shown_status(),
        "commission_status": conversion.status.map(CommissionStatus::as_str),
        "reason": conversion.reason,
        "repeats": conversion.repeats,
    })
}

/// What one affiliate gets of a conversion, as booked: its share where several are credited, and its levels as a recruiter.
#[must_use]
pub fn payout_of(conversion: &Conversion, affiliate: AffiliateId) -> Option<Amount> {
    let decision: Value =
        serde_json::from_str(conversion.decision.as_deref().unwrap_or_default()).unwrap_or_default();
    if decision["credits"].is_null() && decision["levels"].is_null() {
        return conversion.payout;
    }
    let lists = ["credits", "levels"].into_iter().filter_map(|list| decision[list].as_array());
    let own = lists.flatten().filter(|credit| credit["affiliate_id"].as_i64() == Some(affiliate.get()));
    let minor = own.filter_map(|credit| {
        let amount = credit["payout"]["amount"].as_str()?;
        Some(Amount::parse(amount, conversion.currency).ok()?.minor)
    });
    Some(Amount::new(minor.sum(), conversion.currency))
}

/// What a refund has taken back of one affiliate's commission.
fn refunded(refund: &Refund, number: i64, own: AffiliateId, booked: &[Stored]) -> i64 {
    let cause =
        if number > 1 { format!(":refund-{}:{number}", refund.id) } else { format!(":refund-{}", refund.id) };
    let of_it = booked.iter().filter(|record| {
        record.draft.subject.affiliate == Some(own) && record.draft.id.as_str().ends_with(&cause)
    });
    let minor = of_it.filter_map(|record| Step::of(&record.draft)).map(|step| match step.kind {
        TransactionKind::CommissionRestored => step.payout_minor.saturating_neg(),
        _ => step.payout_minor,
    });
    minor.sum()
}

fn refund_json(refund: &Refund, ordered: Currency, (sees_revenue, sees_payout): (bool, bool)) -> Value {
    let money = |minor| Amount::new(minor, refund.currency);
    json!({
        "id": refund.id,
        "kind": refund.kind.as_str(),
        "undoes": refund.undoes,
        "amount": refund.amount_minor.map(|minor| Amount::new(minor, ordered)),
        "revenue": sees_revenue.then(|| money(refund.revenue_minor)),
        "payout": sees_payout.then(|| money(refund.payout_minor)),
        "fee": (sees_payout && refund.fee_minor > 0).then(|| money(refund.fee_minor)),
        "reason": refund.reason,
        "at": rfc3339(refund.created_at),
    })
}

fn transaction_json(record: &Stored, scope: Scope) -> Option<Value> {
    let entries: Vec<Value> = record
        .draft
        .postings
        .iter()
        .filter(|posting| is_own(posting.account, scope))
        .map(|posting| {
            let amount = Amount::new(posting.amount_minor, posting.currency);
            json!({ "account": posting.account, "amount": amount })
        })
        .collect();
    if entries.is_empty() {
        return None;
    }
    Some(json!({
        "id": record.draft.id,
        "sequence": record.sequence,
        "kind": record.draft.kind,
        "effective_at": rfc3339(record.draft.effective_at),
        "booked_at": rfc3339(record.booked_at),
        "corrects": record.draft.corrects,
        "reason": record.draft.reason,
        "hash": record.hash,
        "entries": entries,
    }))
}

fn is_own(account: Account, scope: Scope) -> bool {
    match (scope, account.owner()) {
        (Scope::All, _) => true,
        (Scope::Advertiser(own), Owner::Advertiser(id)) => own == id,
        (Scope::Affiliate(own), Owner::Affiliate(id)) => own == id,
        _ => false,
    }
}

/// Puts the terms of one who shares the credit in the place of those of the first.
fn own_terms(fields: &mut serde_json::Map<String, Value>, own: AffiliateId) {
    let is_own = |value: &Value| value["affiliate_id"].as_i64() == Some(own.get());
    let list = |name: &str| fields.get(name).and_then(Value::as_array).into_iter().flatten();
    let is_first = list("credits").next().is_none_or(is_own);
    if is_first {
        return;
    }
    let others = list("other_terms").find(|value| is_own(value)).cloned();
    let has_share = list("credits").any(is_own);
    match others {
        Some(mut others) => {
            let mut lines = others["lines"].take();
            if let Some(lines) = lines.as_array_mut() {
                lines.retain(|line| line["side"] != "revenue");
            }
            let terms = json!({ "id": others["terms_id"], "version": others["version"], "applies": others["applies"] });
            fields.insert("lines".to_owned(), lines);
            fields.insert("terms".to_owned(), terms);
        }
        // The terms are the same, the reason for them names the first.
        None if has_share => {
            if let Some(terms) = fields.get_mut("terms").and_then(Value::as_object_mut) {
                terms.remove("applies");
            }
        }
        // A recruiter has its levels, and nothing to do with the terms of the sale.
        None => {
            for name in ["lines", "terms", "rounding"] {
                fields.remove(name);
            }
        }
    }
}

/// Takes out of a decision what a tenant may not see.
fn hide(decision: &mut Value, scope: Scope) {
    let Some(fields) = decision.as_object_mut() else { return };
    fields.remove("labels");
    let (sees_revenue, sees_payout) = sees(scope);
    caps::hide(fields, sees_revenue, sees_payout);
    if sees_revenue && sees_payout {
        return;
    }
    let mut hidden_side = |side: &str| {
        if let Some(lines) = fields.get_mut("lines").and_then(Value::as_array_mut) {
            lines.retain(|line| line["side"] != side);
        }
        if let Some(terms) = fields.get_mut("terms").and_then(Value::as_object_mut) {
            terms.remove(side);
        }
        for credit in fields.get_mut("credits").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(credit) = credit.as_object_mut() {
                credit.remove(side);
            }
        }
    };
    if !sees_revenue {
        hidden_side("revenue");
    }
    if !sees_payout {
        hidden_side("payout");
    }
    if let Scope::Affiliate(own) = scope {
        let is_own = |value: &Value| value["affiliate_id"].as_i64() == Some(own.get());
        own_terms(fields, own);
        for list in ["credits", "levels", "other_terms"] {
            if let Some(list) = fields.get_mut(list).and_then(Value::as_array_mut) {
                list.retain(is_own);
            }
        }
        for touch in fields.get_mut("touches").and_then(Value::as_array_mut).into_iter().flatten() {
            if !is_own(touch) {
                *touch = json!({ "at": touch["at"], "outcome": touch["outcome"], "affiliate_id": null });
            }
        }
    }
    if let Scope::Affiliate(own) = scope {
        let is_own = |value: &Value| value["affiliate_id"].as_i64() == Some(own.get());
        if let Some(coupon) = fields.get_mut("coupon").filter(|coupon| !is_own(coupon)) {
            *coupon = json!({ "outcome": coupon["outcome"] });
        }
        if let Some(bound) = fields.get_mut("customer").and_then(|customer| customer.get_mut("bound"))
            && !bound.is_null()
            && !is_own(bound)
        {
            *bound = json!({ "outcome": bound["outcome"] });
        }
        let is_named = |touch: &Value| is_own(touch) && touch["is_named"] == true;
        let touches = fields.get("touches").and_then(Value::as_array);
        if !touches.is_some_and(|touches| touches.iter().any(is_named)) {
            fields.remove("checks");
        }
    }
    // Ids of transactions name affiliates; a tenant finds its own below.
    fields.remove("transactions");
}
