//! Deciding who is credited for a conversion, and booking it.
//!
//! The touches of a conversion are the click that its click id names, which says itself when, for whom and how it counted,
//! and, where the offer's model looks at more, the visitor's other clicks ([`sought_touches`] says which, the caller brings
//! them). Beside them stand the coupon's owner and the affiliate to whom the customer is bound. All are judged on server
//! times of click and conversion, by the terms in force when the conversion happened, and by the affiliate's
//! standing now. A click that was found to be invalid since counts as such: by the stored click where it is at hand, else
//! by findings about its offer, affiliate and time. Several credits of one affiliate are one commission. What it comes to must fit under the offer's caps
//! ([`crate::caps`]). An order in another currency than the offer's is converted first ([`crate::rates`]); without a rate it
//! waits.
//!
//! # In sets
//!
//! [`decide_many`] takes about as many statements for hundreds of conversions as for one:
//!
//! 1. everything that the decisions need is read, each sort of thing by one statement ([`Known`]),
//! 2. each conversion is decided in memory, in order, on what those before it have taken from caps,
//! 3. what was decided is written, each table by one statement, the ledger last.
//!
//! A conversion that cannot be decided is found in the second step; the others do not suffer for it.
//!
//! # Several at once
//!
//! Different conversions may be decided at the same time by several transactions ([`hopline_control_store::Mode::Book`]).
//! What they rest on is either locked until the end (sums of caps, the end of the ledger) or may be as old as the
//! transaction: an affiliate's standing, findings, terms, caps as they are defined. A conversion that another
//! transaction has decided meanwhile is noticed when the decisions are written, before anything is booked: then all of it
//! fails as a conflict, and is to be asked for again.

use hopline_click_store::{StoredClick, Touch};
use hopline_clickid::KeyRing;
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::{ErrorKind, StoreError, Tx};
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, UnixMillis};
use serde_json::{Value, json};

use crate::facts::Labels;
use crate::{BookError, rates};

mod again;
mod customers;
pub(crate) mod earn;
mod gather;
mod judge;
mod known;
mod named;
mod path;
mod reasoning;
mod touch;
mod write;

pub(crate) use again::is_closed;
pub use again::{Reconsidered, ToReconsider, decide_again};
pub use gather::{SoughtTouches, sought_touches};
use known::Known;
pub(crate) use reasoning::terms_json;
pub(crate) use write::{Conclusion, Outcome, write_down};

/// What a decision needs besides the store.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The keys that click ids are checked with.
    pub keys: &'a KeyRing,
    /// The stored click that the conversion's click id names, where it was found. Its click id is believed without
    /// it; reports copy its dimensions.
    pub click: Option<&'a StoredClick>,
    /// The time of the decision.
    pub now: UnixMillis,
}

/// A conversion to be decided.
#[derive(Debug, Clone, Copy)]
pub struct ToDecide<'a> {
    /// Which.
    pub conversion: ConversionId,
    /// See [`Context::click`].
    pub click: Option<&'a StoredClick>,
    /// What [`sought_touches`] asked for.
    pub touches: &'a [Touch],
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The conversion.
    pub conversion: ConversionId,
    /// Where its commission stands: `unattributed` and `rejected` credit nobody.
    pub status: CommissionStatus,
    /// Who is credited, or whose click was refused.
    pub affiliate: Option<AffiliateId>,
    /// Why nobody is credited: a short word that never changes.
    pub reason: Option<String>,
    /// How many ledger transactions were booked now.
    pub transactions: u64,
    /// Whether it had been decided before; nothing was changed then.
    pub was_decided: bool,
}

/// Decides a conversion and books the result, in one transaction.
///
/// # Errors
/// [`BookError::NotFound`]; [`BookError::Invalid`] where the conversion cannot be decided as it is, which the caller
/// [sets aside](set_aside); the store's.
pub fn decide(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    context: &Context<'_>,
) -> Result<Decided, BookError> {
    let asked = ToDecide { conversion, click: context.click, touches: &[] };
    only(decide_many(tx, &[asked], context.keys, context.now)?)?
}

fn only<T>(mut answers: Vec<T>) -> Result<T, BookError> {
    answers.pop().ok_or_else(|| BookError::broken("one was asked for and none was answered"))
}

/// Decides conversions and books the results, in one transaction, as if one after the other in this order. Each must be
/// named once. The inner errors are those of single conversions, as [`decide`] has them: nothing was changed of these,
/// and everything of the others.
///
/// # Errors
/// The store's, [`ErrorKind::Conflict`] among them where another transaction was faster with one of them; what the ledger
/// refuses. The transaction may not be committed then.
pub fn decide_many(
    tx: &mut dyn Tx,
    asked: &[ToDecide<'_>],
    keys: &KeyRing,
    now: UnixMillis,
) -> Result<Vec<Result<Decided, BookError>>, BookError> {
    let ids: Vec<ConversionId> = asked.iter().map(|asked| asked.conversion).collect();
    let mut found = conversions::find_many(tx, &ids)?;
    let open = found.iter_mut().flatten().filter(|conversion| conversion.decided_at.is_none());
    let mut held = rates::exchange_orders(tx, open, now)?;
    let mut answers = Vec::with_capacity(asked.len());
    let mut waiting = Vec::new();
    for (asked, conversion) in asked.iter().zip(found) {
        let id = asked.conversion;
        match conversion {
            None => answers.push(Answer::Known(Err(not_found(id)))),
            Some(conversion) => match decided_before(&conversion) {
                Some(decided) => answers.push(Answer::Known(Ok(decided))),
                None if held.contains_key(&id) => {
                    answers.extend(held.remove(&id).map(|held| Answer::Known(Err(held.refusal(id)))));
                }
                None => {
                    answers.push(Answer::Undecided);
                    waiting.push(touch::Candidate::new(conversion, asked.click, asked.touches, keys, now));
                }
            },
        }
    }
    named::name(tx, &mut waiting)?;
    let mut known = Known::read(tx, &waiting)?;
    let mut conclusions = Vec::with_capacity(waiting.len());
    let mut undecided = answers.iter_mut().filter(|answer| matches!(answer, Answer::Undecided));
    for candidate in waiting {
        let Some(answer) = undecided.next() else { break };
        *answer = match known.decide(candidate, now) {
            Err(refusal) => Answer::Known(Err(refusal)),
            Ok(conclusion) => {
                conclusions.push(conclusion);
                Answer::Concluded(conclusions.len() - 1)
            }
        };
    }
    let (sums, customers) = known.into_changes();
    customers.write(tx, now)?;
    let decided = write::write(tx, conclusions, sums, now)?;
    let lost = || BookError::broken("a conversion was asked for and not decided");
    let answer = |answer| match answer {
        Answer::Known(known) => Ok(known),
        Answer::Concluded(place) => decided.get(place).cloned().map(Ok).ok_or_else(lost),
        Answer::Undecided => Err(lost()),
    };
    answers.into_iter().map(answer).collect()
}

/// How a conversion of a batch is answered.
enum Answer {
    /// It is yet to be decided.
    Undecided,
    /// It need not or cannot be decided.
    Known(Result<Decided, BookError>),
    /// The conclusion in this place is written.
    Concluded(usize),
}

const fn not_found(conversion: ConversionId) -> BookError {
    BookError::NotFound { what: "conversion", id: conversion.get() }
}

/// Somebody else was faster.
fn overtaken(asked: usize, undecided: u64) -> BookError {
    let detail = format!("{asked} conversions were to be decided, {undecided} are undecided");
    StoreError::new(ErrorKind::Conflict, detail).into()
}

fn decided_before(conversion: &Conversion) -> Option<Decided> {
    conversion.decided_at?;
    Some(Decided {
        conversion: conversion.id,
        status: conversion.status.unwrap_or(CommissionStatus::Unattributed),
        affiliate: conversion.affiliate,
        reason: conversion.reason.clone(),
        transactions: 0,
        was_decided: true,
    })
}

/// How it ends, and why where nobody is credited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    pub(crate) status: CommissionStatus,
    pub(crate) reason: Option<&'static str>,
}

/// Puts a conversion that cannot be decided aside, so that it does not stop the rest: `unattributed`, with the reason.
///
/// # Errors
/// The store fails.
pub fn set_aside(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    detail: &str,
    now: UnixMillis,
) -> Result<Decided, BookError> {
    let conversion = crate::commission::conversion_of(tx, conversion)?;
    if let Some(decided) = decided_before(&conversion) {
        return Ok(decided);
    }
    let verdict = Verdict { status: CommissionStatus::Unattributed, reason: Some("set_aside") };
    let outcome = Outcome::nobody(json!({ "reason": detail, "touches": [] }));
    let conclusion = Conclusion::new(conversion, Labels::default(), verdict, outcome, now)?;
    write_down(tx, conclusion, now)
}

/// The number of the decision that stands: one more than how often the conversion was decided again.
pub(crate) fn decision_number(conversion: &Conversion) -> i64 {
    let decision: Option<Value> =
        conversion.decision.as_deref().and_then(|text| serde_json::from_str(text).ok());
    decision.and_then(|decision| decision["number"].as_i64()).unwrap_or(1)
}

/// What the decision kept for facts.
pub(crate) fn labels_of(conversion: &Conversion) -> Labels {
    let decision: Option<Value> =
        conversion.decision.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let labels = decision.and_then(|mut decision| serde_json::from_value(decision["labels"].take()).ok());
    labels.unwrap_or_default()
}
