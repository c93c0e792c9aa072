//! `hopline deadletters`: records that no store took, and sending them again.
//!
//! Sending needs the embedded click store for itself, so the server must not be running then; with ClickHouse it may.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use hopline_click_store::{ClickStore, StreamId};
use hopline_record::Kind;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{ClicksUrl, Config};
use hopline_runtime::files::DataDir;
use hopline_ship::{ConversionSink, StreamSource};
use tokio::sync::Notify;

use crate::bookings::IntoBooks;
use crate::out;
use crate::stores::{self, Missing};
use crate::upstream::Upstream;

/// Prints a line for every dead letter.
pub(crate) fn list(config: &Config) -> anyhow::Result<()> {
    let mut count = 0_u64;
    for StreamSource { stream, dir, .. } in streams(config)? {
        for letter in hopline_ship::letters(&dir).with_context(|| dir.display().to_string())? {
            let kind = match Kind::from_code(letter.kind) {
                Some(Kind::Click) => "click",
                Some(Kind::Impression) => "impression",
                Some(Kind::Conversion) => "conversion",
                None => "unknown",
            };
            let at =
                jiff::Timestamp::from_millisecond(letter.at.get()).context("the time of a dead letter")?;
            let line = format!("{}\t{kind}\t{at}\t{}\n", event_id(stream, letter.id), letter.reason);
            out(line.as_bytes())?;
            count += 1;
        }
    }
    out(format!("{count} records are set aside\n").as_bytes())
}

/// Sends all of them again; fails where some are refused again.
pub(crate) fn resend(config: &Config) -> anyhow::Result<ExitCode> {
    let clock = Clock::System;
    let is_embedded = matches!(config.clicks.url, ClicksUrl::Embedded);
    // Held until the end: nobody else uses the store's files meanwhile.
    let _lock = is_embedded.then(|| DataDir::open(&config.data_dir, clock.now())).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (clicks, conversions) = opened(config, &clock).await?;
        let (mut taken, mut left) = (0, 0);
        for StreamSource { stream, dir, .. } in streams(config)? {
            let resent = hopline_ship::resend(&dir, stream, &*clicks, &*conversions, clock.now()).await;
            let resent = resent.with_context(|| format!("sending the dead letters in {}", dir.display()))?;
            taken += resent.taken;
            for (record, reason) in resent.left {
                out(format!("{} is refused again: {reason}\n", event_id(stream, record)).as_bytes())?;
                left += 1;
            }
        }
        out(format!("{taken} records were taken, {left} stay set aside\n").as_bytes())?;
        Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    })
}

async fn opened(
    config: &Config,
    clock: &Clock,
) -> anyhow::Result<(Arc<dyn ClickStore>, Arc<dyn ConversionSink>)> {
    if let Some(upstream) = Upstream::new(config, "")? {
        let clicks = stores::clicks(config, &config.data_dir, Missing::Refuse).await?.store;
        return Ok((clicks, Arc::new(upstream)));
    }
    let folder = stores::existing(config)?;
    let stores = stores::open(config, &folder, clock, Missing::Refuse).await?;
    let wake_worker = Arc::new(Notify::new());
    let into_books = IntoBooks { database: stores.database, clock: clock.clone(), wake_worker };
    Ok((stores.clicks, Arc::new(into_books)))
}

fn streams(config: &Config) -> anyhow::Result<Vec<StreamSource>> {
    Ok(hopline_ship::streams(&config.data_dir.join(stores::SPOOL_FOLDER))?)
}

/// As shops were told the id of a conversion event.
fn event_id(stream: StreamId, record: hopline_spool::RecordId) -> String {
    format!("{}-{}-{record}", stream.edge, stream.stream)
}
