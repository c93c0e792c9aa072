//! Keeps the edge's catalogue up to date: looks for a new version, compiles it, keeps a copy on disk, swaps it in.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hopline_catalogue::{Catalogue, snapshot};
use hopline_control_store::{DatabaseExt as _, StoreError, catalogue};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::files::{self, DataDir};
use hopline_runtime::lifecycle::Shutdown;
use tokio::sync::Notify;

use crate::stores::{self, Stores};

/// A change made by another process is seen after this long at the latest; our own API wakes the publisher at once.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The pseudonyms' keys are looked after this often; they change once a day.
const KEYS_EVERY: Duration = Duration::from_secs(600);

/// The catalogue in force and its upkeep.
#[derive(Debug)]
pub(crate) struct Publisher {
    current: Arc<ArcSwap<Catalogue>>,
    stores: Stores,
    config: Config,
    data_dir: Arc<DataDir>,
    clock: Clock,
    changed: Arc<Notify>,
}

impl Publisher {
    /// Takes the upkeep of `current` over.
    pub(crate) fn new(
        current: Arc<ArcSwap<Catalogue>>,
        stores: Stores,
        config: Config,
        data_dir: Arc<DataDir>,
        clock: Clock,
        changed: Arc<Notify>,
    ) -> Self {
        Self { current, stores, config, data_dir, clock, changed }
    }

    /// Looks for new versions until the shutdown begins. A catalogue that cannot be used is reported and the one in
    /// force stays.
    pub(crate) async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut keys_checked = tokio::time::Instant::now();
        let mut refused = None;
        loop {
            tokio::select! {
                () = shutdown.begun() => return Ok(()),
                () = self.changed.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if keys_checked.elapsed() > KEYS_EVERY {
                keys_checked = tokio::time::Instant::now();
                if let Err(error) = stores::ensure_keys(&self.stores.database, &self.clock).await {
                    tracing::error!(%error, "the pseudonyms' keys cannot be looked after");
                }
            }
            let version = match self.stores.database.read(|tx| catalogue::version(tx)).await {
                Ok(version) => version,
                Err(error) => {
                    tracing::warn!(%error, "the control store does not tell the catalogue's version");
                    continue;
                }
            };
            if version == self.current.load().version() || refused == Some(version) {
                continue;
            }
            match load(&self.stores, &self.config, &self.clock, &self.data_dir).await {
                Ok(next) => {
                    tracing::debug!(version = next.version(), links = next.link_count(), "catalogue swapped");
                    retire(self.current.swap(Arc::new(next)));
                }
                Err(LoadError::Unusable(error)) => {
                    // It will not get better by itself: say so once, and wait for the next version.
                    refused = Some(version);
                    tracing::error!(version, error = format!("{error:#}"), "the new catalogue is not used");
                }
                Err(LoadError::Store(error)) => {
                    tracing::warn!(version, %error, "the new catalogue cannot be read now");
                }
            }
        }
    }
}

/// Why there is no new catalogue.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The control store does not answer: the same version may be read later.
    Store(StoreError),
    /// It was read, but cannot be used.
    Unusable(anyhow::Error),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => write!(f, "the control store does not tell the catalogue: {error}"),
            Self::Unusable(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// Keeps a catalogue that is no longer in force until the edge's threads have let go of it, so that none of them spends
/// its time on freeing a million links.
fn retire(old: Arc<Catalogue>) {
    /// They look for a new one once a second.
    const KEPT: Duration = Duration::from_secs(3);
    tokio::spawn(async move {
        tokio::time::sleep(KEPT).await;
        aside(move || drop(old)).await;
    });
}

/// Reads and compiles, and keeps a copy on disk. Where only the copy fails, the catalogue is used all the same: a full
/// disk must not keep a paused offer running.
pub(crate) async fn load(
    stores: &Stores,
    config: &Config,
    clock: &Clock,
    data_dir: &Arc<DataDir>,
) -> Result<Catalogue, LoadError> {
    let data = stores::catalogue_data(&stores.database, config, clock).await.map_err(LoadError::Store)?;
    let path = data_dir.join(stores::SNAPSHOT_FILE);
    let compiled = aside(move || {
        let bytes = snapshot::encode(&data);
        let catalogue = stores::compile(data)?;
        if let Err(error) = files::replace(&path, &bytes, 0o600) {
            tracing::error!(%error, "no copy of the catalogue could be kept on disk");
        }
        Ok(catalogue)
    });
    match compiled.await {
        Some(outcome) => outcome.map_err(LoadError::Unusable),
        None => Err(LoadError::Unusable(anyhow::anyhow!("compiling the catalogue panicked"))),
    }
}

/// Works on a thread of its own that gives way to the edge's: a million links take a second to compile, and on a busy
/// machine no click is to wait for that. None where the work panicked.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    /// Of 0 to 19: a fortieth of the share that an edge's thread gets.
    const NICENESS: i32 = 15;
    let (done, outcome) = tokio::sync::oneshot::channel();
    let spawned = std::thread::Builder::new().name("catalogue".into()).spawn(move || {
        if let Err(error) = rustix::process::setpriority_process(None, NICENESS) {
            tracing::debug!(%error, "the catalogue is compiled at the usual priority");
        }
        // Nobody waits any more where the program ends.
        drop(done.send(work()));
    });
    match spawned {
        Ok(_thread) => outcome.await.ok(),
        Err(error) => {
            tracing::error!(%error, "no thread for the catalogue");
            None
        }
    }
}
