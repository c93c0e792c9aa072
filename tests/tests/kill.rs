//! kill -9 under load: every answered click is stored, once (D-01, D-02, D-03).
//!
//! `cargo xtask soak` runs it longer. `HOPLINE_SEED` repeats a run, `HOPLINE_KILLS` says how many kills.

use hopline_testkit::Backing;
use hopline_tests::{kill_again_and_again, over_both, seed};

over_both!(async d_03_twenty_kills_under_load_lose_no_answered_click_and_double_none);

#[expect(clippy::print_stdout, reason = "a failing test shows what it printed")]
async fn d_03_twenty_kills_under_load_lose_no_answered_click_and_double_none(backing: Backing) {
    let cycles =
        std::env::var("HOPLINE_KILLS").map_or(20, |text| text.parse().expect("HOPLINE_KILLS is a number"));
    let seed = seed();
    let kills = kill_again_and_again(cycles, seed, backing).await;
    println!("{} redirected, {} orders, {} stored", kills.redirected, kills.orders, kills.report.rows);
    assert!(kills.redirected > 1_000, "too little load to mean anything: {}", kills.redirected);
    assert!(kills.orders >= 5, "too few orders to mean anything: {}", kills.orders);
    assert_eq!(kills.refused, "{}", "statuses other than 302");
    assert!(kills.report.is_clean(), "seed {seed}: {:#?}", kills.report);
}
