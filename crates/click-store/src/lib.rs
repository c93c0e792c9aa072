//! The seam to click stores: where clicks and the facts of conversions go, and where reports come from.
//!
//! Two kinds of rows go in, both append-only and both idempotent by a natural key:
//!
//! - **Clicks** come in batches from the spool. A batch covers the record ids `first` to `last` of one stream
//!   (one thread of one edge); the store keeps per stream how far it has come, in the same step as the
//!   rows. So a batch sent twice, by whatever crash, counts once. Record ids never go back, and ids that the
//!   store has not seen between two batches are remembered as gaps.
//! - **Facts** are changes to conversions: signed deltas, keyed by `fact_id`. Their sums are a report's
//!   conversion metrics, on either basis of time.
//!
//! Clicks are not judged for ever: a finding ([`Reclassify`]) makes valid clicks of an affiliate on an offer invalid
//! afterwards, in rows, counts and touches, and in clicks that are stored later too. The row names the finding; the
//! click id keeps what was said at the answer. A finding takes effect once, by its id.
//!
//! Out come reports ([`hopline_report::ReportQuery`]), a visitor's touches, single clicks by their number,
//! counts of payable clicks by the hour, raw clicks in pages, and the tallies that reconciliation needs.
//!
//! What a store promises is written as a suite: [`conformance`]. Every implementation runs all of it.
//!
//! # Failure
//!
//! Every error says whether trying again can help ([`ClickStoreError::is_retryable`]). A row that the store will never
//! take is named ([`ClickStoreError::RecordRefused`]), so that the rest of its batch can go on without it.

mod batch;
mod click;
mod error;
mod export;
mod fact;
mod finding;
mod lookups;
mod store;

pub mod conformance;
pub mod plan;

pub use batch::{ClickBatch, ContentHash, RecordedClick, Records, RecordsBuilder, Stored, StreamId};
pub use click::{Dims, StoredClick};
pub use error::ClickStoreError;
pub use export::EXPORT_COLUMNS;
pub use fact::{Deltas, Fact};
pub use finding::{Reclassified, Reclassify};
pub use lookups::{
    AuditOutcome, ChangedHours, ClickCount, ClickCursor, ClickPage, RecentClick, Retained, Retention, Tally,
    Touch, TouchQuery,
};
pub use store::{Answer, ClickStore};
