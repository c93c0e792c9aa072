//! How offers and goals look in answers.

use hopline_control_store::offers::{Goal, Offer, TermsVersion};
use hopline_money::Currency;
use hopline_terms::PriceForm;
use hopline_types::{AffiliateId, HOUR_MS, Model, OfferId};
use serde::Serialize;
use utoipa::ToSchema;

use super::Current;
use super::caps::CapView;
use super::credit::{COUPON_RULES, SELF_REFERRALS};
use super::traffic::{TargetingView, cookies_word};
use crate::caller::Sides;
use crate::problem::FieldProblem;
use crate::view::Time;

/// A price: a percentage of the order, an amount per piece, or both.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PriceView {
    /// Percent of the order's amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<String>,
    /// Amount per piece, in the offer's currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    fixed: Option<String>,
}

impl From<PriceForm> for PriceView {
    fn from(form: PriceForm) -> Self {
        Self { percent: form.percent, fixed: form.fixed }
    }
}

/// A paid event of an offer, with the terms in force now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct GoalView {
    #[schema(minimum = 1)]
    id: i64,
    offer_id: i64,
    /// Its name in postbacks.
    key: String,
    name: String,
    /// `pps`, `ppl`, `ppc` or `ppi`.
    kind: &'static str,
    /// What the advertiser pays; not shown to affiliates.
    #[serde(skip_serializing_if = "Option::is_none")]
    revenue: Option<PriceView>,
    /// What the affiliate gets; not shown to advertisers.
    #[serde(skip_serializing_if = "Option::is_none")]
    payout: Option<PriceView>,
    /// The version of the terms in force.
    terms_version: i64,
    terms_id: i64,
}

impl GoalView {
    pub(crate) fn of(goal: &Goal, terms: &TermsVersion, currency: Currency, sides: Sides) -> Self {
        let form = terms.terms.form(currency);
        let price = |form: Option<PriceForm>| form.unwrap_or_default().into();
        Self {
            id: goal.id.get(),
            offer_id: goal.offer_id.get(),
            key: goal.key.clone(),
            name: goal.name.clone(),
            kind: goal.kind.as_str(),
            revenue: sides.revenue.then(|| price(form.revenue)),
            payout: sides.payout.then(|| price(form.payout)),
            terms_version: terms.version,
            terms_id: terms.id.get(),
        }
    }
}

/// How credit is given.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AttributionView {
    model: &'static str,
    /// How old a click may be; whole days, or null where the window is not one of whole days.
    window_days: Option<i64>,
    window_seconds: i64,
    /// How old a view may be, where no click counts.
    view_window_hours: i64,
    /// After how many days a touch weighs half; only with `time_decay`.
    #[serde(skip_serializing_if = "Option::is_none")]
    half_life_days: Option<i64>,
    /// What a coupon does: `overrides_click`, `fallback` or `ignored`.
    coupon: &'static str,
    /// Whether a customer stays with the affiliate of its first conversion.
    lifetime: bool,
    /// What happens to affiliates' own purchases: `reject` or `allow`.
    self_referral: &'static str,
    /// Whether the clicks of a customer's other devices count.
    cross_device: bool,
}

impl AttributionView {
    fn of(offer: &Offer) -> Self {
        let (settings, credit) = (&offer.settings, &offer.attribution);
        let seconds = settings.window_seconds;
        let is_decaying = settings.model == Model::TimeDecay;
        Self {
            model: settings.model.as_str(),
            window_days: (seconds % DAY_SECONDS == 0).then_some(seconds / DAY_SECONDS),
            window_seconds: seconds,
            view_window_hours: credit.view_window_ms / HOUR_MS,
            half_life_days: is_decaying.then_some(credit.half_life_ms / (24 * HOUR_MS)),
            coupon: word(&COUPON_RULES, credit.coupon),
            lifetime: credit.lifetime,
            self_referral: word(&SELF_REFERRALS, credit.self_referral),
            cross_device: credit.cross_device,
        }
    }
}

fn word<T: PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| *word)
}

/// An offer.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OfferView {
    #[schema(minimum = 1)]
    id: i64,
    advertiser_id: i64,
    name: String,
    /// What its terms and conversions are counted in: ISO 4217.
    currency: &'static str,
    /// `active`, `paused`, `pending` or `blocked`.
    status: &'static str,
    landing_page: String,
    fallback_url: Option<String>,
    deep_link_hosts: Vec<String>,
    click_parameter: String,
    pass_parameters: bool,
    /// What postbacks must prove: `none`, `token` or `hmac`.
    postback_auth: &'static str,
    attribution: AttributionView,
    /// `automatic` or `manual`.
    approval: &'static str,
    hold_days: i64,
    starts_at: Option<Time>,
    ends_at: Option<Time>,
    targeting: TargetingView,
    /// Which offer gets the visitors that this one does not want, before any fallback URL.
    fallback_offer_id: Option<i64>,
    /// The share of `landing_page` among the offer's landing pages; null is 1.
    landing_page_weight: Option<u32>,
    /// Whether visitors get the cookie: `always`, `consent` or `never`.
    cookies: &'static str,
    /// Countries whose visitors get no cookie.
    cookieless_countries: Vec<String>,
    caps: Vec<CapView>,
    goals: Vec<GoalView>,
    created_at: Time,
    updated_at: Time,
    /// What is allowed but probably not meant; only where the offer was saved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<FieldProblem>,
}

const DAY_SECONDS: i64 = 86_400;

impl OfferView {
    /// As it is shown to somebody who is shown these sides of the money, and may be an affiliate.
    pub(crate) fn of(current: &Current, sides: Sides, viewer: Option<AffiliateId>) -> Self {
        let Current { offer, terms, caps, taken } = current;
        let (settings, traffic) = (&offer.settings, &offer.traffic);
        let goals = offer.goals.iter().filter_map(|goal| {
            let terms = terms.iter().find(|terms| terms.goal_id == goal.id)?;
            Some(GoalView::of(goal, terms, offer.currency, sides))
        });
        Self {
            id: offer.id.get(),
            advertiser_id: offer.advertiser_id.get(),
            name: settings.name.clone(),
            currency: offer.currency.code(),
            status: settings.standing.as_str(),
            landing_page: settings.landing_page.clone(),
            fallback_url: settings.fallback_url.clone(),
            deep_link_hosts: settings.deep_link_hosts.clone(),
            click_parameter: settings.click_parameter.clone(),
            pass_parameters: settings.pass_parameters,
            postback_auth: settings.postback_auth.as_str(),
            attribution: AttributionView::of(offer),
            approval: settings.approval.as_str(),
            hold_days: settings.hold_days,
            starts_at: settings.starts_at.map(Time),
            ends_at: settings.ends_at.map(Time),
            targeting: TargetingView::of(&traffic.targeting),
            fallback_offer_id: traffic.fallback_offer_id.map(OfferId::get),
            landing_page_weight: traffic.landing_page_weight,
            cookies: cookies_word(traffic.cookies),
            cookieless_countries: traffic.cookieless_countries.clone(),
            caps: super::caps::views(caps, taken, offer.currency, sides, viewer),
            goals: goals.collect(),
            created_at: Time(offer.created_at),
            updated_at: Time(offer.updated_at),
            warnings: Vec::new(),
        }
    }

    pub(crate) fn warning(self, warnings: &[FieldProblem]) -> Self {
        Self { warnings: warnings.to_vec(), ..self }
    }
}
