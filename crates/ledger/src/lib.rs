//! Double-entry book-keeping rules: accounts, balanced transactions, the hash chain, recipes.
//!
//! Nothing here stores anything: a store asks these rules what may be booked and what the bytes of a record
//! are, and keeps the records. A posting's amount is positive for a debit and negative for a credit.
//!
//! The way of a transaction: a recipe (or a caller) makes a [`Draft`]; [`Draft::check`] turns it into a
//! [`Balanced`] one or refuses it; where its id is known already, [`same_content`] says whether the request
//! is a repetition or a conflict; [`overdrawn`] guards the balances; [`seal`] gives it its place in the
//! chain and yields a [`Stored`] record, which is never changed again. Where a commission stands is not kept
//! anywhere: [`standing()`] derives it from what was booked. [`ChainChecker`] walks all records
//! and names the first broken place. [`Journal`] does all of this in memory, as the model of a store.
//!
//! # Accounts
//!
//! | path | class | normal side | may go below zero |
//! |---|---|---|---|
//! | `advertiser:{id}:accrued` | asset | debit | no |
//! | `advertiser:{id}:receivable` | asset | debit | by a reversal, chargeback or withdrawn approval after payment, a payment in advance or an adjustment |
//! | `affiliate:{id}:pending` | liability | credit | no |
//! | `affiliate:{id}:approved` | liability | credit | no |
//! | `affiliate:{id}:payable` | liability | credit | by a reversal, a chargeback and its fee, a withdrawn approval or an adjustment (clawback) |
//! | `payout_batch:{id}:clearing` | liability | credit | no |
//! | `cash:affiliate:{id}` | asset (contra: paid out) | credit | no |
//! | `cash:advertiser:{id}` | asset | debit | no |
//! | `network:margin_pending` | income | credit | yes |
//! | `network:margin` | income | credit | yes |
//! | `network:clawback_loss` | expense | debit | no |
//! | `network:exchange` | equity | credit | yes |
//!
//! # Recipes
//!
//! R is what the advertiser pays, P what the affiliate gets, M = R − P (a credit, or a debit where negative).
//! Both have one currency. Amounts of zero make no posting; without postings there is no draft, so that a
//! commission without payout stays approved and one that is worth nothing is not booked at all.
//!
//! | kind | debit | credit |
//! |---|---|---|
//! | `commission_pending` | accrued R | pending P, margin_pending M |
//! | `commission_approved` | pending P, receivable R, margin_pending M | approved P, accrued R, margin M |
//! | `commission_payable` | approved P | payable P |
//! | `commission_rejected` | pending P, margin_pending M | accrued R |
//! | `commission_reversed` while pending | pending P, margin_pending M | accrued R |
//! | `commission_reversed` while approved | approved P, margin M | receivable R |
//! | `commission_reversed` from payable on | payable P, margin M | receivable R |
//! | `commission_charged_back` | as `commission_reversed` | |
//! | `commission_restored` after a rejection | accrued R | pending P, margin_pending M |
//! | `commission_restored` after a reversal | the credits of `commission_reversed` where the money is now | its debits |
//! | `commission_unapproved` | what approval and end of hold have credited | what they have debited |
//! | `commission_corrected` upwards | accrued or receivable R | payable, approved or pending P, margin M: where the money is; downwards the opposite |
//! | `chargeback_fee` | payable F | margin F |
//! | `payout_reserved` | payable P | clearing P |
//! | `payout_settled` | clearing P | cash:affiliate P |
//! | `payout_failed` | clearing P | payable P |
//! | `payout_returned` | cash:affiliate P | payable P |
//! | `advertiser_payment` | cash:advertiser R | receivable R |
//! | `exchange` | from A, exchange B | exchange A, to B |
//! | `adjustment` of another transaction | its credits | its debits |
//!
//! # Periods
//!
//! A period is a calendar month of effective time, in UTC. A closed one takes no entry any more: what comes late is moved to the
//! open period and its reason names the old one, see [`Draft::not_before`] and [`Draft::late`].
//!
//! # Chain, format version 1
//!
//! A record's hash is SHA-256 over these bytes, numbers big-endian:
//!
//! | bytes | content |
//! |---|---|
//! | 16 | `hopline-ledger-1` |
//! | 32 | hash of the record before; 32 zero bytes before the first |
//! | 8, 8, 8 | sequence (from 1, without gaps), booked_at, effective_at: i64 |
//! | text, text | id, kind |
//! | option of 8 | conversion, affiliate, payout: i64 each |
//! | option of text | corrects, then reason |
//! | 4 | count of postings: u32 |
//! | each: text, 8, text | account path, amount (i64), currency code |
//!
//! `text` is its length in bytes as u32 and then UTF-8; `option` is one byte 0, or 1 and then the value. Every
//! stored column is covered and no two different records have the same bytes. A cut-off tail is not visible
//! from inside: compare with a [`Head`] noted outside.
//!
//! # Limits
//!
//! 2 to 256 postings; each from −(2^63 − 1) to 2^63 − 1 minor units and not zero; sums in `i128`; ids of 1
//! to 128 characters; reasons of 1 to 512 characters, before which the note of a late one may stand. Whatever is over a limit is refused, and a refusal
//! changes nothing.

#![deny(
    clippy::float_arithmetic,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm
)]

mod account;
mod book;
mod chain;
mod draft;
mod id;
mod journal;
mod kind;
mod late;
mod period;
pub mod plain_text;
mod posting;
pub mod recipe;
mod repeat;
mod reversal;
mod standing;

pub use account::{Account, AccountClass, AccountError, AccountKind, Overdrawn, Owner, Side, overdrawn};
pub use book::{Book, BookError, Totals};
pub use chain::{
    Break, ChainChecker, ChainHash, ChainHashError, Fault, Head, Stored, canonical_bytes, content_hash, seal,
    verify_chain,
};
pub use draft::{Balanced, Draft, Refusal, Subject};
pub use id::{TransactionId, TransactionIdError};
pub use journal::{Journal, JournalRefusal, Recorded};
pub use kind::{TransactionKind, UnknownKind};
pub use late::{Late, late};
pub use period::{Period, PeriodError};
pub use posting::{POSTINGS_MAX, Posting, PostingsRefusal, check_postings};
pub use repeat::{FirstDifference, same_content};
pub use reversal::{ReversalRefusal, Share, ShareError, refund_share, reversible};
pub use standing::{Stage, Standing, StandingError, Step, standing};
