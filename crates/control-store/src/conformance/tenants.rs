//! Who sees what.

use hopline_catalogue::data::Standing;
use hopline_types::Role;

use super::network::{Network, enter};
use super::{NOW, random, write};
use crate::advertisers::{self, AdvertiserChange, AdvertiserFilter};
use crate::affiliates::{self, AffiliateChange, AffiliateFilter};
use crate::keys::{self, NewKey};
use crate::links::{self, LinkChange, LinkFilter};
use crate::offers::{self, OfferFilter};
use crate::users::{self, NewUser};
use crate::{Database, Page, Scope, StoreError, Tx};

const MANY: Page = Page::first(100);

/// How many advertisers, affiliates, offers, links, keys and users a scope sees in lists, and how many of the first
/// and the second network's it gets by id. Both must agree.
#[derive(Debug, PartialEq)]
struct Seen {
    listed: [usize; 6],
    got: [[bool; 6]; 2],
}

struct Tenants {
    network: Network,
    key: keys::ApiKey,
    user: users::User,
}

fn tenants(tx: &mut dyn Tx, name: &str, role: Role) -> Result<Tenants, StoreError> {
    let network = enter(tx, name)?;
    let advertiser_id = (role == Role::Advertiser).then_some(network.advertiser.id);
    let affiliate_id = (role == Role::Affiliate).then_some(network.affiliate.id);
    let new = NewKey { name: name.to_owned(), role, advertiser_id, affiliate_id, expires_at: None };
    let (key, _) = keys::create(tx, &new, &mut random, NOW)?;
    let email = format!("{name}-user@example.com");
    let new = NewUser { email, role, advertiser_id, affiliate_id, password_phc: "$".to_owned() };
    let user = users::create(tx, &new, NOW)?;
    Ok(Tenants { network, key, user })
}

fn seen(tx: &mut dyn Tx, scope: Scope, both: &[&Tenants; 2]) -> Result<Seen, StoreError> {
    let listed = [
        advertisers::list(tx, scope, &AdvertiserFilter::default(), MANY)?.len(),
        affiliates::list(tx, scope, &AffiliateFilter::default(), MANY)?.len(),
        offers::list(tx, scope, &OfferFilter::default(), MANY)?.len(),
        links::list(tx, scope, &LinkFilter::default(), MANY)?.len(),
        keys::list(tx, scope, MANY)?.len(),
        users::list(tx, scope, MANY)?.len(),
    ];
    let mut got = [[false; 6]; 2];
    for (got, Tenants { network, key, user }) in got.iter_mut().zip(both) {
        *got = [
            advertisers::get(tx, scope, network.advertiser.id)?.is_some(),
            affiliates::get(tx, scope, network.affiliate.id)?.is_some(),
            offers::get(tx, scope, network.offer.id)?.is_some(),
            links::get(tx, scope, network.link.id)?.is_some(),
            keys::get(tx, scope, key.id)?.is_some(),
            users::get(tx, scope, user.id)?.is_some(),
        ];
    }
    Ok(Seen { listed, got })
}

/// Which of a network's things (advertiser, affiliate, offer, link, key, user) a scope could change.
fn changes(tx: &mut dyn Tx, scope: Scope, of: &Tenants) -> Result<[bool; 6], StoreError> {
    let network = &of.network;
    let standing = Some(Standing::Active);
    let advertiser = AdvertiserChange { name: None, standing };
    let affiliate = AffiliateChange { standing, ..Default::default() };
    Ok([
        advertisers::update(tx, scope, network.advertiser.id, &advertiser, NOW)?.is_some(),
        affiliates::update(tx, scope, network.affiliate.id, &affiliate, "key:story", NOW)?.is_some(),
        offers::update(tx, scope, network.offer.id, &mut |_| {}, NOW)?.is_some(),
        links::update(tx, scope, network.link.id, &LinkChange { standing, domain_id: None })?.is_some(),
        keys::revoke(tx, scope, of.key.id, NOW)?.is_some(),
        users::disable(tx, scope, of.user.id, NOW)?.is_some(),
    ])
}

/// For every kind of thing and both ways to ask for it: what is another's is not found (S-10).
pub async fn s_10_a_tenant_sees_and_changes_only_its_own(database: &dyn Database) {
    const NOTHING: [bool; 6] = [false; 6];
    write(database, |tx| {
        let (one, other) = (tenants(tx, "one", Role::Advertiser)?, tenants(tx, "other", Role::Affiliate)?);
        let both = [&one, &other];

        let everything = Seen { listed: [2; 6], got: [[true; 6]; 2] };
        assert_eq!(seen(tx, Scope::All, &both)?, everything);
        assert_eq!(seen(tx, Scope::Nothing, &both)?, Seen { listed: [0; 6], got: [NOTHING; 2] });

        // An advertiser: itself, its offers, links to them, its keys and users.
        let scope = Scope::Advertiser(one.network.advertiser.id);
        let own = [true, false, true, true, true, true];
        assert_eq!(seen(tx, scope, &both)?, Seen { listed: [1, 0, 1, 1, 1, 1], got: [own, NOTHING] });
        assert_eq!(changes(tx, scope, &other)?, NOTHING);
        assert_eq!(changes(tx, scope, &one)?, [true, false, true, false, true, true]);

        // An affiliate: itself, its links, its keys and users, and offers that run.
        let scope = Scope::Affiliate(other.network.affiliate.id);
        let own = [false, true, true, true, true, true];
        let others = [false, false, true, false, false, false];
        assert_eq!(seen(tx, scope, &both)?, Seen { listed: [0, 1, 2, 1, 1, 1], got: [others, own] });
        assert_eq!(changes(tx, scope, &one)?, NOTHING);
        assert_eq!(changes(tx, scope, &other)?, [false, true, false, true, true, true]);

        // A paused offer stays visible to those who have links to it.
        for tenants in both {
            let mut pause = |settings: &mut offers::OfferSettings| settings.standing = Standing::Paused;
            offers::update(tx, Scope::All, tenants.network.offer.id, &mut pause, NOW)?;
        }
        let seen = seen(tx, scope, &both)?;
        assert_eq!(seen, Seen { listed: [0, 1, 1, 1, 1, 1], got: [NOTHING, own] });

        // The same number is another thing to another role.
        let same_number = Scope::Affiliate(
            hopline_types::AffiliateId::new(one.network.advertiser.id.get()).expect("the same number"),
        );
        assert_eq!(advertisers::get(tx, same_number, one.network.advertiser.id)?, None);
        Ok(())
    })
    .await;
}
