//! Sharing the work among several workers, by leases in the control store.
//!
//! | lease | held by |
//! |---|---|
//! | `worker:ID` | the worker of that id, which raises its beat every [`Pace::beat`] |
//! | `part:NN` | the worker that decides that part of the conversions |
//! | `leader` | the worker that does what only one may do |
//!
//! A worker lives while its beat rises. What a worker holds whose beat stood still for [`Pace::still`], by the clock of who
//! looks, is taken over; so is what belongs to a worker that has left. Each worker holds its share of the parts, counted by
//! the workers that it sees alive: who holds more gives back, who holds less takes what is free. For a moment workers may
//! disagree on their number; then a part waits, or changes hands once more, and nothing is done twice, because decisions are
//! only written into what is undecided.
//!
//! A worker that could not raise its beat for [`Pace::lost`], which is shorter than [`Pace::still`], stops by itself: its
//! store is away, or too slow. One that was stopped and goes on finds with its next beat what it still holds.
//!
//! With the default pace a worker that dies is followed within 6 s; one that ends in order hands over at once.

mod share;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hopline_control_store::leases::{self, Lease};
use hopline_control_store::{Database, DatabaseExt, StoreError, Tx};
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::LeaseMetrics;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::Claims;
use share::{LEADER, Plan, plan, worker_name};

/// Longest wait for the store at the end; others take over later then.
const RELEASE_MAX: Duration = Duration::from_secs(5);

/// How fast leases beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two beats.
    pub beat: Duration,
    /// After so long without a beat a worker holds nothing any more in its own eyes.
    pub lost: Duration,
    /// After so long without a beat others take over.
    pub still: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { beat: Duration::from_secs(1), lost: Duration::from_secs(3), still: Duration::from_secs(4) }
    }
}

/// What keeping leases needs.
#[derive(Debug)]
pub struct LeaseOptions {
    /// Where the leases are.
    pub database: Arc<dyn Database>,
    /// What this worker holds; changed from here.
    pub claims: Claims,
    /// This worker's id; no other process that lives has the same. One that is started again may have its old one, and
    /// then still holds what it held.
    pub id: String,
    /// How fast.
    pub pace: Pace,
    /// Rung when there is more to do.
    pub wake: Arc<Notify>,
    /// What is held.
    pub metrics: LeaseMetrics,
    /// When to give everything back. Begin it when the worker has ended.
    pub shutdown: Shutdown,
}

/// The leases of one worker.
#[derive(Debug)]
pub struct Leases(Keeper);

impl Leases {
    /// Takes what is free, or was this worker's before it died. A store that is away is asked again later.
    pub async fn begin(options: LeaseOptions) -> Self {
        let mut keeper = Keeper { options, seen: BTreeMap::new(), beaten_at: None, is_failing: false };
        keeper.look(Instant::now()).await;
        Self(keeper)
    }

    /// Keeps leases until the shutdown begins, then gives them back. Dropping the future stops as a crash would.
    ///
    /// # Errors
    /// None: a store that is away is asked again.
    pub async fn keep(self) -> Result<(), std::convert::Infallible> {
        let Self(mut keeper) = self;
        loop {
            let next = Instant::now() + keeper.options.pace.beat;
            tokio::select! {
                () = keeper.options.shutdown.begun() => break,
                () = tokio::time::sleep_until(next) => {}
            }
            keeper.look(Instant::now()).await;
        }
        keeper.leave().await;
        Ok(())
    }
}

/// Holder and beat of a lease, and since when they have stood still.
#[derive(Debug, Clone)]
struct Sighting {
    holder: String,
    beat: i64,
    since: Instant,
}

#[derive(Debug)]
struct Keeper {
    options: LeaseOptions,
    seen: BTreeMap<String, Sighting>,
    /// When the last beat that arrived was begun.
    beaten_at: Option<Instant>,
    is_failing: bool,
}

impl Keeper {
    /// Beats once, and takes or gives back what it should. Claims never outlast [`Pace::lost`] without a beat.
    async fn look(&mut self, now: Instant) {
        let holds = self.options.claims.is_leader() || !self.options.claims.partitions().is_empty();
        let lost_at = self.beaten_at.unwrap_or(now) + self.options.pace.lost;
        let outcome = if holds {
            tokio::time::timeout_at(lost_at, self.step(now)).await.ok()
        } else {
            tokio::time::timeout(self.options.pace.still, self.step(now)).await.ok()
        };
        let error = match outcome {
            Some(Ok(())) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::info!("leases are kept again");
                }
                return;
            }
            Some(Err(error)) => error.to_string(),
            None => "the control store does not answer in time".to_owned(),
        };
        self.options.metrics.failures.inc();
        if !std::mem::replace(&mut self.is_failing, true) {
            tracing::warn!(error, "leases cannot be kept");
        }
        if holds && Instant::now() >= lost_at {
            tracing::error!(
                "the leases of this worker are lost: it decides nothing until the control store answers"
            );
            self.hold(&[], false);
        }
    }

    async fn step(&mut self, now: Instant) -> Result<(), StoreError> {
        let id = self.options.id.clone();
        let found = self.options.database.book(move |tx| {
            leases::beat(tx, &worker_name(&id), &id)?;
            leases::list(tx)
        });
        let found = found.await?;
        self.beaten_at = Some(now);
        self.watch(&found);
        let plan = plan(&self.options.id, &found, |name| self.stands_still(name));
        let (mut held, mut leads) = (plan.held.clone(), plan.leads);
        // What is given back is left alone first.
        self.hold(&held, leads);
        if plan.changes_nothing() {
            return Ok(());
        }
        let id = self.options.id.clone();
        let taken = self.options.database.book(move |tx| apply(tx, &id, &plan)).await?;
        for name in taken {
            match share::part_of(&name) {
                Some(part) => held.push(part),
                None => leads |= name == LEADER,
            }
        }
        held.sort_unstable();
        self.hold(&held, leads);
        Ok(())
    }

    /// Remembers which leases have stood still since when.
    fn watch(&mut self, found: &[Lease]) {
        let now = Instant::now();
        let sighting =
            |lease: &Lease| Sighting { holder: lease.holder.clone(), beat: lease.beat, since: now };
        let is_same = |old: &Sighting, lease: &Lease| old.holder == lease.holder && old.beat == lease.beat;
        let fresh = found.iter().map(|lease| {
            let old = self.seen.get(&lease.name).filter(|old| is_same(old, lease)).cloned();
            (lease.name.clone(), old.unwrap_or_else(|| sighting(lease)))
        });
        self.seen = fresh.collect();
    }

    fn stands_still(&self, name: &str) -> bool {
        self.seen.get(name).is_some_and(|seen| seen.since.elapsed() >= self.options.pace.still)
    }

    /// Sets what this worker holds.
    fn hold(&self, partitions: &[u16], leads: bool) {
        let claims = &self.options.claims;
        let before = (claims.partitions(), claims.is_leader());
        if before == (partitions.to_vec(), leads) {
            return;
        }
        claims.hold(partitions);
        claims.lead(leads);
        self.options.metrics.partitions.set(i64::try_from(partitions.len()).unwrap_or(i64::MAX));
        self.options.metrics.leader.set(i64::from(leads));
        tracing::info!(parts = partitions.len(), leads, "this worker's share has changed");
        self.options.wake.notify_one();
    }

    /// Gives everything back.
    async fn leave(&self) {
        self.hold(&[], false);
        let id = self.options.id.clone();
        let released = self.options.database.book(move |tx| {
            for lease in leases::list(tx)?.iter().filter(|lease| lease.holder == id) {
                if lease.name == worker_name(&id) {
                    leases::forget(tx, lease)?;
                } else if share::is_ours(&lease.name) {
                    leases::release(tx, &lease.name, &id)?;
                }
            }
            Ok::<_, StoreError>(())
        });
        match tokio::time::timeout(RELEASE_MAX, released).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "leases were not given back; others take over in a few seconds")
            }
            Err(_) => tracing::warn!("leases were not given back in time; others take over in a few seconds"),
        }
    }
}

/// Gives back and takes; the names of what was taken.
fn apply(tx: &mut dyn Tx, id: &str, plan: &Plan) -> Result<Vec<String>, StoreError> {
    for name in &plan.release {
        leases::release(tx, name, id)?;
    }
    for lease in &plan.forget {
        leases::forget(tx, lease)?;
    }
    let mut taken = Vec::new();
    for (name, seen) in &plan.take {
        if leases::take(tx, name, id, seen.as_ref())? {
            taken.push(name.clone());
        }
    }
    Ok(taken)
}
