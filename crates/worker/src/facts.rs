//! Telling reports.

use hopline_books::facts::from_json;
use hopline_control_store::conversions::{RefusedEvent, keep_refused};
use hopline_control_store::facts::{WaitingFact, remove, waiting};
use hopline_control_store::{DatabaseExt, ErrorKind, StoreError};
use hopline_fault::{Point, point};

use crate::{Worker, WorkerError};

/// Facts of one call to the click store, and of one transaction that takes them out.
const BATCH: u32 = 1_000;
/// After as many batches conversions have their turn. There may be more workers that decide than those that ship.
const BATCHES_MAX: usize = 20;

impl Worker {
    /// Ships facts, in batches; says whether there may be more.
    pub(crate) async fn ship_facts(&mut self) -> Result<bool, WorkerError> {
        for _ in 0..BATCHES_MAX {
            if !self.ship_some_facts().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ships a batch of facts; says whether there may be more.
    async fn ship_some_facts(&self) -> Result<bool, WorkerError> {
        let page = self.options.database.read(|tx| waiting(tx, BATCH)).await?;
        if page.is_empty() {
            return Ok(false);
        }
        let is_full = page.len() == BATCH as usize;
        let mut facts = Vec::with_capacity(page.len());
        let mut unreadable = Vec::new();
        for fact in &page {
            match from_json(&fact.fact) {
                Ok(fact) => facts.push(fact),
                Err(error) => {
                    tracing::error!(
                        fact.id = fact.fact_id,
                        error = &error as &dyn std::error::Error,
                        "a fact is put aside"
                    );
                    unreadable.push(fact.clone());
                }
            }
        }
        passed(Point::OutboxInsertBefore)?;
        self.options.click_store.store_facts(facts).await?;
        passed(Point::OutboxInsertAfter)?;
        passed(Point::OutboxCommitBefore)?;
        self.take_out(page, unreadable).await?;
        passed(Point::OutboxCommitAfter)?;
        Ok(is_full)
    }

    /// Takes facts out of the outbox that the click store has; those that nobody can read are kept as refused.
    async fn take_out(
        &self,
        shipped: Vec<WaitingFact>,
        unreadable: Vec<WaitingFact>,
    ) -> Result<(), StoreError> {
        let now = self.options.clock.now();
        let ids: Vec<i64> = shipped.iter().map(|fact| fact.id).collect();
        let keep: Vec<RefusedEvent> = unreadable
            .into_iter()
            .map(|fact| RefusedEvent {
                event_id: format!("fact:{}", fact.fact_id),
                received_at: now,
                reason: "the fact cannot be read".to_owned(),
                event: fact.fact,
            })
            .collect();
        let remove = move |tx: &mut dyn hopline_control_store::Tx| {
            keep_refused(tx, &keep)?;
            remove(tx, &ids)
        };
        self.options.database.book(remove).await
    }
}

fn passed(at: Point) -> Result<(), StoreError> {
    point(at).map_err(|error| StoreError::new(ErrorKind::Unavailable, error.to_string()))
}
