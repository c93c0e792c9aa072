//! What SQLite's failures mean to the seam.

use hopline_control_store::{ErrorKind, StoreError};
use rusqlite::ffi;

/// What goes before the columns in the message of a broken key.
const UNIQUE: &str = "UNIQUE constraint failed: ";

/// The failure of a statement, commit or connection.
pub(crate) fn of_statement(failure: rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(code, message) = &failure else {
        return StoreError::new(ErrorKind::Broken, failure.to_string());
    };
    let kind = kind(code);
    let message = message.clone().unwrap_or_else(|| code.to_string());
    let detail = match (kind, message.strip_prefix(UNIQUE)) {
        (ErrorKind::Conflict, Some(columns)) => columns.to_owned(),
        _ => message,
    };
    StoreError::new(kind, detail)
}

fn kind(code: &ffi::Error) -> ErrorKind {
    match code.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            return ErrorKind::Conflict;
        }
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return ErrorKind::Reference,
        ffi::SQLITE_CONSTRAINT_CHECK | ffi::SQLITE_CONSTRAINT_NOTNULL | ffi::SQLITE_CONSTRAINT_TRIGGER => {
            return ErrorKind::Constraint;
        }
        _ => {}
    }
    match code.extended_code & 0xff {
        ffi::SQLITE_BUSY
        | ffi::SQLITE_LOCKED
        | ffi::SQLITE_IOERR
        | ffi::SQLITE_FULL
        | ffi::SQLITE_CANTOPEN
        | ffi::SQLITE_NOMEM
        | ffi::SQLITE_INTERRUPT
        | ffi::SQLITE_PROTOCOL => ErrorKind::Unavailable,
        _ => ErrorKind::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapped(extended_code: i32, message: &str) -> StoreError {
        of_statement(rusqlite::Error::SqliteFailure(ffi::Error::new(extended_code), Some(message.into())))
    }

    #[test]
    fn a_store_that_is_away_is_told_from_one_that_is_broken() {
        for (code, expected) in [
            (ffi::SQLITE_BUSY, ErrorKind::Unavailable),
            (ffi::SQLITE_BUSY_SNAPSHOT, ErrorKind::Unavailable),
            (ffi::SQLITE_LOCKED, ErrorKind::Unavailable),
            (ffi::SQLITE_IOERR_FSYNC, ErrorKind::Unavailable),
            (ffi::SQLITE_FULL, ErrorKind::Unavailable),
            (ffi::SQLITE_CORRUPT, ErrorKind::Broken),
            (ffi::SQLITE_NOTADB, ErrorKind::Broken),
            (ffi::SQLITE_READONLY, ErrorKind::Broken),
            (ffi::SQLITE_CONSTRAINT_DATATYPE, ErrorKind::Broken),
        ] {
            assert_eq!(mapped(code, "as SQLite says").kind, expected, "{code}");
        }
    }

    #[test]
    fn a_broken_key_names_its_columns() {
        let conflict =
            mapped(ffi::SQLITE_CONSTRAINT_UNIQUE, "UNIQUE constraint failed: goals.offer_id, goals.key");
        assert_eq!(conflict, StoreError::new(ErrorKind::Conflict, "goals.offer_id, goals.key"));
    }
}
