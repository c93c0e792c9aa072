//! Caps on clicks, counted by the edge; closures, told by those who count the rest.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use hopline_record::Record;
use hopline_spool::testing::{Effect, FaultStorage, Operation};

use super::*;

const DAY: i64 = 86_400_000;

/// Two more affiliates, each with a link to the first offer; and one to the second.
fn three_affiliates(data: &mut CatalogueData) {
    for (id, code) in [(10, "tenth10"), (11, "eleven1")] {
        data.affiliates.push(AffiliateEntry { id: affiliate(id), standing: Standing::Active });
        data.links.push(LinkEntry { affiliate_id: affiliate(id), ..link(id + 90, code, 1) });
    }
}

/// Clicks by many connections at once, each visitor another; gives how many went to each host.
fn storm(edge: &Edge, paths: &[&str], each: u64) -> BTreeMap<String, usize> {
    let mut hosts = BTreeMap::new();
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16_u64)
            .map(|client| {
                scope.spawn(move || {
                    let mut connection = edge.client();
                    let visits = (0..each).flat_map(|round| {
                        paths.iter().zip(0_u64..).map(move |(path, place)| (round, path, place))
                    });
                    let hosts: Vec<String> = visits
                        .map(|(round, path, place)| {
                            let cookie = cookie(client << 32 | round << 8 | place);
                            let fields = [("User-Agent", BROWSER), ("Cookie", cookie.as_str())];
                            let answer = connection.send("GET", path, &fields, "");
                            answer.location().split('/').nth(2).unwrap().to_owned()
                        })
                        .collect();
                    hosts
                })
            })
            .collect();
        for client in clients {
            for host in client.join().unwrap() {
                *hosts.entry(host).or_default() += 1;
            }
        }
    });
    hosts
}

/// How many clicks of each offer and affiliate are unique.
fn taken(stopped: &Stopped) -> BTreeMap<(i64, i64), usize> {
    let mut counts = BTreeMap::new();
    for click in stopped.clicks().into_iter().filter(|click| verdict(click) == Verdict::UNIQUE) {
        let claims = hopline_clickid::ClickClaims::of_own_record(&click.token).unwrap();
        *counts.entry((claims.offer.get(), claims.affiliate.get())).or_default() += 1;
    }
    counts
}

#[test]
fn exactly_as_many_visitors_as_the_cap_says_are_taken_by_many_threads_and_the_others_go_on() {
    let change = |data: &mut CatalogueData| {
        rules(data, 1).caps = vec![click_cap(1, CapScope::Offer, CapPeriod::Day, 100)];
        rules(data, 1).fallback_offer_id = Some(OfferId::new(6).unwrap());
        data.offers[0].landing_page = "https://first.example/".into();
        data.offers[0].fallback_url = Some("https://nobody.example/".into());
        rules(data, 6).caps = vec![click_cap(2, CapScope::Offer, CapPeriod::Total, 150)];
        data.offers[5].landing_page = "https://second.example/".into();
    };
    let edge = edge_with(&[("edge.threads", "4")], change, |_| ());
    let hosts = storm(&edge, &["/abc1234"], 20);
    let expected = [("first.example", 100), ("nobody.example", 70), ("second.example", 150)]
        .map(|(host, count)| (host.to_owned(), count));
    assert_eq!(hosts, BTreeMap::from(expected));
    let stopped = edge.stop();
    assert_eq!(taken(&stopped), BTreeMap::from([((1, 9), 100), ((6, 9), 150)]));
    let refused: Vec<_> =
        stopped.clicks().into_iter().filter(|click| verdict(click) != Verdict::UNIQUE).collect();
    assert_eq!(refused.len(), 220, "those who went on left a record too");
    assert!(refused.iter().all(|click| fate(click) == (1, Verdict::invalid(Reason::Cap), "clicks", 302)));
}

#[test]
fn who_comes_a_moment_too_late_for_the_last_place_goes_on_like_everybody_behind() {
    let change = |data: &mut CatalogueData| {
        rules(data, 1).caps = vec![click_cap(1, CapScope::Offer, CapPeriod::Total, 1)];
        rules(data, 1).fallback_offer_id = Some(OfferId::new(6).unwrap());
        data.offers[0].landing_page = "https://first.example/".into();
        data.offers[0].fallback_url = Some("https://nobody.example/".into());
        data.offers[5].landing_page = "https://second.example/".into();
    };
    let mut counters = None;
    let edge = edge_with(&[("edge.threads", "1")], change, |all| counters = Some(Arc::clone(&all.counters)));
    let (counters, catalogue) = (counters.unwrap(), edge.catalogue.load());
    let offer = catalogue.offer(OfferId::new(1).unwrap()).unwrap();
    let mut client = edge.client();
    let (mut first, mut second) = (0, 0);
    // The place is taken by somebody else at every moment of a click in turn.
    for round in 0..600 {
        let cookie = cookie(round);
        client.write("GET", "/abc1234", &[("User-Agent", BROWSER), ("Cookie", &cookie)], "");
        let until = Instant::now() + Duration::from_micros(round % 300);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        let is_ours = counters.try_take(offer, affiliate(9), NOW).is_ok();
        let answer = client.answer(false).unwrap();
        let host = answer.location().split('/').nth(2).unwrap();
        assert_eq!(host, if is_ours { "second.example" } else { "first.example" }, "{round}");
        assert_eq!(edge.verify(answer.parameter("hl_click")).verdict, Verdict::UNIQUE);
        *(if is_ours { &mut second } else { &mut first }) += 1;
        counters.give_back(offer, affiliate(9), NOW);
    }
    let counts = taken(&edge.stop());
    assert_eq!(
        [counts.get(&(1, 9)), counts.get(&(6, 9))],
        [first, second].map(|count| (count > 0).then_some(count)).each_ref().map(Option::as_ref)
    );
}

#[test]
fn caps_of_the_offer_of_each_affiliate_and_of_one_hold_together() {
    let change = |data: &mut CatalogueData| {
        three_affiliates(data);
        rules(data, 1).caps = vec![
            click_cap(1, CapScope::Offer, CapPeriod::Day, 100),
            click_cap(2, CapScope::EachAffiliate, CapPeriod::Day, 45),
            click_cap(3, CapScope::Affiliate(affiliate(10)), CapPeriod::Day, 20),
        ];
        data.fallback_url = Some("https://full.example/".into());
    };
    let edge = edge_with(&[("edge.threads", "4")], change, |_| ());
    let paths = ["/abc1234", "/tenth10", "/eleven1"];
    let hosts = storm(&edge, &paths, 10);
    assert!(hosts["shop.example"] <= 100, "{hosts:?}");
    // Close to a limit a click that would have fitted may be refused; one after the other they all fit.
    let mut client = edge.client();
    for number in 0..40 {
        for (path, place) in paths.iter().zip(0_u64..) {
            let cookie = cookie(1 << 60 | number << 8 | place);
            client.send("GET", path, &[("User-Agent", BROWSER), ("Cookie", &cookie)], "");
        }
    }
    let counts = taken(&edge.stop());
    assert_eq!(counts[&(1, 10)], 20);
    assert!(counts[&(1, 9)] <= 45 && counts[&(1, 11)] <= 45, "{counts:?}");
    assert_eq!(counts.values().sum::<usize>(), 100);
}

#[test]
fn repetitions_machines_and_views_take_nothing_from_a_cap() {
    let edge = edge(|data| {
        rules(data, 1).caps = vec![click_cap(1, CapScope::Offer, CapPeriod::Total, 2)];
    });
    for _ in 0..3 {
        edge.visit("/abc1234");
        edge.get("/abc1234", &[("User-Agent", "curl/8.5.0")]);
        edge.get("/abc1234", &[("User-Agent", FIREFOX), ("Sec-Purpose", "prefetch")]);
        edge.get("/abc1234", &[("User-Agent", FIREFOX), ("Sec-Fetch-Dest", "iframe")]);
        edge.client().send("HEAD", "/abc1234", &[("User-Agent", FIREFOX)], "");
        edge.get("/i/abc1234", &[("User-Agent", FIREFOX)]);
    }
    assert_eq!(
        edge.verify(edge.get("/abc1234", &[("User-Agent", FIREFOX)]).parameter("c")).verdict,
        Verdict::UNIQUE
    );
    // Now it is full: for newcomers, and for those who came before.
    assert_eq!(edge.get("/abc1234", &from(SWEDEN, FIREFOX)).status, 404);
    assert_eq!(edge.visit("/abc1234").status, 404);
    let stopped = edge.stop();
    let fates = fates(&stopped);
    assert_eq!(fates[fates.len() - 2..], [(1, Verdict::invalid(Reason::Cap), "clicks", 404); 2]);
    assert_eq!(taken(&stopped), BTreeMap::from([((1, 9), 2)]));
}

#[test]
fn a_cap_opens_again_when_its_day_ends_in_its_zone() {
    let edge = edge(|data| {
        let cap = click_cap(1, CapScope::Offer, CapPeriod::Day, 1);
        rules(data, 1).caps = vec![CapEntry { zone: "America/New_York".into(), ..cap }];
    });
    let visit =
        |number: u64| edge.get("/abc1234", &[("User-Agent", BROWSER), ("Cookie", &cookie(number))]).status;
    // Midnight in New York is 04:00 UTC: 13 hours 46 minutes and 40 seconds from now.
    let midnight = NOW.get() + (13 * 3600 + 46 * 60 + 40) * 1000;
    assert_eq!([visit(1), visit(2)], [302, 404]);
    edge.clock.set(UnixMillis(midnight - 1));
    assert_eq!(visit(3), 404);
    edge.clock.set(UnixMillis(midnight));
    assert_eq!([visit(4), visit(5)], [302, 404]);
    edge.clock.set(UnixMillis(midnight + DAY));
    assert_eq!([visit(6), visit(7)], [302, 404]);
}

// D-16
#[test]
fn d_16_a_click_that_is_not_written_gives_its_place_back() {
    // Both ways, and along a chain.
    for (path, elsewhere) in
        [("/abc1234", None), ("/abc1234", Some(("Content-Length", "0"))), ("/passing", None)]
    {
        let storage = FaultStorage::new();
        let disk = storage.clone();
        let change = |data: &mut CatalogueData| {
            rules(data, 1).caps = vec![click_cap(1, CapScope::EachAffiliate, CapPeriod::Month, 1)];
            only_britain(data, 2);
            rules(data, 2).fallback_offer_id = Some(OfferId::new(1).unwrap());
        };
        let mut edge = edge_with(&[("edge.threads", "1")], change, |all| all.storage = Arc::new(disk));
        let dir = edge.handle.as_ref().unwrap().streams()[0].dir.clone();
        let first = dir.join("00000001.seg");
        storage.inject_on(&first, Operation::Write, 0, Effect::Fail(ErrorKind::StorageFull));
        let cookies = [cookie(1), cookie(2)];
        let fields = |number: usize| vec![("User-Agent", BROWSER), ("Cookie", cookies[number].as_str())];
        let refused = edge.get(path, &fields(0).into_iter().chain(elsewhere).collect::<Vec<_>>());
        assert_eq!((refused.status, refused.cookie()), (503, None), "{path} {elsewhere:?}");
        let statuses = [0, 1].map(|number| edge.get("/abc1234", &fields(number)).status);
        assert_eq!(statuses, [302, 404], "{path} {elsewhere:?}");
        edge.shutdown.begin();
        edge.handle.take().unwrap().wait().unwrap();
        let records = read(Arc::new(storage), &dir);
        let verdicts: Vec<_> = records
            .iter()
            .filter_map(|record| if let Record::Click(click) = record { Some(verdict(click)) } else { None })
            .collect();
        assert_eq!(verdicts, [Verdict::UNIQUE, Verdict::invalid(Reason::Cap)], "{path} {elsewhere:?}");
    }
}

#[test]
fn a_closed_offer_takes_nobody_until_the_period_ends_or_not_this_affiliates_visitors() {
    let edge = edge(three_affiliates);
    let close = |affiliate_id: Option<i64>, until: Option<i64>| {
        edge.catalogue.store(Arc::new(compiled(|data| {
            three_affiliates(data);
            data.closures = vec![ClosureEntry {
                offer_id: OfferId::new(1).unwrap(),
                affiliate_id: affiliate_id.map(affiliate),
                until: until.map(|after| NOW.plus(after)),
            }];
        })));
    };
    let statuses =
        || ["/abc1234", "/tenth10", "/c?offer=1&aff=10", "/passing"].map(|path| edge.visit(path).status);
    close(None, None);
    assert_eq!(statuses(), [404, 404, 404, 302]);
    close(Some(10), Some(1000));
    assert_eq!(statuses(), [302, 404, 404, 302]);
    edge.clock.advance(1000);
    assert_eq!(statuses(), [302; 4]);
    let stopped = edge.stop();
    let refused: Vec<_> = stopped.clicks().into_iter().map(fate).filter(|fate| fate.3 == 404).collect();
    assert_eq!(refused, [(1, Verdict::invalid(Reason::Cap), "closed", 404); 5]);
}
