//! Connections for reading.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hopline_click_store::{Answer, ClickStoreError};
use rusqlite::Connection;

use crate::day::{self, Day};
use crate::fault::Fault;
use crate::schema::{self, Kind};

/// Idle readers kept.
const IDLE_MAX: usize = 4;
/// Files of days that one reader keeps open.
const OPEN_DAYS_MAX: usize = 4;

/// One set of connections, used by one call at a time.
#[derive(Debug)]
pub(crate) struct Reader {
    directory: PathBuf,
    main: Connection,
    days: BTreeMap<Day, Connection>,
}

impl Reader {
    fn open(directory: &Path) -> Result<Self, Fault> {
        let main = schema::open_for_reading(&directory.join("clicks.db"), Kind::Main)?
            .ok_or_else(|| Fault::Corrupt(format!("{} holds no clicks.db", directory.display())))?;
        Ok(Self { directory: directory.to_owned(), main, days: BTreeMap::new() })
    }

    pub(crate) const fn main(&self) -> &Connection {
        &self.main
    }

    /// The days that have a file, ascending.
    pub(crate) fn list_days(&self) -> Result<Vec<Day>, Fault> {
        Ok(day::list(&self.directory)?)
    }

    /// The file of a day; none where there is none (any more).
    pub(crate) fn day(&mut self, day: Day) -> Result<Option<&Connection>, Fault> {
        let Some(path) = day.path(&self.directory) else { return Ok(None) };
        if !path.try_exists()? {
            self.days.remove(&day);
            return Ok(None);
        }
        if !self.days.contains_key(&day) {
            while self.days.len() >= OPEN_DAYS_MAX {
                self.days.pop_first();
            }
            if let Some(connection) = schema::open_for_reading(&path, Kind::Day)? {
                self.days.insert(day, connection);
            }
        }
        Ok(self.days.get(&day))
    }
}

/// A few readers.
#[derive(Debug)]
pub(crate) struct Readers {
    directory: PathBuf,
    idle: Arc<Mutex<Vec<Reader>>>,
}

impl Readers {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), idle: Arc::default() }
    }

    /// Runs `work` on a thread for blocking calls.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Reader) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<'_, T> {
        let idle = Arc::clone(&self.idle);
        let directory = self.directory.clone();
        let call = move || {
            let kept = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut reader = kept.map_or_else(|| Reader::open(&directory), Ok)?;
            let result = work(&mut reader)?;
            let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_MAX {
                idle.push(reader);
            }
            Ok(result)
        };
        Box::pin(async move {
            match tokio::task::spawn_blocking(call).await {
                Ok(result) => result.map_err(|fault: Fault| fault.while_doing(doing)),
                Err(error) => Err(ClickStoreError::Failed { doing, retryable: true, source: error.into() }),
            }
        })
    }
}
