//! How long each statement takes, and for how long the end of the ledger is held.

use std::time::{Duration, Instant};

use hopline_control_store::{Lock, Row, StoreError, Tx, Value};

use crate::Statements;

/// One statement's calls so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Statement {
    pub(crate) calls: u64,
    /// Rows of values.
    pub(crate) rows: u64,
    pub(crate) time: Duration,
}

/// What was asked of a store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) statements: Statements,
    /// For the end of the ledger.
    pub(crate) waited: Duration,
    /// From having it to the end of the transaction.
    pub(crate) held: Duration,
}

impl Log {
    pub(crate) fn add(&mut self, other: &Self) {
        for (sql, more) in &other.statements {
            let statement = self.statements.entry(sql).or_default();
            statement.calls += more.calls;
            statement.rows += more.rows;
            statement.time += more.time;
        }
        self.waited += other.waited;
        self.held += other.held;
    }

    fn note(&mut self, sql: &'static str, rows: usize, time: Duration) {
        let statement = self.statements.entry(sql).or_default();
        statement.calls += 1;
        statement.rows += u64::try_from(rows).unwrap_or(u64::MAX);
        statement.time += time;
    }
}

impl std::fmt::Display for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut statements: Vec<_> = self.statements.iter().collect();
        statements.sort_by_key(|(_, statement)| std::cmp::Reverse(statement.time));
        writeln!(f, "{:>9}{:>10}{:>10}  statement", "s", "us/row", "rows")?;
        for (sql, statement) in statements {
            let seconds = statement.time.as_secs_f64();
            let each = statement.time.as_micros() / u128::from(statement.rows.max(1));
            let text: String =
                sql.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(90).collect();
            writeln!(f, "{seconds:>9.3}{each:>10}{:>10}  {text}", statement.rows)?;
        }
        Ok(())
    }
}

/// A transaction whose statements are timed.
pub(crate) struct Timed<'a> {
    tx: &'a mut dyn Tx,
    log: Log,
    locked: Option<Instant>,
}

impl<'a> Timed<'a> {
    pub(crate) fn new(tx: &'a mut dyn Tx) -> Self {
        Self { tx, log: Log::default(), locked: None }
    }

    /// What was noted, and since when the end of the ledger is held.
    pub(crate) fn into_log(self) -> (Log, Option<Instant>) {
        (self.log, self.locked)
    }

    fn timed<T>(&mut self, sql: &'static str, rows: usize, run: impl FnOnce(&mut dyn Tx) -> T) -> T {
        let begun = Instant::now();
        let answer = run(self.tx);
        self.log.note(sql, rows, begun.elapsed());
        answer
    }
}

impl Tx for Timed<'_> {
    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.timed(sql, 1, |tx| tx.query(sql, values))
    }

    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        self.timed(sql, 1, |tx| tx.execute(sql, values))
    }

    fn query_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, StoreError> {
        self.timed(sql, rows.len(), |tx| tx.query_many(sql, rows))
    }

    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        self.timed(sql, rows.len(), |tx| tx.execute_many(sql, rows))
    }

    fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        let begun = Instant::now();
        let answer = self.timed("(a lock)", 1, |tx| tx.lock(lock));
        if lock == Lock::Ledger {
            self.log.waited += begun.elapsed();
            self.locked.get_or_insert_with(Instant::now);
        }
        answer
    }
}
