//! Amounts in integer minor units, exact decimals, rounding and splitting.
//!
//! An [`Amount`] is an `i64` count of minor units and a [`Currency`]; whatever is finer than a minor unit
//! (percentages, prices of a click, exchange rates) is a [`Decimal`]. There is no float anywhere, also not
//! in JSON: numbers travel as decimal strings, an amount as `{"amount":"49.90","currency":"EUR"}`.
//!
//! | rule | where |
//! |---|---|
//! | decimal places come from ISO 4217 list one of 2026-01-01; unknown and superseded codes are refused | [`Currency`] |
//! | input is digits, optional point, optional minus; what does not fit the currency is refused, never rounded | [`Amount::parse`] |
//! | a commission line is computed exactly in `i128` and rounded once, half to even | [`percent_of`], [`times`], [`convert`] |
//! | parts of a split add up: largest remainder, ties to the lower index, negative totals mirrored | [`split`] |
//! | overflow and mixed currencies are errors | [`MoneyError`] |
//!
//! Limits: amounts from `i64::MIN` to `i64::MAX` minor units, decimals up to 12 places and below 10^18,
//! inputs up to 64 characters. Sums over many amounts belong into `i128`; [`format_minor`] prints them.
//! "Half to even" rounds 0.5 to 0, 1.5 to 2 and 2.5 to 2, so that many small commissions do not drift.
//! The splitting rule is Hamilton's method; other ledgers hand left-over units to the first shares, which
//! is a different rule.

#![deny(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod amount;
mod currency;
mod decimal;
mod number;
mod rounding;
mod split;

pub use amount::{Amount, MoneyError, format_minor};
pub use currency::{Currency, CurrencyError};
pub use decimal::Decimal;
pub use number::NumberError;
pub use rounding::{convert, div_half_even, percent_of, rate_of, times};
pub use split::split;
