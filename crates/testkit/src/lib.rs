//! Starts the real binary for stories over real HTTP.
//!
//! A [`Hopline`] is one process on one data directory with every listener on a free port. It is killed when it
//! goes out of scope. Nothing here sleeps for luck: waiting is polling for a condition up to a deadline
//! ([`eventually`]), and the start waits for the line that the program prints when it serves.
//!
//! A [`Browser`] is a real Chromium, a [`Site`] a web site of the test's own for it to visit.

mod browser;
mod http;
mod process;
mod site;

pub use browser::Browser;
pub use http::{Answer, BROWSER, Http};
pub use process::{Hopline, Setup, binary, command};
pub use site::{Page, Seen, Site};

use std::future::Future;
use std::time::{Duration, Instant};

/// Asks `condition` again and again until it gives a value; fails with `what` after 20 seconds.
///
/// # Panics
/// When the deadline passes.
pub async fn eventually<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < deadline, "20 seconds passed without: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
