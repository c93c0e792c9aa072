//! Wires the roles together: what runs, who wakes whom, and in which order it ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use hopline_api::{InternalServices, Services, Settings};
use hopline_catalogue::ClickCounters;
use hopline_catalogue::caps::Share;
use hopline_click_store::{ClickStore, StreamId};
use hopline_control_store::Topic;
use hopline_edge::EdgeOptions;
use hopline_portal::PortalState;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::{ClicksUrl, Config, Durability, StoreUrl};
use hopline_runtime::files::DataDir;
use hopline_runtime::lifecycle::{Shutdown, Tasks};
use hopline_runtime::ops::{self, Ops, Readiness, ReadinessHandle};
use hopline_runtime::telemetry::Metrics;
use hopline_ship::{ConversionSink, ShipLimits, ShipOptions, StreamSource, Wake};
use hopline_spool::SpoolOptions;
use hopline_worker::{Claims, LeaseOptions, Leases, Pace, WorkerOptions};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::bookings::{IntoBooks, settlement};
use crate::edge_mark::{self, EdgeMark};
use crate::opening::{Control, Link, Opening};
use crate::publisher::{self, Press};
use crate::pulse::{self, Shown};
use crate::roles::Roles;
use crate::stores::{self, Stores};
use crate::watched::{self, Watched};
use crate::{memory, upkeep};

/// What may take longer than this at the end is reported and left behind.
const END_LIMIT: Duration = Duration::from_secs(60);
/// Pause between two tries to open stores that could not be opened at the start.
const LATE_PAUSE: Duration = Duration::from_secs(2);

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
    /// on disk where nobody tells it another, and spools where the click store cannot be opened; the other services join it
    /// when they can.
    pub(crate) async fn start(config: Config, data_dir: DataDir, roles: Roles) -> anyhow::Result<Self> {
        let clock = Clock::System;
        let data_dir = Arc::new(data_dir);
        let metrics = Metrics::new();
        let shutdown = Shutdown::counted(metrics.lifecycle.begun.clone());
        let readiness = Readiness::new();
        let stores_ready = readiness.register("stores");
        let edge_ready = roles.edge.then(|| readiness.register("edge"));
        let is_shared = config.edge.upstream.is_some() || config.store.url != StoreUrl::Sqlite;
        let mark = if roles.edge && is_shared {
            let ready = readiness.register("edge id");
            let conflicts = metrics.stores.edge_id_conflicts.clone();
            Some(EdgeMark::new(config.edge.id, edge_mark::of(&data_dir)?, ready, conflicts))
        } else {
            None
        };

        // The listener of health and metrics comes first, so that a long start can be watched.
        let ops_listener = listen(config.metrics.listen, "metrics.listen").await?;
        let metrics_url = format!("http://{}", ops_listener.local_addr()?);
        let ops_end = Shutdown::new();
        let ops = Ops { metrics: metrics.clone(), readiness: readiness.clone(), shutdown: shutdown.clone() };
        let stop = ops_end.clone();
        tokio::spawn(async move { ops::serve(ops_listener, ops, async move { stop.begun().await }).await });

        let opening = Opening { config, data_dir: Arc::clone(&data_dir), clock: clock.clone(), roles, mark };
        let (control, catalogue) = match opening.control().await {
            Ok((control, catalogue)) => (Some(control), catalogue),
            Err(error) if roles.edge => match stores::snapshot(data_dir.path()) {
                Ok(Some(last)) => {
                    let error = format!("{error:#}");
                    tracing::error!(error, "the edge serves from the last catalogue on disk");
                    (None, (last, Bytes::new()))
                }
                Ok(None) => return Err(error.context("there is no catalogue to serve")),
                Err(damage) => {
                    return Err(error.context(format!("there is no catalogue to serve: {damage:#}")));
                }
            },
            Err(error) => return Err(error),
        };
        let clicks = match opening.clicks().await {
            Ok(clicks) => Some(clicks),
            Err(error) if roles.edge => {
                opening.refuse_to_count_anew(&error)?;
                let error = format!("{error:#}");
                tracing::error!(error, "the edge serves without its click store: clicks wait in the spool");
                None
            }
            Err(error) => return Err(error),
        };
        stores_ready.ready();

        let mut tasks = Tasks::new(shutdown.clone());
        let fallback_url = opening.config.edge.fallback_url.clone();
        let mut wiring = Wiring {
            press: Press::new(catalogue, &data_dir, fallback_url),
            opening,
            metrics: metrics.clone(),
            readiness,
            shutdown: shutdown.clone(),
            edge: None,
            ship_end: Shutdown::new(),
            worker_end: Shutdown::new(),
        };
        if let Some(ready) = edge_ready {
            wiring.start_edge(&mut tasks, clicks.as_deref(), ready).await?;
        }
        let edge_url = wiring.edge.as_ref().map(|edge| edge.url.clone());
        let link = control.map(|control| wiring.start_catalogue(&mut tasks, control));
        let database = link.as_ref().and_then(|link| link.database.clone());
        let stores = database.zip(clicks.clone()).map(|(database, clicks)| Stores { database, clicks });
        let api_url = match (link, clicks) {
            (Some(link), Some(clicks)) => wiring.start_services(&mut tasks, &link, &clicks).await?,
            (link, clicks) => {
                tasks.spawn("late start", wiring.start_late(link, clicks));
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

/// What services need of each other, whenever they start. They end downstream: edge, then shipping, then the worker, so
/// that what was accepted is booked.
struct Wiring {
    opening: Opening,
    press: Press,
    metrics: Metrics,
    readiness: Readiness,
    shutdown: Shutdown,
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
        clicks: Option<&dyn ClickStore>,
        ready: ReadinessHandle,
    ) -> anyhow::Result<()> {
        let wake = Wake::default();
        let mut options = EdgeOptions::new(
            self.opening.config.edge.clone(),
            self.opening.data_dir.join(stores::SPOOL_FOLDER),
            self.press.current(),
            self.metrics.edge.clone(),
            self.shutdown.clone(),
            self.opening.clock.clone(),
        );
        let segment_bytes_max = u32::try_from(self.opening.config.spool.segment_bytes).unwrap_or(u32::MAX);
        // Only who syncs gains by segments whose blocks are written already.
        let prefill = self.opening.config.edge.durability == Durability::Disk;
        options.spool = SpoolOptions { segment_bytes_max, prefill, ..SpoolOptions::default() };
        let share = Share::new(self.opening.config.edge.cap_share, self.opening.config.edge.cap_shares)?;
        options.counters = Arc::new(ClickCounters::new(share));
        options.networks = watched::networks(&self.opening.config.edge)?;
        let watched = Watched::open(&self.opening.config.edge)?;
        options.places = watched.places.clone();
        options.tls = watched.tls.clone();
        tasks.spawn("watched files", watched.run(self.shutdown.clone()));
        options.readiness = Some(ready);
        let ring = wake.clone();
        options.wake = Arc::new(move || ring.ring());
        if let Some(clicks) = clicks {
            memory::seed_duplicates(&options, clicks, &self.opening.clock).await;
            memory::known_ids(&mut options, clicks).await;
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
        self.edge =
            Some(RunningEdge { url: self.opening.config.edge.base_url_at(edge.address()), streams, wake });
        let next = self.ship_end.clone();
        tasks.spawn_thread("edge", move || {
            let outcome = edge.wait();
            next.begin();
            outcome
        })?;
        Ok(())
    }

    /// A check of a store; none with the role edge, which serves without.
    fn ready(&self, name: &'static str) -> Option<ReadinessHandle> {
        (!self.opening.roles.edge).then(|| self.readiness.register(name))
    }

    /// Starts what brings new catalogues, and lets others notice this edge.
    fn start_catalogue(&self, tasks: &mut Tasks, Control { source, link }: Control) -> Link {
        let shown =
            Shown { gauge: self.metrics.stores.control_up.clone(), ready: self.ready("control store") };
        shown.set(true);
        tasks.spawn("catalogue", publisher::run(source, self.press.clone(), shown, self.shutdown.clone()));
        if let Some(database) = &link.database {
            let changed = Arc::clone(&link.catalogue_changed);
            database.listen(Arc::new(move |topic| {
                if topic == Topic::Catalogue {
                    changed.notify_one();
                }
            }));
            if let Some(mark) = &self.opening.mark {
                tasks.spawn("edge id", mark.clone().announce(Arc::clone(database), self.shutdown.clone()));
            }
        }
        link
    }

    /// Starts all that needs the stores; gives the API's address, if it runs.
    async fn start_services(
        &mut self,
        tasks: &mut Tasks,
        link: &Link,
        clicks: &Arc<dyn ClickStore>,
    ) -> anyhow::Result<Option<String>> {
        let config = &self.opening.config;
        if matches!(config.clicks.url, ClicksUrl::ClickHouse(_)) {
            let stream = StreamId { edge: config.edge.id, stream: 0 };
            let shown =
                Shown { gauge: self.metrics.stores.clicks_up.clone(), ready: self.ready("click store") };
            tasks.spawn(
                "click store",
                pulse::clicks(Arc::clone(clicks), stream, shown, self.shutdown.clone()),
            );
        }
        let wake_worker = Arc::new(Notify::new());
        let sink: Arc<dyn ConversionSink> = match (&link.upstream, &link.database) {
            (Some(upstream), _) => Arc::new(upstream.clone()),
            (None, Some(database)) => Arc::new(IntoBooks {
                database: Arc::clone(database),
                clock: self.opening.clock.clone(),
                wake_worker: Arc::clone(&wake_worker),
            }),
            (None, None) => anyhow::bail!("there is neither a control store nor edge.upstream"),
        };
        self.start_shipping(tasks, clicks, sink);
        let Some(database) = &link.database else { return Ok(None) };
        let stores = Stores { database: Arc::clone(database), clicks: Arc::clone(clicks) };
        let worker = self.worker_options(&stores, wake_worker);
        let settle_clicks = settlement(&worker);
        let wake_worker = Arc::clone(&worker.wake);
        if self.opening.roles.worker {
            self.start_worker(tasks, &stores, worker).await?;
        }
        if !self.opening.roles.api {
            return Ok(None);
        }
        self.start_api(tasks, stores, link, wake_worker, settle_clicks).await.map(Some)
    }

    fn worker_options(&self, stores: &Stores, wake: Arc<Notify>) -> WorkerOptions {
        let is_alone = self.opening.config.store.url == StoreUrl::Sqlite;
        WorkerOptions {
            database: Arc::clone(&stores.database),
            claims: if is_alone { Claims::all() } else { Claims::none() },
            click_store: Arc::clone(&stores.clicks),
            clock: self.opening.clock.clone(),
            config: self.opening.config.worker.clone(),
            metrics: self.metrics.clone(),
            shutdown: self.worker_end.clone(),
            wake,
        }
    }

    /// Starts the worker and what only one worker does; where there may be several, what shares the work out.
    async fn start_worker(
        &self,
        tasks: &mut Tasks,
        stores: &Stores,
        options: WorkerOptions,
    ) -> anyhow::Result<()> {
        let claims = options.claims.clone();
        if !self.opening.roles.edge {
            let (begun, end) = (self.shutdown.clone(), self.worker_end.clone());
            tokio::spawn(async move {
                begun.begun().await;
                end.begin();
            });
        }
        let leases_end = Shutdown::new();
        if self.opening.config.store.url != StoreUrl::Sqlite {
            let wake = Arc::clone(&options.wake);
            stores.database.listen(Arc::new(move |topic| {
                if topic == Topic::Work {
                    wake.notify_one();
                }
            }));
            let leases = LeaseOptions {
                database: Arc::clone(&stores.database),
                claims: claims.clone(),
                // Who is started again on the same directory has what it held before.
                id: edge_mark::of(&self.opening.data_dir)?,
                pace: Pace::default(),
                wake: Arc::clone(&options.wake),
                metrics: self.metrics.leases.clone(),
                shutdown: leases_end.clone(),
            };
            tasks.spawn("leases", Leases::begin(leases).await.keep());
        }
        tasks.spawn("worker", async move {
            let outcome = hopline_worker::run(options).await;
            // What it held is free for others only now.
            leases_end.begin();
            outcome
        });
        let (config, clock) = (self.opening.config.clone(), self.opening.clock.clone());
        let upkeep =
            upkeep::run(stores.clone(), config, clock.clone(), claims.clone(), self.shutdown.clone());
        tasks.spawn("upkeep", upkeep);
        tasks.spawn(
            "keys",
            publisher::keys(Arc::clone(&stores.database), clock, claims, self.shutdown.clone()),
        );
        Ok(())
    }

    async fn start_api(
        &self,
        tasks: &mut Tasks,
        stores: Stores,
        link: &Link,
        wake_worker: Arc<Notify>,
        settle_clicks: hopline_api::SettleClicks,
    ) -> anyhow::Result<String> {
        let config = &self.opening.config;
        let listener = listen(config.api.listen, "api.listen").await?;
        let base_url = config.api.base_url_at(listener.local_addr()?);
        let edge_url = self.edge.as_ref().map(|edge| edge.url.clone());
        let clock = self.opening.clock.clone();
        let internal = InternalServices {
            database: Arc::clone(&stores.database),
            clock: clock.clone(),
            catalogue: self.press.published(),
            wake_worker: Arc::clone(&wake_worker),
            shutdown: self.shutdown.clone(),
        };
        let services = Services {
            sign_in: hopline_api::SignIn::new(Arc::clone(&stores.database), clock.clone()),
            database: stores.database,
            click_store: stores.clicks,
            clock,
            settings: Settings {
                edge_base_url: edge_url.unwrap_or_else(|| config.edge.base_url.clone()),
                payouts: config.payouts.clone(),
            },
            wake_worker,
            catalogue_changed: Arc::clone(&link.catalogue_changed),
            settle_clicks,
        };
        let portal = hopline_portal::router(PortalState::new(services.clone(), &base_url));
        let internal = hopline_api::internal_router(internal);
        let router = hopline_api::router(services).merge(portal).merge(internal);
        let end = self.shutdown.clone();
        tasks.spawn("api", async move {
            hopline_api::run(listener, router, async move { end.begun().await }).await;
            Ok::<(), std::convert::Infallible>(())
        });
        Ok(base_url)
    }

    fn start_shipping(
        &mut self,
        tasks: &mut Tasks,
        clicks: &Arc<dyn ClickStore>,
        conversions: Arc<dyn ConversionSink>,
    ) {
        let Some(edge) = &mut self.edge else { return };
        let config = &self.opening.config;
        let limits = match config.clicks.url {
            ClicksUrl::Embedded => ShipLimits::default(),
            ClicksUrl::ClickHouse(_) => {
                ShipLimits { pause: config.ship.interval, ..ShipLimits::for_server() }
            }
        };
        let ship = ShipOptions {
            streams: std::mem::take(&mut edge.streams),
            spool_dir: self.opening.data_dir.join(stores::SPOOL_FOLDER),
            clicks: Arc::clone(clicks),
            conversions,
            limits: ShipLimits {
                batch_records: config.ship.batch_records,
                interval: config.ship.interval,
                retain: config.spool.retain,
                ..limits
            },
            wake: edge.wake.clone(),
            shutdown: self.ship_end.clone(),
            ship_metrics: self.metrics.ship.clone(),
            spool_metrics: self.metrics.spool.clone(),
            clock: self.opening.clock.clone(),
        };
        let next = self.worker_end.clone();
        tasks.spawn("shipping", async move {
            let outcome = hopline_ship::run(ship).await;
            next.begin();
            outcome
        });
    }

    /// Tries to open what is missing until it can, then runs all that needs it to its end.
    async fn start_late(
        mut self,
        mut link: Option<Link>,
        mut clicks: Option<Arc<dyn ClickStore>>,
    ) -> anyhow::Result<()> {
        let mut tasks = Tasks::new(self.shutdown.clone());
        while !self.shutdown.is_begun() {
            self.show_waiting().await;
            tokio::select! {
                () = self.shutdown.begun() => break,
                () = tokio::time::sleep(LATE_PAUSE) => {}
            }
            if link.is_none() {
                match self.control_late().await {
                    Ok(control) => link = Some(self.start_catalogue(&mut tasks, control)),
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), "the catalogue is not told yet")
                    }
                }
            }
            if clicks.is_none() {
                match self.opening.clicks().await {
                    Ok(opened) => clicks = Some(opened),
                    Err(error) => {
                        tracing::warn!(error = format!("{error:#}"), "the click store cannot be opened yet");
                    }
                }
            }
            if let (Some(link), Some(clicks)) = (&link, &clicks) {
                let api_url = self.start_services(&mut tasks, link, clicks).await?;
                tracing::info!(api = api_url.as_deref(), "the stores are open: all services run");
                break;
            }
        }
        let ends = tasks.run(END_LIMIT).await;
        match ends.first() {
            None => Ok(()),
            Some(end) => Err(anyhow::anyhow!("{end}")),
        }
    }

    /// What waits in the spool must be seen from the first moment, and above all while nobody can take it.
    async fn show_waiting(&self) {
        let Some(edge) = &self.edge else { return };
        let spool_dir = self.opening.data_dir.join(stores::SPOOL_FOLDER);
        let now = self.opening.clock.now();
        if let Err(error) =
            hopline_ship::show_waiting(&edge.streams, &spool_dir, &self.metrics.spool, now).await
        {
            let error: &dyn std::error::Error = &error;
            tracing::warn!(error, "what waits in the spool cannot be measured");
        }
    }

    async fn control_late(&self) -> anyhow::Result<Control> {
        let (control, data) = self.opening.control_and_data().await?;
        self.press.put(data).await?;
        Ok(control)
    }
}

async fn listen(address: std::net::SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({key})"))
}
