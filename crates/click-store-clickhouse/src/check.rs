//! Recounting raw rows, and comparing with what is kept of them.
//!
//! Day by day, so that no statement looks at more than one: sums by the hour against the rows of the day, touches against the clicks
//! that should be touches, judgements against the clicks that they are about; and over all days the rows of each stream against its
//! batches, which also shows a row that is there twice or missing. Rows beyond a stream's progress are on their way and
//! are not held against it. Of days that retention has deleted the sums must make up what the batches had more than there are rows.
//!
//! A batch that arrives meanwhile can be in the one and not yet in the other: a day's difference is looked at again before it is told.

use std::collections::BTreeMap;
use std::time::Duration;

use clickhouse::Row;
use clickhouse::query::Query;
use hopline_click_store::plan::{CLICK_HOURS, PLACE_HOURS, Rollup, SUB_HOURS};
use hopline_click_store::{AuditOutcome, StreamId, Tally};
use hopline_clickid::{RECORD_MAX, UniqueNumber};
use hopline_types::{HOUR_MS, UnixMillis};
use serde::Deserialize;

use crate::client::Client;
use crate::fault::Fault;
use crate::lookups;
use crate::query::{HOURS, PERIOD, Parameters};

const DAY_MS: i64 = 24 * HOUR_MS;
/// How often a difference is looked at, and how long after the time before.
const LOOKS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
const ROLLUPS: [Rollup; 3] = [CLICK_HOURS, SUB_HOURS, PLACE_HOURS];

/// A click that is a touch, as the view has it.
const IS_TOUCH: &str = "kind = 1 AND verdict < 2 AND advertiser != 0 AND offer != 0 AND affiliate != 0";

pub(crate) async fn check(client: &Client) -> Result<AuditOutcome, Fault> {
    let raw_from = lookups::mark(client, "raw_from").await?;
    let touches_from = lookups::mark(client, "touches_from").await?;
    let mut streams = Streams::new(lookups::tallies(client).await?);
    let deleted = Deleted::read(client, raw_from).await?;
    for day in days(client, raw_from).await? {
        let day = Day { client, from: UnixMillis(day * DAY_MS), touches_from };
        if let Some(difference) = day.lasting_difference().await? {
            return Ok(AuditOutcome::Differs(difference));
        }
        streams.count(&day).await?;
    }
    let difference = streams.difference(raw_from.is_some()).or_else(|| deleted.difference(&streams));
    if let Some(difference) = difference {
        return Ok(AuditOutcome::Differs(difference));
    }
    let (facts, difference) = facts(client).await?;
    Ok(match difference {
        Some(difference) => AuditOutcome::Differs(difference),
        None => AuditOutcome::Sound { clicks: streams.rows(), facts },
    })
}

/// Days since 1970 that have clicks or counts and that retention has not deleted.
async fn days(client: &Client, raw_from: Option<UnixMillis>) -> Result<Vec<i64>, Fault> {
    let sql = "SELECT DISTINCT toInt64(toDate32(day)) AS day FROM (
            SELECT toDate32(toString(number)) AS day FROM (
                SELECT toYYYYMMDD(at) AS number FROM clicks GROUP BY number)
            UNION ALL SELECT toDate32(hour) AS day FROM click_hours GROUP BY day
            UNION ALL SELECT toDate32(at) AS day FROM touches GROUP BY day)
        ORDER BY day";
    let days: Vec<i64> = client.rows(sql, |query| query).await?;
    Ok(days.into_iter().filter(|day| raw_from.is_none_or(|from| day * DAY_MS >= from.get())).collect())
}

struct Day<'a> {
    client: &'a Client,
    from: UnixMillis,
    touches_from: Option<UnixMillis>,
}

/// A key and what is counted and kept of it.
#[derive(Debug, Row, Deserialize)]
struct Difference {
    key: String,
    counted: u64,
    kept: u64,
}

impl Day<'_> {
    /// The difference that is still there when it is looked for again.
    async fn lasting_difference(&self) -> Result<Option<String>, Fault> {
        for _ in 1..LOOKS {
            if self.difference().await?.is_none() {
                return Ok(None);
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.difference().await
    }

    async fn difference(&self) -> Result<Option<String>, Fault> {
        for rollup in &ROLLUPS {
            if let Some(difference) = self.rollup(rollup).await? {
                return Ok(Some(difference));
            }
        }
        if let Some(difference) = self.touches().await? {
            return Ok(Some(difference));
        }
        self.judgements().await
    }

    fn parameters(&self) -> Parameters {
        let to = self.from.plus(DAY_MS);
        Parameters::default().period(self.from, to).hours(self.from, to)
    }

    async fn first(&self, sql: &str) -> Result<Option<Difference>, Fault> {
        let parameters = self.parameters();
        let rows: Vec<Difference> = self.client.rows(sql, |query| large(parameters.bind(query))).await?;
        Ok(rows.into_iter().next())
    }

    async fn rollup(&self, rollup: &Rollup) -> Result<Option<String>, Fault> {
        let columns = rollup.columns.join(", ");
        let named: Vec<String> =
            rollup.columns.iter().map(|column| format!("' {column} ', toString({column})")).collect();
        let sql = format!(
            "SELECT concat('hour ', toString(toUnixTimestamp(hour)), {}, ' kind ', toString(kind)) AS key,
                 sum(counted) AS counted, sum(kept) AS kept FROM (
                 SELECT toStartOfHour(at) AS hour, {columns}, kind, count() AS counted, toUInt64(0) AS kept
                 FROM clicks WHERE {PERIOD} GROUP BY hour, {columns}, kind
                 UNION ALL
                 SELECT hour, {columns}, kind, toUInt64(0) AS counted, sum(n) AS kept
                 FROM {} WHERE {HOURS} GROUP BY hour, {columns}, kind)
             GROUP BY hour, {columns}, kind HAVING counted != kept ORDER BY key LIMIT 1",
            named.join(", "),
            rollup.table
        );
        let found = self.first(&sql).await?;
        Ok(found.map(|Difference { key, counted, kept }| {
            format!("{} holds {kept} for {key}, a recount of the rows gives {counted}", rollup.table)
        }))
    }

    async fn touches(&self) -> Result<Option<String>, Fault> {
        let from = self.touches_from.map_or(i64::MIN, UnixMillis::get);
        if from >= self.from.plus(DAY_MS).get() {
            return Ok(None);
        }
        let touch = "visitor_key, advertiser, at, unique, offer, affiliate, link, verdict";
        let kept_from = "at >= fromUnixTimestamp64Milli((SELECT max(value) FROM marks WHERE name = 'touches_from'), 'UTC')";
        let sql = format!(
            "SELECT if(sum(hash) = 0, '', 'other ones') AS key, sum(counted) AS counted, sum(kept) AS kept FROM (
                 SELECT count() AS counted, toUInt64(0) AS kept, sum(reinterpretAsInt64(cityHash64({touch}))) AS hash
                 FROM clicks WHERE {PERIOD} AND {IS_TOUCH} AND {kept_from}
                 UNION ALL
                 SELECT toUInt64(0) AS counted, count() AS kept, -sum(reinterpretAsInt64(cityHash64({touch}))) AS hash
                 FROM touches WHERE {PERIOD} AND {kept_from})
             HAVING key != '' OR counted != kept"
        );
        let found = self.first(&sql).await?;
        Ok(found.map(|Difference { key, counted, kept }| {
            let day = self.from.get();
            format!(
                "touches holds {kept} of the day from {day} on, a recount of the rows gives {counted} {key}"
            )
        }))
    }

    async fn judgements(&self) -> Result<Option<String>, Fault> {
        let sql = format!(
            "SELECT toString(any(unique)) AS key, toUInt64(0) AS counted, count() AS kept FROM judgements FINAL
             WHERE {PERIOD} AND (unique, kind, answered, advertiser, offer, affiliate, link) GLOBAL NOT IN (
                 SELECT unique, kind, verdict, advertiser, offer, affiliate, link FROM clicks
                 WHERE {PERIOD} AND unique GLOBAL IN (SELECT unique FROM judgements WHERE {PERIOD}))
             HAVING kept > 0"
        );
        let found = self.first(&sql).await?;
        Ok(found.map(|Difference { key, kept, .. }| {
            format!("{kept} judgements are about no click, one of them about number {key}")
        }))
    }
}

/// Sorting and grouping may use the disk.
fn large(query: Query) -> Query {
    query
        .with_setting("max_bytes_before_external_group_by", "1000000000")
        .with_setting("do_not_merge_across_partitions_select_final", "1")
}

/// Rows of a stream.
#[derive(Debug, Row, Deserialize)]
struct Counted {
    edge: u16,
    stream: u8,
    clicks: u64,
    impressions: u64,
}

/// The streams as they were when the check began, and their rows up to there.
struct Streams {
    tallies: Vec<Tally>,
    counted: BTreeMap<StreamId, (u64, u64)>,
}

impl Streams {
    const fn new(tallies: Vec<Tally>) -> Self {
        Self { tallies, counted: BTreeMap::new() }
    }

    async fn count(&mut self, day: &Day<'_>) -> Result<(), Fault> {
        if self.tallies.is_empty() {
            return Ok(());
        }
        let number = |tally: &Tally| {
            let StreamId { edge, stream } = tally.stream;
            UniqueNumber::new(edge, stream, tally.last.min(RECORD_MAX))
                .expect("it is cut to its limit")
                .bits()
        };
        let lasts: Vec<u64> = self.tallies.iter().map(number).collect();
        let streams = lasts.iter().map(|last| last >> 40).collect();
        let sql = format!(
            "SELECT toUInt16(bitShiftRight(unique, 48)) AS edge, toUInt8(bitAnd(bitShiftRight(unique, 40), 255)) AS stream,
                 countIf(kind = 1) AS clicks, countIf(kind = 2) AS impressions
             FROM clicks WHERE {PERIOD} AND unique <= transform(
                 bitShiftRight(unique, 40), {{streams:Array(UInt64)}}, {{lasts:Array(UInt64)}}, toUInt64(0))
             GROUP BY edge, stream"
        );
        let parameters = day.parameters().unsigned_list("streams", streams).unsigned_list("lasts", lasts);
        let rows: Vec<Counted> = day.client.rows(&sql, |query| parameters.bind(query)).await?;
        for row in rows {
            let counts = self.counted.entry(StreamId { edge: row.edge, stream: row.stream }).or_default();
            *counts = (counts.0 + row.clicks, counts.1 + row.impressions);
        }
        Ok(())
    }

    fn rows(&self) -> u64 {
        self.counted.values().map(|(clicks, impressions)| clicks + impressions).sum()
    }

    /// Rows may be fewer than the tally says only where retention has deleted some.
    fn difference(&self, may_be_fewer: bool) -> Option<String> {
        self.tallies.iter().find_map(|tally| {
            let stream = tally.stream;
            let (clicks, impressions) = self.counted.get(&stream).copied().unwrap_or_default();
            [(clicks, tally.clicks, "clicks"), (impressions, tally.impressions, "impressions")]
                .into_iter()
                .find(|(counted, kept, _)| counted > kept || counted < kept && !may_be_fewer)
                .map(|(counted, kept, what)| {
                    format!("stream {stream} has {kept} {what} in its tally, {counted} rows")
                })
        })
    }
}

/// Sums by the hour of days that retention has deleted.
struct Deleted {
    sums: Vec<(&'static str, Total)>,
}

#[derive(Debug, Row, Deserialize)]
struct Total {
    clicks: u64,
    impressions: u64,
}

impl Deleted {
    async fn read(client: &Client, raw_from: Option<UnixMillis>) -> Result<Self, Fault> {
        let mut sums = Vec::new();
        let Some(raw_from) = raw_from else { return Ok(Self { sums }) };
        for Rollup { table, .. } in &ROLLUPS {
            let sql = format!(
                "SELECT sumIf(n, kind = 1) AS clicks, sumIf(n, kind = 2) AS impressions FROM {table} WHERE {HOURS}"
            );
            let parameters = Parameters::default().hours(UnixMillis(0), raw_from);
            sums.push((*table, client.row(&sql, |query| parameters.bind(query)).await?));
        }
        Ok(Self { sums })
    }

    fn difference(&self, streams: &Streams) -> Option<String> {
        let tallied = |of: fn(&Tally) -> u64| streams.tallies.iter().map(of).sum::<u64>();
        let counted = |of: fn(&(u64, u64)) -> u64| streams.counted.values().map(of).sum::<u64>();
        let clicks = (tallied(|tally| tally.clicks), counted(|rows| rows.0));
        let impressions = (tallied(|tally| tally.impressions), counted(|rows| rows.1));
        self.sums.iter().find_map(|(table, kept)| {
            [(kept.clicks, clicks, "clicks"), (kept.impressions, impressions, "impressions")]
                .into_iter()
                .find(|(kept, (tallied, counted), _)| kept + counted != *tallied)
                .map(|(kept, (tallied, counted), what)| {
                    format!(
                        "{table} holds {kept} {what} of deleted days and {counted} rows are there, the streams' tallies hold {tallied}"
                    )
                })
        })
    }
}

/// Facts have no sums that could differ; but none may be there under two keys, since it would count twice.
async fn facts(client: &Client) -> Result<(u64, Option<String>), Fault> {
    let sql = "SELECT DISTINCT toUInt32(toYYYYMM(converted_at)) AS month FROM facts ORDER BY month";
    let months: Vec<u32> = client.rows(sql, |query| query).await?;
    let mut facts = 0;
    for month in months {
        let sql = "SELECT count() AS rows, uniqExact(sipHash128(fact_id)) AS ids FROM facts FINAL
            WHERE toYYYYMM(converted_at) = {month:UInt64}";
        let parameters = Parameters::default().unsigned("month", u64::from(month));
        let counted: Facts = client.row(sql, |query| large(parameters.bind(query))).await?;
        if counted.rows != counted.ids {
            let (rows, ids) = (counted.rows, counted.ids);
            return Ok((facts, Some(format!("facts holds {rows} rows of {ids} facts in the month {month}"))));
        }
        facts += counted.rows;
    }
    Ok((facts, None))
}

#[derive(Debug, Row, Deserialize)]
struct Facts {
    rows: u64,
    ids: u64,
}
