//! Raw clicks: by their numbers, and in pages.

use std::collections::{BTreeMap, BTreeSet};

use clickhouse::Row;
use hopline_click_store::plan::{Condition, Rows, Term};
use hopline_click_store::{ClickCursor, ClickPage, Dims, StoredClick};
use hopline_clickid::{TOKEN_BYTES, UniqueNumber};
use hopline_record::Flags;
use hopline_report::ClickQuery;
use hopline_types::{AdvertiserId, AffiliateId, FindingId, HOUR_MS, LinkId, OfferId, UnixMillis, Verdict};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use crate::client::Client;
use crate::fault::Fault;
use crate::lookups::quick;
use crate::query::{self, PERIOD, Parameters};

const DAY_MS: i64 = 24 * HOUR_MS;
/// Clicks that a click id can name end in the year 10889, the store's in 2299.
const DAY_MAX: i64 = 120_529;

const COLUMNS: &str = "unique, kind, toUnixTimestamp64Milli(at) AS millis, advertiser, offer, affiliate, link, verdict,
    visitor_key, pseudonym, network, flags, status, rule_version, code,
    [sub1, sub2, sub3, sub4, sub5, sub6, sub7, sub8, sub9, sub10] AS subs, source, country, region, device, os, browser,
    language, referrer_host, landing_page, creative, ext, email_hash, detail, deep_link, consent, token";

/// A row of [`COLUMNS`].
#[derive(Debug, Row, Deserialize)]
struct RawRow {
    unique: u64,
    kind: u8,
    millis: i64,
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
    subs: Vec<String>,
    source: String,
    country: String,
    region: String,
    device: String,
    os: String,
    browser: String,
    language: String,
    referrer_host: String,
    landing_page: String,
    creative: String,
    ext: String,
    email_hash: String,
    detail: String,
    deep_link: String,
    consent: String,
    token: Token,
}

/// What a finding made of a click.
#[derive(Debug, Row, Deserialize)]
struct Judged {
    unique: u64,
    finding: i64,
    verdict: u8,
}

type Judgements = BTreeMap<u64, Judged>;

impl RawRow {
    fn read(self, judged: Option<&Judged>) -> Result<StoredClick, Fault> {
        let code = judged.map_or(self.verdict, |judged| judged.verdict);
        let unique = UniqueNumber::from_bits(self.unique);
        let verdict = Verdict::from_code(code).ok_or_else(|| {
            Fault::Corrupt(format!("click {unique} has verdict {code}, which does not exist"))
        })?;
        let subs: [String; hopline_record::SUB_COUNT] =
            self.subs.try_into().map_err(|_| Fault::Corrupt("a click without its own parameters".into()))?;
        Ok(StoredClick {
            unique,
            is_impression: self.kind == 2,
            at: UnixMillis(self.millis),
            offer: OfferId::new(i64::from(self.offer)).ok(),
            affiliate: AffiliateId::new(i64::from(self.affiliate)).ok(),
            link: LinkId::new(i64::from(self.link)).ok(),
            advertiser: AdvertiserId::new(i64::from(self.advertiser)).ok(),
            verdict,
            visitor_key: self.visitor_key,
            pseudonym: self.pseudonym,
            network: self.network,
            flags: Flags(self.flags),
            status: self.status,
            rule_version: self.rule_version,
            code: self.code,
            dims: Dims {
                subs,
                source: self.source,
                country: self.country,
                region: self.region,
                device: self.device,
                os: self.os,
                browser: self.browser,
                referrer_host: self.referrer_host,
                landing_page: self.landing_page,
                creative: self.creative,
            },
            ext: self.ext,
            email_hash: self.email_hash,
            language: self.language,
            detail: self.detail,
            deep_link: self.deep_link,
            consent: self.consent,
            token: self.token.0,
            finding: judged.and_then(|judged| FindingId::new(judged.finding).ok()),
        })
    }
}

/// Many clicks by number and day, in the order asked for.
pub(crate) async fn find(
    client: &Client,
    asked: &[(UniqueNumber, UnixMillis)],
) -> Result<Vec<Option<StoredClick>>, Fault> {
    let days: BTreeSet<i64> = asked.iter().map(|(_, at)| day_of(*at)).collect();
    let (Some(first), Some(last)) = (days.first().copied(), days.last().copied()) else {
        return Ok(Vec::new());
    };
    let numbers: Vec<u64> = asked.iter().map(|(unique, _)| unique.bits()).collect();
    let mut sql =
        format!("SELECT {COLUMNS} FROM clicks WHERE unique IN {{numbers:Array(UInt64)}} AND {PERIOD}");
    if days.len() > 1 {
        // The days in between are not looked at.
        sql += " AND toYYYYMMDD(at) IN (SELECT toYYYYMMDD(toDate32(arrayJoin({days:Array(Int64)}))))";
    }
    let parameters = Parameters::default()
        .unsigned_list("numbers", numbers.clone())
        .period(start_of(first), start_of(last.saturating_add(1)))
        .numbers("days", days.into_iter().collect());
    let (rows, judged) = tokio::try_join!(
        client.rows::<RawRow>(&sql, |query| quick(parameters.bind(query))),
        judgements(client, numbers)
    )?;
    let mut found = BTreeMap::new();
    for row in rows {
        let click = row.read(None)?;
        found.insert((click.unique, day_of(click.at)), click);
    }
    let mut clicks = Vec::with_capacity(asked.len());
    for (unique, at) in asked {
        let click = found.get(&(*unique, day_of(*at))).cloned();
        clicks.push(click.map(|click| judge(click, &judged)).transpose()?);
    }
    Ok(clicks)
}

fn judge(click: StoredClick, judged: &Judgements) -> Result<StoredClick, Fault> {
    let Some(judged) = judged.get(&click.unique.bits()) else { return Ok(click) };
    let verdict = Verdict::from_code(judged.verdict)
        .ok_or_else(|| Fault::Corrupt(format!("a finding with verdict {}", judged.verdict)))?;
    Ok(StoredClick { verdict, finding: FindingId::new(judged.finding).ok(), ..click })
}

/// What findings made of these clicks.
async fn judgements(client: &Client, numbers: Vec<u64>) -> Result<Judgements, Fault> {
    let sql = "SELECT unique, finding, verdict FROM judgements FINAL WHERE unique IN {numbers:Array(UInt64)}";
    let parameters = Parameters::default().unsigned_list("numbers", numbers);
    let rows: Vec<Judged> = client.rows(sql, |query| quick(parameters.bind(query))).await?;
    Ok(rows.into_iter().map(|row| (row.unique, row)).collect())
}

/// By day, and within a day by number: that is how the rows lie, so that a page reads little more than its rows.
pub(crate) async fn page(
    client: &Client,
    query: &ClickQuery,
    after: Option<ClickCursor>,
    limit: usize,
) -> Result<ClickPage, Fault> {
    let raw_from = crate::lookups::mark(client, "raw_from").await?;
    let from = raw_from.map_or(query.from, |raw_from| query.from.max(raw_from));
    let first = after.map_or(day_of(from), |after| after.day.max(day_of(from)));
    let mut page = ClickPage::default();
    if from >= query.to {
        return Ok(page);
    }
    let last = day_of(UnixMillis(query.to.get().saturating_sub(1)));
    for day in days(client, first, last).await? {
        if page.clicks.len() >= limit {
            break;
        }
        let behind = after.filter(|after| after.day == day).map(|after| after.after.bits());
        let period = (start_of(day).max(from), start_of(day + 1).min(query.to));
        let room = limit - page.clicks.len();
        page.clicks.extend(part(client, query, period, behind, room).await?);
    }
    if page.clicks.len() >= limit {
        let cursor = |click: &StoredClick| ClickCursor { day: day_of(click.at), after: click.unique };
        page.next = page.clicks.last().map(cursor);
    }
    Ok(page)
}

/// The days that have clicks, ascending. Partitions know theirs, so that no row is read.
async fn days(client: &Client, first: i64, last: i64) -> Result<Vec<i64>, Fault> {
    let sql = "SELECT toYYYYMMDD(at) AS day FROM clicks
        WHERE toYYYYMMDD(at) >= toYYYYMMDD(toDate32({first:Int64})) AND toYYYYMMDD(at) <= toYYYYMMDD(toDate32({last:Int64}))
        GROUP BY day ORDER BY day";
    let sql = format!("SELECT toInt64(toDate32(toString(day))) AS day FROM ({sql})");
    let parameters =
        Parameters::default().number("first", first.clamp(0, DAY_MAX)).number("last", last.clamp(0, DAY_MAX));
    client.rows(&sql, |query| quick(parameters.bind(query))).await
}

/// Clicks of a day beyond a number.
async fn part(
    client: &Client,
    query: &ClickQuery,
    (from, to): (UnixMillis, UnixMillis),
    behind: Option<u64>,
    room: usize,
) -> Result<Vec<StoredClick>, Fault> {
    let room = u64::try_from(room).unwrap_or(u64::MAX);
    let mut parameters = Parameters::default().period(from, to).unsigned("room", room);
    let mut sql = format!("SELECT {COLUMNS} FROM clicks WHERE {PERIOD}");
    if let Some(behind) = behind {
        parameters = parameters.unsigned("behind", behind);
        sql += " AND unique > {behind:UInt64}";
    }
    let is_of_verdict = |condition: &Condition| matches!(condition.term, Term::Class | Term::Reason);
    let list = Condition::list(&query.filters, query.scope, Rows::Clicks);
    let (of_verdict, others): (Vec<_>, Vec<_>) = list.into_iter().partition(is_of_verdict);
    sql += &query::conditions(&others, "verdict", "other", &mut parameters);
    if !of_verdict.is_empty() {
        // Judged clicks pass by what they were judged to be, the others by what they were answered as.
        let passes = query::conditions(&of_verdict, "verdict", "verdict", &mut parameters);
        sql += &format!(
            " AND ((unique GLOBAL NOT IN (SELECT unique FROM judgements WHERE {PERIOD}){passes})
             OR unique GLOBAL IN (SELECT unique FROM judgements FINAL WHERE {PERIOD}{passes}))"
        );
    }
    sql += " ORDER BY unique LIMIT {room:UInt64}";
    let rows: Vec<RawRow> = client.rows(&sql, |query| parameters.bind(query)).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let judged = judgements(client, rows.iter().map(|row| row.unique).collect()).await?;
    rows.into_iter()
        .map(|row| {
            let judged = judged.get(&row.unique);
            row.read(judged)
        })
        .collect()
}

const fn day_of(at: UnixMillis) -> i64 {
    at.get().div_euclid(DAY_MS)
}

const fn start_of(day: i64) -> UnixMillis {
    UnixMillis(day.saturating_mul(DAY_MS))
}

/// A click id's bytes: `FixedString(45)`.
#[derive(Debug)]
struct Token([u8; TOKEN_BYTES]);

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;

        impl<'de> Visitor<'de> for Bytes {
            type Value = Token;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{TOKEN_BYTES} bytes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Token, A::Error> {
                let mut token = [0; TOKEN_BYTES];
                for (place, byte) in token.iter_mut().enumerate() {
                    *byte = bytes.next_element()?.ok_or_else(|| A::Error::invalid_length(place, &self))?;
                }
                Ok(Token(token))
            }
        }

        deserializer.deserialize_tuple(TOKEN_BYTES, Bytes)
    }
}
