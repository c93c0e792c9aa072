//! Which steps have been taken.

use clickhouse::Row;
use hopline_click_store::ClickStoreError;
use serde::Deserialize;

use crate::client::{At, Client};
use crate::fault::Fault;
use crate::schema::steps::Step;
use crate::schema::{Form, SchemaError};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS {db}.migrations{local}{on_cluster}
(
    number UInt32,
    name String,
    sha256 String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = {replicated}ReplacingMergeTree
ORDER BY number";
const OVER: &str = "CREATE TABLE IF NOT EXISTS {db}.migrations{on_cluster} AS {db}.migrations_local
ENGINE = Distributed({cluster}, {db}, migrations_local, intHash64(number))";

/// A step that was taken.
#[derive(Debug, Row, Deserialize)]
pub(super) struct Taken {
    number: u32,
    name: String,
    sha256: String,
}

pub(super) async fn create(client: &Client, form: &Form) -> Result<(), Fault> {
    form.run(client, TABLE).await?;
    if form.is_cluster() {
        form.run(client, OVER).await?;
    }
    Ok(())
}

/// The steps noted; none where nothing notes them yet.
pub(super) async fn read(client: &Client, form: &Form) -> Result<Vec<Taken>, Fault> {
    let sql = "SELECT count() FROM system.tables WHERE database = ? AND name = 'migrations'";
    let tables: Vec<u64> = client.rows_of(At::Any, sql, |query| query.bind(form.database())).await?;
    if tables == [0] {
        return Ok(Vec::new());
    }
    let sql = form.fill("SELECT number, name, sha256 FROM {db}.migrations FINAL ORDER BY number");
    client.rows_of(At::Any, &sql, |query| query).await
}

/// Those of the steps that have not been taken: the last ones.
pub(super) fn pending(form: &Form, taken: &[Taken]) -> Result<Vec<&'static Step>, Fault> {
    let mut steps = form.steps();
    for found in taken {
        let Some(known) = steps.next() else {
            let newest = form.steps().last().map_or(0, |step| step.number);
            return Err(Fault::Said(ClickStoreError::Newer {
                what: format!("the schema of database {}", form.database()),
                found: i64::from(found.number),
                known: i64::from(newest),
            }));
        };
        if (found.number, found.sha256.as_str()) != (known.number, known.sum().as_str()) {
            return Err(SchemaError::Foreign {
                number: found.number,
                found: found.name.clone(),
                known: format!("{} {}", known.number, known.name),
                database: form.database().to_owned(),
            }
            .fault());
        }
    }
    Ok(steps.collect())
}

pub(super) async fn note(client: &Client, form: &Form, step: &Step) -> Result<(), Fault> {
    // On several servers the row goes to one of them, and has arrived when this returns.
    let sql = form.fill(&format!(
        "INSERT INTO {{db}}.migrations (number, name, sha256) VALUES ({}, '{}', '{}')",
        step.number,
        step.name,
        step.sum()
    ));
    client.define(At::Any, &sql, &[("distributed_foreground_insert", "1"), ("async_insert", "0")]).await
}

/// The statements that make the table of the steps.
pub(super) fn statements(form: &Form) -> Vec<String> {
    let over = form.is_cluster().then_some(OVER);
    [Some(TABLE), over].into_iter().flatten().map(|sql| form.fill(sql)).collect()
}
