//! What a decision is made from.

use std::borrow::Cow;

use hopline_types::{HOUR_MS, Model, UnixMillis};
use serde::{Deserialize, Serialize};

/// How long a view counts unless the programme says otherwise: 24 hours.
pub const VIEW_WINDOW_MS: i64 = 24 * HOUR_MS;
/// The age at which a touch weighs half in `time_decay`: 7 days.
pub const HALF_LIFE_MS: i64 = 7 * 24 * HOUR_MS;

/// What brought a visitor. `Id` orders touches of the same millisecond, `Affiliate` is whatever names an affiliate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch<Id, Affiliate> {
    /// Names the touch; later touches have higher ids.
    pub id: Id,
    /// Who brought the visitor; `None` for direct visits.
    pub affiliate: Option<Affiliate>,
    /// When, by the server's clock.
    pub at: UnixMillis,
    /// How.
    pub kind: TouchKind,
    /// Why it cannot count, if it cannot.
    pub invalid: Option<Cow<'static, str>>,
}

impl<Id, Affiliate> Touch<Id, Affiliate> {
    /// Who is paid if this touch is credited.
    pub(crate) fn earner(&self) -> Option<&Affiliate> {
        if self.kind == TouchKind::Direct { None } else { self.affiliate.as_ref() }
    }
}

/// How a touch came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TouchKind {
    /// A tracking link was followed.
    #[default]
    Click,
    /// An advertisement was seen.
    View,
    /// A coupon was used that belongs to the affiliate.
    Coupon,
    /// The visitor came without any link.
    Direct,
}

/// What was bought, as far as attribution must know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversion<Affiliate> {
    /// When it happened, by the server's clock; not when it was reported.
    pub at: UnixMillis,
    /// The owner of the coupon that was used.
    pub coupon_owner: Option<Affiliate>,
    /// The affiliate to whom the customer's first conversion bound it.
    pub customer_bound_to: Option<Affiliate>,
    /// The affiliate that is itself the buyer.
    pub buyer_is_affiliate: Option<Affiliate>,
}

impl<Affiliate> Conversion<Affiliate> {
    /// A conversion of which nothing but the time is known.
    #[must_use]
    pub const fn at(at: UnixMillis) -> Self {
        Self { at, coupon_owner: None, customer_bound_to: None, buyer_is_affiliate: None }
    }
}

/// The programme's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How credit is shared.
    pub model: Model,
    /// The greatest age of a click, coupon or direct visit that counts.
    pub click_window_ms: i64,
    /// The greatest age of a view that counts.
    pub view_window_ms: i64,
    /// What a coupon does.
    pub coupon: CouponRule,
    /// Whether a customer stays with the affiliate of its first conversion.
    pub lifetime: bool,
    /// What happens to affiliates' own purchases.
    pub self_referral: SelfReferral,
    /// The age at which a touch weighs half in `time_decay`; less than 1 counts as 1.
    pub half_life_ms: i64,
}

impl Policy {
    /// The usual settings: views count 24 hours, coupons override clicks, no lifetime binding, no commission on own
    /// purchases, a half-life of 7 days.
    #[must_use]
    pub const fn new(model: Model, click_window_ms: i64) -> Self {
        Self {
            model,
            click_window_ms,
            view_window_ms: VIEW_WINDOW_MS,
            coupon: CouponRule::OverridesClick,
            lifetime: false,
            self_referral: SelfReferral::Reject,
            half_life_ms: HALF_LIFE_MS,
        }
    }
}

/// What a coupon does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CouponRule {
    /// Its owner gets everything, whatever was clicked.
    OverridesClick,
    /// Its owner gets everything where no click counts.
    Fallback,
    /// Nothing.
    Ignored,
}

/// What happens to affiliates' own purchases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfReferral {
    /// They are credited like others.
    Allow,
    /// The buyer is not credited; others may be.
    Reject,
}
