//! `hopline init`: the data directory, its databases and first keys.

use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::files::DataDir;

use crate::{out, stores};

/// Creates what is missing and says so.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let clock = Clock::System;
    let data_dir = DataDir::open(&config.data_dir, clock.now())?;
    let found = if data_dir.created() { "created" } else { "found" };
    out(format!("data directory {}: {found}\n", data_dir.path().display()).as_bytes())?;
    let stores = stores::open(config, &data_dir, &clock)?;
    out(format!("control store {}: ready\n", stores.control_name).as_bytes())?;
    out(format!("click store {}: ready\n", stores.clicks_name).as_bytes())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let made = runtime.block_on(stores::ensure_keys(&stores.database, &clock))?;
    out(format!("keys: {}\n", if made { "made" } else { "found" }).as_bytes())?;
    out(b"next: `hopline key create --role operator --name NAME`, then `hopline serve`\n")
}
