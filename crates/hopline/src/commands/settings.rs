//! `hopline config check` and `hopline config reference`.

use hopline_runtime::config::{Config, reference_page};

use crate::out;

/// Prints every setting in force with its source.
pub(crate) fn check(config: &Config) -> anyhow::Result<()> {
    let listing = config.listing();
    let keys = listing.iter().map(|row| row.key.len()).max().unwrap_or_default();
    let values = listing.iter().map(|row| row.value.len()).max().unwrap_or_default().min(48);
    for row in listing {
        out(format!("{:keys$}  {:values$}  {}\n", row.key, row.value, row.source).as_bytes())?;
    }
    Ok(())
}

/// Prints the reference page.
pub(crate) fn reference() -> anyhow::Result<()> {
    out(reference_page().as_bytes())
}
