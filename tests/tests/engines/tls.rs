//! Stores and APIs that are only reached over TLS.

use hopline_testkit::{Backing, Hopline, Opening, TlsFront, within};
use hopline_tests::Installation;

use crate::{DRAIN, assert_clean, setup};

#[tokio::test(flavor = "multi_thread")]
async fn both_stores_over_tls_are_trusted_by_their_authority_alone() {
    let backing = Backing::servers();
    let (postgres, clickhouse) = (&backing.databases().postgres, &backing.databases().clickhouse);
    let store = TlsFront::start(postgres.address(), Opening::Postgres).await.unwrap();
    let clicks = TlsFront::start(clickhouse.address(), Opening::Tls).await.unwrap();
    let store_url = |authority: &std::path::Path| {
        let url = postgres.url_at(&store.address());
        let url = url.split('?').next().unwrap_or_default().to_owned();
        format!("{url}?sslmode=verify-full&sslrootcert={}", authority.display())
    };
    let clicks_url = |authority: &std::path::Path| {
        let url = clickhouse.url_at(&clicks.address());
        format!("{url}?secure=1&ca_file={}", authority.display())
    };
    let good = setup(backing.clone())
        .with("HOPLINE_STORE_URL", &store_url(&store.authority()))
        .with("HOPLINE_CLICKS_URL", &clicks_url(&clicks.authority()));

    let home = tempfile::tempdir().unwrap();
    let strangers = [
        good.clone().with("HOPLINE_STORE_URL", &store_url(&store.stranger())),
        good.clone().with("HOPLINE_CLICKS_URL", &clicks_url(&clicks.stranger())),
    ];
    for stranger in strangers {
        let refused = Hopline::init(&home.path().join("stranger"), &stranger).unwrap_err().to_string();
        assert!(refused.contains("certificate"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
    assert_eq!(clickhouse.query("SHOW TABLES").unwrap().trim(), "", "nothing was made");

    let mut installation = Installation::new(good).await;
    let server = installation.serve().unwrap();
    installation.story(&server, 500, 5).await;
    Installation::drained(&server, DRAIN).await;
    assert!(!installation.log().contains("secret"), "no password is logged");
    drop(server);
    assert_clean(&installation).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edge_far_away_takes_its_catalogue_over_https() {
    let backing = Backing::servers();
    let clicks_url = backing.databases().clickhouse.url();
    let mut installation = Installation::new(setup(backing)).await;
    let main = installation.serve_roles("worker,api").unwrap();
    let front = TlsFront::start(main.api.trim_start_matches("http://"), Opening::Tls).await.unwrap();
    let key =
        Hopline::key(&installation.data_dir(), installation.setup(), &["--role", "edge"], "far").unwrap();
    let far = |authority: &std::path::Path| {
        setup(Backing::Embedded)
            .roles("edge")
            .with("HOPLINE_EDGE_ID", "7")
            .with("HOPLINE_CLICKS_URL", &clicks_url)
            .with("HOPLINE_EDGE_UPSTREAM", &format!("https://{}", front.address()))
            .with("HOPLINE_EDGE_UPSTREAM_CA", authority.to_str().unwrap())
            .with("HOPLINE_EDGE_UPSTREAM_KEY", &key)
    };
    let edge = installation.serve_beside("far", &far(&front.authority())).unwrap();
    installation.story(&edge, 300, 4).await;
    let api = installation.api(&main);
    within(DRAIN, "the orders are decided", async || (installation.decided(&api).await == 4).then_some(()))
        .await;
    Installation::drained(&edge, DRAIN).await;
    drop((edge, main));
    assert_clean(&installation).await;
}
