//! The reference: rows of texts, as the crate `clickhouse` inserts them, made of the same clicks.

use anyhow::{Result, ensure};
use clickhouse::Row;
use hopline_click_store::StoredClick;
use hopline_click_store_clickhouse::{ClickHouseClickStore, ClickHouseOptions};
use serde::Serialize;

use crate::engine::Engine;
use crate::{Run, spool};

const BATCH: usize = 100_000;

/// The columns that shipping sends for these clicks, without the token: the crate takes arrays of up to 32 bytes.
#[derive(Debug, Row, Serialize)]
struct Typed {
    unique: u64,
    kind: u8,
    at: i64,
    advertiser: u32,
    offer: u32,
    affiliate: u32,
    link: u32,
    verdict: u8,
    visitor_key: u64,
    pseudonym: u64,
    network: u32,
    flags: u16,
    status: u16,
    rule_version: u8,
    code: String,
    sub1: String,
    sub2: String,
    country: String,
    device: String,
    os: String,
    browser: String,
    language: String,
    referrer_host: String,
    ext: String,
}

fn id(id: Option<impl Into<i64>>) -> u32 {
    id.and_then(|id| u32::try_from(id.into()).ok()).unwrap_or(0)
}

fn row(payload: &[u8]) -> Result<Typed> {
    let click = StoredClick::from_record(hopline_record::Click::decode(payload)?, false)
        .map_err(anyhow::Error::msg)?;
    let dims = click.dims;
    let [sub1, sub2, ..] = dims.subs;
    Ok(Typed {
        unique: click.unique.bits(),
        kind: 1,
        at: click.at.get(),
        advertiser: id(click.advertiser),
        offer: id(click.offer),
        affiliate: id(click.affiliate),
        link: id(click.link),
        verdict: click.verdict.code(),
        visitor_key: click.visitor_key,
        pseudonym: click.pseudonym,
        network: click.network,
        flags: click.flags.0,
        status: click.status,
        rule_version: click.rule_version,
        code: click.code,
        sub1,
        sub2,
        country: dims.country,
        device: dims.device,
        os: dims.os,
        browser: dims.browser,
        language: click.language,
        referrer_host: dims.referrer_host,
        ext: click.ext,
    })
}

/// Decodes and inserts as many clicks; reading and hashing are not part of it.
pub(crate) async fn run(engine: &Engine, clicks: u64) -> Result<Run> {
    engine.forget("typed").await?;
    let options: ClickHouseOptions = engine.database("typed").parse()?;
    drop(ClickHouseClickStore::open(&options).await?);
    let records: Vec<Vec<u8>> = (1..=clicks)
        .map(|record| {
            let mut payload = Vec::new();
            spool::click(record).encode(&mut payload);
            payload
        })
        .collect();
    let http = engine.http().with_database("typed").with_setting("async_insert", "0").with_validation(false);
    let measured = engine.measure(clicks).await?;
    for some in records.chunks(BATCH) {
        let mut insert = http.insert::<Typed>("clicks").await?;
        for payload in some {
            insert.write(&row(payload)?).await?;
        }
        insert.end().await?;
    }
    let run = measured.end()?;
    let stored: u64 = engine.ask("SELECT count() FROM typed.clicks").await?.parse()?;
    ensure!(stored == clicks, "{stored} rows are stored");
    Ok(run)
}
