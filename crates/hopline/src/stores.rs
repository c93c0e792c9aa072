//! The concrete stores behind the settings, and the keys in them.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use hopline_catalogue::{Catalogue, snapshot};
use hopline_click_store::ClickStore;
use hopline_click_store_embedded::EmbeddedClickStore;
use hopline_clickid::KeyRing;
use hopline_control_store::{Database, DatabaseExt as _, StoreError, catalogue, click_keys};
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{ClicksUrl, Config, StoreUrl};
use hopline_runtime::files::DataDir;

/// File of the control store in the data directory.
const CONTROL_FILE: &str = "control.db";
/// Folder of the embedded click store in the data directory.
const CLICKS_FOLDER: &str = "clicks";
/// File of the last catalogue snapshot, from which an edge starts while every store is down.
pub(crate) const SNAPSHOT_FILE: &str = "catalogue.snapshot";
/// Folder of the spool's streams.
pub(crate) const SPOOL_FOLDER: &str = "spool";

/// Both stores, open.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) clicks: Arc<dyn ClickStore>,
    pub(crate) control_name: String,
    pub(crate) clicks_name: String,
}

/// Opens what the settings name; creates what is missing.
pub(crate) fn open(config: &Config, data_dir: &DataDir, clock: &Clock) -> anyhow::Result<Stores> {
    let ClicksUrl::Embedded = config.clicks.url;
    let folder = data_dir.join(CLICKS_FOLDER);
    let clicks = EmbeddedClickStore::open(&folder).context("cannot open the click store")?;
    Ok(Stores {
        database: control(config, data_dir, clock)?,
        clicks: Arc::new(clicks),
        control_name: data_dir.join(CONTROL_FILE).display().to_string(),
        clicks_name: folder.display().to_string(),
    })
}

/// A control store that is gone, though a catalogue tells of it, is not made anew: its ids and keys would be given twice.
pub(crate) fn refuse_to_begin_anew(config: &Config, data_dir: &DataDir) -> anyhow::Result<()> {
    let StoreUrl::Sqlite = config.store.url;
    let (control, snapshot) = (data_dir.join(CONTROL_FILE), data_dir.join(SNAPSHOT_FILE));
    anyhow::ensure!(
        control.exists() || !snapshot.exists(),
        "{} is missing, though {} tells of it: put it back, or run `hopline init` to begin anew",
        control.display(),
        snapshot.display()
    );
    Ok(())
}

/// Opens the control store alone.
pub(crate) fn control(
    config: &Config,
    data_dir: &DataDir,
    clock: &Clock,
) -> anyhow::Result<Arc<dyn Database>> {
    let StoreUrl::Sqlite = config.store.url;
    let database = SqliteDatabase::open(data_dir.join(CONTROL_FILE), clock.now())?;
    Ok(Arc::new(database))
}

/// Looks at a data directory that must be there, also while a server holds it.
pub(crate) fn existing(path: &Path) -> anyhow::Result<DataDir> {
    anyhow::ensure!(
        path.join(CONTROL_FILE).exists(),
        "{} holds no installation: run `hopline init --data-dir {}` first",
        path.display(),
        path.display()
    );
    Ok(DataDir::open_beside(path)?)
}

/// Fills bytes from the system's source of randomness.
pub(crate) fn random(bytes: &mut [u8]) {
    use rand::Rng as _;
    rand::rng().fill_bytes(bytes);
}

/// Makes the keys that are missing; true where any was.
pub(crate) async fn ensure_keys(database: &Arc<dyn Database>, clock: &Clock) -> Result<bool, StoreError> {
    let now = clock.now();
    database.write(move |tx| catalogue::ensure_keys(tx, now, &mut random)).await
}

/// Reads the catalogue with the settings' own part.
pub(crate) async fn catalogue_data(
    database: &Arc<dyn Database>,
    config: &Config,
    clock: &Clock,
) -> Result<hopline_catalogue::data::CatalogueData, StoreError> {
    let now = clock.now();
    let mut data = database.read(move |tx| catalogue::load(tx, now)).await?;
    data.fallback_url.clone_from(&config.edge.fallback_url);
    Ok(data)
}

/// Turns data into a catalogue; all problems at once.
pub(crate) fn compile(data: hopline_catalogue::data::CatalogueData) -> anyhow::Result<Catalogue> {
    Catalogue::compile(data).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the catalogue cannot be used:\n  {}", lines.join("\n  "))
    })
}

/// The last snapshot on disk, if there is one.
pub(crate) fn snapshot(data_dir: &DataDir) -> anyhow::Result<Option<Catalogue>> {
    let path = data_dir.join(SNAPSHOT_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let data = snapshot::decode(&bytes).with_context(|| format!("cannot use {}", path.display()))?;
    compile(data).map(Some)
}

/// Keys that verify click ids: of the snapshot, else of the control store.
pub(crate) fn key_ring(config: &Config, data_dir: &DataDir) -> anyhow::Result<KeyRing> {
    if let Ok(Some(catalogue)) = snapshot(data_dir) {
        return Ok(catalogue.keys().clone());
    }
    let database = control(config, data_dir, &Clock::System)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ring = runtime.block_on(database.read(|tx| click_keys::ring(tx)))?;
    ring.context("the control store holds no click keys: run `hopline init`")
}
