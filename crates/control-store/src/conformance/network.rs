//! A small network to tell stories about.

use hopline_catalogue::data::Standing;
use hopline_money::{Currency, Decimal};
use hopline_terms::{GoalTerms, Price};
use hopline_types::{AdvertiserId, GoalKind, Model, OfferId, PostbackAuth};

use super::{NOW, random};
use crate::advertisers::{self, Advertiser, NewAdvertiser};
use crate::affiliates::{self, Affiliate, NewAffiliate};
use crate::links::{self, Link, NewLink};
use crate::offers::{self, Approval, NewGoal, NewOffer, Offer, OfferSettings};
use crate::{StoreError, Tx};

/// One tenant of each kind, and what joins them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Network {
    pub(super) advertiser: Advertiser,
    pub(super) offer: Offer,
    pub(super) affiliate: Affiliate,
    pub(super) link: Link,
}

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

pub(super) fn percent(kind: GoalKind, revenue: &str, payout: &str) -> GoalTerms {
    GoalTerms { kind, revenue: Price::percent(decimal(revenue)), payout: Price::percent(decimal(payout)) }
}

pub(super) fn fixed(kind: GoalKind, revenue: &str, payout: &str) -> GoalTerms {
    GoalTerms { kind, revenue: Price::fixed(decimal(revenue)), payout: Price::fixed(decimal(payout)) }
}

pub(super) fn settings(name: &str) -> OfferSettings {
    OfferSettings {
        name: name.to_owned(),
        standing: Standing::Active,
        landing_page: "https://shop.example/shoes?c={click_id}&s={sub1}".to_owned(),
        fallback_url: Some("https://shop.example/".to_owned()),
        deep_link_hosts: vec!["shop.example".to_owned(), "www.shop.example".to_owned()],
        click_parameter: "hl_click".to_owned(),
        pass_parameters: true,
        postback_auth: PostbackAuth::Token,
        model: Model::LastClick,
        window_seconds: 30 * 86_400,
        approval: Approval::Automatic,
        hold_days: 14,
        starts_at: None,
        ends_at: Some(NOW.plus(1)),
    }
}

pub(super) fn new_advertiser(name: &str) -> NewAdvertiser {
    NewAdvertiser { name: name.to_owned(), currency: Currency::EUR, standing: Standing::Active }
}

pub(super) fn new_affiliate(name: &str) -> NewAffiliate {
    NewAffiliate {
        name: name.to_owned(),
        email: format!("{name}@example.com"),
        standing: Standing::Active,
        payout_method: Some(serde_json::json!({"type": "sepa", "iban": "DE89370400440532013000"})),
    }
}

/// An offer with a goal of each kind.
pub(super) fn new_offer(advertiser_id: AdvertiserId, name: &str) -> NewOffer {
    let goal = |key: &str, terms| NewGoal { key: key.to_owned(), name: key.to_uppercase(), terms };
    NewOffer {
        advertiser_id,
        currency: Currency::EUR,
        settings: settings(name),
        goals: vec![
            goal("sale", percent(GoalKind::Pps, "12", "10")),
            goal("lead", fixed(GoalKind::Ppl, "3.00", "2.00")),
            goal("click", fixed(GoalKind::Ppc, "0.0625", "0.05")),
            goal("install", fixed(GoalKind::Ppi, "1.50", "1")),
        ],
    }
}

pub(super) fn new_link(offer_id: OfferId, affiliate: &Affiliate) -> NewLink {
    NewLink { code: None, offer_id, affiliate_id: affiliate.id, domain_id: None }
}

/// Enters a network whose names begin with `name`.
pub(super) fn enter(tx: &mut dyn Tx, name: &str) -> Result<Network, StoreError> {
    let advertiser = advertisers::create(tx, &new_advertiser(name), &mut random, NOW)?;
    let offer = offers::create(tx, &new_offer(advertiser.id, name), NOW)?;
    let affiliate = affiliates::create(tx, &new_affiliate(name), "key:story", NOW)?;
    let link = links::create(tx, &new_link(offer.id, &affiliate), &mut random, NOW)?;
    Ok(Network { advertiser, offer, affiliate, link })
}
