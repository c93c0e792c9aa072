//! Caps: how they are read, and how they look in answers.
//!
//! They are given as a whole list with their offer. A cap that differs from one that is there only in its amount is the
//! same cap: it keeps its id and what it has taken.

use hopline_catalogue::data::{CapEntry, CapMetric, CapPeriod, CapScope};
use hopline_catalogue::{CAPS_MAX, check_caps};
use hopline_control_store::caps::{NewCap, TakenNow};
use hopline_money::{Amount, Currency};
use hopline_types::{AffiliateId, CapId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::caller::Sides;
use crate::fields::{Fields, TEXT_CHARS_MAX};
use crate::problem::FieldProblem;
use crate::view::Money;

const ZONE_CHARS_MAX: usize = 64;
const ZONE: &str = "UTC";

const METRICS: &[(&str, CapMetric)] = &[
    ("clicks", CapMetric::Clicks),
    ("conversions", CapMetric::Conversions),
    ("revenue", CapMetric::Revenue),
    ("payout", CapMetric::Payout),
];
const PERIODS: &[(&str, CapPeriod)] = &[
    ("day", CapPeriod::Day),
    ("week", CapPeriod::Week),
    ("month", CapPeriod::Month),
    ("total", CapPeriod::Total),
];

fn word<T: Copy + PartialEq>(choices: &[(&'static str, T)], value: T) -> &'static str {
    choices.iter().find(|(_, known)| *known == value).map_or("", |(word, _)| word)
}

const fn is_money(metric: CapMetric) -> bool {
    match metric {
        CapMetric::Revenue | CapMetric::Payout => true,
        CapMetric::Clicks | CapMetric::Conversions => false,
    }
}

/// Whether somebody who is shown these sides of the money is shown a cap on this.
pub(super) const fn is_shown(metric: CapMetric, sides: Sides) -> bool {
    match metric {
        CapMetric::Clicks | CapMetric::Conversions => true,
        CapMetric::Revenue => sides.revenue,
        CapMetric::Payout => sides.payout,
    }
}

/// Reads the list, if it is there; null is an empty one. Money is in `currency`; where that is not known, because it
/// was refused, amounts of money are not looked at.
pub(super) fn read(fields: &mut Fields<'_>, currency: Option<Currency>, sides: Sides) -> Option<Vec<NewCap>> {
    if !fields.has("caps") {
        return None;
    }
    let Some(value) = fields.value("caps") else { return Some(Vec::new()) };
    let Some(items) = value.as_array().filter(|items| items.len() <= CAPS_MAX) else {
        fields.refuse("caps", format!("is no list of at most {CAPS_MAX} caps"));
        return None;
    };
    let mut caps: Vec<(usize, CapEntry)> = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let place = fields.place(&format!("caps[{index}]"));
        let mut inner = Fields::at(place.clone(), item);
        let (cap, reads) = one(&mut inner, currency, sides);
        let refusals = check_caps(std::slice::from_ref(&cap)).into_iter();
        inner.refuse_all(refusals.map(|refusal| {
            let field = refusal.field.trim_start_matches("[0]");
            FieldProblem::new(format!("{place}{field}"), refusal.message)
        }));
        if let Some((first, _)) = caps.iter().find(|(_, other)| reads && wanted(&cap).is(other)) {
            let message = format!("is the same cap as caps[{first}]: its amount alone makes no other");
            inner.refuse_all([FieldProblem::new(&place, message)]);
        }
        if reads {
            caps.push((index, cap));
        }
        fields.refuse_all(inner.close());
    }
    Some(caps.iter().map(|(_, cap)| wanted(cap)).collect())
}

fn wanted(cap: &CapEntry) -> NewCap {
    let CapEntry { id: _, scope, metric, period, zone, amount } = cap.clone();
    NewCap { scope, metric, period, zone, amount }
}

/// One cap, with an id that means nothing, and whether all of it could be read; harmless values stand for what could not.
fn one(fields: &mut Fields<'_>, currency: Option<Currency>, sides: Sides) -> (CapEntry, bool) {
    // They stand in answers, and what was got may be sent back.
    for shown in ["id", "taken"] {
        fields.has(shown);
    }
    let metric = fields.choice("metric", METRICS);
    let period = fields.choice("period", PERIODS);
    let zone = fields.optional_text("zone", ZONE_CHARS_MAX);
    let affiliate: Option<AffiliateId> = fields.optional_id("affiliate_id");
    let each = fields.optional_flag("each_affiliate").unwrap_or(false);
    if each && affiliate.is_some() {
        fields.refuse("each_affiliate", "is true beside affiliate_id: give one of them");
    }
    if metric.is_some_and(|metric| !is_shown(metric, sides)) {
        fields.refuse("metric", "is the network's own: advertisers bound what they pay, with revenue");
    }
    let amount = amount(fields, metric, currency);
    let scope = match affiliate {
        Some(affiliate) => CapScope::Affiliate(affiliate),
        None if each => CapScope::EachAffiliate,
        None => CapScope::Offer,
    };
    let reads = metric.is_some() && period.is_some() && amount.is_some();
    let cap = CapEntry {
        id: CapId::new(1).expect("1 is an id"),
        scope,
        metric: metric.unwrap_or(CapMetric::Clicks),
        period: period.unwrap_or(CapPeriod::Day),
        zone: zone.unwrap_or_else(|| ZONE.to_owned()),
        amount: amount.unwrap_or(1),
    };
    (cap, reads)
}

/// Counts as whole numbers, or text of digits; money as decimal text, or with its currency.
fn amount(fields: &mut Fields<'_>, metric: Option<CapMetric>, currency: Option<Currency>) -> Option<i64> {
    let Some(value) = fields.value("amount") else {
        fields.text("amount", TEXT_CHARS_MAX);
        return None;
    };
    if is_money(metric?) {
        return money(fields, value, currency);
    }
    let digits = value.as_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let count = value.as_i64().or_else(|| digits?.parse().ok());
    if count.is_none() {
        fields.refuse("amount", "is no whole number");
    }
    count
}

fn money(fields: &mut Fields<'_>, value: &Value, currency: Option<Currency>) -> Option<i64> {
    let mut inner = Fields::at(fields.place("amount"), value);
    let (text, place) = match value {
        Value::Object(_) => {
            let (text, code) = (inner.text("amount", TEXT_CHARS_MAX), inner.text("currency", 3));
            if let Some(currency) = currency.filter(|currency| !code.is_empty() && currency.code() != code) {
                inner.refuse("currency", format!("is {code}, the offer is in {}", currency.code()));
            }
            fields.refuse_all(inner.close());
            (text, "amount.amount")
        }
        Value::String(text) => (text.clone(), "amount"),
        _ => {
            fields.refuse("amount", "is no decimal text such as \"100.00\"");
            return None;
        }
    };
    let currency = currency.filter(|_| !text.is_empty())?;
    Amount::parse(&text, currency)
        .map(|amount| amount.minor)
        .map_err(|refusal| fields.refuse(place, refusal.to_string()))
        .ok()
}

/// How much: a count, or money.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum CapAmount {
    /// Clicks or conversions.
    Count(i64),
    /// Revenue or payout.
    Money(Money),
}

impl CapAmount {
    fn of(amount: i64, metric: CapMetric, currency: Currency) -> Self {
        if is_money(metric) { Self::Money(Money::of(amount, currency)) } else { Self::Count(amount) }
    }
}

/// A bound on what the offer takes in a period; what would bring the sum above it is not taken.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CapView {
    #[schema(minimum = 1)]
    id: i64,
    /// `clicks`, `conversions`, `revenue` or `payout`.
    metric: &'static str,
    /// `day`, `week` (from Monday), `month` or `total`.
    period: &'static str,
    /// IANA time zone in which the period begins.
    zone: String,
    amount: CapAmount,
    /// Only this affiliate's are counted; overrules `each_affiliate` for the same metric and period.
    affiliate_id: Option<i64>,
    /// Whether every affiliate's are counted apart.
    each_affiliate: bool,
    /// What was taken in the period that goes on. Not for clicks, which are counted at the edges, and for
    /// `each_affiliate` only the caller's own; affiliates are not shown what others brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    taken: Option<CapAmount>,
}

/// The caps as somebody sees them.
pub(super) fn views(
    caps: &[CapEntry],
    taken: &[TakenNow],
    currency: Currency,
    sides: Sides,
    viewer: Option<AffiliateId>,
) -> Vec<CapView> {
    let shown = caps.iter().filter(|cap| {
        let anothers = match cap.scope {
            CapScope::Affiliate(affiliate) => viewer.is_some_and(|viewer| viewer != affiliate),
            CapScope::Offer | CapScope::EachAffiliate => false,
        };
        is_shown(cap.metric, sides) && !anothers
    });
    let view = |cap: &CapEntry| {
        let affiliate = match cap.scope {
            CapScope::Affiliate(affiliate) => Some(affiliate),
            CapScope::Offer | CapScope::EachAffiliate => None,
        };
        // Whose sum is told, if any.
        let whose = match cap.scope {
            _ if cap.metric == CapMetric::Clicks => None,
            CapScope::Offer => viewer.is_none().then_some(None),
            CapScope::EachAffiliate => viewer.map(Some),
            CapScope::Affiliate(affiliate) => Some(Some(affiliate)),
        };
        let sum = |whose| {
            let known = taken.iter().find(|sum| sum.cap_id == cap.id && sum.affiliate_id == whose);
            CapAmount::of(known.map_or(0, |sum| sum.taken), cap.metric, currency)
        };
        CapView {
            id: cap.id.get(),
            metric: word(METRICS, cap.metric),
            period: word(PERIODS, cap.period),
            zone: cap.zone.clone(),
            amount: CapAmount::of(cap.amount, cap.metric, currency),
            affiliate_id: affiliate.map(AffiliateId::get),
            each_affiliate: cap.scope == CapScope::EachAffiliate,
            taken: whose.map(sum),
        }
    };
    shown.map(view).collect()
}
