//! The suite that every [`Database`] passes.
//!
//! A story gets an empty, migrated database of its own and panics where the store does not keep its promises. A store
//! runs all of them with [`conformance_tests!`](crate::conformance_tests), one test per story:
//!
//! ```text
//! fn run(story: impl for<'a> FnOnce(&'a dyn Database) -> Story<'a>) { /* open one, block on the story */ }
//! hopline_control_store::conformance_tests!(run);
//! ```
//!
//! What outlives the process a store tests with [`restart`], because only it knows how to open itself again.

mod accounts;
mod attribution;
mod caps;
mod executor;
mod findings;
mod installs;
mod late;
mod leases;
mod network;
mod payouts;
mod periods;
mod rates;
mod records;
mod resources;
pub mod restart;
mod signals;
mod tenants;
mod traffic;

pub use accounts::{
    s_03_api_keys_are_found_by_their_text_until_they_end, sessions_end_by_idleness_age_sign_out_and_lock_out,
    users_are_found_by_their_address_and_belong_to_one_tenant,
};
pub use attribution::{
    a_07_coupons_are_one_by_their_letters_and_archived_ones_stay,
    a_08_the_earliest_conversion_binds_its_customer, ways_of_crediting_are_saved_with_their_offer,
};
pub use caps::{
    caps_are_replaced_and_the_same_ones_stay, caps_that_are_reached_close_until_their_period_ends,
    caps_that_refuse_close_while_what_came_would_not_fit,
};
pub use executor::{
    a_job_that_fails_leaves_nothing, a_job_that_panics_leaves_nothing_and_the_store_goes_on,
    a_reading_job_sees_one_state_while_others_write, a_reading_job_writes_nothing,
    bookings_lose_nothing_and_lock_what_they_rest_on, broken_rules_are_told_apart,
    jobs_may_be_any_number_at_once, one_query_for_many_rows_answers_each,
    one_statement_for_many_rows_writes_each, parallel_writers_lose_nothing,
    values_come_back_as_they_were_bound,
};
pub use findings::{
    c_02_findings_are_entered_applied_once_and_never_changed, s_10_findings_are_seen_by_those_they_are_about,
};
pub use installs::{
    a_22_reports_of_installs_are_kept_once_and_judged_until_they_count,
    c_15_installs_are_counted_by_the_time_after_their_click,
    install_sources_and_mappings_are_entered_once_and_taken_out,
    s_10_installs_are_seen_by_those_they_are_about,
};
pub use late::{
    a_coupon_asks_for_the_decided_orders_that_name_it_while_it_holds,
    a_decision_takes_the_place_of_another_one_which_is_kept,
    what_is_to_be_decided_again_is_asked_for_once_and_not_lost,
};
pub use leases::{
    a_lease_is_taken_over_only_from_what_was_seen, leases_of_processes_that_are_gone_are_forgotten,
    of_many_who_want_a_lease_one_gets_it,
    s_03_keys_of_edges_are_found_by_their_text_until_they_are_withdrawn,
    who_shares_a_name_finds_the_others_mark,
};
pub use payouts::{
    l_25_every_change_of_a_payout_method_is_kept, p_03_versions_of_templates_do_not_change,
    p_08_a_result_file_is_kept_once, p_42_bank_data_is_sealed_and_older_rows_are_too,
    payout_minimums_and_schedules_are_entered_and_changed,
};
pub use periods::{
    l_12_a_closed_period_takes_no_entry_and_is_not_opened_again,
    l_12_the_audit_finds_what_was_booked_behind_a_closing,
};
pub use rates::{
    a_conversion_is_held_for_want_of_a_rate_and_offered_again, judgements_are_kept_in_order,
    l_20_rates_are_entered_once_and_the_newest_of_its_time_is_found, leads_meet_what_qualifies_them,
    s_10_approval_rules_are_replaced_and_seen_by_their_advertiser,
};
pub use records::{
    l_05_ledger_and_audit_log_refuse_changes, l_21_a_key_answers_the_same_request_only,
    l_23_fifty_parallel_requests_with_one_key_have_one_effect, l_25_the_audit_log_is_an_unbroken_chain,
    marks_keep_the_last_value,
};
pub use resources::{
    advertisers_are_entered_listed_and_changed, affiliates_are_entered_listed_and_changed,
    links_have_chosen_or_made_codes, offers_are_entered_with_goals_and_terms,
    r_01_old_pseudonym_keys_are_destroyed, terms_in_force_are_those_of_the_time,
    the_catalogue_is_what_was_saved,
};
pub use signals::c_10_quick_orders_and_known_customers_are_counted;
pub use tenants::s_10_a_tenant_sees_and_changes_only_its_own;
pub use traffic::{
    domains_are_entered_once_and_show_links, landing_pages_are_entered_listed_and_changed,
    traffic_rules_are_saved_and_reach_the_catalogue,
};

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use hopline_types::UnixMillis;

use crate::{Database, ErrorKind, Guarded, SealingKeys, StoreError, Vault};

/// One running story.
pub type Story<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Makes one `#[test]` per story. `$run` is a function that takes
/// `impl for<'a> FnOnce(&'a dyn Database) -> Story<'a>`, opens an empty database and blocks on the story.
#[macro_export]
macro_rules! conformance_tests {
    ($run:path) => {
        $crate::conformance_tests! { $run:
            a_job_that_fails_leaves_nothing,
            a_job_that_panics_leaves_nothing_and_the_store_goes_on,
            a_reading_job_sees_one_state_while_others_write,
            a_reading_job_writes_nothing,
            bookings_lose_nothing_and_lock_what_they_rest_on,
            broken_rules_are_told_apart,
            one_query_for_many_rows_answers_each,
            one_statement_for_many_rows_writes_each,
            jobs_may_be_any_number_at_once,
            parallel_writers_lose_nothing,
            values_come_back_as_they_were_bound,
            advertisers_are_entered_listed_and_changed,
            affiliates_are_entered_listed_and_changed,
            offers_are_entered_with_goals_and_terms,
            terms_in_force_are_those_of_the_time,
            links_have_chosen_or_made_codes,
            the_catalogue_is_what_was_saved,
            traffic_rules_are_saved_and_reach_the_catalogue,
            landing_pages_are_entered_listed_and_changed,
            domains_are_entered_once_and_show_links,
            c_02_findings_are_entered_applied_once_and_never_changed,
            s_10_findings_are_seen_by_those_they_are_about,
            install_sources_and_mappings_are_entered_once_and_taken_out,
            a_22_reports_of_installs_are_kept_once_and_judged_until_they_count,
            s_10_installs_are_seen_by_those_they_are_about,
            c_15_installs_are_counted_by_the_time_after_their_click,
            c_10_quick_orders_and_known_customers_are_counted,
            p_42_bank_data_is_sealed_and_older_rows_are_too,
            l_25_every_change_of_a_payout_method_is_kept,
            p_03_versions_of_templates_do_not_change,
            p_08_a_result_file_is_kept_once,
            payout_minimums_and_schedules_are_entered_and_changed,
            caps_are_replaced_and_the_same_ones_stay,
            caps_that_are_reached_close_until_their_period_ends,
            caps_that_refuse_close_while_what_came_would_not_fit,
            l_20_rates_are_entered_once_and_the_newest_of_its_time_is_found,
            a_conversion_is_held_for_want_of_a_rate_and_offered_again,
            s_10_approval_rules_are_replaced_and_seen_by_their_advertiser,
            leads_meet_what_qualifies_them,
            judgements_are_kept_in_order,
            l_12_a_closed_period_takes_no_entry_and_is_not_opened_again,
            l_12_the_audit_finds_what_was_booked_behind_a_closing,
            ways_of_crediting_are_saved_with_their_offer,
            a_07_coupons_are_one_by_their_letters_and_archived_ones_stay,
            a_08_the_earliest_conversion_binds_its_customer,
            a_coupon_asks_for_the_decided_orders_that_name_it_while_it_holds,
            a_decision_takes_the_place_of_another_one_which_is_kept,
            what_is_to_be_decided_again_is_asked_for_once_and_not_lost,
            r_01_old_pseudonym_keys_are_destroyed,
            s_10_a_tenant_sees_and_changes_only_its_own,
            s_03_api_keys_are_found_by_their_text_until_they_end,
            users_are_found_by_their_address_and_belong_to_one_tenant,
            sessions_end_by_idleness_age_sign_out_and_lock_out,
            l_05_ledger_and_audit_log_refuse_changes,
            l_21_a_key_answers_the_same_request_only,
            l_23_fifty_parallel_requests_with_one_key_have_one_effect,
            l_25_the_audit_log_is_an_unbroken_chain,
            marks_keep_the_last_value,
            a_lease_is_taken_over_only_from_what_was_seen,
            of_many_who_want_a_lease_one_gets_it,
            leases_of_processes_that_are_gone_are_forgotten,
            who_shares_a_name_finds_the_others_mark,
            s_03_keys_of_edges_are_found_by_their_text_until_they_are_withdrawn,
        }
    };
    ($run:path: $($story:ident,)*) => {
        $(
            #[test]
            fn $story() {
                $run(|database| Box::pin(async move {
                    $crate::conformance::$story(&$crate::conformance::with_vault(database)).await;
                }));
            }
        )*
    };
}

/// A store with a vault whose key everybody knows: for tests alone.
pub fn with_vault<D>(database: D) -> Guarded<D> {
    let keys =
        SealingKeys::parse("aG9wbGluZSBrZXkgZm9yIHRlc3RzLCBub3RoaW5nIGU=").expect("32 bytes in base64");
    Guarded::new(database, std::sync::Arc::new(Vault::new(keys, Box::new(random))))
}

/// When the stories play.
const NOW: UnixMillis = UnixMillis(1_767_225_600_000);

/// Bytes that differ from call to call, and look random enough.
fn random(bytes: &mut [u8]) {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    for chunk in bytes.chunks_mut(8) {
        // The mixing steps of SplitMix64.
        let mut mixed = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
    }
}

/// Waits for all, polling each before waiting for any.
async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    poll_fn(|context| {
        let mut done = true;
        for (future, outcome) in &mut waiting {
            if outcome.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *outcome = Some(value),
                    Poll::Pending => done = false,
                }
            }
        }
        if done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, outcome)| outcome).collect()
}

/// Waits for two.
async fn both<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(value) = one.as_mut().poll(context)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = other.as_mut().poll(context)
        {
            second = Some(value);
        }
        if first.is_some() && second.is_some() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (first.expect("polled until ready"), second.expect("polled until ready"))
}

/// A write that must succeed.
async fn write<T: Send + 'static>(
    database: &dyn Database,
    job: impl FnMut(&mut dyn crate::Tx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    use crate::DatabaseExt as _;
    database.write(job).await.expect("this write is in order")
}

/// A read that must succeed.
async fn read<T: Send + 'static>(
    database: &dyn Database,
    job: impl FnMut(&mut dyn crate::Tx) -> Result<T, StoreError> + Send + 'static,
) -> T {
    use crate::DatabaseExt as _;
    database.read(job).await.expect("this read is in order")
}

/// The kind of failure of a write that must fail.
async fn refused<T: Send + std::fmt::Debug + 'static>(
    database: &dyn Database,
    job: impl FnMut(&mut dyn crate::Tx) -> Result<T, StoreError> + Send + 'static,
) -> ErrorKind {
    use crate::DatabaseExt as _;
    database.write(job).await.expect_err("this write is refused").kind
}
