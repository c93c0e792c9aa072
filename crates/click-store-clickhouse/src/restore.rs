//! Clicks that were set aside when the batches that cover them were stored, and come after all.
//!
//! Those that are not among the rows are sent as a block of their own; then the batches that cover them are noted again with what a
//! recount of their rows gives. Both can be repeated.

use std::collections::BTreeSet;

use clickhouse::Row;
use hopline_click_store::{ClickBatch, StreamId};
use hopline_clickid::{RECORD_MAX, UniqueNumber};
use hopline_types::UnixMillis;
use serde::Deserialize;

use crate::ClickHouseClickStore;
use crate::client::Client;
use crate::fault::Fault;
use crate::native::Summary;
use crate::store::{self, Range};

/// A batch that covers some of the clicks.
#[derive(Debug, Row, Deserialize)]
struct Covering {
    first: u64,
    last: u64,
    content: String,
    clicks: u64,
    impressions: u64,
    hours: Vec<i64>,
    newest: i64,
}

#[derive(Debug, Row, Deserialize)]
struct Recount {
    clicks: u64,
    impressions: u64,
}

pub(crate) async fn restore(store: &ClickHouseClickStore, batch: ClickBatch) -> Result<u64, Fault> {
    let client = &store.client;
    if let Some(reason) = batch.contradiction() {
        return Err(store::batch_refused(&batch, reason));
    }
    let Some(newest) = batch.records.numbers().last() else { return Ok(0) };
    if store::progress(client, batch.stream).await?.is_none_or(|progress| newest.record() > progress) {
        let reason = "records that no batch has covered yet are not restored".to_owned();
        return Err(store::batch_refused(&batch, reason));
    }
    let summary = store::summary(&batch, &batch.records)?;
    let stored = store::stored(client, &batch.records, &summary).await?;
    let raw_from: i64 =
        client.row("SELECT max(value) FROM marks WHERE name = 'raw_from'", |query| query).await?;
    for click in batch.records.iter() {
        let token = click.view.token();
        let refused = match stored.get(&click.unique.bits()) {
            Some(known) if *known == store::hex(token) => continue,
            Some(_) => "another click is stored under its number",
            None if store::at_of(token).get() < raw_from => "clicks of its day have been deleted",
            None => continue,
        };
        return Err(store::record_refused(batch.stream, (click.unique.record(), refused.to_owned())));
    }
    let missing = batch.records.only(|unique| !stored.contains_key(&unique.bits()));
    if !missing.is_empty() {
        store::insert(store, &batch, &missing).await?;
    }
    if let Some(range) = Range::of(&batch.records, &summary) {
        crate::finding::judge(client, &batch.records, range).await?;
    }
    note(client, &batch).await?;
    Ok(u64::try_from(missing.len()).unwrap_or(u64::MAX))
}

/// Notes the batches again that cover these clicks.
async fn note(client: &Client, batch: &ClickBatch) -> Result<(), Fault> {
    let records = || batch.records.numbers().map(UniqueNumber::record);
    let (first, last) = (records().next().unwrap_or(0), records().last().unwrap_or(0));
    let sql = "SELECT first, last, hex(content) AS content, clicks, impressions,
            arrayMap(hour -> toInt64(toUnixTimestamp(hour)) * 1000, hours) AS hours, toUnixTimestamp64Milli(newest_at) AS newest
        FROM batches FINAL WHERE edge = ? AND stream = ? AND first <= ? AND last >= ?";
    let StreamId { edge, stream } = batch.stream;
    let covering: Vec<Covering> =
        client.rows(sql, |query| query.bind(edge).bind(stream).bind(last).bind(first)).await?;
    for covering in covering {
        let covers = |unique: UniqueNumber| (covering.first..=covering.last).contains(&unique.record());
        let restored = batch.records.only(covers);
        if restored.is_empty() {
            continue;
        }
        let added = store::summary(batch, &restored)?;
        let number = |record: u64| {
            UniqueNumber::new(edge, stream, record.min(RECORD_MAX)).expect("it was cut to its limit").bits()
        };
        let sql = "SELECT countIf(kind = 1) AS clicks, countIf(kind = 2) AS impressions FROM clicks WHERE unique BETWEEN ? AND ?";
        let counted: Recount =
            client.row(sql, |query| query.bind(number(covering.first)).bind(number(covering.last))).await?;
        let mut hours: BTreeSet<UnixMillis> = covering.hours.iter().copied().map(UnixMillis).collect();
        hours.extend(&added.hours);
        let noted = Summary {
            // Of rows that retention has deleted the batch alone knows.
            clicks: counted.clicks.max(covering.clicks),
            impressions: counted.impressions.max(covering.impressions),
            hours,
            oldest_at: added.oldest_at,
            newest_at: added.newest_at.max(Some(UnixMillis(covering.newest))),
        };
        let row = store::Noted {
            stream: batch.stream,
            first: covering.first,
            last: covering.last,
            content: covering.content,
        };
        store::note(client, &row, &noted).await?;
    }
    Ok(())
}
