//! Counting reports: from sums by the hour where they hold what is asked, else from the rows.
//!
//! Rows and sums say what was answered. What findings changed since is added as differences out of `judgements`: -1 for what the click
//! was answered as, +1 for what it counts as now. They stand first in the statement, so that no difference is counted whose click is
//! not. One statement counts all pieces of time: each row is put to the piece whose start it is rounded down to.

use clickhouse::Row;
use hopline_click_store::plan::{self, CLICK_HOURS, Condition, PLACE_HOURS, Rollup, Rows, SUB_HOURS, Term};
use hopline_money::Currency;
use hopline_report::{Basis, Counters, ReportQuery, ReportRows, RowFold, Segment, Value};
use hopline_types::{HOUR_MS, UnixMillis};
use serde::Deserialize;

use crate::client::Client;
use crate::fault::Fault;
use crate::lookups;
use crate::query::{self, HOURS, PERIOD, Parameters};

const DAY_MS: i64 = 24 * HOUR_MS;
/// Sums by the hour of clicks.
const CLICK_ROLLUPS: [Rollup; 3] = [CLICK_HOURS, SUB_HOURS, PLACE_HOURS];

/// What is summed, and how it is written.
#[derive(Debug, Clone, Copy)]
struct Source {
    rows: Rows,
    /// Table, with what makes its rows final.
    from: &'static str,
    /// Milliseconds of a row.
    time: &'static str,
    /// Rows of the period.
    period: &'static str,
    /// The column that holds the verdict.
    verdict: &'static str,
    /// How many clicks a row stands for.
    n: &'static str,
}

const CLICKS: Source = Source {
    rows: Rows::Clicks,
    from: "clicks",
    time: "toUnixTimestamp64Milli(at)",
    period: PERIOD,
    verdict: "verdict",
    n: "toInt64(1)",
};
/// A click that was judged takes away what it was and adds what it is.
const JUDGEMENTS: Source = Source {
    from: "judgements FINAL ARRAY JOIN [answered, verdict] AS counted_as, [-1, 1] AS change",
    verdict: "counted_as",
    n: "toInt64(change)",
    ..CLICKS
};
const FACTS: Source = Source { rows: Rows::Facts, from: "facts FINAL", ..CLICKS };

/// Sums of clicks in one group.
#[derive(Debug, Row, Deserialize)]
struct ClickSums {
    piece: i64,
    numbers: Vec<i64>,
    texts: Vec<String>,
    counts: Vec<i64>,
}

/// Sums of facts in one group.
#[derive(Debug, Row, Deserialize)]
struct FactSums {
    piece: i64,
    numbers: Vec<i64>,
    texts: Vec<String>,
    code: String,
    counts: Vec<i64>,
    money: Vec<i128>,
}

pub(crate) async fn count(client: &Client, query: &ReportQuery) -> Result<ReportRows, Fault> {
    let segments = query.segments();
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        let fresh_until = lookups::newest_at(client).await?;
        return Ok(ReportRows { fresh_until, ..ReportRows::default() });
    };
    let pieces = Pieces { from: first.from, to: last.to, segments: &segments, query };
    let (clicks, facts, newest) = tokio::try_join!(
        count_clicks(client, &pieces),
        count_facts(client, &pieces),
        lookups::newest_at(client)
    )?;
    let (clicks, raw_missing_before) = clicks;
    let mut fold = RowFold::default();
    for row in clicks {
        let counts = array(row.counts)?;
        pieces.add(
            &mut fold,
            Rows::Clicks,
            (row.piece, row.numbers, row.texts),
            None,
            &plan::click_counters(counts),
        )?;
    }
    for row in facts {
        let currency = Currency::new(&row.code)
            .map_err(|error| Fault::Corrupt(format!("a fact's currency: {error}")))?;
        let counters = plan::fact_counters(array(row.counts)?, array(row.money)?);
        pieces.add(&mut fold, Rows::Facts, (row.piece, row.numbers, row.texts), Some(currency), &counters)?;
    }
    Ok(ReportRows { rows: fold.finish(), fresh_until: newest, raw_missing_before })
}

fn array<T, const N: usize>(numbers: Vec<T>) -> Result<[T; N], Fault> {
    numbers.try_into().map_err(|_| Fault::Corrupt(format!("a report's row has not {N} sums")))
}

/// Returns too the time before which raw clicks were needed but are gone.
async fn count_clicks(
    client: &Client,
    pieces: &Pieces<'_>,
) -> Result<(Vec<ClickSums>, Option<UnixMillis>), Fault> {
    let rollup = Rollup::holding(pieces.query, Rows::Clicks, &CLICK_ROLLUPS);
    let mut parameters = pieces.parameters();
    let (source, is_missing) = match rollup.filter(|_| plan::is_hourly(pieces.segments)) {
        Some(rollup) => (hours(rollup), None),
        None => {
            let raw_from = lookups::mark(client, "raw_from").await?;
            if let Some(raw_from) = raw_from.filter(|from| *from > pieces.from) {
                // What came too late for its day may yet lie there.
                parameters = parameters.period(raw_from.min(pieces.to), pieces.to);
            }
            let day = UnixMillis(pieces.from.get().div_euclid(DAY_MS) * DAY_MS);
            (CLICKS, raw_from.filter(|from| *from > day))
        }
    };
    let parts = [JUDGEMENTS, source].map(|source| pieces.select(&source, &counts(&source), &mut parameters));
    let sql = parts.join(" UNION ALL ");
    Ok((client.rows(&sql, |query| settings(parameters.bind(query))).await?, is_missing))
}

async fn count_facts(client: &Client, pieces: &Pieces<'_>) -> Result<Vec<FactSums>, Fault> {
    let source = match pieces.query.basis {
        Basis::Conversion => Source {
            time: "toUnixTimestamp64Milli(converted_at)",
            period: "converted_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND converted_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')",
            ..FACTS
        },
        Basis::Click => Source {
            time: "toUnixTimestamp64Milli(clicked_at)",
            period: "clicked_at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND clicked_at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')",
            ..FACTS
        },
    };
    let sum = |column: &str, kind: &str| format!("sum({kind}({column}))");
    let counts = plan::FACT_COUNTS.map(|column| sum(column, "toInt64")).join(", ");
    // Amounts add up to more than an amount holds.
    let money = plan::FACT_MONEY.map(|column| sum(column, "toInt128")).join(", ");
    let sums = format!("currency::String AS code, [{counts}] AS counts, [{money}] AS money");
    let mut parameters = pieces.parameters();
    let sql = pieces.select(&source, &sums, &mut parameters);
    client.rows(&sql, |query| settings(parameters.bind(query))).await
}

/// Rows with the same key have the same time, so partitions need not be compared with each other.
fn settings(query: clickhouse::query::Query) -> clickhouse::query::Query {
    query.with_setting("do_not_merge_across_partitions_select_final", "1")
}

const fn hours(rollup: &Rollup) -> Source {
    Source {
        from: rollup.table,
        time: "toInt64(toUnixTimestamp(hour)) * 1000",
        period: HOURS,
        n: "toInt64(n)",
        ..CLICKS
    }
}

fn counts(source: &Source) -> String {
    let sums = plan::CLICK_COUNTS.map(|counted| {
        let counted = counted.replace("verdict", source.verdict);
        format!("sumIf({}, {counted})", source.n)
    });
    format!("[{}] AS counts", sums.join(", "))
}

/// A query and its pieces of time, which are neighbours.
struct Pieces<'q> {
    query: &'q ReportQuery,
    segments: &'q [Segment],
    from: UnixMillis,
    to: UnixMillis,
}

impl Pieces<'_> {
    fn parameters(&self) -> Parameters {
        let starts = self.segments.iter().map(|segment| segment.from.get()).collect();
        Parameters::default().period(self.from, self.to).hours(self.from, self.to).numbers("starts", starts)
    }

    fn select(&self, source: &Source, sums: &str, parameters: &mut Parameters) -> String {
        let Source { rows, from, time, period, verdict, .. } = *source;
        let mut groups = Vec::new();
        if self.segments.len() > 1 {
            groups.push("piece".to_owned());
        }
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        for dimension in plan::groups(self.query) {
            let term = Term::of(dimension, rows);
            let expression = query::expression(term, verdict);
            if term.is_text() {
                texts.push(format!("{expression}::String"));
            } else {
                numbers.push(format!("toInt64({expression})"));
            }
            if term.column().is_some() {
                groups.push(expression);
            }
        }
        if rows == Rows::Facts {
            groups.push("currency".to_owned());
        }
        let piece = if self.segments.len() > 1 {
            format!("roundDown({time}, {{starts:Array(Int64)}})")
        } else {
            "{starts:Array(Int64)}[1]".to_owned()
        };
        let mut list = Condition::list(&self.query.filters, self.query.scope, rows);
        if let Some(currency) = self.query.currency.filter(|_| rows == Rows::Facts) {
            let values = vec![plan::ColumnValue::Text(currency.code().to_owned())];
            list.push(Condition { term: Term::Text("currency"), values });
        }
        let prefix = if rows == Rows::Facts { "fact" } else { "click" };
        let conditions = query::conditions(&list, verdict, prefix, parameters);
        let groups =
            if groups.is_empty() { String::new() } else { format!(" GROUP BY {}", groups.join(", ")) };
        format!(
            "SELECT {piece} AS piece, CAST([{}], 'Array(Int64)') AS numbers, CAST([{}], 'Array(String)') AS texts, {sums}
             FROM {from} WHERE {period}{conditions}{groups}",
            numbers.join(", "),
            texts.join(", ")
        )
    }

    fn add(
        &self,
        fold: &mut RowFold,
        rows: Rows,
        (piece, numbers, texts): (i64, Vec<i64>, Vec<String>),
        currency: Option<Currency>,
        counters: &Counters,
    ) -> Result<(), Fault> {
        let place = self.segments.binary_search_by_key(&piece, |segment| segment.from.get());
        let segment = place.ok().and_then(|place| self.segments.get(place));
        let segment =
            segment.ok_or_else(|| Fault::Corrupt(format!("no piece of the report begins at {piece}")))?;
        let (mut numbers, mut texts) = (numbers.into_iter(), texts.into_iter());
        let mut values: Vec<Value> = Vec::new();
        for dimension in plan::groups(self.query) {
            let value = if Term::of(dimension, rows).is_text() {
                texts.next().map(plan::ColumnValue::Text)
            } else {
                numbers.next().map(plan::ColumnValue::Number)
            };
            let value = value.ok_or_else(|| Fault::Corrupt(format!("a report's row without {dimension}")))?;
            values.push(value.value(dimension));
        }
        fold.add(self.query.key(segment, values), currency, counters);
        Ok(())
    }
}
