//! The ledger's tables: posting, reading, checking.
//!
//! The rules (what balances, what the bytes of a record are, which account may go below zero) are those of
//! [`hopline_ledger`]; here they meet the rows. [`post`] does all of it in the caller's transaction: the
//! transaction and its entries, the kept sums, the open items. Rows of `ledger_transactions` and
//! `ledger_entries` are never changed again; the schema refuses it (L-05).
//!
//! Kept sums are two totals per account and currency in 64 bits. A total that would not fit is refused, and
//! nothing is booked (L-14).

mod post;
mod read;
mod sums;
mod verify;

pub use post::{PostError, Posted, post};
pub use read::{TransactionFilter, by_id, head, of_commission, of_conversion, transactions};
pub use sums::{AccountBalance, CurrencyTotals, accounts, balance, kept_balances, trial_balance};
pub use verify::{Sound, Unsound, verify};
