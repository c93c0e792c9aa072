//! The ledger's tables: posting, reading, checking.
//!
//! The rules (what balances, what the bytes of a record are, which account may go below zero) are those of
//! [`hopline_ledger`]; here they meet the rows. [`post_many`] does all of it in the caller's transaction: the
//! transactions and their entries, the kept sums, the open items. Rows of `ledger_transactions` and
//! `ledger_entries` are never changed again; the schema refuses it (L-05).
//!
//! # Periods
//!
//! What is booked with an effective time in a closed period is moved to the open one, here and nowhere else: a request
//! of whatever kind is sealed as [`hopline_ledger::Draft::not_before`] makes it.
//!
//! # Several at once
//!
//! There is one chain, so bookings of different transactions wait for each other from [`crate::Lock::Ledger`] to the
//! commit. Whatever does not need the end of the chain is done before: callers decide and write everything else first,
//! and book last. Within the lock are nine statements at most, however many transactions are booked: the end of the chain
//! and the sums are read, each row is written once.
//!
//! Kept sums are two totals per account and currency in 64 bits. A total that would not fit is refused, and
//! nothing is booked (L-14).

mod balances_at;
mod own_lines;
mod periods;
mod post;
mod read;
mod sums;
mod verify;

pub use balances_at::balances_before;
pub use own_lines::{OwnEntry, own_balances_before, own_entries};
pub use periods::{CloseError, ClosedPeriod, close, closed_periods, closing_of, open_from};
pub use post::{PostError, Posted, post, post_many};
pub use read::{
    TransactionFilter, by_id, by_ids, head, of_commission, of_commissions, of_conversion, transactions,
};
pub use sums::{AccountBalance, CurrencyTotals, accounts, balance, kept_balances, trial_balance};
pub use verify::{Sound, Unsound, verify};
