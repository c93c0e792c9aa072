//! The bank's answer, and giving a draft up.

use std::collections::BTreeMap;

use hopline_control_store::payouts::{self, BatchStatus, Payout, PayoutStatus};
use hopline_control_store::{Tx, commissions, ledger};
use hopline_ledger::{TransactionId, TransactionKind, recipe};
use hopline_types::{BatchId, PayoutId, UnixMillis};

use super::{BatchView, FailedPayout, move_on, view, wrong_state};
use crate::commission::{self, check_reason};
use crate::decide::labels_of;
use crate::{BookError, FieldError, facts};

/// Books the bank's answer: all payouts are paid but those named. The same answer again changes nothing.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`], [`BookError::Invalid`] (payouts of other batches, no reason),
/// [`BookError::Conflict`] where it was settled with another answer; the store's.
pub fn settle(
    tx: &mut dyn Tx,
    batch: BatchId,
    failed: &[FailedPayout],
    actor: &str,
    now: UnixMillis,
) -> Result<BatchView, BookError> {
    let found = view(tx, batch)?;
    let failed = check(&found, failed)?;
    match found.batch.status {
        BatchStatus::Approved => {}
        BatchStatus::Settled => return same_answer(found, &failed),
        BatchStatus::Draft => return Err(wrong_state(&found.batch, "approve it before it is settled")),
        BatchStatus::Cancelled => return Err(wrong_state(&found.batch, "it was never paid")),
    }
    for payout in &found.payouts {
        // A result file may have decided some already: what it has said stands.
        match (payout.status, failed.get(&payout.id)) {
            (PayoutStatus::Paid, Some(_)) => {
                let detail = format!("payout {} is booked as paid: a result file said so", payout.id);
                return Err(BookError::Conflict { detail });
            }
            (PayoutStatus::Paid | PayoutStatus::Failed, _) => {}
            (PayoutStatus::Draft | PayoutStatus::Approved, Some(reason)) => {
                not_paid(tx, payout, reason, now)?
            }
            (PayoutStatus::Draft | PayoutStatus::Approved, None) => paid(tx, payout, now)?,
        }
    }
    move_on(tx, &found.batch, BatchStatus::Settled, actor, now)?;
    view(tx, batch)
}

/// Gives a draft up: its money is payable again. Cancelled already: nothing changes.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`]; the store's.
pub fn cancel(tx: &mut dyn Tx, batch: BatchId, actor: &str, now: UnixMillis) -> Result<BatchView, BookError> {
    let found = view(tx, batch)?;
    match found.batch.status {
        BatchStatus::Draft => {}
        BatchStatus::Cancelled => return Ok(found),
        BatchStatus::Approved | BatchStatus::Settled => {
            return Err(wrong_state(
                &found.batch,
                "only drafts can be cancelled; settle it with failed payouts",
            ));
        }
    }
    for payout in &found.payouts {
        not_paid(tx, payout, "the batch was cancelled", now)?;
    }
    move_on(tx, &found.batch, BatchStatus::Cancelled, actor, now)?;
    view(tx, batch)
}

fn check<'a>(
    found: &BatchView,
    failed: &'a [FailedPayout],
) -> Result<BTreeMap<PayoutId, &'a str>, BookError> {
    let mut errors = Vec::new();
    let mut reasons = BTreeMap::new();
    for (index, failure) in failed.iter().enumerate() {
        if !found.payouts.iter().any(|payout| payout.id == failure.payout) {
            let message = format!("payout {} is not in batch {}", failure.payout, found.batch.id);
            errors.push(FieldError::new(format!("failed[{index}].payout_id"), message));
        }
        if let Err(BookError::Invalid(faults)) = check_reason(&failure.reason) {
            let named = |fault: FieldError| FieldError::new(format!("failed[{index}].reason"), fault.message);
            errors.extend(faults.into_iter().map(named));
        }
        if reasons.insert(failure.payout, failure.reason.as_str()).is_some() {
            let message = format!("payout {} is named twice", failure.payout);
            errors.push(FieldError::new(format!("failed[{index}].payout_id"), message));
        }
    }
    if errors.is_empty() { Ok(reasons) } else { Err(BookError::Invalid(errors)) }
}

fn same_answer(found: BatchView, failed: &BTreeMap<PayoutId, &str>) -> Result<BatchView, BookError> {
    for payout in &found.payouts {
        let booked = payout.reason.as_deref().filter(|_| payout.status == PayoutStatus::Failed);
        let asked = failed.get(&payout.id).copied();
        if booked != asked {
            let told = |reason: Option<&str>| {
                reason.map_or_else(|| "paid".to_owned(), |reason| format!("failed ({reason})"))
            };
            let detail = format!(
                "payout batch {} is settled with another answer: payout {} is booked as {}, now reported as {}",
                found.batch.id,
                payout.id,
                told(booked),
                told(asked)
            );
            return Err(BookError::Conflict { detail });
        }
    }
    Ok(found)
}

fn recipe_of(payout: &Payout) -> Result<recipe::Payout, BookError> {
    recipe::Payout::new(payout.batch, payout.id, payout.affiliate, payout.amount).map_err(BookError::broken)
}

/// Books that the bank has paid.
pub(super) fn paid(tx: &mut dyn Tx, payout: &Payout, now: UnixMillis) -> Result<(), BookError> {
    let id = TransactionId::of_payout(TransactionKind::PayoutSettled, payout.id);
    with_commissions(tx, payout, "paid", Some(payout.id), now, |tx| {
        ledger::post(tx, recipe_of(payout)?.settled(id, now), now)?;
        Ok(payouts::set_payout_status(tx, payout.id, PayoutStatus::Paid, None)?)
    })
}

/// Books that a paid payout came back: its money is payable again, and so are its commissions.
pub(super) fn returned(
    tx: &mut dyn Tx,
    payout: &Payout,
    reason: &str,
    now: UnixMillis,
) -> Result<(), BookError> {
    let id = TransactionId::of_payout(TransactionKind::PayoutReturned, payout.id);
    with_commissions(tx, payout, "returned", None, now, |tx| {
        ledger::post(tx, recipe_of(payout)?.returned(id, now, Some(reason.to_owned())), now)?;
        payouts::release_items(tx, payout.id)?;
        Ok(payouts::set_returned(tx, payout.id, reason, now)?)
    })
}

/// Books a step, and brings the commissions of the payout, their conversions and the reports in line with it.
fn with_commissions(
    tx: &mut dyn Tx,
    payout: &Payout,
    word: &str,
    paid_by: Option<PayoutId>,
    now: UnixMillis,
    book: impl FnOnce(&mut dyn Tx) -> Result<(), BookError>,
) -> Result<(), BookError> {
    let changed = payouts::conversions_of(tx, payout.id)?;
    let mut before = Vec::new();
    for id in changed {
        let conversion = commission::conversion_of(tx, id)?;
        let labels = labels_of(&conversion);
        let picture = facts::picture(tx, &conversion, &labels)?;
        before.push((id, labels, picture));
    }
    book(tx)?;
    for (id, labels, picture) in before {
        let mut own = commissions::of_conversion(tx, id)?;
        own.retain(|commission| commission.affiliate == payout.affiliate);
        own.iter_mut().for_each(|commission| commission.payout = paid_by);
        // It is booked already: what was booked says where they stand.
        commission::advance(tx, own, |course, stored| course.project(stored.status))?.book(tx, now)?;
        let conversion = commission::refresh(tx, id, None)?;
        let cause = format!("{word}:{}:{id}", payout.id);
        facts::put_changes(tx, &cause, &conversion, &labels, &picture, now)?;
    }
    Ok(())
}

/// The money is payable again; the commissions' status has not changed on the way.
pub(super) fn not_paid(
    tx: &mut dyn Tx,
    payout: &Payout,
    reason: &str,
    now: UnixMillis,
) -> Result<(), BookError> {
    let id = TransactionId::of_payout(TransactionKind::PayoutFailed, payout.id);
    ledger::post(tx, recipe_of(payout)?.failed(id, now, Some(reason.to_owned())), now)?;
    payouts::release_items(tx, payout.id)?;
    Ok(payouts::set_payout_status(tx, payout.id, PayoutStatus::Failed, Some(reason))?)
}
