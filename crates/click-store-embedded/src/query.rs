//! The common plan as SQL of this store. Names come from the plan, values are parameters.

use hopline_click_store::plan::{ColumnValue, Condition, Rows, Term};
use hopline_report::{Dimension, Filters, Scope, Value};
use rusqlite::Row;
use rusqlite::types::Value as Sql;

/// How a term is written.
pub(crate) const fn expression(term: Term) -> &'static str {
    match term {
        Term::Number(column) | Term::Text(column) => column,
        Term::Class => "min(verdict, 2)",
        Term::Reason => "max(verdict - 2, 0)",
        Term::NoNumber(0) => "0",
        Term::NoNumber(_) => "-1",
        Term::NoText => "''",
    }
}

/// Reads a column that was selected by [`expression`].
pub(crate) fn read(
    dimension: Dimension,
    rows: Rows,
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<Value> {
    let found = if Term::of(dimension, rows).is_text() {
        ColumnValue::Text(row.get(column)?)
    } else {
        ColumnValue::Number(row.get(column)?)
    };
    Ok(found.value(dimension))
}

fn parameter(value: ColumnValue) -> Sql {
    match value {
        ColumnValue::Number(number) => Sql::Integer(number),
        ColumnValue::Text(text) => Sql::Text(text),
    }
}

/// Conditions joined by `AND`, each beginning with it, and their parameters in order.
#[derive(Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Sql>,
}

impl Conditions {
    pub(crate) fn new(filters: &Filters, scope: Scope, rows: Rows) -> Self {
        let mut conditions = Self::default();
        for Condition { term, values } in Condition::list(filters, scope, rows) {
            let places = vec!["?"; values.len()].join(", ");
            conditions.sql += &format!(" AND {} IN ({places})", expression(term));
            conditions.parameters.extend(values.into_iter().map(parameter));
        }
        conditions
    }

    pub(crate) fn equal(&mut self, column: &'static str, value: Sql) {
        self.sql += &format!(" AND {column} = ?");
        self.parameters.push(value);
    }
}
