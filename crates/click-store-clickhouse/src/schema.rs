//! The tables: which steps make them, which have been taken, and whether what is there is what was made.
//!
//! A step is one statement, repeatable (`IF NOT EXISTS`), and noted in `migrations` after it ran; a crash in between repeats it.
//! The same texts make both forms. On one server `{local}` and `{on_cluster}` are empty. On a cluster every table `x` is
//! `x_local` on each server, with a Distributed table `x` over them, so that statements elsewhere do not know the difference;
//! `{replicated}` makes the engines the replicated ones.
//!
//! | table | holds |
//! |---|---|
//! | `clicks` | rows as the edge answered them, in the order of their numbers, in parts by UTC day; never changed |
//! | `click_hours`, `sub_hours`, `place_hours` | counts of `clicks` by the hour, fed by the views `…_view` |
//! | `touches` | clicks that can win a conversion, by visitor; fed by a view |
//! | `judgements` | one row for each click that a finding made invalid, with all that reports group by |
//! | `findings` | findings that were applied; the smaller `place` came first and wins |
//! | `batches` | which batches are stored, and what was in them |
//! | `facts` | changes to conversions |
//! | `marks` | `raw_from`, `touches_from`: what is older was deleted (milliseconds; the highest value counts) |
//!
//! Ids and texts that are absent are 0 and ''. `kind` is 1 for clicks, 2 for impressions; `verdict` is the byte in the click id.
//!
//! All tables that batches go to keep the tokens of their last 100,000 blocks, and sync what they take to the disk.
//! A time to live deletes raw clicks some days after the retention time, should nobody call retention.

mod check;
mod form;
mod ledger;
mod steps;

pub(crate) use form::Form;

use hopline_click_store::ClickStoreError;

use crate::client::{At, Client};
use crate::fault::Fault;
use crate::options::ClickHouseOptions;

/// Servers before this lack what is relied on here.
const OLDEST: (u32, u32) = (25, 8);
/// Days that the server keeps raw clicks beyond the policy: deleting on time is retention's work.
const TTL_EXTRA_DAYS: u32 = 2;
/// Beyond it a day would pass the end of the server's calendar, 2149, and fall due at once: then there is no time to live.
const TTL_DAYS_MOST: u32 = 14_000;

/// Why the tables cannot be used, and what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchemaError {
    #[error("the server {host} has version {found}; upgrade it to 25.8 or later")]
    TooOld { host: String, found: String },
    #[error(
        "the user {user} lacks rights: {missing} on {database}.*; let an administrator run: GRANT {missing} ON {database}.* TO {user}"
    )]
    Rights { user: String, missing: String, database: String },
    #[error("there is no database {database}; run `hopline init`")]
    NoDatabase { database: String },
    #[error("step {number} ({name}) of the tables has not been taken; run `hopline init`")]
    Missing { number: u32, name: String },
    #[error(
        "step {number} of the tables is noted as {found:?}, this program knows it as {known:?}: the database {database} belongs to another program or form; name another database in clicks.url"
    )]
    Foreign { number: u32, found: String, known: String, database: String },
    #[error(
        "the table {database}.{table} {what}: it was changed by hand; change it back, or move it away and run `hopline init`"
    )]
    Changed { database: String, table: String, what: String },
}

impl SchemaError {
    fn fault(self) -> Fault {
        Fault::Said(ClickStoreError::Failed {
            doing: "prepare its tables",
            retryable: false,
            source: self.into(),
        })
    }
}

/// Creates what is missing, after everything that is there was found to be right; tells what was done.
pub(crate) async fn create(client: &Client, options: &ClickHouseOptions) -> Result<Vec<String>, Fault> {
    let form = Form::of(options);
    check::versions(client).await?;
    let mut done = Vec::new();
    let is_there = check::has_database(client, &form).await?;
    let taken = if is_there { ledger::read(client, &form).await? } else { Vec::new() };
    let pending = ledger::pending(&form, &taken)?;
    if !pending.is_empty() {
        check::rights(client, &form, check::TO_CREATE).await?;
    }
    check::tables(client, &form, check::Absent::IsFine).await?;
    if !is_there {
        form.run(client, "CREATE DATABASE IF NOT EXISTS {db}{on_cluster}").await?;
        done.push(format!("database {}", form.database()));
    }
    if !pending.is_empty() {
        ledger::create(client, &form).await?;
    }
    for step in pending {
        form.run(client, step.sql).await?;
        ledger::note(client, &form, step).await?;
        done.push(format!("{} {}", step.number, step.name));
    }
    done.extend(keep_days(client, &form, options.retention_days).await?);
    check::rights(client, &form, check::TO_WORK).await?;
    check::tables(client, &form, check::Absent::IsWrong).await?;
    Ok(done)
}

/// Finds out whether everything is there and right; changes nothing.
pub(crate) async fn verify(client: &Client, options: &ClickHouseOptions) -> Result<(), Fault> {
    let form = Form::of(options);
    check::versions(client).await?;
    if !check::has_database(client, &form).await? {
        return Err(SchemaError::NoDatabase { database: form.database().to_owned() }.fault());
    }
    check::rights(client, &form, check::TO_WORK).await?;
    let taken = ledger::read(client, &form).await?;
    if let Some(step) = ledger::pending(&form, &taken)?.first() {
        return Err(SchemaError::Missing { number: step.number, name: step.name.to_owned() }.fault());
    }
    check::tables(client, &form, check::Absent::IsWrong).await
}

/// Gives raw clicks the time to live that the policy says, where they have another.
async fn keep_days(client: &Client, form: &Form, days: Option<u32>) -> Result<Option<String>, Fault> {
    let days = days.filter(|days| *days <= TTL_DAYS_MOST).map(|days| days + TTL_EXTRA_DAYS);
    let sql = "SELECT create_table_query FROM system.tables WHERE database = ? AND name = ?";
    let table = form.local("clicks");
    let made: Vec<String> =
        client.rows_of(At::Any, sql, |query| query.bind(form.database()).bind(table.as_str())).await?;
    let made = made.first().map_or("", String::as_str);
    let statement = match days {
        Some(days) if made.contains(&format!("toIntervalDay({days})")) => return Ok(None),
        Some(days) => {
            format!(
                "ALTER TABLE {{db}}.clicks{{local}}{{on_cluster}} MODIFY TTL toDate(at) + toIntervalDay({days})"
            )
        }
        None if made.contains(" TTL ") => "ALTER TABLE {db}.clicks{local}{on_cluster} REMOVE TTL".to_owned(),
        None => return Ok(None),
    };
    form.run(client, &statement).await?;
    Ok(Some(days.map_or("no time to live of raw clicks".to_owned(), |days| {
        format!("time to live of raw clicks: {days} days")
    })))
}

/// All statements, filled in.
pub(crate) fn statements(options: &ClickHouseOptions) -> Vec<String> {
    let form = Form::of(options);
    let steps = form.steps().map(|step| form.fill(step.sql));
    let database = "CREATE DATABASE IF NOT EXISTS {db}{on_cluster}";
    std::iter::once(form.fill(database)).chain(ledger::statements(&form)).chain(steps).collect()
}
