//! What a commission books that was decided again.
//!
//! A commission keeps its way through the ledger; what changes is its amount, by one transaction where its money is
//! (`commission_corrected`, naming the booking that it corrects). What refunds had taken back is given again before and
//! taken back anew afterwards, refund by refund, so that it is the same part of the new amount. A commission that was
//! paid is corrected on the payable account, as by a refund after payment.

use std::collections::BTreeMap;

use hopline_control_store::commissions::Refund;
use hopline_control_store::conversions::Conversion;
use hopline_ledger::{Share, Stage, TransactionId, TransactionKind, refund_share};
use hopline_types::{CommissionStatus, UnixMillis};

use super::{Begin, Course, DAY_MS, part_of};
use crate::BookError;
use crate::refund::{kind_of, takes};

/// What a decision that is made again says to all commissions of its conversion.
#[derive(Debug)]
pub(crate) struct Correction<'a> {
    pub(crate) conversion: &'a Conversion,
    /// The number of the decision, from 2.
    pub(crate) number: i64,
    /// Why, for the ledger.
    pub(crate) reason: String,
    /// How commissions begin now.
    pub(crate) begin: Begin,
    /// When they count as approved, where they are.
    pub(crate) approved_at: UnixMillis,
    /// All refunds of the conversion, oldest first.
    pub(crate) refunds: &'a [Refund],
    pub(crate) now: UnixMillis,
}

/// What a refund takes back now: its number, revenue and payout; below zero where it gives again.
pub(crate) type TakenBack = (i64, i64, i64);

impl Course {
    /// Brings it to the amount that it should have, none where it should not be there, and as far as it should be.
    /// Gives back what each refund takes back of it now.
    pub(crate) fn correct(
        &mut self,
        to: Option<Share>,
        why: &Correction<'_>,
    ) -> Result<Vec<TakenBack>, BookError> {
        self.effective_at = Some(why.now);
        let share = to.unwrap_or(Share::zero(self.commission.currency));
        if self.commission.status == CommissionStatus::Rejected && !self.steps.is_empty() {
            self.unreject(&why.reason, why.now)?;
        }
        if self.steps.is_empty() {
            // Nothing was booked for it: it is new, or was worth nothing.
            self.commission.status = CommissionStatus::Pending;
            (self.commission.approved_at, self.commission.payable_at) = (None, None);
            self.set(share);
            let id = self.id_of(TransactionKind::CommissionPending);
            self.push(self.recipe(share).pending(id, why.now));
        } else {
            self.give_again(why)?;
            self.change(share, why)?;
            self.set(share);
        }
        if to.is_none() {
            self.project(CommissionStatus::Unattributed)?;
            return Ok(Vec::new());
        }
        let before = self.commission.status;
        let is_new = matches!(before, CommissionStatus::Unattributed | CommissionStatus::Rejected);
        self.project(if is_new { CommissionStatus::Pending } else { before })?;
        self.go(why)?;
        self.hold_again(why)?;
        self.refund_again(share, why)
    }

    fn set(&mut self, share: Share) {
        self.commission.revenue_minor = share.revenue().minor;
        self.commission.payout_minor = share.payout().minor;
    }

    /// What had booked it.
    fn booking(&self) -> TransactionId {
        let (conversion, affiliate) = (self.commission.conversion, self.commission.affiliate);
        TransactionId::of_commission(TransactionKind::CommissionPending, conversion, affiliate)
    }

    fn id_of_decision(&self, kind: TransactionKind, number: i64) -> Result<TransactionId, BookError> {
        let (conversion, affiliate) = (self.commission.conversion, self.commission.affiliate);
        TransactionId::of_part(kind, conversion, affiliate, &format!("decision-{number}"))
            .map_err(BookError::broken)
    }

    /// Gives again what refunds have taken back.
    fn give_again(&mut self, why: &Correction<'_>) -> Result<(), BookError> {
        let taken = self.standing()?.reversed(self.commission.currency);
        let id = self.id_of_decision(TransactionKind::CommissionRestored, why.number)?;
        let draft =
            self.recipe(taken).restored(self.place(), self.booking(), id, why.now, why.reason.clone());
        self.push(draft);
        Ok(())
    }

    /// Books the difference.
    fn change(&mut self, share: Share, why: &Correction<'_>) -> Result<(), BookError> {
        let was = self.standing()?.booked(self.commission.currency);
        let id = self.id_of_decision(TransactionKind::CommissionCorrected, why.number)?;
        let recipe = self.recipe(share);
        let draft = recipe.corrected(was, self.place(), self.booking(), id, why.now, why.reason.clone());
        self.push(draft);
        Ok(())
    }

    /// Lets it go as far as it would have begun. What is on its way to the bank stays where it is.
    fn go(&mut self, why: &Correction<'_>) -> Result<(), BookError> {
        let standing = self.standing()?;
        let is_paid = standing.paid_minor != 0 || standing.reserved_minor != 0;
        let is_worthless = self.steps.is_empty();
        let waits = if is_worthless {
            self.commission.status == CommissionStatus::Pending
        } else {
            self.place() == Stage::Pending
        };
        match why.begin {
            Begin::Approved { hold_days } if waits => self.approve(why.approved_at, hold_days, why.now),
            Begin::Rejected(by) if waits => self.reject(by.told(), why.now),
            Begin::Rejected(by) if !is_paid => {
                self.unapprove(&why.reason, why.now)?;
                self.reject(by.told(), why.now)
            }
            Begin::Pending if !waits && !is_paid => self.unapprove(&why.reason, why.now),
            Begin::Pending | Begin::Approved { .. } | Begin::Rejected(_) => Ok(()),
        }
    }

    /// Where there is money to hold again, it is held as long as it would have been.
    fn hold_again(&mut self, why: &Correction<'_>) -> Result<(), BookError> {
        let commission = &self.commission;
        let is_held = commission.status == CommissionStatus::Approved && commission.payable_at.is_none();
        if let (true, Some(at)) = (is_held && !self.left()?.payout().is_zero(), commission.approved_at) {
            self.commission.payable_at = Some(at.plus(why.hold_days().saturating_mul(DAY_MS)));
        }
        Ok(())
    }

    /// Takes back again what was refunded, refund by refund.
    fn refund_again(&mut self, share: Share, why: &Correction<'_>) -> Result<Vec<TakenBack>, BookError> {
        let nothing = Share::zero(self.commission.currency);
        let order = why.conversion.ordered().filter(|order| order.minor > 0);
        let mut so_far = 0_i64;
        let mut parts: BTreeMap<i64, Share> = BTreeMap::new();
        let mut taken_back = Vec::with_capacity(why.refunds.len());
        for refund in why.refunds {
            so_far = so_far.saturating_add(refund.amount_minor.unwrap_or_default());
            let before = self.standing()?.reversed(self.commission.currency);
            let part = match (refund.undoes, order) {
                // Of what is rejected nothing can be taken back.
                _ if self.commission.status == CommissionStatus::Rejected => nothing,
                (Some(undone), _) => parts.get(&undone).copied().unwrap_or(nothing),
                (None, Some(order)) => refund_share(share, before, order.minor, so_far).ok_or_else(|| {
                    BookError::broken(format!("refund {} takes back more than the order", refund.id))
                })?,
                (None, None) => share.minus(before).unwrap_or(nothing),
            };
            parts.insert(refund.id, part);
            let is_whole = order.is_none_or(|order| so_far >= order.minor);
            let takes = takes(refund, why.refunds);
            let undone = refund.undoes.map(|undone| why.undone(undone, self.commission.affiliate));
            let again = Refund { created_at: why.now, ..refund.clone() };
            let again = (&again, why.number);
            let worthless = if is_whole { CommissionStatus::Reversed } else { self.commission.status };
            match undone.transpose()? {
                Some(undone) if !takes => self.restore(part, again, undone, why.hold_days())?,
                undone => self.reverse(part, again, undone, worthless)?,
            }
            let signed = |minor: i64| if takes { minor } else { minor.saturating_neg() };
            taken_back.push((refund.id, signed(part.revenue().minor), signed(part.payout().minor)));
        }
        Ok(taken_back)
    }
}

impl Correction<'_> {
    /// For how long commissions are held that begin as approved.
    const fn hold_days(&self) -> i64 {
        match self.begin {
            Begin::Approved { hold_days } => hold_days,
            Begin::Pending | Begin::Rejected(_) => 0,
        }
    }

    /// What a refund that was undone has booked again.
    fn undone(&self, undone: i64, affiliate: hopline_types::AffiliateId) -> Result<TransactionId, BookError> {
        let refund = self.refunds.iter().find(|refund| refund.id == undone);
        let refund = refund.ok_or_else(|| BookError::broken(format!("refund {undone} is not there")))?;
        let kind = kind_of(refund, takes(refund, self.refunds));
        part_of(kind, (self.conversion.id, self.number), affiliate, undone)
    }
}
