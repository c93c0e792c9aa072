//! Redirects in a browser: what is asked of the edge, and what it makes of it.

use hopline_testkit::eventually;
use serde_json::json;

use crate::network::{Network, verdict};

#[tokio::test(flavor = "multi_thread")]
async fn c_08_two_clicks_in_one_browser_arrive_as_two_requests() {
    let network = Network::new().await;
    for _ in 0..2 {
        network.read("/").await;
        network.browser.click("a").await;
        let url = network.browser.url().await;
        let landing_page = format!("{}/shoes?hl_click=", network.shop.origin("www.shop.test"));
        assert!(url.starts_with(&landing_page), "{url}");
    }
    let clicks = network.clicks(2).await;
    assert_eq!(verdict(&clicks[0]), ("unique", "none"), "{clicks:#?}");
    assert_eq!(verdict(&clicks[1]), ("duplicate", "none"), "{clicks:#?}");
    assert_ne!(clicks[0]["click_id"], clicks[1]["click_id"]);
    assert_eq!(clicks[0]["referrer_host"], "blog.test");

    // The visitor's cookie is the edge's own, and hidden from scripts.
    network.browser.go(&format!("{}/robots.txt", network.track)).await;
    let cookie = network.browser.cookie("hl_vid").await.expect("a click sets the visitor's cookie");
    assert_eq!((&cookie["httpOnly"], &cookie["sameSite"]), (&json!(true), &json!("Lax")));
    assert_eq!(cookie["domain"], "track.test");
    network.browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c_07_a_prefetched_link_is_refused_and_the_real_click_counts() {
    // Speculation rules leave out a site that would get a cookie: each page has a visitor of its own.
    for page in ["/prefetch", "/rules"] {
        let network = Network::new().await;
        network.read(page).await;
        let clicks = network.clicks(1).await;
        assert_eq!(verdict(&clicks[0]), ("invalid", "prefetch"), "{page}: {clicks:#?}");
        assert_eq!(network.shop.seen("/shoes").len(), 0, "{page}: nobody was sent on");

        network.browser.click("a").await;
        assert!(network.browser.url().await.contains("/shoes?hl_click="), "{page}: the click lands");
        let clicks = network.clicks(2).await;
        assert_eq!(verdict(&clicks[0]), ("invalid", "prefetch"), "{page}: {clicks:#?}");
        assert_eq!(verdict(&clicks[1]), ("unique", "none"), "{page}: {clicks:#?}");
        network.browser.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c_09_a_link_loaded_as_image_or_frame_is_stuffing_and_sets_no_cookie() {
    let network = Network::new().await;
    for (count, page) in [(1, "/image"), (2, "/frame")] {
        network.read(page).await;
        let clicks = network.clicks(count).await;
        assert_eq!(verdict(clicks.last().unwrap()), ("invalid", "stuffing"), "{page}: {clicks:#?}");
    }
    network.browser.go(&format!("{}/robots.txt", network.track)).await;
    assert_eq!(network.browser.cookie("hl_vid").await, None);
    network.read("/").await;
    network.browser.click("a").await;
    let clicks = network.clicks(3).await;
    assert_eq!(verdict(&clicks[2]), ("unique", "none"), "the real click counts: {clicks:#?}");
    eventually("the shop saw the visitor", async || {
        network.shop.seen("/shoes").iter().any(|seen| seen.query.starts_with("hl_click=")).then_some(())
    })
    .await;
    network.browser.close().await;
}
