//! The end of holds.

use hopline_books::release_holds;
use hopline_control_store::{DatabaseExt, commissions};

use crate::{DECIDED_AT_ONCE, Worker, WorkerError};

impl Worker {
    /// Releases a batch of ended holds; says whether there may be more.
    pub(crate) async fn release_holds(&mut self) -> Result<bool, WorkerError> {
        let now = self.options.clock.now();
        // A look costs nothing; a writing transaction would wait for others.
        let due = self.options.database.read(move |tx| commissions::held_until(tx, now, 1)).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let released = self.options.database.book(move |tx| release_holds(tx, now, DECIDED_AT_ONCE)).await?;
        self.options.metrics.ledger.transactions.inc_by(released.transactions);
        Ok(released.commissions == u64::from(DECIDED_AT_ONCE))
    }
}
