//! Looking again at decisions that something came too late for ([`hopline_books::decide_again`]).
//!
//! What is due of the worker's own parts is looked at in batches, with the clicks that the click store knows now. A batch
//! that the books refuse is looked at one by one, and what is refused alone stays as it is.

use std::sync::Arc;

use hopline_books::{BookError, Reconsidered, ToReconsider, decide_again, sought_touches};
use hopline_click_store::{StoredClick, Touch};
use hopline_clickid::KeyRing;
use hopline_control_store::reconsiderations::{self, Due};
use hopline_control_store::{DatabaseExt, ErrorKind, StoreError, Tx, click_keys};
use hopline_types::{ConversionId, UnixMillis};

use crate::{Worker, WorkerError};

/// Looked at in one transaction.
const BATCH: u32 = 200;

/// A conversion with the clicks that are known now.
#[derive(Debug, Clone)]
struct Seen {
    id: ConversionId,
    click: Option<StoredClick>,
    touches: Vec<Touch>,
}

impl Worker {
    /// Looks at a batch of decisions again; says whether there may be more.
    pub(crate) async fn look_again(&self) -> Result<bool, WorkerError> {
        let partitions = self.options.claims.partitions();
        if partitions.is_empty() {
            return Ok(false);
        }
        let now = self.options.clock.now();
        let read = move |tx: &mut dyn Tx| {
            let due = reconsiderations::due(tx, now, BATCH, &partitions)?;
            let keys = if due.is_empty() { None } else { click_keys::ring(tx)? };
            Ok::<_, StoreError>((keys, due))
        };
        let (keys, due) = self.options.database.read(read).await?;
        let Some(keys) = keys else { return Ok(false) };
        let is_full = due.len() == BATCH as usize;
        let keys = Arc::new(keys);
        let seen = self.clicks_known(due, &keys, now).await?;
        let looked = self.decide_seen(seen, &keys).await?;
        // Later conversions of a customer follow the earlier.
        Ok(is_full || looked.iter().any(|looked| !looked.was_looked_at || looked.number.is_some()))
    }

    /// The clicks that these conversions can be decided by now.
    async fn clicks_known(
        &self,
        due: Vec<Due>,
        keys: &KeyRing,
        now: UnixMillis,
    ) -> Result<Vec<Seen>, WorkerError> {
        let mut asked = Vec::new();
        let mut seen: Vec<(Seen, bool)> = Vec::new();
        for due in due {
            let id = due.asked.conversion;
            if seen.iter().any(|(seen, _)| seen.id == id) {
                continue;
            }
            let by = now.max(due.received_at);
            let claims = due.click_id.as_ref().and_then(|click_id| keys.verify(click_id, by).ok());
            asked.extend(claims.map(|claims| (claims.unique, claims.at)));
            seen.push((Seen { id, click: None, touches: Vec::new() }, claims.is_some()));
        }
        if !asked.is_empty() {
            let mut found = self.options.click_store.find_clicks(asked).await?.into_iter();
            for (seen, has_click) in &mut seen {
                seen.click = if *has_click { found.next().flatten() } else { None };
            }
        }
        let seen: Vec<Seen> = seen.into_iter().map(|(seen, _)| seen).collect();
        let wanted: Vec<_> = seen.iter().map(|seen| (seen.id, seen.click.clone())).collect();
        let look = move |tx: &mut dyn Tx| {
            let wanted: Vec<_> = wanted.iter().map(|(id, click)| (*id, click.as_ref())).collect();
            sought_touches(tx, &wanted)
        };
        let sought = self.options.database.read(look).await?;
        let found = self.touches_of(&sought).await?;
        let with = seen.into_iter().zip(found);
        Ok(with.map(|(seen, touches)| Seen { touches, ..seen }).collect())
    }

    async fn decide_seen(
        &self,
        seen: Vec<Seen>,
        keys: &Arc<KeyRing>,
    ) -> Result<Vec<Reconsidered>, WorkerError> {
        let mut batches = vec![seen];
        let mut looked = Vec::new();
        while let Some(mut batch) = batches.pop() {
            match self.decide_batch_again(batch.clone(), Arc::clone(keys)).await {
                Ok(answers) => {
                    for (seen, answer) in batch.iter().zip(answers) {
                        match answer {
                            Ok(answer) => {
                                self.options.metrics.ledger.transactions.inc_by(answer.transactions);
                                looked.push(answer);
                            }
                            Err(refusal) => stays(seen.id, &refusal),
                        }
                    }
                }
                Err(BookError::Store(error))
                    if matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Conflict) =>
                {
                    return Err(error.into());
                }
                Err(refusal) if batch.len() == 1 => {
                    let Some(only) = batch.pop() else { continue };
                    stays(only.id, &refusal);
                    self.leave_alone(only.id).await?;
                }
                Err(_) => {
                    batches.push(batch.split_off(batch.len() / 2));
                    batches.push(batch);
                }
            }
        }
        Ok(looked)
    }

    async fn decide_batch_again(
        &self,
        batch: Vec<Seen>,
        keys: Arc<KeyRing>,
    ) -> Result<Vec<Result<Reconsidered, BookError>>, BookError> {
        let now = self.options.clock.now();
        let decide = move |tx: &mut dyn Tx| {
            let asked: Vec<ToReconsider<'_>> = batch
                .iter()
                .map(|seen| ToReconsider {
                    conversion: seen.id,
                    click: seen.click.as_ref(),
                    touches: &seen.touches,
                })
                .collect();
            decide_again(tx, &asked, &keys, now)
        };
        self.options.database.book(decide).await
    }

    /// It is not asked for any more.
    async fn leave_alone(&self, id: ConversionId) -> Result<(), WorkerError> {
        let now = self.options.clock.now();
        let done = move |tx: &mut dyn Tx| {
            let pending = reconsiderations::of_conversions(tx, &[id], now)?;
            let seen: Vec<_> = pending.into_iter().flatten().map(|pending| (id, pending)).collect();
            reconsiderations::done(tx, &seen)
        };
        Ok(self.options.database.book(done).await?)
    }
}

fn stays(id: ConversionId, refusal: &BookError) {
    tracing::error!(
        conversion.id = id.get(),
        error = refusal as &dyn std::error::Error,
        "a conversion cannot be decided again and stays as it is"
    );
}
