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
    pub(crate) current: Arc<ArcSwap<Catalogue>>,
    stores: Stores,
    config: Config,
    data_dir: Arc<DataDir>,
    clock: Clock,
    changed: Arc<Notify>,
}

impl Publisher {
    /// Begins with the control store's catalogue; where that store does not answer, with the last snapshot on disk.
    pub(crate) async fn begin(
        stores: Stores,
        config: Config,
        data_dir: Arc<DataDir>,
        clock: Clock,
        changed: Arc<Notify>,
    ) -> anyhow::Result<Self> {
        let loaded = load(&stores, &config, &clock, &data_dir).await;
        let first = match loaded {
            Ok(catalogue) => catalogue,
            Err(error) => match stores::snapshot(&data_dir)? {
                Some(last) => {
                    tracing::error!(
                        error = format!("{error:#}"),
                        "serving the last catalogue snapshot from disk"
                    );
                    last
                }
                None => return Err(anyhow::Error::new(error).context("there is no catalogue to serve")),
            },
        };
        let current = Arc::new(ArcSwap::from_pointee(first));
        Ok(Self { current, stores, config, data_dir, clock, changed })
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
                    self.current.store(Arc::new(next));
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
enum LoadError {
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

/// Reads and compiles, and keeps a copy on disk. Where only the copy fails, the catalogue is used all the same: a full
/// disk must not keep a paused offer running.
async fn load(
    stores: &Stores,
    config: &Config,
    clock: &Clock,
    data_dir: &Arc<DataDir>,
) -> Result<Catalogue, LoadError> {
    let data = stores::catalogue_data(&stores.database, config, clock).await.map_err(LoadError::Store)?;
    let path = data_dir.join(stores::SNAPSHOT_FILE);
    let compiled = tokio::task::spawn_blocking(move || {
        let bytes = snapshot::encode(data.clone());
        let catalogue = stores::compile(data)?;
        if let Err(error) = files::replace(&path, &bytes, 0o600) {
            tracing::error!(%error, "no copy of the catalogue could be kept on disk");
        }
        Ok(catalogue)
    });
    match compiled.await {
        Ok(outcome) => outcome.map_err(LoadError::Unusable),
        Err(panic) => Err(LoadError::Unusable(anyhow::Error::new(panic).context("compiling the catalogue"))),
    }
}
