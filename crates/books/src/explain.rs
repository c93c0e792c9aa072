//! The whole reasoning behind a conversion.

use hopline_control_store::commissions::{self, Refund};
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::{Scope, Tx, ledger, payouts};
use hopline_ledger::{Account, Owner, Stored};
use hopline_money::Amount;
use hopline_types::{CommissionStatus, ConversionId, UnixMillis};
use serde_json::{Value, json};

use crate::{BookError, caps};

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
    let refunds: Vec<Value> = commissions::refunds_of(tx, conversion.id)?
        .iter()
        .map(|refund| refund_json(refund, sees_revenue, sees_payout))
        .collect();
    let transactions: Vec<Value> = ledger::of_conversion(tx, conversion.id)?
        .iter()
        .filter_map(|record| transaction_json(record, scope))
        .collect();
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
            paid.push(json!({
                "payout_id": payout.id,
                "batch_id": payout.batch,
                "affiliate_id": payout.affiliate,
                "status": payout.status.as_str(),
                "reason": payout.reason,
                "end_to_end_id": payout.end_to_end_id,
                "amount": money(amount),
            }));
        }
    }
    Ok(json!({
        "conversion": conversion_json(&conversion, sees_revenue, sees_payout),
        "decision": decision,
        "commissions": shares,
        "refunds": refunds,
        "transactions": transactions,
        "payouts": paid,
    }))
}

const fn sees(scope: Scope) -> (bool, bool) {
    match scope {
        Scope::All => (true, true),
        Scope::Advertiser(_) => (true, false),
        Scope::Affiliate(_) => (false, true),
        Scope::Nothing => (false, false),
    }
}

fn conversion_json(conversion: &Conversion, sees_revenue: bool, sees_payout: bool) -> Value {
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
        "amount": conversion.amount,
        "revenue": conversion.revenue.filter(|_| sees_revenue),
        "payout": conversion.payout.filter(|_| sees_payout),
        "status": conversion.shown_status(),
        "commission_status": conversion.status.map(CommissionStatus::as_str),
        "reason": conversion.reason,
        "repeats": conversion.repeats,
    })
}

fn refund_json(refund: &Refund, sees_revenue: bool, sees_payout: bool) -> Value {
    let money = |minor| Amount::new(minor, refund.currency);
    json!({
        "id": refund.id,
        "amount": refund.amount_minor.map(money),
        "revenue": sees_revenue.then(|| money(refund.revenue_minor)),
        "payout": sees_payout.then(|| money(refund.payout_minor)),
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
        if let Some(credits) = fields.get_mut("credits").and_then(Value::as_array_mut) {
            credits.retain(is_own);
        }
        for touch in fields.get_mut("touches").and_then(Value::as_array_mut).into_iter().flatten() {
            if !is_own(touch) {
                *touch = json!({ "at": touch["at"], "outcome": touch["outcome"], "affiliate_id": null });
            }
        }
    }
    // Ids of transactions name affiliates; a tenant finds its own below.
    fields.remove("transactions");
}
