//! The API against the embedded stores, called as a service.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod attribution;
mod bad_input;
mod click_findings;
mod commissions;
mod conversions;
mod documents;
mod domains;
mod harness;
mod idempotency;
mod installs;
mod internal;
mod landing_pages;
mod listener;
mod lists;
mod models;
mod payouts;
mod periods;
mod qr;
mod reports;
mod roles;
mod sign_in;
mod signals;
mod statements;
mod story;
mod terms;
mod traffic;
