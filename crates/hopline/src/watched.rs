//! Files of the operator that are read again when they are replaced: geography and certificates.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hopline_classify::DatacenterNetworks;
use hopline_geo::PlacesFile;
use hopline_listen::tls::{Checked, Protocols, Reloader, TlsFiles};
use hopline_runtime::config::EdgeConfig;
use hopline_runtime::lifecycle::Shutdown;

/// Pause between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// What is watched; none where no file is named.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) places: Option<Arc<PlacesFile>>,
    pub(crate) tls: Option<Arc<Reloader>>,
}

impl Watched {
    /// Opens what the settings name.
    pub(crate) fn open(config: &EdgeConfig) -> anyhow::Result<Self> {
        let (countries, networks) = (config.geoip.as_deref(), config.geoip_networks.as_deref());
        let places = (countries.is_some() || networks.is_some())
            .then(|| PlacesFile::open(countries, networks))
            .transpose()
            .context("edge.geoip and edge.geoip_networks")?;
        let protocols = if config.http2 { Protocols::Http2AndHttp1 } else { Protocols::Http1 };
        let tls = config.tls.clone().map(|paths| {
            Reloader::open(TlsFiles { certificate: paths.certificate, key: paths.key, protocols })
        });
        let tls = tls.transpose().context("edge.tls_certificate and edge.tls_key")?;
        Ok(Self { places: places.map(Arc::new), tls: tls.map(Arc::new) })
    }

    /// Looks again and again until the shutdown begins. What cannot be read leaves the old content in force; the same
    /// complaint is made once.
    pub(crate) async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut last = [None, None];
        loop {
            tokio::select! {
                () = shutdown.begun() => return Ok(()),
                () = tokio::time::sleep(EVERY) => {}
            }
            let watched = self.clone();
            let found = tokio::task::spawn_blocking(move || watched.look()).await?;
            for (found, last) in found.into_iter().zip(&mut last) {
                match found {
                    Ok(Some(what)) => tracing::info!("{what} was read again"),
                    Ok(None) => {}
                    Err(complaint) if last.as_ref() == Some(&complaint) => continue,
                    Err(complaint) => {
                        tracing::error!("{complaint}: the old content stays in force");
                        *last = Some(complaint);
                        continue;
                    }
                }
                *last = None;
            }
        }
    }

    /// What was read again, or why not; blocks.
    fn look(&self) -> [Result<Option<&'static str>, String>; 2] {
        let places = match self.places.as_ref().map(|places| places.check()) {
            Some(Ok(true)) => Ok(Some("the geography")),
            Some(Ok(false)) | None => Ok(None),
            Some(Err(error)) => Err(chain(&error)),
        };
        let tls = match self.tls.as_ref().map(|tls| tls.check()) {
            Some(Ok(Checked::Reloaded)) => Ok(Some("the certificate")),
            Some(Ok(Checked::Unchanged)) | None => Ok(None),
            Some(Err(error)) => Err(chain(&error)),
        };
        [places, tls]
    }
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The networks of data centres: the operator's list, else the built-in one.
pub(crate) fn networks(config: &EdgeConfig) -> anyhow::Result<DatacenterNetworks> {
    let Some(path) = &config.datacenters else { return Ok(DatacenterNetworks::built_in()) };
    let context = || format!("edge.datacenters: {}", path.display());
    let list = std::fs::read_to_string(path).with_context(context)?;
    DatacenterNetworks::from_list(&list).with_context(context)
}
