//! One server or a cluster: what the statements' blanks are filled with.

use std::collections::BTreeSet;

use hopline_types::UnixMillis;

use crate::client::{At, Client};
use crate::fault::Fault;
use crate::options::{ClickHouseOptions, Cluster};
use crate::schema::steps::{STEPS, Step};

/// How the tables lie.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    database: String,
    cluster: Option<Cluster>,
}

impl Form {
    pub(crate) fn of(options: &ClickHouseOptions) -> Self {
        Self { database: options.database.clone(), cluster: options.cluster.clone() }
    }

    pub(crate) fn database(&self) -> &str {
        &self.database
    }

    pub(crate) const fn is_cluster(&self) -> bool {
        self.cluster.is_some()
    }

    /// The name of a table where its rows are.
    pub(crate) fn local(&self, table: &str) -> String {
        format!("{table}{}", self.suffix())
    }

    /// ` ON CLUSTER …` for statements that every server shall run; empty where each is asked by itself.
    pub(crate) fn on_cluster(&self) -> String {
        match &self.cluster {
            Some(cluster) if cluster.is_replicated => format!(" ON CLUSTER {}", cluster.name),
            _ => String::new(),
        }
    }

    const fn suffix(&self) -> &'static str {
        if self.is_cluster() { "_local" } else { "" }
    }

    /// The steps of this form, in order.
    pub(super) fn steps(&self) -> impl Iterator<Item = &'static Step> {
        let is_cluster = self.is_cluster();
        STEPS.iter().filter(move |step| is_cluster || !step.is_for_clusters)
    }

    /// Fills the blanks.
    pub(super) fn fill(&self, sql: &str) -> String {
        let (cluster, is_replicated) =
            self.cluster.as_ref().map_or(("", false), |cluster| (&cluster.name, cluster.is_replicated));
        sql.replace("{db}", &self.database)
            .replace("{on_cluster}", &self.on_cluster())
            .replace("{local}", self.suffix())
            .replace("{cluster}", cluster)
            .replace("{replicated}", if is_replicated { "Replicated" } else { "" })
    }

    /// Runs a statement: once where it has all servers run it, else on each.
    pub(crate) async fn run(&self, client: &Client, sql: &str) -> Result<(), Fault> {
        self.run_with(client, sql, &[]).await
    }

    /// As [`Form::run`], with settings.
    pub(crate) async fn run_with(
        &self,
        client: &Client,
        sql: &str,
        settings: &[(&str, &str)],
    ) -> Result<(), Fault> {
        let sql = self.fill(sql);
        for at in self.places(client) {
            client.define(at, &sql, settings).await?;
        }
        Ok(())
    }

    /// Ids of a table's partitions, `YYYYMMDD` of their first day, whose last day, so many days later, ended before a time.
    pub(crate) async fn partitions(
        &self,
        client: &Client,
        table: &str,
        before: UnixMillis,
        extra_days: u8,
    ) -> Result<BTreeSet<String>, Fault> {
        let parts = match &self.cluster {
            Some(cluster) if cluster.is_replicated => {
                format!("clusterAllReplicas({}, system.parts)", cluster.name)
            }
            _ => "system.parts".to_owned(),
        };
        let sql = format!(
            "SELECT DISTINCT partition_id FROM {parts} WHERE database = ? AND table = ? AND active
             AND toDateTime64(toDate(parseDateTimeBestEffort(partition_id)) + {extra_days} + 1, 3, 'UTC')
                 <= fromUnixTimestamp64Milli(?, 'UTC')"
        );
        let mut ids = BTreeSet::new();
        for at in self.places(client) {
            let table = self.local(table);
            let found: Vec<String> = client
                .rows_of(at, &sql, |query| query.bind(&self.database).bind(table.as_str()).bind(before.get()))
                .await?;
            ids.extend(found);
        }
        Ok(ids)
    }

    /// Whom to ask so that every server is asked that has tables of its own.
    pub(super) fn places(&self, client: &Client) -> Vec<At> {
        match &self.cluster {
            Some(cluster) if !cluster.is_replicated => (0..client.hosts()).map(At::Host).collect(),
            _ => vec![At::Any],
        }
    }
}
