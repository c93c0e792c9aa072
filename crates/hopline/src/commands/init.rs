//! `hopline init`: the data directory, its databases and first keys.

use std::path::Path;

use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::files::DataDir;

use crate::stores::Missing;
use crate::{bank_data, out, stores};

/// Creates what is missing and says so.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let clock = Clock::System;
    let data_dir = DataDir::open(&config.data_dir, clock.now())?;
    let found = if data_dir.created() { "created" } else { "found" };
    out(format!("data directory {}: {found}\n", data_dir.path().display()).as_bytes())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(prepare(config, data_dir.path(), &clock))
}

async fn prepare(config: &Config, folder: &Path, clock: &Clock) -> anyhow::Result<()> {
    if config.edge.upstream.is_some() {
        // The control store, and the right to create tables, belong to the API's machine.
        out(b"control store: that of edge.upstream\n")?;
        let clicks = stores::clicks(config, folder, Missing::Refuse).await?;
        out(format!("click store {}: found\n", clicks.name).as_bytes())?;
        return out(b"next: `hopline serve --role edge`\n");
    }
    // Looked at before anything is created: where one server cannot be used, the other stays as it is.
    stores::can_be_used(config).await?;
    let clicks = stores::clicks(config, folder, Missing::Create).await?;
    let control = stores::control(config, folder, clock).await?;
    told("control store", &control.name, &control.done)?;
    told("click store", &clicks.name, &clicks.done)?;
    let made = stores::ensure_keys(&control.store, clock).await?;
    out(format!("keys: {}\n", if made { "made" } else { "found" }).as_bytes())?;
    for line in bank_data::ensure(config, folder, &control.store, clock).await? {
        out(format!("{line}\n").as_bytes())?;
    }
    out(b"next: `hopline key create --role operator --name NAME`, then `hopline serve`\n")
}

fn told(what: &str, name: &str, done: &[String]) -> anyhow::Result<()> {
    out(format!("{what} {name}: ready\n").as_bytes())?;
    for step in done {
        out(format!("  made {step}\n").as_bytes())?;
    }
    Ok(())
}
