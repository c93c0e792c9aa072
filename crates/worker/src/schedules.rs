//! Payout schedules: drafts that prepare themselves.

use hopline_books::BookError;
use hopline_books::payouts::run_due;
use hopline_control_store::audit_log::{self, NewEntry};
use hopline_control_store::{DatabaseExt, payouts};

use crate::{Worker, WorkerError};

impl Worker {
    /// Runs one schedule that is due; says whether there may be more.
    pub(crate) async fn draft_payouts(&mut self) -> Result<bool, WorkerError> {
        let now = self.options.clock.now();
        // A look costs nothing; a writing transaction would wait for others.
        let due = self.options.database.read(move |tx| payouts::due_schedules(tx, now, 1)).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let ran = self.options.database.write(move |tx| {
            let ran = run_due(tx, now)?;
            if let Some((schedule, Some(drafted))) = &ran {
                let (payouts, refused) = (drafted.payouts.len(), drafted.batch.refused.len());
                audit_log::append(
                    tx,
                    &NewEntry {
                        at: now,
                        actor: format!("system:payout_schedule:{}", schedule.id),
                        action: "payout_batch.draft".to_owned(),
                        object: format!("payout_batch:{}", drafted.batch.id),
                        origin: None,
                        before: None,
                        after: Some(format!("{{\"payouts\":{payouts},\"refused\":{refused}}}")),
                        request_id: None,
                    },
                )?;
            }
            Ok::<_, BookError>(ran)
        });
        let ran = ran.await?;
        if let Some((schedule, drafted)) = &ran {
            let batch = drafted.as_ref().map(|view| view.batch.id.get());
            tracing::info!(schedule.id, payout_batch.id = batch, "a payout schedule ran");
        }
        Ok(ran.is_some())
    }
}
