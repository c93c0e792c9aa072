//! How credit is given, coupons, customers.

use std::collections::BTreeSet;

use hopline_attribution::{CouponRule, SelfReferral};
use hopline_types::{ConversionId, Model};

use super::network::{enter, new_affiliate};
use super::{NOW, read, refused, write};
use crate::coupons::{self, CouponFilter, NewCoupon};
use crate::customers::{self, Binding, Customer, CustomerConversion};
use crate::offers::{self, AttributionSettings};
use crate::{Database, ErrorKind, Page, Scope, affiliates};

const DAY: i64 = 86_400_000;

/// Defaults at first, then what was saved, whoever reads it.
pub async fn ways_of_crediting_are_saved_with_their_offer(database: &dyn Database) {
    let network = write(database, |tx| enter(tx, "Acme")).await;
    let offer = network.offer.id;
    assert_eq!(network.offer.attribution, AttributionSettings::default());
    assert!(!read(database, |tx| customers::are_paths_needed(tx)).await);
    let settings = AttributionSettings {
        view_window_ms: DAY / 2,
        half_life_ms: 3 * DAY,
        coupon: CouponRule::Fallback,
        lifetime: true,
        self_referral: SelfReferral::Allow,
        cross_device: true,
    };
    let own = Scope::Advertiser(network.advertiser.id);
    write(database, move |tx| offers::update_attribution(tx, own, offer, &settings, NOW))
        .await
        .expect("saved");
    let found = read(database, move |tx| offers::find_many(tx, [offer])).await;
    let found = found.get(&offer).expect("the offer");
    assert_eq!(found.attribution, settings);
    assert!(found.attribution.needs_path(Model::LastClick));
    assert!(read(database, |tx| customers::are_paths_needed(tx)).await);
    let affiliate = Scope::Affiliate(network.affiliate.id);
    let refused = write(database, move |tx| {
        offers::update_attribution(tx, affiliate, offer, &AttributionSettings::default(), NOW)
    });
    assert_eq!(refused.await, None);
}

/// One within the advertiser whatever its case; once archived its code is free, and it still says whose it was.
pub async fn a_07_coupons_are_one_by_their_letters_and_archived_ones_stay(database: &dyn Database) {
    let (network, other, second) = write(database, |tx| {
        let second = affiliates::create(tx, &new_affiliate("Second"), "key:story", NOW)?;
        Ok((enter(tx, "Acme")?, enter(tx, "Other")?, second))
    })
    .await;
    let new = |code: &str| NewCoupon {
        advertiser_id: network.advertiser.id,
        code: code.to_owned(),
        affiliate_id: network.affiliate.id,
        offer_id: None,
        valid_from: None,
        valid_until: Some(NOW.plus(9 * DAY)),
    };
    let both = vec![new(" Summer10"), NewCoupon { offer_id: Some(network.offer.id), ..new("Straße") }];
    let made = write(database, move |tx| coupons::create_many(tx, &both, NOW)).await;
    assert_eq!(
        made.iter().map(|coupon| coupon.what.code.as_str()).collect::<Vec<_>>(),
        ["Summer10", "Straße"]
    );
    let again = vec![new("other"), new("SUMMER10")];
    assert_eq!(refused(database, move |tx| coupons::create_many(tx, &again, NOW)).await, ErrorKind::Conflict);
    // Another advertiser's are its own.
    let theirs = vec![NewCoupon { advertiser_id: other.advertiser.id, ..new("SUMMER10") }];
    write(database, move |tx| coupons::create_many(tx, &theirs, NOW)).await;

    let id = made[0].id;
    assert!(write(database, move |tx| coupons::archive(tx, id, NOW.plus(DAY))).await);
    assert!(!write(database, move |tx| coupons::archive(tx, id, NOW.plus(2 * DAY))).await);
    let anew =
        vec![NewCoupon { affiliate_id: second.id, valid_from: Some(NOW.plus(DAY)), ..new("SUMMER10") }];
    write(database, move |tx| coupons::create_many(tx, &anew, NOW)).await;
    let key = (network.advertiser.id, coupons::key_of("sumMer10 "));
    let asked = vec![key.clone(), (network.advertiser.id, "none".to_owned())];
    let found = read(database, move |tx| coupons::of_codes(tx, &asked)).await;
    let owner = |at| {
        let coupon = found[&key].iter().find(|coupon| coupon.holds(network.offer.id, at));
        coupon.map(|coupon| coupon.what.affiliate_id)
    };
    assert_eq!(owner(NOW), Some(network.affiliate.id));
    assert_eq!(owner(NOW.plus(DAY)), Some(second.id));
    assert_eq!(owner(NOW.plus(9 * DAY)), None);
    assert!(!made[1].holds(other.offer.id, NOW));

    let list = |scope, filter: CouponFilter| async move {
        let page = Page::first(10);
        let listed = read(database, move |tx| coupons::list(tx, scope, &filter, page)).await;
        listed.into_iter().map(|coupon| coupon.what.code).collect::<Vec<_>>()
    };
    let all = || CouponFilter::default();
    assert_eq!(list(Scope::All, all()).await.len(), 4);
    let open = CouponFilter { archived: Some(false), code: Some("summer10".into()), ..all() };
    assert_eq!(list(Scope::All, open.clone()).await.len(), 2);
    assert_eq!(list(Scope::Advertiser(network.advertiser.id), open).await, ["SUMMER10"]);
    assert_eq!(list(Scope::Affiliate(second.id), all()).await, ["SUMMER10"]);
    assert_eq!(list(Scope::Nothing, all()).await, Vec::<String>::new());
    let (own, foreign) = (Scope::Affiliate(network.affiliate.id), Scope::Affiliate(second.id));
    assert_eq!(read(database, move |tx| coupons::get(tx, own, id)).await.map(|coupon| coupon.id), Some(id));
    assert_eq!(read(database, move |tx| coupons::get(tx, foreign, id)).await, None);
}

/// Whatever the order in which they are entered; orders are counted by the times when they happened.
pub async fn a_08_the_earliest_conversion_binds_its_customer(database: &dyn Database) {
    let network = write(database, |tx| enter(tx, "Acme")).await;
    let customer: Customer = (network.advertiser.id, "C-1".to_owned());
    let other: Customer = (network.advertiser.id, "C-2".to_owned());
    let id = |number| ConversionId::new(number).expect("an id");
    let known: BTreeSet<Customer> = [customer.clone(), other.clone()].into();
    let affiliate = network.affiliate.id;
    let bind = |number, days| Binding { affiliate, conversion: id(number), at: NOW.plus(days * DAY) };
    for (binding, stands) in
        [(bind(5, 3), 5), (bind(6, 4), 5), (bind(7, 1), 7), (bind(8, 1), 7), (bind(5, 3), 7)]
    {
        let (whose, known) = (customer.clone(), known.clone());
        let found = write(database, move |tx| {
            customers::bind(tx, &[(whose.clone(), binding)])?;
            customers::bindings(tx, &known)
        });
        let found = found.await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[&customer].conversion, id(stands));
    }
    let order = |number, days, is_order, visitor| CustomerConversion {
        conversion: id(number),
        at: NOW.plus(days * DAY),
        is_order,
        visitor_key: visitor,
        binds: None,
    };
    let noted = vec![
        (customer.clone(), order(5, 3, true, Some(u64::MAX))),
        (customer.clone(), order(7, 1, true, Some(9))),
        (customer.clone(), order(8, 1, false, None)),
        (customer.clone(), order(9, 5, true, Some(9))),
        (other.clone(), order(10, 1, true, Some(1))),
    ];
    for _ in 0..2 {
        let noted = noted.clone();
        write(database, move |tx| customers::note(tx, &noted)).await;
    }
    let asked = vec![
        (customer.clone(), NOW.plus(DAY), id(7)),
        (customer.clone(), NOW.plus(DAY), id(8)),
        (customer.clone(), NOW.plus(9 * DAY), id(99)),
        (other.clone(), NOW, id(99)),
    ];
    let around = read(database, move |tx| customers::around(tx, &asked)).await;
    assert_eq!(around, [(0, true), (1, true), (3, false), (0, true)]);
    let asked = vec![
        (customer.clone(), NOW.plus(9 * DAY), id(99)),
        (customer.clone(), NOW.plus(5 * DAY), id(9)),
        (customer.clone(), NOW.plus(DAY), id(7)),
    ];
    let later = asked[2..].to_vec();
    let found = read(database, move |tx| customers::visitors(tx, &asked)).await;
    assert_eq!(found, [vec![9, u64::MAX], vec![u64::MAX, 9], vec![]]);
    let later = read(database, move |tx| customers::after(tx, &later)).await;
    assert_eq!(later.iter().map(|(_, id)| id.get()).collect::<Vec<_>>(), [5, 8, 9]);
    let own: BTreeSet<_> = [affiliate].into();
    let addresses = read(database, move |tx| customers::affiliates_as_customers(tx, &own)).await;
    assert_eq!(addresses[&affiliate], customers::key_of("acme@EXAMPLE.com"));
}
