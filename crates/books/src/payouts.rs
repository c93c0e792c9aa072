//! Payout batches: draft, approval, file, settlement.
//!
//! | step | ledger | open items |
//! |---|---|---|
//! | draft | `payout_reserved` for each payout | taken by their payout |
//! | approve | | |
//! | export | | |
//! | settle | `payout_settled`, or `payout_failed` for those that the bank named | those of failed payouts open again |
//! | cancel (a draft) | `payout_failed` for each | open again |
//!
//! What is paid to whom is fixed with the draft: amount, lines, and where to. The file is made of that and of the
//! payer's account alone, so it is the same whenever it is made; its execution day is fixed with the approval.

use hopline_control_store::Tx;
use hopline_control_store::payouts::{self, Batch, BatchStatus, Payout};
use hopline_types::{BatchId, PayoutId, UnixMillis};

use crate::BookError;

mod approve;
mod draft;
mod export;
mod payee;
mod settle;

pub use approve::approve;
pub use draft::draft;
pub use export::{FORMATS, export};
pub use settle::{cancel, settle};

/// A batch to draft; texts as given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewBatch {
    /// ISO 4217 code.
    pub currency: String,
    /// Payout method, such as `sepa`.
    pub method: String,
    /// Items effective up to this time; none: up to now.
    pub cutoff: Option<UnixMillis>,
    /// Decimal; an affiliate with less is left out. None: whatever is above zero.
    pub minimum: Option<String>,
}

/// A batch and its payouts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchView {
    /// The batch.
    pub batch: Batch,
    /// Its payouts.
    pub payouts: Vec<Payout>,
}

/// The payer's own account, as set under `[payouts]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Debtor {
    /// `debtor_name`.
    pub name: Option<String>,
    /// `debtor_iban`.
    pub iban: Option<String>,
    /// `debtor_bic`.
    pub bic: Option<String>,
    /// `debtor_country`.
    pub country: Option<String>,
    /// `debtor_town`.
    pub town: Option<String>,
}

/// A payout that the bank did not pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedPayout {
    /// Which.
    pub payout: PayoutId,
    /// Why.
    pub reason: String,
}

/// A batch with its payouts.
///
/// # Errors
/// [`BookError::NotFound`]; the store's.
pub fn view(tx: &mut dyn Tx, batch: BatchId) -> Result<BatchView, BookError> {
    let found = payouts::find_batch(tx, batch)?;
    let batch = found.ok_or(BookError::NotFound { what: "payout batch", id: batch.get() })?;
    let payouts = payouts::payouts_of(tx, batch.id)?;
    Ok(BatchView { batch, payouts })
}

fn wrong_state(batch: &Batch, wanted: &'static str) -> BookError {
    BookError::State {
        what: "payout batch",
        id: batch.id.get(),
        is: batch.status.as_str().to_owned(),
        wanted,
    }
}

/// Moves a batch on; it was read in this transaction, so it is where it was.
fn move_on(
    tx: &mut dyn Tx,
    batch: &Batch,
    to: BatchStatus,
    actor: &str,
    now: UnixMillis,
) -> Result<(), BookError> {
    if payouts::move_batch(tx, batch.id, batch.status, to, actor, now)? {
        return Ok(());
    }
    Err(BookError::broken(format!("payout batch {} was changed in between", batch.id)))
}
