//! The schema's history, and which part of it a database has.

use std::path::Path;

use hopline_types::UnixMillis;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use crate::OpenError;

/// One step of the schema; never changed once released.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

/// All steps, in order, from 1 without gaps.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "0001_begin", sql: include_str!("../migrations/0001_begin.sql") },
    Migration {
        number: 2,
        name: "0002_traffic_rules",
        sql: include_str!("../migrations/0002_traffic_rules.sql"),
    },
    Migration {
        number: 3,
        name: "0003_click_findings",
        sql: include_str!("../migrations/0003_click_findings.sql"),
    },
    Migration { number: 4, name: "0004_leases", sql: include_str!("../migrations/0004_leases.sql") },
    Migration {
        number: 5,
        name: "0005_cap_refusals",
        sql: include_str!("../migrations/0005_cap_refusals.sql"),
    },
    Migration { number: 6, name: "0006_decisions", sql: include_str!("../migrations/0006_decisions.sql") },
    Migration {
        number: 7,
        name: "0007_attribution",
        sql: include_str!("../migrations/0007_attribution.sql"),
    },
    Migration { number: 8, name: "0008_terms", sql: include_str!("../migrations/0008_terms.sql") },
    Migration { number: 9, name: "0009_rates", sql: include_str!("../migrations/0009_rates.sql") },
    Migration { number: 10, name: "0010_installs", sql: include_str!("../migrations/0010_installs.sql") },
    Migration {
        number: 11,
        name: "0011_payout_files",
        sql: include_str!("../migrations/0011_payout_files.sql"),
    },
    Migration { number: 12, name: "0012_late_facts", sql: include_str!("../migrations/0012_late_facts.sql") },
    Migration { number: 13, name: "0013_books", sql: include_str!("../migrations/0013_books.sql") },
];

const TABLE: &str = "CREATE TABLE IF NOT EXISTS migrations (
    number     INTEGER PRIMARY KEY CHECK (number >= 1),
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT";

/// Which steps a database has, checked against the known ones; writes nothing.
pub(crate) fn check(connection: &Connection, path: &Path, known: &[Migration]) -> Result<i64, OpenError> {
    let failed =
        |source| OpenError::Sqlite { path: path.to_owned(), doing: "reading the schema's version", source };
    // One state for all that is asked: another process may be creating the schema.
    let transaction = connection.unchecked_transaction().map_err(failed)?;
    let tables = |filter: &str| {
        let sql = format!("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND {filter}");
        transaction.query_row(&sql, [], |row| row.get::<_, i64>(0)).map_err(failed)
    };
    if tables("name = 'migrations'")? == 0 {
        let foreign = tables("name NOT LIKE 'sqlite_%'")? > 0;
        return if foreign { Err(OpenError::Foreign { path: path.to_owned() }) } else { Ok(0) };
    }
    let mut statement =
        transaction.prepare("SELECT number, name, sha256 FROM migrations ORDER BY number").map_err(failed)?;
    let applied = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .and_then(Iterator::collect::<Result<Vec<(i64, String, String)>, _>>)
        .map_err(failed)?;
    for (number, name, sha256) in &applied {
        let Some(migration) = known.iter().find(|migration| migration.number == *number) else {
            let known = known.last().map_or(0, |last| last.number);
            return Err(OpenError::Newer {
                path: path.to_owned(),
                number: *number,
                name: name.clone(),
                known,
            });
        };
        if hash(migration.sql) != *sha256 {
            return Err(OpenError::Changed { path: path.to_owned(), number: *number, name: migration.name });
        }
    }
    let count = i64::try_from(applied.len()).expect("a count of rows fits into 64 bits");
    if applied.last().is_some_and(|(number, ..)| *number != count) {
        return Err(OpenError::Gap { path: path.to_owned(), count });
    }
    Ok(count)
}

/// Applies the missing steps, each in a transaction of its own; gives back their names.
pub(crate) fn apply(
    connection: &mut Connection,
    path: &Path,
    known: &[Migration],
    now: UnixMillis,
) -> Result<Vec<&'static str>, OpenError> {
    let failed = |name| move |source| OpenError::Migration { path: path.to_owned(), name, source };
    let mut applied = Vec::new();
    for migration in known {
        let failed = failed(migration.name);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        transaction.execute_batch(TABLE).map_err(&failed)?;
        // Asked inside the transaction: another process may have applied it meanwhile.
        let known_already = transaction
            .query_row("SELECT 1 FROM migrations WHERE number = ?1", [migration.number], |_| Ok(()))
            .optional()
            .map_err(&failed)?;
        if known_already.is_none() {
            transaction.execute_batch(migration.sql).map_err(&failed)?;
            transaction
                .execute(
                    "INSERT INTO migrations (number, name, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)",
                    params![migration.number, migration.name, hash(migration.sql), now.get()],
                )
                .map_err(&failed)?;
            applied.push(migration.name);
        }
        transaction.commit().map_err(&failed)?;
    }
    Ok(applied)
}

fn hash(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
