//! The API against the embedded stores, called as a service.

mod bad_input;
mod conversions;
mod documents;
mod harness;
mod idempotency;
mod listener;
mod lists;
mod reports;
mod roles;
mod sign_in;
mod story;
