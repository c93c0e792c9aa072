//! What is written down of a click.

use hopline_catalogue::Target;
use hopline_catalogue::targeting::Refused;
use hopline_classify::RULES_VERSION;
use hopline_clickid::{ClickClaims, TOKEN_CHARS};
use hopline_geo::Region;
use hopline_record::{Click, Flags, Kind};
use hopline_runtime::telemetry::EdgeOutcome;
use hopline_types::Verdict;

use super::counted::Counted;
use super::verdict::Judged;
use super::{Decided, Visit, Who};
use crate::commit::NotWritten;
use crate::reply::Reply;
use crate::{query, referrer};

impl Visit<'_> {
    /// Takes visitor and request into the record. `decoded` is used and left empty.
    pub(super) fn describe(&self, who: &Who, judged: &Judged, decoded: &mut Vec<u8>, click: &mut Click) {
        click.visitor_key = judged.visitor_key;
        click.pseudonym = judged.pseudonym;
        click.device = who.agent.device;
        click.rule_version = RULES_VERSION;
        click.os.push_str(who.agent.os);
        click.browser.push_str(who.agent.browser);
        if self.is_script() {
            // Its own referrer is the shop's page; it tells the host that the visitor came from.
            query::decode(self.parameter(b"ref").unwrap_or_default(), decoded);
            referrer::authority(decoded, &mut click.referrer_host);
            decoded.clear();
        } else {
            referrer::host(self.signals.referer, &mut click.referrer_host);
        }
        click.country = who.place.country;
        click.network = who.place.network;
        if let Some(region) = &who.place.region {
            click.region.extend([who.place.country(), "-", Region::as_str(region)]);
        }
        let conditions = [
            (self.signals.gpc, Flags::GPC),
            (self.signals.lacks_gesture(), Flags::NO_GESTURE),
            (!judged.has_cookie, Flags::NO_COOKIE),
            (self.signals.anonymous_address, Flags::ANONYMOUS_ADDRESS),
            (self.is_script(), Flags::SCRIPT),
        ];
        click.flags = with(click.flags, &conditions);
    }

    /// The record of an offer that did not want the click, which went on to another one.
    #[cold]
    pub(super) fn leave_record(
        &self,
        target: &Target<'_>,
        why: Refused,
        who: &Who,
        click: &Click,
        payload: &mut Vec<u8>,
    ) -> Result<(), NotWritten> {
        let (verdict, detail) = self.verdict(target, who, Some(why));
        let mut left = click.clone();
        self.sign(target, verdict, &mut left, &mut [0; TOKEN_CHARS])?;
        left.detail.push_str(detail);
        left.code.push_str(target.link.map_or("", |link| link.code));
        left.landing_page.clear();
        left.flags = left.flags.with(Flags::FALLBACK);
        left.status = Reply::Redirect { location: b"", cookie: b"" }.status();
        payload.clear();
        left.encode(payload);
        // The record that comes behind it in the log is waited for.
        self.thread.log.append(self.ask.now, Kind::Click, payload).map(drop)
    }

    /// Numbers and signs the click.
    pub(super) fn sign(
        &self,
        target: &Target<'_>,
        verdict: Verdict,
        click: &mut Click,
        token: &mut [u8; TOKEN_CHARS],
    ) -> Result<(), NotWritten> {
        let claims = ClickClaims {
            at: self.ask.now,
            offer: target.offer.id,
            affiliate: target.affiliate.id,
            link: target.link_id(),
            unique: self.thread.log.next_number(self.ask.now)?,
            verdict,
        };
        click.advertiser = target.advertiser.number;
        let signed = self.catalogue.keys().sign_both_into(&claims, &mut click.token, token);
        signed.map_err(|_| NotWritten::Failed)
    }

    /// What a click is answered with whose record could not even be begun; `prepared` is what it would have been.
    #[cold]
    pub(super) fn not_recorded<'s>(
        &self,
        why: NotWritten,
        prepared: Reply<'s>,
        counted: Counted,
    ) -> Decided<'s> {
        counted.give_back(self.thread, self.catalogue);
        let (reply, outcome) = if why.lets_pass(self.thread.shared.full_disk, prepared.status()) {
            (prepared, EdgeOutcome::Unrecorded)
        } else {
            (Reply::Unavailable, EdgeOutcome::Unavailable)
        };
        Decided { reply, outcome, commit: None, counted: Counted::default() }
    }
}

/// The flags with those whose condition holds.
pub(super) fn with(flags: Flags, conditions: &[(bool, Flags)]) -> Flags {
    conditions.iter().filter(|(holds, _)| *holds).fold(flags, |flags, (_, flag)| flags.with(*flag))
}
