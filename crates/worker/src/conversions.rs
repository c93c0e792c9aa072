//! Deciding what waits, in batches; each is one transaction that others may run beside.

use std::sync::Arc;

use hopline_books::{BookError, Decided, SoughtTouches, ToDecide, decide_many, set_aside, sought_touches};
use hopline_click_store::{ClickStoreError, StoredClick, Touch, TouchQuery};
use hopline_clickid::{ClickClaims, KeyRing};
use hopline_control_store::conversions::{Waiting, waiting};
use hopline_control_store::{DatabaseExt, ErrorKind, StoreError, click_keys};
use hopline_fault::{Point, point};
use hopline_runtime::telemetry::ConversionOutcome;
use hopline_types::{CommissionStatus, ConversionId, MINUTE_MS, SECOND_MS, UnixMillis};

use crate::{DECIDED_AT_ONCE, Worker, WorkerError};

/// Until this age a click may still be on its way to the click store.
const CLICK_YOUNG_MS: i64 = MINUTE_MS;
/// How long a conversion waits for its click.
const WAIT_FOR_CLICK_MS: i64 = 10 * SECOND_MS;
/// After as many the other duties have their turn: reports shall learn what was decided.
const ROUND_MAX: usize = 5_000;
/// How often a batch is tried that somebody else was faster with; then in parts.
const CONFLICTS_MAX: u32 = 3;

/// A conversion and the click it names, where that is stored.
#[derive(Debug, Clone)]
struct Ready {
    id: ConversionId,
    click: Option<StoredClick>,
    /// The visitor's other clicks, where the offer's model looks at them.
    touches: Vec<Touch>,
}

impl Worker {
    /// Decides what waits of its own, in order of arrival, but for what must wait for its click. Says whether there may
    /// be more.
    pub(crate) async fn decide_waiting(&mut self) -> Result<bool, WorkerError> {
        let mut after = None;
        let mut deferred: Option<UnixMillis> = None;
        let mut decided = 0;
        while decided < ROUND_MAX {
            let partitions = self.options.claims.partitions();
            if partitions.is_empty() {
                break;
            }
            let read = move |tx: &mut dyn hopline_control_store::Tx| {
                let keys = click_keys::ring(tx)?;
                Ok::<_, StoreError>((keys, waiting(tx, after, DECIDED_AT_ONCE, &partitions)?))
            };
            let (keys, mut page) = self.options.database.read(read).await?;
            let now = self.options.clock.now();
            let (Some(keys), Some(first)) = (keys, page.first()) else { break };
            let oldest = deferred.unwrap_or(first.received_at);
            self.options.metrics.attribution.lag_seconds.set(seconds(now.since(oldest)));
            after = page.last().map(|last| last.id);
            let is_last = page.len() < DECIDED_AT_ONCE as usize;

            page.retain(|conversion| !self.given_up.contains(&conversion.id));
            let mut ready = Vec::with_capacity(page.len());
            let clicks = self.clicks_of(&page, &keys, now).await;
            for (conversion, click) in page.into_iter().zip(clicks) {
                match click {
                    Some(click) => ready.push(Ready { id: conversion.id, click, touches: Vec::new() }),
                    None => deferred = deferred.or(Some(conversion.received_at)),
                }
            }
            let wanted = ready.len();
            let ready = self.with_touches(ready).await?;
            if ready.len() < wanted {
                deferred = deferred.or(Some(oldest));
            }
            decided += ready.len();
            self.decide_batch(ready, Arc::new(keys)).await?;
            if is_last {
                break;
            }
        }
        let now = self.options.clock.now();
        let lag = deferred.map_or(0, |oldest| now.since(oldest));
        self.options.metrics.attribution.lag_seconds.set(seconds(lag));
        Ok(decided >= ROUND_MAX)
    }

    /// The clicks that conversions name; the outer None where one must be waited for.
    async fn clicks_of(
        &self,
        page: &[Waiting],
        keys: &KeyRing,
        now: UnixMillis,
    ) -> Vec<Option<Option<StoredClick>>> {
        let claims = |conversion: &Waiting| {
            let by = now.max(conversion.received_at);
            conversion.click_id.as_ref().and_then(|click_id| keys.verify(click_id, by).ok())
        };
        let claims: Vec<Option<ClickClaims>> = page.iter().map(claims).collect();
        let asked: Vec<_> = claims.iter().flatten().map(|claims| (claims.unique, claims.at)).collect();
        let mut found = Vec::new();
        let mut is_away = false;
        if !asked.is_empty() {
            match self.options.click_store.find_clicks(asked).await {
                Ok(clicks) => found = clicks,
                Err(error) => {
                    is_away = true;
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        conversions = page.len(),
                        "the clicks of conversions cannot be looked up"
                    );
                }
            }
        }
        let mut found = found.into_iter();
        let is_ending = self.options.shutdown.is_begun();
        let click = |(conversion, claims): (&Waiting, &Option<ClickClaims>)| {
            let Some(claims) = claims else { return Some(None) };
            if let Some(Some(click)) = found.next() {
                return Some(Some(click));
            }
            let waits = now.since(conversion.received_at) < WAIT_FOR_CLICK_MS && !is_ending;
            let is_young = now.since(claims.at) < CLICK_YOUNG_MS;
            if waits && (is_young || is_away) { None } else { Some(None) }
        };
        page.iter().zip(&claims).map(click).collect()
    }

    /// Adds the other clicks of their visitors to those that need them. Where the click store cannot say, these wait: deciding
    /// them again would cost more.
    async fn with_touches(&self, ready: Vec<Ready>) -> Result<Vec<Ready>, WorkerError> {
        let asked: Vec<_> = ready.iter().map(|ready| (ready.id, ready.click.clone())).collect();
        let look = move |tx: &mut dyn hopline_control_store::Tx| {
            let asked: Vec<_> = asked.iter().map(|(id, click)| (*id, click.as_ref())).collect();
            sought_touches(tx, &asked)
        };
        let sought = match self.options.database.read(look).await {
            Ok(sought) => sought,
            Err(BookError::Store(error)) => return Err(error.into()),
            Err(error) => {
                let detail = format!("what touches conversions need: {error}");
                return Err(StoreError::new(ErrorKind::Broken, detail).into());
            }
        };
        let needs: Vec<bool> = sought.iter().map(Option::is_some).collect();
        let found = match self.touches_of(&sought).await {
            Ok(found) => Some(found),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    conversions = needs.iter().filter(|needs| **needs).count(),
                    "conversions wait: the clicks of their visitors cannot be looked up"
                );
                None
            }
        };
        Ok(match found {
            Some(found) => {
                let with = ready.into_iter().zip(found);
                with.map(|(ready, touches)| Ready { touches, ..ready }).collect()
            }
            None => {
                ready.into_iter().zip(needs).filter(|(_, needs)| !needs).map(|(ready, _)| ready).collect()
            }
        })
    }

    /// What was sought, all with one question to the click store; nothing where nothing was.
    pub(crate) async fn touches_of(
        &self,
        sought: &[Option<SoughtTouches>],
    ) -> Result<Vec<Vec<Touch>>, ClickStoreError> {
        let queries = |sought: &SoughtTouches| {
            let SoughtTouches { advertiser, from, to, .. } = *sought;
            let query = |visitor_key: &u64| TouchQuery { visitor_key: *visitor_key, advertiser, from, to };
            sought.visitors.iter().map(query).collect::<Vec<_>>()
        };
        let asked: Vec<TouchQuery> = sought.iter().flatten().flat_map(queries).collect();
        if asked.is_empty() {
            return Ok(vec![Vec::new(); sought.len()]);
        }
        let mut found = self.options.click_store.touches_many(asked).await?.into_iter();
        let own = |sought: &Option<SoughtTouches>| {
            let visitors = sought.as_ref().map_or(0, |sought| sought.visitors.len());
            found.by_ref().take(visitors).flatten().collect()
        };
        Ok(sought.iter().map(own).collect())
    }

    /// Decides a batch in one transaction; without those that cannot be decided, which are set aside.
    async fn decide_batch(&mut self, ready: Vec<Ready>, keys: Arc<KeyRing>) -> Result<(), WorkerError> {
        let mut batches = vec![ready];
        let mut conflicts = 0;
        while let Some(mut ready) = batches.pop() {
            if ready.is_empty() {
                continue;
            }
            match self.decide_all(ready.clone(), Arc::clone(&keys)).await {
                Ok(answers) => {
                    for (ready, answer) in ready.iter().zip(answers) {
                        match answer {
                            Ok(decided) => self.count(&decided),
                            // Tried again once a rate is entered.
                            Err(BookError::Waits { conversion, missing }) => {
                                tracing::warn!(
                                    conversion.id = conversion.get(),
                                    detail = %missing,
                                    "a conversion waits for a rate of exchange"
                                );
                            }
                            Err(refusal) => self.put_aside(ready.id, refusal.to_string()).await?,
                        }
                    }
                }
                Err(BookError::Store(error)) if error.kind == ErrorKind::Unavailable => {
                    return Err(error.into());
                }
                Err(BookError::Store(error))
                    if error.kind == ErrorKind::Conflict && conflicts < CONFLICTS_MAX =>
                {
                    // Another worker was faster with some of them: they will be found decided.
                    conflicts += 1;
                    tracing::debug!(error = error.detail, "a batch of conversions is decided again");
                    batches.push(ready);
                }
                // Alone and refused by the store or the ledger: it cannot be booked.
                Err(refusal) if ready.len() == 1 => {
                    let Some(only) = ready.pop() else { continue };
                    self.put_aside(only.id, refusal.to_string()).await?;
                }
                // One of them breaks the whole batch: it is in one half.
                Err(_) => {
                    batches.push(ready.split_off(ready.len() / 2));
                    batches.push(ready);
                }
            }
        }
        Ok(())
    }

    async fn decide_all(
        &self,
        ready: Vec<Ready>,
        keys: Arc<KeyRing>,
    ) -> Result<Vec<Result<Decided, BookError>>, BookError> {
        let now = self.options.clock.now();
        let decide = move |tx: &mut dyn hopline_control_store::Tx| {
            passed(Point::BooksBookBefore)?;
            let asked: Vec<ToDecide<'_>> = ready
                .iter()
                .map(|ready| ToDecide {
                    conversion: ready.id,
                    click: ready.click.as_ref(),
                    touches: &ready.touches,
                })
                .collect();
            let decided = decide_many(tx, &asked, &keys, now)?;
            passed(Point::BooksBookAfter)?;
            Ok(decided)
        };
        self.options.database.book(decide).await
    }

    async fn put_aside(&mut self, id: ConversionId, detail: String) -> Result<(), WorkerError> {
        tracing::error!(conversion.id = id.get(), detail, "a conversion cannot be decided and is set aside");
        let now = self.options.clock.now();
        self.options.metrics.conversions.processed.inc(ConversionOutcome::Failed);
        match self.options.database.book(move |tx| set_aside(tx, id, &detail, now)).await {
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

#[expect(clippy::cast_precision_loss, reason = "a gauge of seconds; milliseconds of centuries fit 52 bits")]
fn seconds(millis: i64) -> f64 {
    millis.max(0) as f64 / 1_000.0
}
