//! One PostgreSQL, one ClickHouse, and the roles as processes of their own.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use hopline_testkit::{BROWSER, Backing, Hopline, Http, Setup, eventually, within};
use hopline_tests::Installation;
use serde_json::json;

/// What a worker's death may cost.
const TAKEOVER: Duration = Duration::from_secs(10);
const DRAIN: Duration = Duration::from_secs(60);

fn setup(backing: Backing) -> Setup {
    Setup::over(backing)
        .with("HOPLINE_EDGE_THREADS", "1")
        .with("HOPLINE_SHIP_INTERVAL_MS", "50")
        .with("HOPLINE_WORKER_TICK_MS", "50")
}

/// An edge that knows the API and the click store alone.
fn far_edge(installation: &Installation, clicks_url: &str, api: &str, id: &str) -> Setup {
    let key =
        Hopline::key(&installation.data_dir(), installation.setup(), &["--role", "edge"], "far").unwrap();
    setup(Backing::Embedded)
        .roles("edge")
        .with("HOPLINE_EDGE_ID", id)
        .with("HOPLINE_CLICKS_URL", clicks_url)
        .with("HOPLINE_EDGE_UPSTREAM", api)
        .with("HOPLINE_EDGE_UPSTREAM_KEY", &key)
}

async fn decides(installation: &Installation, api: &Http, orders: usize, limit: Duration) {
    let what = format!("{orders} orders are decided");
    within(limit, &what, async || (installation.decided(api).await == orders).then_some(())).await;
}

fn signal(process: &Hopline, name: &str) {
    let sent = Command::new("kill").arg(name).arg(process.pid().to_string()).status().unwrap();
    assert!(sent.success());
}

async fn parts(worker: &Hopline) -> f64 {
    Installation::metric(worker, "hopline_lease_partitions").await
}

async fn clicks_through(edge: &Http, code: &str) -> bool {
    let visited = edge.send("GET", &format!("/{code}"), &BROWSER, Vec::new()).await;
    visited.is_ok_and(|answer| answer.status == 302)
}

async fn new_link(api: &Http, installation: &Installation) -> String {
    let link = json!({"offer_id": 1, "affiliate_id": installation.network.affiliates[0]});
    api.post("/v1/links", &link).await.expect(201)["code"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_is_followed_and_does_no_harm_when_it_goes_on() {
    let mut installation = Installation::new(setup(Backing::servers())).await;
    let server = installation.serve_roles("edge,api").unwrap();
    let api = installation.api(&server);
    let worker = installation.setup().clone().roles("worker");
    let first = installation.serve_beside("first", &worker).unwrap();
    let mut second = installation.serve_beside("second", &worker).unwrap();
    eventually("both have half", async || {
        (parts(&first).await == 16.0 && parts(&second).await == 16.0).then_some(())
    })
    .await;
    installation.story(&server, 100, 10).await;
    decides(&installation, &api, 10, DRAIN).await;

    signal(&first, "-STOP");
    installation.story(&server, 100, 10).await;
    decides(&installation, &api, 20, TAKEOVER).await;
    eventually("the second has all", async || (parts(&second).await == 32.0).then_some(())).await;
    assert_eq!(Installation::metric(&second, "hopline_lease_leader").await, 1.0);

    // It goes on in the belief that it holds what it held, learns otherwise, and gets its share back.
    signal(&first, "-CONT");
    installation.story(&server, 100, 10).await;
    decides(&installation, &api, 30, TAKEOVER).await;
    eventually("both have half again", async || {
        (parts(&first).await == 16.0 && parts(&second).await == 16.0).then_some(())
    })
    .await;
    // Who ends in order hands over at once.
    assert!(second.terminate().unwrap());
    within(Duration::from_secs(3), "the first has all", async || (parts(&first).await == 32.0).then_some(()))
        .await;
    Installation::drained(&server, DRAIN).await;
    drop((first, server));
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}\n{}", installation.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_by_itself_hears_of_changes_at_once_and_goes_on_without_its_api() {
    let backing = Backing::servers();
    let clicks_url = backing.databases().clickhouse.url();
    let mut installation = Installation::new(setup(backing)).await;
    let mut main = installation.serve_roles("worker,api").unwrap();
    let api = installation.api(&main);
    let far = far_edge(&installation, &clicks_url, &main.api, "9");
    let mut edge = installation.serve_beside("far", &far).unwrap();
    let code = new_link(&api, &installation).await;
    let http = edge.edge();
    within(Duration::from_secs(5), "the new link redirects", async || {
        clicks_through(&http, &code).await.then_some(())
    })
    .await;
    installation.story(&edge, 100, 3).await;
    decides(&installation, &api, 3, DRAIN).await;

    // The API is gone and the edge is started again: it serves from its own disk; what shops report waits there.
    main.kill().unwrap();
    edge.kill().unwrap();
    edge = installation.serve_beside("far", &far).unwrap();
    installation.story(&edge, 100, 3).await;
    let ready = Http::new(&edge.metrics).get("/readyz").await;
    assert_eq!(ready.status, 200, "a load balancer must go on sending clicks: {}", ready.text());
    assert!(edge.terminate().unwrap(), "it ends in order, and keeps what it could not hand in");

    // Another API, as behind the same balancer.
    let main = installation.serve_roles("worker,api").unwrap();
    let far = far.with("HOPLINE_EDGE_UPSTREAM", &main.api);
    let edge = installation.serve_beside("far", &far).unwrap();
    let api = installation.api(&main);
    decides(&installation, &api, 6, DRAIN).await;
    Installation::drained(&edge, DRAIN).await;
    drop((edge, main));
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}\n{}", installation.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edges_with_one_id_are_noticed_and_the_later_one_says_so() {
    let installation = Installation::new(setup(Backing::servers())).await;
    let edge = installation.setup().clone().roles("edge").with("HOPLINE_EDGE_ID", "5");
    let first = installation.serve_beside("one", &edge).unwrap();
    let later = installation.serve_beside("other", &edge).unwrap();
    let readyz = async |edge: &Hopline| Http::new(&edge.metrics).get("/readyz").await;
    let told = within(TAKEOVER * 2, "the later one is not ready", async || {
        let answer = readyz(&later).await;
        (answer.status == 503).then(|| answer.text())
    })
    .await;
    assert!(told.contains("another edge uses edge.id 5"), "{told}");
    assert_eq!(readyz(&first).await.status, 200, "one of them must go on serving");
    within(TAKEOVER, "the first one counts it too", async || {
        (Installation::metric(&first, "hopline_edge_id_conflicts_total").await > 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_takes_its_catalogue_from_a_file_and_reads_it_again() {
    let installation = Installation::new(setup(Backing::servers())).await;
    let main = installation.serve_roles("worker,api").unwrap();
    let api = installation.api(&main);
    let file = installation.data_dir().join("handed-over.snapshot");
    let snapshot = installation.data_dir().join("catalogue.snapshot");
    std::fs::copy(&snapshot, &file).unwrap();
    let setup = installation
        .setup()
        .clone()
        .roles("edge")
        .with("HOPLINE_EDGE_ID", "6")
        .with("HOPLINE_EDGE_CATALOGUE_FILE", file.to_str().unwrap());
    let edge = installation.serve_beside("file", &setup).unwrap();
    let http = edge.edge();
    for path in &installation.network.paths {
        assert!(clicks_through(&http, path.trim_start_matches('/')).await);
    }
    let code = new_link(&api, &installation).await;
    assert!(!clicks_through(&http, &code).await, "nobody has told it yet");
    // The API's machine keeps a snapshot; somebody brings it over again and again.
    eventually("the new link redirects", async || {
        let fresh = file.with_extension("new");
        std::fs::copy(&snapshot, &fresh).unwrap();
        #[expect(clippy::disallowed_methods, reason = "whole at every moment is all that it must be")]
        std::fs::rename(&fresh, &file).unwrap();
        clicks_through(&http, &code).await.then_some(())
    })
    .await;
    drop((edge, main));
}

fn run(setup: &Setup, data_dir: &Path, arguments: &[&str]) -> (bool, String) {
    let output = setup.command(data_dir, arguments).output().unwrap();
    let words = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&words).into_owned())
}

#[test]
fn config_check_says_whether_the_servers_can_be_used_and_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    let backing = Backing::servers();
    let servers = backing.databases();
    let (postgres, clickhouse) = (servers.postgres.url(), servers.clickhouse.url());
    let setup = Setup::over(backing.clone());
    let (good, told) = run(&setup, &data_dir, &["config", "check"]);
    assert!(!good && told.contains("hopline init"), "{told}");
    assert!(!data_dir.exists(), "looking makes nothing");
    assert!(run(&setup, &data_dir, &["config", "check", "--offline"]).0);

    let (good, told) = run(&setup, &data_dir, &["init"]);
    assert!(good && told.contains("made 0001_begin") && told.contains("keys: made"), "{told}");
    let (good, told) = run(&setup, &data_dir, &["init"]);
    assert!(good && !told.contains("  made ") && told.contains("keys: found"), "{told}");
    let (good, told) = run(&setup, &data_dir, &["config", "check"]);
    assert!(good && told.contains("PostgreSQL") && told.contains("tables and rights are in order"), "{told}");

    for (name, url, part) in [
        ("HOPLINE_STORE_URL", servers.postgres.url_as("nobody", "hunter2"), "store.url"),
        ("HOPLINE_STORE_URL", "postgres://app:hunter2@127.0.0.1:1/none".to_owned(), "cannot connect"),
        ("HOPLINE_STORE_URL", "postgres://app:hunter2@127.0.0.1:1".to_owned(), "database"),
        ("HOPLINE_CLICKS_URL", servers.clickhouse.url_as("nobody", "hunter2"), "clicks.url"),
        ("HOPLINE_CLICKS_URL", "clickhouse://app:hunter2@127.0.0.1:1/none".to_owned(), "clicks.url"),
        ("HOPLINE_CLICKS_URL", format!("{clickhouse}?wrong=1"), "wrong"),
    ] {
        let wrong = setup.clone().with(name, &url);
        for command in [&["config", "check"][..], &["init"], &["audit"]] {
            let (good, told) = run(&wrong, &data_dir, command);
            assert!(!good, "{command:?} {part}: {told}");
            assert!(!told.contains("hunter2"), "{told}");
            assert!(command[0] != "config" || told.contains(part), "{part}: {told}");
        }
    }
    assert!(postgres.starts_with("postgres"), "{postgres}");
}

#[test]
fn roles_apart_over_files_of_one_process_are_refused_with_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    for (roles, environment, part) in [
        ("worker", &[][..], "store.url is sqlite"),
        ("edge", &[], "edge.upstream"),
        ("api", &[("HOPLINE_STORE_URL", "postgres://u@h/d")], "clicks.url is embedded"),
        (
            "edge,api",
            &[("HOPLINE_EDGE_UPSTREAM", "http://h"), ("HOPLINE_EDGE_UPSTREAM_KEY", "k")],
            "--role edge",
        ),
        ("edge", &[("HOPLINE_EDGE_UPSTREAM", "http://h")], "hopline key create --role edge"),
    ] {
        let setup = environment.iter().fold(Setup::default(), |setup, (name, value)| setup.with(name, value));
        let (good, told) = run(&setup, &home.path().join("data"), &["serve", "--role", roles]);
        assert!(!good && told.contains(part), "{roles}: {told}");
        assert!(!home.path().join("data").exists(), "nothing is made");
    }
}
