//! The compiled catalogue and its look-ups.

mod compile;
mod offer;
mod target;

use std::collections::HashMap;

use hopline_clickid::KeyRing;
use hopline_types::{AdvertiserId, AffiliateId, OfferId};

use crate::data::{CatalogueData, Standing};
use crate::domains::{Domain, Domains};
use crate::links::{LinkView, Links};
use crate::pseudonym::PseudonymKeys;
use crate::{Problem, Template};

pub use offer::Offer;
pub use target::Target;

type ById<Id> = HashMap<Id, u32, foldhash::fast::FixedState>;

/// Everything an edge answers from, at one version. Never changed: replaced as a whole.
#[derive(Debug)]
pub struct Catalogue {
    version: i64,
    keys: KeyRing,
    pseudonyms: PseudonymKeys,
    fallback: Option<Template>,
    advertisers: Vec<Advertiser>,
    advertiser_places: ById<AdvertiserId>,
    advertiser_tokens: HashMap<[u8; 32], u32, foldhash::fast::FixedState>,
    offers: Vec<Offer>,
    offer_places: ById<OfferId>,
    affiliates: Vec<Affiliate>,
    affiliate_places: ById<AffiliateId>,
    links: Links,
    domains: Domains,
}

/// An advertiser, ready for checks.
#[derive(Clone)]
pub struct Advertiser {
    /// Its id.
    pub id: AdvertiserId,
    /// The id as records hold it.
    pub number: u32,
    /// Whether its offers run.
    pub standing: Standing,
    /// SHA-256 of the postback token.
    pub postback_token_sha256: [u8; 32],
    /// Key of signed postbacks.
    pub signing_key: Box<[u8]>,
}

impl std::fmt::Debug for Advertiser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Advertiser")
            .field("id", &self.id)
            .field("standing", &self.standing)
            .finish_non_exhaustive()
    }
}

/// An affiliate.
#[derive(Debug, Clone, Copy)]
pub struct Affiliate {
    /// Its id.
    pub id: AffiliateId,
    /// Whether its links run.
    pub standing: Standing,
}

impl Catalogue {
    /// Compiles the data.
    ///
    /// # Errors
    /// Every problem; nothing of the data is used then.
    pub fn compile(data: CatalogueData) -> Result<Self, Vec<Problem>> {
        compile::compile(data)
    }

    /// The version of the data.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The keys of click ids.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The keys of visitors' pseudonyms.
    #[must_use]
    pub fn pseudonyms(&self) -> &PseudonymKeys {
        &self.pseudonyms
    }

    /// What a code stands for.
    #[must_use]
    pub fn link(&self, code: &[u8]) -> Option<Target<'_>> {
        let (link, places) = self.links.get(code)?;
        Some(self.target(Some(link), places.offer, places.affiliate))
    }

    /// The same without a link. Links of the pair do not matter: a paused link does not pause the pair.
    #[must_use]
    pub fn pair(&self, offer: OfferId, affiliate: AffiliateId) -> Option<Target<'_>> {
        Some(self.target(None, *self.offer_places.get(&offer)?, *self.affiliate_places.get(&affiliate)?))
    }

    /// An offer.
    #[must_use]
    pub fn offer(&self, id: OfferId) -> Option<&Offer> {
        self.offer_places.get(&id).map(|place| at(&self.offers, *place))
    }

    /// An advertiser.
    #[must_use]
    pub fn advertiser(&self, id: AdvertiserId) -> Option<&Advertiser> {
        self.advertiser_places.get(&id).map(|place| at(&self.advertisers, *place))
    }

    /// The advertiser of an offer.
    #[must_use]
    pub fn advertiser_of(&self, offer: &Offer) -> &Advertiser {
        at(&self.advertisers, offer.advertiser)
    }

    /// The advertiser whose postback token has this SHA-256. Looking a hash up tells nothing useful by its time.
    #[must_use]
    pub fn advertiser_by_token(&self, sha256: &[u8; 32]) -> Option<&Advertiser> {
        self.advertiser_tokens.get(sha256).map(|place| at(&self.advertisers, *place))
    }

    /// Where unwanted visitors of an offer go: its own fallback, else the network's.
    #[must_use]
    pub fn fallback<'a>(&'a self, offer: &'a Offer) -> Option<&'a Template> {
        offer.fallback.as_ref().or(self.fallback.as_ref())
    }

    /// The offer that gets the visitors whom this one does not want, before any fallback URL is looked at. Walking on
    /// from it ends within [`crate::CHAIN_MAX`] offers.
    #[must_use]
    pub fn fallback_offer(&self, offer: &Offer) -> Option<&Offer> {
        offer.fallback_offer.map(|place| at(&self.offers, place))
    }

    /// The same for a click: the next offer, for the same affiliate, without a link. None where affiliate or link
    /// themselves are not active: no other offer makes up for that.
    #[must_use]
    pub fn fallback_target<'a>(&'a self, target: &Target<'a>) -> Option<Target<'a>> {
        let standings = [Some(target.affiliate.standing), target.link.map(|link| link.standing)];
        if standings.into_iter().flatten().any(|standing| standing != Standing::Active) {
            return None;
        }
        let offer = self.fallback_offer(target.offer)?;
        let advertiser = self.advertiser_of(offer);
        Some(Target { offer, affiliate: target.affiliate, advertiser, link: None })
    }

    /// The domain of a host: letters as they come, without port ([`crate::without_port`]).
    #[must_use]
    pub fn domain(&self, host: &[u8]) -> Option<&Domain> {
        self.domains.get(host)
    }

    /// Whether there are domains at all: if not, nobody needs to know the host that was asked.
    #[must_use]
    pub fn has_domains(&self) -> bool {
        !self.domains.is_empty()
    }

    /// How many links there are.
    #[must_use]
    pub fn link_count(&self) -> usize {
        self.links.len()
    }

    /// Bytes of memory behind the links.
    #[must_use]
    pub fn link_bytes(&self) -> usize {
        self.links.bytes()
    }

    fn target<'a>(&'a self, link: Option<LinkView<'a>>, offer: u32, affiliate: u32) -> Target<'a> {
        let offer = at(&self.offers, offer);
        Target {
            offer,
            affiliate: at(&self.affiliates, affiliate),
            advertiser: self.advertiser_of(offer),
            link,
        }
    }
}

fn at<T>(list: &[T], place: u32) -> &T {
    &list[usize::try_from(place).expect("32 bits fit")]
}

#[cfg(test)]
pub(crate) mod tests;
