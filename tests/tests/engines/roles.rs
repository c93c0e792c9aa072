//! Several processes of one installation.

use std::time::Duration;

use hopline_testkit::{Backing, ClickHouseServer, Hopline, Http, PostgresServer, Setup, within};
use hopline_tests::Installation;

use crate::{DRAIN, assert_clean, setup};

/// What a worker's death may cost.
const TAKEOVER: Duration = Duration::from_secs(10);

async fn decides(installation: &Installation, api: &Http, orders: usize, limit: Duration) {
    let what = format!("{orders} orders are decided");
    within(limit, &what, async || (installation.decided(api).await == orders).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_in_the_middle_of_a_batch_is_taken_over_within_ten_seconds() {
    let mut installation = Installation::new(setup(Backing::servers())).await;
    let server = installation.serve_roles("edge,api").unwrap();
    let api = installation.api(&server);
    let worker = installation.setup().clone().roles("worker");
    // It holds all there is to do, and dies in the middle of it.
    let dying = worker.clone().with("HOPLINE_FAULTS", "books.book.after=abort");
    let dying = installation.serve_beside("dying", &dying).unwrap();
    installation.story(&server, 100, 20).await;
    Installation::until_dead(&dying, "the worker dies").await;
    let mut second = installation.serve_beside("second", &worker).unwrap();
    decides(&installation, &api, 20, TAKEOVER).await;
    // Two of them: the one is killed while it works, the other is there already.
    let third = installation.serve_beside("third", &worker).unwrap();
    installation.story(&server, 100, 20).await;
    second.kill().unwrap();
    decides(&installation, &api, 40, TAKEOVER).await;
    drop((third, server));
    assert_clean(&installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edges_with_ids_of_their_own_write_clicks_that_never_collide() {
    let backing = Backing::servers();
    let clicks_url = backing.databases().clickhouse.url();
    let mut installation = Installation::new(setup(backing)).await;
    let main = installation.serve_roles("worker,api").unwrap();
    let api = installation.api(&main);
    // One opens the stores; the other knows the API and the click store alone.
    let key =
        Hopline::key(&installation.data_dir(), installation.setup(), &["--role", "edge"], "edge 3").unwrap();
    let near = installation.setup().clone().roles("edge").with("HOPLINE_EDGE_ID", "2");
    let far = setup(Backing::Embedded)
        .roles("edge")
        .with("HOPLINE_EDGE_ID", "3")
        .with("HOPLINE_CLICKS_URL", &clicks_url)
        .with("HOPLINE_EDGE_UPSTREAM", &main.api)
        .with("HOPLINE_EDGE_UPSTREAM_KEY", &key);
    let setups: [(&str, &Setup); 2] = [("near", &near), ("far", &far)];
    let mut edges = setups.map(|(name, setup)| installation.serve_beside(name, setup).unwrap());
    for round in 0..4 {
        for edge in &edges {
            installation.story(edge, 300, 3).await;
        }
        // One goes down hard and comes back on its own disk.
        let (name, setup) = setups[round % 2];
        edges[round % 2].kill().unwrap();
        edges[round % 2] = installation.serve_beside(name, setup).unwrap();
    }
    for edge in &edges {
        Installation::drained(edge, DRAIN).await;
    }
    decides(&installation, &api, 24, DRAIN).await;
    drop((edges, main));
    let report = installation.check().await;
    assert!(report.is_clean(), "{report:#?}\n{}", installation.log());
    assert_eq!((report.rows, report.ids), (2_400, 2_400));
}

async fn readyz(server: &Hopline, status: u16) -> String {
    within(DRAIN, &format!("/readyz answers {status}"), async || {
        let answer = Http::new(&server.metrics).get("/readyz").await;
        (answer.status == status).then(|| answer.text())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_not_ready_while_a_store_is_away_and_an_edge_is() {
    let (mut postgres, mut clickhouse) =
        (PostgresServer::start().unwrap(), ClickHouseServer::start().unwrap());
    let backing = Backing::on(&postgres, &clickhouse).unwrap();
    let installation = Installation::new(setup(backing)).await;
    let api = installation.serve_roles("api,worker").unwrap();
    let edge = installation.setup().clone().roles("edge").with("HOPLINE_EDGE_ID", "2");
    let edge = installation.serve_beside("edge", &edge).unwrap();
    readyz(&api, 200).await;
    postgres.stop().unwrap();
    let told = readyz(&api, 503).await;
    assert!(told.contains("control store") && told.contains("does not answer"), "{told}");
    readyz(&edge, 200).await;
    postgres.start_again().unwrap();
    readyz(&api, 200).await;
    clickhouse.stop().unwrap();
    let told = readyz(&api, 503).await;
    assert!(told.contains("click store"), "{told}");
    readyz(&edge, 200).await;
    clickhouse.start_again().unwrap();
    readyz(&api, 200).await;
}
