//! From decisions to booked transactions: conversions, refunds, holds, clicks paid by the hour, payouts.
//!
//! The pure crates decide (attribution, terms, ledger rules, payout files), the control store keeps; the functions
//! here put the two together. Each takes an open transaction and the time, and either does all of its work in it or
//! returns an error, after which the caller rolls back: nothing is half booked.
//!
//! | step | function | books |
//! |---|---|---|
//! | an event comes in | [`intake_many`], [`intake_events`] | nothing; writes the conversion once |
//! | an install is reported | [`intake_events`], [`judge_install`] | nothing; writes the report and, where it counts, the conversion |
//! | it is attributed | [`decide`], [`decide_many`] | `commission_pending`, then `_approved`, then `_payable`, as the offer says |
//! | a fact came late | [`decide_again`] | `commission_corrected`, beside `commission_restored` and `_reversed` for what was refunded |
//! | somebody judges it | [`judge`], [`judge_many`] | `commission_approved` (and `_payable`), `commission_rejected` |
//! | that was a mistake | [`judge`] | `commission_unapproved`, `commission_restored` |
//! | a lead is qualified, or is not in time | [`qualify_leads`] | as a judgement |
//! | it is given back | [`refund`] | `commission_reversed`, from wherever the money is |
//! | a bank takes it back | [`charge_back`] | `commission_charged_back`, `chargeback_fee` |
//! | that was a mistake, or was won | [`undo_refund`] | `commission_restored`; undone again `commission_reversed` |
//! | its hold ends | [`release_holds`] | `commission_payable` |
//! | an hour of clicks ends | [`settle_clicks`] | as for a conversion, for the difference to what was settled; `commission_reversed` for clicks that findings take out |
//! | volume of a period reaches a tier or a rung, a contest ends, an affiliate joins | [`settle_period`] | as for a conversion, for the difference to what was settled; `commission_reversed` where volume went back |
//! | it is paid | [`payouts`] | `exchange`, `payout_reserved`, then `payout_settled` or `payout_failed` |
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
mod holds;
mod installs;
mod intake;
mod journal;
pub mod payouts;
mod periods;
mod qualify;
pub mod rates;
mod refund;
pub mod statement;
pub mod terms;

pub use approval::{JUDGED_MAX, Judge, Reviewed, approve, judge, judge_many, reject};
pub use balances::{AffiliateBalance, balances};
pub use clicks::{ClicksSettled, settle_clicks};
pub use decide::{
    Context, Decided, Reconsidered, SoughtTouches, ToDecide, ToReconsider, decide, decide_again, decide_many,
    set_aside, sought_touches,
};
pub use error::{BookError, FieldError};
pub use explain::{explain, explain_text, payout_of};
pub use findings::reclassify;
pub use holds::{Released, ended_holds, release, release_holds, set_hold_aside};
pub use installs::{judge_install, judge_waiting_installs};
pub use intake::{Difference, Intake, NewConversion, intake, intake_event, intake_events, intake_many};
pub use journal::JournalExport;
pub use periods::{Due, DueList, PeriodSettled, due_periods, note_periods, settle_period};
pub use qualify::{Qualified, leads_wait, qualify_leads};
pub use refund::{Refunded, charge_back, refund, undo_refund};
