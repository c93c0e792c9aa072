//! One affiliate's commission and its way through the ledger.

use hopline_control_store::commissions::{self, Commission, InsertCommission};
use hopline_control_store::conversions::{self, Conversion};
use hopline_control_store::offers::Offer;
use hopline_control_store::{Scope, Tx, ledger, offers};
use hopline_ledger::{Draft, Share, Standing, TransactionId, TransactionKind, recipe, standing};
use hopline_money::Amount;
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, HOUR_MS, UnixMillis};

use crate::BookError;

const DAY_MS: i64 = 24 * HOUR_MS;

/// What was booked in one go.
#[derive(Debug, Default)]
pub(crate) struct Bookings {
    /// Transactions that are new.
    pub(crate) new: u64,
    /// Ids of all, new or not, in order.
    pub(crate) ids: Vec<String>,
}

impl Bookings {
    /// Books a draft, if there is one.
    pub(crate) fn post(
        &mut self,
        tx: &mut dyn Tx,
        draft: Option<Draft>,
        now: UnixMillis,
    ) -> Result<(), BookError> {
        let Some(draft) = draft else { return Ok(()) };
        let posted = ledger::post(tx, draft, now)?;
        self.new += u64::from(posted.is_new());
        self.ids.push(posted.record().draft.id.as_str().to_owned());
        Ok(())
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

/// Writes a commission down and books its first steps, all as of the conversion's time.
pub(crate) fn begin(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    credited: Credited,
    begin: Begin,
    bookings: &mut Bookings,
    now: UnixMillis,
) -> Result<CommissionStatus, BookError> {
    let insert = InsertCommission {
        conversion: conversion.id,
        affiliate: credited.affiliate,
        advertiser: conversion.advertiser,
        currency: conversion.currency,
        revenue_minor: credited.share.revenue().minor,
        payout_minor: credited.share.payout().minor,
        status: CommissionStatus::Pending,
    };
    commissions::insert(tx, &insert)?;
    let commissions = commissions::of_conversion(tx, conversion.id)?;
    let mut commission = commissions
        .into_iter()
        .find(|commission| commission.affiliate == credited.affiliate)
        .ok_or_else(|| BookError::broken("a commission that was just written is not there"))?;
    let at = conversion.converted_at;
    let pending = recipe_of(&commission, credited.share)
        .pending(id_of(TransactionKind::CommissionPending, &commission), at);
    bookings.post(tx, pending, now)?;
    match begin {
        Begin::Pending => {}
        Begin::Approved { hold_days } => {
            approve(tx, &mut commission, at, hold_days, bookings, now)?;
        }
        Begin::Rejected => reject(tx, &mut commission, "rejected by the advertiser", at, bookings, now)?,
    }
    Ok(commission.status)
}

/// Books the approval, and the end of the hold where it has ended by `now`.
pub(crate) fn approve(
    tx: &mut dyn Tx,
    commission: &mut Commission,
    approved_at: UnixMillis,
    hold_days: i64,
    bookings: &mut Bookings,
    now: UnixMillis,
) -> Result<(), BookError> {
    let share = standing_of(tx, commission)?.left(commission.currency);
    let approved = recipe_of(commission, share)
        .approved(id_of(TransactionKind::CommissionApproved, commission), approved_at);
    bookings.post(tx, approved, now)?;
    commission.approved_at = Some(approved_at);
    let ends_at = approved_at.plus(hold_days.saturating_mul(DAY_MS));
    commission.payable_at = Some(ends_at);
    if ends_at <= now {
        return release(tx, commission, bookings, now);
    }
    project(tx, commission, CommissionStatus::Approved)
}

/// Books the end of the hold. Where nothing is left to pay the commission stays approved.
pub(crate) fn release(
    tx: &mut dyn Tx,
    commission: &mut Commission,
    bookings: &mut Bookings,
    now: UnixMillis,
) -> Result<(), BookError> {
    let ended_at = commission.payable_at.take().unwrap_or(now);
    let share = standing_of(tx, commission)?.left(commission.currency);
    let payable =
        recipe_of(commission, share).payable(id_of(TransactionKind::CommissionPayable, commission), ended_at);
    bookings.post(tx, payable, now)?;
    project(tx, commission, CommissionStatus::Approved)
}

/// Books the refusal.
pub(crate) fn reject(
    tx: &mut dyn Tx,
    commission: &mut Commission,
    reason: &str,
    effective_at: UnixMillis,
    bookings: &mut Bookings,
    now: UnixMillis,
) -> Result<(), BookError> {
    let share = standing_of(tx, commission)?.left(commission.currency);
    let id = id_of(TransactionKind::CommissionRejected, commission);
    let rejected = recipe_of(commission, share).rejected(id, effective_at, Some(reason.to_owned()));
    bookings.post(tx, rejected, now)?;
    project(tx, commission, CommissionStatus::Rejected)
}

/// Keeps the status in step with the ledger. What is worth nothing was never booked: it goes where it is told.
pub(crate) fn project(
    tx: &mut dyn Tx,
    commission: &mut Commission,
    worthless: CommissionStatus,
) -> Result<(), BookError> {
    let now = standing_of(tx, commission)?;
    commission.status = if is_worthless(commission) { worthless } else { now.status };
    commission.reversed_revenue_minor = now.reversed_revenue_minor;
    commission.reversed_payout_minor = now.reversed_minor;
    if commission.status != CommissionStatus::Approved || now.left(commission.currency).payout().is_zero() {
        commission.payable_at = None;
    }
    Ok(commissions::update(tx, commission)?)
}

pub(crate) const fn is_worthless(commission: &Commission) -> bool {
    commission.revenue_minor == 0 && commission.payout_minor == 0
}

/// Where a commission stands by its entries.
pub(crate) fn standing_of(tx: &mut dyn Tx, commission: &Commission) -> Result<Standing, BookError> {
    let steps = ledger::of_commission(tx, commission.conversion, commission.affiliate)?;
    standing(steps).map_err(|error| {
        BookError::broken(format!(
            "commission {} of conversion {}: {error}",
            commission.id, commission.conversion
        ))
    })
}

/// The whole commission as booked.
pub(crate) fn booked(commission: &Commission) -> Result<Share, BookError> {
    let amount = |minor| Amount::new(minor, commission.currency);
    Share::new(amount(commission.revenue_minor), amount(commission.payout_minor)).map_err(BookError::broken)
}

pub(crate) fn recipe_of(commission: &Commission, share: Share) -> recipe::Commission {
    recipe::Commission {
        conversion: commission.conversion,
        advertiser: commission.advertiser,
        affiliate: commission.affiliate,
        share,
    }
}

fn id_of(kind: TransactionKind, commission: &Commission) -> TransactionId {
    TransactionId::of_commission(kind, commission.conversion, commission.affiliate)
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
