//! What every click store promises, as stories that run against it.
//!
//! For tests only. A store's crate implements [`Harness`] and calls [`conformance_suite!`](crate::conformance_suite)
//! in a file under `tests/`; each story becomes a test of its own with data of its own.

mod batches;
mod count;
mod data;
mod findings;
mod lookups;
mod reports;

pub use batches::*;
pub use findings::*;
pub use lookups::*;
pub use reports::*;

use crate::ClickStore;

/// Opens the store under test.
pub trait Harness: Sync {
    /// Opens the same data each time it is called; the store opened before has been dropped.
    fn open(&self) -> impl Future<Output = Box<dyn ClickStore>> + Send;
}

/// Makes a test of every story: `conformance_suite!(make)`, where `make()` gives a [`Harness`](crate::conformance::Harness) over no data.
#[macro_export]
macro_rules! conformance_suite {
    ($make:path) => {
        $crate::conformance_suite!(
            $make:
            a_batch_sent_three_times_counts_once
            a_batch_after_a_gap_is_stored_and_the_gap_is_remembered
            of_an_overlapping_batch_only_what_is_missing_is_stored
            a_stream_that_began_anew_under_an_old_name_is_refused
            a_batch_that_contradicts_itself_is_refused_and_nothing_is_stored
            batches_of_many_streams_are_tallied_apart
            d_08_clicks_that_were_set_aside_are_restored_once
            a_restart_keeps_everything
            d_15_the_check_finds_what_was_stored_to_be_sound
            reports_equal_a_direct_count
            scopes_isolate_in_reports_and_raw_clicks
            facts_sent_twice_count_once
            a_late_click_is_in_its_own_hour_and_the_report_is_fresh_until_the_newest
            a_click_is_found_by_its_number_and_reads_back_whole
            touches_are_a_visitors_valid_clicks_in_a_window
            unique_clicks_are_counted_by_the_hour_and_late_ones_are_announced
            c_02_a_finding_makes_clicks_invalid_once_and_says_how_many
            c_02_clicks_stored_later_are_judged_by_the_findings_before
            c_02_reports_after_findings_equal_a_direct_count
            raw_pages_neither_repeat_nor_skip
            recent_clicks_come_newest_first
            r_03_retention_deletes_raw_clicks_and_touches_and_keeps_counts
        );
    };
    ($make:path: $($story:ident)*) => {$(
        #[tokio::test]
        async fn $story() {
            let harness = $make();
            $crate::conformance::$story(&harness).await;
        }
    )*};
}
