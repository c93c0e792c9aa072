//! Wires the roles together: what runs, who wakes whom, and in which order it ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use hopline_api::{Services, Settings, SettledClicks};
use hopline_books::{Intake, intake_event};
use hopline_catalogue::caps::Share;
use hopline_catalogue::{Catalogue, ClickCounters};
use hopline_click_store::StreamId;
use hopline_control_store::{Database, DatabaseExt as _};
use hopline_edge::EdgeOptions;
use hopline_portal::PortalState;
use hopline_record::ConversionEvent;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{Config, Durability};
use hopline_runtime::files::DataDir;
use hopline_runtime::lifecycle::{Shutdown, Tasks};
use hopline_runtime::ops::{self, Ops, Readiness, ReadinessHandle};
use hopline_runtime::telemetry::Metrics;
use hopline_ship::{Accepted, ConversionSink, ShipLimits, ShipOptions, SinkError, StreamSource, Wake};
use hopline_spool::SpoolOptions;
use hopline_types::HOUR_MS;
use hopline_worker::WorkerOptions;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::publisher::{self, Publisher};
use crate::stores::{self, Stores};
use crate::watched::{self, Watched};
use crate::{memory, upkeep};

/// What may take longer than this at the end is reported and left behind.
const END_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two tries to open stores that could not be opened at the start.
const LATE_PAUSE: Duration = Duration::from_secs(2);

/// Which roles run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Roles {
    pub(crate) edge: bool,
    pub(crate) worker: bool,
    pub(crate) api: bool,
}

impl Roles {
    /// All in one process.
    pub(crate) const ALL: Self = Self { edge: true, worker: true, api: true };

    /// Reads `edge,worker,api`.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let mut roles = Self { edge: false, worker: false, api: false };
        for word in text.split(',') {
            match word.trim() {
                "edge" => roles.edge = true,
                "worker" => roles.worker = true,
                "api" => roles.api = true,
                other => anyhow::bail!("--role {text}: {other:?} is not one of edge, worker, api"),
            }
        }
        Ok(roles)
    }
}

/// A server that serves.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) edge_url: Option<String>,
    pub(crate) api_url: Option<String>,
    pub(crate) metrics_url: String,
    /// None while an edge serves without them.
    pub(crate) stores: Option<Stores>,
    pub(crate) clock: Clock,
    pub(crate) shutdown: Shutdown,
    metrics: Metrics,
    tasks: Tasks,
    ops_end: Shutdown,
    // Held until the end: nobody else may use the directory meanwhile.
    data_dir: Arc<DataDir>,
}

impl Server {
    /// Opens everything and begins to serve; on return every listener answers. An edge serves from the last catalogue
    /// on disk where the stores cannot be opened; the other services join it when they can.
    pub(crate) async fn start(config: Config, data_dir: DataDir, roles: Roles) -> anyhow::Result<Self> {
        let clock = Clock::System;
        let data_dir = Arc::new(data_dir);
        let metrics = Metrics::new();
        let shutdown = Shutdown::counted(metrics.lifecycle.begun.clone());
        let readiness = Readiness::new();
        let stores_ready = readiness.register("stores");
        let edge_ready = roles.edge.then(|| readiness.register("edge"));

        // The listener of health and metrics comes first, so that a long start can be watched.
        let ops_listener = listen(config.metrics.listen, "metrics.listen").await?;
        let metrics_url = format!("http://{}", ops_listener.local_addr()?);
        let ops_end = Shutdown::new();
        let ops = Ops { metrics: metrics.clone(), readiness, shutdown: shutdown.clone() };
        let stop = ops_end.clone();
        tokio::spawn(async move { ops::serve(ops_listener, ops, async move { stop.begun().await }).await });

        let (stores, catalogue) = match begin(&config, &data_dir, &clock).await {
            Ok((stores, catalogue)) => (Some(stores), catalogue),
            Err(error) if roles.edge => match stores::snapshot(&data_dir) {
                Ok(Some(last)) => {
                    let error = format!("{error:#}");
                    tracing::error!(
                        error,
                        "the edge serves from the last catalogue on disk, without its stores"
                    );
                    (None, last)
                }
                Ok(None) => return Err(error.context("there is no catalogue to serve")),
                Err(damage) => {
                    return Err(error.context(format!("there is no catalogue to serve: {damage:#}")));
                }
            },
            Err(error) => return Err(error),
        };
        stores_ready.ready();

        let mut tasks = Tasks::new(shutdown.clone());
        let mut wiring = Wiring {
            current: Arc::new(ArcSwap::from_pointee(catalogue)),
            config,
            data_dir: Arc::clone(&data_dir),
            clock: clock.clone(),
            metrics: metrics.clone(),
            shutdown: shutdown.clone(),
            roles,
            edge: None,
            ship_end: Shutdown::new(),
            worker_end: Shutdown::new(),
        };
        if let Some(ready) = edge_ready {
            wiring.start_edge(&mut tasks, stores.as_ref(), ready).await?;
        }
        let edge_url = wiring.edge.as_ref().map(|edge| edge.url.clone());
        let api_url = match &stores {
            Some(stores) => wiring.start_services(&mut tasks, stores).await?,
            None => {
                tasks.spawn("late start", wiring.start_late());
                None
            }
        };
        shutdown.begin_on_signals().context("listening for signals")?;
        Ok(Self {
            edge_url,
            api_url,
            metrics_url,
            stores,
            clock,
            shutdown,
            metrics,
            tasks,
            ops_end,
            data_dir,
        })
    }

    /// The line that tells scripts where everything listens.
    pub(crate) fn ready_line(&self) -> String {
        let mut line = String::from("ready");
        for (name, url) in [("edge", &self.edge_url), ("api", &self.api_url)] {
            if let Some(url) = url {
                line.push_str(&format!(" {name}={url}"));
            }
        }
        line.push_str(&format!(" metrics={} pid={}\n", self.metrics_url, std::process::id()));
        line
    }

    /// Serves until the shutdown, and ends in order. True where everything ended well.
    pub(crate) async fn finish(self) -> bool {
        let ends = self.tasks.run(END_LIMIT).await;
        for end in &ends {
            tracing::error!(%end, "a service did not end well");
        }
        if ends.is_empty() {
            self.metrics.lifecycle.finished.inc();
        }
        self.ops_end.begin();
        drop(self.data_dir);
        ends.is_empty()
    }
}

/// Opens the stores and reads the catalogue; where only the reading fails, the last one on disk serves.
async fn begin(
    config: &Config,
    data_dir: &Arc<DataDir>,
    clock: &Clock,
) -> anyhow::Result<(Stores, Catalogue)> {
    stores::refuse_to_begin_anew(config, data_dir)?;
    let stores = stores::open(config, data_dir, clock)?;
    stores::ensure_keys(&stores.database, clock).await.context("looking after keys")?;
    let catalogue = publisher::load(&stores, config, clock, data_dir).await?;
    Ok((stores, catalogue))
}

/// What services need of each other, whenever they start. They end downstream: edge, then shipping, then the worker, so
/// that what was accepted is booked.
struct Wiring {
    current: Arc<ArcSwap<Catalogue>>,
    config: Config,
    data_dir: Arc<DataDir>,
    clock: Clock,
    metrics: Metrics,
    shutdown: Shutdown,
    roles: Roles,
    edge: Option<RunningEdge>,
    ship_end: Shutdown,
    worker_end: Shutdown,
}

/// What shipping must know of the edge.
struct RunningEdge {
    url: String,
    streams: Vec<StreamSource>,
    wake: Wake,
}

impl Wiring {
    async fn start_edge(
        &mut self,
        tasks: &mut Tasks,
        stores: Option<&Stores>,
        ready: ReadinessHandle,
    ) -> anyhow::Result<()> {
        let wake = Wake::default();
        let mut options = EdgeOptions::new(
            self.config.edge.clone(),
            self.data_dir.join(stores::SPOOL_FOLDER),
            Arc::clone(&self.current),
            self.metrics.edge.clone(),
            self.shutdown.clone(),
            self.clock.clone(),
        );
        let segment_bytes_max = u32::try_from(self.config.spool.segment_bytes).unwrap_or(u32::MAX);
        // Only who syncs gains by segments whose blocks are written already.
        let prefill = self.config.edge.durability == Durability::Disk;
        options.spool = SpoolOptions { segment_bytes_max, prefill, ..SpoolOptions::default() };
        let share = Share::new(self.config.edge.cap_share, self.config.edge.cap_shares)?;
        options.counters = Arc::new(ClickCounters::new(share));
        options.networks = watched::networks(&self.config.edge)?;
        let watched = Watched::open(&self.config.edge)?;
        options.places = watched.places.clone();
        options.tls = watched.tls.clone();
        tasks.spawn("watched files", watched.run(self.shutdown.clone()));
        options.readiness = Some(ready);
        let ring = wake.clone();
        options.wake = Arc::new(move || ring.ring());
        if let Some(stores) = stores {
            memory::seed_duplicates(&options, stores, &self.clock).await;
            memory::known_ids(&mut options, stores).await;
        }
        let edge = hopline_edge::run(options)?;
        let streams = edge
            .streams()
            .iter()
            .map(|stream| StreamSource {
                stream: StreamId { edge: stream.identity.edge, stream: stream.identity.stream },
                dir: stream.dir.clone(),
                tail: Some(Arc::clone(&stream.tail)),
            })
            .collect();
        self.edge = Some(RunningEdge { url: self.config.edge.base_url_at(edge.address()), streams, wake });
        let next = self.ship_end.clone();
        tasks.spawn_thread("edge", move || {
            let outcome = edge.wait();
            next.begin();
            outcome
        })?;
        Ok(())
    }

    /// Starts all that needs the stores; gives the API's address, if it runs.
    async fn start_services(&mut self, tasks: &mut Tasks, stores: &Stores) -> anyhow::Result<Option<String>> {
        let wake_worker = Arc::new(Notify::new());
        self.start_shipping(tasks, stores, &wake_worker);
        let options = WorkerOptions {
            database: Arc::clone(&stores.database),
            click_store: Arc::clone(&stores.clicks),
            clock: self.clock.clone(),
            config: self.config.worker.clone(),
            metrics: self.metrics.clone(),
            shutdown: self.worker_end.clone(),
            wake: Arc::clone(&wake_worker),
        };
        let settle_clicks = settlement(&options);
        if self.roles.worker {
            if !self.roles.edge {
                let (begun, end) = (self.shutdown.clone(), self.worker_end.clone());
                tokio::spawn(async move {
                    begun.begun().await;
                    end.begin();
                });
            }
            tasks.spawn("worker", async move { hopline_worker::run(options).await });
        }
        let catalogue_changed = Arc::new(Notify::new());
        let publisher = Publisher::new(
            Arc::clone(&self.current),
            stores.clone(),
            self.config.clone(),
            Arc::clone(&self.data_dir),
            self.clock.clone(),
            Arc::clone(&catalogue_changed),
        );
        let mut api_url = None;
        if self.roles.api {
            let listener = listen(self.config.api.listen, "api.listen").await?;
            let base_url = self.config.api.base_url_at(listener.local_addr()?);
            let edge_url = self.edge.as_ref().map(|edge| edge.url.clone());
            let services = Services {
                database: Arc::clone(&stores.database),
                click_store: Arc::clone(&stores.clicks),
                clock: self.clock.clone(),
                settings: Settings {
                    edge_base_url: edge_url.unwrap_or_else(|| self.config.edge.base_url.clone()),
                    payouts: self.config.payouts.clone(),
                },
                wake_worker,
                catalogue_changed,
                settle_clicks,
                sign_in: hopline_api::SignIn::new(Arc::clone(&stores.database), self.clock.clone()),
            };
            let portal = hopline_portal::router(PortalState::new(services.clone(), &base_url));
            let router = hopline_api::router(services).merge(portal);
            let end = self.shutdown.clone();
            tasks.spawn("api", async move {
                hopline_api::run(listener, router, async move { end.begun().await }).await;
                Ok::<(), std::convert::Infallible>(())
            });
            api_url = Some(base_url);
        }
        tasks.spawn("catalogue", publisher.run(self.shutdown.clone()));
        let own = (stores.clone(), self.config.clone(), self.clock.clone(), self.shutdown.clone());
        tasks.spawn("upkeep", upkeep::run(own.0, own.1, own.2, own.3));
        Ok(api_url)
    }

    fn start_shipping(&mut self, tasks: &mut Tasks, stores: &Stores, wake_worker: &Arc<Notify>) {
        let Some(edge) = &mut self.edge else { return };
        let ship = ShipOptions {
            streams: std::mem::take(&mut edge.streams),
            spool_dir: self.data_dir.join(stores::SPOOL_FOLDER),
            clicks: Arc::clone(&stores.clicks),
            conversions: Arc::new(IntoBooks {
                database: Arc::clone(&stores.database),
                clock: self.clock.clone(),
                wake_worker: Arc::clone(wake_worker),
            }),
            limits: ShipLimits {
                batch_records: self.config.ship.batch_records,
                interval: self.config.ship.interval,
                retain: self.config.spool.retain,
                ..ShipLimits::default()
            },
            wake: edge.wake.clone(),
            shutdown: self.ship_end.clone(),
            ship_metrics: self.metrics.ship.clone(),
            spool_metrics: self.metrics.spool.clone(),
            clock: self.clock.clone(),
        };
        let next = self.worker_end.clone();
        tasks.spawn("shipping", async move {
            let outcome = hopline_ship::run(ship).await;
            next.begin();
            outcome
        });
    }

    /// Tries to open the stores until it can, then runs all that needs them to its end.
    async fn start_late(mut self) -> anyhow::Result<()> {
        let stores = loop {
            tokio::select! {
                () = self.shutdown.begun() => return Ok(()),
                () = tokio::time::sleep(LATE_PAUSE) => {}
            }
            match begin(&self.config, &self.data_dir, &self.clock).await {
                Ok((stores, catalogue)) => {
                    self.current.store(Arc::new(catalogue));
                    break stores;
                }
                Err(error) => tracing::warn!(error = format!("{error:#}"), "the stores cannot be opened yet"),
            }
        };
        let mut tasks = Tasks::new(self.shutdown.clone());
        let api_url = self.start_services(&mut tasks, &stores).await?;
        tracing::info!(api = api_url.as_deref(), "the stores are open: all services run");
        let ends = tasks.run(END_LIMIT).await;
        match ends.first() {
            None => Ok(()),
            Some(end) => Err(anyhow::anyhow!("{end}")),
        }
    }
}

async fn listen(address: std::net::SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({key})"))
}

/// Conversion events of the spool become conversions in the control store.
#[derive(Debug)]
struct IntoBooks {
    database: Arc<dyn Database>,
    clock: Clock,
    wake_worker: Arc<Notify>,
}

impl ConversionSink for IntoBooks {
    fn accept(&self, events: Vec<(String, ConversionEvent)>) -> Accepted<'_> {
        Box::pin(async move {
            let now = self.clock.now();
            let outcomes = self
                .database
                .write(move |tx| {
                    let mut outcomes = Vec::with_capacity(events.len());
                    for (event_id, event) in &events {
                        outcomes.push(intake_event(tx, event_id, event, now)?);
                    }
                    Ok::<_, hopline_books::BookError>(outcomes)
                })
                .await
                .map_err(|error| SinkError::Unavailable { source: Box::new(error) })?;
            for outcome in outcomes {
                if let Intake::Refused { errors, .. } = outcome {
                    tracing::warn!(
                        ?errors,
                        "a reported conversion could not be taken in; it is kept as refused"
                    );
                }
            }
            self.wake_worker.notify_one();
            Ok(())
        })
    }
}

/// Settles paid clicks when the API asks for it.
fn settlement(options: &WorkerOptions) -> hopline_api::SettleClicks {
    let (database, clicks, clock) =
        (Arc::clone(&options.database), Arc::clone(&options.click_store), options.clock.clone());
    let metrics = options.metrics.clone();
    let wake = Arc::clone(&options.wake);
    Arc::new(move |until| {
        let (database, clicks, clock) = (Arc::clone(&database), Arc::clone(&clicks), clock.clone());
        let (metrics, wake) = (metrics.clone(), Arc::clone(&wake));
        Box::pin(async move {
            // Settlements book differences, so the running hour can be settled as far as it has come.
            let is_now = until.hour() == clock.now().hour();
            let until = if is_now { until.hour().plus(HOUR_MS) } else { until };
            let settled = hopline_worker::settle_now(&*database, &*clicks, &clock, &metrics, until)
                .await
                .map_err(|error| {
                    tracing::error!(%error, "paid clicks were not settled");
                    hopline_api::Problem::unavailable("paid clicks cannot be settled at the moment")
                })?;
            wake.notify_one();
            Ok(SettledClicks { conversions: settled.conversions, clicks: settled.clicks })
        })
    })
}
