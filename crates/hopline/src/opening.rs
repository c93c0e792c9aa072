//! Opening what the roles need: the control store or who stands in for it, and the click store.

use std::sync::Arc;

use anyhow::Context as _;
use bytes::Bytes;
use hopline_catalogue::Catalogue;
use hopline_catalogue::data::CatalogueData;
use hopline_click_store::ClickStore;
use hopline_control_store::Database;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::files::DataDir;
use tokio::sync::Notify;

use crate::bank_data;
use crate::edge_mark::EdgeMark;
use crate::publisher;
use crate::roles::Roles;
use crate::source::Source;
use crate::stores::{self, Missing};
use crate::upstream::Upstream;

/// What tells the catalogue and takes conversions.
pub(crate) struct Control {
    pub(crate) source: Source,
    pub(crate) link: Link,
}

/// Whom the services of this process ask and tell.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// None for an edge that asks an API.
    pub(crate) database: Option<Arc<dyn Database>>,
    /// The API, for an edge that asks one.
    pub(crate) upstream: Option<Upstream>,
    /// Rung when the catalogue has changed.
    pub(crate) catalogue_changed: Arc<Notify>,
}

/// What the stores are opened by.
pub(crate) struct Opening {
    pub(crate) config: Config,
    pub(crate) data_dir: Arc<DataDir>,
    pub(crate) clock: Clock,
    pub(crate) roles: Roles,
    pub(crate) mark: Option<EdgeMark>,
}

impl Opening {
    /// Opens the control store, or finds whom to ask in its place, and brings the catalogue.
    pub(crate) async fn control(&self) -> anyhow::Result<(Control, (Catalogue, Bytes))> {
        let (control, data) = self.control_and_data().await?;
        let copy = self.data_dir.join(stores::SNAPSHOT_FILE);
        let catalogue = publisher::compiled(data, copy, self.config.edge.fallback_url.clone()).await?;
        Ok((control, catalogue))
    }

    pub(crate) async fn control_and_data(&self) -> anyhow::Result<(Control, CatalogueData)> {
        let (config, folder) = (&self.config, self.data_dir.path());
        let mark = self.mark.as_ref().map_or("", EdgeMark::text);
        let upstream = Upstream::new(config, mark)?;
        let database = if upstream.is_some() {
            None
        } else {
            stores::refuse_to_begin_anew(config, folder)?;
            let database = stores::control(config, folder, &self.clock).await?.store;
            stores::ensure_keys(&database, &self.clock).await.context("looking after keys")?;
            if self.roles.api || self.roles.worker {
                for line in bank_data::ensure(config, folder, &database, &self.clock).await? {
                    tracing::info!("{line}");
                }
            }
            Some(database)
        };
        let mut source = match (&config.edge.catalogue_file, &upstream, &self.mark, &database) {
            (Some(path), ..) => Source::File { path: path.clone(), read: None },
            (None, Some(upstream), Some(mark), _) => {
                Source::Upstream { upstream: Box::new(upstream.clone()), mark: mark.clone() }
            }
            (None, _, _, Some(database)) => Source::store(config, Arc::clone(database), self.clock.clone()),
            (None, ..) => anyhow::bail!("only an edge asks edge.upstream for a catalogue"),
        };
        let data = source.load().await?;
        let link = Link { database, upstream, catalogue_changed: source.bell() };
        Ok((Control { source, link }, data))
    }

    /// Without a spool only the click store knows how far this edge's numbers have come.
    pub(crate) fn refuse_to_count_anew(&self, error: &anyhow::Error) -> anyhow::Result<()> {
        let id = self.config.edge.id;
        let own = format!("edge-{id}-stream-");
        let entries = std::fs::read_dir(self.data_dir.join(stores::SPOOL_FOLDER));
        let is_there = entries.is_ok_and(|mut entries| {
            entries
                .any(|entry| entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with(&own)))
        });
        anyhow::ensure!(
            is_there,
            "edge {id} has no spool here, and the click store cannot say how far its click ids have come, so that they could be \
             given twice: start it when the click store answers: {error:#}"
        );
        Ok(())
    }

    pub(crate) async fn clicks(&self) -> anyhow::Result<Arc<dyn ClickStore>> {
        let missing = if self.roles.worker { Missing::Create } else { Missing::Refuse };
        Ok(stores::clicks(&self.config, self.data_dir.path(), missing).await?.store)
    }
}
