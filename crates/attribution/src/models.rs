//! All models side by side over the same conversions: for reports only.
//!
//! The rule models ([`crate::attribute`]) look at one conversion at a time. Two further models look at all paths at once:
//!
//! - **Markov** ([`markov()`]): a visitor walks from touch to touch, first order; equal neighbours are one. The removal effect of a
//!   channel is the share of the conversions that would be lost without it, 1 - P(without) / P; credits are proportional to it.
//!   Solved exactly as a linear system, not by simulation.
//! - **Shapley** ([`shapley()`]): what a channel adds to a coalition, averaged over all orders in which coalitions form; 2^n coalitions,
//!   at most [`SHAPLEY_CHANNELS_MAX`] channels. The value of a coalition is the number of conversions whose path it covers.
//!
//! Neither is ever a basis of payment: changing one path changes others' money. This is the one place of the crate in which there
//! are floats; what leaves is rounded by whoever shows it.
//!
//! # Limits
//!
//! Both models work on few channels: those with the most conversions on whose path they are, the rest merged as one
//! ([`Merged`]). Only paths that end in a conversion are known to a report, so a path without one is in neither model; [`markov()`] takes
//! them where there are any. Sources: MAM, CHATT, A-11.

mod compare;
mod markov;
mod paths;
mod shapley;

pub use compare::{Comparison, Credited, Journey, Limits, Merged, side_by_side};
pub use markov::{Markov, markov};
pub use paths::ChannelPath;
pub use shapley::{SHAPLEY_CHANNELS_MAX, TooManyChannels, covered, shapley};

/// A count as a float; exact up to 2^53.
fn float(count: u64) -> f64 {
    let half = |bits: u64| f64::from(u32::try_from(bits & 0xffff_ffff).unwrap_or_default());
    half(count >> 32) * 4_294_967_296.0 + half(count)
}
