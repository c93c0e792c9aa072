//! The judgement of people: approving and rejecting, one by one and in bulk, and undoing what was a mistake.
//!
//! Every judgement is kept with its reason and who made it ([`hopline_control_store::judgements`]). Nothing is changed in
//! the ledger: an approval or rejection that was a mistake is corrected by a further transaction that names it (L-06), and
//! the conversion waits again. It can then be judged anew, and that be undone as well.

use std::collections::BTreeMap;

use hopline_control_store::Tx;
use hopline_control_store::commissions;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::judgements::{self, Judged, Judgement};
use hopline_types::{CommissionStatus, ConversionId, OfferId, UnixMillis};

use crate::commission::{self, Bookings, Course};
use crate::decide::labels_of;
use crate::{BookError, caps, facts};

pub(crate) mod rules;

/// The most conversions that are judged at once.
pub const JUDGED_MAX: usize = 1_000;

/// A conversion after somebody has judged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// As it is now.
    pub conversion: Conversion,
    /// Whether anything was changed; not where it had been judged so before.
    pub changed: bool,
    /// How many ledger transactions were booked now.
    pub transactions: u64,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judge {
    /// To approve it.
    Approve {
        /// Why, where somebody says.
        reason: Option<String>,
    },
    /// To reject it.
    Reject {
        /// Why.
        reason: String,
    },
    /// To let it wait again: its approval was a mistake.
    UndoApproval {
        /// Why.
        reason: String,
    },
    /// To let it wait again: its rejection was a mistake.
    UndoRejection {
        /// Why.
        reason: String,
    },
}

/// Approves a pending conversion. Approved already: nothing changes. The hold counts from now.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`], the store's.
pub fn approve(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    actor: &str,
    now: UnixMillis,
) -> Result<Reviewed, BookError> {
    judge(tx, conversion, &Judge::Approve { reason: None }, actor, now)
}

/// Rejects a pending conversion. Rejected already: nothing changes.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`] (approved ones are refunded), [`BookError::Invalid`], the store's.
pub fn reject(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    reason: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<Reviewed, BookError> {
    judge(tx, conversion, &Judge::Reject { reason: reason.to_owned() }, actor, now)
}

/// Judges a conversion.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`], [`BookError::Invalid`] (the reason), the store's.
pub fn judge(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    what: &Judge,
    actor: &str,
    now: UnixMillis,
) -> Result<Reviewed, BookError> {
    let mut bench = Bench { actor, now, hold_days: BTreeMap::new() };
    let (reviewed, bookings) = bench.judge(tx, conversion, what)?;
    bookings.book(tx, now)?;
    Ok(reviewed)
}

/// Judges conversions as if one after the other; what is wrong with one leaves the others alone. The inner errors are
/// those of [`judge`]: nothing was changed of these.
///
/// # Errors
/// The store's; what the ledger refuses. The transaction may not be committed then.
pub fn judge_many(
    tx: &mut dyn Tx,
    asked: &[(ConversionId, Judge)],
    actor: &str,
    now: UnixMillis,
) -> Result<Vec<Result<Reviewed, BookError>>, BookError> {
    let mut bench = Bench { actor, now, hold_days: BTreeMap::new() };
    let mut bookings = Bookings::default();
    let mut answers = Vec::with_capacity(asked.len());
    let mut seen = std::collections::BTreeSet::new();
    for (conversion, what) in asked {
        if !seen.insert(*conversion) {
            // The books of the first are not closed yet.
            let again = BookError::field("id", format!("conversion {conversion} is named twice"));
            answers.push(Err(again));
            continue;
        }
        match bench.judge(tx, *conversion, what) {
            Ok((reviewed, own)) => {
                bookings.append(own);
                answers.push(Ok(reviewed));
            }
            Err(BookError::Store(error)) => return Err(error.into()),
            // Refused before anything was written.
            Err(refusal) => answers.push(Err(refusal)),
        }
    }
    bookings.book(tx, now)?;
    Ok(answers)
}

/// Who judges, and when.
struct Bench<'a> {
    actor: &'a str,
    now: UnixMillis,
    /// Of offers that were looked up.
    hold_days: BTreeMap<OfferId, i64>,
}

impl Bench<'_> {
    fn judge(
        &mut self,
        tx: &mut dyn Tx,
        conversion: ConversionId,
        what: &Judge,
    ) -> Result<(Reviewed, Bookings), BookError> {
        let conversion = commission::conversion_of(tx, conversion)?;
        if let Some(reason) = what.reason() {
            commission::check_reason(reason)?;
        }
        if !what.is_due(&conversion)? {
            return Ok((Reviewed { conversion, changed: false, transactions: 0 }, Bookings::default()));
        }
        let now = self.now;
        let hold_days = match what {
            Judge::Approve { .. } => self.hold_days(tx, &conversion)?,
            _ => 0,
        };
        self.change(tx, &conversion, what, |course| match what {
            Judge::Approve { .. } => course.approve(now, hold_days, now),
            Judge::Reject { reason } => course.reject(reason, now),
            Judge::UndoApproval { reason } => course.unapprove(reason, now),
            Judge::UndoRejection { reason } => course.unreject(reason, now),
        })
    }

    fn hold_days(&mut self, tx: &mut dyn Tx, conversion: &Conversion) -> Result<i64, BookError> {
        if let Some(known) = self.hold_days.get(&conversion.offer) {
            return Ok(*known);
        }
        let days = commission::offer_of(tx, conversion)?.settings.hold_days;
        self.hold_days.insert(conversion.offer, days);
        Ok(days)
    }

    /// Moves the commissions of a conversion that the judgement is about, keeps its status, and tells reports.
    fn change(
        &self,
        tx: &mut dyn Tx,
        conversion: &Conversion,
        what: &Judge,
        mut step: impl FnMut(&mut Course) -> Result<(), BookError>,
    ) -> Result<(Reviewed, Bookings), BookError> {
        let labels = labels_of(conversion);
        let before = facts::picture(tx, conversion, &labels)?;
        let mut moved = commissions::of_conversion(tx, conversion.id)?;
        moved.retain(|commission| what.moves(commission.status));
        if moved.is_empty() {
            return Err(what.wrong_state(conversion));
        }
        let counted = caps::counted(tx, conversion)?;
        let bookings = commission::advance(tx, moved, |course, _| step(course))?;
        let judgement = Judgement {
            id: 0,
            conversion: conversion.id,
            what: what.judged(),
            reason: what.reason().map(str::to_owned),
            actor: self.actor.to_owned(),
            at: self.now,
        };
        let number = judgements::insert(tx, &judgement)?;
        let shown = what.reason().filter(|_| !matches!(what, Judge::Approve { .. }));
        let conversion = commission::refresh(tx, conversion.id, shown)?;
        counted.give_back(tx, &conversion)?;
        let cause = format!("judged:{number}");
        facts::put_changes(tx, &cause, &conversion, &labels, &before, self.now)?;
        let actor = self.actor;
        tracing::debug!(conversion.id = conversion.id.get(), actor, what = what.judged().as_str(), "judged");
        let transactions = u64::try_from(bookings.len()).map_err(BookError::broken)?;
        Ok((Reviewed { conversion, changed: true, transactions }, bookings))
    }
}

impl Judge {
    /// Why.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Approve { reason } => reason.as_deref(),
            Self::Reject { reason } | Self::UndoApproval { reason } | Self::UndoRejection { reason } => {
                Some(reason)
            }
        }
    }

    const fn judged(&self) -> Judged {
        match self {
            Self::Approve { .. } => Judged::Approved,
            Self::Reject { .. } => Judged::Rejected,
            Self::UndoApproval { .. } => Judged::ApprovalUndone,
            Self::UndoRejection { .. } => Judged::RejectionUndone,
        }
    }

    /// Whether there is something to do; an error where it cannot be done.
    fn is_due(&self, conversion: &Conversion) -> Result<bool, BookError> {
        use CommissionStatus::{Approved, Paid, Payable, Pending, Rejected};
        let Some(status) = conversion.status else { return Err(self.wrong_state(conversion)) };
        match (self, status) {
            (Self::Approve { .. } | Self::Reject { .. }, Pending)
            | (Self::UndoApproval { .. }, Approved | Payable)
            | (Self::UndoRejection { .. }, Rejected) => Ok(true),
            (Self::Approve { .. }, Approved | Payable | Paid) | (Self::Reject { .. }, Rejected) => Ok(false),
            _ => Err(self.wrong_state(conversion)),
        }
    }

    /// Whether it is about a commission with this status.
    const fn moves(&self, status: CommissionStatus) -> bool {
        match self {
            Self::Approve { .. } | Self::Reject { .. } => matches!(status, CommissionStatus::Pending),
            Self::UndoApproval { .. } => {
                matches!(status, CommissionStatus::Approved | CommissionStatus::Payable)
            }
            Self::UndoRejection { .. } => matches!(status, CommissionStatus::Rejected),
        }
    }

    fn wrong_state(&self, conversion: &Conversion) -> BookError {
        let wanted = match (self, conversion.status) {
            (_, None) => "it can be judged once it is decided",
            (Self::Approve { .. }, Some(CommissionStatus::Rejected)) => {
                "only pending ones can be approved; undo the rejection first"
            }
            (Self::Approve { .. }, _) => "only pending ones can be approved",
            (Self::Reject { .. }, _) => "only pending ones can be rejected; refund approved ones",
            (Self::UndoApproval { .. }, Some(CommissionStatus::Paid)) => {
                "its approval cannot be undone any more; refund it"
            }
            (Self::UndoApproval { .. }, _) => "there is no approval to undo",
            (Self::UndoRejection { .. }, Some(CommissionStatus::Rejected)) => {
                "nobody was credited: there is nothing that could wait again"
            }
            (Self::UndoRejection { .. }, _) => "there is no rejection to undo",
        };
        let is = conversion.status.map_or("not decided yet", CommissionStatus::as_str).to_owned();
        BookError::State { what: "conversion", id: conversion.id.get(), is, wanted }
    }
}
