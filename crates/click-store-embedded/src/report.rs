//! Counting reports: from sums by the hour where they hold what is asked, else from the rows.

use hopline_click_store::plan::{self, CLICK_HOURS, Rollup, Rows, SUB_HOURS, Term};
use hopline_money::Currency;
use hopline_report::{Basis, Counters, Dimension, ReportQuery, ReportRows, RowFold, Segment, Value};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params_from_iter};

use crate::batch;
use crate::day::Day;
use crate::fact::{BY_CLICK, BY_CONVERSION};
use crate::fault::Fault;
use crate::lookups;
use crate::query::{self, Conditions};
use crate::reader::Reader;

/// Segments counted by one statement over raw rows.
const SEGMENTS_PER_SCAN: usize = 64;

/// Sums by the hour of clicks, and of facts.
const CLICK_ROLLUPS: [Rollup; 2] = [CLICK_HOURS, SUB_HOURS];
const FACT_ROLLUPS: [Rollup; 1] = [Rollup {
    table: "fact_hours",
    columns: &["advertiser", "offer", "goal", "affiliate", "link", "status"],
}];

/// One way to count: a table whose rows have a time, and what is summed.
struct Plan<'q> {
    query: &'q ReportQuery,
    rows: Rows,
    table: &'static str,
    time: &'static str,
    others: Vec<Dimension>,
    conditions: Conditions,
}

pub(crate) fn count(reader: &mut Reader, query: &ReportQuery) -> Result<ReportRows, Fault> {
    let segments = query.segments();
    let is_hourly = plan::is_hourly(&segments);
    let mut fold = RowFold::default();
    // One snapshot for clicks and facts.
    reader.main().execute_batch("BEGIN")?;
    let counted = count_all(reader, query, &segments, is_hourly, &mut fold);
    reader.main().execute_batch("COMMIT")?;
    let raw_missing_before = counted?;
    let fresh_until = lookups::newest_at(reader.main())?;
    Ok(ReportRows { rows: fold.finish(), fresh_until, raw_missing_before })
}

/// Returns the time before which raw clicks were needed but are gone.
fn count_all(
    reader: &mut Reader,
    query: &ReportQuery,
    segments: &[Segment],
    is_hourly: bool,
    fold: &mut RowFold,
) -> Result<Option<hopline_types::UnixMillis>, Fault> {
    let facts = fact_plan(query, is_hourly);
    count_segments(&facts, reader.main(), segments, is_hourly, fold)?;
    let rollup = Rollup::holding(query, Rows::Clicks, &CLICK_ROLLUPS);
    if let Some(rollup) = rollup.filter(|_| is_hourly) {
        let clicks = Plan::new(query, Rows::Clicks, rollup.table, "hour");
        count_segments(&clicks, reader.main(), segments, is_hourly, fold)?;
        return Ok(None);
    }
    let clicks = Plan::new(query, Rows::Clicks, "(SELECT *, 1 AS n FROM clicks)", "at");
    for day in reader.list_days()? {
        let overlapping: Vec<Segment> = segments
            .iter()
            .filter(|segment| segment.from < day.end() && segment.to > day.start())
            .cloned()
            .collect();
        if overlapping.is_empty() {
            continue;
        }
        if let Some(connection) = reader.day(day)? {
            for some in overlapping.chunks(SEGMENTS_PER_SCAN) {
                clicks.count(connection, some, fold)?;
            }
        }
    }
    let raw_from = batch::raw_from(reader.main())?;
    Ok(raw_from.filter(|from| *from > Day::of(query.from).start()))
}

/// Hourly sums are counted piece by piece: the key begins with the hour. Rows in runs of pieces.
fn count_segments(
    plan: &Plan<'_>,
    connection: &Connection,
    segments: &[Segment],
    is_hourly: bool,
    fold: &mut RowFold,
) -> Result<(), Fault> {
    let at_once = if is_hourly { 1 } else { SEGMENTS_PER_SCAN };
    for some in segments.chunks(at_once) {
        plan.count(connection, some, fold)?;
    }
    Ok(())
}

fn fact_plan(query: &ReportQuery, is_hourly: bool) -> Plan<'_> {
    let rollup = Rollup::holding(query, Rows::Facts, &FACT_ROLLUPS);
    let (basis, time) = match query.basis {
        Basis::Click => (BY_CLICK, "clicked_at"),
        Basis::Conversion => (BY_CONVERSION, "converted_at"),
    };
    let mut plan = if let Some(rollup) = rollup.filter(|_| is_hourly) {
        let mut plan = Plan::new(query, Rows::Facts, rollup.table, "hour");
        plan.conditions.equal("basis", Sql::Integer(basis));
        plan
    } else {
        Plan::new(query, Rows::Facts, "facts", time)
    };
    if let Some(currency) = query.currency {
        plan.conditions.equal("currency", Sql::Text(currency.code().to_owned()));
    }
    plan
}

impl<'q> Plan<'q> {
    fn new(query: &'q ReportQuery, rows: Rows, table: &'static str, time: &'static str) -> Self {
        let others = plan::groups(query).collect();
        let conditions = Conditions::new(&query.filters, query.scope, rows);
        Self { query, rows, table, time, others, conditions }
    }

    /// Counts neighbouring segments with one statement.
    fn count(&self, connection: &Connection, segments: &[Segment], fold: &mut RowFold) -> Result<(), Fault> {
        let (Some(first), Some(last)) = (segments.first(), segments.last()) else { return Ok(()) };
        let sql = self.sql(segments.len());
        let ends = segments.iter().take(segments.len() - 1).map(|segment| segment.to.get());
        let parameters = ends.chain([first.from.get(), last.to.get()]).map(Sql::Integer);
        let parameters = parameters.chain(self.conditions.parameters.iter().cloned());
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        while let Some(row) = rows.next()? {
            let segment: usize = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
            let Some(segment) = segments.get(segment) else { continue };
            let mut others: Vec<Value> = Vec::with_capacity(self.others.len());
            for (column, dimension) in (1..).zip(&self.others) {
                others.push(query::read(*dimension, self.rows, row, column)?);
            }
            let column = 1 + self.others.len();
            let (currency, counters) = match self.rows {
                Rows::Clicks => (None, click_counters(row, column)?),
                Rows::Facts => (Some(currency(row, column)?), fact_counters(row, column + 1)?),
            };
            fold.add(self.query.key(segment, others), currency, &counters);
        }
        Ok(())
    }

    fn sql(&self, segments: usize) -> String {
        let mut columns = piece(self.time, segments);
        for dimension in &self.others {
            columns += ", ";
            columns += query::expression(Term::of(*dimension, self.rows));
        }
        let (sums, more) = match self.rows {
            Rows::Clicks => (click_sums(), 0),
            Rows::Facts => (fact_sums(), 1),
        };
        let groups: Vec<String> =
            (1..=1 + self.others.len() + more).map(|column| column.to_string()).collect();
        let (table, time, conditions, groups) =
            (self.table, self.time, &self.conditions.sql, groups.join(", "));
        format!(
            "SELECT {columns}, {sums} FROM {table} WHERE {time} >= ? AND {time} < ?{conditions} GROUP BY {groups}"
        )
    }
}

/// The number of the segment that a row lies in: segments are neighbours, so their ends tell.
fn piece(time: &str, segments: usize) -> String {
    if segments == 1 {
        return "0".to_owned();
    }
    let whens: String = (0..segments - 1).map(|segment| format!(" WHEN {time} < ? THEN {segment}")).collect();
    format!("CASE{whens} ELSE {} END", segments - 1)
}

fn click_sums() -> String {
    plan::CLICK_COUNTS.map(|counted| format!("sum(({counted}) * n)")).join(", ")
}

fn fact_sums() -> String {
    let columns = plan::FACT_COUNTS.iter().chain(&plan::FACT_MONEY);
    columns.fold("currency".to_owned(), |sums, column| format!("{sums}, sum({column})"))
}

fn click_counters(row: &Row<'_>, at: usize) -> rusqlite::Result<Counters> {
    Ok(plan::click_counters(columns(row, at)?))
}

fn fact_counters(row: &Row<'_>, at: usize) -> rusqlite::Result<Counters> {
    let counts = columns(row, at)?;
    let money = columns::<4>(row, at + counts.len())?;
    Ok(plan::fact_counters(counts, money.map(i128::from)))
}

/// The numbers in the columns from `at` on.
fn columns<const N: usize>(row: &Row<'_>, at: usize) -> rusqlite::Result<[i64; N]> {
    let mut numbers = [0; N];
    for (column, number) in (at..).zip(&mut numbers) {
        *number = row.get(column)?;
    }
    Ok(numbers)
}

fn currency(row: &Row<'_>, column: usize) -> Result<Currency, Fault> {
    let code: String = row.get(column)?;
    Currency::new(&code).map_err(|error| Fault::Corrupt(error.to_string()))
}
