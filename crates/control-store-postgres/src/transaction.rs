//! Statements inside a transaction, and jobs that may panic.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use hopline_control_store::{ErrorKind, Job, Lock, Mode, Row, Scope, StoreError, Tx, Value};
use tokio::runtime::Runtime;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, Statement};

use crate::error::Fault;
use crate::locks;
use crate::session::Session;
use crate::sets::{Set, Sets};
use crate::value::{self, Bound};

/// An open transaction on a connection.
pub(crate) struct PgTx<'a> {
    runtime: &'a Runtime,
    session: &'a mut Session,
    sets: &'a Sets,
    mode: Mode,
    /// The first failure: after it the server refuses everything, and the transaction cannot commit, whatever the job
    /// makes of it.
    fault: Option<Fault>,
    locks: Vec<Lock>,
    is_narrowed: bool,
}

/// What is left of a job's transaction.
pub(crate) struct Ran {
    /// The job's own outcome.
    pub(crate) outcome: Result<bool, StoreError>,
    /// What went wrong beneath it.
    pub(crate) fault: Option<Fault>,
    /// The locks it asked for.
    pub(crate) locks: Vec<Lock>,
}

/// Runs a job within the open transaction; a panic becomes an error.
pub(crate) fn run_job(
    runtime: &Runtime,
    session: &mut Session,
    sets: &Sets,
    mode: Mode,
    job: &mut Job,
) -> Ran {
    let mut tx = PgTx { runtime, session, sets, mode, fault: None, locks: Vec::new(), is_narrowed: false };
    // A job has no effect but through its transaction, and that is rolled back: nothing half done stays behind.
    let ran = catch_unwind(AssertUnwindSafe(|| job(&mut tx)));
    let PgTx { fault, locks, .. } = tx;
    match ran {
        Ok(outcome) => Ran { outcome, fault, locks },
        Err(payload) => {
            let detail = format!("a job panicked: {}", message(payload.as_ref()));
            Ran { outcome: Err(StoreError::new(ErrorKind::Broken, detail)), fault: None, locks }
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&'static str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}

impl PgTx<'_> {
    /// Nothing more is sent after a failure.
    fn is_sound(&self) -> Result<(), StoreError> {
        self.fault.as_ref().map_or(Ok(()), |fault| Err(fault.error.clone()))
    }

    fn failed(&mut self, fault: Fault) -> StoreError {
        let error = fault.error.clone();
        self.fault.get_or_insert(fault);
        error
    }

    fn refused(&mut self, failure: &Error) -> StoreError {
        let fault = if self.mode == Mode::Read { Fault::of_reading(failure) } else { Fault::of(failure) };
        self.failed(fault)
    }

    fn prepared(&mut self, sql: &'static str) -> Result<Statement, StoreError> {
        self.is_sound()?;
        self.runtime.block_on(self.session.prepared(sql)).map_err(|failure| self.refused(&failure))
    }

    fn fitting(&mut self, statement: &Statement, values: &[Value]) -> Result<(), StoreError> {
        let expected = statement.params().len();
        if values.len() == expected {
            return Ok(());
        }
        let detail = format!("the statement has {expected} parameters, {} values were given", values.len());
        Err(self.failed(Fault::broken(detail)))
    }

    /// The set form of a statement, where it has one and all rows fit.
    fn set(
        &mut self,
        sql: &'static str,
        statement: &Statement,
        rows: &[Vec<Value>],
    ) -> Result<Option<std::sync::Arc<Set>>, StoreError> {
        for values in rows {
            self.fitting(statement, values)?;
        }
        Ok(self.sets.of(sql, statement.params()))
    }
}

impl Tx for PgTx<'_> {
    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.prepared(sql)?;
        self.fitting(&statement, values)?;
        let answer = self.runtime.block_on(one_query(self.session, &statement, values));
        let rows = answer.map_err(|failure| self.refused(&failure))?;
        rows.iter().map(|row| value::row(row, 0)).collect()
    }

    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        let statement = self.prepared(sql)?;
        self.fitting(&statement, values)?;
        let answer = self.runtime.block_on(one_execute(self.session, &statement, values));
        answer.map_err(|failure| self.refused(&failure))
    }

    fn query_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, StoreError> {
        let ([_, _, ..], statement) = (rows, self.prepared(sql)?) else {
            return rows.iter().map(|values| self.query(sql, values)).collect();
        };
        let Some(set) = self.set(sql, &statement, rows)? else {
            let each = rows.iter().map(|values| one_query(self.session, &statement, values));
            let answers = self.runtime.block_on(all(each)).map_err(|failure| self.refused(&failure))?;
            return answers.iter().map(|rows| rows.iter().map(|row| value::row(row, 0)).collect()).collect();
        };
        let columns = columns(rows, set.arrays.len());
        let found = self.runtime.block_on(self.session.client.query_typed(&set.sql, &bound(&columns, &set)));
        let found = found.map_err(|failure| self.refused(&failure))?;
        let mut answers: Vec<Vec<Row>> = rows.iter().map(|_| Vec::new()).collect();
        for row in &found {
            let place = row.try_get::<_, i64>(0).ok().and_then(|ord| usize::try_from(ord - 1).ok());
            let answer = place.and_then(|place| answers.get_mut(place));
            let nowhere = || StoreError::new(ErrorKind::Broken, "an answer belongs to no row of values");
            answer.ok_or_else(nowhere)?.push(value::row(row, 1)?);
        }
        Ok(answers)
    }

    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        let ([_, _, ..], statement) = (rows, self.prepared(sql)?) else {
            return rows.iter().map(|values| self.execute(sql, values)).sum();
        };
        let Some(set) = self.set(sql, &statement, rows)? else {
            let each = rows.iter().map(|values| one_execute(self.session, &statement, values));
            let changed = self.runtime.block_on(all(each)).map_err(|failure| self.refused(&failure))?;
            return Ok(changed.iter().sum());
        };
        let columns = columns(rows, set.arrays.len());
        let changed =
            self.runtime.block_on(self.session.client.execute_typed(&set.sql, &bound(&columns, &set)));
        changed.map_err(|failure| self.refused(&failure))
    }

    fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        if self.locks.contains(&lock) {
            return self.is_sound();
        }
        self.locks.push(lock);
        self.query("SELECT 1 FROM pg_advisory_xact_lock($1)", &[locks::key(lock).into()]).map(drop)
    }

    fn narrow(&mut self, scope: Scope) -> Result<(), StoreError> {
        if scope == Scope::All && !self.is_narrowed {
            return self.is_sound();
        }
        let (advertiser, affiliate) = match scope {
            Scope::All => (String::new(), String::new()),
            Scope::Advertiser(id) => (id.get().to_string(), "0".to_owned()),
            Scope::Affiliate(id) => ("0".to_owned(), id.get().to_string()),
            Scope::Nothing => ("0".to_owned(), "0".to_owned()),
        };
        self.is_narrowed = true;
        self.query(
            "SELECT set_config('hopline.advertiser', $1, true), set_config('hopline.affiliate', $2, true)",
            &[advertiser.into(), affiliate.into()],
        )
        .map(drop)
    }
}

async fn one_query(
    session: &Session,
    statement: &Statement,
    values: &[Value],
) -> Result<Vec<tokio_postgres::Row>, Error> {
    let bound: Vec<Bound<'_>> = values.iter().map(Bound).collect();
    let lent: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    session.client.query(statement, &lent).await
}

async fn one_execute(session: &Session, statement: &Statement, values: &[Value]) -> Result<u64, Error> {
    let bound: Vec<Bound<'_>> = values.iter().map(Bound).collect();
    let lent: Vec<&(dyn ToSql + Sync)> = bound.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
    session.client.execute(statement, &lent).await
}

/// The values of each parameter, in the order of rows.
fn columns(rows: &[Vec<Value>], count: usize) -> Vec<Vec<Bound<'_>>> {
    let mut columns: Vec<Vec<Bound<'_>>> = (0..count).map(|_| Vec::with_capacity(rows.len())).collect();
    for values in rows {
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(Bound(value));
        }
    }
    columns
}

fn bound<'a>(columns: &'a [Vec<Bound<'a>>], set: &Set) -> Vec<(&'a (dyn ToSql + Sync), Type)> {
    let lent = columns.iter().map(|column| column as &(dyn ToSql + Sync));
    lent.zip(set.arrays.iter().cloned()).collect()
}

/// Sends all before waiting for any; the first failure in order counts, because the others follow from it.
async fn all<T>(each: impl Iterator<Item = impl Future<Output = Result<T, Error>>>) -> Result<Vec<T>, Error> {
    let mut waiting: Vec<Pin<Box<_>>> = each.map(Box::pin).collect();
    let mut outcomes: Vec<Option<Result<T, Error>>> = waiting.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_done = true;
        for (future, outcome) in waiting.iter_mut().zip(&mut outcomes) {
            if outcome.is_none() {
                match future.as_mut().poll(context) {
                    Poll::Ready(value) => *outcome = Some(value),
                    Poll::Pending => is_done = false,
                }
            }
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}
