//! Everything that could win a conversion: its touches, its coupon, its customer's binding.
//!
//! The click that the conversion names is believed by its signature. Offers whose model looks at more get the visitor's other
//! clicks from the click store ([`crate::sought_touches`]). A coupon's owner is who owned it when the conversion happened;
//! a binding holds for what happened after it.

use std::borrow::Cow;

use hopline_attribution::{
    Conversion as Happened, CouponRule, Decision, Outcome, Policy, SelfReferral, Touch,
};
use hopline_clickid::UniqueNumber;
use hopline_control_store::coupons::Coupon;
use hopline_control_store::customers::Binding;
use hopline_control_store::offers::Offer;
use hopline_types::{AffiliateId, CommissionStatus, CouponId, UnixMillis};
use serde_json::{Value, json};

use super::Verdict as Ending;
use super::known::Known;
use super::touch::{self, Candidate, ClickTouch, Found, NOT_ACTIVE};
use crate::explain::rfc3339;

/// What a conversion came by.
#[derive(Debug)]
pub(super) struct Path {
    /// Its touches, by time.
    pub(super) touches: Vec<ClickTouch>,
    /// Why the click that it names is none of them.
    pub(super) refused: Option<Refused>,
    coupon: Option<Named>,
    binding: Option<Binding>,
    /// Whether the bound affiliate takes part.
    is_bound_active: bool,
    /// Who of those concerned is the buyer.
    buyer: Option<AffiliateId>,
    /// How many orders the customer has made before; none where the customer is not known.
    earlier_orders: Option<u64>,
}

/// A named click that leads nowhere.
#[derive(Debug)]
pub(super) struct Refused {
    /// A short word that never changes.
    pub(super) reason: &'static str,
    /// The same for people.
    pub(super) detail: String,
    /// What is known of the click.
    pub(super) touch: Option<Value>,
}

/// A coupon that a conversion names.
#[derive(Debug)]
struct Named {
    code: String,
    id: Option<CouponId>,
    owner: Option<AffiliateId>,
    /// Why it has no say.
    against: Option<&'static str>,
}

impl Path {
    pub(super) fn of(known: &Known, candidate: &Candidate<'_>, offer: &Offer) -> Self {
        let conversion = &candidate.conversion;
        let (mut touches, mut refused) = (Vec::new(), None);
        match touch::found(known, candidate) {
            Found::Touch(named) => touches.push(named),
            Found::Nothing { reason, detail, touch } => refused = Some(Refused { reason, detail, touch }),
        }
        for claims in candidate.gathered() {
            if touches.first().is_none_or(|named| named.claims.unique != claims.unique) {
                touches.push(touch::gathered(known, claims));
            }
        }
        touches.sort_by_key(|touch| (touch.claims.at, touch.claims.unique));
        touches.dedup_by_key(|touch| touch.claims.unique);
        let binding = known.customers.binding(candidate).filter(|_| offer.attribution.lifetime);
        let is_active = |affiliate| known.is_active(candidate, affiliate);
        let coupon = conversion.coupon.as_ref().map(|code| {
            let coupons = known.coupons_of(candidate);
            let holds = |coupon: &&Coupon| coupon.holds(conversion.offer, conversion.converted_at);
            let coupon = coupons.iter().find(holds);
            let owner = coupon.map(|coupon| coupon.what.affiliate_id);
            let against = match owner {
                Some(owner) if is_active(owner) => None,
                Some(_) => Some(NOT_ACTIVE),
                None if coupons.is_empty() => Some("unknown"),
                None => Some("not_valid_then"),
            };
            Named { code: code.clone(), id: coupon.map(|coupon| coupon.id), owner, against }
        });
        let concerned = touches.iter().map(|touch| touch.claims.affiliate);
        let concerned = concerned
            .chain(coupon.iter().filter_map(|coupon| coupon.owner))
            .chain(binding.iter().map(|binding| binding.affiliate));
        let buyer = known.customers.buyer(candidate, concerned);
        Self {
            touches,
            refused,
            coupon,
            is_bound_active: binding.is_some_and(|binding| is_active(binding.affiliate)),
            binding,
            buyer,
            earlier_orders: known.customers.earlier_orders(candidate),
        }
    }

    /// Whether nothing speaks for anybody.
    pub(super) fn is_empty(&self) -> bool {
        self.touches.is_empty() && self.owner().is_none() && self.bound().is_none()
    }

    fn owner(&self) -> Option<AffiliateId> {
        self.coupon.as_ref().filter(|coupon| coupon.against.is_none()).and_then(|coupon| coupon.owner)
    }

    fn bound(&self) -> Option<AffiliateId> {
        self.binding.filter(|_| self.is_bound_active).map(|binding| binding.affiliate)
    }

    /// The touch whose click the conversion names, else the last one.
    pub(super) fn named(&self) -> Option<(usize, &ClickTouch)> {
        let touches = || self.touches.iter().enumerate();
        touches().find(|(_, touch)| touch.is_named).or_else(|| touches().next_back())
    }

    /// As attribution sees it.
    pub(super) fn happened(&self, at: UnixMillis) -> Happened<AffiliateId> {
        Happened {
            at,
            coupon_owner: self.owner(),
            customer_bound_to: self.bound(),
            buyer_is_affiliate: self.buyer,
        }
    }

    /// How a conversion ends for which nobody is credited.
    pub(super) fn against(
        &self,
        policy: &Policy,
        decision: &Decision<UniqueNumber, AffiliateId>,
        touches: &[Touch<UniqueNumber, AffiliateId>],
    ) -> Ending {
        let is_refused = self.buyer.is_some() && policy.self_referral == SelfReferral::Reject;
        let Some((place, _)) = self.named() else {
            return if is_refused {
                Ending { status: CommissionStatus::Rejected, reason: Some("self_referral") }
            } else {
                let reason = self.refused.as_ref().map_or("no_click", |refused| refused.reason);
                Ending { status: CommissionStatus::Unattributed, reason: Some(reason) }
            };
        };
        touch::against(decision, touches, place)
    }

    /// What the reasoning says of coupon and customer.
    pub(super) fn explain(
        &self,
        reasoning: &mut Value,
        policy: &Policy,
        decision: &Decision<UniqueNumber, AffiliateId>,
    ) {
        if let Some(coupon) = &self.coupon {
            let outcome = match coupon.against {
                Some(against) => against,
                None if policy.coupon == CouponRule::Ignored => "ignored",
                None if self.is_buyers(coupon.owner, policy) => "self_referral",
                None if decision.rule == hopline_attribution::Rule::Coupon => "credited",
                None => "outranked",
            };
            reasoning["coupon"] = json!({
                "code": coupon.code,
                "coupon_id": coupon.id,
                "affiliate_id": coupon.owner,
                "outcome": outcome,
            });
        }
        if self.earlier_orders.is_none() {
            return;
        }
        let bound = self.binding.map(|binding| {
            let outcome = if decision.rule == hopline_attribution::Rule::Lifetime {
                "credited"
            } else if self.is_bound_active {
                "self_referral"
            } else {
                NOT_ACTIVE
            };
            json!({
                "affiliate_id": binding.affiliate,
                "conversion_id": binding.conversion,
                "since": rfc3339(binding.at),
                "outcome": outcome,
            })
        });
        reasoning["customer"] = json!({
            "earlier_orders": self.earlier_orders,
            "is_new": self.earlier_orders == Some(0),
            "bound": bound,
        });
    }

    fn is_buyers(&self, affiliate: Option<AffiliateId>, policy: &Policy) -> bool {
        affiliate.is_some() && affiliate == self.buyer && policy.self_referral == SelfReferral::Reject
    }
}

/// What became of a touch, for people.
pub(super) fn detail(outcome: &Outcome) -> Option<Cow<'_, str>> {
    match outcome {
        Outcome::Invalid { reason } => Some(Cow::Borrowed(reason.as_ref())),
        Outcome::OutsideWindow { window_ms } => {
            Some(Cow::Owned(format!("the window is {} s", window_ms / 1_000)))
        }
        Outcome::Outranked { by } => Some(Cow::Borrowed(by.as_str())),
        _ => None,
    }
}
