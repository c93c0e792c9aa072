//! `/v1/reports/models`: the same conversions under all models, side by side. What the models say is in
//! [`hopline_attribution::models`]; which conversions and paths they are asked about in
//! [`paths`].

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use hopline_attribution::models::{Comparison, Limits, Merged, SHAPLEY_CHANNELS_MAX, side_by_side};
use hopline_control_store::conversions::ConversionFilter;
use hopline_control_store::{DatabaseExt, StoreError};
use hopline_types::{AffiliateId, Model, OfferId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::caller::Caller;
use crate::openapi::Problems;
use crate::problem::Problem;
use crate::query::Query;
use crate::view::Time;

mod paths;

use paths::{CONVERSIONS_MAX, Credited, credited, journeys};

/// Channels that the Markov model tells apart, the merged ones counted as one.
const MARKOV_CHANNELS: usize = 30;

/// Conversions credited by each model: decimals with six places, which add up to the conversions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelShares {
    last_click: String,
    first_click: String,
    last_non_direct: String,
    linear: String,
    position_based: String,
    time_decay: String,
    /// Null where the affiliate is merged with others: see `meta`.
    markov: Option<String>,
    /// Null where the affiliate is merged with others: see `meta`.
    shapley: Option<String>,
}

/// One affiliate under all models.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelsRow {
    #[schema(minimum = 1)]
    affiliate_id: i64,
    /// Conversions on whose path it is.
    #[schema(minimum = 0)]
    paths: u64,
    #[serde(flatten)]
    shares: ModelShares,
}

/// Those whom a model does not tell apart.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MergedView {
    #[schema(minimum = 1)]
    affiliates: usize,
    /// What they are credited with together.
    conversions: String,
}

/// What the Markov model rests on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovalView {
    #[schema(minimum = 1)]
    affiliate_id: i64,
    /// The share of the conversions that the model would lose without it.
    removal_effect: String,
}

/// How the answer was made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModelsMeta {
    from: Time,
    to: Time,
    tz: String,
    /// Conversions under the models: those that happened in the period, name a click, and are pending, approved or paid.
    #[schema(minimum = 0)]
    conversions: u64,
    /// The most that are taken, the newest first.
    #[schema(minimum = 0)]
    conversions_max: usize,
    /// Whether there are more.
    has_more: bool,
    /// Of these, those with no click in their offer's window: no model credits anybody.
    #[schema(minimum = 0)]
    without_touch: u64,
    /// Of these, those whose click the click store does not have: their path is that click alone.
    #[schema(minimum = 0)]
    without_visitor: u64,
    /// Channels that the model tells apart.
    #[schema(minimum = 1)]
    markov_channels_max: usize,
    #[schema(minimum = 1)]
    shapley_channels_max: usize,
    /// Null where all are told apart.
    markov_other: Option<MergedView>,
    shapley_other: Option<MergedView>,
    removal_effects: Vec<RemovalView>,
    /// What this is for.
    note: &'static str,
}

/// The same conversions under all models.
#[derive(Debug, Serialize, ToSchema)]
#[schema(examples(json!({
    "rows": [{
        "affiliate_id": 1, "paths": 3, "last_click": "1.000000", "first_click": "2.000000",
        "last_non_direct": "1.000000", "linear": "1.500000", "position_based": "1.500000", "time_decay": "1.400000",
        "markov": "1.500000", "shapley": "1.500000"
    }],
    "totals": {
        "last_click": "1.000000", "first_click": "2.000000", "last_non_direct": "1.000000", "linear": "1.500000",
        "position_based": "1.500000", "time_decay": "1.400000", "markov": "1.500000", "shapley": "1.500000"
    },
    "meta": {}
})))]
pub(crate) struct ModelsAnswer {
    rows: Vec<ModelsRow>,
    /// All affiliates together, merged ones too.
    totals: ModelShares,
    meta: ModelsMeta,
}

/// A decimal with six places.
fn decimal(value: f64) -> String {
    // What rounds to zero is no negative zero.
    let value = if value.abs() < 5e-7 { 0.0 } else { value };
    format!("{value:.6}")
}

impl ModelShares {
    /// `by_rule` in the order of [`Model::ALL`].
    fn of(by_rule: &[f64], markov: Option<f64>, shapley: Option<f64>) -> Self {
        let of = |model: Model| {
            let place = Model::ALL.iter().position(|known| *known == model);
            decimal(place.and_then(|place| by_rule.get(place)).copied().unwrap_or_default())
        };
        Self {
            last_click: of(Model::LastClick),
            first_click: of(Model::FirstClick),
            last_non_direct: of(Model::LastNonDirect),
            linear: of(Model::Linear),
            position_based: of(Model::PositionBased),
            time_decay: of(Model::TimeDecay),
            markov: markov.map(decimal),
            shapley: shapley.map(decimal),
        }
    }

    fn totals(compared: &Comparison<AffiliateId>) -> Self {
        let credited = &compared.credited;
        let rules: Vec<f64> =
            (0..Model::ALL.len()).map(|place| credited.iter().map(|one| one.by_rule[place]).sum()).collect();
        let merged =
            |merged: &Option<Merged<AffiliateId>>| merged.as_ref().map_or(0.0, |one| one.conversions);
        let markov: f64 = credited.iter().filter_map(|one| one.markov).sum();
        let shapley: f64 = credited.iter().filter_map(|one| one.shapley).sum();
        let (markov, shapley) =
            (markov + merged(&compared.markov_merged), shapley + merged(&compared.shapley_merged));
        Self::of(&rules, Some(markov), Some(shapley))
    }
}

impl MergedView {
    fn of(merged: &Merged<AffiliateId>) -> Self {
        Self { affiliates: merged.affiliates.len(), conversions: decimal(merged.conversions) }
    }
}

/// Put all attribution models side by side on the same conversions: `last_click first_click last_non_direct linear
/// position_based time_decay`, and Markov and Shapley, which are for reports only. For comparison: payment follows each offer's own
/// model and is not touched by this.
#[utoipa::path(get, path = "/v1/reports/models", tag = "reports",
    params(
        ("from" = Option<String>, Query, description = "A day or a time; today where it is absent", example = "2026-02-01"),
        ("to" = Option<String>, Query, description = "A day, meant whole, or a time", example = "2026-02-28"),
        ("tz" = Option<String>, Query, description = "IANA time zone; UTC where it is absent", example = "Europe/Berlin"),
        ("offer" = Option<i64>, Query, description = "Only of this offer", minimum = 1),
        ("advertiser" = Option<i64>, Query, description = "Only of this advertiser", minimum = 1),
        ("goal" = Option<String>, Query, description = "Only of goals with this key", example = "sale")
    ),
    responses((status = 200, body = ModelsAnswer), Problems))]
pub(crate) async fn models(
    State(app): State<Arc<App>>,
    caller: Caller,
    mut query: Query,
) -> Result<Json<ModelsAnswer>, Problem> {
    let (offer, advertiser) = (query.id::<OfferId>("offer"), query.id("advertiser"));
    let goal = query.text("goal");
    let period = super::period(&mut query, &app, &caller);
    query.finish()?;
    let period = period?;
    let (from, to, tz) = (period.from, period.to, period.zone.iana_name().unwrap_or("UTC").to_owned());
    let filter = ConversionFilter {
        offer,
        advertiser,
        goal,
        from: Some(from),
        to: Some(to),
        ..ConversionFilter::default()
    };
    let scope = caller.scope;
    let database = app.services.database_for(scope);
    let found: Result<_, StoreError> = database.read(move |tx| credited(tx, scope, &filter)).await;
    let Credited { conversions, windows, has_more } = found?;
    let count = u64::try_from(conversions.len()).unwrap_or(u64::MAX);
    let (journeys, without_visitor) =
        journeys(&app.services.click_store, conversions, &windows).await.map_err(Problem::from)?;
    let limits = Limits { markov: MARKOV_CHANNELS, shapley: SHAPLEY_CHANNELS_MAX };
    // Thousands of paths and linear systems: not on a thread that serves.
    let compared = tokio::task::spawn_blocking(move || side_by_side(&journeys, limits)).await;
    let compared = compared.map_err(|failure| {
        tracing::error!(%failure, "comparing models failed");
        Problem::internal("the failure has been logged")
    })?;
    let row = |one: &hopline_attribution::models::Credited<AffiliateId>| ModelsRow {
        affiliate_id: one.affiliate.get(),
        paths: one.paths,
        shares: ModelShares::of(&one.by_rule, one.markov, one.shapley),
    };
    let effects = compared.markov_channels.iter().zip(&compared.markov.removal_effects);
    Ok(Json(ModelsAnswer {
        rows: compared.credited.iter().map(row).collect(),
        totals: ModelShares::totals(&compared),
        meta: ModelsMeta {
            from: Time(from),
            to: Time(to),
            tz,
            conversions: count,
            conversions_max: CONVERSIONS_MAX,
            has_more,
            without_touch: compared.without_touch,
            without_visitor,
            markov_channels_max: MARKOV_CHANNELS,
            shapley_channels_max: SHAPLEY_CHANNELS_MAX,
            markov_other: compared.markov_merged.as_ref().map(MergedView::of),
            shapley_other: compared.shapley_merged.as_ref().map(MergedView::of),
            removal_effects: effects
                .map(|(affiliate, effect)| RemovalView {
                    affiliate_id: affiliate.get(),
                    removal_effect: decimal(*effect),
                })
                .collect(),
            note: "for comparison only: payment follows each offer's own model",
        },
    }))
}
