//! Several workers over one control store.

use std::sync::Arc;
use std::time::Duration;

use hopline_control_store::conversions::PARTITIONS;
use hopline_control_store::{Database, DatabaseExt as _, StoreError, leases};
use hopline_control_store_sqlite::SqliteDatabase;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::Metrics;
use hopline_worker::{Claims, LeaseOptions, Leases, Pace};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::network::{NOW, eventually};

const ALL: usize = 32;

/// As the default, faster.
const PACE: Pace = Pace {
    beat: Duration::from_millis(40),
    lost: Duration::from_millis(1_500),
    still: Duration::from_secs(2),
};

struct Worker {
    claims: Claims,
    metrics: Metrics,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Worker {
    async fn start(id: &str, database: &Arc<dyn Database>) -> Self {
        let (claims, metrics, shutdown) = (Claims::none(), Metrics::new(), Shutdown::new());
        let options = LeaseOptions {
            database: Arc::clone(database),
            claims: claims.clone(),
            id: id.to_owned(),
            pace: PACE,
            wake: Arc::new(Notify::new()),
            metrics: metrics.leases.clone(),
            shutdown: shutdown.clone(),
        };
        let leases = Leases::begin(options).await;
        let task = tokio::spawn(async move { leases.keep().await.unwrap_or_else(|never| match never {}) });
        Self { claims, metrics, shutdown, task }
    }

    fn parts(&self) -> usize {
        self.claims.partitions().len()
    }

    async fn end(self) {
        self.shutdown.begin();
        self.task.await.unwrap();
        assert_eq!((self.claims.partitions().len(), self.claims.is_leader()), (0, false));
    }
}

fn database(directory: &tempfile::TempDir) -> Arc<dyn Database> {
    Arc::new(SqliteDatabase::open(directory.path().join("control.db"), NOW).unwrap())
}

fn disjoint(one: &Worker, other: &Worker) -> bool {
    let taken = one.claims.partitions();
    other.claims.partitions().iter().all(|part| !taken.contains(part))
}

#[tokio::test]
async fn workers_share_all_parts_and_one_of_them_leads() {
    assert_eq!(usize::from(PARTITIONS), ALL);
    let directory = tempfile::tempdir().unwrap();
    let database = database(&directory);
    let one = Worker::start("one", &database).await;
    eventually("the first has all", || async { one.parts() == ALL && one.claims.is_leader() }).await;
    let other = Worker::start("other", &database).await;
    eventually("half goes to the other", || async { (one.parts(), other.parts()) == (ALL / 2, ALL / 2) })
        .await;
    assert!(disjoint(&one, &other));
    assert!(one.claims.is_leader() && !other.claims.is_leader());
    assert_eq!((one.metrics.leases.partitions.get(), other.metrics.leases.leader.get()), (16, 0));

    // Who ends in order is followed long before its leases would have run out.
    one.end().await;
    let handed_over = tokio::time::Instant::now();
    eventually("the other has all", || async { other.parts() == ALL && other.claims.is_leader() }).await;
    assert!(handed_over.elapsed() < PACE.still, "{:?}", handed_over.elapsed());
    other.end().await;
    let left: Result<_, StoreError> = database.read(|tx| leases::list(tx)).await;
    assert!(left.unwrap().iter().all(leases::Lease::is_free));
}

#[tokio::test]
async fn a_worker_that_dies_is_followed_and_its_leases_go_to_those_that_live() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(&directory);
    let dying = Worker::start("dying", &database).await;
    eventually("the first has all", || async { dying.parts() == ALL }).await;
    dying.task.abort();
    let heir = Worker::start("heir", &database).await;
    eventually("the heir has all", || async { heir.parts() == ALL && heir.claims.is_leader() }).await;
    let names: Result<_, StoreError> = database.read(|tx| leases::list(tx)).await;
    assert!(!names.unwrap().iter().any(|lease| lease.name == "worker:dying"), "the dead one is forgotten");
    heir.end().await;
}

#[tokio::test]
async fn a_worker_that_is_started_again_has_what_it_had_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(&directory);
    let killed = Worker::start("same", &database).await;
    assert_eq!(killed.parts(), ALL);
    killed.task.abort();
    let again = Worker::start("same", &database).await;
    assert!(again.parts() == ALL && again.claims.is_leader());
    again.end().await;
}

#[tokio::test]
async fn a_worker_whose_store_is_away_holds_nothing_any_more_and_comes_back() {
    let directory = tempfile::tempdir().unwrap();
    let database = database(&directory);
    let worker = Worker::start("one", &database).await;
    eventually("it has all", || async { worker.parts() == ALL }).await;
    // Somebody keeps the store's only writer.
    let (release, wait) = std::sync::mpsc::channel::<()>();
    let blocked = Arc::clone(&database);
    let blocker = tokio::spawn(async move {
        let wait = std::sync::Mutex::new(wait);
        let held: Result<(), StoreError> = blocked
            .write(move |_| {
                wait.lock().unwrap().recv().ok();
                Ok(())
            })
            .await;
        held.unwrap();
    });
    eventually("it gives up", || async { worker.parts() == 0 && !worker.claims.is_leader() }).await;
    assert!(worker.metrics.leases.failures.get() > 0);
    drop(release);
    blocker.await.unwrap();
    eventually("it has all again", || async { worker.parts() == ALL }).await;
    worker.end().await;
}
