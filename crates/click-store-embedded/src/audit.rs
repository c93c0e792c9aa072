//! Recounting raw rows and facts, and comparing with what is kept of them.

use std::collections::{BTreeMap, BTreeSet};

use hopline_click_store::{AuditOutcome, Tally};
use hopline_clickid::{RECORD_MAX, UniqueNumber};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use crate::batch;
use crate::day::Day;
use crate::fault::{Fault, unsigned};
use crate::finding;
use crate::lookups;
use crate::reader::Reader;

/// Key columns of a row of sums, as text, and its sums.
type Sums = BTreeMap<String, Vec<i64>>;

pub(crate) fn check(reader: &mut Reader) -> Result<AuditOutcome, Fault> {
    // The counts are read as of now; raw rows that come later lie beyond the progress read here.
    reader.main().execute_batch("BEGIN")?;
    let outcome = compare(reader);
    reader.main().execute_batch("COMMIT")?;
    outcome
}

fn compare(reader: &mut Reader) -> Result<AuditOutcome, Fault> {
    let tallies = lookups::tallies(reader.main())?;
    let stored = Stored::up_to(&tallies);
    let raw_from = batch::raw_from(reader.main())?;
    let verdict = finding::verdict_as_of(reader.main())?;
    let mut days: BTreeSet<Day> = days_with_counts(reader.main())?;
    days.extend(reader.list_days()?);
    let mut recounted: BTreeMap<(i64, i64), u64> = BTreeMap::new();
    for day in days {
        if raw_from.is_some_and(|from| day.start() < from) {
            continue;
        }
        for (table, last_column) in [("click_hours", "link"), ("sub_hours", "sub1")] {
            let kept = kept_of_day(reader.main(), table, last_column, day)?;
            let counted = match reader.day(day)? {
                Some(connection) => count_day(connection, last_column, &verdict, &stored)?,
                None => Sums::new(),
            };
            if let Some(difference) = difference(table, &counted, &kept) {
                return Ok(AuditOutcome::Differs(difference));
            }
        }
        if let Some(connection) = reader.day(day)? {
            for (stream, kind, rows) in count_streams(connection, &stored)? {
                *recounted.entry((stream, kind)).or_default() += rows;
            }
        }
    }
    let difference = stored.difference(&tallies, &recounted, raw_from.is_some());
    if let Some(difference) =
        difference.map_or_else(|| totals(reader.main(), &tallies), |found| Ok(Some(found)))?
    {
        return Ok(AuditOutcome::Differs(difference));
    }
    let (facts, difference) = check_facts(reader.main())?;
    Ok(match difference {
        Some(difference) => AuditOutcome::Differs(difference),
        None => AuditOutcome::Sound { clicks: recounted.values().sum(), facts },
    })
}

/// The raw rows up to each stream's progress, as a condition.
pub(crate) struct Stored {
    pub(crate) condition: String,
    pub(crate) parameters: Vec<Sql>,
}

impl Stored {
    pub(crate) fn up_to(tallies: &[Tally]) -> Self {
        let mut parameters = Vec::new();
        let mut ranges = vec!["false"];
        for tally in tallies {
            let number = |record: u64| {
                let unique =
                    UniqueNumber::new(tally.stream.edge, tally.stream.stream, record.min(RECORD_MAX));
                unique.expect("the record id is cut to its limit").bits().cast_signed()
            };
            ranges.push("id BETWEEN ? AND ?");
            parameters.extend([number(0), number(tally.last)].map(Sql::Integer));
        }
        Self { condition: ranges.join(" OR "), parameters }
    }

    /// Rows may be fewer than the tally says only where retention has deleted some.
    fn difference(
        &self,
        tallies: &[Tally],
        recounted: &BTreeMap<(i64, i64), u64>,
        may_be_fewer: bool,
    ) -> Option<String> {
        tallies.iter().find_map(|tally| {
            let key = i64::from(tally.stream.edge) << 8 | i64::from(tally.stream.stream);
            [(1, tally.clicks, "clicks"), (2, tally.impressions, "impressions")].into_iter().find_map(
                |(kind, kept, what)| {
                    let counted = recounted.get(&(key, kind)).copied().unwrap_or(0);
                    let stream = tally.stream;
                    (counted > kept || counted < kept && !may_be_fewer)
                        .then(|| format!("stream {stream} has {kept} {what} in its tally, {counted} rows"))
                },
            )
        })
    }
}

/// Counts by the hour are kept for ever: over all hours they add up to the tallies, whatever retention has deleted.
fn totals(main: &Connection, tallies: &[Tally]) -> Result<Option<String>, Fault> {
    let kinds: [(i64, &str, u64); 2] = [
        (1, "clicks", tallies.iter().map(|tally| tally.clicks).sum()),
        (2, "impressions", tallies.iter().map(|tally| tally.impressions).sum()),
    ];
    for table in ["click_hours", "sub_hours"] {
        for (kind, what, tallied) in kinds {
            let sql = format!("SELECT coalesce(sum(n), 0) FROM {table} WHERE kind = ?1");
            let kept = unsigned(main.query_row(&sql, [kind], |row| row.get(0))?)?;
            if kept != tallied {
                return Ok(Some(format!("{table} holds {kept} {what}, the streams' tallies {tallied}")));
            }
        }
    }
    Ok(None)
}

fn days_with_counts(main: &Connection) -> Result<BTreeSet<Day>, Fault> {
    let mut statement = main.prepare("SELECT DISTINCT hour FROM click_hours")?;
    let mut rows = statement.query([])?;
    let mut days = BTreeSet::new();
    while let Some(row) = rows.next()? {
        days.insert(Day::of(hopline_types::UnixMillis(row.get(0)?)));
    }
    Ok(days)
}

const KEY: &str = "' advertiser ' || advertiser || ' offer ' || offer || ' affiliate ' || affiliate";

fn kept_of_day(main: &Connection, table: &str, last: &str, day: Day) -> Result<Sums, Fault> {
    let sql = format!(
        "SELECT 'hour ' || hour || {KEY} || ' {last} ' || {last} || ' kind ' || kind || ' verdict ' || verdict, n
         FROM {table} WHERE hour >= ? AND hour < ?"
    );
    sums(main, &sql, vec![Sql::Integer(day.start().get()), Sql::Integer(day.end().get())])
}

fn count_day(day: &Connection, last: &str, verdict: &str, stored: &Stored) -> Result<Sums, Fault> {
    let condition = &stored.condition;
    // Times before 1970 do not get this far, so that division rounds down.
    let sql = format!(
        "SELECT 'hour ' || hour || {KEY} || ' {last} ' || {last} || ' kind ' || kind || ' verdict ' || verdict, n
         FROM (SELECT at / 3600000 * 3600000 AS hour, advertiser, offer, affiliate, {last}, kind,
               {verdict} AS verdict, count(*) AS n FROM clicks WHERE {condition} GROUP BY 1, 2, 3, 4, 5, 6, 7)"
    );
    sums(day, &sql, stored.parameters.clone())
}

fn sums(connection: &Connection, sql: &str, parameters: Vec<Sql>) -> Result<Sums, Fault> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query(params_from_iter(parameters))?;
    let mut sums = Sums::new();
    while let Some(row) = rows.next()? {
        let numbers = (1..columns).map(|column| row.get(column)).collect::<Result<Vec<i64>, _>>()?;
        sums.insert(row.get(0)?, numbers);
    }
    Ok(sums)
}

fn count_streams(day: &Connection, stored: &Stored) -> Result<Vec<(i64, i64, u64)>, Fault> {
    let condition = &stored.condition;
    let sql =
        format!("SELECT (id >> 40) & 0xffffff, kind, count(*) FROM clicks WHERE {condition} GROUP BY 1, 2");
    let mut statement = day.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(stored.parameters.iter()))?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        counts.push((row.get(0)?, row.get(1)?, unsigned(row.get(2)?)?));
    }
    Ok(counts)
}

fn check_facts(main: &Connection) -> Result<(u64, Option<String>), Fault> {
    const DELTAS: [&str; 12] = [
        "conversions",
        "events",
        "sales",
        "leads",
        "installs",
        "approved",
        "rejected",
        "reversed",
        "revenue_minor",
        "payout_minor",
        "gross_sales_minor",
        "refunds_minor",
    ];
    let facts = unsigned(main.query_row("SELECT count(*) FROM facts", [], |row| row.get(0))?)?;
    let key = format!(
        "hour || {KEY} || ' goal ' || goal || ' link ' || link || ' status ' || status || ' in ' || currency"
    );
    for (basis, time) in [(crate::fact::BY_CLICK, "clicked_at"), (crate::fact::BY_CONVERSION, "converted_at")]
    {
        let kept = format!("SELECT {key}, {} FROM fact_hours WHERE basis = ?", DELTAS.join(", "));
        let kept = sums(main, &kept, vec![Sql::Integer(basis)])?;
        let summed: Vec<String> = DELTAS.iter().map(|delta| format!("sum({delta}) AS {delta}")).collect();
        let counted = format!(
            "SELECT {key}, {} FROM (SELECT {time} / 3600000 * 3600000 AS hour, advertiser, offer, affiliate,
             goal, link, status, currency, {} FROM facts GROUP BY 1, 2, 3, 4, 5, 6, 7, 8)",
            DELTAS.join(", "),
            summed.join(", ")
        );
        let counted = sums(main, &counted, Vec::new())?;
        if let Some(difference) = difference("fact_hours", &counted, &kept) {
            return Ok((facts, Some(difference)));
        }
    }
    Ok((facts, None))
}

/// The first key whose sums differ.
fn difference(table: &str, counted: &Sums, kept: &Sums) -> Option<String> {
    let keys: BTreeSet<&String> = counted.keys().chain(kept.keys()).collect();
    keys.into_iter().find_map(|key| {
        let (counted, kept) = (counted.get(key), kept.get(key));
        (counted != kept).then(|| {
            let show =
                |sums: Option<&Vec<i64>>| sums.map_or("nothing".to_owned(), |sums| format!("{sums:?}"));
            format!("{table} holds {} for {key}, a recount of the rows gives {}", show(kept), show(counted))
        })
    })
}
