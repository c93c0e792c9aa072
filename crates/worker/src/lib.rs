//! The worker: attributes and books what has come in, tells reports, releases holds, settles clicks by the hour.
//!
//! A round does, in this order, of which all but the first two are done by one of several workers ([`Claims::is_leader`]):
//!
//! 1. **Conversions** that wait in the parts that it holds ([`Claims`]), oldest first: look the clicks up in the click
//!    store, decide, book; up to [`DECIDED_AT_ONCE`] in one transaction.
//! 2. **Decisions** of its parts that something came too late for are looked at again.
//! 3. **Facts** of the outbox go to the click store and are then taken out. Both stores know a fact by its id, so a
//!    crash between the two steps stores nothing twice.
//! 4. **Holds** that have ended.
//! 5. **Findings** about clicks go to the click store.
//! 6. **Clicks** of hours that ended more than `worker.ppc_grace_seconds` ago, and late ones of older hours.
//! 7. **Periods**: tiers and bonuses whose volume may have changed.
//! 8. **Payout schedules** that are due prepare their drafts.
//!
//! Rounds follow each other while there is work; then the worker waits for [`WorkerOptions::wake`], at most
//! `worker.tick_ms`. At rest a conversion is decided and in reports one round after it was taken in.
//!
//! # Several workers
//!
//! Where the control store is a server, [`Leases`] share parts and leadership out among all workers that live, and
//! changes the [`Claims`] of this one while it works.
//!
//! # A click that is not there yet
//!
//! A shop may be faster than shipping. The click id alone is enough for the money, but reports copy the click's
//! dimensions. So a conversion whose click is younger than a minute and not stored yet waits, up to 10 s; the others go
//! on.
//!
//! # Failure
//!
//! Everything can be repeated: decided conversions stay decided, ledger transactions have ids of their cause. A store
//! that is away is asked again after a pause. A conversion that cannot be decided is set aside with the reason and does
//! not stop the rest; a fact that cannot be read is kept among the refused events.
//!
//! # Shutdown
//!
//! When it begins, what waits is still decided and shipped, once; then [`run`] returns. What is left is in the
//! control store and waits for the next start.

mod again;
mod claims;
mod clicks;
mod conversions;
mod facts;
mod findings;
mod holds;
mod leader;
mod periods;
mod schedules;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hopline_books::{BookError, ClicksSettled, Due};
use hopline_click_store::{ClickStore, ClickStoreError};
use hopline_control_store::{Database, StoreError};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::WorkerConfig;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::Metrics;
use hopline_types::{ConversionId, UnixMillis};
use tokio::sync::Notify;

pub use claims::Claims;
pub use leader::{LeaseOptions, Leases, Pace};

/// Conversions decided, or holds released, in one transaction: enough that statements and the sync to disk cost little for each, few enough
/// that the end of the ledger is locked for a short time.
pub const DECIDED_AT_ONCE: u32 = 400;
/// Findings applied in one step.
pub const BATCH: u32 = 100;

/// The pause after a store has failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// What a worker works with.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// Where conversions wait and the books are.
    pub database: Arc<dyn Database>,
    /// Which conversions it decides.
    pub claims: Claims,
    /// Where clicks are, and where facts go.
    pub click_store: Arc<dyn ClickStore>,
    /// The time.
    pub clock: Clock,
    /// `[worker]`.
    pub config: WorkerConfig,
    /// Its metrics.
    pub metrics: Metrics,
    /// When to end.
    pub shutdown: Shutdown,
    /// Rung when something waits.
    pub wake: Arc<Notify>,
}

/// Why a step of the worker failed; it is tried again.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The control store failed.
    #[error("the control store failed")]
    Store(#[from] StoreError),
    /// The books refused.
    #[error("the books refused")]
    Books(#[from] BookError),
    /// The click store failed.
    #[error("the click store failed")]
    Clicks(#[from] ClickStoreError),
}

/// Works until the shutdown has begun and what waited then is done.
///
/// # Errors
/// None at present: whatever fails is logged and tried again.
pub async fn run(options: WorkerOptions) -> Result<(), WorkerError> {
    let mut worker = Worker::new(options);
    loop {
        let ends = worker.options.shutdown.is_begun();
        let pause = match worker.round().await {
            Ok(is_busy) if is_busy => continue,
            Ok(_) => worker.options.config.tick,
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the worker failed and tries again"
                );
                PAUSE_AFTER_FAILURE
            }
        };
        if ends {
            return Ok(());
        }
        tokio::select! {
            () = worker.options.wake.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = worker.options.shutdown.begun() => {}
        }
    }
}

/// Settles the clicks of hours that have ended by `until`, at once and without grace. What was settled books nothing.
///
/// # Errors
/// A store fails; nothing of the failing step is booked.
pub async fn settle_now(
    database: &dyn Database,
    click_store: &dyn ClickStore,
    clock: &Clock,
    metrics: &Metrics,
    until: UnixMillis,
) -> Result<ClicksSettled, WorkerError> {
    clicks::settle(database, click_store, clock, metrics, until, clicks::Progress::Leave).await
}

/// What the worker remembers between rounds.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) options: WorkerOptions,
    /// When clicks are looked at next.
    pub(crate) clicks_due_at: UnixMillis,
    /// When periods are looked at next.
    pub(crate) periods_due_at: UnixMillis,
    /// Up to where the ledger was read for them.
    pub(crate) periods_read_to: i64,
    /// Those that cannot be settled.
    pub(crate) periods_failed: Vec<Due>,
    /// When findings are looked at next, after one could not be applied.
    pub(crate) findings_due_at: UnixMillis,
    /// Conversions that can neither be decided nor set aside, so that they do not stop the rest until the next start.
    pub(crate) given_up: BTreeSet<ConversionId>,
}

impl Worker {
    fn new(options: WorkerOptions) -> Self {
        Self {
            options,
            clicks_due_at: UnixMillis(i64::MIN),
            periods_due_at: UnixMillis(i64::MIN),
            periods_read_to: 0,
            periods_failed: Vec::new(),
            findings_due_at: UnixMillis(i64::MIN),
            given_up: BTreeSet::new(),
        }
    }

    /// One round; says whether there may be more to do at once. Each step runs even where the one before failed: a
    /// click store that is away does not stop the books.
    async fn round(&mut self) -> Result<bool, WorkerError> {
        let mut steps = vec![self.decide_waiting().await, self.look_again().await];
        // Others may find that they lead meanwhile: then a step is taken twice, which changes nothing more.
        if self.options.claims.is_leader() {
            steps.push(self.ship_facts().await);
            steps.push(self.qualify_leads().await);
            steps.push(self.release_holds().await);
            steps.push(self.apply_findings().await);
            steps.push(self.settle_clicks().await);
            steps.push(self.settle_periods().await);
            steps.push(self.draft_payouts().await);
        }
        let mut is_busy = false;
        let mut failure = None;
        for step in steps {
            match step {
                Ok(more) => is_busy |= more,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(is_busy), Err)
    }
}
