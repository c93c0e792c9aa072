//! The script for shops, source and product, against a stand-in for the edge.

use hopline_testkit::{Seen, eventually};
use serde_json::{Value, json};

use crate::stage::{SCRIPTS, Stage};

/// The requests to this path, once there are so many.
async fn seen(stage: &Stage, path: &str, count: usize) -> Vec<Seen> {
    eventually(path, async || Some(stage.edge.seen(path)).filter(|seen| seen.len() >= count)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_click_id_is_kept_and_shared_by_the_shops_hosts() {
    for script in SCRIPTS {
        let stage = Stage::new(script).await;
        stage.visit("www.shop.test", "/?x=%E0%A4%A&hl_click=first_-1#end").await;
        assert_eq!(stage.known().await, "first_-1");
        let cookie = stage.browser.cookie("hl_click").await.expect("a cookie is kept");
        assert_eq!(cookie["value"], "first_-1");
        assert_eq!(cookie["domain"], ".shop.test", "the widest that may have cookies: {cookie}");
        assert_eq!((&cookie["path"], &cookie["sameSite"]), (&json!("/"), &json!("Lax")));
        assert_eq!(stage.browser.cookies().await.len(), 1, "no other cookie stays");
        let days = "return (arguments[0] - Date.now() / 1000) / 86400";
        let days = stage.browser.run(days, &[cookie["expiry"].clone()]).await.as_f64().unwrap();
        assert!((29.9..30.1).contains(&days), "{days}");

        stage.visit("checkout.shop.test", "/").await;
        assert_eq!(stage.known().await, "first_-1", "the other host shares it");
        stage.visit("checkout.shop.test", "/?hl_click=second").await;
        assert_eq!(stage.known().await, "second", "the newest click wins");
        stage.visit("www.shop.test", "/").await;
        assert_eq!(stage.known().await, "second", "also where the older one was kept");

        // Loaded again and returned to, a page shows an old address.
        stage.visit("www.shop.test", "/?hl_click=third").await;
        stage.visit("checkout.shop.test", "/?hl_click=fourth").await;
        stage.browser.back().await;
        stage.browser.wait("window.hopline && hopline.v && /third/.test(location.search)").await;
        assert_eq!(stage.known().await, "fourth");
        stage.browser.reload().await;
        stage.browser.wait("window.hopline && hopline.v").await;
        assert_eq!(stage.known().await, "fourth");

        // What is no click id is not kept.
        for text in ["a%3B%20Domain%3Dshop.test", "", &"x".repeat(65)] {
            stage.visit("www.shop.test", &format!("/?hl_click={text}")).await;
            assert_eq!(stage.known().await, "fourth", "{text}");
        }

        // The second place.
        stage.browser.forget_cookies().await;
        assert_eq!(
            stage.known().await,
            "third",
            "the host's own storage, written before the cookie of the other"
        );
        let outdated = "localStorage.hl_click = 'third ' + (Date.now() - 1)";
        stage.browser.run(outdated, &[]).await;
        stage.visit("www.shop.test", "/").await;
        assert_eq!(stage.known().await, Value::Null, "its time is over");
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_the_tag_are_followed_and_a_second_tag_changes_nothing() {
    for script in SCRIPTS {
        let stage = Stage::new(script).await;
        stage.visit("www.shop.test", "/settings?hl_click=other&ref=named").await;
        let cookie = stage.browser.cookie("hl_click").await.expect("a cookie is kept");
        assert_eq!(cookie["value"], "named");
        let days = "return Math.round((arguments[0] - Date.now() / 1000) / 86400)";
        assert_eq!(stage.browser.run(days, &[cookie["expiry"].clone()]).await, 2);

        stage.visit("www.shop.test", "/twice?hl_offer=1&hl_aff=2&hl_sub1=twice").await;
        eventually("the click's id", async || (stage.known().await == "made-for-twice").then_some(())).await;
        stage.browser.wait("document.readyState == 'complete'").await;
        assert_eq!(stage.edge.seen("/c.json").len(), 1);

        // The shop's server's cookie, which lives longer in Safari, stays as it is.
        stage.browser.forget_cookies().await;
        stage.visit("www.shop.test", "/remembered?hl_click=from-server").await;
        let cookies = stage.browser.cookies().await;
        assert_eq!(cookies.len(), 1, "{cookies:?}");
        assert_eq!(cookies[0]["domain"], "www.shop.test");
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_made_before_the_script_is_there_are_answered() {
    for script in SCRIPTS {
        let stage = Stage::new(script).await;
        stage.visit("www.shop.test", "/early?hl_click=early").await;
        let answers = stage.browser.wait("answers.length == 3 && answers").await;
        let answers = answers.as_array().unwrap();
        for expected in
            [json!("early"), json!({"ok": true}), json!({"ok": false, "error": "unknown command"})]
        {
            assert!(answers.contains(&expected), "{expected} in {answers:?}");
        }
        let pixels = stage.edge.seen("/pixel.gif");
        assert_eq!(pixels.len(), 1, "{pixels:?}");
        let mut pairs: Vec<_> = pixels[0].query.split('&').collect();
        pairs.sort_unstable();
        assert_eq!(
            pairs,
            [
                "adv10=%C3%A4",
                "amount=49.9",
                "click_id=early",
                "currency=EUR",
                "event=sale",
                "items=%5B%7B%22sku%22%3A%22x%22%2C%22quantity%22%3A2%7D%5D",
                "order_id=A%201%26%3D",
            ]
        );
        assert_eq!(pixels[0].header("cookie"), "", "nothing but the parameters is sent");

        // The callback's own error is the page's, and the only one.
        let wrong = stage.browser.wait("wrong.length && wrong.splice(0)").await;
        assert_eq!(wrong, json!(["Uncaught Error: of the page"]));
        // The stand-in that a page took before the script came.
        stage.browser.run("hopline.q.push(['get', note])", &[]).await;
        assert_eq!(stage.browser.wait("answers[3]").await, "early");
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversions_answer_says_what_became_of_it() {
    for script in SCRIPTS {
        let stage = Stage::new(script).await;
        stage.visit("www.shop.test", "/").await;
        let answer = stage.call("convert", json!({"order_id": "1"})).await;
        assert_eq!(answer, json!({"ok": false, "error": "no click id"}));
        assert_eq!(stage.edge.seen("/pixel.gif").len(), 0, "no sale of ours");
        let answer = stage.call("convert", json!({"order_id": "2", "click_id": "named"})).await;
        assert_eq!(answer, json!({"ok": true}));
        let answer = stage.call("convert", json!({"order_id": "refused", "click_id": "named"})).await;
        assert_eq!(answer, json!({"ok": false, "error": "amount: is needed for a sale"}));

        // A page that may load images and nothing else.
        stage.visit("www.shop.test", "/images-only?hl_click=strict").await;
        let answer = stage.call("convert", json!({"order_id": "3"})).await;
        assert_eq!(answer, json!({"ok": true, "unconfirmed": true}));
        let pixels = stage.edge.seen("/pixel.gif");
        let orders: Vec<_> = pixels.iter().map(|pixel| pixel.parameter("order_id").unwrap()).collect();
        assert_eq!(orders, ["2", "refused", "3"]);

        // The edge's paths lie beside the script.
        stage.visit("www.shop.test", "/handed-on?hl_click=handed").await;
        assert_eq!(stage.call("convert", json!({"order_id": "4"})).await, json!({"ok": true}));
        assert_eq!(stage.edge.seen("/folder/pixel.gif").len(), 1);

        // A browser without fetch.
        stage.visit("www.shop.test", "/old?hl_click=old").await;
        assert_eq!(stage.call("convert", json!({"order_id": "5"})).await, json!({"ok": true}));
        let answer = stage.call("convert", json!({"order_id": "refused"})).await;
        assert_eq!(answer, json!({"ok": false, "error": "amount: is needed for a sale"}));
        let answer = stage.call("click", json!({"offer": 1, "aff": 2, "sub1": "old"})).await;
        assert_eq!(answer, json!({"ok": true, "click_id": "made-for-old"}));

        // A page that is left: the request goes on.
        stage.visit("www.shop.test", "/leave?hl_click=left").await;
        stage.browser.click("a").await;
        let pixels = seen(&stage, "/pixel.gif", 6).await;
        assert_eq!(pixels[5].parameter("order_id"), Some("L-1"));
        assert_eq!(pixels[5].parameter("click_id"), Some("left"));
        stage.browser.wait("window.hopline && hopline.v").await;
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_without_redirect_is_registered_once_and_the_pages_conversion_is_its() {
    for script in SCRIPTS {
        let stage = Stage::new(script).await;
        stage.visit("www.shop.test", "/?hl_click=older").await;
        stage.visit("www.shop.test", "/direct?hl_offer=1&hl_aff=2&hl_sub1=a+b%26c&hl_source=s&x=y").await;
        assert_eq!(stage.browser.wait("answers[0]").await, json!({"ok": true}));
        let clicks = stage.edge.seen("/c.json");
        assert_eq!(clicks.len(), 1);
        let mut pairs: Vec<_> = clicks[0].query.split('&').collect();
        pairs.sort_unstable();
        assert_eq!(pairs, ["aff=2", "offer=1", "source=s", "sub1=a%20b%26c"]);
        let pixel = &stage.edge.seen("/pixel.gif")[0];
        // The stand-in hands back what is no click id: `made-for-a%20b%26c`.
        assert_eq!(pixel.parameter("click_id"), Some("older"), "a click that failed changes nothing");

        stage.visit("www.shop.test", "/direct?hl_offer=1&hl_aff=2&hl_sub1=good").await;
        assert_eq!(stage.browser.wait("answers[0]").await, json!({"ok": true}));
        let pixel = &stage.edge.seen("/pixel.gif")[1];
        assert_eq!(pixel.parameter("click_id"), Some("made-for-good"), "it waited for the click");
        assert_eq!(stage.browser.cookie("hl_click").await.unwrap()["value"], "made-for-good");
        stage.browser.reload().await;
        assert_eq!(stage.browser.wait("answers[0]").await, json!({"ok": true}));
        assert_eq!(stage.edge.seen("/c.json").len(), 2, "a reload is no click");

        // By hand.
        let answer = stage.call("click", json!({"offer": 3, "aff": 4, "sub1": "hand"})).await;
        assert_eq!(answer, json!({"ok": true, "click_id": "made-for-hand"}));
        assert_eq!(stage.known().await, "made-for-hand");
        let answer = stage.call("click", json!({"offer": 404, "aff": 4})).await;
        assert_eq!(answer, json!({"ok": false, "error": "no such offer"}));
        assert_eq!(stage.known().await, "made-for-hand");
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r_05_nothing_is_stored_before_consent_and_the_strings_go_with_every_request() {
    const STORED: &str = "return document.cookie + (localStorage.hl_click || '')";
    for script in SCRIPTS {
        let stage = Stage::new(script).await;
        stage.visit("www.shop.test", "/consent?hl_click=asked").await;
        assert_eq!(stage.known().await, "asked", "this page may use what its address says");
        assert_eq!(stage.browser.run(STORED, &[]).await, "");
        let consent = json!({"gdpr": 1, "gdpr_consent": "CP.-_", "gpp": "DB~x", "gpp_sid": "7"});
        stage.call("consent", consent.clone()).await;
        assert_eq!(stage.browser.cookie("hl_click").await.unwrap()["value"], "asked");
        stage.call("convert", json!({"order_id": "1"})).await;
        let pixel = &stage.edge.seen("/pixel.gif")[0];
        for (name, value) in [("gdpr", "1"), ("gdpr_consent", "CP.-_"), ("gpp", "DB~x"), ("gpp_sid", "7")] {
            assert_eq!(pixel.parameter(name), Some(value), "{name}");
        }
        assert_eq!(pixel.parameter("store"), None);

        // The next page may not even read it before it is told.
        stage.visit("www.shop.test", "/consent").await;
        assert_eq!(stage.known().await, Value::Null);
        stage.call("consent", json!({"gdpr": 0})).await;
        assert_eq!(stage.known().await, "asked");
        stage.call("consent", json!({"gdpr": 1, "store": false})).await;
        assert_eq!(stage.browser.run(STORED, &[]).await, "", "refused is erased");
        assert_eq!(stage.known().await, Value::Null);

        // The click of the address waits for the strings.
        stage.visit("www.shop.test", "/consent?hl_offer=1&hl_aff=2&hl_sub1=late").await;
        assert_eq!(stage.edge.seen("/c.json").len(), 0);
        stage.call("consent", consent).await;
        let clicks = seen(&stage, "/c.json", 1).await;
        assert_eq!(clicks[0].parameter("gdpr_consent"), Some("CP.-_"));
        eventually("the click's id", async || (stage.known().await == "made-for-late").then_some(())).await;
        stage.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_frame_claims_nobody_and_a_page_rendered_ahead_waits_to_be_seen() {
    for script in SCRIPTS {
        let stage = Stage::new(script).await;
        stage.browser.go(&format!("{}/frames", stage.shop.origin("other.test"))).await;
        let clicks = seen(&stage, "/c.json", 2).await;
        for click in &clicks {
            assert_eq!(click.parameter("frame"), Some("1"), "{}", click.query);
        }
        stage.visit("www.shop.test", "/").await;
        assert_eq!(stage.known().await, Value::Null);
        assert_eq!(stage.browser.run("return document.cookie", &[]).await, "");

        // C-07: a click counts when a person acts.
        stage.browser.go(&format!("{}/rules", stage.shop.origin("www.shop.test"))).await;
        eventually("the page is rendered ahead", async || {
            (!stage.shop.seen("/ran").is_empty()).then_some(())
        })
        .await;
        assert_eq!(stage.edge.seen("/c.json").len(), 2, "nobody has come yet");
        stage.browser.click("a").await;
        let clicks = seen(&stage, "/c.json", 3).await;
        assert_eq!(clicks[2].parameter("sub1"), Some("ahead"));
        assert_eq!(clicks[2].parameter("frame"), None);
        eventually("the click's id", async || (stage.known().await == "made-for-ahead").then_some(())).await;
        assert_eq!(
            stage.browser.run("return window.shown", &[]).await,
            true,
            "it was the page rendered ahead"
        );
        stage.end().await;
    }
}
