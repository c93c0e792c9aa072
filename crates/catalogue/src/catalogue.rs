//! The compiled catalogue and its look-ups.

mod compile;

use std::collections::HashMap;

use hopline_clickid::KeyRing;
use hopline_money::Currency;
use hopline_types::{AdvertiserId, AffiliateId, LinkId, OfferId, PostbackAuth, Reason, UnixMillis};

use crate::data::{CatalogueData, GoalEntry, Standing};
use crate::links::{LinkView, Links};
use crate::pseudonym::PseudonymKeys;
use crate::{Problem, Template};

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

/// An offer, compiled.
#[derive(Debug)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// The id as records and the duplicate memory hold it.
    pub number: u32,
    /// Who pays: a place in the catalogue's list.
    advertiser: u32,
    /// Whether it runs.
    pub standing: Standing,
    /// Currency of its terms.
    pub currency: Currency,
    /// Where visitors land.
    pub landing_page: Template,
    /// Where visitors go that it does not want.
    fallback: Option<Template>,
    /// Hosts that a deep link may name, serialised.
    pub deep_link_hosts: Box<[Box<str>]>,
    /// Query parameter that carries the click id.
    pub click_parameter: Box<str>,
    /// Whether unknown query parameters are handed on.
    pub pass_parameters: bool,
    /// What postbacks must prove.
    pub postback_auth: PostbackAuth,
    /// Not before.
    pub starts_at: Option<UnixMillis>,
    /// Not at or after.
    pub ends_at: Option<UnixMillis>,
    /// Paid events; the first is meant where a postback names none.
    pub goals: Box<[GoalEntry]>,
}

/// Who and what a click is for.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The offer.
    pub offer: &'a Offer,
    /// Who sent the visitor.
    pub affiliate: &'a Affiliate,
    /// Who pays.
    pub advertiser: &'a Advertiser,
    /// The link, if there is one.
    pub link: Option<LinkView<'a>>,
}

impl Target<'_> {
    /// The link's id.
    #[must_use]
    pub fn link_id(&self) -> Option<LinkId> {
        self.link.map(|link| link.id)
    }

    /// Why the click does not reach the landing page, if so: affiliate, advertiser, offer, link, times, in this order.
    #[must_use]
    pub fn refusal(&self, now: UnixMillis) -> Option<Reason> {
        if self.affiliate.standing != Standing::Active {
            return Some(Reason::Blocked);
        }
        let standings =
            [Some(self.advertiser.standing), Some(self.offer.standing), self.link.map(|link| link.standing)];
        for standing in standings.into_iter().flatten() {
            match standing {
                Standing::Active => (),
                Standing::Paused | Standing::Pending => return Some(Reason::Paused),
                Standing::Blocked => return Some(Reason::Blocked),
            }
        }
        let begun = self.offer.starts_at.is_none_or(|start| start <= now);
        let over = self.offer.ends_at.is_some_and(|end| end <= now);
        (!begun || over).then_some(Reason::Expired)
    }
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
mod tests;
