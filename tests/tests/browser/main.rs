//! Stories in a real browser: what Chromium makes of our redirects, of prefetching, and of the script for shops.
//!
//! `script.rs` runs the script (source and product) against a stand-in for the edge; `clicks.rs` and `sales.rs` run the
//! real binary.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod clicks;
mod network;
mod sales;
mod script;
mod stage;
