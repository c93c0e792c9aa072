//! The Shapley value.

use super::{ChannelPath, float};

/// The most channels: there are 2^n coalitions.
pub const SHAPLEY_CHANNELS_MAX: usize = 10;

/// More channels than coalitions can be formed of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{given} channels were given, at most {SHAPLEY_CHANNELS_MAX} are accepted")]
pub struct TooManyChannels {
    /// How many.
    pub given: usize,
}

/// What each of so many channels adds to the value of coalitions on average. A coalition is a set of bits, channel 0 the lowest;
/// the empty one is worth nothing.
///
/// # Errors
/// More than [`SHAPLEY_CHANNELS_MAX`] channels.
pub fn shapley(channels: usize, value: impl Fn(u32) -> f64) -> Result<Vec<f64>, TooManyChannels> {
    if channels > SHAPLEY_CHANNELS_MAX {
        return Err(TooManyChannels { given: channels });
    }
    let factorials: Vec<f64> = (0..=channels)
        .scan(1.0, |product, number| {
            if number > 0 {
                *product *= float(u64::try_from(number).unwrap_or_default());
            }
            Some(*product)
        })
        .collect();
    let coalitions = 1_u32 << channels;
    let values: Vec<f64> =
        (0..coalitions).map(|coalition| if coalition == 0 { 0.0 } else { value(coalition) }).collect();
    let at = |coalition: u32| values[usize::try_from(coalition).expect("a coalition has at most ten bits")];
    let share = |channel: usize| {
        let own = 1_u32 << channel;
        let without = (0..coalitions).filter(|coalition| coalition & own == 0);
        without
            .map(|coalition| {
                let size = usize::try_from(coalition.count_ones()).unwrap_or_default();
                let orders = factorials[size] * factorials[channels - size - 1] / factorials[channels];
                orders * (at(coalition | own) - at(coalition))
            })
            .sum()
    };
    Ok((0..channels).map(share).collect())
}

/// The conversions on whose path there is no channel but those of a coalition.
#[must_use]
pub fn covered(paths: &[ChannelPath], coalition: u32) -> f64 {
    let is_in =
        |channel: &usize| u32::try_from(*channel).is_ok_and(|bit| bit < 32 && coalition >> bit & 1 == 1);
    let inside = paths.iter().filter(|path| path.channels.iter().all(is_in));
    float(inside.fold(0, |sum, path| sum.saturating_add(path.conversions)))
}
