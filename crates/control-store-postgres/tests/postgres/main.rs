//! The store over a real server.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod concurrency;
mod conformance;
mod faults;
mod notices;
mod opening;
mod support;
mod tenants;
