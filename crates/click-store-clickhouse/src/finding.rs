//! Findings: clicks that become invalid after they were stored.
//!
//! `clicks` stays as it was answered; what a finding takes hold of gets a row in `judgements`. The finding is noted first, then
//! applied to what is stored; a batch is stored first, then judged by the findings that are noted. Whichever way the two
//! cross, one of them sees the other, and both writing the same row is harmless.
//!
//! Findings have places in the order in which they were noted. Of several that are about a click the first wins: the version of its row is
//! the highest.

use clickhouse::Row;
use clickhouse::query::Query;
use hopline_click_store::{ClickStoreError, Reclassified, Reclassify, Records};
use hopline_types::{AffiliateId, ClickFilter, FindingId, OfferId, Reason, UnixMillis, Verdict};
use serde::Deserialize;

use crate::client::Client;
use crate::fault::Fault;
use crate::store::Range;

const COLUMNS: &str = "id, place, offer, affiliate, toUnixTimestamp64Milli(from_at) AS since, toUnixTimestamp64Milli(to_at) AS until,
    reason, filter, clicks";
/// What a judgement copies of its click.
const COPIED: &str = "unique, at, kind, visitor_key, advertiser, offer, affiliate, link, sub1, sub2, sub3, sub4, sub5, sub6,
    sub7, sub8, sub9, sub10, source, country, region, device, os, browser, language, referrer_host, landing_page, creative,
    code, network";

#[derive(Debug, Row, Deserialize)]
struct Noted {
    id: i64,
    place: u64,
    offer: u32,
    affiliate: u32,
    since: i64,
    until: i64,
    reason: u8,
    filter: String,
    clicks: Option<u64>,
}

/// A finding and its place among them.
#[derive(Debug)]
struct Placed {
    finding: Reclassify,
    place: u64,
    clicks: Option<u64>,
}

impl Noted {
    fn read(self) -> Result<Placed, Fault> {
        let wrong = |what: &str| Fault::Corrupt(format!("finding {} has no {what}", self.id));
        let finding = Reclassify {
            id: FindingId::new(self.id).map_err(|_| wrong("id"))?,
            offer: OfferId::new(i64::from(self.offer)).map_err(|_| wrong("offer"))?,
            affiliate: AffiliateId::new(i64::from(self.affiliate)).map_err(|_| wrong("affiliate"))?,
            from: UnixMillis(self.since),
            to: UnixMillis(self.until),
            filter: serde_json::from_str(&self.filter).map_err(|_| wrong("filter"))?,
            reason: Reason::from_code(self.reason).ok_or_else(|| wrong("reason"))?,
        };
        Ok(Placed { finding, place: self.place, clicks: self.clicks })
    }
}

pub(crate) async fn apply(client: &Client, finding: Reclassify) -> Result<Reclassified, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM findings FINAL WHERE id = ?");
    let id = finding.id.get();
    let noted: Vec<Noted> = client.rows(&sql, |query| query.bind(id)).await?;
    let place = match noted.into_iter().next().map(Noted::read).transpose()? {
        Some(known) if known.finding != finding => {
            return Err(ClickStoreError::FindingRefused { finding: finding.id }.into());
        }
        Some(Placed { clicks: Some(clicks), .. }) => return Ok(Reclassified { clicks }),
        Some(Placed { place, .. }) => place,
        None => {
            let sql =
                "SELECT greatest(toUInt64(toUnixTimestamp64Micro(now64(6))), max(place) + 1) FROM findings";
            let place = client.row(sql, |query| query).await?;
            note(client, &finding, place, None).await?;
            place
        }
    };
    judge_by(client, &Placed { finding: finding.clone(), place, clicks: None }, None).await?;
    let sql = "SELECT count() FROM judgements FINAL WHERE finding = ?
        AND at >= fromUnixTimestamp64Milli(?, 'UTC') AND at < fromUnixTimestamp64Milli(?, 'UTC')";
    let clicks: u64 =
        client.row(sql, |query| query.bind(id).bind(finding.from.get()).bind(finding.to.get())).await?;
    note(client, &finding, place, Some(clicks)).await?;
    Ok(Reclassified { clicks })
}

async fn note(client: &Client, finding: &Reclassify, place: u64, clicks: Option<u64>) -> Result<(), Fault> {
    let sql = "INSERT INTO findings (id, place, offer, affiliate, from_at, to_at, reason, filter, clicks, version)
        VALUES (?, ?, ?, ?, fromUnixTimestamp64Milli(?, 'UTC'), fromUnixTimestamp64Milli(?, 'UTC'), ?, ?, ?, ?)";
    let filter = serde_json::to_string(&finding.filter).expect("a filter is plain data");
    let version = if clicks.is_some() { 2 } else { 1 };
    client
        .run(sql, |query| {
            query
                .bind(finding.id.get())
                .bind(place)
                .bind(finding.offer.get())
                .bind(finding.affiliate.get())
                .bind(finding.from.get())
                .bind(finding.to.get())
                .bind(finding.reason.code())
                .bind(filter.as_str())
                .bind(clicks)
                .bind(version)
        })
        .await
}

/// Judges rows that were just stored by the findings noted so far.
pub(crate) async fn judge(client: &Client, records: &Records, range: Range) -> Result<(), Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM findings FINAL
         WHERE to_at > fromUnixTimestamp64Milli(?, 'UTC') AND from_at <= fromUnixTimestamp64Milli(?, 'UTC')"
    );
    let noted: Vec<Noted> =
        client.rows(&sql, |query| query.bind(range.oldest_at.get()).bind(range.newest_at.get())).await?;
    for noted in noted {
        let placed = noted.read()?;
        if concerns(&placed.finding, records) {
            judge_by(client, &placed, Some(range)).await?;
        }
    }
    Ok(())
}

/// Whether a finding is about the affiliate and the offer of one of these clicks.
fn concerns(finding: &Reclassify, records: &Records) -> bool {
    let id = |number: i64| u32::try_from(number).unwrap_or(0).to_be_bytes();
    let (offer, affiliate) = (id(finding.offer.get()), id(finding.affiliate.get()));
    records.iter().any(|click| {
        let token = click.view.token();
        token.get(8..12) == Some(&offer) && token.get(12..16) == Some(&affiliate)
    })
}

/// Writes the judgements that are missing. The same question as [`Reclassify::hits`].
async fn judge_by(client: &Client, placed: &Placed, range: Option<Range>) -> Result<(), Fault> {
    let Placed { finding, place, .. } = placed;
    let ClickFilter { source, sub1, referrer_host, country, network } = &finding.filter;
    let within = range.map_or_else(String::new, |range| format!(" AND {}", range.condition()));
    let texts = [("source", source), ("sub1", sub1), ("referrer_host", referrer_host), ("country", country)];
    let asked: Vec<(&str, &str)> =
        texts.iter().filter_map(|(column, text)| Some((*column, text.as_deref()?))).collect();
    let mut filter: String = asked.iter().map(|(column, _)| format!(" AND {column} = ?")).collect();
    if let Some(network) = network {
        filter += &format!(" AND network = {network}");
    }
    let period = "at >= fromUnixTimestamp64Milli(?, 'UTC') AND at < fromUnixTimestamp64Milli(?, 'UTC')";
    let sql = format!(
        "INSERT INTO judgements (finding, version, verdict, answered, {COPIED})
         SELECT ?, ?, ?, verdict, {COPIED} FROM clicks
         WHERE kind = 1 AND verdict IN ({}, {}) AND offer = ? AND affiliate = ? AND {period}{filter}{within}
         AND unique GLOBAL NOT IN (SELECT unique FROM judgements WHERE {period}{within} AND version >= ?)
         SETTINGS max_partitions_per_insert_block = 0, parallel_distributed_insert_select = 0",
        Verdict::UNIQUE.code(),
        Verdict::DUPLICATE.code(),
    );
    let version = u64::MAX - place;
    let times = |query: Query| query.bind(finding.from.get()).bind(finding.to.get());
    client
        .run(&sql, |query| {
            let query = query.bind(finding.id.get()).bind(version).bind(finding.verdict().code());
            let query = times(query.bind(finding.offer.get()).bind(finding.affiliate.get()));
            let query = asked.iter().fold(query, |query, (_, text)| query.bind(*text));
            times(query).bind(version)
        })
        .await
}
