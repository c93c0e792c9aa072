//! Whether the servers are those that the tables need, and the tables those that were made.

use std::collections::BTreeMap;

use clickhouse::Row;
use serde::Deserialize;

use crate::client::{At, Client};
use crate::fault::Fault;
use crate::schema::steps::{Step, columns};
use crate::schema::{Form, OLDEST, SchemaError};

/// What work needs.
pub(super) const TO_WORK: &[&str] = &["SELECT", "INSERT", "ALTER DELETE"];
/// What making the tables needs.
pub(super) const TO_CREATE: &[&str] =
    &["SELECT", "INSERT", "ALTER TABLE", "CREATE DATABASE", "CREATE TABLE", "CREATE VIEW"];

/// What a table that is not there means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absent {
    IsFine,
    IsWrong,
}

/// Every host that answers is new enough; one that does not is looked at when it does.
pub(super) async fn versions(client: &Client) -> Result<(), Fault> {
    let mut silent = None;
    let mut answers = 0;
    for index in 0..client.hosts() {
        let version: Vec<String> =
            match client.rows_of(At::Host(index), "SELECT version()", |query| query).await {
                Ok(version) => version,
                Err(fault) if fault.is_of_host() => {
                    silent = Some(fault);
                    continue;
                }
                Err(fault) => return Err(fault),
            };
        answers += 1;
        let found = version.into_iter().next().unwrap_or_default();
        let mut parts = found.split('.').map_while(|part| part.parse::<u32>().ok());
        let is_known = parts.next().zip(parts.next()).is_some_and(|version| version >= OLDEST);
        if !is_known {
            return Err(SchemaError::TooOld { host: client.host(index), found }.fault());
        }
    }
    match silent {
        Some(fault) if answers == 0 => Err(fault),
        _ => Ok(()),
    }
}

/// Whether every server has the database.
pub(super) async fn has_database(client: &Client, form: &Form) -> Result<bool, Fault> {
    let sql = "SELECT count() FROM system.databases WHERE name = ?";
    for at in form.places(client) {
        let found: Vec<u64> = client.rows_of(at, sql, |query| query.bind(form.database())).await?;
        if found != [1] {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Asks for each right by itself, so that all that are missing are named at once.
pub(super) async fn rights(client: &Client, form: &Form, needed: &[&str]) -> Result<(), Fault> {
    let mut missing = Vec::new();
    for right in needed {
        let sql = form.fill(&format!("CHECK GRANT {right} ON {{db}}.*"));
        let granted: Vec<u8> = client.rows_of(At::Any, &sql, |query| query).await?;
        if granted != [1] {
            missing.push(*right);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let user: Vec<String> = client.rows_of(At::Any, "SELECT currentUser()", |query| query).await?;
    let user = user.into_iter().next().unwrap_or_default();
    Err(SchemaError::Rights { user, missing: missing.join(", "), database: form.database().to_owned() }
        .fault())
}

#[derive(Debug, Row, Deserialize)]
struct Table {
    name: String,
    engine: String,
    sorting_key: String,
    engine_full: String,
}

#[derive(Debug, Row, Deserialize)]
struct Column {
    table: String,
    name: String,
    r#type: String,
}

/// Compares the tables of all steps with what the steps make.
pub(super) async fn tables(client: &Client, form: &Form, absent: Absent) -> Result<(), Fault> {
    for at in form.places(client) {
        let sql = "SELECT name, engine, sorting_key, engine_full FROM system.tables WHERE database = ?";
        let tables: Vec<Table> = client.rows_of(at, sql, |query| query.bind(form.database())).await?;
        let sql = "SELECT table, name, type FROM system.columns WHERE database = ? ORDER BY table, position";
        let mut columns: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
        for column in client.rows_of::<Column>(at, sql, |query| query.bind(form.database())).await? {
            columns.entry(column.table).or_default().push((column.name, column.r#type));
        }
        for step in form.steps() {
            let sql = form.fill(step.sql);
            let name = name(form, &sql);
            let changed = |what: String| {
                SchemaError::Changed { database: form.database().to_owned(), table: name.to_owned(), what }
                    .fault()
            };
            match tables.iter().find(|table| table.name == name) {
                None if absent == Absent::IsFine => {}
                None => return Err(changed("is not there".to_owned())),
                Some(table) => {
                    let found = columns.get(name).map_or(&[][..], Vec::as_slice);
                    if let Some(what) = difference(step, &sql, table, found) {
                        return Err(changed(what));
                    }
                }
            }
        }
    }
    Ok(())
}

/// The table that a statement makes.
fn name<'a>(form: &Form, sql: &'a str) -> &'a str {
    let behind = sql.split_once(&format!("{}.", form.database())).map_or("", |(_, behind)| behind);
    behind.split([' ', '\n']).next().unwrap_or_default()
}

fn difference(step: &Step, sql: &str, table: &Table, found: &[(String, String)]) -> Option<String> {
    let engine = if sql.starts_with("CREATE MATERIALIZED VIEW") {
        "MaterializedView"
    } else {
        let behind = sql.split_once("ENGINE = ").map_or("", |(_, behind)| behind);
        behind.split(['(', '\n', ' ']).next().unwrap_or_default()
    };
    if table.engine != engine {
        return Some(format!("has the engine {}, {engine} was made", table.engine));
    }
    let expected = columns(step.sql);
    if !expected.is_empty() && expected != found {
        let differs = |(name, kind): &(String, String)| format!("{name} {kind}");
        let lost = expected.iter().find(|column| !found.contains(column)).map(differs);
        let new = found.iter().find(|column| !expected.contains(column)).map(differs);
        return Some(match (lost, new) {
            (Some(lost), Some(new)) => format!("has the column {new:?}, {lost:?} was made"),
            (Some(lost), None) => format!("lacks the column {lost:?}"),
            (None, Some(new)) => format!("has the column {new:?} too"),
            (None, None) => "has its columns in another order".to_owned(),
        });
    }
    if let Some(key) = between(sql, "ORDER BY ", "\n") {
        let key = key.trim_matches(['(', ')']);
        // A function's bracket at the end was cut off with the key's own.
        if table.sorting_key.trim_matches(['(', ')']) != key {
            return Some(format!("is ordered by {}, {key} was made", table.sorting_key));
        }
    }
    let window = "non_replicated_deduplication_window = 100000";
    if sql.contains(window) && !table.engine_full.contains(window) {
        return Some("has another deduplication window".to_owned());
    }
    None
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, behind) = text.split_once(from)?;
    Some(behind.split(to).next().unwrap_or(behind))
}
