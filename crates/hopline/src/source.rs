//! Where this process takes the catalogue from: the control store, the API of `edge.upstream`, or a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hopline_catalogue::data::CatalogueData;
use hopline_catalogue::snapshot;
use hopline_control_store::{Database, DatabaseExt as _, StoreError, catalogue};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{Config, StoreUrl};
use tokio::sync::Notify;

use crate::edge_mark::EdgeMark;
use crate::upstream::Upstream;

/// A change made by another process is seen after this long at the latest; our own API wakes the publisher at once.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The same where the store tells of changes by itself.
const LOOK_EVERY_TOLD: Duration = Duration::from_secs(2);
/// Pause between two looks at a file.
const LOOK_AT_FILE: Duration = Duration::from_secs(1);
/// Pause after the API could not be asked.
const PAUSE: Duration = Duration::from_secs(1);

/// A source of catalogues.
#[derive(Debug)]
pub(crate) enum Source {
    /// The control store.
    Store { database: Arc<dyn Database>, changed: Arc<Notify>, look_every: Duration, clock: Clock },
    /// An API.
    Upstream { upstream: Box<Upstream>, mark: EdgeMark },
    /// A file, with its size and time when it was read last.
    File { path: PathBuf, read: Option<(u64, SystemTime)> },
}

/// Why there is no new catalogue.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// Who tells it does not answer: the same version may be read later.
    Away(String),
    /// It was read, but cannot be used.
    Unusable(anyhow::Error),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Away(error) => write!(f, "the catalogue is not told: {error}"),
            Self::Unusable(error) => write!(f, "{error:#}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Away(format!("the control store: {error}"))
    }
}

impl Source {
    /// The control store as a source.
    pub(crate) fn store(config: &Config, database: Arc<dyn Database>, clock: Clock) -> Self {
        let is_told = config.store.url != StoreUrl::Sqlite;
        let look_every = if is_told { LOOK_EVERY_TOLD } else { LOOK_EVERY };
        Self::Store { database, changed: Arc::new(Notify::new()), look_every, clock }
    }

    /// What to ring when the catalogue has changed.
    pub(crate) fn bell(&self) -> Arc<Notify> {
        match self {
            Self::Store { changed, .. } => Arc::clone(changed),
            Self::Upstream { .. } | Self::File { .. } => Arc::new(Notify::new()),
        }
    }

    /// The catalogue now.
    pub(crate) async fn load(&mut self) -> Result<CatalogueData, LoadError> {
        match self {
            Self::Store { database, clock, .. } => {
                let now = clock.now();
                Ok(database.read(move |tx| catalogue::load(tx, now)).await?)
            }
            Self::Upstream { upstream, mark } => {
                let asked =
                    upstream.catalogue(None).await.map_err(|error| LoadError::Away(error.to_string()))?;
                mark.found(asked.was.as_deref());
                let bytes = asked.news.ok_or_else(|| LoadError::Away("the API gave none".to_owned()))?;
                decode(&bytes, "the API's catalogue").await
            }
            Self::File { path, read } => {
                *read = stamp(path);
                let own = path.clone();
                let bytes = tokio::task::spawn_blocking(move || std::fs::read(own)).await;
                let bytes = bytes.unwrap_or_else(|_| Err(std::io::Error::other("reading it panicked")));
                let bytes = bytes.map_err(|error| LoadError::Away(format!("{}: {error}", path.display())))?;
                decode(&bytes.into(), &path.display().to_string()).await
            }
        }
    }

    /// Waits until there may be another catalogue than `known`, and gives it where there is. Dropping the future is
    /// harmless.
    pub(crate) async fn next(&mut self, known: i64) -> Result<Option<CatalogueData>, LoadError> {
        match self {
            Self::Store { database, changed, look_every, .. } => {
                tokio::select! {
                    () = changed.notified() => {}
                    () = tokio::time::sleep(*look_every) => {}
                }
                if database.read(|tx| catalogue::version(tx)).await? == known {
                    return Ok(None);
                }
            }
            Self::Upstream { upstream, mark } => {
                let asked = match upstream.catalogue(Some(known)).await {
                    Ok(asked) => asked,
                    Err(error) => {
                        tokio::time::sleep(PAUSE).await;
                        return Err(LoadError::Away(error.to_string()));
                    }
                };
                mark.found(asked.was.as_deref());
                let Some(bytes) = asked.news else {
                    // An API that does not wait, because it ends, is not asked without a pause.
                    tokio::time::sleep(PAUSE / 10).await;
                    return Ok(None);
                };
                let data = decode(&bytes, "the API's catalogue").await;
                if data.is_err() {
                    tokio::time::sleep(PAUSE).await;
                }
                return data.map(Some);
            }
            Self::File { path, read } => {
                tokio::time::sleep(LOOK_AT_FILE).await;
                if stamp(path) == *read {
                    return Ok(None);
                }
            }
        }
        self.load().await.map(Some)
    }
}

async fn decode(bytes: &bytes::Bytes, what: &str) -> Result<CatalogueData, LoadError> {
    let (bytes, what) = (bytes.clone(), what.to_owned());
    let read = tokio::task::spawn_blocking(move || snapshot::decode(&bytes));
    let read = read.await.map_err(|_| LoadError::Unusable(anyhow::anyhow!("{what}: reading it panicked")))?;
    read.map_err(|error| LoadError::Unusable(anyhow::Error::new(error).context(what)))
}

fn stamp(path: &Path) -> Option<(u64, SystemTime)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()?))
}
