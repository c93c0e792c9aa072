//! Where a commission stands, derived from what was booked for it.
//!
//! The steps are all transactions of one conversion and affiliate in the order of booking, and the lines of
//! payouts that hold this commission. Money moves pending → approved → payable → reserved → paid, always
//! all that is there; a reversal takes from the place where the money is, and once it is on its way to the
//! bank, from payable, which then goes below zero and is carried by the next payout.

use hopline_money::{Amount, Currency};
use hopline_types::CommissionStatus;

use crate::{Draft, Owner, Share, TransactionKind};

/// Where a reversal takes the money from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Waiting for approval.
    Pending,
    /// Approved, hold running.
    Approved,
    /// Payable, being paid, or paid: the affiliate's current balance.
    Payable,
}

/// One booked transaction as far as it concerns one commission. Amounts are magnitudes as given to the
/// recipe; below zero may be a payout's line, where it carries a clawback, and what a correction takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Step {
    /// Its kind.
    pub kind: TransactionKind,
    /// What it moved of the advertiser's money.
    pub revenue_minor: i64,
    /// What it moved of the affiliate's money.
    pub payout_minor: i64,
}

impl Step {
    /// Reads a step from what was booked for one commission. None for other kinds of transactions: a payout
    /// holds many commissions, and only its lines say how much of each.
    #[must_use]
    pub fn of(draft: &Draft) -> Option<Self> {
        let is_commission = matches!(
            draft.kind,
            TransactionKind::CommissionPending
                | TransactionKind::CommissionApproved
                | TransactionKind::CommissionPayable
                | TransactionKind::CommissionRejected
                | TransactionKind::CommissionReversed
                | TransactionKind::CommissionChargedBack
                | TransactionKind::CommissionRestored
                | TransactionKind::CommissionUnapproved
                | TransactionKind::CommissionCorrected
        );
        if draft.kind == TransactionKind::CommissionCorrected {
            // One line for each side: what it adds, or takes away.
            let of = |wanted: fn(Owner) -> bool| {
                let posting = draft.postings.iter().find(|posting| wanted(posting.account.owner()));
                posting.map_or(0, |posting| posting.amount_minor)
            };
            let revenue_minor = of(|owner| matches!(owner, Owner::Advertiser(_)));
            let payout_minor = of(|owner| matches!(owner, Owner::Affiliate(_))).checked_neg()?;
            return Some(Self { kind: draft.kind, revenue_minor, payout_minor });
        }
        // All lines of one owner in a commission's transaction have the same magnitude.
        let of_owner = |wanted: fn(Owner) -> bool| {
            let posting = draft.postings.iter().find(|posting| wanted(posting.account.owner()));
            posting.map_or(Some(0), |posting| posting.amount_minor.checked_abs())
        };
        let revenue_minor = of_owner(|owner| matches!(owner, Owner::Advertiser(_)))?;
        let payout_minor = of_owner(|owner| matches!(owner, Owner::Affiliate(_)))?;
        is_commission.then_some(Self { kind: draft.kind, revenue_minor, payout_minor })
    }
}

/// Steps that cannot have been booked one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("step {index}: {kind} does not follow from the steps before")]
pub struct StandingError {
    /// Position of the step, from 0.
    pub index: usize,
    /// Its kind.
    pub kind: TransactionKind,
}

/// The affiliate's money of one commission, by place, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// The state of contract and reports.
    pub status: CommissionStatus,
    /// Where a reversal would take the money from; None where nothing is left to reverse.
    pub reversible_from: Option<Stage>,
    /// Payout as first booked.
    pub booked_minor: i64,
    /// Revenue as first booked.
    pub booked_revenue_minor: i64,
    /// Waiting for approval.
    pub pending_minor: i64,
    /// Approved, hold running.
    pub approved_minor: i64,
    /// Free to be paid; below zero after a reversal of what was paid.
    pub payable_minor: i64,
    /// In a payout that is not settled.
    pub reserved_minor: i64,
    /// In settled payouts.
    pub paid_minor: i64,
    /// Payout refused before approval.
    pub rejected_minor: i64,
    /// Payout taken back.
    pub reversed_minor: i64,
    /// Revenue taken back.
    pub reversed_revenue_minor: i64,
}

impl Standing {
    /// The commission as first booked.
    #[must_use]
    pub fn booked(&self, currency: Currency) -> Share {
        share(self.booked_revenue_minor, self.booked_minor, currency)
    }

    /// What was taken back of it.
    #[must_use]
    pub fn reversed(&self, currency: Currency) -> Share {
        share(self.reversed_revenue_minor, self.reversed_minor, currency)
    }

    /// What is left of it: what the next step moves.
    #[must_use]
    pub fn left(&self, currency: Currency) -> Share {
        let left = self.booked(currency).minus(self.reversed(currency));
        left.expect("a standing has at most as much reversed as booked")
    }
}

fn share(revenue_minor: i64, payout_minor: i64, currency: Currency) -> Share {
    Share::new(Amount::new(revenue_minor, currency), Amount::new(payout_minor, currency))
        .expect("sums of a standing are not below zero")
}

const EMPTY: Standing = Standing {
    status: CommissionStatus::Unattributed,
    reversible_from: None,
    booked_minor: 0,
    booked_revenue_minor: 0,
    pending_minor: 0,
    approved_minor: 0,
    payable_minor: 0,
    reserved_minor: 0,
    paid_minor: 0,
    rejected_minor: 0,
    reversed_minor: 0,
    reversed_revenue_minor: 0,
};

/// Derives where a commission stands. Without steps nobody was credited: `unattributed`.
///
/// # Errors
/// A step that cannot follow from those before, such as an approval of more than is pending.
pub fn standing(steps: impl IntoIterator<Item = Step>) -> Result<Standing, StandingError> {
    let mut now = EMPTY;
    let mut stage = None;
    for (index, step) in steps.into_iter().enumerate() {
        apply(&mut now, &mut stage, step).ok_or(StandingError { index, kind: step.kind })?;
    }
    Ok(now)
}

/// One step; None where it does not follow.
fn apply(now: &mut Standing, stage: &mut Option<Stage>, step: Step) -> Option<()> {
    let Step { kind, revenue_minor: revenue, payout_minor: payout } = step;
    let is_payout = matches!(
        kind,
        TransactionKind::PayoutReserved
            | TransactionKind::PayoutSettled
            | TransactionKind::PayoutFailed
            | TransactionKind::PayoutReturned
    );
    // A payout may hold what was made payable and what was taken back of that: together nothing, wherever it is now.
    if is_payout && payout == 0 && *stage != Some(Stage::Payable) {
        return Some(());
    }
    let is_over = now.status == CommissionStatus::Rejected && kind != TransactionKind::CommissionRestored;
    let is_corrected = kind == TransactionKind::CommissionCorrected;
    if is_over || (revenue < 0 && !is_corrected) || (payout < 0 && !is_payout && !is_corrected) {
        return None;
    }
    match kind {
        TransactionKind::CommissionPending => {
            follows(*stage, None)?;
            now.booked_minor = payout;
            now.booked_revenue_minor = revenue;
            now.pending_minor = payout;
            *stage = Some(Stage::Pending);
            now.status = CommissionStatus::Pending;
        }
        TransactionKind::CommissionApproved => {
            follows(*stage, Some(Stage::Pending))?;
            all_of(&mut now.pending_minor, payout)?;
            now.approved_minor = payout;
            *stage = Some(Stage::Approved);
            now.status = CommissionStatus::Approved;
        }
        TransactionKind::CommissionPayable => {
            follows(*stage, Some(Stage::Approved))?;
            all_of(&mut now.approved_minor, payout)?;
            now.payable_minor = payout;
            *stage = Some(Stage::Payable);
            now.status = CommissionStatus::Payable;
        }
        TransactionKind::CommissionRejected => {
            follows(*stage, Some(Stage::Pending))?;
            all_of(&mut now.pending_minor, payout)?;
            now.rejected_minor = payout;
            now.status = CommissionStatus::Rejected;
        }
        TransactionKind::CommissionReversed | TransactionKind::CommissionChargedBack => {
            let from = now.reversible_from?;
            now.reversed_minor = now.reversed_minor.checked_add(payout)?;
            now.reversed_revenue_minor = now.reversed_revenue_minor.checked_add(revenue)?;
            less(now.booked_minor, now.reversed_minor)?;
            less(now.booked_revenue_minor, now.reversed_revenue_minor)?;
            match from {
                Stage::Pending => now.pending_minor = less(now.pending_minor, payout)?,
                Stage::Approved => now.approved_minor = less(now.approved_minor, payout)?,
                Stage::Payable => now.payable_minor = now.payable_minor.checked_sub(payout)?,
            }
        }
        TransactionKind::CommissionRestored if now.status == CommissionStatus::Rejected => {
            all_of(&mut now.rejected_minor, payout)?;
            follows(Some(revenue), less(now.booked_revenue_minor, now.reversed_revenue_minor))?;
            now.pending_minor = payout;
            now.status = CommissionStatus::Pending;
        }
        TransactionKind::CommissionRestored => {
            now.reversed_minor = less(now.reversed_minor, payout)?;
            now.reversed_revenue_minor = less(now.reversed_revenue_minor, revenue)?;
            let place = match (*stage)? {
                Stage::Pending => &mut now.pending_minor,
                Stage::Approved => &mut now.approved_minor,
                Stage::Payable => &mut now.payable_minor,
            };
            *place = place.checked_add(payout)?;
            now.status = by_place(now, (*stage)?);
        }
        TransactionKind::CommissionUnapproved => {
            let is_untouched = now.reserved_minor == 0 && now.paid_minor == 0;
            match stage.filter(|_| is_untouched)? {
                Stage::Pending => return None,
                Stage::Approved => all_of(&mut now.approved_minor, payout)?,
                Stage::Payable => all_of(&mut now.payable_minor, payout)?,
            }
            now.pending_minor = payout;
            *stage = Some(Stage::Pending);
            now.status = CommissionStatus::Pending;
        }
        // Whatever was taken back has been given again before.
        TransactionKind::CommissionCorrected => {
            follows((now.reversed_minor, now.reversed_revenue_minor), (0, 0))?;
            now.booked_minor = sum(now.booked_minor, payout)?;
            now.booked_revenue_minor = sum(now.booked_revenue_minor, revenue)?;
            match (*stage)? {
                Stage::Pending => now.pending_minor = sum(now.pending_minor, payout)?,
                Stage::Approved => now.approved_minor = sum(now.approved_minor, payout)?,
                Stage::Payable => now.payable_minor = now.payable_minor.checked_add(payout)?,
            }
            now.status = by_place(now, (*stage)?);
        }
        TransactionKind::PayoutReserved => {
            follows(*stage, Some(Stage::Payable))?;
            now.payable_minor = now.payable_minor.checked_sub(payout)?;
            now.reserved_minor = now.reserved_minor.checked_add(payout)?;
        }
        TransactionKind::PayoutSettled => {
            follows(*stage, Some(Stage::Payable))?;
            now.reserved_minor = now.reserved_minor.checked_sub(payout)?;
            now.paid_minor = now.paid_minor.checked_add(payout)?;
            // A payout may hold only what was taken back of this commission, while the rest is still to be paid.
            if now.payable_minor <= 0 && now.reserved_minor <= 0 {
                now.status = CommissionStatus::Paid;
            }
        }
        TransactionKind::PayoutFailed => {
            follows(*stage, Some(Stage::Payable))?;
            now.reserved_minor = now.reserved_minor.checked_sub(payout)?;
            now.payable_minor = now.payable_minor.checked_add(payout)?;
        }
        TransactionKind::PayoutReturned => {
            follows(*stage, Some(Stage::Payable))?;
            now.paid_minor = now.paid_minor.checked_sub(payout)?;
            now.payable_minor = now.payable_minor.checked_add(payout)?;
            if now.status == CommissionStatus::Paid {
                now.status = by_place(now, Stage::Payable);
            }
        }
        TransactionKind::ChargebackFee
        | TransactionKind::AdvertiserPayment
        | TransactionKind::Adjustment
        | TransactionKind::Exchange => {}
    }
    conclude(now, *stage);
    Some(())
}

/// What follows from the sums, whatever the last step was.
fn conclude(now: &mut Standing, stage: Option<Stage>) {
    let is_rejected = now.status == CommissionStatus::Rejected;
    let payout_is_gone = now.booked_minor == now.reversed_minor;
    let revenue_is_gone = now.booked_revenue_minor == now.reversed_revenue_minor;
    let was_reversed = now.reversed_minor > 0 || now.reversed_revenue_minor > 0;
    // Rounding may take the last cent of the payout before that of the revenue: the rest has its way to go.
    if was_reversed && payout_is_gone && revenue_is_gone {
        now.status = CommissionStatus::Reversed;
    }
    let is_worth_something = now.booked_minor > 0 || now.booked_revenue_minor > 0;
    // A decision that was made again has left nothing of it.
    if stage.is_some() && !is_worth_something {
        now.status = CommissionStatus::Unattributed;
    }
    let is_left = is_worth_something && !(payout_is_gone && revenue_is_gone);
    now.reversible_from = if is_rejected || !is_left { None } else { stage };
}

/// The status of a commission of which something was given again.
fn by_place(now: &Standing, stage: Stage) -> CommissionStatus {
    let is_paid = now.payable_minor <= 0 && now.reserved_minor <= 0 && now.paid_minor > 0;
    match stage {
        Stage::Pending => CommissionStatus::Pending,
        Stage::Approved => CommissionStatus::Approved,
        Stage::Payable if is_paid => CommissionStatus::Paid,
        Stage::Payable => CommissionStatus::Payable,
    }
}

/// Both together, if that is not below zero.
fn sum(there: i64, more: i64) -> Option<i64> {
    there.checked_add(more).filter(|sum| *sum >= 0)
}

fn follows<T: PartialEq>(there: T, expected: T) -> Option<()> {
    (there == expected).then_some(())
}

/// Takes everything from a place, if `taken` is everything.
fn all_of(there: &mut i64, taken: i64) -> Option<()> {
    (*there == taken).then(|| *there = 0)
}

/// What is left, if it is not below zero.
fn less(there: i64, taken: i64) -> Option<i64> {
    there.checked_sub(taken).filter(|rest| *rest >= 0)
}
