//! The figures of the dashboard: what is asked of the stores, and how it is put together.
//!
//! Five counts over rollups and one read of the control store make a dashboard; they run side by side.

mod accounts;
mod counts;
mod live;
mod tiles;
mod tops;

pub(crate) use accounts::{ConversionRow, Names, conversion_rows, newest, shown_status};
pub(crate) use live::{Live, Span, hint, load};
