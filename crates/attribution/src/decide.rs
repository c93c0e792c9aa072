//! The decision.

use crate::decision::{Considered, Credit, Decision, Outcome, Rule, Source};
use crate::input::{Conversion, CouponRule, Policy, SelfReferral, Touch, TouchKind};
use crate::reason::reason;
use crate::weights::{Part, weights};

/// Decides who is credited for a conversion. The order in which touches are given does not matter, except that touches
/// with the same time and id keep it.
#[must_use]
pub fn attribute<Id, Affiliate>(
    policy: &Policy,
    conversion: &Conversion<Affiliate>,
    touches: &[Touch<Id, Affiliate>],
) -> Decision<Id, Affiliate>
where
    Id: Ord + Clone,
    Affiliate: Eq + Clone,
{
    let scene = Scene { policy, conversion, touches };
    // None while a touch can still be credited.
    let mut outcomes: Vec<Option<Outcome>> = touches.iter().map(|touch| scene.exclusion(touch)).collect();
    let mut eligible: Vec<usize> = (0..touches.len()).filter(|index| outcomes[*index].is_none()).collect();
    eligible.sort_by_key(|index| (touches[*index].at, &touches[*index].id, *index));

    let (rule, credits, nobody) = match scene.binding().or_else(|| scene.coupon(&eligible)) {
        Some((rule, credit)) => (rule, vec![credit], Vec::new()),
        None => scene.shared(&eligible, &mut outcomes),
    };
    for credit in &credits {
        if let Source::Touch { index, .. } = credit.source {
            outcomes[index] = Some(Outcome::Credited);
        }
    }
    let considered: Vec<Considered<Id>> = touches
        .iter()
        .zip(outcomes)
        .map(|(touch, outcome)| Considered {
            id: touch.id.clone(),
            age_ms: conversion.at.since(touch.at),
            outcome: outcome.unwrap_or(Outcome::Outranked { by: rule }),
        })
        .collect();
    let reason = reason(policy, rule, credits.len(), &considered);
    Decision { credits, nobody, considered, model: policy.model, rule, reason }
}

/// Everything a decision looks at.
struct Scene<'a, Id, Affiliate> {
    policy: &'a Policy,
    conversion: &'a Conversion<Affiliate>,
    touches: &'a [Touch<Id, Affiliate>],
}

impl<Id: Ord + Clone, Affiliate: Eq + Clone> Scene<'_, Id, Affiliate> {
    /// Why a touch cannot be credited, whatever the others are.
    fn exclusion(&self, touch: &Touch<Id, Affiliate>) -> Option<Outcome> {
        let age_ms = self.conversion.at.since(touch.at);
        let window_ms = match touch.kind {
            TouchKind::View => self.policy.view_window_ms,
            TouchKind::Click | TouchKind::Coupon | TouchKind::Direct => self.policy.click_window_ms,
        };
        if age_ms < 0 {
            return Some(Outcome::AfterConversion);
        }
        if let Some(reason) = &touch.invalid {
            return Some(Outcome::Invalid { reason: reason.clone() });
        }
        if touch.earner().is_some_and(|affiliate| self.refuses(affiliate)) {
            return Some(Outcome::SelfReferral);
        }
        if age_ms > window_ms {
            return Some(Outcome::OutsideWindow { window_ms });
        }
        let ignored = touch.kind == TouchKind::Coupon && self.policy.coupon == CouponRule::Ignored;
        ignored.then_some(Outcome::CouponIgnored)
    }

    /// Whether an affiliate is the buyer and may not be paid for that.
    fn refuses(&self, affiliate: &Affiliate) -> bool {
        self.policy.self_referral == SelfReferral::Reject
            && self.conversion.buyer_is_affiliate.as_ref() == Some(affiliate)
    }

    /// The credit of the affiliate to whom the customer is bound.
    fn binding(&self) -> Option<(Rule, Credit<Id, Affiliate>)> {
        let bound = self.conversion.customer_bound_to.as_ref()?;
        let holds = self.policy.lifetime && !self.refuses(bound);
        holds.then(|| {
            (Rule::Lifetime, Credit { source: Source::Lifetime, affiliate: bound.clone(), weight: 1 })
        })
    }

    /// The credit of the coupon's owner, or of the last touch that is a coupon.
    fn coupon(&self, eligible: &[usize]) -> Option<(Rule, Credit<Id, Affiliate>)> {
        let applies = match self.policy.coupon {
            CouponRule::OverridesClick => true,
            CouponRule::Fallback => !self.has(eligible, TouchKind::Click),
            CouponRule::Ignored => false,
        };
        if !applies {
            return None;
        }
        if let Some(owner) = self.conversion.coupon_owner.as_ref().filter(|owner| !self.refuses(owner)) {
            let credit = Credit { source: Source::Coupon, affiliate: owner.clone(), weight: 1 };
            return Some((Rule::Coupon, credit));
        }
        let is_coupon = |index: &&usize| self.touches[**index].kind == TouchKind::Coupon;
        let last = *eligible.iter().rfind(is_coupon)?;
        Some((Rule::Coupon, self.credit(last, 1)?))
    }

    /// What the model gives to clicks, or to views where there is no click. Direct visits take part in both.
    fn shared(
        &self,
        eligible: &[usize],
        outcomes: &mut [Option<Outcome>],
    ) -> (Rule, Vec<Credit<Id, Affiliate>>, Vec<u64>) {
        let (rule, kind) = if self.has(eligible, TouchKind::Click) {
            (Rule::Clicks, TouchKind::Click)
        } else {
            (Rule::Views, TouchKind::View)
        };
        let takes_part = |index: &usize| {
            let touch = &self.touches[*index];
            touch.kind == kind || touch.kind == TouchKind::Direct
        };
        let partakers: Vec<usize> = eligible.iter().copied().filter(takes_part).collect();
        let part = |index: &usize| {
            let touch = &self.touches[*index];
            let is_direct = touch.kind == TouchKind::Direct;
            Part { age_ms: self.conversion.at.since(touch.at), is_direct }
        };
        let parts: Vec<Part> = partakers.iter().map(part).collect();
        let weights = weights(self.policy.model, &parts, self.policy.half_life_ms);
        let (mut credits, mut nobody) = (Vec::new(), Vec::new());
        for (index, weight) in partakers.into_iter().zip(weights) {
            outcomes[index] = Some(Outcome::NoShare);
            if weight == 0 {
                continue;
            }
            match self.credit(index, weight) {
                Some(credit) => credits.push(credit),
                None => {
                    outcomes[index] = Some(Outcome::CreditedToNobody);
                    nobody.push(weight);
                }
            }
        }
        (if credits.is_empty() { Rule::Nobody } else { rule }, credits, nobody)
    }

    fn has(&self, eligible: &[usize], kind: TouchKind) -> bool {
        eligible.iter().any(|index| self.touches[*index].kind == kind)
    }

    fn credit(&self, index: usize, weight: u64) -> Option<Credit<Id, Affiliate>> {
        let touch = &self.touches[index];
        let affiliate = touch.earner()?.clone();
        Some(Credit { source: Source::Touch { index, id: touch.id.clone() }, affiliate, weight })
    }
}
