//! Programs that read what finance gets from us: hledger the ledger, pdftotext the statements.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::{apt, process};

/// The programs, how each says that it is there, and Debian's package of it.
const PROGRAMS: [(&str, &str, &str); 2] =
    [("hledger", "--version", "hledger"), ("pdftotext", "-v", "poppler-utils")];

/// Installs what is missing.
pub(crate) fn ready(root: &Path) -> Result<()> {
    let missing = || PROGRAMS.into_iter().filter(|(name, says, _)| !is_there(root, name, says));
    let packages: Vec<&str> = missing().map(|(_, _, package)| package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    apt::install(root, &packages)?;
    for (name, _, package) in missing() {
        ensure!(false, "{package} is installed, but {name} does not start");
    }
    Ok(())
}

fn is_there(root: &Path, name: &str, says: &str) -> bool {
    process::succeeds(&mut process::command(root, name, &[says]))
}
