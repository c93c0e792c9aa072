//! The concrete stores behind the settings, and the keys in them.
//!
//! In the data directory a store is created where it is missing. On servers `hopline init` creates, and so does a process
//! that runs the worker; edges and APIs by themselves open what is there and need no right to create tables in ClickHouse.
//! Migrations of PostgreSQL are applied by whoever comes first, under a lock.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use hopline_catalogue::{Catalogue, snapshot};
use hopline_click_store::ClickStore;
use hopline_click_store_clickhouse::{ClickHouseClickStore, ClickHouseOptions};
use hopline_click_store_embedded::EmbeddedClickStore;
use hopline_clickid::KeyRing;
use hopline_control_store::{Database, DatabaseExt as _, StoreError, catalogue, click_keys};
use hopline_control_store_postgres::{PostgresDatabase, PostgresOptions};
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{ClicksUrl, Config, StoreAddress, StoreUrl};
use hopline_runtime::files::DataDir;

use crate::bank_data;

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
}

/// A store that was opened, and what there is to say about it.
#[derive(Debug)]
pub(crate) struct Opened<S: ?Sized> {
    pub(crate) store: Arc<S>,
    /// Where it is, without credentials.
    pub(crate) name: String,
    /// What was created or brought up to date.
    pub(crate) done: Vec<String>,
}

/// Whether a store on a server may be changed by opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// What is missing is created.
    Create,
    /// What is missing is an error.
    Refuse,
}

/// Opens what the settings name.
pub(crate) async fn open(
    config: &Config,
    folder: &Path,
    clock: &Clock,
    missing: Missing,
) -> anyhow::Result<Stores> {
    let database = control(config, folder, clock).await?.store;
    Ok(Stores { database, clicks: clicks(config, folder, missing).await?.store })
}

/// Opens the control store alone.
pub(crate) async fn control(
    config: &Config,
    folder: &Path,
    clock: &Clock,
) -> anyhow::Result<Opened<dyn Database>> {
    match &config.store.url {
        StoreUrl::Sqlite => {
            let path = folder.join(CONTROL_FILE);
            let database = SqliteDatabase::open(&path, clock.now())?;
            let done = database.migrated().iter().map(ToString::to_string).collect();
            let store = bank_data::guarded(Arc::new(database), config, folder)?;
            Ok(Opened { store, name: path.display().to_string(), done })
        }
        StoreUrl::Postgres(address) => {
            let (options, now) = (postgres_options(address)?, clock.now());
            // It connects, and perhaps migrates, on the calling thread.
            let opened = tokio::task::spawn_blocking(move || PostgresDatabase::open(options, now)).await?;
            let database = opened.context("cannot open the control store")?;
            let done = database.migrated().iter().map(ToString::to_string).collect();
            let name = format!("{} (PostgreSQL {})", database.told(), database.prepared().version);
            let store = bank_data::guarded(Arc::new(database), config, folder)?;
            Ok(Opened { store, name, done })
        }
    }
}

/// Opens the click store alone.
pub(crate) async fn clicks(
    config: &Config,
    folder: &Path,
    missing: Missing,
) -> anyhow::Result<Opened<dyn ClickStore>> {
    match &config.clicks.url {
        ClicksUrl::Embedded => {
            let folder = folder.join(CLICKS_FOLDER);
            let store = EmbeddedClickStore::open(&folder).context("cannot open the click store")?;
            Ok(Opened { store: Arc::new(store), name: folder.display().to_string(), done: Vec::new() })
        }
        ClicksUrl::ClickHouse(address) => {
            let options = clickhouse_options(address, config)?;
            let (store, done) = match missing {
                Missing::Create => {
                    let done = ClickHouseClickStore::init(&options).await;
                    let done = done.with_context(|| format!("cannot prepare the click store {options}"))?;
                    (ClickHouseClickStore::open_existing(&options).await, done)
                }
                Missing::Refuse => (ClickHouseClickStore::open_existing(&options).await, Vec::new()),
            };
            let store = store.with_context(|| format!("cannot open the click store {options}"))?;
            Ok(Opened { store: Arc::new(store), name: options.to_string(), done })
        }
    }
}

/// Fails where the control store's server could not be used, whatever is missing there.
pub(crate) async fn can_be_used(config: &Config) -> anyhow::Result<()> {
    if let StoreUrl::Postgres(address) = &config.store.url {
        let options = postgres_options(address)?;
        tokio::task::spawn_blocking(move || PostgresDatabase::verify(&options)).await??;
    }
    Ok(())
}

/// Looks whether the stores on servers can be used, changes nothing, and says what was found.
pub(crate) async fn verify_control(config: &Config, folder: &Path) -> anyhow::Result<String> {
    match &config.store.url {
        StoreUrl::Sqlite => {
            let path = folder.join(CONTROL_FILE);
            let state = if path.exists() { "there" } else { "not there yet: `hopline init` makes it" };
            Ok(format!("{}: {state}", path.display()))
        }
        StoreUrl::Postgres(address) => {
            let options = postgres_options(address)?;
            let name = options.told();
            let prepared = tokio::task::spawn_blocking(move || PostgresDatabase::verify(&options)).await??;
            anyhow::ensure!(
                prepared.migrations.is_empty(),
                "{name} lacks the migrations {}: run `hopline init`",
                prepared.migrations.join(", ")
            );
            let guard = if prepared.is_guarded {
                "row-level security holds"
            } else {
                "row-level security does not hold for this user: use one that is no superuser"
            };
            Ok(format!(
                "{name}: PostgreSQL {}, schema {}, in order; {guard}",
                prepared.version, prepared.schema
            ))
        }
    }
}

/// Like [`verify_control`], for the click store.
pub(crate) async fn verify_clicks(config: &Config, folder: &Path) -> anyhow::Result<String> {
    match &config.clicks.url {
        ClicksUrl::Embedded => {
            let folder = folder.join(CLICKS_FOLDER);
            let state = if folder.exists() { "there" } else { "not there yet: `hopline init` makes it" };
            Ok(format!("{}: {state}", folder.display()))
        }
        ClicksUrl::ClickHouse(address) => {
            let options = clickhouse_options(address, config)?;
            ClickHouseClickStore::verify(&options).await.with_context(|| options.to_string())?;
            Ok(format!("{options}: tables and rights are in order"))
        }
    }
}

fn postgres_options(address: &StoreAddress) -> anyhow::Result<PostgresOptions> {
    address.expose().parse().with_context(|| format!("store.url {address}"))
}

fn clickhouse_options(address: &StoreAddress, config: &Config) -> anyhow::Result<ClickHouseOptions> {
    let mut options: ClickHouseOptions =
        address.expose().parse().with_context(|| format!("clicks.url {address}"))?;
    options.retention_days = Some(config.clicks.retention_days);
    Ok(options)
}

/// A control store that is gone, though a catalogue tells of it, is not made anew: its ids and keys would be given twice.
pub(crate) fn refuse_to_begin_anew(config: &Config, folder: &Path) -> anyhow::Result<()> {
    if config.store.url != StoreUrl::Sqlite {
        return Ok(());
    }
    let (control, snapshot) = (folder.join(CONTROL_FILE), folder.join(SNAPSHOT_FILE));
    anyhow::ensure!(
        control.exists() || !snapshot.exists(),
        "{} is missing, though {} tells of it: put it back, or run `hopline init` to begin anew",
        control.display(),
        snapshot.display()
    );
    Ok(())
}

/// The data directory of an installation that must be there, also while a server holds it. Where the control store is a
/// server there may be no directory on this machine.
pub(crate) fn existing(config: &Config) -> anyhow::Result<PathBuf> {
    let path = &config.data_dir;
    if config.store.url == StoreUrl::Sqlite {
        anyhow::ensure!(
            path.join(CONTROL_FILE).exists(),
            "{} holds no installation: run `hopline init --data-dir {}` first",
            path.display(),
            path.display()
        );
    }
    if path.exists() {
        DataDir::open_beside(path)?;
    }
    Ok(path.clone())
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

/// Turns data into a catalogue; all problems at once.
pub(crate) fn compile(data: hopline_catalogue::data::CatalogueData) -> anyhow::Result<Catalogue> {
    Catalogue::compile(data).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("the catalogue cannot be used:\n  {}", lines.join("\n  "))
    })
}

/// The last snapshot on disk, if there is one.
pub(crate) fn snapshot(folder: &Path) -> anyhow::Result<Option<Catalogue>> {
    let path = folder.join(SNAPSHOT_FILE);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let data = snapshot::decode(&bytes).with_context(|| format!("cannot use {}", path.display()))?;
    compile(data).map(Some)
}

/// Keys that verify click ids: of the snapshot, else of the control store.
pub(crate) async fn key_ring(config: &Config, folder: &Path) -> anyhow::Result<KeyRing> {
    if let Ok(Some(catalogue)) = snapshot(folder) {
        return Ok(catalogue.keys().clone());
    }
    let database = control(config, folder, &Clock::System).await?.store;
    let ring = database.read(|tx| click_keys::ring(tx)).await?;
    ring.context("the control store holds no click keys: run `hopline init`")
}
