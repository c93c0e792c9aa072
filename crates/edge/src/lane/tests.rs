//! A connection in memory, and the thread's pool beside it.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hopline_catalogue::Catalogue;
use hopline_catalogue::data::{CatalogueData, ClickKeyEntry, PseudonymKeyEntry, Secret};
use hopline_classify::{DatacenterNetworks, DuplicateTable, UserAgents};
use hopline_runtime::clock::ManualClock;
use hopline_runtime::config::FullDisk;
use hopline_runtime::telemetry::Metrics;
use hopline_spool::testing::FaultStorage;
use hopline_spool::{Durability, SpoolOptions, SpoolWriter, StreamIdentity};
use hopline_types::UnixMillis;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::*;
use crate::commit::Log;
use crate::front::Front;
use crate::memory::Tally;
use crate::postback::RecentEvents;
use crate::thread::Shared;

const NOW: UnixMillis = UnixMillis(1_790_000_000_000);

fn thread() -> Rc<Thread> {
    let secret = || Secret("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=".into());
    let data = CatalogueData {
        version: 1,
        click_keys: vec![ClickKeyEntry { id: 1, secret: secret(), signs: true, not_after: None }],
        pseudonym_keys: vec![PseudonymKeyEntry { day: 1, secret: secret() }],
        ..CatalogueData::default()
    };
    let identity = StreamIdentity { edge: 1, stream: 0 };
    let options = SpoolOptions { segment_bytes_max: 256 * 1024, ..SpoolOptions::default() };
    let dir = std::path::Path::new("stream");
    let (writer, _) =
        SpoolWriter::open_in(Arc::new(FaultStorage::new()), dir, identity, options, NOW).unwrap();
    let shared = Shared {
        trusted_proxies: Vec::new(),
        duplicate_window_ms: 1000,
        cookie_attributes: String::new(),
        agents: UserAgents::built_in(),
        networks: DatacenterNetworks::built_in(),
        honours_gpc: true,
        apple_keys: hopline_installs::AppleKeys::published(false),
        places: None,
        counters: Arc::default(),
        duplicates: Arc::new(DuplicateTable::new(8, 1)),
        recent: RecentEvents::default(),
        clock: ManualClock::starting_at(NOW).clock(),
        front: Front::default(),
        full_disk: FullDisk::Refuse,
    };
    let (tally, _) = Tally::load(dir);
    let log = Log::new(identity, Durability::Process, writer).unwrap();
    let catalogue = Arc::new(ArcSwap::from_pointee(Catalogue::compile(data).unwrap()));
    Rc::new(Thread::new(Arc::new(shared), log, tally, catalogue, Metrics::new().edge.local()))
}

struct Closing(bool);

impl Keeper for Closing {
    fn wait(&mut self, _: &Context<'_>) {}

    fn is_closing(&self) -> bool {
        self.0
    }
}

struct Served {
    client: DuplexStream,
    thread: Rc<Thread>,
    task: tokio::task::JoinHandle<End<DuplexStream>>,
}

impl Served {
    /// To be called within a [`tokio::task::LocalSet`].
    async fn start() -> Self {
        Self::with("", false).await
    }

    /// With bytes that were sent before, and whether idle connections are to be closed.
    async fn with(sent: &str, is_closing: bool) -> Self {
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(sent.as_bytes()).await.unwrap();
        let thread = thread();
        let serving = Rc::clone(&thread);
        let task = tokio::task::spawn_local(async move {
            serve(server, Peer::new([127, 0, 0, 1].into(), &[]), &serving, &mut Closing(is_closing)).await
        });
        Self { client, thread, task }
    }

    async fn settle() {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }

    async fn send(&mut self, text: &str) {
        self.client.write_all(text.as_bytes()).await.unwrap();
        Self::settle().await;
    }

    async fn answer(&mut self) -> String {
        let mut bytes = [0; 4096];
        let read = self.client.read(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..read].to_vec()).unwrap()
    }
}

fn locally(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, async {
        tokio::time::timeout(Duration::from_secs(60), test).await.unwrap();
    });
}

#[test]
fn a_connection_holds_a_buffer_only_while_a_head_is_under_way() {
    locally(async {
        let mut served = Served::start().await;
        Served::settle().await;
        assert_eq!(served.thread.pool.free_inputs(), 1, "an idle connection gave it back");
        served.send("GET /nothing HTTP/1.1\r\n").await;
        assert_eq!(served.thread.pool.free_inputs(), 0);
        served.send("Host: x\r\n\r\n").await;
        assert_eq!(served.thread.pool.free_inputs(), 1);
        let answer = served.answer().await;
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nnot found\n"), "{answer}");
        served.send("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\nGET /no").await;
        assert_eq!(served.thread.pool.free_inputs(), 0, "the next head has begun");
    });
}

#[test]
fn what_is_not_plain_is_handed_over_with_every_byte_once_earlier_answers_are_sent() {
    locally(async {
        let mut served = Served::start().await;
        let rest = "GET /postback?x HTTP/1.1\r\nHost: x\r\n\r\nGET /nothing HTTP/1.1\r\nHo";
        served.send(&format!("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n{rest}")).await;
        let End::HandOver { read, .. } = served.task.await.unwrap() else { panic!("it is handed over") };
        assert_eq!(String::from_utf8(read).unwrap(), rest);
        let mut all = String::new();
        served.client.read_to_string(&mut all).await.unwrap();
        assert_eq!(all.matches("HTTP/1.1 404").count(), 1, "{all}");
    });
}

#[test]
fn idle_connections_end_when_they_are_to_be_closed_and_others_after_their_answer() {
    locally(async {
        let idle = Served::with("", true).await;
        assert!(matches!(idle.task.await.unwrap(), End::Over));
        let mut served = Served::with("GET /nothing HT", true).await;
        Served::settle().await;
        assert!(!served.task.is_finished(), "a head is under way");
        served.thread.is_draining.set(true);
        served.send("TP/1.1\r\nHost: x\r\n\r\n").await;
        let answer = served.answer().await;
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        assert!(matches!(served.task.await.unwrap(), End::Over));
    });
}

// S-23
#[test]
fn s_23_a_head_that_comes_too_slowly_ends_its_connection_and_an_answer_gives_new_time() {
    locally(async {
        let begin = std::time::Instant::now();
        sweep::pretend(begin);
        let mut served = Served::start().await;
        served.send("GET /nothing HT").await;
        sweep::pretend(begin + HEAD_TIMEOUT / 2);
        served.send("TP/1.1\r\nHost: x\r\n\r\nGET").await;
        assert!(served.answer().await.starts_with("HTTP/1.1 404"));
        sweep::pretend(begin + HEAD_TIMEOUT);
        served.send(" /no").await;
        assert!(!served.task.is_finished());
        sweep::pretend(begin + HEAD_TIMEOUT * 3 / 2);
        served.send("thing").await;
        assert!(matches!(served.task.await.unwrap(), End::Over));
    });
}
