//! The schema's history, and which part of it a database has.

use hopline_types::UnixMillis;
use sha2::{Digest, Sha256};
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use crate::OpenError;
use crate::locks;
use crate::open::Place;

/// One step of the schema; never changed once released.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    pub(crate) number: i64,
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            number: $number,
            name: $name,
            sql: include_str!(concat!("../migrations/", $name, ".sql")),
        }),*]
    };
}

/// All steps, in order, from 1 without gaps.
pub(crate) const MIGRATIONS: &[Migration] = migrations! {
    1 "0001_begin",
    2 "0002_traffic_rules",
    3 "0003_click_findings",
    4 "0004_tenants",
    5 "0005_notices",
    6 "0006_leases",
    7 "0007_cap_refusals",
    8 "0008_decisions",
    9 "0009_attribution",
    10 "0010_terms",
    11 "0011_rates",
    12 "0012_installs",
    13 "0013_payout_files",
    14 "0014_late_facts",
    15 "0015_books",
};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS hopline_migrations (
    number     BIGINT PRIMARY KEY CHECK (number >= 1),
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_at BIGINT NOT NULL
)";
/// Tables of the schema, but those that extensions brought.
const TABLES: &str = "SELECT c.relname FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace \
     AND c.relkind IN ('r', 'p', 'f') AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass \
     AND d.objid = c.oid AND d.deptype = 'e') ORDER BY c.relname";

/// The steps that a database has, checked against the known ones; writes nothing.
pub(crate) async fn check(place: &Place<'_>, schema: &str, known: &[Migration]) -> Result<i64, OpenError> {
    // One statement sees one state: another program may be creating the schema.
    let tables = column(place, TABLES).await?;
    let server = || place.server.clone();
    if !tables.iter().any(|table| table == "hopline_migrations") {
        return match tables.into_iter().next() {
            Some(table) => Err(OpenError::Foreign { server: server(), schema: schema.to_owned(), table }),
            None => Ok(0),
        };
    }
    let reading = place.failed("reading hopline_migrations");
    let rows = place
        .client
        .simple_query("SELECT number, name, sha256 FROM hopline_migrations ORDER BY number")
        .await
        .map_err(|failure| match failure.code() {
            Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => OpenError::Rights {
                server: server(),
                on: "hopline_migrations (SELECT) and perhaps more".to_owned(),
                remedy: "GRANT SELECT, INSERT, UPDATE, DELETE ON its tables to this role, or connect as their owner".to_owned(),
            },
            _ => reading(failure),
        })?;
    let mut count = 0;
    let mut last = 0;
    for message in &rows {
        let SimpleQueryMessage::Row(row) = message else { continue };
        let number: i64 = row.get(0).and_then(|number| number.parse().ok()).unwrap_or_default();
        count += 1;
        last = number;
        let Some(migration) = known.iter().find(|migration| migration.number == number) else {
            return Err(OpenError::Newer {
                server: server(),
                number,
                name: row.get(1).unwrap_or_default().to_owned(),
                known: known.last().map_or(0, |last| last.number),
            });
        };
        if row.get(2) != Some(&hash(migration.sql)) {
            return Err(OpenError::Changed { server: server(), number, name: migration.name });
        }
    }
    if last == count { Ok(count) } else { Err(OpenError::Gap { server: server(), count }) }
}

/// Applies the missing steps, each in a transaction of its own; gives back their names.
pub(crate) async fn apply(
    place: &Place<'_>,
    missing: &[&Migration],
    now: UnixMillis,
) -> Result<Vec<&'static str>, OpenError> {
    let mut applied = Vec::new();
    for migration in missing {
        match apply_one(place, migration, now).await {
            Ok(true) => applied.push(migration.name),
            Ok(false) => {}
            Err(source) => {
                let rolled_back = place.client.batch_execute("ROLLBACK").await;
                rolled_back.map_err(place.failed("rolling a migration back"))?;
                return Err(OpenError::Migration {
                    server: place.server.clone(),
                    name: migration.name,
                    source,
                });
            }
        }
    }
    Ok(applied)
}

/// Says whether another program had not applied it meanwhile.
async fn apply_one(
    place: &Place<'_>,
    migration: &Migration,
    now: UnixMillis,
) -> Result<bool, tokio_postgres::Error> {
    let Migration { number, name, sql } = migration;
    let client = place.client;
    let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({}); {TABLE}", locks::MIGRATIONS);
    client.batch_execute(&begin).await?;
    let known = client.query("SELECT 1 FROM hopline_migrations WHERE number = $1", &[number]).await?;
    if !known.is_empty() {
        client.batch_execute("ROLLBACK").await?;
        return Ok(false);
    }
    client.batch_execute(sql).await?;
    client
        .execute(
            "INSERT INTO hopline_migrations (number, name, sha256, applied_at) VALUES ($1, $2, $3, $4)",
            &[number, name, &hash(sql), &now.get()],
        )
        .await?;
    client.batch_execute("COMMIT").await?;
    Ok(true)
}

/// The first column of all rows.
pub(crate) async fn column(place: &Place<'_>, sql: &str) -> Result<Vec<String>, OpenError> {
    let rows = place.client.simple_query(sql).await.map_err(place.failed("looking at the schema"))?;
    let text = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    Ok(rows.iter().filter_map(text).collect())
}

fn hash(sql: &str) -> String {
    Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn numbers_count_from_one_without_gaps() {
        for (number, migration) in (1..).zip(MIGRATIONS) {
            assert_eq!(migration.number, number);
            assert!(migration.name.starts_with(&format!("{number:04}_")), "{}", migration.name);
        }
    }
}
