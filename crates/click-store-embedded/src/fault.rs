//! Errors on their way out.

use hopline_click_store::ClickStoreError;
use rusqlite::ErrorCode;

/// What went wrong inside a call; the call says what it was doing.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(rusqlite::Error),
    Io(std::io::Error),
    /// What is stored cannot be what was written.
    Corrupt(String),
    /// Already says everything.
    Said(ClickStoreError),
}

impl Fault {
    pub(crate) fn while_doing(self, doing: &'static str) -> ClickStoreError {
        match self {
            Self::Said(error) => error,
            Self::Io(error) => ClickStoreError::Failed { doing, retryable: true, source: error.into() },
            Self::Corrupt(what) => ClickStoreError::Failed { doing, retryable: false, source: what.into() },
            Self::Sql(error) => {
                let retryable = matches!(
                    error.sqlite_error_code(),
                    Some(
                        ErrorCode::DatabaseBusy
                            | ErrorCode::DatabaseLocked
                            | ErrorCode::DiskFull
                            | ErrorCode::SystemIoFailure
                            | ErrorCode::CannotOpen
                            | ErrorCode::OutOfMemory
                            | ErrorCode::OperationInterrupted
                    )
                );
                ClickStoreError::Failed { doing, retryable, source: error.into() }
            }
        }
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ClickStoreError> for Fault {
    fn from(error: ClickStoreError) -> Self {
        Self::Said(error)
    }
}

/// A count that SQLite keeps as a signed number.
pub(crate) fn unsigned(number: i64) -> Result<u64, Fault> {
    u64::try_from(number).map_err(|_| Fault::Corrupt(format!("a count is {number}")))
}
