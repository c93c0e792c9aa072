//! The models: how much each touch weighs.

use hopline_types::Model;

use crate::decay::halvings;

/// A touch that takes part, in order of time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part {
    pub(crate) age_ms: i64,
    pub(crate) is_direct: bool,
}

/// The weights of `parts`, oldest first. They are shares of their sum; all zero only where nobody is credited.
pub(crate) fn weights(model: Model, parts: &[Part], half_life_ms: i64) -> Vec<u64> {
    let only = |winner: Option<usize>| (0..parts.len()).map(|at| u64::from(Some(at) == winner)).collect();
    match model {
        Model::LastClick => only(parts.len().checked_sub(1)),
        Model::FirstClick => only(Some(0)),
        Model::LastNonDirect => only(parts.iter().rposition(|part| !part.is_direct)),
        Model::Linear => vec![1; parts.len()],
        Model::PositionBased => position_based(parts.len()),
        Model::TimeDecay => time_decay(parts, half_life_ms),
    }
}

/// 0.4, 0.2/(n-2) each, 0.4: times 5(n-2) these are whole numbers.
fn position_based(touches: usize) -> Vec<u64> {
    let Some(between @ 1..) = touches.checked_sub(2) else {
        return vec![1; touches];
    };
    let end = 2 * u64::try_from(between).expect("a number of touches fits into 64 bits");
    let mut weights = vec![1; touches];
    weights[0] = end;
    weights[touches - 1] = end;
    weights
}

/// Ages are counted from the youngest touch, which changes no share and keeps the weights large.
fn time_decay(parts: &[Part], half_life_ms: i64) -> Vec<u64> {
    let youngest = parts.iter().map(|part| part.age_ms).min().unwrap_or(0);
    let half_life_ms = u64::try_from(half_life_ms).unwrap_or(1);
    parts.iter().map(|part| halvings(part.age_ms.abs_diff(youngest), half_life_ms)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    //
    #[test]
    fn position_based_weights_are_whole_numbers_in_the_ratio_of_the_rule() {
        assert_eq!(position_based(0), [0; 0]);
        assert_eq!(position_based(1), [1]);
        assert_eq!(position_based(2), [1, 1]);
        assert_eq!(position_based(3), [2, 1, 2]);
        assert_eq!(position_based(6), [8, 1, 1, 1, 1, 8]);
    }

    #[test]
    fn no_touch_has_no_weight_in_any_model() {
        for model in Model::ALL {
            assert_eq!(weights(*model, &[], 1), [0; 0]);
        }
    }
}
