//! Storing a batch: its rows, then the findings that are about them, then its row in `batches`.
//!
//! The rows go in one statement as one block, with a token made of their content. The tables remember tokens, so a repetition
//! after a crash changes nothing, neither in `clicks` nor in what the views feed. The row in `batches` comes last and is the
//! progress: what it covers is not sent again.
//!
//! Between the two a crash leaves rows that no progress covers. The batch comes again, with the same boundaries and the same token.
//! Should the tables have forgotten the token by then (their window holds 100,000 blocks; a batch makes one for every day it
//! touches), the rows that are there are not sent again: the first batch of a stream after the store was opened, or after an error, looks
//! for them. Their counts by the hour may then be missing, which is logged and found by [`ClickStore::check`](hopline_click_store::ClickStore::check).

use std::collections::{BTreeMap, HashSet};
use std::sync::{Mutex, PoisonError};

use clickhouse::Row;
use hopline_click_store::{ClickBatch, ClickStoreError, Records, Stored, StreamId};
use hopline_clickid::{RECORD_MAX, UniqueNumber};
use hopline_fault::{Point, point};
use hopline_types::UnixMillis;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::ClickHouseClickStore;
use crate::client::Client;
use crate::fault::Fault;
use crate::finding;
use crate::native::{self, Block, Spare, Summary};
use crate::refused;

/// Batches that are sent at the same time: what the others hold waits in the spool.
const AT_ONCE: usize = 4;
/// As long as no more batches than these came after some rows, their token is surely remembered: a tenth of the window.
const REMEMBERED_BATCHES: u64 = 10_000;
/// And no more time passed than this: replicated tables forget after a week.
const REMEMBERED_HOURS: i64 = 6 * 24;

/// What this process knows of the streams.
#[derive(Debug)]
pub(crate) struct Streams {
    /// Beyond whose progress there are no rows.
    settled: Mutex<HashSet<StreamId>>,
    room: Semaphore,
    /// Of batches that were sent: at most one for each that is sent at the same time.
    spare: Mutex<Vec<Spare>>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { settled: Mutex::default(), room: Semaphore::new(AT_ONCE), spare: Mutex::default() }
    }
}

impl Streams {
    fn spare(&self) -> Spare {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn keep(&self, spare: Spare) {
        let mut kept = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < AT_ONCE {
            kept.push(spare);
        }
    }

    /// Whether a stream is settled; until told otherwise it is not from now on.
    fn unsettle(&self, stream: StreamId) -> bool {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).remove(&stream)
    }

    fn settle(&self, stream: StreamId) {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner).insert(stream);
    }
}

/// The newest batch of a stream.
#[derive(Debug, Row, Deserialize)]
struct Newest {
    first: u64,
    last: u64,
    content: String,
}

async fn newest(client: &Client, stream: StreamId) -> Result<Option<Newest>, Fault> {
    // The table's order, read backwards: no more than its last rows are looked at.
    let sql = "SELECT first, last, hex(content) AS content FROM batches WHERE edge = ? AND stream = ?
        ORDER BY edge DESC, stream DESC, first DESC LIMIT 1";
    let rows = client.rows(sql, |query| query.bind(stream.edge).bind(stream.stream)).await?;
    Ok(rows.into_iter().next())
}

/// The last record id stored of a stream.
pub(crate) async fn progress(client: &Client, stream: StreamId) -> Result<Option<u64>, Fault> {
    Ok(newest(client, stream).await?.map(|newest| newest.last))
}

pub(crate) async fn store(store: &ClickHouseClickStore, batch: ClickBatch) -> Result<Stored, Fault> {
    if let Some(reason) = batch.contradiction() {
        return Err(batch_refused(&batch, reason));
    }
    let client = &store.client;
    let _room = store.streams.room.acquire().await.map_err(|_| Fault::Corrupt("it was closed".to_owned()))?;
    let newest = newest(client, batch.stream).await?;
    let Some(newest) = newest.filter(|newest| batch.first <= newest.last) else {
        return append(store, batch).await;
    };
    let is_same =
        (newest.first, newest.last) == (batch.first, batch.last) && newest.content == hex(&batch.content);
    if is_same || is_stored(client, &batch).await? {
        return Ok(Stored::Before);
    }
    compare(client, &batch, newest.last).await?;
    if batch.last <= newest.last {
        return Ok(Stored::Before);
    }
    let first = newest.last + 1;
    let records = batch.records.only(|unique| unique.record() >= first);
    let kept = records.iter().map(|click| (click.unique.record(), click.payload));
    let content = ClickBatch::hash(batch.stream, first, batch.last, kept);
    append(store, ClickBatch { first, records, content, ..batch }).await
}

/// Whether exactly this batch was stored at some time.
async fn is_stored(client: &Client, batch: &ClickBatch) -> Result<bool, Fault> {
    let sql = "SELECT count() FROM batches WHERE edge = ? AND stream = ? AND first = ? AND last = ? AND content = unhex(?)";
    let found: u64 = client
        .row(sql, |query| {
            let stream = batch.stream;
            query
                .bind(stream.edge)
                .bind(stream.stream)
                .bind(batch.first)
                .bind(batch.last)
                .bind(hex(&batch.content))
        })
        .await?;
    Ok(found > 0)
}

/// Clicks at or before the progress must be those that are stored.
async fn compare(client: &Client, batch: &ClickBatch, last: u64) -> Result<(), Fault> {
    let before = batch.records.only(|unique| unique.record() <= last);
    let summary = summary(batch, &before)?;
    let stored = stored(client, &before, &summary).await?;
    let raw_from: i64 =
        client.row("SELECT max(value) FROM marks WHERE name = 'raw_from'", |query| query).await?;
    for click in before.iter() {
        let is_same = match stored.get(&click.unique.bits()) {
            Some(token) => *token == hex(click.view.token()),
            None => at_of(click.view.token()).get() < raw_from,
        };
        if !is_same {
            let reason = format!("record {} is not the one stored under its number", click.unique.record());
            return Err(batch_refused(batch, reason));
        }
    }
    Ok(())
}

pub(crate) fn at_of(token: &[u8; 45]) -> UnixMillis {
    UnixMillis(i64::from_be_bytes([0, 0, token[2], token[3], token[4], token[5], token[6], token[7]]))
}

#[derive(Debug, Row, Deserialize)]
struct Token {
    unique: u64,
    token: String,
}

/// The rows that are there under these numbers: their click ids.
pub(crate) async fn stored(
    client: &Client,
    records: &Records,
    summary: &Summary,
) -> Result<BTreeMap<u64, String>, Fault> {
    let Some(range) = Range::of(records, summary) else { return Ok(BTreeMap::new()) };
    let sql = format!("SELECT unique, hex(token) AS token FROM clicks WHERE {}", range.condition());
    let rows: Vec<Token> = client.rows(&sql, |query| query).await?;
    Ok(rows.into_iter().map(|row| (row.unique, row.token)).collect())
}

/// Where in `clicks` the rows of a batch are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) first: UniqueNumber,
    pub(crate) last: UniqueNumber,
    pub(crate) oldest_at: UnixMillis,
    pub(crate) newest_at: UnixMillis,
}

impl Range {
    pub(crate) fn of(records: &Records, summary: &Summary) -> Option<Self> {
        Some(Self {
            first: records.numbers().next()?,
            last: records.numbers().last()?,
            oldest_at: summary.oldest_at?,
            newest_at: summary.newest_at?,
        })
    }

    pub(crate) fn condition(&self) -> String {
        format!(
            "unique BETWEEN {} AND {} AND at BETWEEN fromUnixTimestamp64Milli({}, 'UTC') AND fromUnixTimestamp64Milli({}, 'UTC')",
            self.first.bits(),
            self.last.bits(),
            self.oldest_at.get(),
            self.newest_at.get()
        )
    }
}

/// Stores a batch that lies beyond the progress.
async fn append(store: &ClickHouseClickStore, batch: ClickBatch) -> Result<Stored, Fault> {
    let client = &store.client;
    let is_settled = store.streams.unsettle(batch.stream);
    let mut records = batch.records.clone();
    let whole = summary(&batch, &records)?;
    if !is_settled {
        records = unstored(client, &batch, records, &whole).await?;
    }
    if !records.is_empty() {
        insert(store, &batch, &records).await?;
    }
    point(Point::StoreRawAfter).map_err(failed)?;
    if let Some(range) = Range::of(&batch.records, &whole) {
        finding::judge(client, &batch.records, range).await?;
    }
    point(Point::StoreCommitBefore).map_err(failed)?;
    note(client, &Noted::of(&batch), &whole).await?;
    point(Point::StoreCommitAfter).map_err(failed)?;
    store.streams.settle(batch.stream);
    Ok(Stored::Now)
}

fn failed(error: std::io::Error) -> Fault {
    ClickStoreError::Failed { doing: "store a batch", retryable: true, source: error.into() }.into()
}

/// What the batch holds, whichever of it is to be sent.
pub(crate) fn summary(batch: &ClickBatch, records: &Records) -> Result<Summary, Fault> {
    Summary::of(records).map_err(|refused| record_refused(batch.stream, refused))
}

/// Sends records as rows.
pub(crate) async fn insert(
    store: &ClickHouseClickStore,
    batch: &ClickBatch,
    records: &Records,
) -> Result<(), Fault> {
    let block = encode(batch, records.clone(), store.streams.spare()).await?;
    let sent = send(&store.client, batch, records, &block).await;
    store.streams.keep(block.into_spare());
    match sent {
        Err(fault) if fault.is_bad_data() => Err(refused::find(batch, records, fault)),
        sent => sent,
    }
}

async fn encode(batch: &ClickBatch, records: Records, spare: Spare) -> Result<Block, Fault> {
    let block = tokio::task::spawn_blocking(move || native::block(&records, spare)).await;
    let block = block.map_err(|error| failed(error.into()))?;
    block.map_err(|refused| record_refused(batch.stream, refused))
}

async fn send(client: &Client, batch: &ClickBatch, records: &Records, block: &Block) -> Result<(), Fault> {
    let sql = format!("INSERT INTO clicks ({}) FORMAT Native", block.columns);
    let token = token(batch, records);
    let settings = [
        ("insert_deduplicate", "1"),
        ("insert_deduplication_token", token.as_str()),
        ("deduplicate_blocks_in_dependent_materialized_views", "1"),
        // A block stays one block, and one part per day, whatever its size, and what a view makes of it one too: by the
        // rows alone it is judged whether enough have come together, and they never are before the end. (With 0 views
        // write many small parts, which costs the server three times as much.)
        ("min_insert_block_size_rows", "100000000"),
        ("min_insert_block_size_bytes", "0"),
        ("max_insert_block_size", "100000000"),
        ("max_partitions_per_insert_block", "0"),
        ("materialized_views_ignore_errors", "0"),
    ];
    client.insert(&sql, &block.body, &settings).await
}

/// SHA-256 over the batch's content and the numbers that are sent of it, in hexadecimal digits.
fn token(batch: &ClickBatch, records: &Records) -> String {
    let mut hash = Sha256::new();
    hash.update(batch.content);
    for unique in records.numbers() {
        hash.update(unique.bits().to_be_bytes());
    }
    hex(&hash.finalize())
}

/// Rows that are there: how many, and since when (milliseconds).
#[derive(Debug, Row, Deserialize)]
struct Found {
    rows: u64,
    oldest: i64,
}

/// What came after some time.
#[derive(Debug, Row, Deserialize)]
struct Since {
    batches: u64,
    hours: i64,
}

/// Of a batch whose progress is not noted, the records to send: all of them, but those that are stored already and whose
/// token may be forgotten.
async fn unstored(
    client: &Client,
    batch: &ClickBatch,
    records: Records,
    summary: &Summary,
) -> Result<Records, Fault> {
    let Some(range) = Range::of(&records, summary) else { return Ok(records) };
    let sql = format!(
        "SELECT count() AS rows, toUnixTimestamp64Milli(min(stored_at)) AS oldest FROM clicks WHERE {}",
        range.condition()
    );
    let found: Found = client.row(&sql, |query| query).await?;
    if found.rows == 0 {
        return Ok(records);
    }
    // Clocks of servers may differ by some minutes.
    let sql = "SELECT count() AS batches, dateDiff('hour', fromUnixTimestamp64Milli(?, 'UTC'), now64(3, 'UTC')) AS hours
        FROM batches WHERE stored_at >= fromUnixTimestamp64Milli(?, 'UTC') - INTERVAL 10 MINUTE";
    let since: Since = client.row(sql, |query| query.bind(found.oldest).bind(found.oldest)).await?;
    if since.batches <= REMEMBERED_BATCHES && since.hours <= REMEMBERED_HOURS {
        return Ok(records);
    }
    let stored = stored(client, &records, summary).await?;
    tracing::error!(
        stream = %batch.stream,
        first = batch.first,
        last = batch.last,
        rows = found.rows,
        "rows of a batch were stored long before its progress: they are not sent again, and counts by the hour may lack them"
    );
    Ok(records.only(|unique| !stored.contains_key(&unique.bits())))
}

/// What names a batch.
#[derive(Debug)]
pub(crate) struct Noted {
    pub(crate) stream: StreamId,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// In hexadecimal digits.
    pub(crate) content: String,
}

impl Noted {
    fn of(batch: &ClickBatch) -> Self {
        Self { stream: batch.stream, first: batch.first, last: batch.last, content: hex(&batch.content) }
    }
}

/// Notes the batch: from now on it is stored.
pub(crate) async fn note(client: &Client, batch: &Noted, summary: &Summary) -> Result<(), Fault> {
    let hours: Vec<String> = summary.hours.iter().map(|hour| (hour.get() / 1_000).to_string()).collect();
    let sql = format!(
        "INSERT INTO batches (edge, stream, first, last, content, clicks, impressions, hours, newest_at)
         VALUES ({}, {}, {}, {}, unhex('{}'), {}, {}, [{}], fromUnixTimestamp64Milli({}, 'UTC'))",
        batch.stream.edge,
        batch.stream.stream,
        batch.first,
        batch.last,
        batch.content,
        summary.clicks,
        summary.impressions,
        hours.join(", "),
        summary.newest_at.map_or(0, UnixMillis::get),
    );
    client.run(&sql, |query| query).await
}

pub(crate) fn record_refused(stream: StreamId, (record, reason): native::Refused) -> Fault {
    debug_assert!(record <= RECORD_MAX, "it is in a click's number");
    ClickStoreError::RecordRefused { stream, record, reason }.into()
}

pub(crate) fn batch_refused(batch: &ClickBatch, reason: String) -> Fault {
    let (stream, first, last) = (batch.stream, batch.first, batch.last);
    ClickStoreError::BatchRefused { stream, first, last, reason }.into()
}

/// Upper-case hexadecimal digits, as the server writes them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
