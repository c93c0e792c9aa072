//! How an offer's credit is given: the `attribution` object.
//!
//! Settings that contradict each other are refused where they are saved, with both of them named.

use hopline_attribution::{CouponRule, SelfReferral, VIEW_WINDOW_MS};
use hopline_control_store::offers::{self, AttributionSettings, Offer, OfferSettings};
use hopline_types::{HOUR_MS, Model};

use crate::fields::Fields;
use crate::problem::{FieldProblem, Problem};
use crate::work::Work;

const DAY_SECONDS: i64 = 86_400;
const WINDOW_DAYS_MAX: i64 = 365;
pub(super) const COUPON_RULES: [(&str, CouponRule); 3] = [
    ("overrides_click", CouponRule::OverridesClick),
    ("fallback", CouponRule::Fallback),
    ("ignored", CouponRule::Ignored),
];
pub(super) const SELF_REFERRALS: [(&str, SelfReferral); 2] =
    [("reject", SelfReferral::Reject), ("allow", SelfReferral::Allow)];

/// What to change; `None` leaves as it is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CreditChange {
    pub(super) model: Option<Model>,
    pub(super) window_seconds: Option<i64>,
    view_window_hours: Option<i64>,
    half_life_days: Option<i64>,
    coupon: Option<CouponRule>,
    lifetime: Option<bool>,
    self_referral: Option<SelfReferral>,
    cross_device: Option<bool>,
}

impl CreditChange {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        let Some(value) = fields.value("attribution") else { return Self::default() };
        let mut inner = Fields::at(fields.place("attribution"), value);
        let model = inner.optional_word("model");
        let days = inner.optional_whole("window_days", 1, WINDOW_DAYS_MAX);
        let seconds = inner.optional_whole("window_seconds", 1, WINDOW_DAYS_MAX * DAY_SECONDS);
        if days.is_some() && seconds.is_some() {
            inner.refuse("window_seconds", "is given beside window_days: give one of them");
        }
        let change = Self {
            model,
            window_seconds: days.map(|days| days * DAY_SECONDS).or(seconds),
            view_window_hours: inner.optional_whole("view_window_hours", 1, WINDOW_DAYS_MAX * 24),
            half_life_days: inner.optional_whole("half_life_days", 1, WINDOW_DAYS_MAX),
            coupon: inner.optional_choice("coupon", &COUPON_RULES),
            lifetime: inner.optional_flag("lifetime"),
            self_referral: inner.optional_choice("self_referral", &SELF_REFERRALS),
            cross_device: inner.optional_flag("cross_device"),
        };
        fields.refuse_all(inner.close());
        change
    }

    fn apply(&self, before: AttributionSettings) -> AttributionSettings {
        let ms = |number: Option<i64>, unit| number.map(|number| number * unit);
        AttributionSettings {
            view_window_ms: ms(self.view_window_hours, HOUR_MS).unwrap_or(before.view_window_ms),
            half_life_ms: ms(self.half_life_days, 24 * HOUR_MS).unwrap_or(before.half_life_ms),
            coupon: self.coupon.unwrap_or(before.coupon),
            lifetime: self.lifetime.unwrap_or(before.lifetime),
            self_referral: self.self_referral.unwrap_or(before.self_referral),
            cross_device: self.cross_device.unwrap_or(before.cross_device),
        }
    }

    /// Gives an offer, whose model and window are set already, these settings; refuses what contradicts itself.
    pub(super) fn save(&self, work: &mut Work<'_>, offer: Offer) -> Result<Offer, Problem> {
        let settings = self.apply(offer.attribution);
        let problems = self.contradictions(&offer.settings, &settings);
        if !problems.is_empty() {
            return Err(Problem::fields(problems));
        }
        if settings == offer.attribution {
            return Ok(offer);
        }
        let saved = offers::update_attribution(work.tx, work.caller.scope, offer.id, &settings, work.now)?;
        Ok(saved.unwrap_or(offer))
    }

    fn contradictions(&self, offer: &OfferSettings, settings: &AttributionSettings) -> Vec<FieldProblem> {
        let mut problems = Vec::new();
        if let Some(days) = self.half_life_days
            && offer.model != Model::TimeDecay
        {
            let message = format!(
                "is {days}, but goes with attribution.model time_decay only, and the model is {}",
                offer.model
            );
            problems.push(FieldProblem::new("attribution.half_life_days", message));
        }
        let view_seconds = settings.view_window_ms / 1_000;
        let is_default = settings.view_window_ms == VIEW_WINDOW_MS;
        let touches_windows = self.view_window_hours.is_some() || self.window_seconds.is_some();
        if touches_windows
            && view_seconds > offer.window_seconds
            && (self.view_window_hours.is_some() || !is_default)
        {
            let message = format!(
                "is {} hours, longer than the window of clicks (attribution.window_days or window_seconds: {} s): a view \
                 would count longer than a click",
                view_seconds / 3_600,
                offer.window_seconds
            );
            problems.push(FieldProblem::new("attribution.view_window_hours", message));
        }
        problems
    }
}
