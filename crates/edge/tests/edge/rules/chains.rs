//! Fallback offers.

use super::*;

fn chained(data: &mut CatalogueData) {
    only_britain(data, 1);
    rules(data, 1).fallback_offer_id = Some(OfferId::new(2).unwrap());
    data.offers[0].fallback_url = Some("https://first.example/".into());
    rules(data, 2).targeting.devices = only(&["desktop"]);
    rules(data, 2).fallback_offer_id = Some(OfferId::new(6).unwrap());
    data.offers[1].fallback_url = Some("https://second.example/".into());
    data.offers[5].deep_link_hosts = vec!["other.example".into()];
    rules(data, 6).targeting.countries = not(&["JP"]);
}

#[test]
fn who_is_not_wanted_is_taken_by_the_next_offer_for_the_same_affiliate_and_both_are_recorded() {
    let edge = edge(chained);
    let answer = edge.get("/abc1234?sub1=x&lp=5&gclid=1", &from(SWEDEN, FIREFOX));
    let token = answer.parameter("hl_click");
    assert_eq!(answer.location(), format!("https://shop.example/p?hl_click={token}&gclid=1"));
    let claims = edge.verify(token);
    assert_eq!((claims.offer.get(), claims.affiliate.get(), claims.link), (2, 9, None));
    assert_eq!(claims.verdict, Verdict::UNIQUE);
    let cookie = answer.cookie().unwrap().to_owned();
    let again = [from(SWEDEN, FIREFOX), vec![("Cookie", cookie.as_str())]].concat();
    let repeated = edge.get("/abc1234", &again);
    assert_eq!(edge.verify(repeated.parameter("hl_click")).verdict, Verdict::DUPLICATE);
    // A third offer, past two.
    let third = edge.get("/abc1234", &from(SWEDEN, BROWSER));
    assert_eq!(edge.verify(third.parameter("hl_click")).offer.get(), 6);
    let stopped = edge.stop();
    let (unwanted, unique) = (Verdict::invalid(Reason::Geo), Verdict::UNIQUE);
    let expected = [
        (1, unwanted, "country", 302),
        (2, unique, "", 302),
        (1, unwanted, "country", 302),
        (2, Verdict::DUPLICATE, "", 302),
        (1, unwanted, "country", 302),
        (6, unique, "", 302),
    ];
    assert_eq!(fates(&stopped), expected);
    let clicks = stopped.clicks();
    for pair in clicks.chunks(2) {
        let (left, taken) = (pair[0], pair[1]);
        assert!(has(left, Flags::FALLBACK) && !has(left, Flags::PASSED_ON), "{left:?}");
        assert!(has(taken, Flags::PASSED_ON) && !has(taken, Flags::FALLBACK), "{taken:?}");
        assert_eq!((left.code.as_str(), taken.code.as_str()), ("abc1234", ""));
        assert_eq!((&left.subs, left.visitor_key), (&taken.subs, taken.visitor_key));
        assert_ne!(left.token, taken.token);
    }
    // What the link names is the taking offer's business.
    assert!(has(clicks[1], Flags::LANDING_PAGE_UNKNOWN) && !has(clicks[0], Flags::LANDING_PAGE_UNKNOWN));
}

#[test]
fn whom_nobody_in_the_chain_wants_goes_to_the_fallback_of_the_offer_that_was_clicked() {
    let edge = edge(chained);
    assert_eq!(edge.get("/abc1234", &from(JAPAN, BROWSER)).location(), "https://first.example/");
    let stopped = edge.stop();
    assert_eq!(fates(&stopped), [(1, Verdict::invalid(Reason::Geo), "country", 302)]);
    assert!(has(stopped.only_click(), Flags::FALLBACK));
}

#[test]
fn a_deep_link_is_followed_where_the_offer_that_takes_the_visitor_lists_its_host() {
    let edge = edge(chained);
    let visitor = from(SWEDEN, BROWSER);
    let own = edge.get("/abc1234?url=https://other.example/x", &visitor);
    assert!(own.location().starts_with("https://other.example/x?hl_click="), "{own:?}");
    let first = edge.get("/abc1234?url=https://shop.example/x", &visitor);
    assert!(first.location().starts_with("https://shop.example/?hl_click="), "{first:?}");
    let stopped = edge.stop();
    let found: Vec<_> = stopped
        .clicks()
        .into_iter()
        .map(|click| (click.deep_link.as_str(), has(click, Flags::DEEP_LINK_REFUSED)))
        .collect();
    assert_eq!(found, [("", false), ("https://other.example/x", false), ("", false), ("", true)]);
}

#[test]
fn every_reason_of_an_offer_passes_its_visitors_on_but_not_one_of_the_affiliate_or_the_link() {
    let edge = edge(|_| ());
    let cases: [(Change, &str); 7] = [
        (|data| data.offers[0].standing = Standing::Paused, "offer"),
        (|data| data.offers[0].ends_at = Some(NOW), "over"),
        (|data| rules(data, 1).targeting.os = only(&["Windows"]), "os"),
        (
            |data| {
                let offer_id = OfferId::new(1).unwrap();
                data.closures =
                    vec![ClosureEntry { offer_id, affiliate_id: Some(affiliate(9)), until: None }];
            },
            "closed",
        ),
        (|data| data.affiliates[0].standing = Standing::Pending, "affiliate"),
        (|data| data.affiliates[0].standing = Standing::Blocked, "affiliate"),
        (|data| data.links[0].standing = Standing::Paused, "link"),
    ];
    for (change, _) in &cases {
        edge.catalogue.store(Arc::new(compiled(|data| {
            rules(data, 1).fallback_offer_id = Some(OfferId::new(6).unwrap());
            change(data);
        })));
        edge.visit("/abc1234");
    }
    let stopped = edge.stop();
    let found: Vec<_> = stopped.clicks().into_iter().map(|click| (fate(click).0, fate(click).2)).collect();
    let passed = cases[..4].iter().flat_map(|(_, detail)| [(1, *detail), (6, "")]);
    let stayed = cases[4..].iter().map(|(_, detail)| (1, *detail));
    assert_eq!(found, passed.chain(stayed).collect::<Vec<_>>());
}

#[test]
fn machines_go_along_the_chain_and_count_nowhere() {
    let edge = edge(chained);
    let mut client = edge.client();
    let head = client.send("HEAD", "/abc1234", &from(SWEDEN, FIREFOX), "");
    assert!(head.location().starts_with("https://shop.example/p?"), "C-05: as a GET would: {head:?}");
    // A bot is no desktop.
    let bot = edge.get("/abc1234", &from(SWEDEN, "curl/8.5.0"));
    assert_eq!(edge.verify(bot.parameter("hl_click")).offer.get(), 6);
    let prefetch = [from(SWEDEN, FIREFOX), vec![("Sec-Purpose", "prefetch")]].concat();
    assert_eq!(edge.get("/abc1234", &prefetch).status, 503);
    assert_eq!(edge.get("/i/abc1234", &from(SWEDEN, FIREFOX)).status, 200);
    let stopped = edge.stop();
    let (head, bot) = (Verdict::invalid(Reason::Head), Verdict::invalid(Reason::Bot));
    let expected = [
        (1, head, "", 302),
        (2, head, "", 302),
        (1, bot, "", 302),
        (6, bot, "", 302),
        (1, Verdict::invalid(Reason::Prefetch), "", 503),
    ];
    assert_eq!(fates(&stopped), expected);
}
