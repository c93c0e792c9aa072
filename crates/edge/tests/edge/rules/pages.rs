//! Landing pages in rotation.

use super::*;

fn page(id: i64, weight: u32, standing: Standing) -> LandingPageEntry {
    let url = format!("https://page{id}.example/?c={{click_id}}");
    LandingPageEntry { id: LandingPageId::new(id).unwrap(), url, weight, standing }
}

/// One part for the offer's own page, two for page 21, none for 22, and 23 is put away.
fn rotated(data: &mut CatalogueData) {
    rules(data, 1).landing_page_weight = Some(1);
    rules(data, 1).landing_pages =
        vec![page(21, 2, Standing::Active), page(22, 0, Standing::Active), page(23, 5, Standing::Paused)];
}

fn host(answer: &Answer) -> String {
    answer.location().split('/').nth(2).unwrap().to_owned()
}

#[test]
fn visitors_are_dealt_out_by_weight_and_stay_with_their_page() {
    let edge = edge(rotated);
    let mut client = edge.client();
    let mut visit = |number: u64| {
        let cookie = cookie(number);
        host(&client.send("GET", "/abc1234", &[("User-Agent", BROWSER), ("Cookie", &cookie)], ""))
    };
    let first: Vec<_> = (0..600).map(&mut visit).collect();
    let second: Vec<_> = (0..600).map(&mut visit).collect();
    assert_eq!(first, second, "a visitor sees the same page every time");
    let count = |host: &str| first.iter().filter(|found| *found == host).count();
    let (own, other) = (count("shop.example"), count("page21.example"));
    assert_eq!(own + other, 600);
    assert!((350..450).contains(&other), "{other} of 600 instead of 400");
    let stopped = edge.stop();
    let recorded = stopped.clicks().iter().filter(|click| click.landing_page == "21").count();
    assert_eq!(recorded, 2 * other);
    assert!(stopped.clicks().iter().all(|click| matches!(click.landing_page.as_str(), "" | "21")));
}

#[test]
fn a_new_visitors_cookie_leads_to_the_page_that_was_seen_first() {
    let edge = edge(rotated);
    for _ in 0..20 {
        let first = edge.visit("/abc1234");
        let cookie = first.cookie().unwrap();
        let again = edge.get("/abc1234", &[("User-Agent", FIREFOX), ("Cookie", cookie)]);
        assert_eq!(host(&again), host(&first));
    }
}

#[test]
fn a_link_may_name_an_active_page_and_one_that_is_not_there_is_flagged() {
    let edge = edge(rotated);
    for (lp, expected) in [("21", "page21.example"), ("22", "page22.example")] {
        for _ in 0..5 {
            assert_eq!(host(&edge.visit(&format!("/abc1234?lp={lp}"))), expected);
        }
    }
    for lp in ["23", "24", "0", "-1", "x", "99999999999999999999"] {
        let host = host(&edge.visit(&format!("/abc1234?lp={lp}")));
        assert!(matches!(host.as_str(), "shop.example" | "page21.example"), "{lp}: {host}");
    }
    // An offer without other pages knows none.
    assert_eq!(host(&edge.visit("/passing?lp=21")), "shop.example");
    let stopped = edge.stop();
    let clicks = stopped.clicks();
    let (named, others) = clicks.split_at(10);
    assert!(named[..5].iter().all(|click| click.landing_page == "21"));
    assert!(named[5..].iter().all(|click| click.landing_page == "22"));
    assert!(named.iter().all(|click| !has(click, Flags::LANDING_PAGE_UNKNOWN)));
    assert!(others.iter().all(|click| has(click, Flags::LANDING_PAGE_UNKNOWN)));
    assert!(others.iter().all(|click| matches!(click.landing_page.as_str(), "" | "21")));
}

#[test]
fn who_is_sent_elsewhere_has_no_landing_page() {
    let edge = edge(|data| {
        rotated(data);
        only_britain(data, 1);
        data.offers[0].fallback_url = Some("https://offer.example/".into());
    });
    assert_eq!(host(&edge.get("/abc1234?lp=21", &from(SWEDEN, BROWSER))), "offer.example");
    let deep = edge.get("/abc1234?lp=21&url=https://shop.example/x", &from(LONDON, BROWSER));
    assert_eq!(host(&deep), "shop.example");
    assert!(edge.stop().clicks().iter().all(|click| click.landing_page.is_empty()));
}
