//! Values of the seam as SQLite's, and back.

use hopline_control_store::{ErrorKind, Row, StoreError, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql};

use crate::error;

/// One value, lent to a statement.
struct Bound<'a>(&'a Value);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let value = match self.0 {
            Value::Null => ValueRef::Null,
            Value::Int(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        };
        Ok(ToSqlOutput::Borrowed(value))
    }
}

/// Binds `$1` to the first value and so on. SQLite numbers `$n` by first appearance, not by n, so the names count.
pub(crate) fn bind(statement: &mut CachedStatement<'_>, values: &[Value]) -> Result<(), StoreError> {
    let parameters = statement.parameter_count();
    if parameters != values.len() {
        let detail = format!("the statement has {parameters} parameters, {} values were given", values.len());
        return Err(StoreError::new(ErrorKind::Broken, detail));
    }
    for index in 1..=parameters {
        let name = statement.parameter_name(index).unwrap_or("?");
        let number = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let value = number.and_then(|number| values.get(number.checked_sub(1)?));
        let Some(value) = value else {
            let detail = format!("parameter {name} has no value: expected $1 to ${parameters}");
            return Err(StoreError::new(ErrorKind::Broken, detail));
        };
        statement.raw_bind_parameter(index, Bound(value)).map_err(error::of_statement)?;
    }
    Ok(())
}

/// One row of an answer.
pub(crate) fn row(row: &rusqlite::Row<'_>, columns: usize) -> Result<Row, StoreError> {
    (0..columns).map(|column| read(row, column)).collect::<Result<_, _>>().map(Row)
}

fn read(row: &rusqlite::Row<'_>, column: usize) -> Result<Value, StoreError> {
    let broken = |what: &str| StoreError::new(ErrorKind::Broken, format!("column {column} holds {what}"));
    match row.get_ref(column).map_err(error::of_statement)? {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Int(number)),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .map(|text| Value::Text(text.to_owned()))
            .map_err(|_| broken("text that is not UTF-8")),
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes.to_vec())),
        ValueRef::Real(_) => Err(broken("a floating point number, which this program never stores")),
    }
}
