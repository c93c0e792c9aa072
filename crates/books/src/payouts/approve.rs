//! Approval by a second person.

use hopline_control_store::payouts::{self, BatchStatus, PayoutStatus};
use hopline_control_store::{Scope, Tx, affiliates};
use hopline_types::{BatchId, UnixMillis};

use super::draft::execution_date;
use super::{BatchView, move_on, view, wrong_state};
use crate::BookError;

/// Approves a draft. Approved already by the same person: nothing changes.
///
/// # Errors
/// [`BookError::FourEyes`] (L-25), [`BookError::NotFound`], [`BookError::State`]; the store's.
pub fn approve(
    tx: &mut dyn Tx,
    batch: BatchId,
    actor: &str,
    four_eyes: bool,
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
        let Some(affiliate) = affiliates::get(tx, Scope::All, payout.affiliate)? else { continue };
        if affiliate.payout_method_changed_by.as_deref() != Some(actor) {
            continue;
        }
        let last_paid = payouts::last_paid_as_of(tx, payout.affiliate)?;
        let is_new = match (affiliate.payout_method_changed_at, last_paid) {
            (Some(changed), Some(paid)) => changed >= paid,
            _ => true,
        };
        if is_new {
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
