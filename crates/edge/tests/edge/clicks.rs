//! What a link answers and what is recorded of it.

use hopline_record::{Device, Flags, Record};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::{Reason, Verdict};

use crate::support::*;

#[test]
fn a_click_is_sent_on_with_a_signed_id_and_recorded_with_everything_it_said() {
    let edge = Edge::start();
    let answer = edge.get(
        "/abc1234?sub1=news+letter&sub10=z&source=mail&lp=4&creative=7&ext=x%2Fy&email_hash=ab&gclid=1",
        &[
            ("User-Agent", BROWSER),
            ("Referer", "https://Blog.example/post"),
            ("Accept-Language", "de-DE,de;q=0.9"),
            ("Sec-GPC", "1"),
            ("Sec-Fetch-Dest", "document"),
            ("Sec-Fetch-Mode", "navigate"),
        ],
    );
    let token = answer.parameter("c");
    assert_eq!(
        answer.location(),
        format!(
            "https://shop.example/shoes?c={token}&s=news%20letter&o=1&a=9&k=abc1234&b=Safari&r=blog.example&t=1790000000"
        )
    );
    let claims = edge.verify(token);
    assert_eq!((claims.offer.get(), claims.affiliate.get(), claims.link.unwrap().get()), (1, 9, 11));
    assert_eq!((claims.at, claims.verdict), (NOW, Verdict::UNIQUE));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("strict-origin-when-cross-origin"));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with("hl_vid=") && cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let stopped = edge.stop();
    let click = stopped.only_click();
    assert_eq!(verdict(click), Verdict::UNIQUE);
    assert_eq!(
        (click.advertiser, click.status, click.rule_version),
        (1, 302, hopline_classify::RULES_VERSION)
    );
    assert_eq!(
        (click.subs[0].as_str(), click.subs[1].as_str(), click.subs[9].as_str()),
        ("news letter", "", "z")
    );
    assert_eq!(
        (click.code.as_str(), click.source.as_str(), click.landing_page.as_str()),
        ("abc1234", "mail", "")
    );
    assert_eq!((click.creative.as_str(), click.ext.as_str(), click.email_hash.as_str()), ("7", "x/y", "ab"));
    assert_eq!((click.referrer_host.as_str(), click.language.as_str()), ("blog.example", "de"));
    assert_eq!((click.device, click.os.as_str(), click.browser.as_str()), (Device::Mobile, "iOS", "Safari"));
    let flags = [Flags::GPC, Flags::NO_GESTURE, Flags::NO_COOKIE, Flags::LANDING_PAGE_UNKNOWN];
    assert_eq!(click.flags, flags.into_iter().fold(Flags::default(), Flags::with));
    assert_eq!(stopped.count(EdgeOutcome::Redirect), 1);
}

#[test]
fn a_pair_without_a_link_is_sent_on_too_and_the_click_id_is_appended() {
    let edge = Edge::start();
    let answer = edge.visit("/c?offer=2&aff=9&sub1=a");
    let token = answer.parameter("hl_click");
    assert_eq!(
        answer.location(),
        format!("https://shop.example/p?hl_click={token}&sub1=a").replace("&sub1=a", "")
    );
    assert_eq!(edge.verify(token).link, None);
    for path in ["/c", "/c?offer=2", "/c?offer=99&aff=9", "/c?offer=2&aff=98", "/c?offer=x&aff=9"] {
        assert_eq!(edge.visit(path).status, 404, "{path}");
    }
    assert_eq!(edge.stop().only_click().code, "");
}

#[test]
fn other_parameters_are_passed_on_only_where_the_offer_says_so() {
    let edge = Edge::start();
    let answer = edge.visit("/passing?gclid=a%20b&sub1=x&hl_click=forged&fb%22=%3Cy%3E&'x'=1&flag");
    let token = answer.parameter("hl_click");
    assert_eq!(edge.verify(token).offer.get(), 2);
    assert_eq!(
        answer.location(),
        format!("https://shop.example/p?hl_click={token}&gclid=a%20b&fb%22=%3Cy%3E&%27x%27=1&flag")
    );
    assert!(!edge.visit("/abc1234?gclid=1").location().contains("gclid"));
}

// C-06
#[test]
fn c_06_a_repeat_within_the_window_is_a_duplicate_with_and_without_cookie() {
    let edge = Edge::start();
    let first = edge.visit("/abc1234");
    let cookie = first.cookie().unwrap();
    let again = edge.get("/abc1234", &[("User-Agent", BROWSER), ("Cookie", &format!("a=b; {cookie}"))]);
    assert_eq!(again.cookie(), None, "a cookie is set only where there is none");
    let bare = edge.visit("/abc1234");
    let other_offer = edge.visit("/passing");
    let other_browser =
        edge.get("/abc1234", &[("User-Agent", "Mozilla/5.0 (Windows NT 10.0) Firefox/130.0")]);
    edge.clock.advance(24 * 3_600_000);
    let next_day = edge.get("/abc1234", &[("User-Agent", BROWSER), ("Cookie", cookie)]);
    let verdicts = [&first, &again, &bare, &other_browser, &next_day].map(|answer| {
        edge.catalogue.load().keys().verify(answer.parameter("c"), edge.clock.now()).unwrap().verdict
    });
    let (unique, duplicate) = (Verdict::UNIQUE, Verdict::DUPLICATE);
    assert_eq!(verdicts, [unique, duplicate, duplicate, unique, unique]);
    assert_eq!(edge.verify(other_offer.parameter("hl_click")).verdict, unique);
    assert_eq!(edge.stop().clicks().len(), 6);
}

// C-07
#[test]
fn c_07_a_prefetch_is_put_off_without_cookie_and_the_real_click_counts() {
    let edge = Edge::start();
    let answer = edge.get("/abc1234", &[("User-Agent", BROWSER), ("Sec-Purpose", "prefetch;prerender")]);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!((answer.header("location"), answer.cookie()), (None, None));
    assert_eq!(edge.verify(edge.visit("/abc1234").parameter("c")).verdict, Verdict::UNIQUE);
    let stopped = edge.stop();
    let mut verdicts: Vec<_> = stopped.clicks().iter().map(|click| (click.status, verdict(click))).collect();
    verdicts.sort_by_key(|(status, _)| *status);
    assert_eq!(verdicts, [(302, Verdict::UNIQUE), (503, Verdict::invalid(Reason::Prefetch))]);
    assert_eq!(stopped.count(EdgeOutcome::Prefetch), 1);
}

// C-05
#[test]
fn c_05_head_answers_like_get_without_cookie_and_other_methods_are_405() {
    let edge = Edge::start();
    let mut client = edge.client();
    let head = client.send("HEAD", "/abc1234?sub1=x", &[("User-Agent", BROWSER)], "");
    assert!(head.location().starts_with("https://shop.example/shoes?c="), "{head:?}");
    assert_eq!(head.cookie(), None);
    for (method, path) in
        [("OPTIONS", "/abc1234"), ("POST", "/abc1234"), ("PUT", "/c?offer=1&aff=9"), ("DELETE", "/i/abc1234")]
    {
        let answer = client.send(method, path, &[("User-Agent", BROWSER)], "");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method} {path}");
    }
    assert_eq!(verdict(edge.stop().only_click()), Verdict::invalid(Reason::Head));
}

// C-09
#[test]
fn c_09_a_link_loaded_as_image_is_answered_without_cookie_and_recorded_as_stuffing() {
    let edge = Edge::start();
    let answer = edge.get(
        "/abc1234",
        &[("User-Agent", BROWSER), ("Sec-Fetch-Dest", "image"), ("Sec-Fetch-Mode", "no-cors")],
    );
    assert_eq!(edge.verify(answer.parameter("c")).verdict, Verdict::invalid(Reason::Stuffing));
    assert_eq!(answer.cookie(), None);
    let stopped = edge.stop();
    assert_eq!(stopped.only_click().detail, "image");
    assert_eq!(stopped.count(EdgeOutcome::Stuffing), 1);
}

// C-11
#[test]
fn c_11_declared_bots_are_sent_on_without_cookie_and_do_not_count() {
    let edge = Edge::start();
    for agent in
        ["curl/8.5.0", "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ""]
    {
        let answer = edge.get("/abc1234", &[("User-Agent", agent)]);
        assert_eq!(edge.verify(answer.parameter("c")).verdict, Verdict::invalid(Reason::Bot), "{agent}");
        assert_eq!(answer.cookie(), None);
    }
    assert!(edge.stop().clicks().iter().all(|click| click.device == Device::Bot));
}

#[test]
fn whoever_does_not_take_part_leads_to_the_fallback_or_nowhere_and_is_recorded_with_the_reason() {
    let edge = Edge::start();
    let paused = edge.visit("/paused1");
    assert!(paused.location().starts_with("https://fallback.example/?o=3&c="), "{paused:?}");
    assert_eq!(edge.verify(paused.parameter("c")).verdict, Verdict::invalid(Reason::Paused));
    assert_eq!(paused.cookie(), None);
    assert_eq!(edge.visit("/expired").status, 404);
    edge.swap(|data| {
        data.fallback_url = Some("https://network.example/".into());
        data.affiliates[0].standing = hopline_catalogue::data::Standing::Blocked;
    });
    assert_eq!(edge.visit("/abc1234").location(), "https://network.example/");
    let stopped = edge.stop();
    let mut found: Vec<_> = stopped
        .clicks()
        .iter()
        .map(|click| (click.status, verdict(click).reason, click.flags.has(Flags::FALLBACK)))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [(302, Reason::Paused, true), (302, Reason::Blocked, true), (404, Reason::Expired, false)]
    );
}

#[test]
fn an_unknown_code_is_404_and_leaves_a_count_only() {
    let edge = Edge::start();
    for path in ["/nothing", "/", "/ab", "/a/b/c", "/ABC1234", "/healthz", "/Postback", "/%61bc1234"] {
        assert_eq!(edge.visit(path).status, 404, "{path}");
    }
    let stopped = edge.stop();
    assert_eq!(stopped.records.len(), 0);
    assert_eq!(stopped.count(EdgeOutcome::NotFound), 8);
}

// C-18
#[test]
fn c_18_deep_links_lead_to_listed_hosts_only() {
    let edge = Edge::start();
    let good = edge.visit("/abc1234?url=https%3A%2F%2FShop.example%2Fitem%3Fid%3D1%23top");
    let token = good.parameter("hl_click").split('#').next().unwrap().to_owned();
    assert_eq!(good.location(), format!("https://shop.example/item?id=1&hl_click={token}#top"));
    assert_eq!(edge.verify(&token).offer.get(), 1);
    for url in [
        "https://evil.example/",
        "http://shop.example/",
        "https://shop.example@evil.example/",
        "//evil.example",
        "javascript:alert(1)",
        "https:%5C%5Cevil.example%5C@shop.example",
        "https://shop.example%0d%0aSet-Cookie:x=1.evil.example/",
    ] {
        let answer = edge.visit(&format!("/abc1234?url={url}"));
        assert!(answer.location().starts_with("https://shop.example/shoes?c="), "{url}: {answer:?}");
    }
    let stopped = edge.stop();
    let refused = stopped.clicks().iter().filter(|click| click.flags.has(Flags::DEEP_LINK_REFUSED)).count();
    assert_eq!(refused, 7);
    assert!(stopped.clicks().iter().any(|click| click.deep_link == "https://shop.example/item?id=1#top"));
}

#[test]
fn long_texts_are_cut_between_characters_and_flagged_and_line_breaks_stay_in_the_value() {
    let edge = Edge::start();
    let long = edge.visit(&format!("/abc1234?sub1={}%C3%A9&sub2=ok&sub1=second", "x".repeat(255)));
    assert_eq!(long.parameter("s"), "x".repeat(255));
    let broken = edge.visit("/abc1234?sub1=a%0d%0aSet-Cookie:%20x=1");
    assert_eq!(broken.parameter("s"), "a%0D%0ASet-Cookie%3A%20x%3D1");
    assert!(broken.cookie().is_none_or(|cookie| cookie.starts_with("hl_vid=")), "{broken:?}");
    let stopped = edge.stop();
    let cut = stopped.clicks().into_iter().find(|click| click.flags.has(Flags::TEXT_CUT)).unwrap();
    assert_eq!((cut.subs[0].len(), cut.subs[1].as_str()), (255, "ok"));
    assert!(stopped.clicks().iter().any(|click| click.subs[0] == "a\r\nSet-Cookie: x=1"));
}

#[test]
fn an_impression_is_an_image_and_a_record_of_its_own_kind() {
    let edge = Edge::start();
    let answer = edge.get("/i/abc1234?sub1=x", &[("User-Agent", BROWSER), ("Sec-Fetch-Dest", "image")]);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/gif")));
    assert!(answer.body.starts_with(b"GIF89a"));
    assert_eq!(answer.cookie(), None);
    assert_eq!(edge.visit("/i/nothing").status, 404);
    assert_eq!(
        edge.verify(edge.visit("/abc1234").parameter("c")).verdict,
        Verdict::UNIQUE,
        "a view is no click"
    );
    let stopped = edge.stop();
    let views: Vec<_> = stopped
        .records
        .iter()
        .filter_map(|record| if let Record::Impression(view) = record { Some(view) } else { None })
        .collect();
    assert_eq!(views.len(), 1);
    assert_eq!((views[0].subs[0].as_str(), verdict(views[0])), ("x", Verdict::UNIQUE));
}

#[test]
fn crawlers_are_kept_out_and_https_makes_the_cookie_secure() {
    let edge = Edge::with(&[("edge.base_url", "https://go.example")], |_| ());
    assert_eq!(edge.visit("/robots.txt").body, b"User-agent: *\nDisallow: /\n");
    assert!(edge.visit("/abc1234").header("set-cookie").unwrap().ends_with("; Secure"));
}

// S-25
#[test]
fn s_25_forwarded_addresses_tell_visitors_apart_only_behind_a_trusted_proxy() {
    let visit = |edge: &Edge, address: &str| {
        let answer = edge.get("/abc1234", &[("User-Agent", BROWSER), ("X-Forwarded-For", address)]);
        edge.verify(answer.parameter("c")).verdict
    };
    let (unique, duplicate) = (Verdict::UNIQUE, Verdict::DUPLICATE);
    let plain = Edge::start();
    assert_eq!([visit(&plain, "198.51.100.1"), visit(&plain, "198.51.100.2")], [unique, duplicate]);
    let proxied = Edge::with(&[("edge.trusted_proxies", "127.0.0.0/8")], |_| ());
    assert_eq!([visit(&proxied, "198.51.100.1"), visit(&proxied, "198.51.100.2")], [unique, unique]);
    assert_eq!(visit(&proxied, "1.1.1.1, 198.51.100.2"), duplicate);
}

// C-18: a link that was cut leads to another page than was meant.
#[test]
fn c_18_a_deep_link_that_is_too_long_is_not_followed_in_part() {
    let edge = Edge::start();
    let link = |path: usize| format!("/abc1234?url=https://shop.example/{}", "x".repeat(path));
    let longest = 2048 - "https://shop.example/".len();
    assert!(edge.visit(&link(longest)).location().starts_with("https://shop.example/xxx"));
    // The last would be longer than a record holds once its characters are escaped.
    let escaped = format!("/abc1234?url=https://shop.example/{}", "%C3%A9".repeat(1000));
    for path in [link(longest + 1), link(longest + 500), escaped] {
        assert!(edge.visit(&path).location().starts_with("https://shop.example/shoes?c="));
    }
    let stopped = edge.stop();
    let flagged = |flag| stopped.clicks().iter().filter(|click| click.flags.has(flag)).count();
    assert_eq!((flagged(Flags::DEEP_LINK_REFUSED), flagged(Flags::TEXT_CUT)), (3, 1));
}

#[test]
fn a_click_id_cannot_be_forged_by_passing_the_parameter_on() {
    let edge = Edge::start();
    for name in ["hl_click", "hl%5Fclick", "hl%5fclic%6b"] {
        let location = edge.visit(&format!("/passing?{name}=forged&gclid=1")).location().to_owned();
        assert!(!location.contains("forged") && location.contains("gclid=1"), "{location}");
    }
}
