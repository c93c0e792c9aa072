//! The end of holds.

use hopline_books::{BookError, Released, ended_holds, leads_wait, qualify_leads, release, set_hold_aside};
use hopline_control_store::{DatabaseExt, ErrorKind};
use hopline_types::CommissionId;

use crate::{DECIDED_AT_ONCE, Worker, WorkerError};

impl Worker {
    /// Releases a set of ended holds; says whether there may be more. Where the ledger refuses the set it is halved, until
    /// the commission that is wrong stands alone and is set aside.
    pub(crate) async fn release_holds(&mut self) -> Result<bool, WorkerError> {
        let now = self.options.clock.now();
        // A look costs nothing; a writing transaction would wait for others.
        let read = move |tx: &mut dyn hopline_control_store::Tx| ended_holds(tx, now, DECIDED_AT_ONCE);
        let due = self.options.database.read(read).await?;
        let may_be_more = due.len() == DECIDED_AT_ONCE as usize;
        let mut sets = vec![due];
        while let Some(mut due) = sets.pop() {
            if due.is_empty() {
                continue;
            }
            let set = due.clone();
            match self.options.database.book(move |tx| release(tx, &set, now)).await {
                Ok(released) => self.count_released(&released),
                Err(BookError::Store(error))
                    if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Conflict) =>
                {
                    return Err(error.into());
                }
                Err(refusal) if due.len() == 1 => {
                    let Some(only) = due.pop() else { continue };
                    let detail = refusal.to_string();
                    report(only, &detail);
                    self.options.database.book(move |tx| set_hold_aside(tx, only, &detail, now)).await?;
                }
                Err(_) => {
                    sets.push(due.split_off(due.len() / 2));
                    sets.push(due);
                }
            }
        }
        Ok(may_be_more)
    }

    fn count_released(&self, released: &Released) {
        self.options.metrics.ledger.transactions.inc_by(released.transactions);
        for (commission, detail) in &released.set_aside {
            report(*commission, detail);
        }
    }

    /// Approves leads that are qualified, and ends those that are overdue; says whether there may be more.
    pub(crate) async fn qualify_leads(&mut self) -> Result<bool, WorkerError> {
        let now = self.options.clock.now();
        if !self.options.database.read(move |tx| leads_wait(tx, now)).await? {
            return Ok(false);
        }
        let qualified =
            self.options.database.write(move |tx| qualify_leads(tx, now, DECIDED_AT_ONCE)).await?;
        self.options.metrics.ledger.transactions.inc_by(qualified.transactions);
        Ok(qualified.looked_at == u64::from(DECIDED_AT_ONCE))
    }
}

fn report(commission: CommissionId, detail: &str) {
    tracing::error!(
        commission.id = commission.get(),
        detail,
        "the hold of a commission cannot be ended; it is set aside for an hour"
    );
}
