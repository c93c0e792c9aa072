//! The certificate in use, replaced when its files are.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio_rustls::rustls::ServerConfig;

use super::error::TlsError;
use super::files::TlsFiles;

/// What a file looked like before it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    /// Of content or attributes; catches a copy that kept length and time.
    changed: (i64, i64),
}

/// What a check of the files came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The files are those in use.
    Unchanged,
    /// The files were replaced, and new connections get what they hold now.
    Reloaded,
}

/// The certificate in use. Shared by all threads; [`Reloader::current`] takes no lock.
#[derive(Debug)]
pub struct Reloader {
    files: TlsFiles,
    current: ArcSwap<ServerConfig>,
    /// The certificate's and the key's when they were last loaded.
    loaded: Mutex<[Stamp; 2]>,
}

impl Reloader {
    /// Loads the files for the first time.
    ///
    /// # Errors
    /// As [`TlsFiles::load`].
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let stamps = stamps(&files)?;
        let current = ArcSwap::new(files.load()?);
        Ok(Self { files, current, loaded: Mutex::new(stamps) })
    }

    /// What a new connection is to be served with.
    pub fn current(&self) -> Arc<ServerConfig> {
        self.current.load_full()
    }

    /// Looks at the files and loads them anew if one was replaced; to be called every few seconds.
    ///
    /// It reads the disk: two calls of `stat`, and when something changed both files. The caller does not serve
    /// connections on the same thread, or bears the wait.
    ///
    /// # Errors
    /// The files cannot be looked at or, changed, cannot be used. What was loaded before stays in use, and the next
    /// check tries again.
    pub fn check(&self) -> Result<Checked, TlsError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        // Before reading: what is replaced in between differs from this stamp and is loaded at the next check.
        let found = stamps(&self.files)?;
        if *loaded == found {
            return Ok(Checked::Unchanged);
        }
        self.current.store(self.files.load()?);
        *loaded = found;
        Ok(Checked::Reloaded)
    }
}

fn stamps(files: &TlsFiles) -> Result<[Stamp; 2], TlsError> {
    Ok([stamp(&files.certificate)?, stamp(&files.key)?])
}

fn stamp(path: &Path) -> Result<Stamp, TlsError> {
    let metadata =
        fs::metadata(path).map_err(|source| TlsError::Unreadable { path: path.to_owned(), source })?;
    Ok(Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}
