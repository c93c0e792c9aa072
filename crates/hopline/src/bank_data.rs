//! The keys for bank data (P-42): where they are, that there is one, and that nothing is left in clear text.
//!
//! Keys are outside the database: in the setting `payouts.bank_data_keys`, else in a file. The file in the data directory is
//! made at the first start, where no key was ever used; on a server with several machines each needs the same keys,
//! so there one is told what is missing instead. The store knows the ids of the keys that have sealed, never the keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use hopline_control_store::bank_data::{self, Progress};
use hopline_control_store::{Database, DatabaseExt as _, Guarded, KeySource, SealingKeys, StoreError, Vault};
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::files;

use crate::stores;

/// File of the keys in the data directory.
const KEY_FILE: &str = "bank-data.keys";
/// Rows sealed in one transaction.
const SEALED_AT_ONCE: u32 = 500;

/// Where this installation has its keys.
pub(crate) enum Place {
    /// In the settings.
    Setting(SealingKeys),
    /// In a file that the settings name.
    Named(PathBuf),
    /// In the data directory.
    Default(PathBuf),
}

impl Place {
    pub(crate) fn of(config: &Config, folder: &Path) -> anyhow::Result<Self> {
        let payouts = &config.payouts;
        if let Some(keys) = &payouts.bank_data_keys {
            return Ok(Self::Setting(SealingKeys::parse(keys.expose()).context("payouts.bank_data_keys")?));
        }
        Ok(match &payouts.bank_data_key_file {
            Some(path) => Self::Named(path.clone()),
            None => Self::Default(folder.join(KEY_FILE)),
        })
    }

    /// The file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::Setting(_) => None,
            Self::Named(path) | Self::Default(path) => Some(path),
        }
    }

    fn source(self) -> KeySource {
        match self {
            Self::Setting(keys) => Box::new(move || Ok(keys.clone())),
            Self::Named(path) | Self::Default(path) => Box::new(move || read(&path)),
        }
    }
}

/// The keys of a file; none where it is not there.
fn read(path: &Path) -> Result<SealingKeys, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => SealingKeys::parse(&text).map_err(|error| format!("{}: {error}", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(SealingKeys::default()),
        Err(error) => Err(format!("cannot read {}: {error}", path.display())),
    }
}

/// A store that seals and opens bank data with the keys of the settings.
pub(crate) fn guarded(
    database: Arc<dyn Database>,
    config: &Config,
    folder: &Path,
) -> anyhow::Result<Arc<dyn Database>> {
    let source = Place::of(config, folder)?.source();
    let vault = Vault::open_from(source, Box::new(stores::random)).map_err(|told| anyhow::anyhow!(told))?;
    Ok(Arc::new(Guarded::new(database, Arc::new(vault))))
}

/// Sees to it that there is a key and that no bank data is left in clear text; says what was done. Safe to repeat.
pub(crate) async fn ensure(
    config: &Config,
    folder: &Path,
    database: &Arc<dyn Database>,
    clock: &Clock,
) -> anyhow::Result<Vec<String>> {
    let place = Place::of(config, folder)?;
    let mut done = Vec::new();
    let registered = database.read(|tx| bank_data::registered_keys(tx)).await?;
    let mut keys = current(&place)?;
    if keys.active().is_none() {
        let Place::Default(path) = &place else {
            anyhow::bail!(
                "payouts.bank_data_key_file {} holds no key",
                place.file().unwrap_or(folder).display()
            );
        };
        if !registered.is_empty() {
            // Everything but payouts goes on.
            tracing::error!(
                keys = registered.join(", "),
                "bank data is sealed with keys that this process does not have: put {} back, or set payouts.bank_data_keys",
                path.display()
            );
            return Ok(done);
        }
        add_key(path)?;
        keys = current(&place)?;
        done.push(format!("key for bank data: made in {}; keep a copy elsewhere", path.display()));
    }
    let active = keys.active().context("a key was just made")?.to_owned();
    let is_foreign =
        !registered.is_empty() && !keys.ids().any(|id| registered.iter().any(|known| known == id));
    anyhow::ensure!(
        !is_foreign,
        "bank data is sealed with the keys {}, of which this process has none: nothing is sealed with another one",
        registered.join(", ")
    );
    if !registered.contains(&active) {
        let (now, id) = (clock.now(), active.clone());
        database.write(move |tx| bank_data::register_key(tx, &id, now)).await?;
    }
    if database.read(|tx| bank_data::any_clear(tx)).await? {
        let sealed = seal_all(database).await?;
        done.push(format!("bank data: {sealed} rows from before are sealed now"));
    }
    Ok(done)
}

fn current(place: &Place) -> anyhow::Result<SealingKeys> {
    match place {
        Place::Setting(keys) => Ok(keys.clone()),
        Place::Named(path) | Place::Default(path) => read(path).map_err(|told| anyhow::anyhow!(told)),
    }
}

/// The keys that this process has.
pub(crate) fn keys(config: &Config, folder: &Path) -> anyhow::Result<SealingKeys> {
    current(&Place::of(config, folder)?)
}

/// Adds a new key behind the others of a file. Only its owner may read it.
pub(crate) fn add_key(path: &Path) -> anyhow::Result<()> {
    let mut text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            "# Keys for payees' bank data; the last one seals, all open. Without them bank data is lost.\n"
                .to_owned()
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&SealingKeys::generate(&mut stores::random));
    text.push('\n');
    Ok(files::replace(path, text.as_bytes(), 0o600)?)
}

/// Seals everything with the last key, in small transactions; says how many rows were changed.
pub(crate) async fn seal_all(database: &Arc<dyn Database>) -> Result<u64, StoreError> {
    let (mut sealed, mut from) = (0, Some(Progress::default()));
    while let Some(progress) = from {
        let (changed, next) =
            database.write(move |tx| bank_data::seal_some(tx, progress, SEALED_AT_ONCE)).await?;
        sealed += changed;
        from = next;
    }
    Ok(sealed)
}
