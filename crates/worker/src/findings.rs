//! Bringing findings to the click store.
//!
//! The click store applies a finding once, by its id; then it is noted as applied, with an entry in the audit log. A crash
//! in between repeats the first step, which changes nothing more. Hours that it has changed are settled anew by the same
//! round. A finding that the click store refuses is logged, stops no other, and is tried again with every pass.

use hopline_books::reclassify;
use hopline_control_store::findings::{self, Applied, Finding};
use hopline_control_store::{DatabaseExt, StoreError, audit_log};
use hopline_types::{SECOND_MS, UnixMillis};

use crate::{BATCH, Worker, WorkerError};

/// Pause after a finding could not be applied.
const PAUSE_MS: i64 = 10 * SECOND_MS;

impl Worker {
    /// Applies what was found since; says whether there may be more.
    pub(crate) async fn apply_findings(&mut self) -> Result<bool, WorkerError> {
        let now = self.options.clock.now();
        // A clock that was set back does not make it wait for long.
        if (1..=PAUSE_MS).contains(&self.findings_due_at.since(now)) {
            return Ok(false);
        }
        let pending = self.options.database.read(|tx| findings::pending(tx, BATCH)).await?;
        let mut failure = None;
        for finding in &pending {
            if let Err(refusal) = self.apply(finding, now).await {
                self.findings_due_at = now.plus(PAUSE_MS);
                tracing::error!(
                    finding.id = finding.id.get(),
                    error = &refusal as &dyn std::error::Error,
                    "a finding cannot be applied; the others go on"
                );
                failure.get_or_insert(refusal);
            }
        }
        let may_be_more = pending.len() == usize::try_from(BATCH).unwrap_or(usize::MAX);
        failure.map_or(Ok(may_be_more), Err)
    }

    async fn apply(&self, finding: &Finding, now: UnixMillis) -> Result<(), WorkerError> {
        let done = self.options.click_store.reclassify(reclassify(finding)).await?;
        let id = finding.id;
        let applied = Applied { clicks: i64::try_from(done.clicks).unwrap_or(i64::MAX), at: now };
        let note = move |tx: &mut dyn hopline_control_store::Tx| {
            if findings::mark_applied(tx, id, applied)? {
                let entry = audit_log::NewEntry {
                    at: now,
                    actor: "system:worker".to_owned(),
                    action: "click_finding.apply".to_owned(),
                    object: format!("click_finding:{id}"),
                    origin: None,
                    before: None,
                    after: Some(format!("{{\"clicks\":{}}}", applied.clicks)),
                    request_id: None,
                };
                audit_log::append(tx, &entry)?;
            }
            Ok::<_, StoreError>(())
        };
        Ok(self.options.database.write(note).await?)
    }
}
