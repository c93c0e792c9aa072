//! How statements reach a store.

use std::future::Future;
use std::pin::Pin;

use crate::Scope;

/// One value of a statement or row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A whole number, a boolean (0, 1) or a time (UTC milliseconds).
    Int(i64),
    /// Text, JSON text or a decimal.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Int(i64::from(truth))
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<&String> for Value {
    fn from(text: &String) -> Self {
        Self::Text(text.clone())
    }
}
impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Blob(bytes)
    }
}
impl From<hopline_types::UnixMillis> for Value {
    fn from(time: hopline_types::UnixMillis) -> Self {
        Self::Int(time.get())
    }
}
impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! id_values {
    ($($id:ident),*) => {$(
        impl From<hopline_types::$id> for Value {
            fn from(id: hopline_types::$id) -> Self {
                Self::Int(id.get())
            }
        }
    )*};
}
id_values!(
    AdvertiserId,
    AffiliateId,
    OfferId,
    GoalId,
    TermsId,
    GroupId,
    BonusId,
    LinkId,
    LandingPageId,
    CapId,
    DomainId,
    FindingId,
    ConversionId,
    InstallId,
    InstallSourceId,
    InstallMappingId,
    CouponId,
    CommissionId,
    PayoutId,
    BatchId,
    UserId,
    KeyId
);

/// One row of an answer; columns by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn wrong(&self, column: usize, expected: &'static str) -> StoreError {
        let found = match self.0.get(column) {
            None => "no such column",
            Some(Value::Null) => "NULL",
            Some(Value::Int(_)) => "integer",
            Some(Value::Text(_)) => "text",
            Some(Value::Blob(_)) => "bytes",
        };
        StoreError::new(ErrorKind::Broken, format!("column {column} holds {found}, expected {expected}"))
    }

    /// An integer.
    ///
    /// # Errors
    /// The column is missing or holds something else.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.0.get(column) {
            Some(Value::Int(number)) => Ok(*number),
            _ => Err(self.wrong(column, "integer")),
        }
    }

    /// An integer or NULL.
    ///
    /// # Errors
    /// The column is missing or holds something else.
    pub fn int_or_null(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.int(column).map(Some),
        }
    }

    /// A boolean.
    ///
    /// # Errors
    /// The column is missing or holds something else than 0 or 1.
    pub fn flag(&self, column: usize) -> Result<bool, StoreError> {
        match self.int(column)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.wrong(column, "0 or 1")),
        }
    }

    /// Text.
    ///
    /// # Errors
    /// The column is missing or holds something else.
    pub fn text(&self, column: usize) -> Result<&str, StoreError> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(text),
            _ => Err(self.wrong(column, "text")),
        }
    }

    /// Text or NULL.
    ///
    /// # Errors
    /// The column is missing or holds something else.
    pub fn text_or_null(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }

    /// Bytes.
    ///
    /// # Errors
    /// The column is missing or holds something else.
    pub fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        match self.0.get(column) {
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Err(self.wrong(column, "bytes")),
        }
    }

    /// A word, number or id that reads itself from text.
    ///
    /// # Errors
    /// The column is missing, no text, or the text does not read.
    pub fn parsed<T: std::str::FromStr>(&self, column: usize) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        let text = self.text(column)?;
        text.parse().map_err(|refusal: T::Err| {
            StoreError::new(ErrorKind::Broken, format!("column {column} holds {text:?}: {refusal}"))
        })
    }

    /// An id.
    ///
    /// # Errors
    /// The column is missing or holds no id.
    pub fn id<T: TryFrom<i64>>(&self, column: usize) -> Result<T, StoreError> {
        T::try_from(self.int(column)?).map_err(|_| self.wrong(column, "an id"))
    }

    /// An id or NULL.
    ///
    /// # Errors
    /// The column is missing or holds no id.
    pub fn id_or_null<T: TryFrom<i64>>(&self, column: usize) -> Result<Option<T>, StoreError> {
        match self.0.get(column) {
            Some(Value::Null) => Ok(None),
            _ => self.id(column).map(Some),
        }
    }

    /// A time.
    ///
    /// # Errors
    /// The column is missing or holds something else.
    pub fn time(&self, column: usize) -> Result<hopline_types::UnixMillis, StoreError> {
        self.int(column).map(hopline_types::UnixMillis)
    }

    /// A time or NULL.
    ///
    /// # Errors
    /// The column is missing or holds something else.
    pub fn time_or_null(&self, column: usize) -> Result<Option<hopline_types::UnixMillis>, StoreError> {
        Ok(self.int_or_null(column)?.map(hopline_types::UnixMillis))
    }
}

/// What sort of failure it is, so that callers branch on it and not on text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A unique key exists already; `detail` names the constraint or columns where the store says so.
    Conflict,
    /// A row refers to one that does not exist.
    Reference,
    /// A rule of the schema refused the value.
    Constraint,
    /// The store is away, busy or cut off: the same job may succeed later.
    Unavailable,
    /// A statement or stored value makes no sense: a defect, or a damaged store.
    Broken,
}

/// A failure of the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct StoreError {
    /// What sort of failure it is.
    pub kind: ErrorKind,
    /// What the store says; for logs, not for clients.
    pub detail: String,
}

impl StoreError {
    /// A failure of this kind.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Whether a transaction writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reads one consistent state.
    Read,
    /// Reads and writes, serialisable, durable when it returns.
    Write,
    /// Reads and writes, durable when it returns, beside others of its kind. Who uses it locks first what its decisions
    /// rest on ([`Tx::lock`]); what is read after a lock is what others have committed. Where one writes at a time anyway
    /// it is the same as [`Mode::Write`].
    Book,
}

/// What a transaction can keep others from until it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// The end of the ledger's chain, and with it all kept sums.
    Ledger,
    /// The end of the audit log's chain.
    AuditLog,
    /// What an offer's caps have taken.
    Caps(hopline_types::OfferId),
}

/// What others are told of when it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// A new version of the catalogue.
    Catalogue,
    /// Conversions wait for a decision, or facts for shipping.
    Work,
}

/// Called with the topic of a commit; must return at once.
pub type Listener = std::sync::Arc<dyn Fn(Topic) + Send + Sync>;

/// An open transaction.
pub trait Tx {
    /// Runs a statement and gives back its rows.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn query(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError>;

    /// Runs a statement and gives back how many rows it changed.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError>;

    /// Runs one reading statement for many rows of values and gives the rows of each, in order; stores may send them as
    /// one set.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn query_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<Vec<Vec<Row>>, StoreError> {
        rows.iter().map(|values| self.query(sql, values)).collect()
    }

    /// Waits until nobody else holds this lock, and holds it to the transaction's end. Whoever takes several takes
    /// those of caps first, then [`Lock::Ledger`], then [`Lock::AuditLog`]. Where one writes at a time anyway there is nothing to do.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn lock(&mut self, lock: Lock) -> Result<(), StoreError> {
        let _ = lock;
        Ok(())
    }

    /// From here on the transaction sees and writes only what this scope may, also where a statement forgets to say so
    /// (S-10). A second wall: statements bind their scope all the same, and stores without one do nothing.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn narrow(&mut self, scope: Scope) -> Result<(), StoreError> {
        let _ = scope;
        Ok(())
    }

    /// Runs one statement for many rows of values; stores may send them as one set. No two of them write the same row of
    /// a table.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn execute_many(&mut self, sql: &'static str, rows: &[Vec<Value>]) -> Result<u64, StoreError> {
        let mut changed = 0;
        for values in rows {
            changed += self.execute(sql, values)?;
        }
        Ok(changed)
    }

    /// What seals and opens bank data; none where the store was opened without ([`crate::Guarded`]).
    fn vault(&self) -> Option<&crate::Vault> {
        None
    }

    /// The first row, if any.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn first(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// The one row that must be there.
    ///
    /// # Errors
    /// See [`ErrorKind`]; no row is [`ErrorKind::Broken`].
    fn one(&mut self, sql: &'static str, values: &[Value]) -> Result<Row, StoreError> {
        self.first(sql, values)?
            .ok_or_else(|| StoreError::new(ErrorKind::Broken, format!("no row came back from {sql}")))
    }
}

/// A closure run inside one transaction. `Ok(true)` commits, `Ok(false)` and `Err` roll back.
/// It may be run again from the start.
pub type Job = Box<dyn FnMut(&mut dyn Tx) -> Result<bool, StoreError> + Send>;

/// The future of a job.
pub type JobFuture<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A transactional store.
pub trait Database: Send + Sync + std::fmt::Debug {
    /// Runs a job in one transaction. When the future is dropped the job still ends, one way or the other.
    fn run(&self, mode: Mode, job: Job) -> JobFuture<'_>;

    /// Calls `listener` after commits of any process that it should hear of, and once whenever some may have been missed.
    /// A store that only one process writes to calls nobody.
    fn listen(&self, listener: Listener) {
        drop(listener);
    }
}

/// Jobs with answers and errors of their own.
pub trait DatabaseExt: Database {
    /// Runs `job` on one consistent state.
    ///
    /// # Errors
    /// The job's own error, or the store's through `From<StoreError>`.
    fn read<T, E>(
        &self,
        job: impl FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        answered(self, Mode::Read, job)
    }

    /// Runs `job` in a writing transaction; commits where it returns `Ok`, rolls back where it returns `Err`.
    ///
    /// # Errors
    /// The job's own error, or the store's through `From<StoreError>`.
    fn write<T, E>(
        &self,
        job: impl FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        answered(self, Mode::Write, job)
    }

    /// Runs `job` in a writing transaction that locks what it rests on ([`Mode::Book`]).
    ///
    /// # Errors
    /// The job's own error, or the store's through `From<StoreError>`.
    fn book<T, E>(
        &self,
        job: impl FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
    ) -> impl Future<Output = Result<T, E>> + Send
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        answered(self, Mode::Book, job)
    }
}

impl<D: Database + ?Sized> DatabaseExt for D {}

async fn answered<D, T, E>(
    database: &D,
    mode: Mode,
    mut job: impl FnMut(&mut dyn Tx) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    D: Database + ?Sized,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    let (send, receive) = std::sync::mpsc::channel();
    let boxed: Job = Box::new(move |tx| {
        let outcome = job(tx);
        let commit = outcome.is_ok();
        send.send(outcome).map_err(|_| StoreError::new(ErrorKind::Broken, "nobody waits for this job"))?;
        Ok(commit)
    });
    let ran = database.run(mode, boxed).await;
    // A job that was run again has sent several outcomes: the last one counts.
    let last = receive.try_iter().last();
    match (ran, last) {
        (Ok(()), Some(outcome)) => outcome,
        (Ok(()), None) => Err(StoreError::new(ErrorKind::Broken, "the store did not run the job").into()),
        (Err(_), Some(Err(own))) => Err(own),
        (Err(failure), _) => Err(failure.into()),
    }
}
