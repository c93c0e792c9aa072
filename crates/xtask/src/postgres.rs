//! PostgreSQL, which the tests start by themselves.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::apt;

/// Debian's name of it; its programs lie in `/usr/lib/postgresql/{version}/bin`.
const APT_PACKAGES: [&str; 1] = ["postgresql"];
const DEBIAN: &str = "/usr/lib/postgresql";
/// What a server is made, started and asked with.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "psql"];

/// Sees to it that a version is there that we support.
pub(crate) fn ready(root: &Path) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    apt::install(root, &APT_PACKAGES)?;
    is_there().then_some(()).context("postgresql is installed, but its version is older than 15")
}

fn is_there() -> bool {
    let entries = std::fs::read_dir(DEBIAN).into_iter().flatten().filter_map(std::result::Result::ok);
    let is_supported = |name: &str| name.parse::<u32>().is_ok_and(|version| version >= 15);
    let versions = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_supported));
    let debian = versions.map(|entry| entry.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let has_all = |folder: &PathBuf| PROGRAMS.iter().all(|name| folder.join(name).is_file());
    debian.chain(std::env::split_paths(&path)).any(|folder| has_all(&folder))
}
