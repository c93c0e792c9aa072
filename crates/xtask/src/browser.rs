//! Chromium and its driver, for the stories that a real browser tells.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::{apt, process};

/// Debian's names of them. Both come from one source, so their versions fit where both come from Debian.
const APT_PACKAGES: [&str; 2] = ["chromium", "chromium-driver"];
/// Where Debian puts the browser; the driver is found by `PATH`.
const PROGRAMS: [&str; 2] = ["/usr/bin/chromium", "chromedriver"];

/// Sees to it that browser and driver are there and fit each other.
pub(crate) fn ready(root: &Path) -> Result<()> {
    if PROGRAMS.iter().any(|program| major(root, program).is_none()) {
        apt::install(root, &APT_PACKAGES)?;
    }
    let [browser, driver] = PROGRAMS.map(|program| {
        major(root, program)
            .with_context(|| format!("{} are there, but {program} does not start", APT_PACKAGES.join(" ")))
    });
    let (browser, driver) = (browser?, driver?);
    if browser != driver {
        bail!(
            "Chromium has version {browser}, its driver {driver}; they must be equal (on Debian as root: apt-get install {})",
            APT_PACKAGES.join(" ")
        );
    }
    Ok(())
}

/// The first number of the version that a program says it has: `Chromium 156.0.8078.79 built on …`.
fn major(root: &Path, program: &str) -> Option<u32> {
    let output = process::command(root, program, &["--version"]).output().ok()?;
    let words = String::from_utf8_lossy(&output.stdout);
    words.split_whitespace().find_map(|word| word.split_once('.')?.0.parse().ok())
}
