//! Undoing a refund that was a mistake, a chargeback that was won, or an undoing (L-06).
//!
//! What the refund has taken back of each commission is given again, exactly, by a transaction that names the first one. It
//! goes to where the commission's money is now. Later refunds stay as they are.

use std::collections::BTreeMap;

use hopline_control_store::commissions::{self, Commission, Refund, RefundKind};
use hopline_control_store::conversions::Conversion;
use hopline_control_store::{Tx, ledger};
use hopline_ledger::{Share, Step, Stored, TransactionId, TransactionKind, recipe};
use hopline_money::Amount;
use hopline_types::{CommissionStatus, ConversionId, UnixMillis};

use super::{FINDER, Given, PERIODS, Refunded, fee_id, is_taken_back, made};
use crate::commission::{self, part_of};
use crate::decide::{decision_number, labels_of};
use crate::{BookError, caps, facts};

/// Undoes a refund, a chargeback or an undoing. The fee of a chargeback stays, unless `with_fee` gives it back.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`] (undone already; more would be taken back than the order), the store's.
pub fn undo_refund(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    (refund, with_fee): (i64, bool),
    reason: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<Refunded, BookError> {
    let conversion = commission::conversion_of(tx, conversion)?;
    commission::check_reason(reason)?;
    let all = commissions::refunds_of(tx, conversion.id)?;
    let found = all.iter().find(|known| known.id == refund);
    let undone = found.ok_or(BookError::NotFound { what: "refund", id: refund })?;
    check(&conversion, undone, &all)?;
    let mut commissions = commissions::of_conversion(tx, conversion.id)?;
    // Of what a later decision has taken away there is nothing left.
    commissions.retain(|commission| commission.status != CommissionStatus::Unattributed);
    let takes = takes(undone, &all);
    let booked = booked(tx, &conversion, undone, takes, &commissions)?;

    let given = Given { kind: RefundKind::Undo, fee: None, reason, actor };
    let mut new = made(&conversion, &[], given, now);
    new.undoes = Some(undone.id);
    new.amount_minor = undone.amount_minor.map(i64::wrapping_neg);
    new.revenue_minor = undone.revenue_minor.wrapping_neg();
    new.payout_minor = undone.payout_minor.wrapping_neg();
    let labels = labels_of(&conversion);
    let picture = facts::picture(tx, &conversion, &labels)?;
    let counted = caps::counted(tx, &conversion)?;
    let hold_days = commission::offer_of(tx, &conversion)?.settings.hold_days;
    new.id = commissions::insert_refund(tx, &new)?;
    let number = decision_number(&conversion);
    let fees = returned_fees(tx, &conversion, undone, with_fee, &new, &commissions)?;
    let is_whole = !takes && is_whole(&conversion, &all, &new);
    let credits_nobody = commissions.is_empty();
    let mut bookings = commission::advance(tx, commissions, |course, stored| {
        let (of, share) = booked.get(&stored.id).cloned().unwrap_or((None, Share::zero(stored.currency)));
        match (takes, of) {
            (true, Some(of)) => course.restore(share, (&new, number), of, hold_days),
            // What is worth nothing has no transactions.
            (true, None) => {
                let kind = kind_of(undone, takes);
                let of = part_of(kind, (conversion.id, number), stored.affiliate, undone.id)?;
                course.restore(share, (&new, number), of, hold_days)
            }
            (false, of) => {
                let worthless = if is_whole { CommissionStatus::Reversed } else { stored.status };
                course.reverse(share, (&new, number), of, worthless)
            }
        }
    })?;
    bookings.add(fees);
    let conversion =
        if credits_nobody { conversion } else { commission::refresh(tx, conversion.id, Some(reason))? };
    counted.give_back(tx, &conversion)?;
    let cause = format!("refunded:{}", new.id);
    facts::put_changes(tx, &cause, &conversion, &labels, &picture, now)?;
    Ok(Refunded { conversion, refund: new, transactions: bookings.book(tx, now)? })
}

/// Whether a refund takes money back: one that undoes an undoing does.
pub(crate) fn takes(refund: &Refund, all: &[Refund]) -> bool {
    let undone = refund.undoes.and_then(|id| all.iter().find(|other| other.id == id));
    undone.is_none_or(|undone| !takes(undone, all))
}

/// Whether a refund takes money back and is not undone.
pub(super) fn stands(refund: &Refund, all: &[Refund]) -> bool {
    takes(refund, all) && !is_undone(refund, all)
}

fn is_undone(refund: &Refund, all: &[Refund]) -> bool {
    all.iter().any(|other| other.undoes == Some(refund.id))
}

pub(crate) const fn kind_of(refund: &Refund, takes: bool) -> TransactionKind {
    match (refund.kind, takes) {
        (RefundKind::Chargeback, _) => TransactionKind::CommissionChargedBack,
        (_, true) => TransactionKind::CommissionReversed,
        (_, false) => TransactionKind::CommissionRestored,
    }
}

fn check(conversion: &Conversion, undone: &Refund, all: &[Refund]) -> Result<(), BookError> {
    let state =
        |is: &str, wanted| BookError::State { what: "refund", id: undone.id, is: is.to_owned(), wanted };
    if is_undone(undone, all) {
        return Err(state("undone already", "undo its undoing instead"));
    }
    if undone.actor == FINDER {
        return Err(state("of invalid clicks", "a finding is not undone"));
    }
    if undone.actor == PERIODS {
        return Err(state("of a period with less volume", "volume brings it again"));
    }
    if conversion.status == Some(CommissionStatus::Rejected) {
        return Err(BookError::State {
            what: "conversion",
            id: conversion.id.get(),
            is: "rejected".to_owned(),
            wanted: "undo the rejection first",
        });
    }
    // Undoing an undoing takes the money back again.
    let so_far: i64 = all.iter().filter_map(|refund| refund.amount_minor).sum();
    let after = so_far - undone.amount_minor.unwrap_or_default();
    if let Some(order) = conversion.ordered().filter(|order| order.minor > 0)
        && after > order.minor
    {
        let after = Amount::new(after, order.currency);
        let message = format!("{after} would be refunded of {order}: other refunds came in between");
        return Err(BookError::field("refund_id", message));
    }
    Ok(())
}

/// What a refund has booked for each commission.
fn booked(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    refund: &Refund,
    takes: bool,
    commissions: &[Commission],
) -> Result<BTreeMap<hopline_types::CommissionId, (Option<TransactionId>, Share)>, BookError> {
    let mut ids = Vec::new();
    for commission in commissions {
        let whose = (conversion.id, decision_number(conversion));
        let id = part_of(kind_of(refund, takes), whose, commission.affiliate, refund.id)?;
        ids.push((id, commission));
    }
    let found = ledger::by_ids(tx, ids.iter().map(|(id, _)| id))?;
    let known: BTreeMap<&TransactionId, &Stored> =
        found.iter().map(|stored| (&stored.draft.id, stored)).collect();
    let mut booked = BTreeMap::new();
    for (id, commission) in ids {
        let Some(stored) = known.get(&id) else { continue };
        let step = Step::of(&stored.draft)
            .ok_or_else(|| BookError::broken(format!("transaction {id} is no step of a commission")))?;
        let amount = |minor| Amount::new(minor, commission.currency);
        let share =
            Share::new(amount(step.revenue_minor), amount(step.payout_minor)).map_err(BookError::broken)?;
        if !takes {
            check_left(commission, share, refund)?;
        }
        booked.insert(commission.id, (Some(id), share));
    }
    Ok(booked)
}

/// What is taken back again must be there.
fn check_left(commission: &Commission, share: Share, refund: &Refund) -> Result<(), BookError> {
    let left = (
        commission.revenue_minor - commission.reversed_revenue_minor,
        commission.payout_minor - commission.reversed_payout_minor,
    );
    if share.revenue().minor <= left.0 && share.payout().minor <= left.1 && !is_taken_back(commission) {
        return Ok(());
    }
    Err(BookError::State {
        what: "refund",
        id: refund.id,
        is: "followed by others that have taken the rest".to_owned(),
        wanted: "refund what is left instead",
    })
}

/// Whether nothing is left of the order.
fn is_whole(conversion: &Conversion, all: &[Refund], new: &Refund) -> bool {
    let amounts = all.iter().chain([new]).filter_map(|refund| refund.amount_minor);
    conversion.ordered().is_none_or(|order| amounts.sum::<i64>() >= order.minor)
}

/// The fee of a chargeback, given back.
fn returned_fees(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    undone: &Refund,
    with_fee: bool,
    new: &Refund,
    commissions: &[Commission],
) -> Result<Vec<hopline_ledger::Draft>, BookError> {
    if !with_fee {
        return Ok(Vec::new());
    }
    if undone.fee_minor == 0 {
        return Err(BookError::field("return_fee", "there was no fee"));
    }
    let mut drafts = Vec::new();
    for commission in commissions {
        let Some(charged) = ledger::by_id(tx, &fee_id(undone.id, commission)?)? else { continue };
        let id = TransactionId::new(format!("chargeback_fee_returned:{}:{}", new.id, commission.affiliate))
            .map_err(BookError::broken)?;
        let why: String = new.reason.chars().take(super::REASON_CHARS).collect();
        let reason =
            format!("fee of chargeback {} of conversion {} returned: {why}", undone.id, conversion.id);
        drafts.push(recipe::correction(&charged, id, new.created_at, reason));
    }
    Ok(drafts)
}
