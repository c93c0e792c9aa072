//! The books over a real store: a story per rule.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod arrival;
mod audit;
mod caps;
mod clicks;
mod closings;
mod conversions;
mod findings;
mod installs;
mod late;
mod paths;
mod payout_files;
mod payouts;
mod periods;
mod random;
mod refunds;
mod results;
mod schedules;
mod sets;
mod several;
mod terms;
mod world;
