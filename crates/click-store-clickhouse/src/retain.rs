//! Deleting what is too old: whole days of raw clicks, touches by the millisecond. What was deleted is marked first, so that a
//! recount knows what to leave out.

use hopline_click_store::{Retained, Retention};
use hopline_types::{HOUR_MS, UnixMillis};

use crate::ClickHouseClickStore;
use crate::fault::Fault;

const DAY_MS: i64 = 24 * HOUR_MS;
/// However large a day is, it may go.
const SETTINGS: &[(&str, &str)] = &[("max_partition_size_to_drop", "0"), ("max_table_size_to_drop", "0")];

pub(crate) async fn apply(store: &ClickHouseClickStore, retention: Retention) -> Result<Retained, Fault> {
    let mut retained = Retained::default();
    if let Some(before) = retention.touches_before {
        retained.touches_dropped = touches(store, before).await?;
    }
    if let Some(before) = retention.clicks_before {
        let day = UnixMillis(before.get().div_euclid(DAY_MS) * DAY_MS);
        mark(store, "raw_from", day).await?;
        retained.days_dropped = drop_partitions(store, "clicks", day, 0).await?;
    }
    Ok(retained)
}

async fn touches(store: &ClickHouseClickStore, before: UnixMillis) -> Result<u64, Fault> {
    let sql = "SELECT count() FROM touches WHERE at < fromUnixTimestamp64Milli(?, 'UTC')";
    let dropped: u64 = store.client.row(sql, |query| query.bind(before.get())).await?;
    mark(store, "touches_from", before).await?;
    if dropped == 0 {
        return Ok(0);
    }
    // Weeks begin on Mondays; the one that `before` lies in keeps its younger touches.
    drop_partitions(store, "touches", before, 6).await?;
    let rest: u64 = store.client.row(sql, |query| query.bind(before.get())).await?;
    if rest > 0 {
        let sql = format!(
            "DELETE FROM {{db}}.touches{{local}}{{on_cluster}} WHERE at < fromUnixTimestamp64Milli({}, 'UTC')",
            before.get()
        );
        store.form.run_with(&store.client, &sql, &[]).await?;
    }
    Ok(dropped)
}

async fn mark(store: &ClickHouseClickStore, name: &str, value: UnixMillis) -> Result<(), Fault> {
    let sql = "INSERT INTO marks (name, value) VALUES (?, ?)";
    store.client.run(sql, |query| query.bind(name).bind(value.get())).await
}

/// Drops partitions, named after their first day, that end `extra_days` after it and before a time. Says how many.
async fn drop_partitions(
    store: &ClickHouseClickStore,
    table: &str,
    before: UnixMillis,
    extra_days: u8,
) -> Result<u64, Fault> {
    let old = store.form.partitions(&store.client, table, before, extra_days).await?;
    for id in &old {
        let sql = format!("ALTER TABLE {{db}}.{table}{{local}}{{on_cluster}} DROP PARTITION ID '{id}'");
        store.form.run_with(&store.client, &sql, SETTINGS).await?;
    }
    Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
}
