//! Storing a batch: raw rows first, then counts and progress in one transaction.

use std::collections::{BTreeMap, BTreeSet};

use hopline_click_store::{ClickBatch, ClickStoreError, Stored, StoredClick, StreamId};
use hopline_fault::{Point, point};
use hopline_types::{Class, UnixMillis, Verdict};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::day::Day;
use crate::fault::{Fault, unsigned};
use crate::finding;
use crate::raw::{self, Judged};
use crate::writer::Files;

/// The last record id stored of a stream.
pub(crate) fn progress(main: &Connection, stream: StreamId) -> Result<Option<u64>, Fault> {
    let sql = "SELECT last FROM streams WHERE edge = ?1 AND stream = ?2";
    let last: Option<i64> =
        main.prepare_cached(sql)?.query_row((stream.edge, stream.stream), |row| row.get(0)).optional()?;
    last.map(unsigned).transpose()
}

/// `clicks` are those of the batch, taken apart: that need not be done on the writing thread.
pub(crate) fn store(files: &mut Files, batch: &ClickBatch, clicks: &[StoredClick]) -> Result<Stored, Fault> {
    if let Some(reason) = batch.contradiction() {
        return Err(refused(batch, reason));
    }
    let progress = progress(files.main(), batch.stream)?;
    let is_stored = |click: &&StoredClick| progress.is_some_and(|last| click.unique.record() <= last);
    let (before, missing): (Vec<&StoredClick>, Vec<&StoredClick>) = clicks.iter().partition(is_stored);
    let raw_from = raw_from(files.main())?;
    compare(files, batch, &before, raw_from)?;
    if progress.is_some_and(|last| batch.last <= last) {
        return Ok(Stored::Before);
    }
    let missing = finding::judge(files.main(), &missing)?;
    insert_raw(files, batch, &missing, raw_from)?;
    point(Point::StoreRawAfter)?;
    let transaction = files.main().transaction()?;
    advance(&transaction, batch, progress, &missing)?;
    Sums::of(&missing).add_to(&transaction)?;
    insert_touches(&transaction, &missing)?;
    point(Point::StoreCommitBefore)?;
    transaction.commit()?;
    point(Point::StoreCommitAfter)?;
    Ok(Stored::Now)
}

/// Raw clicks before this have been deleted by retention.
pub(crate) fn raw_from(main: &Connection) -> Result<Option<UnixMillis>, Fault> {
    let raw_from: Option<i64> =
        main.prepare_cached("SELECT raw_from FROM state")?.query_row([], |row| row.get(0))?;
    Ok(raw_from.map(UnixMillis))
}

pub(crate) fn refused(batch: &ClickBatch, reason: String) -> Fault {
    let (stream, first, last) = (batch.stream, batch.first, batch.last);
    ClickStoreError::BatchRefused { stream, first, last, reason }.into()
}

/// Clicks at or before the progress must be those that are stored.
fn compare(
    files: &mut Files,
    batch: &ClickBatch,
    before: &[&StoredClick],
    raw_from: Option<UnixMillis>,
) -> Result<(), Fault> {
    for click in before {
        if raw_from.is_some_and(|from| click.at < from) || Day::of(click.at).date().is_none() {
            continue;
        }
        let stored = raw::token(files.day(Day::of(click.at))?, click.unique)?;
        if stored.as_deref() != Some(click.token.as_slice()) {
            let reason = format!("record {} is not the one stored under its number", click.unique.record());
            return Err(refused(batch, reason));
        }
    }
    Ok(())
}

pub(crate) fn insert_raw(
    files: &mut Files,
    batch: &ClickBatch,
    clicks: &[Judged<'_>],
    raw_from: Option<UnixMillis>,
) -> Result<(), Fault> {
    let record_refused = |click: &StoredClick, reason: String| -> Fault {
        let record = click.unique.record();
        ClickStoreError::RecordRefused { stream: batch.stream, record, reason }.into()
    };
    let mut days: BTreeMap<Day, Vec<&Judged<'_>>> = BTreeMap::new();
    for judged in clicks {
        let click = judged.click;
        let day = Day::of(click.at);
        if day.date().is_none() {
            return Err(record_refused(click, "its time lies after the year 9999".into()));
        }
        if raw_from.is_none_or(|from| click.at >= from) {
            days.entry(day).or_default().push(judged);
        }
    }
    for (day, clicks) in days {
        let transaction = files.day(day)?.transaction()?;
        for judged in clicks {
            if !raw::insert(&transaction, judged)? {
                let reason = format!("another click is stored under its number {}", judged.click.unique);
                return Err(record_refused(judged.click, reason));
            }
        }
        transaction.commit()?;
    }
    Ok(())
}

/// Writes the stream's progress, tallies and gaps.
fn advance(
    main: &Transaction<'_>,
    batch: &ClickBatch,
    progress: Option<u64>,
    clicks: &[Judged<'_>],
) -> Result<(), Fault> {
    let StreamId { edge, stream } = batch.stream;
    let [first, last] = [batch.first, batch.last].map(u64::cast_signed);
    if let Some(before) = progress
        && batch.first > before + 1
    {
        let gap = params![edge, stream, (before + 1).cast_signed(), first - 1];
        main.prepare_cached("INSERT INTO gaps VALUES (?1, ?2, ?3, ?4)")?.execute(gap)?;
    }
    let impressions = clicks.iter().filter(|judged| judged.click.is_impression).count();
    let [clicks_n, impressions_n] = [clicks.len() - impressions, impressions].map(signed);
    main.prepare_cached(
        "INSERT INTO streams (edge, stream, first, last, clicks, impressions) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (edge, stream) DO UPDATE SET last = excluded.last, clicks = clicks + excluded.clicks,
         impressions = impressions + excluded.impressions",
    )?
    .execute(params![edge, stream, first, last, clicks_n, impressions_n])?;
    let newest = clicks.iter().map(|judged| judged.click.at.get()).max();
    main.prepare_cached(
        "UPDATE state SET version = version + 1,
         newest_at = max(coalesce(newest_at, ?1), coalesce(?1, newest_at))",
    )?
    .execute([newest])?;
    Ok(())
}

pub(crate) fn signed(count: usize) -> i64 {
    i64::try_from(count).expect("a batch holds fewer than 2^63 clicks")
}

pub(crate) fn insert_touches(main: &Transaction<'_>, clicks: &[Judged<'_>]) -> Result<(), Fault> {
    let wins = |judged: &&Judged<'_>| judged.finding.is_none() && judged.click.is_touch();
    let mut touches: Vec<&StoredClick> = clicks.iter().filter(wins).map(|judged| judged.click).collect();
    // In the table's order, so that neighbours are written together.
    touches.sort_unstable_by_key(|click| (click.visitor_key.cast_signed(), click.advertiser, click.at));
    let mut insert = main.prepare_cached(
        "INSERT INTO touches (visitor_key, advertiser, at, click, offer, affiliate, link, verdict)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
    )?;
    for click in touches {
        insert.execute(params![
            click.visitor_key.cast_signed(),
            raw::number(click.advertiser),
            click.at.get(),
            click.unique.bits().cast_signed(),
            raw::number(click.offer),
            raw::number(click.affiliate),
            raw::number(click.link),
            click.verdict.code(),
        ])?;
    }
    Ok(())
}

/// A batch's clicks, counted before they are written.
#[derive(Default)]
pub(crate) struct Sums<'a> {
    links: BTreeMap<(Group, i64, i64, u8), i64>,
    subs: BTreeMap<(Group, &'a str, i64, u8), i64>,
    hours_with_unique: BTreeSet<i64>,
}

/// Hour, advertiser, offer, affiliate.
type Group = (i64, i64, i64, i64);

impl<'a> Sums<'a> {
    pub(crate) fn of(clicks: &[Judged<'a>]) -> Self {
        let mut sums = Self::default();
        for Judged { click, verdict, .. } in clicks {
            let hour = click.at.hour().get();
            let group =
                (hour, raw::number(click.advertiser), raw::number(click.offer), raw::number(click.affiliate));
            let (kind, code) = (raw::kind(click), verdict.code());
            *sums.links.entry((group, raw::number(click.link), kind, code)).or_default() += 1;
            let [sub1, ..] = &click.dims.subs;
            *sums.subs.entry((group, sub1, kind, code)).or_default() += 1;
            if !click.is_impression && verdict.class == Class::Unique {
                sums.hours_with_unique.insert(hour);
            }
        }
        sums
    }

    pub(crate) fn add_to(&self, main: &Transaction<'_>) -> Result<(), Fault> {
        let mut add = main.prepare_cached(
            "INSERT INTO click_hours VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for (((hour, advertiser, offer, affiliate), link, kind, verdict), n) in &self.links {
            add.execute(params![hour, advertiser, offer, affiliate, link, kind, verdict, n])?;
        }
        let mut add = main.prepare_cached(
            "INSERT INTO sub_hours VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for (((hour, advertiser, offer, affiliate), sub1, kind, verdict), n) in &self.subs {
            add.execute(params![hour, advertiser, offer, affiliate, sub1, kind, verdict, n])?;
        }
        change_hours(main, &self.hours_with_unique)
    }
}

/// Notes that the unique clicks of hours have changed with the state's version.
pub(crate) fn change_hours(main: &Transaction<'_>, hours: &BTreeSet<i64>) -> Result<(), Fault> {
    let mut change = main.prepare_cached(
        "INSERT INTO hour_versions SELECT ?1, version FROM state WHERE true
         ON CONFLICT DO UPDATE SET version = excluded.version",
    )?;
    for hour in hours {
        change.execute([hour])?;
    }
    Ok(())
}

/// The verdict byte of unique clicks in tables.
pub(crate) const UNIQUE: u8 = Verdict::UNIQUE.code();
