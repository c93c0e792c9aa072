//! Approval by a second person.

use hopline_control_store::payouts::{self, BatchStatus, PayoutStatus};
use hopline_control_store::{Tx, affiliates};
use hopline_types::{BatchId, UnixMillis};

use super::draft::execution_date;
use super::payer::{Debtor, Fixed};
use super::{BatchView, move_on, view, wrong_state};
use crate::BookError;

/// [`approve_with_payer`], with the payer's data left to the first file.
///
/// # Errors
/// Those of [`approve_with_payer`].
pub fn approve(
    tx: &mut dyn Tx,
    batch: BatchId,
    actor: &str,
    four_eyes: bool,
    now: UnixMillis,
) -> Result<BatchView, BookError> {
    approve_with_payer(tx, batch, actor, four_eyes, &Debtor::default(), now)
}

/// Approves a draft, and fixes what its files depend on. Approved already by the same person: nothing changes.
///
/// # Errors
/// [`BookError::FourEyes`] (L-25), [`BookError::NotFound`], [`BookError::State`]; the store's.
pub fn approve_with_payer(
    tx: &mut dyn Tx,
    batch: BatchId,
    actor: &str,
    four_eyes: bool,
    payer: &Debtor,
    now: UnixMillis,
) -> Result<BatchView, BookError> {
    let found = view(tx, batch)?;
    match found.batch.status {
        BatchStatus::Draft => {}
        BatchStatus::Approved if found.batch.approved_by.as_deref() == Some(actor) => return Ok(found),
        BatchStatus::Approved | BatchStatus::Settled | BatchStatus::Cancelled => {
            return Err(wrong_state(&found.batch, "only drafts can be approved"));
        }
    }
    if four_eyes {
        second_person(tx, &found, actor)?;
    }
    let fixed = Fixed::at_approval(tx, &found.batch, payer, now)?;
    payouts::set_payer(tx, batch, &fixed.to_json())?;
    payouts::set_execution_date(tx, batch, &execution_date(now))?;
    move_on(tx, &found.batch, BatchStatus::Approved, actor, now)?;
    for payout in &found.payouts {
        payouts::set_payout_status(tx, payout.id, PayoutStatus::Approved, None)?;
    }
    view(tx, batch)
}

/// Neither who made the batch nor who changed where one of its payouts goes since that affiliate was last paid. What was
/// changed after the last paid batch was drafted has never been paid to.
fn second_person(tx: &mut dyn Tx, found: &BatchView, actor: &str) -> Result<(), BookError> {
    if found.batch.created_by == actor {
        let detail = format!(
            "payout batch {} was made by the same person: another one must approve it (payouts.four_eyes)",
            found.batch.id
        );
        return Err(BookError::FourEyes { detail });
    }
    for payout in &found.payouts {
        let last_paid = payouts::last_paid_as_of(tx, payout.affiliate)?;
        if affiliates::has_changed_payout_method(tx, payout.affiliate, actor, last_paid)? {
            let detail = format!(
                "the bank data of affiliate {} were changed by the same person since it was last paid: another one \
                 must approve the batch (payouts.four_eyes)",
                payout.affiliate
            );
            return Err(BookError::FourEyes { detail });
        }
    }
    Ok(())
}
