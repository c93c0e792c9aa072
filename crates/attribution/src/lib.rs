//! Who is credited for a conversion, and why: a pure function.
//!
//! [`attribute`] takes a conversion, the touches that came before it and a [`Policy`], and gives back a [`Decision`]:
//! who is credited with which weight, what became of every touch, and the reason in words. Equal inputs give equal
//! outputs on every platform: weights are integers, there is no float.
//!
//! # Order of decision
//!
//! 1. Touches that cannot count are put aside: later than the conversion, invalid, the buyer's own, or older than
//!    their window (an age equal to the window is inside; views have their own window).
//! 2. Lifetime: a customer who is bound to an affiliate stays with it.
//! 3. Coupon: its owner gets everything, before any click or only without one, as the policy says.
//! 4. The model shares the credit among the clicks; among the views only where no click is left.
//!
//! Touches are ordered by time, then by id. The caller passes only touches of the conversion's advertiser.
//!
//! # Models
//!
//! | model | weights |
//! |---|---|
//! | `last_click`, `first_click` | all to the last, the first |
//! | `last_non_direct` | all to the last that is not direct |
//! | `linear` | the same to each |
//! | `position_based` | 0.4 first, 0.4 last, 0.2 shared by those between; two touches 1/2 each |
//! | `time_decay` | 2^(-age / half-life), continuous |
//!
//! A direct visit takes its place and its share like any other touch, but nobody is paid for it: that share stays
//! with the advertiser ([`Decision::nobody`]). Programmes that do not want this do not record direct visits, or use
//! `last_non_direct`.
//!
//! Money is split by the weights with [`hopline_money::split`]: largest remainder, ties to the earlier touch, parts
//! add up ([`Decision::split`]).
//!
//! [`models`] puts all of them and two more side by side, for reports only.
//!
//! [`dry_run`] is the same for people: JSON in, JSON out, no store touched.

mod decay;
mod decide;
mod decision;
mod dry_run;
mod input;
pub mod models;
mod reason;
mod weights;

pub use decide::attribute;
pub use decision::{Considered, Credit, Decision, Outcome, Rule, Source};
pub use dry_run::{
    DryRunConsidered, DryRunCredit, DryRunInput, DryRunOutput, FieldError, TOUCHES_MAX, dry_run,
};
pub use input::{
    Conversion, CouponRule, HALF_LIFE_MS, Policy, SelfReferral, Touch, TouchKind, VIEW_WINDOW_MS,
};
