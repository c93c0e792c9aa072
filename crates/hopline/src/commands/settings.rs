//! `hopline config check` and `hopline config reference`.

use anyhow::Context as _;
use clap::ArgMatches;
use hopline_runtime::config::{ClicksUrl, Config, StoreUrl, reference_page};

use crate::upstream::Upstream;
use crate::{out, stores};

/// Prints every setting in force with its source, then asks the servers that the settings name whether they can be used:
/// reached, new enough, with the rights and the tables that are needed. Changes nothing.
pub(crate) fn check(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    list(config)?;
    if arguments.get_flag("offline") {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(ask(config))
}

async fn ask(config: &Config) -> anyhow::Result<()> {
    let mut wrong = Vec::new();
    let mut tell = |what: &str, found: anyhow::Result<String>| match found {
        Ok(told) => out(format!("{what}: {told}\n").as_bytes()),
        Err(error) => {
            wrong.push(format!("{what}: {error:#}"));
            Ok(())
        }
    };
    match Upstream::new(config, "")? {
        Some(upstream) => tell("edge.upstream", upstream_answers(&upstream).await)?,
        None if config.store.url == StoreUrl::Sqlite => {}
        None => tell("store.url", stores::verify_control(config, &config.data_dir).await)?,
    }
    if config.clicks.url != ClicksUrl::Embedded {
        tell("clicks.url", stores::verify_clicks(config, &config.data_dir).await)?;
    }
    anyhow::ensure!(wrong.is_empty(), "not everything can be used:\n  {}", wrong.join("\n  "));
    Ok(())
}

async fn upstream_answers(upstream: &Upstream) -> anyhow::Result<String> {
    let asked = upstream.look().await?;
    let bytes = asked.news.context("the API gave no catalogue")?;
    let data = hopline_catalogue::snapshot::decode(&bytes)?;
    Ok(format!("answers, catalogue version {}", data.version))
}

fn list(config: &Config) -> anyhow::Result<()> {
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
