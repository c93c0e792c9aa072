//! The decision as JSON: what a person needs to check it again.

use hopline_attribution::{CouponRule, Decision, Outcome, Policy, Source, TouchKind};
use hopline_clickid::UniqueNumber;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::{Offer, TermsVersion};
use hopline_money::Amount;
use hopline_terms::Earned;
use hopline_types::{AffiliateId, Model};
use serde_json::{Value, json};

use super::path::{self, Path};
use super::touch::ClickTouch;
use crate::explain::rfc3339;

/// Touches, windows, model, precedence, rule.
pub(super) fn attribution(
    decision: &Decision<UniqueNumber, AffiliateId>,
    policy: &Policy,
    offer: &Offer,
    conversion: &Conversion,
    path: &Path,
) -> Value {
    let touches = path.touches.iter().zip(&decision.considered).map(|(touch, considered)| {
        let window_ms = match touch.kind {
            TouchKind::View => policy.view_window_ms,
            TouchKind::Click | TouchKind::Coupon | TouchKind::Direct => policy.click_window_ms,
        };
        json!({
            "click_id": conversion.click_id.as_ref().filter(|_| touch.is_named),
            "click": considered.id.to_string(),
            "kind": touch.kind,
            "is_named": touch.is_named,
            "at": rfc3339(touch.claims.at),
            "offer_id": touch.claims.offer,
            "affiliate_id": touch.claims.affiliate,
            "link_id": touch.claims.link,
            "class": touch.verdict.class,
            "class_reason": touch.verdict.reason,
            "finding_id": touch.finding,
            "age_seconds": considered.age_ms / 1_000,
            "window_seconds": window_ms / 1_000,
            "outcome": considered.outcome.as_str(),
            "detail": path::detail(&considered.outcome),
        })
    });
    let refused = path.refused.as_ref();
    let touches: Vec<Value> = touches.chain(refused.and_then(|refused| refused.touch.clone())).collect();
    let check = |touch: &ClickTouch| {
        json!({
            "check": "click",
            "class": touch.verdict.class,
            "reason": touch.verdict.reason,
            "finding_id": touch.finding,
        })
    };
    let mut checks: Vec<Value> = path.touches.iter().filter(|touch| touch.is_named).map(check).collect();
    checks.extend(refused.map(|refused| json!({ "check": "click_id", "reason": refused.reason })));
    json!({
        "reason": decision.reason,
        "model": policy.model,
        "rule": decision.rule.as_str(),
        "window_seconds": policy.click_window_ms / 1_000,
        "policy": {
            "view_window_seconds": policy.view_window_ms / 1_000,
            "half_life_seconds": (policy.model == Model::TimeDecay).then_some(policy.half_life_ms / 1_000),
            "coupon": policy.coupon,
            "lifetime": policy.lifetime,
            "self_referral": policy.self_referral,
            "cross_device": offer.attribution.cross_device,
        },
        "precedence": precedence(policy),
        "converted_at": rfc3339(conversion.converted_at),
        "touches": touches,
        "checks": checks,
    })
}

/// What decides before what.
fn precedence(policy: &Policy) -> Vec<&'static str> {
    let mut order = Vec::with_capacity(4);
    if policy.lifetime {
        order.push("lifetime");
    }
    if policy.coupon == CouponRule::OverridesClick {
        order.push("coupon");
    }
    order.push("clicks");
    if policy.coupon == CouponRule::Fallback {
        order.push("coupon");
    }
    order.push("views");
    order
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
                "source": source(&credit.source),
                "weight": credit.weight.to_string(),
                "weights_total": total.to_string(),
                "revenue": revenue,
                "payout": payout,
            })
        })
        .collect();
    reasoning["credits"] = Value::Array(credits);
}

/// What earned a credit: the click's number, or a word.
fn source(source: &Source<UniqueNumber>) -> Value {
    match source {
        Source::Touch { id, .. } => json!(id.to_string()),
        Source::Coupon => json!("coupon"),
        Source::Lifetime => json!("lifetime"),
    }
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
