//! Destinations against the URL standard's own idea of them.

use serde_json::Value;

use super::*;
use crate::allowed_deep_link;

/// What browsers make of texts: made by an implementation of the standard that is not the one used here.
fn cases() -> Vec<Value> {
    let fixture: Value =
        serde_json::from_str(include_str!("../../../tests/fixtures/url_parsing.json")).unwrap();
    fixture["cases"].as_array().unwrap().clone()
}

/// Offer 7 with these hosts for deep links.
fn listing(hosts: &[&str]) -> Catalogue {
    let mut data = sample();
    data.offers[0].deep_link_hosts = hosts.iter().map(ToString::to_string).collect();
    Catalogue::compile(data).unwrap()
}

fn followed(catalogue: &Catalogue, text: &str) -> Option<String> {
    allowed_deep_link(catalogue.offer(OfferId::new(7).unwrap()).unwrap(), text)
}

// C-18
#[test]
fn c_18_deep_links_are_followed_only_where_a_browser_would_go_to_a_listed_host() {
    let catalogue = Catalogue::compile(sample()).unwrap();
    let offer = catalogue.offer(OfferId::new(7).unwrap()).unwrap();
    let mut allowed_count = 0;
    for case in cases() {
        let allowed = case["valid"] == true
            && case["scheme"] == "https"
            && case["username"] == false
            && case["hostname"] == "shop.example";
        let expected = allowed.then(|| case["href"].as_str().unwrap().to_owned());
        assert_eq!(allowed_deep_link(offer, case["input"].as_str().unwrap()), expected, "{case}");
        allowed_count += usize::from(allowed);
    }
    assert!(allowed_count >= 8, "{allowed_count}");
    let long = format!("https://shop.example/{}", "x".repeat(2048));
    assert_eq!(allowed_deep_link(offer, &long), None);
}

// C-18
#[test]
fn c_18_a_host_is_listed_by_what_the_browser_makes_of_it_and_by_nothing_else() {
    let mut followed_count = 0;
    for case in cases().iter().filter(|case| case["valid"] == true && case["hostname"] != "") {
        let (text, host) = (case["input"].as_str().unwrap(), case["hostname"].as_str().unwrap());
        let allowed = case["scheme"] == "https" && case["username"] == false;
        let expected = allowed.then(|| case["href"].as_str().unwrap().to_owned());
        assert_eq!(followed(&listing(&[host]), text), expected, "{case}");
        followed_count += usize::from(allowed);
        let longer = format!("x{host}");
        if url::Host::parse(&longer).is_ok() {
            assert_eq!(followed(&listing(&[&longer]), text), None, "{case}");
        }
    }
    assert!(followed_count >= 15, "{followed_count}");
}

// C-18
#[test]
fn c_18_what_only_looks_like_a_listed_host_is_not_followed() {
    let catalogue = listing(&["shop.example", "MÜLLER.example"]);
    for text in [
        "https://shop.example.evil.example/",
        "https://evilshop.example/",
        "https://sub.shop.example/",
        "https://shop.example:pass@evil.example/",
        "https://@evil.example/",
        "https://user@shop.example/",
        "https://:@evil.example/",
        "https://shop.example:99999/",
        "https://shop.example:80a/",
        "https://shop.example:-1/",
        "https://shop.example./",
        "https://shop.example../",
        "https://evil.example\\@shop.example/",
        "https:/\\evil.example/",
        "https://evil.example\t/@shop.example/",
        "https://evil.example?@shop.example/",
        "https://evil.example#@shop.example/",
        "https://shop.example%00.evil.example/",
        "https://shop.example%2fevil.example/",
        "https://sh\u{f6}p.example/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://[::1]/",
        "http://shop.example/",
        "ws://shop.example/",
        "//shop.example/",
        "shop.example",
        "java\tscript:alert(1)//shop.example/",
        "\u{0}https://evil.example/",
    ] {
        assert_eq!(followed(&catalogue, text), None, "{text:?}");
    }
    for (text, url) in [
        ("https://xn--mller-kva.example/x", "https://xn--mller-kva.example/x"),
        ("https://m\u{fc}ller.example", "https://xn--mller-kva.example/"),
        ("ht\ntps://sh\top.example/\ra", "https://shop.example/a"),
        ("https://shop\u{3002}example/", "https://shop.example/"),
        ("https://shop.example:8443/", "https://shop.example:8443/"),
        ("\u{1}https://shop.example/ ", "https://shop.example/"),
    ] {
        assert_eq!(followed(&catalogue, text).as_deref(), Some(url), "{text:?}");
    }
}

// C-18, S-22
#[test]
fn c_18_landing_pages_become_what_the_browser_would_open_or_are_refused() {
    for case in cases() {
        let usable = case["valid"] == true
            && (case["scheme"] == "https" || case["scheme"] == "http")
            && case["username"] == false;
        let rendered = Template::compile(case["input"].as_str().unwrap(), None).ok().map(|template| {
            let mut url = Vec::new();
            template.render(&mut url, b"", |_, _| ());
            String::from_utf8(url).unwrap()
        });
        assert_eq!(rendered, usable.then(|| case["href"].as_str().unwrap().to_owned()), "{case}");
        assert!(rendered.is_none_or(|url| url.bytes().all(|byte| byte.is_ascii_graphic())), "{case}");
    }
}
