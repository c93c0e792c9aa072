//! Settling tiers and bonuses.
//!
//! A pass reads the ledger from where the last one ended and settles what may have changed, each period in a transaction of its
//! own. A period that cannot be settled is logged, stops no other, and is tried again with every pass; until then the mark in the
//! store stays, so that the next start finds it too.

use hopline_books::{BookError, Due, due_periods, note_periods, settle_period};
use hopline_control_store::{DatabaseExt, ErrorKind};
use hopline_types::SECOND_MS;

use crate::{Worker, WorkerError};

/// Pause between two looks.
const LOOK_EVERY_MS: i64 = 10 * SECOND_MS;

impl Worker {
    /// Settles what may have changed, from time to time.
    pub(crate) async fn settle_periods(&mut self) -> Result<bool, WorkerError> {
        let now = self.options.clock.now();
        // A clock that was set back does not make it wait for long.
        let waits_ms = self.periods_due_at.since(now);
        if (1..=LOOK_EVERY_MS).contains(&waits_ms) {
            return Ok(false);
        }
        self.periods_due_at = now.plus(LOOK_EVERY_MS);
        let from = self.periods_read_to;
        let list = self.options.database.read(move |tx| due_periods(tx, from, now)).await?;
        let mut is_busy = list.has_more;
        let mut failed: Vec<Due> = Vec::new();
        let again = std::mem::take(&mut self.periods_failed);
        let new = list.due.into_iter().filter(|due| !again.contains(due));
        for due in again.iter().cloned().chain(new) {
            let asked = due.clone();
            let settled = self.options.database.write(move |tx| settle_period(tx, &asked, now)).await;
            match settled {
                Ok(settled) => {
                    self.options.metrics.ledger.transactions.inc_by(settled.transactions);
                    is_busy |= settled.transactions > 0;
                }
                Err(refusal) if is_away(&refusal) => {
                    // Asked for from the start again, which books nothing twice.
                    self.periods_failed = again;
                    return Err(refusal.into());
                }
                Err(refusal) => {
                    tracing::error!(
                        period = ?due,
                        error = &refusal as &dyn std::error::Error,
                        "a period cannot be settled; the others go on"
                    );
                    failed.push(due);
                }
            }
        }
        self.periods_read_to = list.read_to;
        self.periods_failed = failed;
        if self.periods_failed.is_empty() && list.read_to != list.noted {
            let read_to = list.read_to;
            self.options.database.write(move |tx| note_periods(tx, read_to)).await?;
        }
        if list.has_more {
            self.periods_due_at = now;
        }
        Ok(is_busy)
    }
}

fn is_away(error: &BookError) -> bool {
    matches!(error, BookError::Store(store) if store.kind == ErrorKind::Unavailable)
}
