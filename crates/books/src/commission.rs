//! One affiliate's commission and its way through the ledger.

use hopline_control_store::commissions::{self, Commission, InsertCommission, Refund};
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::offers::Offer;
use hopline_control_store::{Scope, Tx, ledger, offers};
use hopline_ledger::{Draft, Share, Standing, Step, TransactionId, TransactionKind, recipe, standing};
use hopline_money::Amount;
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, HOUR_MS, UnixMillis};

use crate::BookError;

const DAY_MS: i64 = 24 * HOUR_MS;

/// What is to be booked in one go. It is booked at the end of everything else: from then on others wait.
#[derive(Debug, Default)]
#[must_use = "nothing is booked before `book`"]
pub(crate) struct Bookings(Vec<Draft>);

impl Bookings {
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
    /// Refused by the advertiser with its report.
    Rejected,
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
}

impl Course {
    /// A commission of a conversion that is decided now, with its first steps, all as of the conversion's time.
    pub(crate) fn begin(
        conversion: &Conversion,
        credited: Credited,
        begin: Begin,
        now: UnixMillis,
    ) -> Result<Self, BookError> {
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
        let mut course = Self {
            commission,
            reversed_revenue_minor: 0,
            reversed_payout_minor: 0,
            steps: Vec::new(),
            drafts: Vec::new(),
        };
        let at = conversion.converted_at;
        let id = course.id_of(TransactionKind::CommissionPending);
        course.push(course.recipe(credited.share).pending(id, at));
        match begin {
            Begin::Pending => {}
            Begin::Approved { hold_days } => course.approve(at, hold_days, now)?,
            Begin::Rejected => course.reject("rejected by the advertiser", at)?,
        }
        Ok(course)
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
    pub(crate) fn release(&mut self, now: UnixMillis) -> Result<(), BookError> {
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

    /// Takes a share back from where its money is; `worthless` is where a commission worth nothing goes.
    pub(crate) fn reverse(
        &mut self,
        share: Share,
        refund: &Refund,
        worthless: CommissionStatus,
    ) -> Result<(), BookError> {
        if let Some(from) = self.standing()?.reversible_from {
            let cause = format!("refund-{}", refund.id);
            let id =
                TransactionId::of_reversal(self.commission.conversion, self.commission.affiliate, &cause)
                    .map_err(BookError::broken)?;
            let reason = Some(refund.reason.clone());
            self.push(self.recipe(share).reversed(from, id, refund.created_at, reason));
        }
        self.project(worthless)
    }

    /// Where it stands.
    pub(crate) const fn status(&self) -> CommissionStatus {
        self.commission.status
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
        if let Some(draft) = draft {
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

    fn id_of(&self, kind: TransactionKind) -> TransactionId {
        TransactionId::of_commission(kind, self.commission.conversion, self.commission.affiliate)
    }
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
