//! Installs through the real binary: a postback that Apple has signed, and what an app hands over, become commissions.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use hopline_testkit::{Backing, Hopline, Setup, eventually};
use hopline_tests::over_both;
use serde_json::{Value, json};

fn app() -> Value {
    json!({
        "advertiser_id": 1, "name": "App", "currency": "EUR",
        "landing_page": "https://play.google.com/store/apps/details?id=com.example.app&referrer=utm_source%3Dx%26hl_click%3D{click_id}",
        "postback_auth": "token", "attribution": {"model": "last_click", "window_days": 30},
        "approval": "automatic", "hold_days": 0,
        "goals": [{"key": "install", "kind": "ppi", "revenue": {"fixed": "1.50"}, "payout": {"fixed": "1.00"}}],
    })
}

/// Published with Apple's documentation.
fn postback() -> Value {
    json!({
        "version": "4.0", "ad-network-id": "com.example", "source-identifier": "5239", "app-id": 525463029,
        "transaction-id": "6aafb7a5-0170-41b5-bbe4-fe71dedf1e30", "redownload": false,
        "source-domain": "example.com", "fidelity-type": 1, "did-win": true, "conversion-value": 63,
        "postback-sequence-index": 0,
        "attribution-signature": "MEUCIGRmSMrqedNu6uaHyhVcifs118R5z/AB6cvRaKrRRHWRAiEAv96ne3dKQ5kJpbsfk4eYiePmrZUU6sQmo+7zfP/1Bxo=",
    })
}

over_both!(async installs_that_apple_and_an_app_report_are_paid_once);

//
async fn installs_that_apple_and_an_app_report_are_paid_once(backing: Backing) {
    let home = tempfile::tempdir().unwrap();
    let data_dir = home.path().join("data");
    let setup = Setup::over(backing);
    Hopline::init(&data_dir, &setup).unwrap();
    let operator = Hopline::key(&data_dir, &setup, &["--role", "operator"], "ops").unwrap();
    let mut server = Hopline::serve(&data_dir, &setup).unwrap();
    let (api, edge) = (server.api().with_key(&operator), server.edge());
    let advertiser = json!({"name": "Acme", "currency": "EUR"});
    let token = api.post("/v1/advertisers", &advertiser).await.expect(201)["postback_token"].clone();
    assert_eq!(api.post("/v1/offers", &app()).await.expect(201)["id"], 1);
    let affiliate = json!({"name": "Blog", "email": "blog@example.com", "status": "active"});
    assert_eq!(api.post("/v1/affiliates", &affiliate).await.expect(201)["id"], 1);
    let link = api.post("/v1/links", &json!({"offer_id": 1, "affiliate_id": 1})).await.expect(201);
    let code = link["code"].as_str().unwrap();

    // Apple: first before anybody is entered for the campaign, then again.
    let path = "/.well-known/skadnetwork/report-attribution/";
    assert_eq!(edge.post(path, &postback()).await.status, 200);
    let mut forged = postback();
    forged["app-id"] = json!(525_463_030);
    assert_eq!(edge.post(path, &forged).await.status, 403);
    eventually("the postback waits for its source", async || {
        let waiting = api.get("/v1/installs?state=waiting").await.expect(200);
        waiting["items"].as_array().is_some_and(|items| items.len() == 1).then_some(())
    })
    .await;
    let source = json!({
        "ad_network": "com.example", "app": "525463029", "source_identifier": "5239", "offer_id": 1, "affiliate_id": 1,
    });
    assert_eq!(api.post("/v1/install_sources", &source).await.expect(201)["counted"], 1);
    assert_eq!(edge.post("/installs/skadnetwork", &postback()).await.status, 200);

    // Android: the click leads into the store, whose referrer the app hands over.
    let location = eventually("the link redirects", async || {
        let answer = edge.click(&format!("/{code}")).await;
        (answer.status == 302).then(|| answer.header("location").to_owned())
    })
    .await;
    let referrer = location.split_once("referrer=").expect("the page carries a referrer").1;
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let handed = format!(
        "/installs/play?install_referrer={referrer}&referrer_click_timestamp_server_seconds={now}\
         &install_begin_timestamp_server_seconds={now}&token={}",
        token.as_str().unwrap()
    );
    assert_eq!(edge.get(&handed).await.expect(202)["accepted"], true);
    assert_eq!(edge.get(&handed).await.expect(202)["duplicate"], true);

    eventually("both installs are paid", async || {
        let balances = api.get("/v1/balances?affiliate=1").await.expect(200);
        (balances["items"][0]["payable"] == "2.00").then_some(())
    })
    .await;
    let sources: Vec<Value> = api.get("/v1/conversions").await.expect(200)["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|conversion| conversion["source"].clone())
        .collect();
    assert_eq!(sources.len(), 2);
    assert!(sources.contains(&json!("skadnetwork")) && sources.contains(&json!("play")), "{sources:?}");
    assert_eq!(api.get("/v1/ledger/trial_balance").await.expect(200)["balanced"], true);
    assert!(server.terminate().unwrap(), "it ends in order");
}
