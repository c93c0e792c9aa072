//! `hopline ledger export`.

use anyhow::Context as _;
use clap::ArgMatches;
use hopline_books::JournalExport;
use hopline_control_store::{DatabaseExt as _, StoreError};
use hopline_ledger::plain_text::PlainText;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_types::UnixMillis;

use crate::{out, stores};

/// Prints the ledger as plain-text accounting. Only reads, also beside a serving process.
pub(crate) fn export(config: &Config, arguments: &ArgMatches) -> anyhow::Result<()> {
    let form: PlainText = arguments.get_one::<String>("format").expect("clap demands it").parse()?;
    let time = |name: &str| arguments.get_one::<String>(name).map(|text| time(name, text)).transpose();
    let mut export = JournalExport::new(form, time("from")?, time("to")?);
    let clock = Clock::System;
    let data_dir = stores::existing(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let database = runtime.block_on(stores::control(config, &data_dir, &clock))?.store;
    loop {
        let page: Result<_, StoreError> = runtime.block_on(database.read(move |tx| {
            let mut export = export.clone();
            let page = export.next(tx)?;
            Ok((export, page))
        }));
        let (next, text) = page.context("reading the ledger")?;
        let Some(text) = text else { return Ok(()) };
        out(text.as_bytes())?;
        export = next;
    }
}

/// RFC 3339, or a day, which begins at midnight UTC.
fn time(name: &str, text: &str) -> anyhow::Result<UnixMillis> {
    let midnight = || {
        let day = text.parse::<jiff::civil::Date>().ok()?;
        Some(day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
    };
    let time = text.parse::<jiff::Timestamp>().ok().or_else(midnight);
    let time = time.with_context(|| {
        format!(
            "--{name} is {text:?}: expected a time such as 2026-01-31T12:00:00Z, or a day such as 2026-01-31"
        )
    })?;
    Ok(UnixMillis(time.as_millisecond()))
}
