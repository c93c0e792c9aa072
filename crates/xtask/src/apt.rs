//! Debian's packages, where they are missing and we may install them.

use std::path::Path;

use anyhow::{Result, bail};

use crate::process;

/// Installs packages; where that cannot be done from here, says what somebody else must do.
///
/// # Errors
/// There is no apt, we are not root, or it fails.
pub(crate) fn install(root: &Path, packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let has_apt = process::succeeds(&mut process::command(root, "apt-get", &["--version"]));
    if !has_apt || !is_root(root) {
        bail!("the tests need {names}; install it (on Debian as root: apt-get install {names})");
    }
    println!("installing {names}");
    let apt = |arguments: &[&str]| {
        process::run(process::command(root, "apt-get", arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update", "--quiet"])?;
    apt(&[["install", "--quiet", "--yes", "--no-install-recommends"].as_slice(), packages].concat())
}

fn is_root(root: &Path) -> bool {
    let id = process::command(root, "id", &["-u"]).output();
    id.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
