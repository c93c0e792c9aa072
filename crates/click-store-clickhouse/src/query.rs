//! The common plan as SQL of this store. Names come from the plan; values are parameters of the server (`{name:Type}`), never
//! part of the text.

use clickhouse::query::Query;
use hopline_click_store::plan::{ColumnValue, Condition, Term};
use hopline_types::UnixMillis;
use serde::Serialize;

/// Times that `DateTime64(3)` holds: 1900-01-01 to 2299-12-31.
const TIME_MIN: i64 = -2_208_988_800_000;
const TIME_MAX: i64 = 10_413_791_999_999;

/// A parameter's value. Texts are only sent in lists: there they are quoted, whatever they hold.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
enum Parameter {
    Number(i64),
    Unsigned(u64),
    Numbers(Vec<i64>),
    UnsignedList(Vec<u64>),
    Texts(Vec<String>),
}

/// Values for the blanks of a statement.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parameters {
    list: Vec<(String, Parameter)>,
}

impl Parameters {
    /// For `{name:Int64}`.
    pub(crate) fn number(mut self, name: &str, value: i64) -> Self {
        self.add(name, Parameter::Number(value));
        self
    }

    /// For `{name:UInt64}`.
    pub(crate) fn unsigned(mut self, name: &str, value: u64) -> Self {
        self.add(name, Parameter::Unsigned(value));
        self
    }

    /// For `{name:Array(Int64)}`.
    pub(crate) fn numbers(mut self, name: &str, values: Vec<i64>) -> Self {
        self.add(name, Parameter::Numbers(values));
        self
    }

    /// For `{name:Array(UInt64)}`.
    pub(crate) fn unsigned_list(mut self, name: &str, values: Vec<u64>) -> Self {
        self.add(name, Parameter::UnsignedList(values));
        self
    }

    /// For `{name:Array(String)}`.
    pub(crate) fn texts(mut self, name: &str, values: Vec<String>) -> Self {
        self.add(name, Parameter::Texts(values));
        self
    }

    /// For [`PERIOD`]: `from` inclusive, `to` exclusive.
    pub(crate) fn period(self, from: UnixMillis, to: UnixMillis) -> Self {
        self.number("from", within(from)).number("to", within(to))
    }

    /// For [`HOURS`]: hours that start in the period.
    pub(crate) fn hours(self, from: UnixMillis, to: UnixMillis) -> Self {
        let second = |at: UnixMillis| {
            let up = at.get().saturating_add(999).div_euclid(1_000);
            u64::from(u32::try_from(up.max(0)).unwrap_or(u32::MAX))
        };
        self.unsigned("from_second", second(from)).unsigned("to_second", second(to))
    }

    fn add(&mut self, name: &str, parameter: Parameter) {
        self.list.push((name.to_owned(), parameter));
    }

    /// Gives the values to a statement.
    pub(crate) fn bind(&self, query: Query) -> Query {
        self.list.iter().fold(query, |query, (name, value)| query.param(name, value))
    }
}

/// Rows whose time lies in the period.
pub(crate) const PERIOD: &str = "at >= fromUnixTimestamp64Milli({from:Int64}, 'UTC') AND at < fromUnixTimestamp64Milli({to:Int64}, 'UTC')";
/// Sums whose hour starts in the period.
pub(crate) const HOURS: &str =
    "hour >= toDateTime({from_second:UInt32}, 'UTC') AND hour < toDateTime({to_second:UInt32}, 'UTC')";

fn within(at: UnixMillis) -> i64 {
    at.get().clamp(TIME_MIN, TIME_MAX)
}

/// How a term is written, by the name of the column that holds the verdict. Groups are made of these.
pub(crate) fn expression(term: Term, verdict: &str) -> String {
    match term {
        Term::Number(column) | Term::Text(column) => column.to_owned(),
        Term::Class => format!("least({verdict}, 2)"),
        Term::Reason => format!("greatest({verdict}, 2) - 2"),
        Term::NoNumber(number) => format!("toInt64({number})"),
        Term::NoText => "''".to_owned(),
    }
}

/// Conditions joined by `AND`, each beginning with it; their values go to `parameters`.
pub(crate) fn conditions(
    conditions: &[Condition],
    verdict: &str,
    prefix: &str,
    parameters: &mut Parameters,
) -> String {
    let mut sql = String::new();
    for (place, Condition { term, values }) in conditions.iter().enumerate() {
        let name = format!("{prefix}{place}");
        let kind = if term.is_text() { "String" } else { "Int64" };
        sql += &format!(" AND {} IN {{{name}:Array({kind})}}", expression(*term, verdict));
        let mut numbers = Vec::new();
        let mut texts = Vec::new();
        for value in values {
            match value {
                ColumnValue::Number(number) => numbers.push(*number),
                ColumnValue::Text(text) => texts.push(text.clone()),
            }
        }
        let parameter = if term.is_text() { Parameter::Texts(texts) } else { Parameter::Numbers(numbers) };
        parameters.add(&name, parameter);
    }
    sql
}
