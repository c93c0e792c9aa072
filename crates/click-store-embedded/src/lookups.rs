//! Everything that is read besides reports.

use std::collections::BTreeMap;

use hopline_click_store::plan::Rows;
use hopline_click_store::{
    ChangedHours, ClickCount, ClickCursor, ClickPage, RecentClick, StoredClick, StreamId, Tally, Touch,
};
use hopline_clickid::UniqueNumber;
use hopline_report::ClickQuery;
use hopline_types::{AdvertiserId, AffiliateId, LinkId, OfferId, UnixMillis, Verdict};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use crate::batch;
use crate::day::Day;
use crate::fault::{Fault, unsigned};
use crate::query::Conditions;
use crate::raw;
use crate::reader::Reader;

pub(crate) fn find_click(
    reader: &mut Reader,
    unique: UniqueNumber,
    at: UnixMillis,
) -> Result<Option<StoredClick>, Fault> {
    let Some(day) = reader.day(Day::of(at))? else { return Ok(None) };
    let sql = format!("SELECT {} FROM clicks WHERE id = ?1", raw::COLUMNS);
    let id = unique.bits().cast_signed();
    Ok(day.prepare_cached(&sql)?.query_row([id], raw::read).optional()?)
}

pub(crate) fn touches(
    main: &Connection,
    visitor_key: u64,
    advertiser: AdvertiserId,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<Vec<Touch>, Fault> {
    let mut statement = main.prepare_cached(
        "SELECT click, at, offer, affiliate, link, verdict FROM touches
         WHERE visitor_key = ?1 AND advertiser = ?2 AND at >= ?3 AND at < ?4 ORDER BY at, click",
    )?;
    let parameters = params![visitor_key.cast_signed(), advertiser.get(), from.get(), to.get()];
    let mut rows = statement.query(parameters)?;
    let mut touches = Vec::new();
    while let Some(row) = rows.next()? {
        let verdict = Verdict::from_code(row.get(5)?);
        let touch = (OfferId::new(row.get(2)?).ok()).zip(AffiliateId::new(row.get(3)?).ok()).zip(verdict);
        let ((offer, affiliate), verdict) =
            touch.ok_or_else(|| Fault::Corrupt("a touch without offer, affiliate or verdict".into()))?;
        touches.push(Touch {
            unique: UniqueNumber::from_bits(row.get::<_, i64>(0)?.cast_unsigned()),
            at: UnixMillis(row.get(1)?),
            advertiser,
            offer,
            affiliate,
            link: LinkId::new(row.get(4)?).ok(),
            class: verdict.class,
        });
    }
    Ok(touches)
}

pub(crate) fn unique_clicks(
    main: &Connection,
    from: UnixMillis,
    to: UnixMillis,
) -> Result<Vec<ClickCount>, Fault> {
    let mut statement = main.prepare_cached(
        "SELECT hour, offer, affiliate, sum(n) FROM click_hours
         WHERE hour >= ?1 AND hour < ?2 AND kind = ?3 AND verdict = ?4 AND offer > 0 AND affiliate > 0
         GROUP BY hour, offer, affiliate ORDER BY hour, offer, affiliate",
    )?;
    let mut rows = statement.query(params![from.get(), to.get(), raw::CLICK, batch::UNIQUE])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        let ids = OfferId::new(row.get(1)?).ok().zip(AffiliateId::new(row.get(2)?).ok());
        let (offer, affiliate) = ids.ok_or_else(|| Fault::Corrupt("a count without its offer".into()))?;
        counts.push(ClickCount {
            hour: UnixMillis(row.get(0)?),
            offer,
            affiliate,
            clicks: unsigned(row.get(3)?)?,
        });
    }
    Ok(counts)
}

pub(crate) fn changed_hours(main: &Connection, since: u64) -> Result<ChangedHours, Fault> {
    let mut statement =
        main.prepare_cached("SELECT hour, version FROM hour_versions WHERE version > ?1 ORDER BY hour")?;
    let mut rows = statement.query([i64::try_from(since).unwrap_or(i64::MAX)])?;
    let mut changed = ChangedHours { version: since, hours: Vec::new() };
    while let Some(row) = rows.next()? {
        changed.hours.push(UnixMillis(row.get(0)?));
        // The newest among those listed, so that nothing stored meanwhile is skipped.
        changed.version = changed.version.max(unsigned(row.get(1)?)?);
    }
    Ok(changed)
}

pub(crate) fn page(
    reader: &mut Reader,
    query: &ClickQuery,
    after: Option<ClickCursor>,
    limit: usize,
) -> Result<ClickPage, Fault> {
    let conditions = Conditions::new(&query.filters, query.scope, Rows::Clicks);
    let sql = format!(
        "SELECT {} FROM clicks WHERE id > ? AND at >= ? AND at < ?{} ORDER BY id LIMIT ?",
        raw::COLUMNS,
        conditions.sql
    );
    let first = after.map_or(Day::of(query.from), |after| Day(after.day));
    let mut page = ClickPage::default();
    for day in reader.list_days()? {
        if day < first || day.start() >= query.to || page.clicks.len() >= limit {
            continue;
        }
        let Some(connection) = reader.day(day)? else { continue };
        let behind = after.filter(|after| after.day == day.0).map(|after| after.after.bits().cast_signed());
        let room = i64::try_from(limit - page.clicks.len()).unwrap_or(i64::MAX);
        let parameters = [behind.unwrap_or(i64::MIN), query.from.get(), query.to.get()].map(Sql::Integer);
        let parameters = parameters.into_iter().chain(conditions.parameters.iter().cloned());
        let mut statement = connection.prepare_cached(&sql)?;
        let clicks = statement
            .query_map(params_from_iter(parameters.chain([Sql::Integer(room)])), raw::read)?
            .collect::<Result<Vec<_>, _>>()?;
        page.clicks.extend(clicks);
    }
    if page.clicks.len() >= limit {
        let cursor = |click: &StoredClick| ClickCursor { day: Day::of(click.at).0, after: click.unique };
        page.next = page.clicks.last().map(cursor);
    }
    Ok(page)
}

pub(crate) fn tallies(main: &Connection) -> Result<Vec<Tally>, Fault> {
    let mut gaps: BTreeMap<StreamId, Vec<(u64, u64)>> = BTreeMap::new();
    let mut statement = main.prepare_cached("SELECT edge, stream, first, last FROM gaps ORDER BY first")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let stream = StreamId { edge: row.get(0)?, stream: row.get(1)? };
        gaps.entry(stream).or_default().push((unsigned(row.get(2)?)?, unsigned(row.get(3)?)?));
    }
    let mut statement = main.prepare_cached(
        "SELECT edge, stream, first, last, clicks, impressions FROM streams ORDER BY edge, stream",
    )?;
    let mut rows = statement.query([])?;
    let mut tallies = Vec::new();
    while let Some(row) = rows.next()? {
        let stream = StreamId { edge: row.get(0)?, stream: row.get(1)? };
        tallies.push(Tally {
            stream,
            first: unsigned(row.get(2)?)?,
            last: unsigned(row.get(3)?)?,
            clicks: unsigned(row.get(4)?)?,
            impressions: unsigned(row.get(5)?)?,
            gaps: gaps.remove(&stream).unwrap_or_default(),
        });
    }
    Ok(tallies)
}

/// The time of the newest click stored.
pub(crate) fn newest_at(main: &Connection) -> Result<Option<UnixMillis>, Fault> {
    let newest: Option<i64> =
        main.prepare_cached("SELECT newest_at FROM state")?.query_row([], |row| row.get(0))?;
    Ok(newest.map(UnixMillis))
}

pub(crate) fn recent(
    reader: &mut Reader,
    since: UnixMillis,
    limit: usize,
) -> Result<Vec<RecentClick>, Fault> {
    let mut recent = Vec::new();
    for day in reader.list_days()?.into_iter().rev() {
        if day.end() <= since || recent.len() >= limit {
            continue;
        }
        let Some(connection) = reader.day(day)? else { continue };
        let mut statement = connection.prepare_cached(
            "SELECT visitor_key, offer, at, pseudonym FROM clicks
             WHERE at >= ?1 AND kind = ?2 AND verdict = ?3 AND offer > 0 ORDER BY at DESC LIMIT ?4",
        )?;
        let room = i64::try_from(limit - recent.len()).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![since.get(), raw::CLICK, batch::UNIQUE, room])?;
        while let Some(row) = rows.next()? {
            let offer = OfferId::new(row.get(1)?)
                .map_err(|error| Fault::Corrupt(format!("a click's offer: {error}")))?;
            recent.push(RecentClick {
                visitor_key: row.get::<_, i64>(0)?.cast_unsigned(),
                offer,
                at: UnixMillis(row.get(2)?),
                pseudonym: row.get::<_, i64>(3)?.cast_unsigned(),
            });
        }
    }
    Ok(recent)
}
