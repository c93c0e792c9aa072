//! Markov, Shapley and the comparison of all models, against independent implementations and what must hold of any paths.
#![allow(clippy::unwrap_used, reason = "a test that cannot prepare its case fails")]

use std::collections::BTreeMap;

use hopline_attribution::models::{
    ChannelPath, Journey, Limits, SHAPLEY_CHANNELS_MAX, covered, markov, shapley, side_by_side,
};
use hopline_types::{Model, UnixMillis};
use proptest::prelude::*;
use serde_json::Value;

fn fixture() -> Value {
    serde_json::from_str(include_str!("fixtures/models.json")).unwrap()
}

fn close(one: f64, other: f64, name: &str) {
    assert!((one - other).abs() < 1e-9, "{name}: {one} is not {other}");
}

/// Names by number, and paths in numbers.
fn paths(group: &Value) -> (Vec<String>, Vec<ChannelPath>) {
    let mut names: Vec<String> = Vec::new();
    let mut number = |name: &str| {
        names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
    };
    let path = |path: &Value| ChannelPath {
        channels: path["path"]
            .as_array()
            .unwrap()
            .iter()
            .map(|name| number(name.as_str().unwrap()))
            .collect(),
        conversions: path["conversions"].as_u64().unwrap(),
        others: path["no_conversion"].as_u64().unwrap(),
    };
    let paths = group["paths"].as_array().unwrap().iter().map(path).collect();
    (names, paths)
}

//
#[test]
fn a_11_markov_agrees_with_an_exact_independent_solution() {
    let fixture = fixture();
    let groups = fixture["grouped"].as_array().unwrap();
    assert!(groups.len() >= 4);
    for group in groups {
        let (names, paths) = paths(group);
        let expected = &group["markov_first_order"];
        let result = markov(names.len(), &paths);
        let probability = expected["conversion_probability"].as_f64().unwrap();
        close(result.conversion_probability, probability, "probability");
        for (place, name) in names.iter().enumerate() {
            close(result.removal_effects[place], expected["removal_effect"][name].as_f64().unwrap(), name);
            // Printed with nine places there.
            let credited = expected["conversions"][name].as_f64().unwrap();
            assert!(
                (result.conversions[place] - credited).abs() < 1e-8,
                "{name}: {}",
                result.conversions[place]
            );
        }
    }
}

//
#[test]
fn a_11_shapley_values_are_those_of_the_games() {
    let fixture = fixture();
    let games = fixture["shapley_games"].as_array().unwrap();
    assert!(games.len() >= 4);
    for game in games {
        let names: Vec<&String> = game["shapley"].as_object().unwrap().keys().collect();
        let bit = |name: &Value| {
            1_u32 << names.iter().position(|known| **known == *name.as_str().unwrap()).unwrap()
        };
        let values: BTreeMap<u32, f64> = game["coalition_value"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                let members = one["channels"].as_array().unwrap().iter().map(bit).sum();
                (members, one["value"].as_f64().unwrap())
            })
            .collect();
        let result = shapley(names.len(), |coalition| values[&coalition]).unwrap();
        for (value, name) in result.iter().zip(&names) {
            close(*value, game["shapley"][*name]["decimal"].as_f64().unwrap(), name);
        }
    }
    let refused = shapley(SHAPLEY_CHANNELS_MAX + 1, |_| 0.0).unwrap_err();
    assert_eq!(refused.to_string(), "11 channels were given, at most 10 are accepted");
}

//
#[test]
fn a_11_rule_models_agree_with_the_grouped_paths() {
    for group in fixture()["grouped"].as_array().unwrap() {
        let mut journeys = Vec::new();
        for path in group["paths"].as_array().unwrap() {
            let channels = path["path"].as_array().unwrap();
            let touches =
                (1..).zip(channels).map(|(at, name)| (UnixMillis(at), 0, name.as_str().unwrap().to_owned()));
            let touches: Vec<_> = touches.collect();
            for _ in 0..path["conversions"].as_u64().unwrap() {
                journeys.push(Journey { at: UnixMillis(1_000), window_ms: 10_000, touches: touches.clone() });
            }
        }
        let compared = side_by_side(&journeys, Limits::default());
        let expected = &group["expect_conversions_per_channel"];
        for credited in &compared.credited {
            for (model, value) in expected[&credited.affiliate].as_object().unwrap() {
                let model: Model = model.parse().unwrap();
                let place = Model::ALL.iter().position(|known| *known == model).unwrap();
                close(credited.by_rule[place], value.as_f64().unwrap(), &credited.affiliate);
            }
        }
    }
}

#[test]
fn paths_that_say_nothing_give_nothing() {
    assert_eq!(markov(0, &[]).conversion_probability, 0.0);
    let empty = markov(2, &[ChannelPath { channels: vec![], conversions: 5, others: 1 }]);
    assert_eq!((empty.conversions, empty.removal_effects), (vec![0.0, 0.0], vec![0.0, 0.0]));
    let lost = markov(2, &[ChannelPath { channels: vec![0, 7], conversions: 0, others: 9 }]);
    assert_eq!(lost.conversions, [0.0, 0.0]);
    assert_eq!(shapley(0, |_| 1.0).unwrap(), [0.0; 0]);
    let none = side_by_side::<u8>(&[], Limits::default());
    assert_eq!((none.conversions, none.credited.len()), (0, 0));
}

#[test]
fn those_beyond_the_limit_are_one_channel_together() {
    let journey = |affiliate: u32| Journey {
        at: UnixMillis(10),
        window_ms: 10,
        touches: vec![(UnixMillis(1), 1, 0), (UnixMillis(2), 2, affiliate)],
    };
    let journeys: Vec<_> = (1..=30).map(journey).collect();
    let compared = side_by_side(&journeys, Limits { markov: 5, shapley: 3 });
    let merged = compared.markov_merged.unwrap();
    assert_eq!(merged.affiliates.len(), 31 - 4);
    assert_eq!(compared.shapley_merged.unwrap().affiliates.len(), 31 - 2);
    let apart: f64 = compared.credited.iter().filter_map(|credited| credited.markov).sum();
    close(apart + merged.conversions, 30.0, "markov");
    assert_eq!(compared.credited[0].paths, 30);
    assert!(compared.credited[30].markov.is_none() && compared.credited[1].markov.is_some());
}

#[test]
fn touches_outside_the_window_are_on_no_path() {
    let journey =
        |at: i64| Journey { at: UnixMillis(100), window_ms: 50, touches: vec![(UnixMillis(at), 1, 'a')] };
    let compared = side_by_side(&[journey(49), journey(50), journey(100), journey(101)], Limits::default());
    assert_eq!((compared.conversions, compared.without_touch), (2, 2));
}

fn journeys() -> impl Strategy<Value = Vec<Journey<u8>>> {
    let touch =
        (0_i64..200, any::<u64>(), 0_u8..14).prop_map(|(at, id, affiliate)| (UnixMillis(at), id, affiliate));
    let journey = proptest::collection::vec(touch, 0..7).prop_map(|touches| Journey {
        at: UnixMillis(190),
        window_ms: 150,
        touches,
    });
    proptest::collection::vec(journey, 0..25)
}

proptest! {
    //
    #[test]
    fn a_11_every_model_hands_out_exactly_the_conversions(journeys in journeys(), limit in 1_usize..20) {
        let compared = side_by_side(&journeys, Limits { markov: limit, shapley: limit });
        let all = f64::from(u32::try_from(compared.conversions).unwrap());
        for place in 0..Model::ALL.len() {
            let sum: f64 = compared.credited.iter().map(|credited| credited.by_rule[place]).sum();
            prop_assert!((sum - all).abs() < 1e-9, "{:?}: {sum} of {all}", Model::ALL[place]);
        }
        let merged = |merged: &Option<hopline_attribution::models::Merged<u8>>| merged.as_ref().map_or(0.0, |one| one.conversions);
        let markov: f64 = compared.credited.iter().filter_map(|credited| credited.markov).sum();
        let shapley: f64 = compared.credited.iter().filter_map(|credited| credited.shapley).sum();
        prop_assert!((markov + merged(&compared.markov_merged) - all).abs() < 1e-9);
        prop_assert!((shapley + merged(&compared.shapley_merged) - all).abs() < 1e-9);
    }

    #[test]
    fn a_removal_effect_is_a_share(paths in proptest::collection::vec(
        (proptest::collection::vec(0_usize..6, 1..8), 0_u64..50, 0_u64..50), 1..12)) {
        let paths: Vec<ChannelPath> = paths.into_iter()
            .map(|(channels, conversions, others)| ChannelPath { channels, conversions, others }).collect();
        let result = markov(6, &paths);
        prop_assert!((-1e-9..=1.0 + 1e-9).contains(&result.conversion_probability));
        for effect in &result.removal_effects {
            prop_assert!((-1e-9..=1.0 + 1e-9).contains(effect), "{effect}");
        }
        let everybody = covered(&paths, 0b11_1111);
        let all: u64 = paths.iter().map(|path| path.conversions).sum();
        prop_assert_eq!(everybody, f64::from(u32::try_from(all).unwrap()));
    }
}
