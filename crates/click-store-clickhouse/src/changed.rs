//! The hours whose unique clicks have changed.
//!
//! The version is the newest time at which a batch or a judgement was stored, by the servers' clocks. What several senders store at the same
//! time need not become visible in that order, so the last [`MARGIN_MS`] before the version are looked at again: an hour may be told
//! twice, but is never missed. What this process told for the version that it is asked for, it remembers and does not tell again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use clickhouse::Row;
use hopline_click_store::ChangedHours;
use hopline_types::UnixMillis;
use serde::Deserialize;

use crate::client::Client;
use crate::fault::Fault;
use crate::query::Parameters;

/// How long storing a batch may take, and how much servers' clocks may differ, together.
const MARGIN_MS: u64 = 10 * 60_000;

/// What was stored in a millisecond about an hour: how many rows.
type Seen = BTreeMap<(u32, i64), u64>;

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Told {
    last: Mutex<Option<(u64, Seen)>>,
}

#[derive(Debug, Row, Deserialize)]
struct Change {
    seconds: u32,
    stored: i64,
    rows: u64,
}

#[derive(Debug, Row, Deserialize)]
struct Newest {
    seconds: u32,
    stored: i64,
}

/// Hours with unique clicks in batches, and of clicks that were judged and had been unique.
const ROWS: &str = "SELECT toUnixTimestamp(arrayJoin(hours)) AS seconds, toUnixTimestamp64Milli(stored_at) AS stored
    FROM batches WHERE stored_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC')
    UNION ALL
    SELECT toUnixTimestamp(toStartOfHour(at)) AS seconds, toUnixTimestamp64Milli(stored_at) AS stored
    FROM judgements WHERE stored_at > fromUnixTimestamp64Milli({since:Int64}, 'UTC') AND kind = 1 AND answered = 0";

pub(crate) async fn since(client: &Client, told: &Told, version: u64) -> Result<ChangedHours, Fault> {
    let remembered = {
        let last = told.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().filter(|(told, _)| *told == version).map(|(_, seen)| seen.clone())
    };
    let Some(before) = remembered else {
        let sql =
            format!("SELECT seconds, max(stored) AS stored FROM ({ROWS}) GROUP BY seconds ORDER BY seconds");
        let parameters = after(version.saturating_sub(MARGIN_MS));
        let rows: Vec<Newest> = client.rows(&sql, |query| parameters.bind(query)).await?;
        let newest = newest(version, rows.iter().map(|row| row.stored));
        let hours: Vec<UnixMillis> = rows.iter().map(|row| hour(row.seconds)).collect();
        // What is stored while this is asked again has not been told.
        let known: BTreeMap<u32, i64> = rows.iter().map(|row| (row.seconds, row.stored)).collect();
        let mut seen = window(client, newest).await?;
        seen.retain(|(seconds, stored), _| known.get(seconds).is_some_and(|newest| stored <= newest));
        told.remember(newest, seen);
        return Ok(ChangedHours { version: newest, hours });
    };
    let now = window(client, version).await?;
    let changed: BTreeSet<u32> = now
        .iter()
        .filter(|(key, rows)| before.get(*key) != Some(*rows))
        .map(|((seconds, _), _)| *seconds)
        .collect();
    let newest = newest(version, now.keys().map(|(_, stored)| *stored));
    let mut seen = now;
    seen.retain(|(_, stored), _| stored.cast_unsigned() > newest.saturating_sub(MARGIN_MS));
    told.remember(newest, seen);
    Ok(ChangedHours { version: newest, hours: changed.into_iter().map(hour).collect() })
}

impl Told {
    fn remember(&self, version: u64, seen: Seen) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((version, seen));
    }
}

/// All that was stored from a margin before the version on.
async fn window(client: &Client, version: u64) -> Result<Seen, Fault> {
    let sql = format!("SELECT seconds, stored, count() AS rows FROM ({ROWS}) GROUP BY seconds, stored");
    let parameters = after(version.saturating_sub(MARGIN_MS));
    let rows: Vec<Change> = client.rows(&sql, |query| parameters.bind(query)).await?;
    Ok(rows.into_iter().map(|row| ((row.seconds, row.stored), row.rows)).collect())
}

fn after(version: u64) -> Parameters {
    Parameters::default().number("since", i64::try_from(version).unwrap_or(i64::MAX))
}

fn newest(version: u64, stored: impl Iterator<Item = i64>) -> u64 {
    stored.map(i64::cast_unsigned).fold(version, u64::max)
}

fn hour(seconds: u32) -> UnixMillis {
    UnixMillis(i64::from(seconds) * 1_000)
}
