//! How far a click gets: to the offer that was asked for, to one that takes what others do not want, or nowhere.

use hopline_catalogue::targeting::{Refused, Visitor};
use hopline_catalogue::{Catalogue, ClickCounters, Target};
use hopline_geo::Region;
use hopline_types::{Reason, UnixMillis};

use super::{Visit, Who};

/// Where a click got to.
pub(super) struct Journey<'a> {
    /// The offer that takes it; the first one where none does.
    pub(super) target: Target<'a>,
    /// Nobody takes it: why the first offer does not.
    pub(super) refusal: Option<Refused>,
    /// Another offer takes it: why the first one does not.
    pub(super) passed_on: Option<Refused>,
}

impl<'a> Journey<'a> {
    /// Asks the offers of the chain in turn. Chains have no loops and at most eight offers.
    fn of(
        first: Target<'a>,
        catalogue: &'a Catalogue,
        counters: &ClickCounters,
        visitor: &Visitor<'_>,
        now: UnixMillis,
        is_passed_on: bool,
    ) -> Self {
        let refused = |target: &Target<'_>| {
            let capped = || {
                let cap = counters.reached(target.offer, target.affiliate.id, now);
                cap.map(|_| (Reason::Cap, "clicks"))
            };
            target.judge(visitor, now).or_else(capped)
        };
        let Some(why) = refused(&first) else {
            return Self { target: first, refusal: None, passed_on: None };
        };
        let mut asked = first;
        while is_passed_on && let Some(next) = catalogue.fallback_target(&asked) {
            if refused(&next).is_none() {
                return Self { target: next, refusal: None, passed_on: Some(why) };
            }
            asked = next;
        }
        Self { target: first, refusal: Some(why), passed_on: None }
    }
}

impl Visit<'_> {
    /// How far the click gets.
    pub(super) fn journey<'a>(&'a self, first: Target<'a>, who: &Who, language: &[u8]) -> Journey<'a> {
        let now = self.ask.now;
        if self.is_impression || self.is_speculative() {
            let refusal = first.refusal(now).map(|reason| (reason, ""));
            return Journey { target: first, refusal, passed_on: None };
        }
        let visitor = Visitor {
            country: who.place.country,
            region: who.place.region.as_ref().map_or("", Region::as_str).as_bytes(),
            device: who.agent.device.as_str(),
            os: who.agent.os,
            browser: who.agent.browser,
            language,
        };
        Journey::of(first, self.catalogue, &self.thread.shared.counters, &visitor, now, !self.is_script())
    }
}
