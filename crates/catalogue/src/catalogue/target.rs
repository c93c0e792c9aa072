//! Who and what a click is for.

use hopline_types::{LinkId, Reason, UnixMillis};

use super::{Advertiser, Affiliate, Offer};
use crate::data::Standing;
use crate::links::LinkView;
use crate::targeting::{Refused, Visitor};

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

    /// Why the click does not reach the landing page by standing and times, if so: [`Target::judge`] without a
    /// visitor.
    #[must_use]
    pub fn refusal(&self, now: UnixMillis) -> Option<Reason> {
        self.standing(now).map(|(reason, _)| reason)
    }

    /// Why the click does not reach the landing page, if so, with a word for the record's detail. In this order:
    ///
    /// 1. standing: affiliate, advertiser, offer, link;
    /// 2. times of the offer;
    /// 3. closures;
    /// 4. the visitor: see [`crate::targeting`].
    ///
    /// Click caps come behind all of it: [`crate::ClickCounters::reached`].
    #[must_use]
    pub fn judge(&self, visitor: &Visitor<'_>, now: UnixMillis) -> Option<Refused> {
        self.standing(now).or_else(|| self.offer.refusal(self.affiliate.id, visitor, now))
    }

    fn standing(&self, now: UnixMillis) -> Option<Refused> {
        if self.affiliate.standing != Standing::Active {
            return Some((Reason::Blocked, "affiliate"));
        }
        let standings = [
            (Some(self.advertiser.standing), "advertiser"),
            (Some(self.offer.standing), "offer"),
            (self.link.map(|link| link.standing), "link"),
        ];
        for (standing, whose) in standings {
            match standing {
                Some(Standing::Active) | None => (),
                Some(Standing::Paused | Standing::Pending) => return Some((Reason::Paused, whose)),
                Some(Standing::Blocked) => return Some((Reason::Blocked, whose)),
            }
        }
        if self.offer.starts_at.is_some_and(|start| now < start) {
            return Some((Reason::Expired, "not_begun"));
        }
        let over = self.offer.ends_at.is_some_and(|end| end <= now);
        over.then_some((Reason::Expired, "over"))
    }
}
