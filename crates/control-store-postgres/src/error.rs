//! What the server's failures mean to the seam.

use hopline_control_store::{ErrorKind, StoreError};
use tokio_postgres::error::DbError;
use tokio_postgres::{Error, error::SqlState};

/// What is to be done about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// Nothing: it is the job's.
    None,
    /// Another transaction was in the way: run the job again.
    Again,
    /// A key exists that this job has perhaps looked for before it did: run it again, once.
    Look,
    /// The connection is gone: run the job again on another.
    Reconnect,
}

/// A failure and what is to be done about it.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) remedy: Remedy,
    pub(crate) error: StoreError,
}

impl Fault {
    pub(crate) fn broken(detail: impl Into<String>) -> Self {
        Self { remedy: Remedy::None, error: StoreError::new(ErrorKind::Broken, detail) }
    }

    pub(crate) fn lost(detail: impl Into<String>) -> Self {
        Self { remedy: Remedy::Reconnect, error: StoreError::new(ErrorKind::Unavailable, detail) }
    }

    /// A statement of a writing job, or of what the executor does by itself.
    pub(crate) fn of(failure: &Error) -> Self {
        let Some(refusal) = failure.as_db_error() else { return of_connection(failure) };
        let (kind, remedy) = meaning(refusal);
        let detail = match (kind, refusal.code()) {
            (ErrorKind::Conflict, _) => conflict(refusal),
            (_, code) if *code == SqlState::READ_ONLY_SQL_TRANSACTION => format!(
                "the server only reads (a standby, or default_transaction_read_only is on): {}",
                refusal.message()
            ),
            (_, code) => format!("{} (SQLSTATE {})", refusal.message(), code.code()),
        };
        Self { remedy, error: StoreError::new(kind, detail) }
    }

    /// A statement of a reading job: that it may not write is its own fault.
    pub(crate) fn of_reading(failure: &Error) -> Self {
        if failure.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) {
            return Self::broken("a reading job tried to write");
        }
        Self::of(failure)
    }

    /// The beginning of a writing transaction.
    pub(crate) fn of_begin(failure: &Error) -> Self {
        let reads_only = [
            &SqlState::READ_ONLY_SQL_TRANSACTION,
            &SqlState::FEATURE_NOT_SUPPORTED,
            &SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        ];
        match failure.as_db_error() {
            Some(refusal) if reads_only.contains(&refusal.code()) => {
                let detail = format!("the server only reads (a standby?): {}", refusal.message());
                Self { remedy: Remedy::None, error: StoreError::new(ErrorKind::Unavailable, detail) }
            }
            _ => Self::of(failure),
        }
    }
}

/// The failure with its causes.
pub(crate) fn told(failure: &Error) -> String {
    let mut text = failure.to_string();
    let mut source = std::error::Error::source(failure);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// Not from the server: the connection, or values that do not fit a statement.
fn of_connection(failure: &Error) -> Fault {
    let source = std::error::Error::source(failure);
    let is_io = source.is_some_and(|source| source.downcast_ref::<std::io::Error>().is_some());
    if failure.is_closed() || is_io || failure.to_string().starts_with("timeout") {
        Fault::lost(format!("the connection to the control store was lost: {}", told(failure)))
    } else {
        Fault::broken(told(failure))
    }
}

fn meaning(refusal: &DbError) -> (ErrorKind, Remedy) {
    let code = refusal.code();
    let codes = |known: &[&SqlState]| known.contains(&code);
    if codes(&[&SqlState::T_R_SERIALIZATION_FAILURE, &SqlState::T_R_DEADLOCK_DETECTED]) {
        return (ErrorKind::Unavailable, Remedy::Again);
    }
    if codes(&[&SqlState::UNIQUE_VIOLATION, &SqlState::EXCLUSION_VIOLATION]) {
        return (ErrorKind::Conflict, Remedy::Look);
    }
    if *code == SqlState::FOREIGN_KEY_VIOLATION {
        return (ErrorKind::Reference, Remedy::None);
    }
    // What row-level security refuses has the code of a missing right.
    let is_policy =
        *code == SqlState::INSUFFICIENT_PRIVILEGE && refusal.routine() == Some("ExecWithCheckOptions");
    let is_text = *code == SqlState::CHARACTER_NOT_IN_REPERTOIRE;
    let class = code.code().get(..2).unwrap_or_default();
    // 23: integrity; P0001: what triggers raise.
    if class == "23" || *code == SqlState::RAISE_EXCEPTION || is_policy || is_text {
        return (ErrorKind::Constraint, Remedy::None);
    }
    // 08: connection; 57P01 to 57P05: the server goes, comes, or ends idle sessions.
    if class == "08"
        || code.code().starts_with("57P")
        || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
    {
        return (ErrorKind::Unavailable, Remedy::Reconnect);
    }
    // 53: resources; 57: cancelled; 58: the server's disk.
    if matches!(class, "53" | "57" | "58")
        || codes(&[&SqlState::LOCK_NOT_AVAILABLE, &SqlState::READ_ONLY_SQL_TRANSACTION])
    {
        return (ErrorKind::Unavailable, Remedy::None);
    }
    (ErrorKind::Broken, Remedy::None)
}

/// `goals.offer_id, goals.key`, as SQLite says it; the constraint's name where the server speaks another way.
fn conflict(refusal: &DbError) -> String {
    let table = refusal.table().unwrap_or("?");
    // Key (offer_id, key)=(7, sale) already exists.
    let columns = refusal.detail().and_then(|detail| {
        let (_, rest) = detail.split_once('(')?;
        rest.split_once(")=(").map(|(columns, _)| columns)
    });
    match columns {
        Some(columns) => {
            let named: Vec<String> = columns.split(", ").map(|column| format!("{table}.{column}")).collect();
            named.join(", ")
        }
        None => refusal.constraint().unwrap_or("a unique key").to_owned(),
    }
}
