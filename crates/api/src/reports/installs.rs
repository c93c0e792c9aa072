//! `/v1/reports/installs`: how soon installs follow their clicks (C-15). What is flagged and when is in [`hopline_report`].

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_control_store::DatabaseExt;
use hopline_control_store::installs::timing::{self, TimingPeriod};
use hopline_report::{
    INSTALLS_MIN, ReportQuery, SPAN_SECONDS, SPANS, Shares, TIMING_VERSION, TimingInput, TimingRow,
    judge_timing,
};
use hopline_types::{AffiliateId, OfferId};
use serde::Serialize;
use utoipa::ToSchema;

use super::signals::RatioView;
use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::view::Time;

/// Installs of one span of time after the click.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SpanView {
    /// Where it begins, in seconds after the click.
    #[schema(minimum = 0)]
    from_seconds: u32,
    /// Where it ends; null for the last.
    to_seconds: Option<u32>,
    #[schema(minimum = 0)]
    installs: u64,
}

/// Shares of installs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SharesView {
    within_10_seconds: RatioView,
    /// As a rule of thumb 75 %.
    within_1_hour: RatioView,
    /// As a rule of thumb 94 %.
    within_24_hours: RatioView,
    /// In hours 2 to 24, of those within a day.
    hours_2_to_24: RatioView,
}

impl From<Shares> for SharesView {
    fn from(shares: Shares) -> Self {
        Self {
            within_10_seconds: shares.within_ten_seconds.into(),
            within_1_hour: shares.within_hour.into(),
            within_24_hours: shares.within_day.into(),
            hours_2_to_24: shares.later_that_day.into(),
        }
    }
}

/// What stands out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TimingFlagView {
    /// `injection` or `flooding`.
    sign: &'static str,
    reason: String,
}

/// One affiliate on one offer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstallTimingRow {
    #[schema(minimum = 1)]
    offer_id: i64,
    #[schema(minimum = 1)]
    affiliate_id: i64,
    #[schema(minimum = 0)]
    installs: u64,
    shares: SharesView,
    /// The same of all other affiliates of the offer.
    norm: SharesView,
    /// Spans with installs.
    spans: Vec<SpanView>,
    flags: Vec<TimingFlagView>,
}

impl InstallTimingRow {
    fn of(row: &TimingRow) -> Self {
        let span = |(place, installs): (usize, u64)| SpanView {
            from_seconds: SPAN_SECONDS[place],
            to_seconds: SPAN_SECONDS.get(place + 1).copied(),
            installs,
        };
        let spans = row.input.spans.into_iter().enumerate().filter(|(_, installs)| *installs > 0);
        let flags = row.flags.iter();
        Self {
            offer_id: row.input.offer.get(),
            affiliate_id: row.input.affiliate.get(),
            installs: row.own.within_day.whole,
            shares: row.own.into(),
            norm: row.norm.into(),
            spans: spans.map(span).collect(),
            flags: flags
                .map(|flag| TimingFlagView { sign: flag.sign.as_str(), reason: flag.reason.clone() })
                .collect(),
        }
    }
}

/// How the answer was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstallTimingMeta {
    /// Of the rules and thresholds.
    rules_version: u32,
    from: Time,
    to: Time,
    tz: String,
    /// Installs below which nothing is flagged and nothing is compared with.
    installs_min: u64,
}

/// How soon installs follow their clicks, by offer and affiliate.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InstallTimingAnswer {
    rows: Vec<InstallTimingRow>,
    meta: InstallTimingMeta,
}

/// Look how soon installs follow their clicks: right before the install a click was perhaps injected, evenly over the day clicks
/// were perhaps flooded. Signs for a person to look at, never a verdict: no install is rejected by them. Apple's postbacks
/// name no click and are not among them. See deploy/INSTALLS.md.
#[utoipa::path(get, path = "/v1/reports/installs", tag = "reports",
    params(
        ("from" = Option<String>, Query, description = "A day or a time; today where it is absent", example = "2026-02-01"),
        ("to" = Option<String>, Query, description = "A day, meant whole, or a time", example = "2026-02-28"),
        ("tz" = Option<String>, Query, description = "IANA time zone; UTC where it is absent", example = "Europe/Berlin"),
        ("offer" = Option<i64>, Query, description = "Only of this offer", minimum = 1),
        ("affiliate" = Option<i64>, Query, description = "Only of this affiliate; the norm is of all others either way")
    ),
    responses((status = 200, body = InstallTimingAnswer), Problems))]
pub(crate) async fn installs(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<InstallTimingAnswer>, Problem> {
    let offer = query.id::<OfferId>("offer");
    let affiliate = query.id::<AffiliateId>("affiliate");
    let period = super::period(&mut query, &app, &caller);
    query.finish()?;
    let period: ReportQuery = period?;
    let (from, to, tz) = (period.from, period.to, period.zone.iana_name().unwrap_or("UTC").to_owned());

    let scope = caller.scope;
    let wanted = TimingPeriod { from, to, offer };
    let database = app.services.database_for(scope);
    let counts = database.read(move |tx| timing::counts(tx, scope, wanted)).await;
    let mut inputs = BTreeMap::new();
    for count in counts.map_err(Problem::from)? {
        let spans = inputs.entry((count.offer, count.affiliate)).or_insert([0; SPANS]);
        if let Some(span) = spans.get_mut(usize::from(count.span)) {
            *span = count.installs;
        }
    }
    let inputs: Vec<TimingInput> = inputs
        .into_iter()
        .map(|((offer, affiliate), spans)| TimingInput { offer, affiliate, spans })
        .collect();
    let rows = judge_timing(&inputs);
    // Only now: the norm is made of all affiliates.
    let shown = rows.iter().filter(|row| affiliate.is_none_or(|wanted| wanted == row.input.affiliate));
    Ok(Json(InstallTimingAnswer {
        rows: shown.map(InstallTimingRow::of).collect(),
        meta: InstallTimingMeta {
            rules_version: TIMING_VERSION,
            from: Time(from),
            to: Time(to),
            tz,
            installs_min: INSTALLS_MIN,
        },
    }))
}
