//! What must be deleted in time: old clicks, ended sessions, idempotency keys past their day.

use std::time::Duration;

use hopline_click_store::Retention;
use hopline_control_store::{DatabaseExt as _, StoreError, idempotency, sessions};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::lifecycle::Shutdown;
use hopline_types::HOUR_MS;
use hopline_worker::Claims;

use crate::stores::Stores;

const EVERY: Duration = Duration::from_secs(3600);
const DAY_MS: i64 = 24 * HOUR_MS;
/// Finance repeats requests for up to a week (requirement L-22).
const IDEMPOTENCY_MS: i64 = 7 * DAY_MS;

/// Pause between two looks whether this process is the one to do so.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Deletes once an hour, beginning at once, until the shutdown begins, where this process is the one to do so. What fails
/// is tried an hour later.
pub(crate) async fn run(
    stores: Stores,
    config: Config,
    clock: Clock,
    claims: Claims,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    loop {
        if !claims.is_leader() {
            tokio::select! {
                () = shutdown.begun() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => continue,
            }
        }
        let now = clock.now();
        let kept_ms = i64::from(config.clicks.retention_days) * DAY_MS;
        let retention =
            Retention { clicks_before: Some(now.plus(-kept_ms)), touches_before: Some(now.plus(-kept_ms)) };
        match stores.clicks.retain(retention).await {
            Ok(gone) => tracing::debug!(
                days = gone.days_dropped,
                touches = gone.touches_dropped,
                "old clicks deleted"
            ),
            Err(error) => tracing::error!(%error, "old clicks were not deleted"),
        }
        let forgotten = stores
            .database
            .write(move |tx| {
                sessions::forget(tx, now)?;
                idempotency::forget(tx, now.plus(-IDEMPOTENCY_MS))?;
                Ok::<_, StoreError>(())
            })
            .await;
        if let Err(error) = forgotten {
            tracing::error!(%error, "ended sessions and old idempotency keys were not deleted");
        }
        tokio::select! {
            () = shutdown.begun() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}
