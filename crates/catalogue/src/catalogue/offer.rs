//! An offer in the form that answers.

use hopline_money::Currency;
use hopline_types::{AffiliateId, LandingPageId, OfferId, PostbackAuth, Reason, UnixMillis};

use crate::Template;
use crate::caps::{Cap, Caps, Closures};
use crate::data::{CookieMode, GoalEntry, Standing};
use crate::rotation::{Page, Pages};
use crate::targeting::{Refused, Visitor, Wanted};

/// An offer, compiled.
#[derive(Debug)]
pub struct Offer {
    /// Its id.
    pub id: OfferId,
    /// The id as records and the duplicate memory hold it.
    pub number: u32,
    /// Who pays: a place in the catalogue's list.
    pub(super) advertiser: u32,
    /// Whether it runs.
    pub standing: Standing,
    /// Currency of its terms.
    pub currency: Currency,
    /// Where visitors land, unless one of the other landing pages is chosen: [`Offer::page`].
    pub landing_page: Template,
    /// Where visitors go that it does not want.
    pub(super) fallback: Option<Template>,
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
    /// Who gets the visitors that it does not want: a place in the catalogue's list.
    pub(super) fallback_offer: Option<u32>,
    /// What keeps clicks away besides standing and times.
    pub(super) gate: Option<Box<Gate>>,
    /// Landing pages beside its own.
    pub(super) pages: Option<Box<Pages>>,
    pub(super) caps: Caps,
    pub(super) cookies: CookieMode,
    /// Ascending.
    pub(super) cookieless_countries: Box<[[u8; 2]]>,
}

/// Rules that only some offers have.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) closures: Closures,
    pub(super) wanted: Option<Wanted>,
}

impl Offer {
    /// Where a visitor lands: the page that the link names, else one dealt out by the weights; see [`crate::rotation`].
    #[must_use]
    pub fn page(&self, named: Option<LandingPageId>, visitor: u64) -> Page<'_> {
        match &self.pages {
            Some(pages) => pages.choose(&self.landing_page, named, visitor),
            None => Page { id: None, template: &self.landing_page, named_unknown: named.is_some() },
        }
    }

    /// The same with the link's `lp` as it comes: nothing names no page, what is no id names an unknown one.
    #[must_use]
    pub fn page_named(&self, lp: &str, visitor: u64) -> Page<'_> {
        let named = lp.parse().ok();
        let page = self.page(named, visitor);
        Page { named_unknown: page.named_unknown || (named.is_none() && !lp.is_empty()), ..page }
    }

    /// Whether a host, without port and in any case, is one of the shop's: of a landing page, or one that deep links may
    /// name.
    #[must_use]
    pub fn has_host(&self, host: &[u8]) -> bool {
        let is = |known: &str| host.eq_ignore_ascii_case(known.as_bytes());
        is(self.landing_page.host())
            || self.deep_link_hosts.iter().any(|known| is(known))
            || self.pages.as_ref().is_some_and(|pages| pages.hosts().any(is))
    }

    /// All its caps, those on clicks first.
    #[must_use]
    pub fn caps(&self) -> &[Cap] {
        self.caps.all()
    }

    /// Its caps on clicks, for [`crate::ClickCounters`].
    #[must_use]
    pub fn click_caps(&self) -> &[Cap] {
        self.caps.clicks()
    }

    /// Whether a cap that is counted elsewhere was reached, for all or for this affiliate.
    #[must_use]
    pub fn closed(&self, affiliate: AffiliateId, now: UnixMillis) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.closures.closed(affiliate, now))
    }

    /// Why a visitor of an affiliate is not taken by the rules, if so: closures, then [`Wanted::check`].
    pub(super) fn refusal(
        &self,
        affiliate: AffiliateId,
        visitor: &Visitor<'_>,
        now: UnixMillis,
    ) -> Option<Refused> {
        let gate = self.gate.as_ref()?;
        if gate.closures.closed(affiliate, now) {
            return Some((Reason::Cap, "closed"));
        }
        gate.wanted.as_ref()?.check(visitor, now)
    }

    /// Whether a visitor gets the cookie `hl_vid`. `consented`: the link carries a consent string that
    /// allows it, or says that none is needed. `country` is zeros if not known: then no list of countries holds it.
    #[must_use]
    pub fn sets_cookie(&self, consented: bool, country: [u8; 2]) -> bool {
        let by_mode = match self.cookies {
            CookieMode::Always => true,
            CookieMode::Consent => consented,
            CookieMode::Never => false,
        };
        by_mode && self.cookieless_countries.binary_search(&country).is_err()
    }
}
