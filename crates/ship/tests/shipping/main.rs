//! Shipping under failures: nothing lost, nothing doubled, order kept.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod fakes;
mod spool;
mod stories;
