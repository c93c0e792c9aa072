//! The report query model: dimensions, metrics, periods, and how counted rows become an answer.
//!
//! One [`ReportQuery`] is compiled by every click store into its own language; the store hands back
//! [`ReportRows`]: integer [`Counters`] per group and currency. Everything that is a matter of definition
//! (what a metric means, how it is rounded, which currency a row is in) happens here, once.
//!
//! # Time
//!
//! A query covers `from` (inclusive) to `to` (exclusive) in UTC milliseconds. A `to` given as a date means
//! the whole of that day. Time dimensions are cut in the query's zone: [`ReportQuery::segments`] gives the
//! finest pieces, so that a store only ever counts between two instants. Weeks are ISO weeks.
//!
//! Clicks are dated by the time of the click on either basis. Conversions are dated by the time of the click
//! that won them (`basis=click`; one without a click by its own time) or by their own time
//! (`basis=conversion`, the default). Corrections count at the date of the conversion they correct.
//!
//! # Currency
//!
//! Money of different currencies is never added. Where the conversions of an answer are in more than one
//! currency, no `currency` is chosen and a metric in money is asked for, each group is split into one row per
//! currency with a column `currency`. Such a row equals the row of the same query with that `currency`
//! chosen: it repeats the group's clicks, which are not in any currency, so that ratios are right. The totals
//! then count clicks once and leave metrics in money out; `totals_by_currency` has them.
//!
//! # Numbers
//!
//! Counts are integers, money and rates decimal strings, rounded once, half to even. Shares (cvr, evr, ctr,
//! margin, approval and reversal rate) are fractions of one with 6 places; amounts per click have 4 places
//! more than the currency, amounts per conversion 2 more. A division by zero is null. The denominator of
//! every ratio asked for stands in `meta.denominators`.
//!
//! # Limits
//!
//! At most [`SEGMENTS_MAX`] pieces of time, [`LIMIT_MAX`] rows, [`GROUPS_MAX`] dimensions and
//! [`FILTER_VALUES_MAX`] values in a filter. What is left out by `limit` is counted in `meta.rows_omitted`;
//! totals cover all rows.

mod answer;
mod cell;
mod counters;
mod dimension;
mod metric;
mod parse;
mod period;
mod query;
mod rows;
mod signals;
mod timing;

pub use answer::{Report, ReportError, disarmed};
pub use cell::{Cell, Exact};
pub use counters::Counters;
pub use dimension::Dimension;
pub use metric::{Metric, Unit};
pub use parse::{FieldError, GROUPS_MAX, LIMIT_DEFAULT, LIMIT_MAX};
pub use period::{SEGMENTS_MAX, Segment};
pub use query::{
    Basis, ClickQuery, FILTER_VALUES_MAX, Filters, Format, ReportQuery, Scope, SortBy, SortKey, Value,
};
pub use rows::{ReportRow, ReportRows, RowFold};
pub use signals::{
    CLICKS_MIN, Figures, Flag, QUICK_ORDER_MILLIS, Ratio, SIGNALS_VERSION, Signal, SignalInput, SignalRow,
    Z_BOUND, judge,
};
pub use timing::{
    INSTALLS_MIN, SPAN_SECONDS, SPANS, Shares, TIMING_VERSION, TimingFlag, TimingInput, TimingRow,
    TimingSign, judge_timing,
};
