//! Single things by their keys, counts by the hour and tallies.
//!
//! Rows say what was answered; `judgements` says what findings made of them since. Look-ups by number ask both at the same time. A
//! judgement is there before its batch is told of, so that whoever learns of the batch sees it.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Row;
use clickhouse::query::Query;
use hopline_click_store::{ClickCount, RecentClick, StreamId, Tally, Touch, TouchQuery};
use hopline_clickid::UniqueNumber;
use hopline_types::{AdvertiserId, AffiliateId, HOUR_MS, LinkId, OfferId, UnixMillis, Verdict};
use serde::Deserialize;

use crate::client::Client;
use crate::fault::Fault;
use crate::query::{HOURS, PERIOD, Parameters};

const DAY_MS: i64 = 24 * HOUR_MS;

/// A look-up reads one block or a few: threads and a first pass over some of the columns would only cost.
pub(crate) fn quick(query: Query) -> Query {
    query.with_setting("max_threads", "1").with_setting("optimize_move_to_prewhere", "0")
}

/// What retention has marked: what is older was deleted.
pub(crate) async fn mark(client: &Client, name: &str) -> Result<Option<UnixMillis>, Fault> {
    let sql = "SELECT maxOrNull(value) AS value FROM marks WHERE name IN {names:Array(String)}";
    let parameters = Parameters::default().texts("names", vec![name.to_owned()]);
    let value: Option<i64> = client.row(sql, |query| quick(parameters.bind(query))).await?;
    Ok(value.map(UnixMillis))
}

#[derive(Debug, Row, Deserialize)]
struct TouchRow {
    visitor_key: u64,
    unique: u64,
    millis: i64,
    offer: u32,
    affiliate: u32,
    link: u32,
    verdict: u8,
}

/// Visitors of one statement.
const VISITORS_MAX: usize = 1_000;

pub(crate) async fn touches(
    client: &Client,
    visitor_key: u64,
    advertiser: AdvertiserId,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<Vec<Touch>, Fault> {
    let found = of_visitors(client, vec![visitor_key], advertiser, (from, to)).await?;
    Ok(found.into_iter().map(|(_, touch)| touch).collect())
}

/// Asks once for each advertiser and up to [`VISITORS_MAX`] visitors, over the period of all of them.
pub(crate) async fn touches_many(client: &Client, asked: &[TouchQuery]) -> Result<Vec<Vec<Touch>>, Fault> {
    let mut found = vec![Vec::new(); asked.len()];
    let mut by_advertiser: BTreeMap<AdvertiserId, Vec<usize>> = BTreeMap::new();
    for (place, query) in asked.iter().enumerate() {
        by_advertiser.entry(query.advertiser).or_default().push(place);
    }
    for (advertiser, places) in by_advertiser {
        for places in places.chunks(VISITORS_MAX) {
            let queries = || places.iter().filter_map(|place| asked.get(*place));
            let Some(from) = queries().map(|query| query.from).min() else { continue };
            let Some(to) = queries().map(|query| query.to).max() else { continue };
            let visitors: BTreeSet<u64> = queries().map(|query| query.visitor_key).collect();
            let touches = of_visitors(client, visitors.into_iter().collect(), advertiser, (from, to)).await?;
            for place in places {
                let (Some(query), Some(own)) = (asked.get(*place), found.get_mut(*place)) else { continue };
                let is_asked = |(visitor, touch): &&(u64, Touch)| {
                    *visitor == query.visitor_key && query.from <= touch.at && touch.at < query.to
                };
                own.extend(touches.iter().filter(is_asked).map(|(_, touch)| *touch));
            }
        }
    }
    Ok(found)
}

/// The touches of some visitors, oldest first.
async fn of_visitors(
    client: &Client,
    visitors: Vec<u64>,
    advertiser: AdvertiserId,
    (from, to): (UnixMillis, UnixMillis),
) -> Result<Vec<(u64, Touch)>, Fault> {
    let sql = format!(
        "SELECT visitor_key, unique, toUnixTimestamp64Milli(at) AS millis, offer, affiliate, link, verdict FROM touches
         WHERE visitor_key IN {{visitors:Array(UInt64)}} AND advertiser = {{advertiser:UInt64}} AND {PERIOD}
         AND at >= fromUnixTimestamp64Milli((SELECT max(value) FROM marks WHERE name = 'touches_from'), 'UTC')"
    );
    let id = advertiser.get().cast_unsigned();
    let parameters =
        Parameters::default().unsigned_list("visitors", visitors).unsigned("advertiser", id).period(from, to);
    let mut rows: Vec<TouchRow> = client.rows(&sql, |query| quick(parameters.bind(query))).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    // Few, so that this is cheaper than to have the server read its parts in order.
    rows.sort_unstable_by_key(|row| (row.millis, row.unique));
    let judged = judged(client, rows.iter().map(|row| row.unique).collect()).await?;
    let mut touches = Vec::with_capacity(rows.len());
    for row in rows.iter().filter(|row| !judged.contains(&row.unique)) {
        let verdict = Verdict::from_code(row.verdict);
        let ids =
            OfferId::new(i64::from(row.offer)).ok().zip(AffiliateId::new(i64::from(row.affiliate)).ok());
        let ((offer, affiliate), verdict) = ids
            .zip(verdict)
            .ok_or_else(|| Fault::Corrupt("a touch without offer, affiliate or verdict".into()))?;
        let touch = Touch {
            unique: UniqueNumber::from_bits(row.unique),
            at: UnixMillis(row.millis),
            advertiser,
            offer,
            affiliate,
            link: LinkId::new(i64::from(row.link)).ok(),
            class: verdict.class,
        };
        touches.push((row.visitor_key, touch));
    }
    Ok(touches)
}

/// Which of these numbers were judged.
async fn judged(client: &Client, numbers: Vec<u64>) -> Result<Vec<u64>, Fault> {
    let sql = "SELECT unique FROM judgements WHERE unique IN {numbers:Array(UInt64)}";
    let parameters = Parameters::default().unsigned_list("numbers", numbers);
    client.rows(sql, |query| quick(parameters.bind(query))).await
}

#[derive(Debug, Row, Deserialize)]
struct CountRow {
    seconds: u32,
    offer: u32,
    affiliate: u32,
    clicks: i64,
}

pub(crate) async fn unique_clicks(
    client: &Client,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<Vec<ClickCount>, Fault> {
    // Hours that start in the period, to their ends.
    let start = |at: UnixMillis| UnixMillis(at.get().saturating_add(HOUR_MS - 1)).hour();
    let parameters = Parameters::default().hours(from, to).period(start(from), start(to));
    let which = "kind = 1 AND offer > 0 AND affiliate > 0";
    let sql = format!(
        "SELECT toUnixTimestamp(hour) AS seconds, offer, affiliate, sum(n) AS clicks FROM (
             SELECT toStartOfHour(at) AS hour, offer, affiliate, -toInt64(count()) AS n FROM judgements FINAL
             WHERE {PERIOD} AND {which} AND answered = 0 GROUP BY hour, offer, affiliate
             UNION ALL
             SELECT hour, offer, affiliate, sum(toInt64(n)) AS n FROM click_hours
             WHERE {HOURS} AND {which} AND verdict = 0 GROUP BY hour, offer, affiliate)
         GROUP BY hour, offer, affiliate HAVING clicks > 0 ORDER BY hour, offer, affiliate"
    );
    let rows: Vec<CountRow> = client
        .rows(&sql, |query| {
            parameters.bind(query).with_setting("do_not_merge_across_partitions_select_final", "1")
        })
        .await?;
    let count = |row: CountRow| {
        let ids =
            OfferId::new(i64::from(row.offer)).ok().zip(AffiliateId::new(i64::from(row.affiliate)).ok());
        let (offer, affiliate) = ids.ok_or_else(|| Fault::Corrupt("a count without its offer".into()))?;
        let hour = UnixMillis(i64::from(row.seconds) * 1_000);
        Ok(ClickCount { hour, offer, affiliate, clicks: u64::try_from(row.clicks).unwrap_or_default() })
    };
    rows.into_iter().map(count).collect()
}

#[derive(Debug, Row, Deserialize)]
struct TallyRow {
    edge: u16,
    stream: u8,
    begin: u64,
    end: u64,
    clicks: u64,
    impressions: u64,
    gaps: Vec<(u64, u64)>,
}

pub(crate) async fn tallies(client: &Client) -> Result<Vec<Tally>, Fault> {
    let sql = "SELECT edge, stream, min(first) AS begin, max(last) AS end, sum(clicks) AS clicks,
             sum(impressions) AS impressions,
             arraySort(groupArrayIf((before + 1, toUInt64(first - 1)), before > 0 AND first > before + 1)) AS gaps
         FROM (SELECT edge, stream, first, last, clicks, impressions, max(last) OVER (
             PARTITION BY edge, stream ORDER BY first ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
             FROM batches FINAL)
         GROUP BY edge, stream ORDER BY edge, stream";
    let rows: Vec<TallyRow> = client.rows(sql, |query| query).await?;
    let tally = |row: TallyRow| Tally {
        stream: StreamId { edge: row.edge, stream: row.stream },
        first: row.begin,
        last: row.end,
        clicks: row.clicks,
        impressions: row.impressions,
        gaps: row.gaps,
    };
    Ok(rows.into_iter().map(tally).collect())
}

/// The time of the newest click stored. Partitions know theirs, so that no row is read.
pub(crate) async fn newest_at(client: &Client) -> Result<Option<UnixMillis>, Fault> {
    let sql = "SELECT if(count() = 0, NULL, toUnixTimestamp64Milli(max(at))) AS millis FROM clicks";
    let newest: Option<i64> = client.row(sql, quick).await?;
    if newest.is_some() {
        return Ok(newest.map(UnixMillis));
    }
    // Retention has deleted all of them, or there never were any.
    let sql = "SELECT if(count() = 0, NULL, toUnixTimestamp64Milli(max(newest_at))) AS millis FROM batches
        WHERE clicks + impressions > 0";
    let newest: Option<i64> = client.row(sql, |query| query).await?;
    Ok(newest.map(UnixMillis))
}

#[derive(Debug, Row, Deserialize)]
struct RecentRow {
    visitor_key: u64,
    pseudonym: u64,
    offer: u32,
    millis: i64,
}

/// Day by day, backwards, until there are enough.
pub(crate) async fn recent(
    client: &Client,
    since: UnixMillis,
    limit: usize,
) -> Result<Vec<RecentClick>, Fault> {
    let mut recent = Vec::new();
    let Some(newest) = newest_at(client).await? else { return Ok(recent) };
    let mut end = UnixMillis(newest.get().div_euclid(DAY_MS).saturating_add(1) * DAY_MS);
    let sql = format!(
        "SELECT visitor_key, pseudonym, offer, toUnixTimestamp64Milli(at) AS millis FROM clicks
         WHERE {PERIOD} AND kind = 1 AND verdict = 0 AND offer > 0
         AND unique GLOBAL NOT IN (SELECT unique FROM judgements WHERE {PERIOD})
         ORDER BY at DESC LIMIT {{room:UInt64}}"
    );
    // Clicks are not older than the time of clicks.
    let since = since.max(UnixMillis(0));
    while recent.len() < limit && end > since {
        let start = end.plus(-DAY_MS);
        let room = u64::try_from(limit - recent.len()).unwrap_or(u64::MAX);
        let parameters = Parameters::default().period(start.max(since), end).unsigned("room", room);
        let rows: Vec<RecentRow> = client.rows(&sql, |query| parameters.bind(query)).await?;
        for row in rows {
            let offer = OfferId::new(i64::from(row.offer))
                .map_err(|error| Fault::Corrupt(format!("a click's offer: {error}")))?;
            let RecentRow { visitor_key, pseudonym, millis, .. } = row;
            recent.push(RecentClick { visitor_key, pseudonym, offer, at: UnixMillis(millis) });
        }
        end = start;
    }
    Ok(recent)
}
