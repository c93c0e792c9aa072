//! Offers' rules, closures and domains in the catalogue.

use hopline_types::{DomainId, LandingPageId};

use super::*;
use crate::{Visitor, without_port};

const NOW: UnixMillis = UnixMillis(1500);

pub(super) fn affiliate(id: i64) -> AffiliateId {
    AffiliateId::new(id).unwrap()
}

pub(super) fn offer_id(id: i64) -> OfferId {
    OfferId::new(id).unwrap()
}

fn compiled(change: impl FnOnce(&mut CatalogueData)) -> Catalogue {
    let mut data = sample();
    change(&mut data);
    Catalogue::compile(data).unwrap()
}

fn germans() -> Targeting {
    Targeting { countries: Matching::Only(vec!["DE".into()]), ..Targeting::default() }
}

pub(super) fn closure(affiliate_id: Option<AffiliateId>, until: Option<i64>) -> ClosureEntry {
    ClosureEntry { offer_id: offer_id(7), affiliate_id, until: until.map(UnixMillis) }
}

pub(super) fn page(id: i64, weight: u32, standing: Standing) -> LandingPageEntry {
    let id = LandingPageId::new(id).unwrap();
    LandingPageEntry { id, url: format!("https://shop.example/{id}"), weight, standing }
}

/// More offers like the first, each with the next as its fallback.
pub(super) fn chain(data: &mut CatalogueData, last: i64) {
    let first = data.offers[0].clone();
    data.offers = (7..=last)
        .map(|id| {
            let mut offer = OfferEntry { id: offer_id(id), ..first.clone() };
            offer.rules.fallback_offer_id = (id < last).then(|| offer_id(id + 1));
            offer
        })
        .collect();
}

#[test]
fn a_click_is_judged_by_standing_then_times_then_closures_then_the_visitor() {
    let german = Visitor { country: *b"DE", ..Visitor::default() };
    let french = Visitor { country: *b"FR", ..Visitor::default() };
    let all = |data: &mut CatalogueData, wrong: usize| {
        data.offers[0].rules.targeting = germans();
        if wrong > 0 {
            data.closures.push(closure(None, None));
        }
        if wrong > 1 {
            data.offers[0].ends_at = Some(NOW);
        }
        if wrong > 2 {
            data.links[0].standing = Standing::Paused;
        }
        if wrong > 3 {
            data.offers[0].standing = Standing::Blocked;
        }
        if wrong > 4 {
            data.advertisers[0].standing = Standing::Paused;
        }
        if wrong > 5 {
            data.affiliates[0].standing = Standing::Paused;
        }
    };
    let expected = [
        (Reason::Geo, "country"),
        (Reason::Cap, "closed"),
        (Reason::Expired, "over"),
        (Reason::Paused, "link"),
        (Reason::Blocked, "offer"),
        (Reason::Paused, "advertiser"),
        (Reason::Blocked, "affiliate"),
    ];
    for (wrong, refused) in expected.into_iter().enumerate() {
        let catalogue = compiled(|data| all(data, wrong));
        let target = catalogue.link(b"abc1234").unwrap();
        assert_eq!(target.judge(&french, NOW), Some(refused), "{wrong}");
        assert_eq!(target.refusal(NOW), (wrong > 1).then_some(refused.0), "{wrong}");
    }
    let catalogue = compiled(|data| all(data, 0));
    assert_eq!(catalogue.link(b"abc1234").unwrap().judge(&german, NOW), None);
    let plain = Catalogue::compile(sample()).unwrap();
    let target = plain.link(b"abc1234").unwrap();
    assert_eq!(target.judge(&Visitor::default(), NOW), None);
    assert_eq!(target.judge(&Visitor::default(), UnixMillis(0)), Some((Reason::Expired, "not_begun")));
    assert!(target.offer.gate.is_none() && target.offer.pages.is_none());
}

#[test]
fn a_closure_ends_with_its_period_and_one_of_an_affiliate_is_its_own() {
    let second = AffiliateEntry { id: affiliate(10), standing: Standing::Active };
    let closed = |closures: &[ClosureEntry]| {
        let catalogue = compiled(|data| {
            data.affiliates.push(second.clone());
            data.closures = closures.to_vec();
        });
        let offer = catalogue.offer(offer_id(7)).unwrap();
        [9, 10]
            .map(|id| [NOW, UnixMillis(2000), UnixMillis(3000)].map(|now| offer.closed(affiliate(id), now)))
    };
    assert_eq!(closed(&[]), [[false; 3]; 2]);
    assert_eq!(closed(&[closure(None, Some(2000))]), [[true, false, false]; 2]);
    assert_eq!(closed(&[closure(None, None)]), [[true; 3]; 2]);
    let several = [
        closure(Some(affiliate(10)), Some(1)),
        closure(Some(affiliate(9)), Some(3000)),
        closure(Some(affiliate(9)), Some(2000)),
    ];
    assert_eq!(closed(&several), [[true, true, false], [false; 3]]);
    assert_eq!(closed(&[closure(None, Some(2000)), closure(Some(affiliate(9)), None)])[0], [true; 3]);
}

#[test]
fn unwanted_visitors_go_on_to_the_next_offer_of_the_same_affiliate() {
    let catalogue = compiled(|data| chain(data, 14));
    let mut target = catalogue.link(b"abc1234").unwrap();
    let mut walked = vec![target.offer.id.get()];
    while let Some(next) = catalogue.fallback_target(&target) {
        assert_eq!((next.affiliate.id, next.advertiser.id.get(), next.link_id()), (affiliate(9), 1, None));
        walked.push(next.offer.id.get());
        target = next;
    }
    assert_eq!(walked, [7, 8, 9, 10, 11, 12, 13, 14]);
}

#[test]
fn no_other_offer_makes_up_for_a_paused_link_or_a_blocked_affiliate() {
    let goes_on = |change: fn(&mut CatalogueData)| {
        let catalogue = compiled(|data| {
            chain(data, 8);
            change(data);
        });
        catalogue.fallback_target(&catalogue.link(b"abc1234").unwrap()).is_some()
    };
    assert!(goes_on(|data| data.offers[0].standing = Standing::Paused));
    assert!(goes_on(|data| data.advertisers[0].standing = Standing::Paused));
    assert!(!goes_on(|data| data.links[0].standing = Standing::Paused));
    assert!(!goes_on(|data| data.affiliates[0].standing = Standing::Blocked));
}

#[test]
fn landing_pages_carry_the_click_id_and_only_active_ones_are_shown() {
    let catalogue = compiled(|data| {
        data.offers[0].rules.landing_page_weight = Some(0);
        data.offers[0].rules.landing_pages =
            vec![page(3, 5, Standing::Active), page(4, 1000, Standing::Paused)];
    });
    let offer = catalogue.offer(offer_id(7)).unwrap();
    for visitor in 0..50 {
        let page = offer.page(None, visitor);
        let mut url = Vec::new();
        page.template.render(&mut url, b"", |_, value| value.put(b"C"));
        assert_eq!(page.id.map(LandingPageId::get), Some(3));
        assert_eq!(url, b"https://shop.example/3?hl_click=C");
    }
    let named = offer.page(Some(LandingPageId::new(4).unwrap()), 0);
    assert_eq!((named.id.map(LandingPageId::get), named.named_unknown), (Some(3), true));
    for (lp, unknown) in [("", false), ("3", false), ("4", true), ("0", true), ("x", true)] {
        let page = offer.page_named(lp, 0);
        assert_eq!((page.id.map(LandingPageId::get), page.named_unknown), (Some(3), unknown), "{lp:?}");
    }
    let plain = Catalogue::compile(sample()).unwrap();
    let page = plain.offer(offer_id(7)).unwrap().page(None, 1);
    assert_eq!((page.id, page.named_unknown), (None, false));
    assert!(plain.offer(offer_id(7)).unwrap().page_named("3", 1).named_unknown);
}

//
#[test]
fn r_04_cookies_are_set_by_the_offers_mode_and_the_visitors_country() {
    let sets = |mode, consented, country: &[u8; 2]| {
        let catalogue = compiled(|data| {
            data.offers[0].rules.cookies = mode;
            data.offers[0].rules.cookieless_countries = vec!["FR".into(), "DE".into()];
        });
        catalogue.offer(offer_id(7)).unwrap().sets_cookie(consented, *country)
    };
    for (mode, consented, expected) in [
        (CookieMode::Always, false, true),
        (CookieMode::Always, true, true),
        (CookieMode::Consent, false, false),
        (CookieMode::Consent, true, true),
        (CookieMode::Never, true, false),
    ] {
        assert_eq!(sets(mode, consented, b"US"), expected, "{mode:?}");
        assert_eq!(sets(mode, consented, b"\0\0"), expected, "{mode:?}, country not known");
        assert!(!sets(mode, consented, b"DE") && !sets(mode, consented, b"FR"), "{mode:?}");
    }
}

#[test]
fn a_domain_serves_the_links_of_its_affiliate_and_advertiser() {
    let domain = |id, host: &str, affiliate_id, advertiser_id| DomainEntry {
        id: DomainId::new(id).unwrap(),
        host: host.into(),
        affiliate_id,
        advertiser_id,
        default_url: None,
    };
    let advertiser = |id| Some(AdvertiserId::new(id).unwrap());
    let catalogue = compiled(|data| {
        data.affiliates.push(AffiliateEntry { id: affiliate(10), standing: Standing::Active });
        data.advertisers.push(AdvertiserEntry {
            id: AdvertiserId::new(2).unwrap(),
            postback_token_sha256: "cd".repeat(32),
            ..data.advertisers[0].clone()
        });
        data.domains = vec![
            domain(1, "all.example", None, None),
            domain(2, "nine.example", Some(affiliate(9)), advertiser(1)),
            domain(3, "ten.example", Some(affiliate(10)), None),
            domain(4, "two.example", Some(affiliate(9)), advertiser(2)),
        ];
    });
    let target = catalogue.link(b"abc1234").unwrap();
    let serves = |host: &[u8]| catalogue.domain(without_port(host)).map(|domain| domain.serves(&target));
    assert_eq!(serves(b"ALL.example:8080"), Some(true));
    assert_eq!(serves(b"nine.example"), Some(true));
    assert_eq!(serves(b"ten.example"), Some(false));
    assert_eq!(serves(b"two.example"), Some(false));
    assert_eq!(serves(b"edge.example"), None);
}
