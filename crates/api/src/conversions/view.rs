//! How a conversion looks in answers.

use hopline_books::Difference;
use hopline_control_store::conversions::Conversion;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::caller::Caller;
use crate::view::{ExchangeView, Money, Time};

/// A conversion. An affiliate is not shown what the advertiser pays, nor the advertiser's own data.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConversionView {
    #[schema(minimum = 1)]
    id: i64,
    event_id: String,
    offer_id: i64,
    /// Who is credited, of several the first; null where nobody is. Affiliates that share it see themselves.
    affiliate_id: Option<i64>,
    advertiser_id: i64,
    /// The goal's key.
    goal: String,
    goal_id: i64,
    /// `pps`, `ppl`, `ppc` or `ppi`.
    kind: &'static str,
    order_id: Option<String>,
    click_id: Option<String>,
    link_id: Option<i64>,
    coupon: Option<String>,
    /// The order's amount, as reported.
    amount: Option<Money>,
    /// The same in the offer's currency, where that is another one; null until a rate is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    converted_amount: Option<Money>,
    /// The rate that it was converted at.
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<ExchangeView>,
    /// What the advertiser pays; not shown to affiliates.
    #[serde(skip_serializing_if = "Option::is_none")]
    revenue: Option<Option<Money>>,
    /// What the affiliate gets; not shown to advertisers.
    #[serde(skip_serializing_if = "Option::is_none")]
    payout: Option<Option<Money>>,
    /// `pending`, `approved`, `paid`, `rejected`, `reversed` or `unattributed`.
    status: &'static str,
    /// The same, finer: `payable` is apart. Null until the conversion is decided.
    commission_status: Option<&'static str>,
    /// Whether the same event was reported again.
    duplicate: bool,
    /// How often.
    repeats: i64,
    reason: Option<String>,
    /// `postback`, `pixel`, `api`, `import`, a kind of report of installs, `settlement` (clicks of an hour) or `period` (tiers and bonuses).
    source: &'static str,
    /// Pieces: 1, or clicks settled.
    quantity: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adv: Option<Value>,
    /// When it happened.
    at: Time,
    received_at: Time,
    clicked_at: Option<Time>,
    decided_at: Option<Time>,
    /// The version of the terms applied.
    terms_id: Option<i64>,
    /// In what this report differs from the first, which counts; only in the answer to a repeated report.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<crate::forms::DifferenceDoc>)]
    differences: Vec<Difference>,
}

fn json(text: Option<&String>) -> Option<Value> {
    text.and_then(|text| serde_json::from_str(text).ok())
}

impl ConversionView {
    pub(crate) fn of(conversion: &Conversion, caller: &Caller) -> Self {
        let shows_all = !caller.is_affiliate();
        let sides = caller.sides();
        // Of what several share an affiliate is told its own part.
        let payout = match caller.actor.affiliate {
            Some(own) => hopline_books::payout_of(conversion, own),
            None => conversion.payout,
        };
        // The click, link and coupon are those of the first; another one that has a part sees itself.
        let shared = caller.actor.affiliate.filter(|own| conversion.affiliate != Some(*own));
        let of_first = shared.is_none();
        let has_part = payout.is_some_and(|payout| !payout.is_zero());
        let shown = if of_first { conversion.affiliate } else { shared.filter(|_| has_part) };
        Self {
            id: conversion.id.get(),
            event_id: conversion.event_id.clone(),
            offer_id: conversion.offer.get(),
            affiliate_id: shown.map(i64::from),
            advertiser_id: conversion.advertiser.get(),
            goal: conversion.goal_key.clone(),
            goal_id: conversion.goal.get(),
            kind: conversion.kind.as_str(),
            order_id: conversion.order_id.clone(),
            click_id: conversion.click_id.clone().filter(|_| of_first),
            link_id: conversion.link.filter(|_| of_first).map(i64::from),
            coupon: conversion.coupon.clone().filter(|_| of_first),
            amount: conversion.ordered().map(Money::from),
            converted_amount: conversion.order.and(conversion.amount).map(Money::from),
            exchange: conversion.exchange.as_ref().map(ExchangeView::of),
            revenue: sides.revenue.then(|| conversion.revenue.map(Money::from)),
            payout: sides.payout.then(|| payout.map(Money::from)),
            status: conversion.shown_status().as_str(),
            commission_status: conversion.status.map(|status| status.as_str()),
            duplicate: conversion.was_repeated(),
            repeats: conversion.repeats,
            reason: conversion.reason.clone(),
            source: conversion.source.as_str(),
            quantity: conversion.quantity,
            customer_id: shows_all.then(|| conversion.customer_id.clone()),
            items: json(conversion.items.as_ref()).filter(|_| shows_all),
            adv: json(conversion.adv.as_ref()).filter(|_| shows_all),
            at: Time(conversion.converted_at),
            received_at: Time(conversion.received_at),
            clicked_at: conversion.clicked_at.filter(|_| of_first).map(Time),
            decided_at: conversion.decided_at.map(Time),
            terms_id: conversion.terms.filter(|_| of_first).map(i64::from),
            differences: Vec::new(),
        }
    }

    pub(crate) fn with_differences(self, differences: Vec<Difference>) -> Self {
        Self { differences, ..self }
    }
}
