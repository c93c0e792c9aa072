//! Traffic rules: what offers take, where visitors land, on which hosts links are shown.

use hopline_catalogue::data::{
    CapMetric, CapPeriod, CapScope, CookieMode, DomainEntry, Hours, LandingPageEntry, Matching, OfferRules,
    Standing, Targeting,
};
use hopline_types::{AffiliateId, DomainId, HOUR_MS, OfferId, UnixMillis};

use super::network::{enter, new_link};
use super::{NOW, random, read, refused, write};
use crate::caps::{self, CapSpan, NewCap};
use crate::domains::{self, DomainFilter, DomainSettings};
use crate::landing_pages::{self, LandingPageFilter, LandingPageSettings};
use crate::links;
use crate::offers::{self, TrafficSettings};
use crate::{Database, ErrorKind, Page, Scope, StoreError, Tx, catalogue};

const ALL: Scope = Scope::All;
const LATER: UnixMillis = NOW.plus(HOUR_MS);
pub(super) const TODAY: CapSpan = CapSpan { start: NOW, end: Some(NOW.plus(24 * HOUR_MS)) };

pub(super) async fn version(database: &dyn Database) -> i64 {
    read(database, catalogue::version).await
}

fn page(name: &str, weight: u32) -> LandingPageSettings {
    let url = format!("https://shop.example/{name}?c={{click_id}}");
    LandingPageSettings { name: name.to_owned(), url, weight, standing: Standing::Active }
}

pub(super) fn cap(scope: CapScope, metric: CapMetric, period: CapPeriod, amount: i64) -> NewCap {
    NewCap { scope, metric, period, zone: "Europe/Berlin".to_owned(), amount }
}

fn traffic(fallback: OfferId) -> TrafficSettings {
    let mut week: [Vec<u8>; 7] = Default::default();
    week[0] = vec![9, 10];
    TrafficSettings {
        targeting: Targeting {
            countries: Matching::Only(vec!["AT".into(), "DE".into()]),
            devices: Matching::Not(vec!["tv".into()]),
            hours: Some(Hours { zone: "Europe/Berlin".into(), week }),
            ..Targeting::default()
        },
        fallback_offer_id: Some(fallback),
        landing_page_weight: Some(3),
        cookies: CookieMode::Consent,
        cookieless_countries: vec!["FR".into()],
    }
}

/// Rules of every kind for an offer: its own, a landing page, a domain, and a cap that is reached.
pub(super) fn enter_rules(tx: &mut dyn Tx, offer: OfferId, affiliate: AffiliateId) -> Result<(), StoreError> {
    let mut rules = traffic(offer);
    rules.fallback_offer_id = None;
    offers::update_traffic(tx, ALL, offer, &mut |traffic| traffic.clone_from(&rules), NOW)?;
    landing_pages::create(tx, offer, &page("red", 5), NOW)?;
    let bound = DomainSettings { affiliate_id: Some(affiliate), ..DomainSettings::default() };
    domains::create(tx, "go.blog.example", &bound, NOW)?;
    let sales = cap(CapScope::Offer, CapMetric::Conversions, CapPeriod::Day, 1);
    for cap in caps::replace(tx, offer, &[sales], NOW)? {
        caps::add(tx, cap.id, None, &TODAY, 1)?;
    }
    Ok(())
}

/// What an offer takes comes back as saved, and edges learn it with landing pages, caps and domains.
pub async fn traffic_rules_are_saved_and_reach_the_catalogue(database: &dyn Database) {
    let (one, other) = write(database, |tx| Ok((enter(tx, "acme")?, enter(tx, "bolt")?))).await;
    let (id, affiliate) = (one.offer.id, one.affiliate.id);
    assert_eq!(one.offer.traffic, TrafficSettings::default());
    let wanted = traffic(other.offer.id);
    let before = version(database).await;
    let saved = wanted.clone();
    let save = move |tx: &mut dyn Tx| {
        offers::update_traffic(tx, ALL, id, &mut |traffic| traffic.clone_from(&saved), LATER)
    };
    let changed = write(database, save.clone()).await.expect("it exists");
    assert_eq!((&changed.traffic, changed.updated_at), (&wanted, LATER));
    assert_eq!(version(database).await, before + 1);
    assert_eq!(read(database, move |tx| offers::get(tx, ALL, id)).await, Some(changed));
    write(database, save.clone()).await;
    assert_eq!(version(database).await, before + 1, "the same rules again are no change");
    let chain = read(database, offers::fallbacks).await;
    assert_eq!(chain.into_iter().collect::<Vec<_>>(), [(id, other.offer.id)]);
    let nowhere = refused(database, move |tx| {
        let mut away = |traffic: &mut TrafficSettings| traffic.fallback_offer_id = OfferId::new(99).ok();
        offers::update_traffic(tx, ALL, id, &mut away, LATER)
    });
    assert_eq!(nowhere.await, ErrorKind::Reference);

    let (pages, kept, domain) = write(database, move |tx| {
        let pages = [
            landing_pages::create(tx, id, &page("red", 5), NOW)?,
            landing_pages::create(tx, id, &page("blue", 0), NOW)?,
        ];
        let day = cap(CapScope::Affiliate(affiliate), CapMetric::Clicks, CapPeriod::Day, 100);
        let kept = caps::replace(tx, id, &[day], NOW)?;
        let bound = DomainSettings { affiliate_id: Some(affiliate), ..DomainSettings::default() };
        Ok((pages, kept, domains::create(tx, "go.blog.example", &bound, NOW)?))
    })
    .await;
    assert_eq!(version(database).await, before + 5);
    let data = read(database, |tx| catalogue::load(tx, NOW)).await;
    let expected = OfferRules {
        targeting: wanted.targeting,
        fallback_offer_id: wanted.fallback_offer_id,
        landing_page_weight: wanted.landing_page_weight,
        landing_pages: pages
            .map(|page| LandingPageEntry {
                id: page.id,
                url: page.settings.url,
                weight: page.settings.weight,
                standing: page.settings.standing,
            })
            .to_vec(),
        caps: kept,
        cookies: wanted.cookies,
        cookieless_countries: wanted.cookieless_countries,
    };
    assert_eq!(data.offers[0].rules, expected);
    assert_eq!(data.offers[1].rules, OfferRules::default());
    assert_eq!(
        data.domains,
        [DomainEntry {
            id: domain.id,
            host: "go.blog.example".into(),
            affiliate_id: Some(affiliate),
            advertiser_id: None,
            default_url: None,
        }]
    );
}

/// Create, get, list, filter, change; advertisers see those of their offers, affiliates the active ones they can use.
pub async fn landing_pages_are_entered_listed_and_changed(database: &dyn Database) {
    let (one, other) = write(database, |tx| Ok((enter(tx, "acme")?, enter(tx, "bolt")?))).await;
    let offer = one.offer.id;
    let pages = write(database, move |tx| {
        let mut paused = page("old", 1);
        paused.standing = Standing::Paused;
        Ok([
            landing_pages::create(tx, offer, &page("red", 1), NOW)?,
            landing_pages::create(tx, offer, &paused, NOW)?,
            landing_pages::create(tx, other.offer.id, &page("blue", 10_000), NOW)?,
        ])
    })
    .await;
    let ids = pages.each_ref().map(|page| page.id);
    let seen = |scope: Scope, filter: LandingPageFilter| {
        read(database, move |tx| {
            let listed = landing_pages::list(tx, scope, &filter, Page::first(9))?;
            for id in ids {
                let is_listed = listed.iter().any(|page| page.id == id);
                let got = landing_pages::get(tx, scope, id)?;
                assert!(filter != LandingPageFilter::default() || got.is_some() == is_listed, "{id}");
            }
            Ok(listed.iter().map(|page| page.id).collect::<Vec<_>>())
        })
    };
    let every = LandingPageFilter::default;
    assert_eq!(seen(ALL, every()).await, ids);
    assert_eq!(seen(Scope::Nothing, every()).await, []);
    assert_eq!(seen(Scope::Advertiser(one.advertiser.id), every()).await, ids[..2]);
    assert_eq!(seen(Scope::Affiliate(one.affiliate.id), every()).await, [ids[0], ids[2]]);
    let of_offer = LandingPageFilter { offer_id: Some(offer), ..every() };
    assert_eq!(seen(ALL, of_offer).await, ids[..2]);
    let paused = LandingPageFilter { standing: Some(Standing::Paused), ..every() };
    assert_eq!(seen(ALL, paused).await, [ids[1]]);

    // Where the other advertiser's offer stops, only those with links to it still see its page.
    write(database, move |tx| {
        let mut stop = |settings: &mut offers::OfferSettings| settings.standing = Standing::Paused;
        offers::update(tx, ALL, other.offer.id, &mut stop, NOW)
    })
    .await;
    assert_eq!(seen(Scope::Affiliate(one.affiliate.id), every()).await, [ids[0]]);
    assert_eq!(seen(Scope::Affiliate(other.affiliate.id), every()).await, [ids[0], ids[2]]);

    let before = version(database).await;
    let lighter = |scope: Scope| {
        write(database, move |tx| {
            landing_pages::update(tx, scope, ids[0], &mut |page| page.weight = 0, LATER)
        })
    };
    assert_eq!(lighter(Scope::Affiliate(one.affiliate.id)).await, None);
    assert_eq!(lighter(Scope::Advertiser(other.advertiser.id)).await, None);
    let changed = lighter(Scope::Advertiser(one.advertiser.id)).await.expect("it is its own");
    assert_eq!((changed.settings.weight, changed.updated_at), (0, LATER));
    assert_eq!(lighter(ALL).await, Some(changed));
    assert_eq!(version(database).await, before + 1, "the same weight again is no change");
    let nowhere = refused(database, |tx| {
        landing_pages::create(tx, OfferId::new(99).expect("an id"), &page("x", 1), NOW)
    });
    assert_eq!(nowhere.await, ErrorKind::Reference);
}

/// A host is entered once; links are shown on it until it is taken away or bound to somebody else.
pub async fn domains_are_entered_once_and_show_links(database: &dyn Database) {
    let (one, other) = write(database, |tx| Ok((enter(tx, "acme")?, enter(tx, "bolt")?))).await;
    let (mine, theirs) = (one.affiliate.id, other.advertiser.id);
    let before = version(database).await;
    let made = write(database, move |tx| {
        let bound = |affiliate_id, advertiser_id| DomainSettings {
            affiliate_id,
            advertiser_id,
            default_url: Some("https://blog.example/".into()),
        };
        Ok([
            domains::create(tx, "go.blog.example", &bound(Some(mine), None), NOW)?,
            domains::create(tx, "go.bolt.example", &bound(None, Some(theirs)), NOW)?,
            domains::create(tx, "go.example", &bound(None, None), NOW)?,
        ])
    })
    .await;
    assert_eq!(version(database).await, before + 3);
    let ids: [DomainId; 3] = made.each_ref().map(|domain| domain.id);
    let twice = refused(database, |tx| domains::create(tx, "go.example", &DomainSettings::default(), NOW));
    assert_eq!(twice.await, ErrorKind::Conflict);

    let seen = |scope: Scope| {
        read(database, move |tx| {
            let listed = domains::list(tx, scope, &DomainFilter::default(), Page::first(9))?;
            for id in ids {
                let is_listed = listed.iter().any(|domain| domain.id == id);
                assert_eq!(domains::get(tx, scope, id)?.is_some(), is_listed, "{id}");
            }
            Ok(listed.iter().map(|domain| domain.id).collect::<Vec<_>>())
        })
    };
    assert_eq!(seen(ALL).await, ids);
    assert_eq!(seen(Scope::Nothing).await, []);
    assert_eq!(seen(Scope::Affiliate(mine)).await, ids);
    assert_eq!(seen(Scope::Affiliate(other.affiliate.id)).await, ids[1..]);
    assert_eq!(seen(Scope::Advertiser(theirs)).await, ids[1..]);
    assert_eq!(seen(Scope::Advertiser(one.advertiser.id)).await, ids[2..]);
    let filter = DomainFilter { host: Some("go.bolt.example".into()), ..DomainFilter::default() };
    let found = read(database, move |tx| domains::list(tx, ALL, &filter, Page::first(9))).await;
    assert_eq!(found, made[1..2]);

    let (offer, affiliate) = (one.offer.id, one.affiliate.clone());
    let links = write(database, move |tx| {
        let mut entered = Vec::new();
        for domain in [ids[0], ids[2]] {
            let mut new = new_link(offer, &affiliate);
            new.domain_id = Some(domain);
            entered.push(links::create(tx, &new, &mut random, NOW)?);
        }
        Ok(entered)
    })
    .await;
    let shown: Vec<_> = links.iter().map(|link| (link.domain_id, link.host.as_deref())).collect();
    assert_eq!(shown, [(Some(ids[0]), Some("go.blog.example")), (Some(ids[2]), Some("go.example"))]);
    let (first, second) = (links[0].id, links[1].id);
    let hosts = || {
        read(database, move |tx| {
            let host = |link: Option<links::Link>| link.expect("it exists").host;
            Ok([host(links::get(tx, ALL, first)?), host(links::get(tx, ALL, second)?)])
        })
    };
    let moves = |to: Option<DomainId>| {
        let change = links::LinkChange { domain_id: Some(to), ..links::LinkChange::default() };
        write(database, move |tx| links::update(tx, Scope::Affiliate(mine), first, &change))
    };
    let version_before = version(database).await;
    assert_eq!(moves(None).await.expect("it exists").host, None);
    assert_eq!(moves(Some(ids[0])).await.as_ref(), links.first());
    assert_eq!(moves(Some(ids[0])).await.as_ref(), links.first());
    assert_eq!(version(database).await, version_before + 2, "the same domain again is no change");
    // Bound to another affiliate, and to the offer's own advertiser.
    let own = one.advertiser.id;
    write(database, move |tx| {
        let mut to_other = |domain: &mut DomainSettings| domain.affiliate_id = Some(other.affiliate.id);
        assert_eq!(domains::update(tx, Scope::Affiliate(mine), ids[0], &mut to_other, LATER)?, None);
        domains::update(tx, ALL, ids[0], &mut to_other, LATER)?;
        domains::update(tx, ALL, ids[2], &mut |domain| domain.advertiser_id = Some(own), LATER)
    })
    .await;
    assert_eq!(hosts().await, [None, Some("go.example".to_owned())]);
    write(database, move |tx| {
        assert_eq!(domains::remove(tx, Scope::Advertiser(own), ids[2])?, None);
        assert!(domains::remove(tx, ALL, ids[2])?.is_some());
        assert_eq!(domains::remove(tx, ALL, ids[2])?, None);
        Ok(())
    })
    .await;
    assert_eq!(hosts().await, [None, None]);
    write(database, |tx| domains::create(tx, "go.example", &DomainSettings::default(), LATER)).await;
}
