//! Keeps the catalogue up to date: takes a new version from its source, compiles it, keeps a copy on disk, swaps it in, and
//! publishes its bytes for edges that ask the API.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use hopline_api::PublishedCatalogue;
use hopline_catalogue::data::CatalogueData;
use hopline_catalogue::{Catalogue, snapshot};
use hopline_control_store::Database;
use hopline_runtime::clock::Clock;
use hopline_runtime::files::{self, DataDir};
use hopline_runtime::lifecycle::Shutdown;
use hopline_worker::Claims;
use tokio::sync::watch;

use crate::pulse::Shown;
use crate::source::{LoadError, Source};
use crate::stores;

/// The pseudonyms' keys are looked after this often; they change once a day.
const KEYS_EVERY: Duration = Duration::from_secs(600);

/// What becomes of a catalogue that was read.
#[derive(Debug, Clone)]
pub(crate) struct Press {
    current: Arc<ArcSwap<Catalogue>>,
    published: watch::Sender<PublishedCatalogue>,
    copy: PathBuf,
    fallback_url: Option<String>,
}

impl Press {
    /// Begins with this catalogue. Copies go to the data directory. The fallback address is this process's own.
    pub(crate) fn new(
        (catalogue, bytes): (Catalogue, Bytes),
        data_dir: &DataDir,
        fallback_url: Option<String>,
    ) -> Self {
        let copy = data_dir.join(stores::SNAPSHOT_FILE);
        let published = PublishedCatalogue { version: catalogue.version(), bytes };
        let current = Arc::new(ArcSwap::from_pointee(catalogue));
        Self { current, published: watch::Sender::new(published), copy, fallback_url }
    }

    /// The catalogue in force.
    pub(crate) fn current(&self) -> Arc<ArcSwap<Catalogue>> {
        Arc::clone(&self.current)
    }

    /// The bytes in force, for edges that ask the API.
    pub(crate) fn published(&self) -> watch::Receiver<PublishedCatalogue> {
        self.published.subscribe()
    }

    /// Compiles and brings into force. Where only the copy on disk fails, the catalogue is used all the same: a full disk
    /// must not keep a paused offer running.
    pub(crate) async fn put(&self, data: CatalogueData) -> Result<(), LoadError> {
        let (next, bytes) = compiled(data, self.copy.clone(), self.fallback_url.clone()).await?;
        tracing::debug!(version = next.version(), links = next.link_count(), "catalogue swapped");
        let version = next.version();
        retire(self.current.swap(Arc::new(next)));
        self.published.send_replace(PublishedCatalogue { version, bytes });
        Ok(())
    }
}

/// Compiles; keeps a copy on disk.
pub(crate) async fn compiled(
    mut data: CatalogueData,
    copy: PathBuf,
    fallback_url: Option<String>,
) -> Result<(Catalogue, Bytes), LoadError> {
    data.fallback_url = fallback_url;
    let compiled = aside(move || {
        let bytes = snapshot::encode(&data);
        let catalogue = stores::compile(data)?;
        if let Err(error) = files::replace(&copy, &bytes, 0o600) {
            tracing::error!(%error, "no copy of the catalogue could be kept on disk");
        }
        Ok((catalogue, Bytes::from(bytes)))
    });
    match compiled.await {
        Some(outcome) => outcome.map_err(LoadError::Unusable),
        None => Err(LoadError::Unusable(anyhow::anyhow!("compiling the catalogue panicked"))),
    }
}

/// Looks for new versions until the shutdown begins. A catalogue that cannot be used is reported and the one in force
/// stays.
pub(crate) async fn run(
    mut source: Source,
    press: Press,
    shown: Shown,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let mut refused = None;
    let mut is_away = false;
    loop {
        let known = refused.unwrap_or_else(|| press.current.load().version());
        let next = tokio::select! {
            () = shutdown.begun() => return Ok(()),
            next = source.next(known) => next,
        };
        shown.set(!matches!(next, Err(LoadError::Away(_))));
        let next = match next {
            Ok(next) => {
                if std::mem::take(&mut is_away) {
                    tracing::info!("the catalogue is told again");
                }
                next
            }
            Err(error @ LoadError::Away(_)) => {
                if !std::mem::replace(&mut is_away, true) {
                    tracing::warn!(%error, "the catalogue in force stays");
                }
                continue;
            }
            Err(error) => {
                tracing::error!(%error, "the new catalogue is not used");
                continue;
            }
        };
        let Some(data) = next else { continue };
        let version = data.version;
        if refused == Some(version) {
            continue;
        }
        refused = None;
        if let Err(error) = press.put(data).await {
            // It will not get better by itself: say so once, and wait for the next version.
            refused = Some(version);
            tracing::error!(version, %error, "the new catalogue is not used");
        }
    }
}

/// Looks after the pseudonyms' keys until the shutdown begins, where this process is the one to do so.
pub(crate) async fn keys(
    database: Arc<dyn Database>,
    clock: Clock,
    claims: Claims,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            () = shutdown.begun() => return Ok(()),
            () = tokio::time::sleep(KEYS_EVERY) => {}
        }
        if claims.is_leader()
            && let Err(error) = stores::ensure_keys(&database, &clock).await
        {
            tracing::error!(%error, "the pseudonyms' keys cannot be looked after");
        }
    }
}

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
