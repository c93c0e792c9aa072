//! libfaketime, between the program and the system's clock where a test steps it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::apt;

/// Debian's name of it.
const APT_PACKAGES: [&str; 1] = ["libfaketime"];

/// The library to load before the others.
pub(crate) fn ready(root: &Path) -> Result<PathBuf> {
    if let Some(library) = find() {
        return Ok(library);
    }
    apt::install(root, &APT_PACKAGES)?;
    find().context("libfaketime is installed, but is not where Debian puts it")
}

/// `/usr/lib/{architecture}/faketime/libfaketime.so.1`.
fn find() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    let mut candidates =
        folders.filter_map(Result::ok).map(|folder| folder.path().join("faketime/libfaketime.so.1"));
    candidates.find(|path| path.is_file())
}
