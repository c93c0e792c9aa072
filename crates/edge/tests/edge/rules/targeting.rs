//! Who is wanted.

use super::*;

/// A network's first bytes, a user agent, the languages.
type Who = (&'static str, &'static str, &'static str);

/// A rule, a visitor who fits, one who does not, and what is said of that one.
struct Dimension {
    rule: Targeting,
    fits: Option<Who>,
    fails: Option<Who>,
    says: (Reason, &'static str),
}

const TV: &str = "Mozilla/5.0 (SMART-TV; Linux; Tizen 7.0) AppleWebKit/537.36 (KHTML, like Gecko) Version/7.0 TV Safari/537.36";

fn dimensions() -> Vec<Dimension> {
    let any = Targeting::default;
    let hours = |week: [Vec<u8>; 7]| Some(Hours { zone: "Europe/Berlin".into(), week });
    // 16:13 on a Monday in Berlin.
    let now_open = hours([vec![16], vec![], vec![], vec![], vec![], vec![], vec![]]);
    let now_closed = hours([vec![14, 15, 17], vec![16], vec![], vec![], vec![], vec![], vec![]]);
    let (london, nowhere) = (("81.2.69", BROWSER, "de"), ("8.8.8", BROWSER, "de"));
    let (sweden, bavaria) = (("89.160.20", BROWSER, "de"), ("2.125.160", BROWSER, "de"));
    let (windows, tv) = (("8.8.8", FIREFOX, "de"), ("8.8.8", TV, "de"));
    let (english, mute) = (("8.8.8", BROWSER, "en-GB,de"), ("8.8.8", BROWSER, ""));
    let rows: Vec<(Targeting, Who, Who, (Reason, &str))> = vec![
        (Targeting { countries: only(&["GB", "US"]), ..any() }, london, sweden, (Reason::Geo, "country")),
        (Targeting { countries: only(&["GB"]), ..any() }, london, nowhere, (Reason::Geo, "country")),
        (Targeting { countries: not(&["SE"]), ..any() }, nowhere, sweden, (Reason::Geo, "country")),
        (Targeting { regions: only(&["GB-ENG"]), ..any() }, london, sweden, (Reason::Geo, "region")),
        (Targeting { regions: only(&["SE-E", "DE-BY"]), ..any() }, sweden, bavaria, (Reason::Geo, "region")),
        (Targeting { regions: not(&["GB-ENG"]), ..any() }, bavaria, london, (Reason::Geo, "region")),
        (Targeting { devices: only(&["mobile"]), ..any() }, nowhere, windows, (Reason::Device, "device")),
        (Targeting { devices: not(&["tv"]), ..any() }, windows, tv, (Reason::Device, "device")),
        (Targeting { os: only(&["ios", "Android"]), ..any() }, nowhere, windows, (Reason::Device, "os")),
        (Targeting { os: not(&["Windows"]), ..any() }, nowhere, windows, (Reason::Device, "os")),
        (Targeting { browsers: only(&["Firefox"]), ..any() }, windows, nowhere, (Reason::Device, "browser")),
        (Targeting { languages: only(&["de"]), ..any() }, nowhere, english, (Reason::Device, "language")),
        (Targeting { languages: only(&["de"]), ..any() }, nowhere, mute, (Reason::Device, "language")),
        (Targeting { languages: not(&["en"]), ..any() }, mute, english, (Reason::Device, "language")),
    ];
    let rows = rows.into_iter().map(|(rule, fits, fails, says)| (rule, Some(fits), Some(fails), says));
    let hours = [
        (Targeting { hours: now_open, ..any() }, Some(nowhere), None, (Reason::None, "")),
        (Targeting { hours: now_closed, ..any() }, None, Some(nowhere), (Reason::Schedule, "hours")),
    ];
    let dimension = |(rule, fits, fails, says)| Dimension { rule, fits, fails, says };
    rows.chain(hours).map(dimension).collect()
}

/// Where the refused go, the network's or the offer's fallback, or nowhere.
const ENDS: [(Option<&str>, Option<&str>, Option<&str>); 4] = [
    (None, None, None),
    (None, Some("https://network.example/?o={offer_id}"), Some("https://network.example/?o=1")),
    (
        Some("https://offer.example/?c={country}"),
        Some("https://network.example/"),
        Some("https://offer.example/?c="),
    ),
    (Some("https://offer.example/#{sub1}"), None, Some("https://offer.example/#")),
];

#[test]
fn a_visitor_who_is_not_wanted_goes_to_the_fallback_or_nowhere_and_is_recorded_with_the_reason() {
    let edge = edge(|_| ());
    let mut expected = Vec::new();
    let mut host = 0;
    for (number, dimension) in dimensions().iter().enumerate() {
        for (end, (own, network, leads_to)) in ENDS.into_iter().enumerate() {
            edge.catalogue.store(Arc::new(compiled(|data| {
                rules(data, 1).targeting = dimension.rule.clone();
                data.offers[0].fallback_url = own.map(Into::into);
                data.fallback_url = network.map(Into::into);
            })));
            let visitors = [(dimension.fits, (Reason::None, "")), (dimension.fails, dimension.says)];
            for (who, says) in visitors {
                let Some((net, agent, language)) = who else { continue };
                host += 1;
                let address = format!("{net}.{host}");
                let mut headers = vec![("User-Agent", agent), ("X-Forwarded-For", &address)];
                headers.extend(Some(("Accept-Language", language)).filter(|_| !language.is_empty()));
                let name = format!("{number}-{end}");
                let answer = edge.get(&format!("/abc1234?sub1={name}"), &headers);
                let context = format!("{name}, {:?} from {address} by {agent}: {answer:?}", dimension.rule);
                if says.0 == Reason::None {
                    assert!(answer.location().starts_with("https://shop.example/shoes?c="), "{context}");
                    assert!(answer.cookie().is_some(), "{context}");
                    expected.push((name, Verdict::UNIQUE, "", 302, false));
                    continue;
                }
                assert_eq!(answer.cookie(), None, "{context}");
                let status = if leads_to.is_some() { 302 } else { 404 };
                match leads_to {
                    Some(start) => assert!(answer.location().starts_with(start), "{context}"),
                    None => assert_eq!(answer.status, 404, "{context}"),
                }
                expected.push((name, Verdict::invalid(says.0), says.1, status, leads_to.is_some()));
            }
        }
    }
    let stopped = edge.stop();
    let found: Vec<_> = stopped
        .clicks()
        .into_iter()
        .map(|click| {
            let (_, verdict, detail, status) = fate(click);
            (click.subs[0].clone(), verdict, detail, status, has(click, Flags::FALLBACK))
        })
        .collect();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn the_first_rule_that_fails_is_named_and_standing_comes_before_all_of_them() {
    let edge = edge(|_| ());
    let visitor = from(SWEDEN, FIREFOX);
    let steps: [(Change, Reason, &str); 7] = [
        (|data| rules(data, 1).targeting.languages = only(&["fr"]), Reason::Device, "language"),
        (|data| rules(data, 1).targeting.browsers = not(&["Firefox"]), Reason::Device, "browser"),
        (|data| rules(data, 1).targeting.devices = only(&["tv"]), Reason::Device, "device"),
        (|data| only_britain(data, 1), Reason::Geo, "country"),
        (
            |data| {
                let offer_id = OfferId::new(1).unwrap();
                data.closures.push(ClosureEntry { offer_id, affiliate_id: None, until: None });
            },
            Reason::Cap,
            "closed",
        ),
        (|data| data.offers[0].starts_at = Some(NOW.plus(1)), Reason::Expired, "not_begun"),
        (|data| data.affiliates[0].standing = Standing::Blocked, Reason::Blocked, "affiliate"),
    ];
    for (last, _) in steps.iter().enumerate() {
        edge.catalogue.store(Arc::new(compiled(|data| {
            steps[..=last].iter().for_each(|(change, ..)| change(data));
        })));
        assert_eq!(edge.get("/abc1234", &visitor).status, 404);
    }
    let expected = steps.map(|(_, reason, detail)| (1, Verdict::invalid(reason), detail, 404));
    assert_eq!(fates(&edge.stop()), expected);
}

#[test]
fn hours_follow_the_clock_of_their_zone() {
    let edge = edge(|data| {
        let mut week: [Vec<u8>; 7] = Default::default();
        week[0] = vec![16, 17];
        week[6] = vec![23];
        rules(data, 1).targeting.hours = Some(Hours { zone: "Europe/Berlin".into(), week });
    });
    const HOUR: i64 = 3_600_000;
    // From Monday 16:13 on; the last is a Sunday in winter time, 23:13.
    for (after, expected) in
        [(0, 302), (HOUR, 302), (2 * HOUR, 404), (7 * 24 * HOUR, 302), (34 * 24 * HOUR + 8 * HOUR, 302)]
    {
        edge.clock.set(NOW.plus(after));
        assert_eq!(edge.visit("/abc1234").status, expected, "{after}");
    }
    edge.clock.set(NOW.plus(34 * 24 * HOUR + 7 * HOUR));
    assert_eq!(edge.visit("/abc1234").status, 404);
}

#[test]
fn a_machine_is_named_before_a_rule_and_goes_where_the_rule_sends_it() {
    let edge = edge(|data| {
        only_britain(data, 1);
        data.offers[0].fallback_url = Some("https://offer.example/".into());
    });
    let visitor = from(SWEDEN, BROWSER);
    let with = |name: &'static str, value: &'static str| [visitor.clone(), vec![(name, value)]].concat();
    let mut client = edge.client();
    let head = client.send("HEAD", "/abc1234", &visitor, "");
    let bot = edge.get("/abc1234", &from(SWEDEN, "curl/8.5.0"));
    let image = edge.get("/abc1234", &with("Sec-Fetch-Dest", "image"));
    for answer in [&head, &bot, &image] {
        assert_eq!((answer.location(), answer.cookie()), ("https://offer.example/", None));
    }
    assert_eq!(edge.get("/abc1234", &with("Sec-Purpose", "prefetch")).status, 503);
    // A view is the page's, not the visitor's.
    assert_eq!(edge.get("/i/abc1234", &visitor).status, 200);
    let stopped = edge.stop();
    let expected = [
        (1, Verdict::invalid(Reason::Head), "", 302),
        (1, Verdict::invalid(Reason::Bot), "", 302),
        (1, Verdict::invalid(Reason::Stuffing), "image", 302),
        (1, Verdict::invalid(Reason::Prefetch), "", 503),
    ];
    assert_eq!(fates(&stopped), expected);
    let Some(hopline_record::Record::Impression(view)) = stopped.records.last() else { panic!("a view") };
    assert_eq!((verdict(view), view.country), (Verdict::UNIQUE, *b"SE"));
}

// C-13
#[test]
fn c_13_a_hosting_networks_click_is_a_machines_and_a_suspect_ones_only_with_another_sign() {
    let networks = "hosting 20712 rented servers\nsuspect 2914 a relay";
    let options = |all: &mut EdgeOptions| all.networks = DatacenterNetworks::from_list(networks).unwrap();
    let edge = edge_with(&[("edge.threads", "1")], |_| (), options);
    let navigation = [("Sec-Fetch-Dest", "document"), ("Sec-Fetch-Mode", "navigate")];
    let visits = [
        from(LONDON, BROWSER),
        from(JAPAN, BROWSER),
        [&from(JAPAN, BROWSER)[..], &navigation].concat(),
        vec![("User-Agent", BROWSER), ("X-Forwarded-For", JAPAN)],
        from(SWEDEN, BROWSER),
    ];
    for headers in &visits {
        assert!(edge.get("/abc1234", headers).location().starts_with("https://shop.example/shoes"));
    }
    let stopped = edge.stop();
    let found: Vec<_> =
        stopped.clicks().into_iter().map(|click| (verdict(click), click.network, click.country)).collect();
    let machine = Verdict::invalid(Reason::Datacenter);
    let expected = [
        (machine, 20712, *b"GB"),
        (Verdict::UNIQUE, 2914, *b"JP"),
        (machine, 2914, *b"JP"),
        (machine, 2914, *b"JP"),
        (Verdict::UNIQUE, 0, *b"SE"),
    ];
    assert_eq!(found, expected);
}
