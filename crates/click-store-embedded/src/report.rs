//! Counting reports: from sums by the hour where they hold what is asked, else from the rows.

use hopline_money::Currency;
use hopline_report::{Basis, Counters, Dimension, ReportQuery, ReportRows, RowFold, Segment, Value};
use hopline_types::HOUR_MS;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params_from_iter};

use crate::batch;
use crate::day::Day;
use crate::fact::{BY_CLICK, BY_CONVERSION};
use crate::fault::Fault;
use crate::lookups;
use crate::query::{self, Conditions, Rows};
use crate::reader::Reader;

/// Segments counted by one statement over raw rows.
const SEGMENTS_PER_SCAN: usize = 64;

const CLICK_SUMS: &str = "sum((kind = 1) * n), sum((kind = 1 AND verdict = 0) * n), \
    sum((kind = 1 AND verdict = 1) * n), sum((kind = 1 AND verdict >= 2) * n), sum((kind = 2) * n)";
const FACT_SUMS: &str = "currency, sum(conversions), sum(events), sum(sales), sum(leads), sum(installs), \
    sum(approved), sum(rejected), sum(reversed), sum(revenue_minor), sum(payout_minor), \
    sum(gross_sales_minor), sum(refunds_minor)";

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
    let is_hourly = segments
        .iter()
        .all(|segment| [segment.from, segment.to].iter().all(|at| at.get().rem_euclid(HOUR_MS) == 0));
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
    if let Some(table) = click_hours_table(query).filter(|_| is_hourly) {
        let clicks = Plan::new(query, Rows::Clicks, table, "hour");
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

fn click_hours_table(query: &ReportQuery) -> Option<&'static str> {
    let tables: [(&str, &[&str]); 2] = [
        ("click_hours", &["advertiser", "offer", "affiliate", "link", "verdict"]),
        ("sub_hours", &["advertiser", "offer", "affiliate", "sub1", "verdict"]),
    ];
    let holds = |columns: &[&str]| {
        dimensions(query).all(|dimension| query::is_constant_or_in(dimension, Rows::Clicks, columns))
    };
    tables.iter().find(|(_, columns)| holds(columns)).map(|(table, _)| *table)
}

fn fact_plan(query: &ReportQuery, is_hourly: bool) -> Plan<'_> {
    let columns = ["advertiser", "offer", "goal", "affiliate", "link", "status"];
    let is_in_hours = is_hourly
        && dimensions(query).all(|dimension| query::is_constant_or_in(dimension, Rows::Facts, &columns));
    let (basis, time) = match query.basis {
        Basis::Click => (BY_CLICK, "clicked_at"),
        Basis::Conversion => (BY_CONVERSION, "converted_at"),
    };
    let mut plan = if is_in_hours {
        let mut plan = Plan::new(query, Rows::Facts, "fact_hours", "hour");
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

/// Dimensions besides time that are grouped or filtered by.
fn dimensions(query: &ReportQuery) -> impl Iterator<Item = Dimension> {
    let grouped = query.group_by.iter().copied().filter(|dimension| !dimension.is_time());
    grouped.chain(query.filters.keys().copied())
}

impl<'q> Plan<'q> {
    fn new(query: &'q ReportQuery, rows: Rows, table: &'static str, time: &'static str) -> Self {
        let others = query.group_by.iter().copied().filter(|dimension| !dimension.is_time()).collect();
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
                others.push(query::read(*dimension, row, column)?);
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
            columns += query::expression(*dimension, self.rows);
        }
        let (sums, more) = match self.rows {
            Rows::Clicks => (CLICK_SUMS, 0),
            Rows::Facts => (FACT_SUMS, 1),
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

fn click_counters(row: &Row<'_>, at: usize) -> rusqlite::Result<Counters> {
    Ok(Counters {
        gross_clicks: row.get(at)?,
        unique_clicks: row.get(at + 1)?,
        duplicate_clicks: row.get(at + 2)?,
        invalid_clicks: row.get(at + 3)?,
        impressions: row.get(at + 4)?,
        ..Counters::default()
    })
}

fn fact_counters(row: &Row<'_>, at: usize) -> rusqlite::Result<Counters> {
    let money = |column: usize| row.get::<_, i64>(at + column).map(i128::from);
    Ok(Counters {
        conversions: row.get(at)?,
        events: row.get(at + 1)?,
        sales: row.get(at + 2)?,
        leads: row.get(at + 3)?,
        installs: row.get(at + 4)?,
        approved: row.get(at + 5)?,
        rejected: row.get(at + 6)?,
        reversed: row.get(at + 7)?,
        revenue_minor: money(8)?,
        payout_minor: money(9)?,
        gross_sales_minor: money(10)?,
        refunds_minor: money(11)?,
        ..Counters::default()
    })
}

fn currency(row: &Row<'_>, column: usize) -> Result<Currency, Fault> {
    let code: String = row.get(column)?;
    Currency::new(&code).map_err(|error| Fault::Corrupt(error.to_string()))
}
