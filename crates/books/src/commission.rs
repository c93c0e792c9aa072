//! One affiliate's commission and its way through the ledger.

use hopline_control_store::commissions::{self, Commission, InsertCommission, Refund, RefundKind};
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::offers::Offer;
use hopline_control_store::{Scope, Tx, ledger, offers};
use hopline_ledger::{Draft, Share, Stage, Standing, Step, TransactionId, TransactionKind, recipe, standing};
use hopline_money::Amount;
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, HOUR_MS, UnixMillis};

use crate::BookError;

mod correct;

pub(crate) use correct::{Correction, TakenBack};

const DAY_MS: i64 = 24 * HOUR_MS;

/// What is to be booked in one go. It is booked at the end of everything else: from then on others wait.
#[derive(Debug, Default)]
#[must_use = "nothing is booked before `book`"]
pub(crate) struct Bookings(Vec<Draft>);

impl Bookings {
    /// How many drafts there are.
    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes over those of another one, in order.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Books a draft later, if there is one.
    pub(crate) fn add(&mut self, drafts: impl IntoIterator<Item = Draft>) {
        self.0.extend(drafts);
    }

    /// Books all of them in order; says how many are new.
    pub(crate) fn book(self, tx: &mut dyn Tx, now: UnixMillis) -> Result<u64, BookError> {
        let posted = ledger::post_many(tx, self.0, now)?;
        Ok(posted.iter().map(|posted| u64::from(posted.is_new())).sum())
    }
}

/// The offer of a conversion, which a foreign key says is there.
pub(crate) fn offer_of(tx: &mut dyn Tx, conversion: &Conversion) -> Result<Offer, BookError> {
    offers::get(tx, Scope::All, conversion.offer)?
        .ok_or(BookError::NotFound { what: "offer", id: conversion.offer.get() })
}

/// A conversion that must be there.
pub(crate) fn conversion_of(tx: &mut dyn Tx, id: ConversionId) -> Result<Conversion, BookError> {
    conversions::find(tx, id)?.ok_or(BookError::NotFound { what: "conversion", id: id.get() })
}

/// What is credited to whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credited {
    /// Who.
    pub(crate) affiliate: AffiliateId,
    /// What.
    pub(crate) share: Share,
}

/// How far a new commission goes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// Waits for somebody's judgement.
    Pending,
    /// Approved; payable too where there is no hold.
    Approved {
        /// How long it is held.
        hold_days: i64,
    },
    /// Refused at once.
    Rejected(RejectedBy),
}

/// Who refuses a commission at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RejectedBy {
    /// The advertiser, with its report.
    Advertiser,
    /// A rule of the offer.
    Rule,
}

impl RejectedBy {
    /// A short word that never changes.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::Advertiser => "rejected_by_advertiser",
            Self::Rule => "rejected_by_rule",
        }
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Advertiser => "rejected by the advertiser",
            Self::Rule => "rejected by a rule of the offer",
        }
    }
}

/// One commission on its way: what was booked for it so far, and what is to be booked next. Nothing is read or written
/// here: one rule for one commission and for hundreds.
#[derive(Debug)]
pub(crate) struct Course {
    /// As it will be.
    commission: InsertCommission,
    reversed_revenue_minor: i64,
    reversed_payout_minor: i64,
    /// All that was booked for it, with what is to be booked.
    steps: Vec<Step>,
    drafts: Vec<Draft>,
    /// When everything takes effect, whenever it was due: set where it is decided again.
    effective_at: Option<UnixMillis>,
}

impl Course {
    /// A commission of a conversion that is decided now, with its first steps, all as of the conversion's time.
    pub(crate) fn begin(
        conversion: &Conversion,
        credited: Credited,
        begin: Begin,
        now: UnixMillis,
    ) -> Result<Self, BookError> {
        let mut course = Self::new(conversion, credited);
        course.book(credited.share, begin, conversion.converted_at, now)?;
        Ok(course)
    }

    /// A commission for which nothing is booked yet.
    pub(crate) fn new(conversion: &Conversion, credited: Credited) -> Self {
        let commission = InsertCommission {
            conversion: conversion.id,
            affiliate: credited.affiliate,
            advertiser: conversion.advertiser,
            currency: conversion.currency,
            revenue_minor: credited.share.revenue().minor,
            payout_minor: credited.share.payout().minor,
            status: CommissionStatus::Pending,
            approved_at: None,
            payable_at: None,
        };
        Self {
            commission,
            reversed_revenue_minor: 0,
            reversed_payout_minor: 0,
            steps: Vec::new(),
            drafts: Vec::new(),
            effective_at: None,
        }
    }

    /// Books it for the first time, and lets it go as far as it begins.
    fn book(&mut self, share: Share, begin: Begin, at: UnixMillis, now: UnixMillis) -> Result<(), BookError> {
        let id = self.id_of(TransactionKind::CommissionPending);
        self.push(self.recipe(share).pending(id, at));
        match begin {
            Begin::Pending => Ok(()),
            Begin::Approved { hold_days } => self.approve(at, hold_days, now),
            Begin::Rejected(by) => self.reject(by.told(), at),
        }
    }

    /// Stored commissions, with what was booked for them.
    pub(crate) fn of(tx: &mut dyn Tx, commissions: &[Commission]) -> Result<Vec<Self>, BookError> {
        let whose: Vec<_> = commissions.iter().map(|stored| (stored.conversion, stored.affiliate)).collect();
        let steps = ledger::of_commissions(tx, &whose)?;
        Ok(commissions.iter().zip(steps).map(|(stored, steps)| Self::stored(stored, steps)).collect())
    }

    fn stored(stored: &Commission, steps: Vec<Step>) -> Self {
        let commission = InsertCommission {
            conversion: stored.conversion,
            affiliate: stored.affiliate,
            advertiser: stored.advertiser,
            currency: stored.currency,
            revenue_minor: stored.revenue_minor,
            payout_minor: stored.payout_minor,
            status: stored.status,
            approved_at: stored.approved_at,
            payable_at: stored.payable_at,
        };
        Self {
            commission,
            reversed_revenue_minor: stored.reversed_revenue_minor,
            reversed_payout_minor: stored.reversed_payout_minor,
            steps,
            drafts: Vec::new(),
            effective_at: None,
        }
    }

    /// Approves it, and ends its hold where that has ended by `now`.
    pub(crate) fn approve(
        &mut self,
        approved_at: UnixMillis,
        hold_days: i64,
        now: UnixMillis,
    ) -> Result<(), BookError> {
        let share = self.left()?;
        let id = self.id_of(TransactionKind::CommissionApproved);
        self.push(self.recipe(share).approved(id, approved_at));
        self.commission.approved_at = Some(approved_at);
        let ends_at = approved_at.plus(hold_days.saturating_mul(DAY_MS));
        self.commission.payable_at = Some(ends_at);
        if ends_at <= now {
            return self.release(now);
        }
        self.project(CommissionStatus::Approved)
    }

    /// Ends its hold. Where nothing is left to pay it stays approved.
    ///
    /// # Errors
    /// [`BookError::Broken`] where what was booked for it says something else.
    pub(crate) fn release(&mut self, now: UnixMillis) -> Result<(), BookError> {
        let booked = self.standing()?.status;
        let InsertCommission { conversion, affiliate, revenue_minor, payout_minor, .. } = self.commission;
        if booked != CommissionStatus::Approved && (revenue_minor != 0 || payout_minor != 0) {
            return Err(BookError::broken(format!(
                "the commission of affiliate {affiliate} for conversion {conversion} is kept as approved, its bookings \
                 say {booked}"
            )));
        }
        let ended_at = self.commission.payable_at.take().unwrap_or(now);
        let share = self.left()?;
        let id = self.id_of(TransactionKind::CommissionPayable);
        self.push(self.recipe(share).payable(id, ended_at));
        self.project(CommissionStatus::Approved)
    }

    /// Refuses it.
    pub(crate) fn reject(&mut self, reason: &str, effective_at: UnixMillis) -> Result<(), BookError> {
        let share = self.left()?;
        let id = self.id_of(TransactionKind::CommissionRejected);
        self.push(self.recipe(share).rejected(id, effective_at, Some(reason.to_owned())));
        self.project(CommissionStatus::Rejected)
    }

    /// Takes a share back from where its money is; `worthless` is where a commission worth nothing goes. Where the refund
    /// undoes another one, `undone` is what that had booked.
    pub(crate) fn reverse(
        &mut self,
        share: Share,
        (refund, number): (&Refund, i64),
        undone: Option<TransactionId>,
        worthless: CommissionStatus,
    ) -> Result<(), BookError> {
        if let Some(from) = self.standing()?.reversible_from {
            let reason = Some(refund.reason.clone());
            let (recipe, at) = (self.recipe(share), refund.created_at);
            let draft = match refund.kind {
                RefundKind::Chargeback => {
                    let id = self.part(TransactionKind::CommissionChargedBack, refund.id, number)?;
                    recipe.charged_back(from, id, at, reason)
                }
                RefundKind::Refund | RefundKind::Undo => {
                    let id = self.part(TransactionKind::CommissionReversed, refund.id, number)?;
                    recipe.reversed(from, id, at, reason)
                }
            };
            self.push(draft.map(|draft| Draft { corrects: undone, ..draft }));
        }
        self.project(worthless)
    }

    /// Gives a share again that `undone` had taken back. Where it is held, `hold_days` say until when.
    pub(crate) fn restore(
        &mut self,
        share: Share,
        (refund, number): (&Refund, i64),
        undone: TransactionId,
        hold_days: i64,
    ) -> Result<(), BookError> {
        let to = self.place();
        let id = self.part(TransactionKind::CommissionRestored, refund.id, number)?;
        self.push(self.recipe(share).restored(to, undone, id, refund.created_at, refund.reason.clone()));
        let approved_at = self.commission.approved_at;
        let worthless = match (self.commission.status, approved_at) {
            (CommissionStatus::Reversed, Some(_)) => CommissionStatus::Approved,
            (CommissionStatus::Reversed, None) => CommissionStatus::Pending,
            (other, _) => other,
        };
        if let (Stage::Approved, None, Some(at)) = (to, self.commission.payable_at, approved_at) {
            self.commission.payable_at = Some(at.plus(hold_days.saturating_mul(DAY_MS)));
        }
        self.project(worthless)
    }

    /// Where its money is, or, where nothing is left of it, would be: where its last step has brought it.
    fn place(&self) -> Stage {
        match self.last_step() {
            Some(TransactionKind::CommissionPayable) => Stage::Payable,
            Some(TransactionKind::CommissionApproved) => Stage::Approved,
            _ => Stage::Pending,
        }
    }

    /// The newest step of its way that still holds.
    fn last_step(&self) -> Option<TransactionKind> {
        let way = |kind: &TransactionKind| {
            matches!(
                kind,
                TransactionKind::CommissionPending
                    | TransactionKind::CommissionApproved
                    | TransactionKind::CommissionPayable
                    | TransactionKind::CommissionUnapproved
            )
        };
        self.steps.iter().rev().map(|step| step.kind).find(way)
    }

    /// Lets it wait again: its rejection was a mistake.
    pub(crate) fn unreject(&mut self, reason: &str, at: UnixMillis) -> Result<(), BookError> {
        let share = self.left()?;
        let rejected = self.last_id(TransactionKind::CommissionRejected);
        let id = self.id_of(TransactionKind::CommissionRestored);
        self.push(self.recipe(share).restored(Stage::Pending, rejected, id, at, reason.to_owned()));
        self.project(CommissionStatus::Pending)
    }

    /// Lets it wait again: its approval was a mistake.
    ///
    /// # Errors
    /// [`BookError::State`] where its money has gone further.
    pub(crate) fn unapprove(&mut self, reason: &str, at: UnixMillis) -> Result<(), BookError> {
        let now = self.standing()?;
        if now.reserved_minor != 0 || now.paid_minor != 0 {
            let is = if now.reserved_minor == 0 { "paid" } else { "part of a payout" };
            return Err(BookError::State {
                what: "conversion",
                id: self.commission.conversion.get(),
                is: is.to_owned(),
                wanted: "its approval cannot be undone any more; refund it",
            });
        }
        if let Some(from) = now.reversible_from {
            let share = now.left(self.commission.currency);
            let approved = self.last_id(TransactionKind::CommissionApproved);
            let id = self.id_of(TransactionKind::CommissionUnapproved);
            self.push(self.recipe(share).unapproved(from, approved, id, at, reason.to_owned()));
        }
        self.commission.approved_at = None;
        self.commission.payable_at = None;
        self.project(CommissionStatus::Pending)
    }

    /// Where it stands.
    pub(crate) const fn status(&self) -> CommissionStatus {
        self.commission.status
    }

    /// As it will be.
    pub(crate) const fn commission(&self) -> &InsertCommission {
        &self.commission
    }

    /// What was taken back of it: revenue and payout.
    pub(crate) const fn reversed_minor(&self) -> (i64, i64) {
        (self.reversed_revenue_minor, self.reversed_payout_minor)
    }

    /// What is to be booked.
    pub(crate) fn drafts(&self) -> &[Draft] {
        &self.drafts
    }

    /// The new commission to write down, and what to book for it.
    pub(crate) fn into_new(self) -> (InsertCommission, Vec<Draft>) {
        (self.commission, self.drafts)
    }

    /// What changes of the stored commission, and what to book for it.
    pub(crate) fn into_changes(self, stored: &mut Commission) -> Vec<Draft> {
        stored.revenue_minor = self.commission.revenue_minor;
        stored.payout_minor = self.commission.payout_minor;
        stored.status = self.commission.status;
        stored.approved_at = self.commission.approved_at;
        stored.payable_at = self.commission.payable_at;
        stored.reversed_revenue_minor = self.reversed_revenue_minor;
        stored.reversed_payout_minor = self.reversed_payout_minor;
        self.drafts
    }

    /// Keeps the status in step with the ledger. What is worth nothing was never booked: it goes where it is told.
    pub(crate) fn project(&mut self, worthless: CommissionStatus) -> Result<(), BookError> {
        let now = self.standing()?;
        let commission = &mut self.commission;
        let is_worthless = commission.revenue_minor == 0 && commission.payout_minor == 0;
        commission.status = if is_worthless { worthless } else { now.status };
        self.reversed_revenue_minor = now.reversed_revenue_minor;
        self.reversed_payout_minor = now.reversed_minor;
        if commission.status != CommissionStatus::Approved || now.left(commission.currency).payout().is_zero()
        {
            commission.payable_at = None;
        }
        Ok(())
    }

    fn push(&mut self, draft: Option<Draft>) {
        if let Some(mut draft) = draft {
            draft.effective_at = self.effective_at.unwrap_or(draft.effective_at);
            self.steps.extend(Step::of(&draft));
            self.drafts.push(draft);
        }
    }

    fn standing(&self) -> Result<Standing, BookError> {
        let InsertCommission { conversion, affiliate, .. } = self.commission;
        standing(self.steps.iter().copied()).map_err(|error| {
            BookError::broken(format!(
                "the commission of affiliate {affiliate} for conversion {conversion}: {error}"
            ))
        })
    }

    fn left(&self) -> Result<Share, BookError> {
        Ok(self.standing()?.left(self.commission.currency))
    }

    fn recipe(&self, share: Share) -> recipe::Commission {
        recipe::Commission {
            conversion: self.commission.conversion,
            advertiser: self.commission.advertiser,
            affiliate: self.commission.affiliate,
            share,
        }
    }

    /// The id of its next step of a kind.
    fn id_of(&self, kind: TransactionKind) -> TransactionId {
        self.numbered(kind, self.taken(kind) + 1)
    }

    /// The id of its last step of a kind.
    fn last_id(&self, kind: TransactionKind) -> TransactionId {
        self.numbered(kind, self.taken(kind))
    }

    fn numbered(&self, kind: TransactionKind, number: usize) -> TransactionId {
        TransactionId::of_repeated(kind, self.commission.conversion, self.commission.affiliate, number)
    }

    /// How often a step was taken.
    fn taken(&self, kind: TransactionKind) -> usize {
        self.steps.iter().filter(|step| step.kind == kind).count()
    }

    /// What a refund books.
    fn part(&self, kind: TransactionKind, refund: i64, number: i64) -> Result<TransactionId, BookError> {
        let InsertCommission { conversion, affiliate, .. } = self.commission;
        part_of(kind, (conversion, number), affiliate, refund)
    }
}

/// The transaction that a refund books for an affiliate's commission. What is decided again books the refunds anew: the
/// number of the decision tells them apart.
pub(crate) fn part_of(
    kind: TransactionKind,
    (conversion, number): (ConversionId, i64),
    affiliate: AffiliateId,
    refund: i64,
) -> Result<TransactionId, BookError> {
    let cause = if number > 1 { format!("refund-{refund}:{number}") } else { format!("refund-{refund}") };
    TransactionId::of_part(kind, conversion, affiliate, &cause).map_err(BookError::broken)
}

/// Moves stored commissions, writes them down, and gives back what is to be booked.
pub(crate) fn advance(
    tx: &mut dyn Tx,
    mut commissions: Vec<Commission>,
    mut step: impl FnMut(&mut Course, &Commission) -> Result<(), BookError>,
) -> Result<Bookings, BookError> {
    let mut bookings = Bookings::default();
    for (mut course, stored) in Course::of(tx, &commissions)?.into_iter().zip(&mut commissions) {
        step(&mut course, stored)?;
        bookings.add(course.into_changes(stored));
    }
    commissions::update(tx, &commissions)?;
    Ok(bookings)
}

/// The whole commission as booked.
pub(crate) fn booked(commission: &Commission) -> Result<Share, BookError> {
    let amount = |minor| Amount::new(minor, commission.currency);
    Share::new(amount(commission.revenue_minor), amount(commission.payout_minor)).map_err(BookError::broken)
}

/// The status of a conversion from those of its commissions: the one that is least far on its way; rejected or
/// reversed only where all are.
pub(crate) fn overall(statuses: impl IntoIterator<Item = CommissionStatus>) -> CommissionStatus {
    let rank = |status: &CommissionStatus| match status {
        CommissionStatus::Pending => 0,
        CommissionStatus::Approved => 1,
        CommissionStatus::Payable => 2,
        CommissionStatus::Paid => 3,
        CommissionStatus::Reversed => 4,
        CommissionStatus::Rejected => 5,
        CommissionStatus::Unattributed => 6,
    };
    statuses.into_iter().min_by_key(rank).unwrap_or(CommissionStatus::Unattributed)
}

/// Brings a conversion's status in step with its commissions and gives it back as it is now.
pub(crate) fn refresh(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    reason: Option<&str>,
) -> Result<Conversion, BookError> {
    let commissions = commissions::of_conversion(tx, conversion)?;
    let status = overall(commissions.iter().map(|commission| commission.status));
    conversions::set_status(tx, conversion, status, reason)?;
    conversion_of(tx, conversion)
}

/// Brings the status of conversions in step with their commissions.
pub(crate) fn refresh_many(
    tx: &mut dyn Tx,
    conversions: impl IntoIterator<Item = ConversionId>,
) -> Result<(), BookError> {
    let ids: Vec<ConversionId> = conversions.into_iter().collect();
    let commissions = commissions::of_conversions(tx, &ids)?;
    let status = |of: &Vec<Commission>| overall(of.iter().map(|commission| commission.status));
    let changes: Vec<_> = ids.into_iter().zip(commissions.iter().map(status)).collect();
    Ok(conversions::set_statuses(tx, &changes)?)
}

/// A reason as the ledger takes it.
pub(crate) fn check_reason(reason: &str) -> Result<(), BookError> {
    let length = reason.chars().count();
    let is_fine = length <= 512 && !reason.trim().is_empty() && !reason.chars().any(char::is_control);
    if is_fine {
        return Ok(());
    }
    let message =
        format!("expected 1 to 512 characters, not blank, without control characters; given {length}");
    Err(BookError::field("reason", message))
}
