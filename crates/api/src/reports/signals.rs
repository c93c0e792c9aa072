//! `/v1/reports/signals`: signs of cookie stuffing (C-10). What they are and when they are flagged is in
//! [`hopline_report`], what they are counted from in [`figures`].

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_control_store::DatabaseExt;
use hopline_control_store::signals::{OrderPeriod, orders};
use hopline_report::{
    CLICKS_MIN, QUICK_ORDER_MILLIS, Ratio, SIGNALS_VERSION, Signal, SignalRow, Z_BOUND, judge,
};
use hopline_types::{AffiliateId, OfferId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::view::Time;

mod figures;

use figures::{Counted, Figuring};

/// So many of so many.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RatioView {
    #[schema(minimum = 0)]
    numerator: u64,
    #[schema(minimum = 0)]
    denominator: u64,
}

impl From<Ratio> for RatioView {
    fn from(ratio: Ratio) -> Self {
        Self { numerator: ratio.part, denominator: ratio.whole }
    }
}

/// One sign.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignalView {
    /// `click_through_high`: clicks on creatives of impressions. `conversion_low`: conversions of clicks.
    /// `quick_orders`: orders right after their click, of orders with a click. `returning_customers`: orders of
    /// customers known before, of orders that name one. `referrer_missing`: clicks without referrer, of clicks.
    /// `marked_stuffing`: requests that the edge marked, of all requests.
    #[schema(examples("conversion_low"))]
    signal: &'static str,
    #[schema(minimum = 0)]
    numerator: u64,
    #[schema(minimum = 0)]
    denominator: u64,
    /// The same of all other affiliates of the offer.
    norm: RatioView,
    /// The same of this affiliate on the days before the period; with `referrer_missing` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<RatioView>,
    /// Whether it stands out.
    flagged: bool,
    /// What stands out, in words; null where nothing does.
    reason: Option<String>,
}

/// One affiliate on one offer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignalsRow {
    #[schema(minimum = 1)]
    offer_id: i64,
    #[schema(minimum = 1)]
    affiliate_id: i64,
    /// Whether any of its signals stands out.
    flagged: bool,
    signals: Vec<SignalView>,
}

impl SignalsRow {
    fn of(row: &SignalRow) -> Self {
        let view = |signal: Signal| {
            let own = row.input.figures.of(signal);
            let flag = row.flags.iter().find(|flag| flag.signal == signal);
            let before =
                (signal == Signal::ReferrerMissing).then(|| row.input.without_referrer_before.into());
            SignalView {
                signal: signal.as_str(),
                numerator: own.part,
                denominator: own.whole,
                norm: row.norm.of(signal).into(),
                before,
                flagged: flag.is_some(),
                reason: flag.map(|flag| flag.reason.clone()),
            }
        };
        Self {
            offer_id: row.input.offer.get(),
            affiliate_id: row.input.affiliate.get(),
            flagged: !row.flags.is_empty(),
            signals: Signal::ALL.map(view).into(),
        }
    }
}

/// What it takes for a signal to be flagged.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ThresholdView {
    signal: &'static str,
    /// In words.
    threshold: String,
}

/// How the answer was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignalsMeta {
    /// Of the rules and thresholds.
    rules_version: u32,
    from: Time,
    to: Time,
    tz: String,
    /// Since when the clicks under `before` are counted.
    before_from: Time,
    /// Requests below which an affiliate has no row for an offer.
    clicks_min: u64,
    /// Standard errors by which a share must differ from what it is compared with.
    standard_errors: u32,
    /// Milliseconds from click to order below which an order is quick.
    quick_order_ms: i64,
    thresholds: Vec<ThresholdView>,
    /// What came in up to then is counted.
    fresh_until: Option<Time>,
    /// Retention has deleted the raw clicks before: creatives and referrers are counted from then on.
    incomplete_before: Option<Time>,
}

/// Signs of cookie stuffing, by offer and affiliate.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "rows": [{
        "offer_id": 1, "affiliate_id": 7, "flagged": true,
        "signals": [{
            "signal": "conversion_low", "numerator": 1, "denominator": 10000,
            "norm": {"numerator": 200, "denominator": 10000}, "flagged": true,
            "reason": "1 of 10000 (0.0 %), against 200 of 10000 (2.0 %) of the other affiliates"
        }]
    }],
    "meta": {
        "rules_version": 1, "from": "2026-02-01T00:00:00.000Z", "to": "2026-03-01T00:00:00.000Z", "tz": "UTC",
        "before_from": "2026-01-04T00:00:00.000Z", "clicks_min": 200, "standard_errors": 4, "quick_order_ms": 5000,
        "thresholds": [{"signal": "quick_orders", "threshold": "at least 10 % and 3 of at least 10"}],
        "fresh_until": "2026-03-01T10:00:00.000Z", "incomplete_before": null
    }
})))]
pub(crate) struct SignalsAnswer {
    rows: Vec<SignalsRow>,
    meta: SignalsMeta,
}

/// Look for signs of cookie stuffing: each affiliate's figures on an offer beside those of all other affiliates, and
/// what stands out. Signs for a person to look at, never a verdict: nothing is rejected or held by them. See
/// deploy/CLASSIFICATION.md.
#[utoipa::path(get, path = "/v1/reports/signals", tag = "reports",
    params(
        ("from" = Option<String>, Query, description = "A day or a time; today where it is absent", example = "2026-02-01"),
        ("to" = Option<String>, Query, description = "A day, meant whole, or a time", example = "2026-02-28"),
        ("tz" = Option<String>, Query, description = "IANA time zone; UTC where it is absent", example = "Europe/Berlin"),
        ("offer" = Option<i64>, Query, description = "Only of this offer", minimum = 1),
        ("affiliate" = Option<i64>, Query, description = "Only of this affiliate; the norm is of all others either way")
    ),
    responses((status = 200, body = SignalsAnswer), Problems))]
pub(crate) async fn signals(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<SignalsAnswer>, Problem> {
    let offer = query.id::<OfferId>("offer");
    let affiliate = query.id::<AffiliateId>("affiliate");
    let period = super::period(&mut query, &app, &caller);
    query.finish()?;
    let period = period?;
    let (from, to, tz) = (period.from, period.to, period.zone.iana_name().unwrap_or("UTC").to_owned());

    let scope = caller.scope;
    let wanted = OrderPeriod { from, to, quick_below_ms: QUICK_ORDER_MILLIS, offer };
    let database = app.services.database_for(scope);
    let orders = database.read(move |tx| orders(tx, scope, wanted)).await?;
    let figuring = Figuring::new(app.services.click_store.as_ref(), period, offer);
    let Counted { inputs, before_from, fresh_until, raw_from } = figuring.count(&orders).await?;
    let rows = judge(&inputs);
    // Only now: the norm is made of all affiliates.
    let shown = rows.iter().filter(|row| affiliate.is_none_or(|wanted| wanted == row.input.affiliate));
    let threshold = |signal: Signal| ThresholdView { signal: signal.as_str(), threshold: signal.threshold() };
    Ok(Json(SignalsAnswer {
        rows: shown.map(SignalsRow::of).collect(),
        meta: SignalsMeta {
            rules_version: SIGNALS_VERSION,
            from: Time(from),
            to: Time(to),
            tz,
            before_from: Time(before_from),
            clicks_min: CLICKS_MIN,
            standard_errors: Z_BOUND,
            quick_order_ms: QUICK_ORDER_MILLIS,
            thresholds: Signal::ALL.map(threshold).into(),
            fresh_until: fresh_until.map(Time),
            incomplete_before: raw_from.map(Time),
        },
    }))
}
