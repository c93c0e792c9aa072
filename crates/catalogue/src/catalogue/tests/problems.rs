//! What is wrong with rules, closures and domains.

use hopline_types::{CapId, DomainId};

use super::rules::{affiliate, chain, closure, offer_id, page};
use super::*;

fn problems(change: impl FnOnce(&mut CatalogueData)) -> Vec<String> {
    let mut data = sample();
    change(&mut data);
    Catalogue::compile(data).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn chains_that_are_too_long_circular_or_lead_nowhere_are_problems() {
    assert_eq!(
        problems(|data| chain(data, 15)),
        [
            "a chain of fallback offers has 9 offers, at most 8 are accepted: 7 > 8 > 9 > 10 > 11 > 12 > 13 > 14 > 15"
        ]
    );
    let circle = |data: &mut CatalogueData| {
        chain(data, 9);
        data.offers[2].rules.fallback_offer_id = Some(offer_id(8));
    };
    assert_eq!(problems(circle), ["fallback offers go round in a circle: 8 > 9 > 8"]);
    assert_eq!(
        problems(|data| data.offers[0].rules.fallback_offer_id = Some(offer_id(99))),
        ["rule of offer 7 names fallback offer 99, which is not there"]
    );
}

#[test]
fn every_problem_of_rules_closures_and_domains_is_named_at_once() {
    let cap = |id, scope, zone: &str, amount| CapEntry {
        id: CapId::new(id).unwrap(),
        scope,
        metric: CapMetric::Clicks,
        period: CapPeriod::Day,
        zone: zone.into(),
        amount,
    };
    let said = problems(|data| {
        let second = OfferEntry { id: offer_id(8), ..data.offers[0].clone() };
        data.offers.push(second);
        data.offers[0].rules = OfferRules {
            targeting: Targeting {
                countries: Matching::Only(vec!["Germany".into()]),
                ..Targeting::default()
            },
            fallback_offer_id: Some(offer_id(7)),
            landing_page_weight: Some(10_001),
            landing_pages: vec![
                LandingPageEntry { url: "https://{sub1}/".into(), ..page(1, 10_001, Standing::Active) },
                LandingPageEntry { url: "nowhere".into(), ..page(1, 1, Standing::Paused) },
            ],
            caps: vec![cap(1, CapScope::Affiliate(affiliate(99)), "Nowhere", 0)],
            cookies: CookieMode::Never,
            cookieless_countries: vec!["EU!".into()],
        };
        data.offers[1].rules.caps = vec![cap(1, CapScope::Offer, "UTC", 1)];
        data.closures = vec![
            ClosureEntry { offer_id: offer_id(99), ..closure(None, None) },
            closure(Some(affiliate(99)), None),
        ];
        let domain = DomainEntry {
            id: DomainId::new(1).unwrap(),
            host: "go.example".into(),
            affiliate_id: Some(affiliate(99)),
            advertiser_id: Some(AdvertiserId::new(99).unwrap()),
            default_url: Some("https://{sub1}.example/".into()),
        };
        data.domains = vec![
            domain,
            DomainEntry {
                id: DomainId::new(2).unwrap(),
                host: "go.example:80".into(),
                affiliate_id: None,
                advertiser_id: None,
                default_url: None,
            },
        ];
    });
    let expected = [
        "fallback offers go round in a circle: 7 > 7",
        "cap 1 is given twice",
        "domain go.example names affiliate 99, which is not there",
        "domain go.example names advertiser 99, which is not there",
        "domain go.example: default_url: URL",
        "domain go.example:80: host: ",
        "closure of offer 99 names offer 99, which is not there",
        "closure of offer 7 names affiliate 99, which is not there",
        "offer 7: rules.targeting.countries[0]: ",
        "offer 7: rules.landing_page_weight: 10001",
        "offer 7: rules.landing_pages: the id 1 is given twice",
        "offer 7: rules.landing_pages[0].weight: 10001",
        "offer 7: rules.landing_pages[0].url: ",
        "offer 7: rules.landing_pages[1].url: ",
        "offer 7: rules.caps[0].amount: 0",
        "offer 7: rules.caps[0].zone: \"Nowhere\"",
        "offer 7: rules.cookieless_countries[0]: \"EU!\"",
        "rule of offer 7 names affiliate 99, which is not there",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}\n{expected}");
    }
}

#[test]
fn the_same_host_twice_is_a_problem_however_it_is_written() {
    let domain = |id, host: &str| DomainEntry {
        id: DomainId::new(id).unwrap(),
        host: host.into(),
        affiliate_id: None,
        advertiser_id: None,
        default_url: None,
    };
    let said = problems(|data| {
        data.domains = vec![domain(1, "müller.example"), domain(2, "XN--MLLER-KVA.example.")]
    });
    assert_eq!(said, ["domain XN--MLLER-KVA.example. is given twice"]);
    let said = problems(|data| data.domains = vec![domain(1, "a.example"), domain(1, "b.example")]);
    assert_eq!(said, ["domain id 1 is given twice"]);
}
