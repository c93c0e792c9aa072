//! Payout batches: draft, approval, file, settlement.
//!
//! | step | ledger | open items |
//! |---|---|---|
//! | draft | `exchange` where an affiliate wants another currency, `payout_reserved` for each payout | taken by their payout |
//! | approve | | |
//! | export | | |
//! | settle, results | `payout_settled`, or `payout_failed` for those that the bank named; `payout_returned` for those that came back later | those of failed and returned payouts open again |
//! | cancel (a draft) | `payout_failed` for each | open again |
//!
//! What is paid to whom is fixed with the draft: amount, lines, and where to (sealed, P-42). What else a file is made of, the
//! payer's own data ([`Debtor`]), is fixed with the approval, or where it was missing then with the first file that needs it; so
//! is the execution day. So a file is the same whenever it is made (P-03).
//!
//! Amounts are never rounded in a file. Where a service pays whole units only, or a batch is drafted with a larger step, what is
//! below the step is carried on the affiliate's own account: an `adjustment` of nothing in sum, whose one line goes
//! with the payout and whose other one waits for the next.

use hopline_control_store::Tx;
use hopline_control_store::payouts::{self, Batch, BatchStatus, Payout, PayoutExchange};
use hopline_types::{BatchId, PayoutId, UnixMillis};

use crate::BookError;

mod approve;
mod draft;
mod exchange;
mod export;
mod payer;
mod results;
mod schedules;
mod settle;

pub use approve::{approve, approve_with_payer};
pub use draft::{DraftOptions, draft, draft_with};
pub use export::{Export, FORMATS, export, export_with};
pub use payer::{Debtor, NachaSettings};
pub use results::{Applied, NewResult, RESULT_FORMATS, Rest, apply_result};
pub use schedules::{Frequency, NewSchedule, run_due, schedule_of};
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
    /// What was changed into its currency for them.
    pub exchanges: Vec<PayoutExchange>,
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
    let mut exchanges = Vec::new();
    for payout in &payouts {
        exchanges.extend(payouts::exchanges_of(tx, payout.id)?);
    }
    Ok(BatchView { batch, payouts, exchanges })
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
