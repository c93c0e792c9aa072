//! What a conversion earns: commission terms and their arithmetic.
//!
//! A goal's terms say its kind and two prices: `revenue`, what the advertiser pays, and `payout`, what the affiliate
//! gets. All here is values and pure functions; which terms are in force when is decided by the caller.
//!
//! | kind | price | earns |
//! |---|---|---|
//! | `pps` | percent and/or fixed | percent of the order's amount, plus the fixed amount |
//! | `ppl`, `ppi` | fixed | the fixed amount per lead or install |
//! | `ppc` | fixed, may be finer than a minor unit | price × counted clicks |
//!
//! What else terms say is their [`Plan`]: other rates under conditions and per item, what counts of an order, renewals, tiers,
//! levels. [`earn`] prices a conversion by both; [`Tiers::settle`] and [`Bonus::settle`] price periods.
//!
//! # Forms
//!
//! [`GoalTermsForm`] is the JSON of the API, `{"kind":"pps","revenue":{"percent":"12"},"payout":{"percent":"10"}}`:
//! texts that may be wrong. [`GoalTermsForm::check`] turns them into [`GoalTerms`] or lists every bad field at once.
//! `GoalTerms` itself has the same JSON form, read strictly, for stores.
//!
//! # Rounding
//!
//! Every [`Line`] is computed exactly and rounded once, half to even; totals are sums of rounded lines, so the sum
//! of the lines shown is the total shown. Settling clicks in steps does not drift: each step books what all clicks so
//! far are worth, less what was booked before ([`click_settlement`]).
//!
//! # Limits
//!
//! Percent 0 to 100, above it where the plan says `allow_above_100`. Fixed prices from 0, with the currency's places, `ppc` with up to [`CLICK_PLACES_MAX`]; one
//! piece must fit into an amount. A payout above the revenue is allowed and comes with a warning.

mod bonus;
mod check;
mod check_plan;
mod earn;
mod earned;
mod form;
mod line;
mod order;
mod plan;
mod price;
mod tiers;
mod time;

pub use bonus::{Bonus, RUNGS_MAX, Ranked, Rung, SignUp, Volume, prize, ranked};
pub use check_plan::{LEVELS_MAX, RATES_MAX, TIERS_MAX};
pub use earn::earn;
pub use order::{Item, LevelEarned, Order, Payment};
pub use plan::{Condition, Customer, Level, LevelOf, Part, Plan, Rate, Recurring, Then};
pub use tiers::{Measure, Mode, Piece, Span, Step, Sums, Tiers};

pub use check::{CLICK_PLACES_MAX, Checked, FieldError};
pub use earned::{Earned, TermsError, click_settlement, commission};
pub use form::{GoalTermsForm, PriceForm};
pub use line::Line;
pub use price::{GoalTerms, Price, Side};
