//! From decisions to booked transactions: conversions, refunds, holds, clicks paid by the hour, payouts.
//!
//! The pure crates decide (attribution, terms, ledger rules, payout files), the control store keeps; the functions
//! here put the two together. Each takes an open transaction and the time, and either does all of its work in it or
//! returns an error, after which the caller rolls back: nothing is half booked.
//!
//! | step | function | books |
//! |---|---|---|
//! | an event comes in | [`intake_many`], [`intake_events`] | nothing; writes the conversion once |
//! | it is attributed | [`decide`], [`decide_many`] | `commission_pending`, then `_approved`, then `_payable`, as the offer says |
//! | somebody judges it | [`approve`], [`reject`] | `commission_approved` (and `_payable`), `commission_rejected` |
//! | it is given back | [`refund`] | `commission_reversed`, from wherever the money is |
//! | its hold ends | [`release_holds`] | `commission_payable` |
//! | an hour of clicks ends | [`settle_clicks`] | as for a conversion, for the difference to what was settled; `commission_reversed` for clicks that findings take out |
//! | it is paid | [`payouts`] | `payout_reserved`, then `payout_settled` or `payout_failed` |
//!
//! Where an offer has caps on conversions, revenue or payout, what would pass one is rejected ([`caps`]).
//!
//! # What is repeated
//!
//! Ids of ledger transactions are functions of their cause ([`hopline_ledger::TransactionId`]), conversions have a
//! natural key, facts have theirs. So the same input again, after whatever crash, books nothing new (L-04).
//!
//! # Status
//!
//! A commission's status is derived from what was booked for it ([`hopline_ledger::standing`]) and kept beside it for
//! queries; so is its conversion's. A conversion shows `approved` for `payable` too
//! ([`hopline_control_store::conversions::shown`]): the hold is the commission's affair. A conversion that credits
//! nobody is kept as `unattributed` or, where a click was found but may not earn, as `rejected`, with the reason.
//!
//! # Facts
//!
//! Reports learn of every change by facts, put into the outbox in the same transaction ([`facts`]).

mod approval;
mod balances;
pub mod caps;
mod clicks;
mod commission;
mod decide;
mod error;
mod explain;
pub mod facts;
mod findings;
mod intake;
pub mod payouts;
mod refund;

pub use approval::{Released, Reviewed, approve, reject, release_holds};
pub use balances::{AffiliateBalance, balances};
pub use clicks::{ClicksSettled, settle_clicks};
pub use decide::{Context, Decided, ToDecide, decide, decide_many, set_aside};
pub use error::{BookError, FieldError};
pub use explain::explain;
pub use findings::reclassify;
pub use intake::{Difference, Intake, NewConversion, intake, intake_event, intake_events, intake_many};
pub use refund::{Refunded, refund};
