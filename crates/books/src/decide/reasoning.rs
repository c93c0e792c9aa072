//! The decision as JSON: what a person needs to check it again.

use hopline_attribution::{Decision, Outcome, Policy};
use hopline_clickid::UniqueNumber;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::{Offer, TermsVersion};
use hopline_money::Amount;
use hopline_terms::Earned;
use hopline_types::{AffiliateId, CommissionStatus};
use serde_json::{Value, json};

use super::touch::ClickTouch;
use crate::commission::Begin;
use crate::explain::rfc3339;

/// Touches, window, model, rule.
pub(super) fn attribution(
    decision: &Decision<UniqueNumber, AffiliateId>,
    policy: &Policy,
    conversion: &Conversion,
    touch: &ClickTouch,
) -> Value {
    let touches: Vec<Value> = decision
        .considered
        .iter()
        .map(|considered| {
            let detail = match &considered.outcome {
                Outcome::Invalid { reason } => Some(reason.to_string()),
                Outcome::OutsideWindow { window_ms } => {
                    Some(format!("the window is {} s", window_ms / 1_000))
                }
                _ => None,
            };
            json!({
                "click_id": conversion.click_id,
                "click": considered.id.to_string(),
                "at": rfc3339(touch.claims.at),
                "offer_id": touch.claims.offer,
                "affiliate_id": touch.claims.affiliate,
                "link_id": touch.claims.link,
                "class": touch.verdict.class,
                "class_reason": touch.verdict.reason,
                "age_seconds": considered.age_ms / 1_000,
                "outcome": considered.outcome.as_str(),
                "detail": detail,
            })
        })
        .collect();
    json!({
        "reason": decision.reason,
        "model": policy.model,
        "rule": decision.rule.as_str(),
        "window_seconds": policy.click_window_ms / 1_000,
        "converted_at": rfc3339(conversion.converted_at),
        "touches": touches,
        "checks": [{
            "check": "click",
            "class": touch.verdict.class,
            "reason": touch.verdict.reason,
            "finding_id": touch.finding,
        }],
    })
}

/// Terms and lines: what it comes to.
pub(super) fn price(reasoning: &mut Value, version: &TermsVersion, earned: &Earned) {
    reasoning["terms"] = terms_json(version, earned.revenue);
    reasoning["lines"] = json!(earned.lines);
    reasoning["rounding"] = json!("each line once, half to even");
}

/// A cap has no room: what would have been credited is not.
pub(super) fn capped(reasoning: &mut Value, refusal: &str) {
    let decided = reasoning["reason"].as_str().unwrap_or_default();
    reasoning["reason"] = json!(format!("{decided}; but {refusal}"));
    for touch in reasoning["touches"].as_array_mut().into_iter().flatten() {
        if touch["outcome"] == Outcome::Credited.as_str() {
            touch["outcome"] = json!("capped");
        }
    }
}

/// Shares.
pub(super) fn credits(
    reasoning: &mut Value,
    decision: &Decision<UniqueNumber, AffiliateId>,
    (revenues, payouts): (&[Amount], &[Amount]),
) {
    let total = decision.weights_total();
    let credits: Vec<Value> = decision
        .credits
        .iter()
        .zip(revenues)
        .zip(payouts)
        .map(|((credit, revenue), payout)| {
            json!({
                "affiliate_id": credit.affiliate,
                "weight": credit.weight.to_string(),
                "weights_total": total.to_string(),
                "revenue": revenue,
                "payout": payout,
            })
        })
        .collect();
    reasoning["credits"] = Value::Array(credits);
}

/// Which terms, and what they say.
pub(crate) fn terms_json(version: &TermsVersion, sample: Amount) -> Value {
    let form = version.terms.form(sample.currency);
    json!({
        "id": version.id,
        "version": version.version,
        "effective_from": rfc3339(version.effective_from),
        "kind": form.kind,
        "revenue": form.revenue,
        "payout": form.payout,
    })
}

/// Why it is pending, approved or rejected.
pub(super) fn approval(conversion: &Conversion, offer: &Offer, begin: Begin) -> Value {
    let result = match begin {
        Begin::Pending => "pending",
        Begin::Approved { .. } => "approved",
        Begin::Rejected => "rejected",
    };
    json!({
        "offer": offer.settings.approval.as_str(),
        "requested": conversion.requested_status.map(CommissionStatus::as_str),
        "hold_days": offer.settings.hold_days,
        "result": result,
    })
}
