//! What people enter, and what edges learn of it.

use base64::Engine as _;
use hopline_catalogue::data::{
    AdvertiserEntry, AffiliateEntry, GoalEntry, LinkEntry, OfferEntry, Secret, Standing,
};
use hopline_types::{GoalId, GoalKind, HOUR_MS, LinkCode, OfferId, UnixMillis};

use super::network::{self, Network, decimal, enter, new_advertiser, new_affiliate, new_offer, percent};
use super::{NOW, random, read, refused, write};
use crate::advertisers::{self, AdvertiserChange, AdvertiserFilter};
use crate::affiliates::{self, AffiliateChange, AffiliateFilter};
use crate::links::{self, LinkChange, LinkFilter, NewLink};
use crate::offers::{self, OfferFilter};
use crate::{Database, ErrorKind, Page, Scope, catalogue, sha256_hex};

const LATER: UnixMillis = NOW.plus(HOUR_MS);
const ALL: Scope = Scope::All;

async fn version(database: &dyn Database) -> i64 {
    read(database, catalogue::version).await
}

/// Create, get, list in pages, filter, update; the catalogue's version rises where edges must know.
pub async fn advertisers_are_entered_listed_and_changed(database: &dyn Database) {
    let before = version(database).await;
    let entered = write(database, |tx| {
        ["Acme", "Bolt", "Coil"]
            .map(|name| advertisers::create(tx, &new_advertiser(name), &mut random, NOW))
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
    })
    .await;
    assert_eq!(version(database).await, before + 3);
    let tokens: std::collections::HashSet<_> =
        entered.iter().flat_map(|one| [&one.postback_token.0, &one.signing_key.0]).collect();
    assert_eq!(tokens.len(), 6, "every secret is new");
    assert!(tokens.iter().all(|token| token.len() == 32));

    let page = |after, limit| Page { after, limit };
    let (second, last) = (entered[1].id, entered[2].id);
    let listed = read(database, move |tx| {
        let filter = AdvertiserFilter::default();
        Ok([
            advertisers::list(tx, ALL, &filter, page(0, 2))?,
            advertisers::list(tx, ALL, &filter, page(second.get(), 2))?,
            advertisers::list(tx, ALL, &filter, page(last.get(), 2))?,
        ])
    })
    .await;
    assert_eq!(listed, [entered[..2].to_vec(), entered[2..].to_vec(), vec![]]);

    let change = AdvertiserChange { name: Some("Bolt & Nut".into()), standing: None };
    let renamed = write(database, move |tx| advertisers::update(tx, ALL, second, &change, LATER)).await;
    let renamed = renamed.expect("it exists");
    assert_eq!((renamed.name.as_str(), renamed.updated_at), ("Bolt & Nut", LATER));
    assert_eq!(version(database).await, before + 3, "edges know no names");

    let change = AdvertiserChange { name: None, standing: Some(Standing::Paused) };
    let paused = write(database, move |tx| advertisers::update(tx, ALL, second, &change, LATER)).await;
    assert_eq!(version(database).await, before + 4);
    let filter = AdvertiserFilter { standing: Some(Standing::Paused) };
    let found = read(database, move |tx| advertisers::list(tx, ALL, &filter, Page::first(9))).await;
    assert_eq!(found, [paused.expect("it exists")]);
}

/// Create, get, filter, update; who changed the payout method is kept; an address belongs to one affiliate.
pub async fn affiliates_are_entered_listed_and_changed(database: &dyn Database) {
    let blog = write(database, |tx| affiliates::create(tx, &new_affiliate("Blog"), "key:one", NOW)).await;
    assert_eq!(blog.email, "blog@example.com");
    assert_eq!(blog.payout_method_changed_by.as_deref(), Some("key:one"));
    let id = blog.id;
    let kept = read(database, move |tx| affiliates::get(tx, ALL, id)).await;
    assert_eq!(kept.as_ref(), Some(&blog));

    let taken = refused(database, |tx| {
        let mut new = new_affiliate("Blog");
        new.email = " BLOG@example.com".into();
        affiliates::create(tx, &new, "key:one", NOW)
    });
    assert_eq!(taken.await, ErrorKind::Conflict);

    let before = version(database).await;
    let method = serde_json::json!({"type": "paypal", "email": "blog@example.com"});
    let change = AffiliateChange { payout_method: Some(Some(method.clone())), ..Default::default() };
    let changed = write(database, move |tx| affiliates::update(tx, ALL, id, &change, "user:2", LATER)).await;
    let changed = changed.expect("it exists");
    let shown = serde_json::json!({"type": "paypal", "email": "b…@example.com"});
    assert_eq!(changed.payout_method.as_ref(), Some(&shown));
    let whole = read(database, move |tx| affiliates::payout_method(tx, id)).await;
    assert_eq!(whole.as_ref(), Some(&method));
    assert_eq!(changed.payout_method_changed_by.as_deref(), Some("user:2"));
    assert_eq!(changed.payout_method_changed_at, Some(LATER));
    assert_eq!(version(database).await, before, "edges know no payout methods");

    // Saving the same method again is no change of it (L-25).
    let change = AffiliateChange { payout_method: Some(Some(method)), ..Default::default() };
    let saved =
        write(database, move |tx| affiliates::update(tx, ALL, id, &change, "user:3", LATER.plus(1))).await;
    assert_eq!(saved.expect("it exists").payout_method_changed_by.as_deref(), Some("user:2"));

    let change = AffiliateChange { standing: Some(Standing::Blocked), ..Default::default() };
    write(database, move |tx| affiliates::update(tx, ALL, id, &change, "user:3", LATER)).await;
    assert_eq!(version(database).await, before + 1);
    let found = read(database, |tx| {
        let filter =
            AffiliateFilter { standing: Some(Standing::Blocked), email: Some("Blog@Example.com".into()) };
        affiliates::list(tx, ALL, &filter, Page::first(9))
    });
    assert_eq!(found.await.len(), 1);
}

/// An offer comes back with goals in order and version 1 of their terms, prices to the digit.
pub async fn offers_are_entered_with_goals_and_terms(database: &dyn Database) {
    let Network { offer, .. } = write(database, |tx| enter(tx, "acme")).await;
    let id = offer.id;
    let (kept, terms) =
        read(database, move |tx| Ok((offers::get(tx, ALL, id)?, offers::terms_versions(tx, id)?))).await;
    assert_eq!(kept.as_ref(), Some(&offer));
    let entered = new_offer(offer.advertiser_id, "acme");
    assert_eq!(offer.settings, entered.settings);
    assert_eq!(offer.currency, entered.currency);
    assert_eq!(terms.len(), 4);
    for ((goal, version), new) in offer.goals.iter().zip(&terms).zip(&entered.goals) {
        assert_eq!((&goal.key, &goal.name, goal.kind), (&new.key, &new.name, new.terms.kind));
        assert_eq!((version.goal_id, version.version, &version.terms), (goal.id, 1, &new.terms));
    }

    let before = version(database).await;
    let changed = write(database, move |tx| {
        let mut pause = |settings: &mut offers::OfferSettings| {
            settings.standing = Standing::Paused;
            settings.fallback_url = None;
        };
        offers::update(tx, ALL, id, &mut pause, LATER)
    })
    .await
    .expect("it exists");
    assert_eq!(version(database).await, before + 1);
    let filter =
        |standing| OfferFilter { advertiser_id: Some(offer.advertiser_id), standing: Some(standing) };
    let (paused, active) = (filter(Standing::Paused), filter(Standing::Active));
    let listed = read(database, move |tx| {
        Ok((offers::list(tx, ALL, &paused, Page::first(9))?, offers::list(tx, ALL, &active, Page::first(9))?))
    });
    assert_eq!(listed.await, (vec![changed], vec![]));

    let twice = refused(database, move |tx| {
        let mut new = new_offer(offer.advertiser_id, "twice");
        new.goals.push(new.goals[0].clone());
        offers::create(tx, &new, NOW)
    });
    assert_eq!(twice.await, ErrorKind::Conflict);
    let nobodys = refused(database, |tx| {
        offers::create(tx, &new_offer(hopline_types::AdvertiserId::new(99).expect("an id"), "x"), NOW)
    });
    assert_eq!(nobodys.await, ErrorKind::Reference);
}

/// Versions begin at their times, the highest that has begun is in force, and none is ever changed.
pub async fn terms_in_force_are_those_of_the_time(database: &dyn Database) {
    let Network { offer, .. } = write(database, |tx| enter(tx, "acme")).await;
    let goal = offer.goals[0].id;
    let raise = |payout: &'static str, from: i64| {
        write(database, move |tx| {
            offers::add_terms(tx, goal, &percent(GoalKind::Pps, "12", payout), NOW.plus(from), NOW)
        })
    };
    let (second, third) = (raise("11", 100).await, raise("9.5", 50).await);
    assert_eq!((second.version, third.version), (2, 3));
    for (at, expected) in [(-NOW.get() - 1, 1), (0, 1), (49, 1), (50, 3), (99, 3), (100, 3)] {
        let found = read(database, move |tx| offers::terms_at(tx, goal, NOW.plus(at))).await;
        assert_eq!(found.expect("the goal exists").version, expected, "at {at}");
    }
    let third_id = third.id;
    let found = read(database, move |tx| offers::terms_of(tx, third_id)).await;
    assert_eq!(found.as_ref(), Some(&third));
    assert_eq!(third.terms.payout.percent, Some(decimal("9.5")));

    let other_kind = refused(database, move |tx| {
        offers::add_terms(tx, goal, &network::fixed(GoalKind::Ppl, "1", "1"), NOW, NOW)
    });
    assert_eq!(other_kind.await, ErrorKind::Constraint);
    let nobodys = GoalId::new(99).expect("an id");
    assert_eq!(read(database, move |tx| offers::terms_at(tx, nobodys, NOW)).await, None);
}

/// A chosen code is taken once; a made one is made again where it is taken.
pub async fn links_have_chosen_or_made_codes(database: &dyn Database) {
    let Network { offer, affiliate, link, .. } = write(database, |tx| enter(tx, "acme")).await;
    assert_eq!(link.code.as_str().len(), 8);
    let chosen = NewLink {
        code: Some(LinkCode::new("summer_sale-26").expect("a code")),
        offer_id: offer.id,
        affiliate_id: affiliate.id,
        domain_id: None,
    };
    let (first, second) = (chosen.clone(), chosen);
    let slug = write(database, move |tx| links::create(tx, &first, &mut random, NOW)).await;
    assert_eq!(slug.code.as_str(), "summer_sale-26");
    let taken = refused(database, move |tx| links::create(tx, &second, &mut random, NOW)).await;
    assert_eq!(taken, ErrorKind::Conflict);

    // The source says 00000000 twice: the second link gets the code after it.
    let owner = affiliate.id;
    let made = move |tx: &mut dyn crate::Tx| {
        let mut rounds = 0;
        let mut repeating = |bytes: &mut [u8]| {
            rounds += 1;
            bytes.fill(if rounds == 1 { 0 } else { 0b100 });
        };
        let new = NewLink { code: None, offer_id: offer.id, affiliate_id: owner, domain_id: None };
        links::create(tx, &new, &mut repeating, NOW)
    };
    assert_eq!(write(database, made).await.code.as_str(), "00000000");
    assert_eq!(write(database, made).await.code.as_str(), "11111111");
    assert_eq!(
        refused(database, made).await,
        ErrorKind::Conflict,
        "a source that repeats itself is given up"
    );

    let before = version(database).await;
    let change = LinkChange { standing: Some(Standing::Paused), ..LinkChange::default() };
    let id = slug.id;
    let paused = write(database, move |tx| links::update(tx, ALL, id, &change)).await.expect("it exists");
    assert_eq!(version(database).await, before + 1);
    let found = read(database, |tx| {
        let filter = LinkFilter {
            code: Some("summer_sale-26".into()),
            standing: Some(Standing::Paused),
            ..Default::default()
        };
        links::list(tx, ALL, &filter, Page::first(9))
    });
    assert_eq!(found.await, [paused]);

    let nowhere = NewLink {
        code: None,
        offer_id: OfferId::new(99).expect("an id"),
        affiliate_id: slug.affiliate_id,
        domain_id: None,
    };
    let refusal = refused(database, move |tx| links::create(tx, &nowhere, &mut random, NOW)).await;
    assert_eq!(refusal, ErrorKind::Reference);
}

/// The catalogue holds every link, offer, affiliate, advertiser and key as saved; tokens only as hashes.
pub async fn the_catalogue_is_what_was_saved(database: &dyn Database) {
    let (one, other) = write(database, |tx| Ok((enter(tx, "acme")?, enter(tx, "bolt")?))).await;
    write(database, |tx| catalogue::ensure_keys(tx, NOW, &mut |bytes| bytes.fill(7))).await;
    let data = read(database, |tx| catalogue::load(tx, NOW)).await;
    let networks = [&one, &other];

    assert_eq!(data.version, version(database).await);
    assert_eq!(data.fallback_url, None);
    assert_eq!(
        data.advertisers,
        networks.map(|Network { advertiser, .. }| AdvertiserEntry {
            id: advertiser.id,
            standing: Standing::Active,
            postback_token_sha256: sha256_hex(advertiser.postback_token.0.as_bytes()),
            signing_key: advertiser.signing_key.clone(),
        })
    );
    assert_eq!(
        data.affiliates,
        networks
            .map(|Network { affiliate, .. }| AffiliateEntry { id: affiliate.id, standing: Standing::Active })
    );
    assert_eq!(
        data.links,
        networks.map(|Network { link, .. }| LinkEntry {
            id: link.id,
            code: link.code.as_str().to_owned(),
            offer_id: link.offer_id,
            affiliate_id: link.affiliate_id,
            standing: Standing::Active,
        })
    );
    assert_eq!(data.offers, networks.map(offer_entry));
    let secret = Secret(base64::engine::general_purpose::STANDARD.encode([7; 32]));
    let [key] = &data.click_keys[..] else { panic!("one click key, not {:?}", data.click_keys) };
    assert_eq!((key.signs, key.not_after, &key.secret), (true, None, &secret));
    let today = NOW.get() / (24 * HOUR_MS);
    let days: Vec<i64> = data.pseudonym_keys.iter().map(|key| key.day).collect();
    assert_eq!(days, [today - 1, today, today + 1]);
}

fn offer_entry(network: &Network) -> OfferEntry {
    let offer = &network.offer;
    let settings = offer.settings.clone();
    OfferEntry {
        id: offer.id,
        advertiser_id: offer.advertiser_id,
        standing: settings.standing,
        currency: offer.currency.code().to_owned(),
        landing_page: settings.landing_page,
        fallback_url: settings.fallback_url,
        deep_link_hosts: settings.deep_link_hosts,
        click_parameter: settings.click_parameter,
        pass_parameters: settings.pass_parameters,
        postback_auth: settings.postback_auth,
        starts_at: settings.starts_at,
        ends_at: settings.ends_at,
        goals: offer
            .goals
            .iter()
            .map(|goal| GoalEntry { id: goal.id, key: goal.key.clone(), kind: goal.kind })
            .collect(),
        rules: hopline_catalogue::data::OfferRules::default(),
    }
}

/// Keys are made once, the version rises only then, and keys of days gone by are destroyed.
pub async fn r_01_old_pseudonym_keys_are_destroyed(database: &dyn Database) {
    let day = 24 * HOUR_MS;
    let ensure = |at: UnixMillis| write(database, move |tx| catalogue::ensure_keys(tx, at, &mut random));
    let keys = || read(database, |tx| tx.query("SELECT day, secret FROM pseudonym_keys ORDER BY day", &[]));
    assert!(ensure(NOW).await);
    let (first, made) = (version(database).await, keys().await);
    assert_eq!(made.len(), 3);
    assert!(!ensure(NOW.plus(day - 1)).await, "still the same day");
    assert_eq!((version(database).await, keys().await), (first, made.clone()));

    assert!(ensure(NOW.plus(day)).await);
    let next = keys().await;
    assert_eq!(next[..2], made[1..], "the keys of yesterday and today stay");
    assert_eq!(next.len(), 3);
    assert_eq!(version(database).await, first + 1);

    assert!(ensure(NOW.plus(30 * day)).await);
    let kept = keys().await;
    assert_eq!(kept.len(), 3);
    assert!(kept.iter().all(|row| !made.contains(row) && !next.contains(row)));
}
