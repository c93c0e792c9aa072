//! The one thread that writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use hopline_click_store::{Answer, ClickStoreError};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::day::{self, Day};
use crate::fault::Fault;
use crate::schema::{self, Kind};

/// Days whose files stay open: today, yesterday around midnight, one for late clicks.
const OPEN_DAYS_MAX: usize = 3;

type Job = Box<dyn FnOnce(&mut Files) + Send>;

/// The files, open for writing.
#[derive(Debug)]
pub(crate) struct Files {
    directory: PathBuf,
    main: Connection,
    days: BTreeMap<Day, Connection>,
}

impl Files {
    fn open(directory: &Path) -> Result<Self, Fault> {
        std::fs::create_dir_all(directory)?;
        let main = schema::open_for_writing(&directory.join("clicks.db"), Kind::Main)?;
        for day in day::list(directory)? {
            if let Some(path) = day.path(directory) {
                // Readers count on files of this program's version; closing one that is needs no work.
                drop(schema::open_for_writing(&path, Kind::Day)?);
            }
        }
        Ok(Self { directory: directory.to_owned(), main, days: BTreeMap::new() })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) const fn main(&mut self) -> &mut Connection {
        &mut self.main
    }

    /// The file of a day, created where it is missing. The caller has checked that the day has a date.
    pub(crate) fn day(&mut self, day: Day) -> Result<&mut Connection, Fault> {
        if !self.days.contains_key(&day) {
            while self.days.len() >= OPEN_DAYS_MAX {
                self.days.pop_first();
            }
            let path = day
                .path(&self.directory)
                .ok_or_else(|| Fault::Corrupt(format!("day {} has no date", day.0)))?;
            self.days.insert(day, schema::open_for_writing(&path, Kind::Day)?);
        }
        Ok(self.days.get_mut(&day).expect("inserted above"))
    }

    /// Closes the file of a day, so that it can be deleted.
    pub(crate) fn close_day(&mut self, day: Day) {
        self.days.remove(&day);
    }
}

/// A handle to the writing thread; dropping it waits for the thread to finish its work and close the files.
#[derive(Debug)]
pub(crate) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn open(directory: &Path) -> Result<Self, Fault> {
        let mut files = Files::open(directory)?;
        let (jobs, queue) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new().name("click-store".into()).spawn(move || {
            for job in queue {
                job(&mut files);
            }
        })?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Runs `work` on the writing thread.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&mut Files) -> Result<T, Fault> + Send + 'static,
    ) -> Answer<'_, T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |files| {
            // Nobody listens any more where the caller's future was dropped: the work is done all the same.
            drop(answer.send(work(files)));
        });
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        Box::pin(async move {
            match answered.await {
                Ok(result) if sent => result.map_err(|fault| fault.while_doing(doing)),
                _ => {
                    let source = "its writing thread has ended".into();
                    Err(ClickStoreError::Failed { doing, retryable: false, source })
                }
            }
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by its caller already.
            drop(thread.join());
        }
    }
}
