//! Every model over the same conversions.

use std::collections::{BTreeMap, BTreeSet};

use hopline_types::{Model, UnixMillis};

use super::{ChannelPath, Markov, SHAPLEY_CHANNELS_MAX, covered, float, markov, shapley};
use crate::{Conversion, CouponRule, Policy, Touch, TouchKind, attribute};

/// The most channels of the Markov model in a comparison, unless asked otherwise.
const MARKOV_CHANNELS: usize = 30;

/// One conversion and what came before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey<Affiliate> {
    /// When it happened.
    pub at: UnixMillis,
    /// The offer's window.
    pub window_ms: i64,
    /// Valid clicks of the visitor on offers of the advertiser: when, an id that orders those of the same millisecond, whose.
    pub touches: Vec<(UnixMillis, u64, Affiliate)>,
}

/// How many channels the models over all paths tell apart, the merged ones counted as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of the Markov model.
    pub markov: usize,
    /// Of the Shapley value; more than [`SHAPLEY_CHANNELS_MAX`] counts as that.
    pub shapley: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { markov: MARKOV_CHANNELS, shapley: SHAPLEY_CHANNELS_MAX }
    }
}

/// Conversions credited to one affiliate, model by model.
#[derive(Debug, Clone, PartialEq)]
pub struct Credited<Affiliate> {
    /// Who.
    pub affiliate: Affiliate,
    /// On how many paths it is.
    pub paths: u64,
    /// By rule model, in the order of [`Model::ALL`].
    pub by_rule: Vec<f64>,
    /// None where it is merged with others.
    pub markov: Option<f64>,
    /// None where it is merged with others.
    pub shapley: Option<f64>,
}

/// What those got together that a model does not tell apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged<Affiliate> {
    /// Who.
    pub affiliates: Vec<Affiliate>,
    /// Their conversions.
    pub conversions: f64,
}

/// All models side by side.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison<Affiliate> {
    /// Journeys with a touch in their window: what is credited adds up to them.
    pub conversions: u64,
    /// Journeys without one: no model credits anybody.
    pub without_touch: u64,
    /// By affiliate.
    pub credited: Vec<Credited<Affiliate>>,
    /// The probability of a conversion and removal effects, by the channels of the Markov model: affiliates, then the merged ones.
    pub markov: Markov,
    /// Whom the Markov model does not tell apart.
    pub markov_merged: Option<Merged<Affiliate>>,
    /// Whom the Shapley value does not tell apart.
    pub shapley_merged: Option<Merged<Affiliate>>,
    /// The affiliates that the Markov model tells apart, in the order of its channels.
    pub markov_channels: Vec<Affiliate>,
}

/// Credits the conversions by every model.
#[must_use]
pub fn side_by_side<Affiliate: Ord + Clone>(
    journeys: &[Journey<Affiliate>],
    limits: Limits,
) -> Comparison<Affiliate> {
    let mut rules: BTreeMap<Affiliate, Vec<f64>> = BTreeMap::new();
    let mut paths: BTreeMap<Vec<Affiliate>, u64> = BTreeMap::new();
    let mut without_touch = 0;
    for journey in journeys {
        let path = path(journey);
        if path.is_empty() {
            without_touch += 1;
            continue;
        }
        *paths.entry(path).or_default() += 1;
        by_rule(journey, &mut rules);
    }
    let mut counts: BTreeMap<&Affiliate, u64> = BTreeMap::new();
    for (path, conversions) in &paths {
        for affiliate in path.iter().collect::<BTreeSet<_>>() {
            *counts.entry(affiliate).or_default() += conversions;
        }
    }
    // The most touched first; ties by affiliate.
    let mut ranked: Vec<(&Affiliate, u64)> =
        counts.iter().map(|(affiliate, paths)| (*affiliate, *paths)).collect();
    ranked.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
    let ranked: Vec<&Affiliate> = ranked.into_iter().map(|(affiliate, _)| affiliate).collect();

    let channels = Channels::of(&ranked, limits.markov);
    let walked = markov(channels.count(), &channels.paths(&paths));
    let coalition = Channels::of(&ranked, limits.shapley.min(SHAPLEY_CHANNELS_MAX));
    let played = coalition.paths(&paths);
    let values = shapley(coalition.count(), |members| covered(&played, members)).unwrap_or_default();

    let credited = counts
        .iter()
        .map(|(affiliate, paths)| Credited {
            affiliate: (*affiliate).clone(),
            paths: *paths,
            by_rule: rules.get(affiliate).cloned().unwrap_or_else(|| vec![0.0; Model::ALL.len()]),
            markov: channels.own(affiliate, &walked.conversions),
            shapley: coalition.own(affiliate, &values),
        })
        .collect();
    Comparison {
        conversions: paths.values().sum(),
        without_touch,
        credited,
        markov_merged: channels.merged(&walked.conversions),
        shapley_merged: coalition.merged(&values),
        markov_channels: channels.apart.iter().map(|affiliate| (*affiliate).clone()).collect(),
        markov: walked,
    }
}

/// The affiliates of the touches that count, in order of time.
fn path<Affiliate: Clone>(journey: &Journey<Affiliate>) -> Vec<Affiliate> {
    let age = |at: UnixMillis| journey.at.since(at);
    let counts = |(at, ..): &&(UnixMillis, u64, Affiliate)| (0..=journey.window_ms).contains(&age(*at));
    let mut touches: Vec<&(UnixMillis, u64, Affiliate)> = journey.touches.iter().filter(counts).collect();
    touches.sort_by_key(|(at, id, _)| (*at, *id));
    touches.into_iter().map(|(.., affiliate)| affiliate.clone()).collect()
}

fn by_rule<Affiliate: Ord + Clone>(
    journey: &Journey<Affiliate>,
    credited: &mut BTreeMap<Affiliate, Vec<f64>>,
) {
    let touch = |(at, id, affiliate): &(UnixMillis, u64, Affiliate)| Touch {
        id: *id,
        affiliate: Some(affiliate.clone()),
        at: *at,
        kind: TouchKind::Click,
        invalid: None,
    };
    let touches: Vec<Touch<u64, Affiliate>> = journey.touches.iter().map(touch).collect();
    let conversion = Conversion::at(journey.at);
    for (place, model) in Model::ALL.iter().enumerate() {
        let policy = Policy { coupon: CouponRule::Ignored, ..Policy::new(*model, journey.window_ms) };
        let decision = attribute(&policy, &conversion, &touches);
        let total: f64 = decision.credits.iter().map(|credit| float(credit.weight)).sum();
        for credit in &decision.credits {
            let shares =
                credited.entry(credit.affiliate.clone()).or_insert_with(|| vec![0.0; Model::ALL.len()]);
            shares[place] += float(credit.weight) / total;
        }
    }
}

/// Which affiliates are told apart; the others are the last channel together.
struct Channels<'a, Affiliate> {
    apart: Vec<&'a Affiliate>,
    merged: Vec<&'a Affiliate>,
}

impl<'a, Affiliate: Ord + Clone> Channels<'a, Affiliate> {
    fn of(ranked: &[&'a Affiliate], most: usize) -> Self {
        let apart = if ranked.len() <= most { ranked.len() } else { most.saturating_sub(1) };
        let (apart, merged) = ranked.split_at(apart);
        Self { apart: apart.to_vec(), merged: merged.to_vec() }
    }

    fn count(&self) -> usize {
        self.apart.len() + usize::from(!self.merged.is_empty())
    }

    fn paths(&self, paths: &BTreeMap<Vec<Affiliate>, u64>) -> Vec<ChannelPath> {
        let numbers: BTreeMap<&Affiliate, usize> = self.apart.iter().copied().zip(0..).collect();
        let number = |affiliate: &Affiliate| numbers.get(affiliate).copied().unwrap_or(self.apart.len());
        let path = |(path, conversions): (&Vec<Affiliate>, &u64)| ChannelPath {
            channels: path.iter().map(number).collect(),
            conversions: *conversions,
            others: 0,
        };
        paths.iter().map(path).collect()
    }

    fn own(&self, affiliate: &Affiliate, values: &[f64]) -> Option<f64> {
        let place = self.apart.iter().position(|own| *own == affiliate)?;
        values.get(place).copied()
    }

    fn merged(&self, values: &[f64]) -> Option<Merged<Affiliate>> {
        let conversions = *values.get(self.apart.len()).filter(|_| !self.merged.is_empty())?;
        Some(Merged {
            affiliates: self.merged.iter().map(|affiliate| (*affiliate).clone()).collect(),
            conversions,
        })
    }
}
