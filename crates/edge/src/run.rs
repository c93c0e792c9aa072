//! Starting and ending the threads.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hopline_catalogue::{Catalogue, ClickCounters};
use hopline_classify::{DatacenterNetworks, DuplicateTable, UserAgents};
use hopline_geo::PlacesFile;
use hopline_installs::AppleKeys;
use hopline_listen::tls::Reloader;
use hopline_runtime::clock::Clock;
use hopline_runtime::config::EdgeConfig;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::ops::ReadinessHandle;
use hopline_runtime::telemetry::EdgeMetrics;
use hopline_spool::{
    Durability, FlushError, FsStorage, OpenError, RecordId, SharedTail, SpoolOptions, SpoolWriter, Storage,
    StreamIdentity,
};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use crate::commit::Log;
use crate::front::Front;
use crate::memory::{self, Past, Tally};
use crate::postback::RecentEvents;
use crate::thread::{Shared, Thread};
use crate::{connection, cookie};

/// Most threads: a stream's number has eight bits.
const THREADS_MAX: usize = 256;
const BACKLOG: i32 = 4096;
/// How long an answer may lie unread or unacknowledged before its connection is cut.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(30);
/// Metrics become visible, and an idle thread lets go of an old catalogue.
const TICK: Duration = Duration::from_secs(1);
/// Readers are woken at most this often; in between they look by themselves.
const WAKE_PAUSE: Duration = Duration::from_millis(100);

/// What an edge needs to run.
pub struct EdgeOptions {
    /// `[edge]`.
    pub config: EdgeConfig,
    /// Directory of the streams; stream `n` lies in `edge-{id}-stream-{n}`.
    pub spool_dir: PathBuf,
    /// Limits of the streams.
    pub spool: SpoolOptions,
    /// Per stream, the largest record id that the click store knows of it: a stream whose files were lost goes on behind.
    pub known_ids: BTreeMap<u8, u64>,
    /// Where the streams are stored: the file system.
    pub storage: Arc<dyn Storage>,
    /// The snapshot in force; store another one to swap it.
    pub catalogue: Arc<ArcSwap<Catalogue>>,
    /// Who clicked what lately; seed it before the start.
    pub duplicates: Arc<DuplicateTable>,
    /// What was taken from click caps: made for this edge's share of them. Filled from the spool's past at the start.
    pub counters: Arc<ClickCounters>,
    /// Where addresses are; none: nowhere.
    pub places: Option<Arc<PlacesFile>>,
    /// The certificate, if TLS is spoken; whoever gives it looks at its files.
    pub tls: Option<Arc<Reloader>>,
    /// Networks of data centres.
    pub networks: DatacenterNetworks,
    /// Counters.
    pub metrics: EdgeMetrics,
    /// Becomes ready when all threads listen.
    pub readiness: Option<ReadinessHandle>,
    /// Ends the edge.
    pub shutdown: Shutdown,
    /// The time.
    pub clock: Clock,
    /// Called after records were written, at most ten times a second per thread, from an edge thread: must not block.
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for EdgeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeOptions")
            .field("config", &self.config)
            .field("spool_dir", &self.spool_dir)
            .finish_non_exhaustive()
    }
}

impl EdgeOptions {
    /// Options with the file system, an empty duplicate memory of the default size, spool limits as they come, no readiness
    /// check, and nobody to wake.
    #[must_use]
    pub fn new(
        config: EdgeConfig,
        spool_dir: PathBuf,
        catalogue: Arc<ArcSwap<Catalogue>>,
        metrics: EdgeMetrics,
        shutdown: Shutdown,
        clock: Clock,
    ) -> Self {
        Self {
            config,
            spool_dir,
            spool: SpoolOptions::default(),
            known_ids: BTreeMap::new(),
            storage: Arc::new(FsStorage),
            catalogue,
            duplicates: Arc::new(DuplicateTable::new(
                hopline_classify::DUPLICATE_ENTRIES_DEFAULT,
                rand::random(),
            )),
            counters: Arc::default(),
            places: None,
            tls: None,
            networks: DatacenterNetworks::built_in(),
            metrics,
            readiness: None,
            shutdown,
            clock,
            wake: Arc::new(|| ()),
        }
    }
}

/// Why an edge did not start or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// More threads than streams can be told apart.
    #[error("edge.threads is {given}, at most {THREADS_MAX} are possible")]
    Threads {
        /// How many were asked for.
        given: usize,
    },
    /// A stream of the spool cannot be opened.
    #[error("cannot open the spool of thread {thread}")]
    Spool {
        /// The thread.
        thread: usize,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The system gives no thread or event loop.
    #[error("cannot start thread {thread} of the edge")]
    Start {
        /// The thread.
        thread: usize,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The last flush failed: records whose answers did not leave are lost.
    #[error("thread {thread} could not write its last records")]
    LastFlush {
        /// The thread.
        thread: usize,
        /// Why.
        #[source]
        source: FlushError,
    },
    /// A thread panicked.
    #[error("thread {thread} of the edge panicked")]
    Panicked {
        /// The thread.
        thread: usize,
    },
}

/// A stream of the spool that this edge writes.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Who writes.
    pub identity: StreamIdentity,
    /// Where.
    pub dir: PathBuf,
    /// How far, for readers.
    pub tail: Arc<SharedTail>,
}

/// A running edge.
#[derive(Debug)]
pub struct EdgeHandle {
    address: SocketAddr,
    streams: Vec<Stream>,
    threads: Vec<JoinHandle<Result<(), EdgeError>>>,
}

impl EdgeHandle {
    /// The address that is listened on, also where port 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The streams that are written.
    #[must_use]
    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Waits until all threads have drained; blocks. Does not begin the shutdown by itself.
    ///
    /// # Errors
    /// The first thread that did not end well.
    pub fn wait(self) -> Result<(), EdgeError> {
        let mut outcome = Ok(());
        for (number, thread) in self.threads.into_iter().enumerate() {
            let ended = thread.join().unwrap_or(Err(EdgeError::Panicked { thread: number }));
            outcome = outcome.and(ended);
        }
        outcome
    }
}

/// Binds, opens the spool, starts the threads. Serves until `shutdown` begins.
///
/// # Errors
/// Nothing runs then.
pub fn run(options: EdgeOptions) -> Result<EdgeHandle, EdgeError> {
    let count = options.config.thread_count().max(1);
    if count > THREADS_MAX {
        return Err(EdgeError::Threads { given: count });
    }
    let (address, listeners) = bind(options.config.listen, count)?;
    let durability = match options.config.durability {
        hopline_runtime::config::Durability::Process => Durability::Process,
        hopline_runtime::config::Durability::Disk => Durability::Disk,
        hopline_runtime::config::Durability::Relaxed => Durability::Relaxed,
    };
    let (mut logs, mut streams) = (Vec::new(), Vec::new());
    for (number, stream) in (0..=u8::MAX).take(count).enumerate() {
        let identity = StreamIdentity { edge: options.config.id, stream };
        let dir = stream_dir(&options, stream);
        let storage = Arc::clone(&options.storage);
        let known_id = options.known_ids.get(&stream).and_then(|id| RecordId::new(*id).ok());
        let limits = SpoolOptions { known_id, ..options.spool };
        let (writer, recovery) = SpoolWriter::open_in(storage, &dir, identity, limits, options.clock.now())
            .map_err(|source| EdgeError::Spool { thread: number, source })?;
        tracing::debug!(?identity, ?recovery, "spool stream is open");
        if !recovery.cuts.is_empty() || !recovery.damage.is_empty() {
            let (cuts, damage) = (&recovery.cuts, &recovery.damage);
            tracing::warn!(
                ?identity,
                ?cuts,
                ?damage,
                "the spool was not whole; what was taken out lies in damaged/"
            );
            options.metrics.spool_damage.inc_by(u64::try_from(damage.len()).unwrap_or(u64::MAX));
        }
        streams.push(Stream { identity, dir, tail: writer.tail() });
        logs.push((identity, writer));
    }
    let window_ms =
        i64::try_from(options.config.duplicate_window_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
    let tallies = remember(&options, &streams, window_ms);
    let base_url = options.config.base_url_at(address);
    let shared = Arc::new(Shared {
        trusted_proxies: options.config.trusted_proxies.clone(),
        duplicate_window_ms: window_ms,
        cookie_attributes: cookie::attributes(options.config.cookie_days, base_url.starts_with("https://")),
        agents: UserAgents::built_in(),
        networks: options.networks,
        honours_gpc: options.config.honour_gpc,
        apple_keys: AppleKeys::published(options.config.apple_development_postbacks),
        places: options.places,
        counters: options.counters,
        duplicates: Arc::clone(&options.duplicates),
        recent: RecentEvents::default(),
        clock: options.clock.clone(),
        front: Front {
            proxy_protocol: options.config.proxy_protocol,
            http2: options.config.http2,
            tls: options.tls,
        },
        full_disk: options.config.full_disk,
    });
    let mut threads = Vec::new();
    let logs = logs.into_iter().zip(tallies);
    for (number, (listener, ((identity, writer), tally))) in listeners.into_iter().zip(logs).enumerate() {
        let worker = Worker {
            number,
            listener,
            writer,
            tally,
            identity,
            durability,
            shared: Arc::clone(&shared),
            catalogue: Arc::clone(&options.catalogue),
            metrics: options.metrics.clone(),
            shutdown: options.shutdown.clone(),
            wake: Arc::clone(&options.wake),
            connections_max: options.config.max_connections.div_ceil(count).max(1),
        };
        let thread = std::thread::Builder::new()
            .name(format!("edge-{number}"))
            .spawn(move || worker.run())
            .map_err(|source| EdgeError::Start { thread: number, source });
        match thread {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                options.shutdown.begin();
                return Err(error);
            }
        }
    }
    if let Some(readiness) = &options.readiness {
        readiness.ready();
    }
    Ok(EdgeHandle { address, streams, threads })
}

/// One listener per thread on the same address; the first finds the port where 0 is asked for.
fn bind(wanted: SocketAddr, count: usize) -> Result<(SocketAddr, Vec<std::net::TcpListener>), EdgeError> {
    let mut address = wanted;
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count {
        let listener = listen(address).map_err(|source| EdgeError::Listen { address, source })?;
        address = listener.local_addr().map_err(|source| EdgeError::Listen { address, source })?;
        listeners.push(listener);
    }
    Ok((address, listeners))
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    // Connections inherit it: who takes no byte for so long gives its place on.
    socket.set_tcp_user_timeout(Some(UNREAD_TIMEOUT))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

struct Worker {
    number: usize,
    listener: std::net::TcpListener,
    writer: SpoolWriter,
    tally: Tally,
    identity: StreamIdentity,
    durability: Durability,
    shared: Arc<Shared>,
    catalogue: Arc<ArcSwap<Catalogue>>,
    metrics: EdgeMetrics,
    shutdown: Shutdown,
    wake: Arc<dyn Fn() + Send + Sync>,
    connections_max: usize,
}

impl Worker {
    fn run(self) -> Result<(), EdgeError> {
        let number = self.number;
        let outcome = self.serve();
        if let Err(error) = &outcome {
            tracing::error!(thread = number, %error, "a thread of the edge did not end well");
        }
        outcome
    }

    fn serve(self) -> Result<(), EdgeError> {
        let failed = |source| EdgeError::Start { thread: self.number, source };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .map_err(failed)?;
        let log = Log::new(self.identity, self.durability, self.writer).map_err(failed)?;
        let thread = Rc::new(Thread::new(self.shared, log, self.tally, self.catalogue, self.metrics.local()));
        let served = runtime.block_on(async {
            let listener = TcpListener::from_std(self.listener).map_err(failed)?;
            let flusher = Rc::clone(&thread);
            let wake = self.wake;
            let flusher = tokio::task::spawn_local(async move {
                let last = Cell::new(None);
                let after = || {
                    let now = Instant::now();
                    if last.get().is_none_or(|last: Instant| now.duration_since(last) >= WAKE_PAUSE) {
                        last.set(Some(now));
                        wake();
                    }
                };
                flusher.log.flush_forever(&flusher.shared.clock, after).await;
            });
            tokio::task::spawn_local(tick(Rc::clone(&thread)));
            tokio::select! {
                () = connection::serve(listener, Rc::clone(&thread), self.connections_max, &self.shutdown) => Ok(()),
                // Without it no answer would ever leave again: better no edge than one that hangs.
                _ = flusher => {
                    self.shutdown.begin();
                    Err(EdgeError::Panicked { thread: self.number })
                }
            }
        });
        // A sync may be under way on another thread; what it covers is synced again here.
        drop(runtime);
        let finished =
            thread.log.finish().map_err(|source| EdgeError::LastFlush { thread: self.number, source });
        thread.metrics.borrow_mut().flush();
        if let Some(tally) = thread.tally_to_save() {
            tally.save();
        }
        served.and(finished)
    }
}

async fn tick(thread: Rc<Thread>) {
    let mut saved = Instant::now();
    loop {
        tokio::time::sleep(TICK).await;
        thread.metrics.borrow_mut().flush();
        thread.catalogue.borrow_mut().load();
        if saved.elapsed() >= memory::SAVE_EVERY {
            saved = Instant::now();
            thread.shared.counters.forget_before(thread.shared.clock.now());
            if let Some(tally) = thread.tally_to_save()
                && tokio::task::spawn_blocking(move || tally.save()).await.is_err()
            {
                tracing::error!("the thread that saves what was taken from click caps died");
            }
        }
    }
}

/// Reads the past of all streams, those of earlier runs with more threads among them; gives the tallies of this run's.
fn remember(options: &EdgeOptions, streams: &[Stream], window_ms: i64) -> Vec<Tally> {
    let catalogue = options.catalogue.load();
    let since = options.clock.now().plus(-window_ms);
    let (duplicates, counters) = (&options.duplicates, &options.counters);
    let tally_of = |dir: &Path, tail| {
        let past = Past { dir, tail };
        memory::remember(&past, &options.storage, &catalogue, duplicates, counters, since)
    };
    for stream in (0..=u8::MAX).skip(streams.len()) {
        let dir = stream_dir(options, stream);
        if dir.is_dir() {
            tally_of(&dir, None);
        }
    }
    streams.iter().map(|stream| tally_of(&stream.dir, Some(Arc::clone(&stream.tail)))).collect()
}

fn stream_dir(options: &EdgeOptions, stream: u8) -> PathBuf {
    options.spool_dir.join(format!("edge-{}-stream-{stream}", options.config.id))
}
