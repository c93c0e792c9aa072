//! Findings: clicks that become invalid after they were stored.
//!
//! Two steps, as for a batch: (1) in the files of the days the rows get their verdict, the finding's id and, as
//! `answered`, the verdict that they had; (2) in `clicks.db`, in one transaction, the counts of these rows move from the
//! one verdict to the other, their touches go, the finding is noted. Until it is noted the rows count as `answered`
//! (also for [`ClickStore::check`](hopline_click_store::ClickStore::check)); a crash in between is repaired by repetition.
//! Rows beyond a stream's progress are changed too, but were not counted: their batch comes again and is judged by the
//! findings that are noted then, as every later click is.

use hopline_click_store::{ClickStoreError, Reclassified, Reclassify, StoredClick};
use hopline_types::{AffiliateId, ClickFilter, FindingId, OfferId, Reason, UnixMillis, Verdict};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, Transaction, params, params_from_iter};

use crate::audit::Stored;
use crate::batch;
use crate::day;
use crate::fault::{Fault, unsigned};
use crate::lookups;
use crate::raw::{self, Judged};
use crate::writer::Files;

macro_rules! select {
    () => {
        "SELECT id, offer, affiliate, from_at, to_at, reason, filter, clicks FROM findings"
    };
}

pub(crate) fn apply(files: &mut Files, finding: &Reclassify) -> Result<Reclassified, Fault> {
    if let Some((known, clicks)) = noted(files.main(), finding.id)? {
        if known != *finding {
            return Err(ClickStoreError::FindingRefused { finding: finding.id }.into());
        }
        return Ok(Reclassified { clicks });
    }
    let stored = Stored::up_to(&lookups::tallies(files.main())?);
    let raw_from = batch::raw_from(files.main())?;
    let mut moved = Moved::default();
    for day in day::list(files.directory())? {
        let is_kept = raw_from.is_none_or(|from| day.start() >= from);
        if is_kept && day.start() < finding.to && day.end() > finding.from {
            mark(files.day(day)?, finding)?;
            moved.read(files.day(day)?, finding, &stored)?;
        }
    }
    let transaction = files.main().transaction()?;
    moved.move_to(&transaction, finding.verdict())?;
    let clicks = i64::try_from(moved.touches.len()).expect("fewer than 2^63 clicks");
    note(&transaction, finding, clicks)?;
    transaction.commit()?;
    Ok(Reclassified { clicks: unsigned(clicks)? })
}

/// Judges clicks that are about to be stored by the findings noted so far; the first one noted counts.
pub(crate) fn judge<'a>(main: &Connection, clicks: &[&'a StoredClick]) -> Result<Vec<Judged<'a>>, Fault> {
    let times = || clicks.iter().map(|click| click.at.get());
    let period = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    let findings = main
        .prepare_cached(concat!(select!(), " WHERE to_at > ?1 AND from_at <= ?2 ORDER BY place"))?
        .query_map(period, |row| read(row).map(|(finding, _)| finding))?
        .collect::<Result<Vec<Reclassify>, _>>()?;
    let judged = clicks.iter().map(|click| {
        let found = findings.iter().find(|finding| finding.hits(click));
        Judged {
            click,
            verdict: found.map_or(click.verdict, Reclassify::verdict),
            finding: found.map(|finding| finding.id),
        }
    });
    Ok(judged.collect())
}

/// An SQL expression: how a row counted when these findings were noted.
pub(crate) fn verdict_as_of(main: &Connection) -> Result<String, Fault> {
    let mut statement = main.prepare("SELECT id FROM findings ORDER BY place")?;
    let ids = statement.query_map([], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<String> = [0].into_iter().chain(ids).map(|id| id.to_string()).collect();
    Ok(format!("CASE WHEN finding IN ({}) THEN verdict ELSE answered END", ids.join(", ")))
}

fn read(row: &Row<'_>) -> rusqlite::Result<(Reclassify, i64)> {
    let id = |column| row.get::<_, i64>(column);
    let wrong = |column, number| rusqlite::Error::IntegralValueOutOfRange(column, number);
    let reason: u8 = row.get(5)?;
    let filter: String = row.get(6)?;
    let finding = Reclassify {
        id: FindingId::new(id(0)?).map_err(|error| wrong(0, error.given))?,
        offer: OfferId::new(id(1)?).map_err(|error| wrong(1, error.given))?,
        affiliate: AffiliateId::new(id(2)?).map_err(|error| wrong(2, error.given))?,
        from: UnixMillis(row.get(3)?),
        to: UnixMillis(row.get(4)?),
        filter: serde_json::from_str(&filter).map_err(|_| wrong(6, 0))?,
        reason: Reason::from_code(reason).ok_or_else(|| wrong(5, i64::from(reason)))?,
    };
    Ok((finding, row.get(7)?))
}

fn noted(main: &Connection, id: FindingId) -> Result<Option<(Reclassify, u64)>, Fault> {
    let mut statement = main.prepare_cached(concat!(select!(), " WHERE id = ?1"))?;
    let found = statement.query_map([id.get()], read)?.next().transpose()?;
    found.map(|(finding, clicks)| Ok((finding, unsigned(clicks)?))).transpose()
}

fn note(main: &Transaction<'_>, finding: &Reclassify, clicks: i64) -> Result<(), Fault> {
    let filter = serde_json::to_string(&finding.filter).expect("a filter is plain data");
    main.execute(
        "INSERT INTO findings (id, offer, affiliate, from_at, to_at, reason, filter, clicks)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            finding.id.get(),
            finding.offer.get(),
            finding.affiliate.get(),
            finding.from.get(),
            finding.to.get(),
            finding.reason.code(),
            filter,
            clicks
        ],
    )?;
    Ok(())
}

/// The same question as [`Reclassify::hits`].
fn mark(day: &Connection, finding: &Reclassify) -> Result<(), Fault> {
    let ClickFilter { source, sub1, referrer_host, country, network } = &finding.filter;
    let mut sql = "UPDATE clicks SET answered = verdict, verdict = ?, finding = ? WHERE kind = ?
         AND verdict IN (?, ?) AND offer = ? AND affiliate = ? AND at >= ? AND at < ?"
        .to_owned();
    let mut parameters: Vec<Sql> = [
        i64::from(finding.verdict().code()),
        finding.id.get(),
        raw::CLICK,
        i64::from(Verdict::UNIQUE.code()),
        i64::from(Verdict::DUPLICATE.code()),
        finding.offer.get(),
        finding.affiliate.get(),
        finding.from.get(),
        finding.to.get(),
    ]
    .map(Sql::Integer)
    .into();
    for (column, asked) in
        [("source", source), ("sub1", sub1), ("referrer_host", referrer_host), ("country", country)]
    {
        if let Some(asked) = asked {
            sql += &format!(" AND {column} = ?");
            parameters.push(Sql::Text(asked.clone()));
        }
    }
    if let Some(network) = network {
        sql += " AND network = ?";
        parameters.push(Sql::Integer(i64::from(*network)));
    }
    day.execute(&sql, params_from_iter(parameters))?;
    Ok(())
}

/// Hour, advertiser, offer, affiliate, link or `sub1`, the verdict that they had, how many.
type Count = (i64, i64, i64, i64, Sql, i64, i64);

/// Counted rows that a finding has taken hold of.
#[derive(Default)]
struct Moved {
    links: Vec<Count>,
    subs: Vec<Count>,
    /// Visitor, advertiser, time, number.
    touches: Vec<(i64, i64, i64, i64)>,
}

impl Moved {
    fn read(&mut self, day: &Connection, finding: &Reclassify, stored: &Stored) -> Result<(), Fault> {
        let condition = format!("finding = {} AND ({})", finding.id, stored.condition);
        for (last, counts) in [("link", &mut self.links), ("sub1", &mut self.subs)] {
            let sql = format!(
                "SELECT at / 3600000 * 3600000, advertiser, offer, affiliate, {last}, answered, count(*)
                 FROM clicks WHERE {condition} GROUP BY 1, 2, 3, 4, 5, 6"
            );
            let mut statement = day.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(stored.parameters.iter()))?;
            while let Some(row) = rows.next()? {
                counts.push((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ));
            }
        }
        let sql = format!("SELECT visitor_key, advertiser, at, id FROM clicks WHERE {condition}");
        let mut statement = day.prepare(&sql)?;
        let mut rows = statement.query(params_from_iter(stored.parameters.iter()))?;
        while let Some(row) = rows.next()? {
            self.touches.push((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        }
        Ok(())
    }

    fn move_to(&self, main: &Transaction<'_>, verdict: Verdict) -> Result<(), Fault> {
        for (table, last, counts) in [("click_hours", "link", &self.links), ("sub_hours", "sub1", &self.subs)]
        {
            let mut add = main.prepare(&format!(
                "INSERT INTO {table} (hour, advertiser, offer, affiliate, {last}, kind, verdict, n)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO UPDATE SET n = n + excluded.n"
            ))?;
            let mut clear = main.prepare(&format!(
                "DELETE FROM {table} WHERE hour = ?1 AND advertiser = ?2 AND offer = ?3 AND affiliate = ?4
                 AND {last} = ?5 AND kind = ?6 AND verdict = ?7 AND n = 0"
            ))?;
            for (hour, advertiser, offer, affiliate, last, answered, n) in counts {
                add.execute(params![hour, advertiser, offer, affiliate, last, raw::CLICK, answered, -n])?;
                let code = verdict.code();
                add.execute(params![hour, advertiser, offer, affiliate, last, raw::CLICK, code, n])?;
                clear.execute(params![hour, advertiser, offer, affiliate, last, raw::CLICK, answered])?;
            }
        }
        let mut forget = main.prepare(
            "DELETE FROM touches WHERE visitor_key = ?1 AND advertiser = ?2 AND at = ?3 AND click = ?4",
        )?;
        for touch in &self.touches {
            forget.execute(*touch)?;
        }
        let unique = i64::from(batch::UNIQUE);
        let hours = self.links.iter().filter(|count| count.5 == unique).map(|count| count.0);
        main.execute("UPDATE state SET version = version + 1", [])?;
        batch::change_hours(main, &hours.collect())
    }
}
