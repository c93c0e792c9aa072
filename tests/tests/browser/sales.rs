//! The script for shops against the real edge: from the affiliate's link, or without redirect, to the affiliate's sale.

use hopline_testkit::eventually;
use serde_json::{Value, json};

use crate::network::{Network, verdict};

/// The sale that the shop's page reports, as the API tells it.
async fn sale(network: &Network) -> Value {
    eventually("the sale is decided", async || {
        let list = network.api.get("/v1/conversions?order_id=B-1").await.expect(200);
        let sale = list["items"].as_array().unwrap().first().cloned()?;
        (!sale["affiliate_id"].is_null()).then_some(sale)
    })
    .await
}

/// The shop's last page, on another host than the landing page; the call stands before the script.
async fn buy(network: &Network) {
    network.browser.go(&format!("{}/thanks", network.shop.origin("checkout.shop.test"))).await;
    assert_eq!(network.browser.wait("answers[0]").await, json!({"ok": true}));
}

fn is_the_affiliates(sale: &Value, click_id: &str) {
    for (field, value) in [
        ("affiliate_id", json!(1)),
        ("offer_id", json!(1)),
        ("goal", json!("sale")),
        ("click_id", json!(click_id)),
        ("amount", json!({"amount": "49.90", "currency": "EUR"})),
        ("payout", json!({"amount": "4.99", "currency": "EUR"})),
        ("status", json!("pending")),
    ] {
        assert_eq!(sale[field], value, "{field} of {sale}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_in_the_browser_is_the_affiliates_whose_link_was_clicked() {
    let network = Network::new().await;
    network.read("/").await;
    network.browser.click("a").await;
    let click_id = network.browser.wait("window.hopline && hopline.v && hopline('get')").await;
    let click_id = click_id.as_str().unwrap();
    assert!(network.browser.url().await.ends_with(&format!("hl_click={click_id}")));
    let cookie = network.browser.cookie("hl_click").await.expect("the shop's cookie");
    assert_eq!((&cookie["value"], &cookie["domain"]), (&json!(click_id), &json!(".shop.test")));

    buy(&network).await;
    is_the_affiliates(&sale(&network).await, click_id);

    // Reported again it changes nothing; what is wrong reaches the page.
    buy(&network).await;
    let list = network.api.get("/v1/conversions").await.expect(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let wrong = "hopline('convert', {event: 'sale', order_id: 'B-2'}, done)";
    let answer = network.browser.run_async(wrong, &[]).await;
    assert_eq!(answer["ok"], false);
    assert!(answer["error"].as_str().unwrap().contains("amount"), "{answer}");
    network.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_without_redirect_is_a_click_and_its_sale_is_the_affiliates() {
    let network = Network::new().await;
    let landing_page = format!("{}/shoes", network.shop.origin("www.shop.test"));
    network.browser.go(&format!("{landing_page}?hl_offer=1&hl_aff=1&hl_sub1=direct")).await;
    let click_id = network.browser.wait("window.hopline && hopline.v && hopline('get')").await;
    let clicks = network.clicks(1).await;
    assert_eq!(verdict(&clicks[0]), ("unique", "none"), "{clicks:#?}");
    for (field, value) in [("click_id", &click_id), ("sub1", &json!("direct")), ("affiliate_id", &json!(1))] {
        assert_eq!(&clicks[0][field], value, "{field} of {clicks:#?}");
    }
    buy(&network).await;
    is_the_affiliates(&sale(&network).await, click_id.as_str().unwrap());

    // What is not there is said; a shop's page is no place to hang on.
    let answer = network.browser.run_async("hopline('click', {offer: 99, aff: 1}, done)", &[]).await;
    assert_eq!((&answer["ok"], &answer["error"]), (&json!(false), &json!("unknown")), "{answer}");
    network.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r_06_the_edge_says_that_it_honours_global_privacy_control() {
    let network = Network::new().await;
    network.browser.go(&format!("{}/.well-known/gpc.json", network.track)).await;
    let said = network.browser.run("return JSON.parse(document.body.innerText)", &[]).await;
    assert_eq!(said["gpc"], true, "{said}");
    network.browser.close().await;
}
