//! Unique, duplicate or invalid, and why.

use std::net::IpAddr;

use hopline_catalogue::Target;
use hopline_catalogue::targeting::Refused;
use hopline_classify::{Finding, NetworkSigns, judge_network};
use hopline_types::{Reason, Verdict};

use super::counted::{Count, Counted};
use super::journey::Journey;
use super::{Visit, Who, script};
use crate::thread::Scratch;
use crate::{consent, cookie};

/// What a click is.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// More about the reason.
    pub(super) detail: &'static str,
    /// The visitor does not get to the offer.
    pub(super) is_refused: bool,
    /// Others took the last place of a cap since the offer was asked.
    pub(super) is_too_late: bool,
    /// A cookie was brought, and may be looked at.
    pub(super) has_cookie: bool,
    pub(super) visitor_key: u64,
    pub(super) pseudonym: u64,
    pub(super) counted: Counted,
}

impl Visit<'_> {
    /// Judges a click by all that is known, and counts it. A new visitor's cookie goes into `scratch`.
    pub(super) fn judge(&self, journey: &Journey<'_>, who: &Who, scratch: &mut Scratch) -> Judged {
        let target = &journey.target;
        let is_consented = consent::is_given(&scratch.click.consent);
        let is_allowed = target.offer.sets_cookie(is_consented, who.place.country);
        // Where no cookie may be set, one that was brought is not looked at either.
        let known = self.cookie.filter(|_| is_allowed);
        // 0 stands for a visitor with a cookie.
        let pseudonym = match known {
            Some(_) => 0,
            None => self.pseudonym(who.address, &who.agent_digest).max(1),
        };
        let (verdict, detail) = self.verdict(target, who, journey.refusal);
        let is_open = verdict == Verdict::UNIQUE;
        let mut judged = Judged {
            verdict,
            detail,
            is_refused: journey.refusal.is_some(),
            is_too_late: false,
            has_cookie: known.is_some(),
            visitor_key: known.unwrap_or(pseudonym),
            pseudonym,
            counted: Counted::default(),
        };
        if !is_open || self.is_impression {
            return judged;
        }
        let visitor = judged.visitor_key;
        let new = (is_allowed && known.is_none() && !self.is_script()).then(|| {
            let attributes = self.thread.shared.cookie_attributes.as_bytes();
            cookie::write(rand::random(), attributes, &mut scratch.cookie)
        });
        judged.visitor_key = new.unwrap_or(visitor);
        match self.count(target, visitor, new) {
            Count::First(counted) => judged.counted = counted,
            Count::Again(counted) => (judged.verdict, judged.counted) = (Verdict::DUPLICATE, counted),
            Count::TooLate => {
                scratch.cookie.clear();
                judged.visitor_key = visitor;
                (judged.verdict, judged.detail) = (Verdict::invalid(Reason::Cap), "clicks");
                (judged.is_refused, judged.is_too_late) = (true, true);
            }
        }
        judged
    }

    /// The verdict before the duplicate memory and the caps are asked, and more about its reason.
    pub(super) fn verdict(
        &self,
        target: &Target<'_>,
        who: &Who,
        refusal: Option<Refused>,
    ) -> (Verdict, &'static str) {
        let invalid = |reason| (Verdict::invalid(reason), "");
        match self.signals.finding() {
            Finding::Prefetch => return invalid(Reason::Prefetch),
            Finding::Head => return invalid(Reason::Head),
            // A script asks by a fetch: from a page of the shop, or it is nobody's click.
            Finding::Stuffing("empty") | Finding::Open if self.is_script() => {
                if self.parameter(b"frame").is_some() {
                    return (Verdict::invalid(Reason::Stuffing), "iframe");
                }
                if !script::is_of_shop(self.origin, target.offer) {
                    return (Verdict::invalid(Reason::Stuffing), "origin");
                }
            }
            // An impression is an image: that it is loaded as one says nothing.
            Finding::Stuffing(dest) if !self.is_impression => {
                return (Verdict::invalid(Reason::Stuffing), dest);
            }
            Finding::Stuffing(_) | Finding::Open => (),
        }
        if who.agent.bot {
            return invalid(Reason::Bot);
        }
        let network = who.place.network;
        let kind = if network == 0 { None } else { self.thread.shared.networks.judge(network) };
        if kind.is_some_and(|kind| judge_network(kind, NetworkSigns::of(&self.signals))) {
            return invalid(Reason::Datacenter);
        }
        refusal.map_or((Verdict::UNIQUE, ""), |(reason, detail)| (Verdict::invalid(reason), detail))
    }

    fn pseudonym(&self, address: IpAddr, agent_digest: &[u8; 32]) -> u64 {
        let keys = self.catalogue.pseudonyms();
        match address {
            IpAddr::V4(v4) => keys.pseudonym(self.ask.now, &v4.octets(), agent_digest),
            IpAddr::V6(v6) => keys.pseudonym(self.ask.now, &v6.octets(), agent_digest),
        }
    }
}
