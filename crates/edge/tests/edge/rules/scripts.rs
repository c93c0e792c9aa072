//! Clicks without redirect, asked for by a shop's script.

use super::*;

const SHOP: &str = "https://shop.example";

/// As a browser asks for a page of this origin.
fn ask(edge: &Edge, path: &str, origin: &str, more: &[(&str, &str)]) -> Answer {
    let mut fields = from(SWEDEN, BROWSER);
    fields.extend([("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Mode", "cors")]);
    fields.extend(Some(("Origin", origin)).filter(|(_, origin)| !origin.is_empty()));
    edge.get(path, &[&fields, more].concat())
}

#[test]
fn a_shops_page_is_told_the_click_id_without_a_cookie_and_a_repetition_is_one() {
    let edge = edge(|_| ());
    let path = "/c.json?offer=1&aff=9&sub1=x&ref=Blog.example%3A8080&gdpr=0";
    let answer = ask(&edge, path, SHOP, &[("Referer", "https://shop.example/basket")]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    assert_eq!((answer.header("cache-control"), answer.cookie()), (Some("no-store"), None));
    let token = answer.json()["click_id"].as_str().unwrap().to_owned();
    let claims = edge.verify(&token);
    assert_eq!((claims.offer.get(), claims.affiliate.get(), claims.link), (1, 9, None));
    assert_eq!(claims.verdict, Verdict::UNIQUE);
    let again = ask(&edge, path, "http://Shop.Example:8443", &[]);
    let again = edge.verify(again.json()["click_id"].as_str().unwrap());
    assert_eq!(again.verdict, Verdict::DUPLICATE, "the origin's port and scheme are free");
    let stopped = edge.stop();
    let click = stopped.clicks()[0];
    assert_eq!((click.status, click.referrer_host.as_str()), (200, "blog.example"));
    assert!(has(click, Flags::SCRIPT) && has(click, Flags::NO_COOKIE));
    assert_eq!((click.subs[0].as_str(), click.consent.as_str()), ("x", "gdpr=0"));
    assert_eq!((click.visitor_key, click.landing_page.as_str()), (click.pseudonym, ""));
}

#[test]
fn pages_of_others_frames_and_machines_are_told_the_reason_and_recorded() {
    let edge = edge(|data| data.offers[0].deep_link_hosts = vec!["www.shop.example".into()]);
    let path = "/c.json?offer=1&aff=9";
    let framed = format!("{path}&frame=1");
    let speculative: &[_] = &[("Sec-Purpose", "prefetch")];
    let table = [
        (path, "https://evil.example", &[][..], "stuffing", "origin"),
        (path, "https://shop.example.evil.example", &[][..], "stuffing", "origin"),
        (path, "null", &[][..], "stuffing", "origin"),
        (path, "", &[][..], "stuffing", "origin"),
        (path, "android-app://shop.example", &[][..], "stuffing", "origin"),
        (&framed, SHOP, &[][..], "stuffing", "iframe"),
        (path, SHOP, speculative, "prefetch", ""),
        (path, "https://www.shop.example", &[][..], "", ""),
        (path, SHOP, &[][..], "", ""),
    ];
    for (path, origin, more, reason, _) in table {
        let answer = ask(&edge, path, origin, more);
        if reason == "prefetch" {
            assert_eq!(answer.status, 503);
            continue;
        }
        let expected = if reason.is_empty() { serde_json::Value::Null } else { reason.into() };
        assert_eq!(answer.json()["reason"], expected, "{path} from {origin}");
        assert_eq!(answer.json()["click_id"].is_null(), !reason.is_empty(), "{path} from {origin}");
    }
    let image = edge.get(path, &[("User-Agent", BROWSER), ("Origin", SHOP), ("Sec-Fetch-Dest", "image")]);
    assert_eq!(image.json()["reason"], "stuffing");
    let bot = edge.get(path, &[("User-Agent", "curl/8.5.0"), ("Origin", SHOP)]);
    assert_eq!(bot.json()["reason"], "bot");
    for path in ["/c.json", "/c.json?offer=1", "/c.json?offer=99&aff=9", "/c.json?offer=1&aff=99"] {
        let answer = ask(&edge, path, SHOP, &[]);
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (200, Some("unknown")), "{path}");
    }
    let stopped = edge.stop();
    let found: Vec<_> = stopped
        .clicks()
        .into_iter()
        .map(|click| (verdict(click).reason.as_str(), click.detail.as_str()))
        .collect();
    let table = table.map(|(.., reason, detail)| (if reason.is_empty() { "none" } else { reason }, detail));
    assert_eq!(found, [&table[..], &[("stuffing", "image"), ("bot", "")]].concat());
    assert!(stopped.clicks().iter().all(|click| has(click, Flags::SCRIPT)));
}

#[test]
fn a_visitor_of_the_shop_is_refused_by_the_rules_and_not_passed_on_to_another_offer() {
    let edge = edge(|data| {
        only_britain(data, 1);
        rules(data, 1).fallback_offer_id = Some(OfferId::new(2).unwrap());
        data.offers[1].landing_page = "https://elsewhere.example/".into();
        data.offers[1].deep_link_hosts = vec![];
    });
    let answer = ask(&edge, "/c.json?offer=1&aff=9", SHOP, &[]);
    assert_eq!((answer.status, answer.json()["reason"].as_str()), (200, Some("geo")));
    assert_eq!(fates(&edge.stop()), [(1, Verdict::invalid(Reason::Geo), "country", 200)]);
}
