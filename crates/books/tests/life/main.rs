//! The life of commissions, and currencies: a story per rule. Runs over SQLite, and over PostgreSQL where
//! `HOPLINE_TEST_STORE` is `postgres`.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod corrections;
mod currencies;
mod holds;
mod moves;
mod qualification;
mod rules;
mod scene;
#[allow(dead_code, reason = "other stories need more of it")]
#[path = "../books/world.rs"]
mod world;
