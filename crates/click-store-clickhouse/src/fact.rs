//! Facts: those whose ids are not stored yet are inserted.
//!
//! All columns of a fact are the same whenever it is sent, so its id, its offer and its time tell where it would be. Two senders at
//! once may both insert it: it has the same key then and counts once, as facts are read `FINAL`.

use std::collections::{BTreeSet, HashSet};

use bytes::Bytes;
use hopline_click_store::{ClickStoreError, Fact};
use hopline_types::UnixMillis;

use crate::client::Client;
use crate::fault::Fault;
use crate::query::Parameters;

const COLUMNS: &str = "fact_id, conversion, booked_at, converted_at, clicked_at, has_click, advertiser, offer, goal, goal_key,
    goal_kind, affiliate, link, status, currency, coupon, sub1, sub2, sub3, sub4, sub5, sub6, sub7, sub8, sub9, sub10, source,
    country, region, device, os, browser, referrer_host, landing_page, creative, conversions, events, sales, leads, installs,
    approved, rejected, reversed, revenue_minor, payout_minor, gross_sales_minor, refunds_minor";

/// Times that the columns hold: 1900-01-01 to 2299-12-31.
const TIMES: std::ops::RangeInclusive<i64> = -2_208_988_800_000..=10_413_791_999_999;

pub(crate) async fn store(client: &Client, facts: &[Fact]) -> Result<u64, Fault> {
    if facts.is_empty() {
        return Ok(0);
    }
    let mut known = stored(client, facts).await?;
    let mut body = Vec::with_capacity(facts.len() * 256);
    let mut stored = 0;
    for fact in facts {
        if known.insert(fact.fact_id.clone()) {
            write(fact, &mut body)?;
            stored += 1;
        }
    }
    if stored > 0 {
        let sql = format!("INSERT INTO facts ({COLUMNS}) FORMAT RowBinary");
        client.insert(&sql, &[Bytes::from(body)], &[("max_partitions_per_insert_block", "0")]).await?;
    }
    Ok(stored)
}

/// The ids among these that are stored.
async fn stored(client: &Client, facts: &[Fact]) -> Result<HashSet<String>, Fault> {
    let ids = facts.iter().map(|fact| fact.fact_id.clone()).collect();
    let offers: BTreeSet<i64> = facts.iter().map(|fact| fact.offer.get()).collect();
    let advertisers: BTreeSet<i64> = facts.iter().map(|fact| fact.advertiser.get()).collect();
    let times = || facts.iter().map(|fact| fact.converted_at.get());
    let sql = "SELECT fact_id FROM facts
        WHERE advertiser IN {advertisers:Array(Int64)} AND offer IN {offers:Array(Int64)}
        AND converted_at >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')
        AND converted_at <= fromUnixTimestamp64Milli({newest:Int64}, 'UTC') AND fact_id IN {ids:Array(String)}";
    let within = |time: Option<i64>| time.unwrap_or(0).clamp(*TIMES.start(), *TIMES.end());
    let parameters = Parameters::default()
        .numbers("advertisers", advertisers.into_iter().collect())
        .numbers("offers", offers.into_iter().collect())
        .number("oldest", within(times().min()))
        .number("newest", within(times().max()))
        .texts("ids", ids);
    let found: Vec<String> = client.rows(sql, |query| parameters.bind(query)).await?;
    Ok(found.into_iter().collect())
}

/// A row of [`COLUMNS`] in `RowBinary`: little-endian numbers, texts behind their lengths.
fn write(fact: &Fact, row: &mut Vec<u8>) -> Result<(), Fault> {
    let (dims, deltas) = (&fact.dims, &fact.deltas);
    let refused = |what: &str, given: i64| {
        let reason = format!("fact {}: its {what} {given} does not fit", fact.fact_id);
        Fault::Said(ClickStoreError::Failed { doing: "store facts", retryable: false, source: reason.into() })
    };
    let id = |what, id: i64| u32::try_from(id).map_err(|_| refused(what, id));
    let time = |what, at: UnixMillis| {
        if TIMES.contains(&at.get()) { Ok(at.get()) } else { Err(refused(what, at.get())) }
    };
    let mut row = Writer { row };
    row.text(&fact.fact_id);
    row.signed(fact.conversion.get());
    row.signed(time("booking time", fact.booked_at)?);
    row.signed(time("time", fact.converted_at)?);
    row.signed(time("click's time", fact.click_basis_at())?);
    row.byte(u8::from(fact.clicked_at.is_some()));
    row.id(id("advertiser", fact.advertiser.get())?);
    row.id(id("offer", fact.offer.get())?);
    row.signed(fact.goal.get());
    row.text(&fact.goal_key);
    row.byte(fact.goal_kind.code());
    row.id(id("affiliate", fact.affiliate.map_or(0, Into::into))?);
    row.id(id("link", fact.link.map_or(0, Into::into))?);
    row.byte(fact.status.code());
    row.text(fact.currency.code());
    row.text(&fact.coupon);
    for sub in &dims.subs {
        row.text(sub);
    }
    for text in [
        &dims.source,
        &dims.country,
        &dims.region,
        &dims.device,
        &dims.os,
        &dims.browser,
        &dims.referrer_host,
        &dims.landing_page,
        &dims.creative,
    ] {
        row.text(text);
    }
    for delta in [
        deltas.conversions,
        deltas.events,
        deltas.sales,
        deltas.leads,
        deltas.installs,
        deltas.approved,
        deltas.rejected,
        deltas.reversed,
        deltas.revenue_minor,
        deltas.payout_minor,
        deltas.gross_sales_minor,
        deltas.refunds_minor,
    ] {
        row.signed(delta);
    }
    Ok(())
}

struct Writer<'a> {
    row: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn byte(&mut self, byte: u8) {
        self.row.push(byte);
    }

    fn id(&mut self, id: u32) {
        self.row.extend_from_slice(&id.to_le_bytes());
    }

    fn signed(&mut self, number: i64) {
        self.row.extend_from_slice(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        let mut length = text.len();
        while length >= 0x80 {
            self.row.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
            length >>= 7;
        }
        self.row.push(u8::try_from(length).expect("what is left has seven bits"));
        self.row.extend_from_slice(text.as_bytes());
    }
}
