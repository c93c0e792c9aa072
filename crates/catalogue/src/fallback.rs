//! Chains of fallback offers: an offer whose visitors are not wanted hands them to another, and that perhaps to a third.

use std::collections::{BTreeMap, BTreeSet};

use hopline_types::OfferId;

/// Offers in a chain, the first one counted.
pub const CHAIN_MAX: usize = 8;

/// A chain that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It comes back to where it has been.
    #[error("fallback offers go round in a circle: {}", arrows(.chain))]
    Loop {
        /// The circle, from its smallest id back to it.
        chain: Vec<OfferId>,
    },
    /// It has more than [`CHAIN_MAX`] offers.
    #[error("a chain of fallback offers has {} offers, at most {CHAIN_MAX} are accepted: {}", .chain.len(), arrows(.chain))]
    TooLong {
        /// All of it, from the offer that is nobody's fallback.
        chain: Vec<OfferId>,
    },
}

fn arrows(chain: &[OfferId]) -> String {
    chain.iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ")
}

/// Checks the chains that these steps (offer, its fallback offer) make; each offer has one step at most, of several
/// the last counts.
///
/// # Errors
/// The first circle, else the first chain that is too long, by the ids.
pub fn check_chain(steps: impl IntoIterator<Item = (OfferId, OfferId)>) -> Result<(), ChainError> {
    chain_errors(steps).into_iter().next().map_or(Ok(()), Err)
}

/// Every circle, then every chain that is too long, once.
pub(crate) fn chain_errors(steps: impl IntoIterator<Item = (OfferId, OfferId)>) -> Vec<ChainError> {
    let next: BTreeMap<OfferId, OfferId> = steps.into_iter().collect();
    let mut errors = Vec::new();
    let mut seen = BTreeSet::new();
    let mut circular = BTreeSet::new();
    for start in next.keys() {
        let mut path = Vec::new();
        let mut at = Some(*start);
        while let Some(offer) = at.filter(|offer| seen.insert(*offer)) {
            path.push(offer);
            at = next.get(&offer).copied();
        }
        // Met again on this very path: a circle; on an earlier path: that was looked at then.
        if let Some(entry) = at.and_then(|met| path.iter().position(|offer| *offer == met)) {
            let circle = path.split_off(entry);
            errors.push(ChainError::Loop { chain: from_smallest(&circle) });
            circular.extend(circle);
        }
    }
    let followers: BTreeSet<OfferId> = next.values().copied().collect();
    for start in next.keys().filter(|offer| !followers.contains(offer)) {
        let chain: Vec<OfferId> = std::iter::successors(Some(*start), |offer| next.get(offer).copied())
            .take_while(|offer| !circular.contains(offer))
            .collect();
        let into_circle = chain.last().and_then(|last| next.get(last)).is_some();
        if chain.len() > CHAIN_MAX && !into_circle {
            errors.push(ChainError::TooLong { chain });
        }
    }
    errors
}

/// The circle written from its smallest id on, closed.
fn from_smallest(circle: &[OfferId]) -> Vec<OfferId> {
    let start = circle.iter().enumerate().min_by_key(|(_, offer)| **offer).map_or(0, |(place, _)| place);
    circle.iter().cycle().skip(start).take(circle.len() + 1).copied().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps(pairs: &[(i64, i64)]) -> Vec<(OfferId, OfferId)> {
        pairs.iter().map(|(from, to)| (offer(*from), offer(*to))).collect()
    }

    fn offer(id: i64) -> OfferId {
        OfferId::new(id).unwrap()
    }

    fn said(pairs: &[(i64, i64)]) -> Vec<String> {
        chain_errors(steps(pairs)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn chains_of_up_to_eight_offers_are_accepted() {
        let seven: Vec<_> = (1..8).map(|id| (id, id + 1)).collect();
        assert_eq!(check_chain(steps(&seven)), Ok(()));
        assert_eq!(check_chain(steps(&[(1, 3), (2, 3), (3, 4)])), Ok(()), "two may share a fallback");
        assert_eq!(check_chain([]), Ok(()));
        let eight: Vec<_> = (1..9).map(|id| (id, id + 1)).collect();
        assert_eq!(
            said(&eight),
            [
                "a chain of fallback offers has 9 offers, at most 8 are accepted: 1 > 2 > 3 > 4 > 5 > 6 > 7 > 8 > 9"
            ]
        );
    }

    #[test]
    fn every_circle_is_named_once_with_all_its_offers() {
        assert_eq!(
            said(&[(5, 3), (3, 4), (4, 5), (9, 9), (1, 4), (2, 1)]),
            [
                "fallback offers go round in a circle: 3 > 4 > 5 > 3",
                "fallback offers go round in a circle: 9 > 9"
            ]
        );
    }

    proptest! {
        #[test]
        fn a_walk_along_accepted_chains_ends_within_eight_offers(
            pairs in proptest::collection::vec((1_i64..30, 1_i64..30), 0..30),
        ) {
            let next: BTreeMap<_, _> = steps(&pairs).into_iter().collect();
            let longest = next.keys().map(|start| {
                std::iter::successors(Some(*start), |at| next.get(at).copied()).take(40).count()
            }).max().unwrap_or(1);
            prop_assert_eq!(check_chain(steps(&pairs)).is_ok(), longest <= CHAIN_MAX);
        }
    }
}
