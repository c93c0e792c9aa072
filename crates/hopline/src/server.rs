//! Wires the roles together: what runs, who wakes whom, and in which order it ends.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hopline_api::{Services, Settings, SettledClicks};
use hopline_books::{Intake, intake_event};
use hopline_click_store::StreamId;
use hopline_control_store::{Database, DatabaseExt as _};
use hopline_edge::EdgeOptions;
use hopline_portal::PortalState;
use hopline_record::ConversionEvent;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::Config;
use hopline_runtime::files::DataDir;
use hopline_runtime::lifecycle::{Shutdown, Tasks};
use hopline_runtime::ops::{self, Ops, Readiness};
use hopline_runtime::telemetry::Metrics;
use hopline_ship::{Accepted, ConversionSink, ShipLimits, ShipOptions, SinkError, StreamSource, Wake};
use hopline_spool::SpoolOptions;
use hopline_types::{HOUR_MS, UnixMillis};
use hopline_worker::WorkerOptions;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::publisher::Publisher;
use crate::stores::{self, Stores};
use crate::upkeep;

/// What may take longer than this at the end is reported and left behind.
const END_LIMIT: Duration = Duration::from_secs(60);
/// Repeated clicks remembered over a restart.
const SEED_CLICKS_MAX: usize = 1 << 20;

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
    pub(crate) stores: Stores,
    pub(crate) clock: Clock,
    pub(crate) shutdown: Shutdown,
    metrics: Metrics,
    tasks: Tasks,
    ops_end: Shutdown,
    // Held until the end: nobody else may use the directory meanwhile.
    data_dir: Arc<DataDir>,
}

impl Server {
    /// Opens everything and begins to serve; on return every listener answers.
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

        let stores = stores::open(&config, &data_dir, &clock)?;
        stores::ensure_keys(&stores.database, &clock).await.context("looking after keys")?;
        let catalogue_changed = Arc::new(Notify::new());
        let publisher = Publisher::begin(
            stores.clone(),
            config.clone(),
            Arc::clone(&data_dir),
            clock.clone(),
            Arc::clone(&catalogue_changed),
        )
        .await?;
        stores_ready.ready();

        let mut tasks = Tasks::new(shutdown.clone());
        let wake_worker = Arc::new(Notify::new());
        // The end runs downstream: edge, then shipping, then the worker, so that what was accepted is booked.
        let (ship_end, worker_end) = (Shutdown::new(), Shutdown::new());
        let current = Arc::clone(&publisher.current);

        let mut edge_url = None;
        if roles.edge {
            let wake = Wake::default();
            let mut options = EdgeOptions::new(
                config.edge.clone(),
                data_dir.join(stores::SPOOL_FOLDER),
                current,
                metrics.edge.clone(),
                shutdown.clone(),
                clock.clone(),
            );
            let segment_bytes_max = u32::try_from(config.spool.segment_bytes).unwrap_or(u32::MAX);
            options.spool = SpoolOptions { segment_bytes_max, ..SpoolOptions::default() };
            options.readiness = edge_ready;
            let ring = wake.clone();
            options.wake = Arc::new(move || ring.ring());
            seed_duplicates(&options, &stores, &config, &clock).await;
            known_ids(&mut options, &stores, &config).await;
            let edge = hopline_edge::run(options)?;
            edge_url = Some(config.edge.base_url_at(edge.address()));
            let streams = edge
                .streams()
                .iter()
                .map(|stream| StreamSource {
                    stream: StreamId { edge: stream.identity.edge, stream: stream.identity.stream },
                    dir: stream.dir.clone(),
                    tail: Some(Arc::clone(&stream.tail)),
                })
                .collect();
            let next = ship_end.clone();
            tasks.spawn_thread("edge", move || {
                let outcome = edge.wait();
                next.begin();
                outcome
            })?;
            let ship = ShipOptions {
                streams,
                spool_dir: data_dir.join(stores::SPOOL_FOLDER),
                clicks: Arc::clone(&stores.clicks),
                conversions: Arc::new(IntoBooks {
                    database: Arc::clone(&stores.database),
                    clock: clock.clone(),
                    wake_worker: Arc::clone(&wake_worker),
                }),
                limits: ShipLimits {
                    batch_records: config.ship.batch_records,
                    interval: config.ship.interval,
                    retain: config.spool.retain,
                    ..ShipLimits::default()
                },
                wake,
                shutdown: ship_end.clone(),
                ship_metrics: metrics.ship.clone(),
                spool_metrics: metrics.spool.clone(),
                clock: clock.clone(),
            };
            let next = worker_end.clone();
            tasks.spawn("shipping", async move {
                let outcome = hopline_ship::run(ship).await;
                next.begin();
                outcome
            });
        }

        let options = WorkerOptions {
            database: Arc::clone(&stores.database),
            click_store: Arc::clone(&stores.clicks),
            clock: clock.clone(),
            config: config.worker.clone(),
            metrics: metrics.clone(),
            shutdown: worker_end.clone(),
            wake: Arc::clone(&wake_worker),
        };
        let settle_clicks = settlement(&options);
        if roles.worker {
            if !roles.edge {
                let (begun, end) = (shutdown.clone(), worker_end.clone());
                tokio::spawn(async move {
                    begun.begun().await;
                    end.begin();
                });
            }
            tasks.spawn("worker", async move { hopline_worker::run(options).await });
        }

        let mut api_url = None;
        if roles.api {
            let listener = listen(config.api.listen, "api.listen").await?;
            let address = listener.local_addr()?;
            let base_url = config.api.base_url_at(address);
            let services = Services {
                database: Arc::clone(&stores.database),
                click_store: Arc::clone(&stores.clicks),
                clock: clock.clone(),
                settings: Settings {
                    edge_base_url: edge_url.clone().unwrap_or_else(|| config.edge.base_url.clone()),
                    payouts: config.payouts.clone(),
                },
                wake_worker: Arc::clone(&wake_worker),
                catalogue_changed: Arc::clone(&catalogue_changed),
                settle_clicks,
                sign_in: hopline_api::SignIn::new(Arc::clone(&stores.database), clock.clone()),
            };
            let portal = hopline_portal::router(PortalState::new(services.clone(), &base_url));
            let router = hopline_api::router(services).merge(portal);
            let end = shutdown.clone();
            tasks.spawn("api", async move {
                hopline_api::run(listener, router, async move { end.begun().await }).await;
                Ok::<(), std::convert::Infallible>(())
            });
            api_url = Some(base_url);
        }
        tasks.spawn("catalogue", publisher.run(shutdown.clone()));
        let own = (stores.clone(), config.clone(), clock.clone(), shutdown.clone());
        tasks.spawn("upkeep", upkeep::run(own.0, own.1, own.2, own.3));
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

async fn listen(address: std::net::SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address} ({key})"))
}

/// Tells the edge who clicked lately, so that a restart does not turn repeated clicks into paid ones.
async fn seed_duplicates(options: &EdgeOptions, stores: &Stores, config: &Config, clock: &Clock) {
    let window = i64::try_from(config.edge.duplicate_window_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
    let since = UnixMillis(clock.now().get().saturating_sub(window));
    match stores.clicks.recent_clicks(since, SEED_CLICKS_MAX).await {
        // They come newest first; the memory wants the newest last, so that these are the ones that stay.
        Ok(recent) => options.duplicates.seed(recent.into_iter().rev().flat_map(|click| {
            let offer = u32::try_from(click.offer.get()).ok();
            // A visitor who brought no cookie was counted under both.
            let keys = [Some(click.visitor_key), Some(click.pseudonym).filter(|key| *key != 0)];
            keys.into_iter().flatten().filter_map(move |key| Some((key, offer?, click.at)))
        })),
        Err(error) => tracing::error!(%error, "repeated clicks are not remembered over this restart"),
    }
}

/// Tells the edge how far the click store knows each stream, so that a spool that was lost begins behind it and no
/// click's number is given twice.
async fn known_ids(options: &mut EdgeOptions, stores: &Stores, config: &Config) {
    for stream in (0..=u8::MAX).take(config.edge.thread_count().max(1)) {
        match stores.clicks.progress(StreamId { edge: config.edge.id, stream }).await {
            Ok(Some(last)) => {
                options.known_ids.insert(stream, last);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, stream, "the click store does not say how far a stream had come")
            }
        }
    }
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
