//! Statements inside a transaction, and jobs that may panic.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use hopline_control_store::{ErrorKind, Job, Row, StoreError, Tx, Value};
use rusqlite::Connection;

use crate::{error, value};

/// An open transaction on a connection.
struct SqliteTx<'a> {
    connection: &'a Connection,
}

impl Tx for SqliteTx<'_> {
    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(error::of_statement)?;
        value::bind(&mut statement, values)?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        let mut answer = Vec::new();
        while let Some(row) = rows.next().map_err(error::of_statement)? {
            answer.push(value::row(row, columns)?);
        }
        Ok(answer)
    }

    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(error::of_statement)?;
        value::bind(&mut statement, values)?;
        let changed = statement.raw_execute().map_err(error::of_statement)?;
        Ok(u64::try_from(changed).expect("a count of rows fits into 64 bits"))
    }

    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(error::of_statement)?;
        let mut changed = 0;
        for values in rows {
            value::bind(&mut statement, values)?;
            changed += statement.raw_execute().map_err(error::of_statement)?;
        }
        Ok(u64::try_from(changed).expect("a count of rows fits into 64 bits"))
    }
}

/// Runs a job within the open transaction; a panic becomes an error.
pub(crate) fn run_job(connection: &Connection, job: &mut Job) -> Result<bool, StoreError> {
    let mut tx = SqliteTx { connection };
    // A job has no effect but through its transaction, and that is rolled back: nothing half done stays behind.
    catch_unwind(AssertUnwindSafe(|| job(&mut tx))).unwrap_or_else(|payload| {
        Err(StoreError::new(ErrorKind::Broken, format!("a job panicked: {}", message(payload.as_ref()))))
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}

/// Runs statements that have no values.
pub(crate) fn control(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.execute_batch(sql).map_err(error::of_statement)
}
