//! Deciding what waits.

use std::sync::Arc;

use hopline_books::{BookError, Context, Decided, decide, set_aside};
use hopline_click_store::StoredClick;
use hopline_clickid::KeyRing;
use hopline_control_store::conversions::{Waiting, waiting};
use hopline_control_store::{DatabaseExt, ErrorKind, StoreError, Tx, click_keys};
use hopline_fault::{Point, point};
use hopline_runtime::telemetry::ConversionOutcome;
use hopline_types::{CommissionStatus, ConversionId, MINUTE_MS, SECOND_MS, UnixMillis};

use crate::{BATCH, Worker, WorkerError};

/// Until this age a click may still be on its way to the click store.
const CLICK_YOUNG_MS: i64 = MINUTE_MS;
/// How long a conversion waits for its click.
const WAIT_FOR_CLICK_MS: i64 = 10 * SECOND_MS;

/// A conversion and the click it names, where that is stored.
#[derive(Debug, Clone)]
struct Ready {
    id: ConversionId,
    click: Option<StoredClick>,
}

/// Why a batch was not decided.
#[derive(Debug)]
enum Failure {
    /// This conversion cannot be decided.
    Poisoned { id: ConversionId, detail: String },
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Worker {
    /// Decides everything that waits, in order of arrival, but for what must wait for its click.
    pub(crate) async fn decide_waiting(&mut self) -> Result<bool, WorkerError> {
        let mut after = None;
        let mut deferred: Option<UnixMillis> = None;
        loop {
            let (keys, page) = self
                .options
                .database
                .read(move |tx| Ok::<_, StoreError>((click_keys::ring(tx)?, waiting(tx, after, BATCH)?)))
                .await?;
            let now = self.options.clock.now();
            let (Some(keys), Some(first)) = (keys, page.first()) else { break };
            let oldest = deferred.unwrap_or(first.received_at);
            self.options.metrics.attribution.lag_seconds.set(seconds(now.since(oldest)));
            after = page.last().map(|last| last.id);
            let is_last = page.len() < BATCH as usize;

            let mut ready = Vec::new();
            for conversion in page {
                if self.given_up.contains(&conversion.id) {
                    continue;
                }
                match self.click_of(&conversion, &keys, now).await {
                    Some(click) => ready.push(Ready { id: conversion.id, click }),
                    None => deferred = deferred.or(Some(conversion.received_at)),
                }
            }
            self.decide_batch(ready, Arc::new(keys)).await?;
            if is_last {
                break;
            }
        }
        let now = self.options.clock.now();
        let lag = deferred.map_or(0, |oldest| now.since(oldest));
        self.options.metrics.attribution.lag_seconds.set(seconds(lag));
        Ok(false)
    }

    /// The click that a conversion names; the outer None where it must be waited for.
    async fn click_of(
        &self,
        conversion: &Waiting,
        keys: &KeyRing,
        now: UnixMillis,
    ) -> Option<Option<StoredClick>> {
        let Some(Ok(claims)) = conversion
            .click_id
            .as_ref()
            .map(|click_id| keys.verify(click_id, now.max(conversion.received_at)))
        else {
            return Some(None);
        };
        let waits =
            now.since(conversion.received_at) < WAIT_FOR_CLICK_MS && !self.options.shutdown.is_begun();
        match self.options.click_store.find_click(claims.unique, claims.at).await {
            Ok(Some(click)) => Some(Some(click)),
            Ok(None) if waits && now.since(claims.at) < CLICK_YOUNG_MS => None,
            Ok(None) => Some(None),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    conversion.id = conversion.id.get(),
                    "the click of a conversion cannot be looked up"
                );
                if waits { None } else { Some(None) }
            }
        }
    }

    /// Decides a batch in one transaction; without those that cannot be decided, which are set aside.
    async fn decide_batch(&mut self, mut ready: Vec<Ready>, keys: Arc<KeyRing>) -> Result<(), WorkerError> {
        while !ready.is_empty() {
            match self.decide_all(ready.clone(), Arc::clone(&keys)).await {
                Ok(decided) => {
                    decided.iter().for_each(|decided| self.count(decided));
                    return Ok(());
                }
                Err(Failure::Poisoned { id, detail }) => {
                    self.put_aside(id, detail).await?;
                    ready.retain(|ready| ready.id != id);
                }
                Err(Failure::Store(error)) if error.kind == ErrorKind::Unavailable || ready.len() == 1 => {
                    // Alone and refused by the store itself: what it holds cannot be booked.
                    if error.kind == ErrorKind::Unavailable {
                        return Err(error.into());
                    }
                    let Some(only) = ready.pop() else { return Ok(()) };
                    self.put_aside(only.id, error.detail).await?;
                }
                Err(Failure::Store(_)) => {
                    // One of them breaks the whole batch: find it one by one.
                    let singles = std::mem::take(&mut ready);
                    for single in singles {
                        Box::pin(self.decide_batch(vec![single], Arc::clone(&keys))).await?;
                    }
                }
            }
        }
        Ok(())
    }

    async fn decide_all(&self, ready: Vec<Ready>, keys: Arc<KeyRing>) -> Result<Vec<Decided>, Failure> {
        if ready.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.options.clock.now();
        self.options
            .database
            .write(move |tx| {
                let mut decided = Vec::with_capacity(ready.len());
                for ready in &ready {
                    passed(Point::BooksBookBefore)?;
                    decided.push(decide_one(tx, ready, &keys, now)?);
                    passed(Point::BooksBookAfter)?;
                }
                Ok(decided)
            })
            .await
    }

    async fn put_aside(&mut self, id: ConversionId, detail: String) -> Result<(), WorkerError> {
        tracing::error!(conversion.id = id.get(), detail, "a conversion cannot be decided and is set aside");
        let now = self.options.clock.now();
        self.options.metrics.conversions.processed.inc(ConversionOutcome::Failed);
        match self.options.database.write(move |tx| set_aside(tx, id, &detail, now)).await {
            Ok(_) => {}
            Err(BookError::Store(error)) if error.kind == ErrorKind::Unavailable => return Err(error.into()),
            Err(error) => {
                tracing::error!(
                    conversion.id = id.get(),
                    error = &error as &dyn std::error::Error,
                    "it cannot be set aside either and is left alone until the next start"
                );
                self.given_up.insert(id);
            }
        }
        Ok(())
    }

    fn count(&self, decided: &Decided) {
        if decided.was_decided {
            return;
        }
        let outcome = match decided.status {
            CommissionStatus::Unattributed => ConversionOutcome::Unattributed,
            CommissionStatus::Rejected => ConversionOutcome::Rejected,
            _ => ConversionOutcome::Credited,
        };
        self.options.metrics.conversions.processed.inc(outcome);
        self.options.metrics.ledger.transactions.inc_by(decided.transactions);
    }
}

fn passed(at: Point) -> Result<(), StoreError> {
    point(at).map_err(|error| StoreError::new(ErrorKind::Unavailable, error.to_string()))
}

fn decide_one(tx: &mut dyn Tx, ready: &Ready, keys: &KeyRing, now: UnixMillis) -> Result<Decided, Failure> {
    let context = Context { keys, click: ready.click.as_ref(), now };
    decide(tx, ready.id, &context).map_err(|error| match error {
        BookError::Store(error) => Failure::Store(error),
        other => Failure::Poisoned { id: ready.id, detail: other.to_string() },
    })
}

#[expect(clippy::cast_precision_loss, reason = "a gauge of seconds; milliseconds of centuries fit 52 bits")]
fn seconds(millis: i64) -> f64 {
    millis.max(0) as f64 / 1_000.0
}
