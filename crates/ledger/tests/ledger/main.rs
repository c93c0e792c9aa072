//! The rules of the books, tested from outside.

#![expect(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod chain;
mod commissions;
mod corrections;
mod model;
mod periods;
mod plain_text;
mod rules;
mod support;
mod vectors;
