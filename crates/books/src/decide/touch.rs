//! The click that a conversion names, and the others that its visitor made.

use std::borrow::Cow;

use hopline_attribution::{Decision, Outcome, Touch, TouchKind};
use hopline_click_store::{StoredClick, Touch as StoredTouch};
use hopline_clickid::{ClickClaims, KeyRing, Refused, UniqueNumber};
use hopline_control_store::conversions::Conversion;
use hopline_control_store::customers::{self, Customer};
use hopline_control_store::findings::Finding;
use hopline_control_store::installs::reports::Named;
use hopline_types::{AffiliateId, Class, CommissionStatus, FindingId, Reason, UnixMillis, Verdict};
use serde_json::{Value, json};

use super::Verdict as Ending;
use super::known::Known;
use crate::reclassify;

/// Why a touch of an affiliate that does not take part cannot count.
pub(super) const NOT_ACTIVE: &str = "affiliate_not_active";

/// A click of the conversion's advertiser.
#[derive(Debug)]
pub(super) struct ClickTouch {
    /// What its click id says.
    pub(super) claims: ClickClaims,
    /// How it counts: as signed, or worse where it was judged again after it was stored.
    pub(super) verdict: Verdict,
    /// The finding that made it invalid.
    pub(super) finding: Option<FindingId>,
    /// Whether it is the one that the conversion names.
    pub(super) is_named: bool,
    /// Click or view.
    pub(super) kind: TouchKind,
}

/// What a click id leads to.
#[derive(Debug)]
pub(super) enum Found {
    /// A click to judge.
    Touch(ClickTouch),
    /// None.
    Nothing {
        /// A short word that never changes.
        reason: &'static str,
        /// The same for people.
        detail: String,
        /// What is known of the click.
        touch: Option<Value>,
    },
}

/// A conversion that is to be decided, with the click that it names.
#[derive(Debug, Clone)]
pub(super) struct Candidate<'a> {
    pub(super) conversion: Conversion,
    pub(super) click: Option<&'a StoredClick>,
    /// The other clicks of its visitor that were asked for.
    touches: &'a [StoredTouch],
    /// Its customer, where it names one.
    pub(super) customer: Option<Customer>,
    /// What its click id says; none without one.
    claims: Option<Result<ClickClaims, Refused>>,
    /// Whose it is without a click.
    pub(super) named: Option<Named>,
    /// Who is credited by the decision that stands: they are taken to take part still, whatever became of them since.
    pub(super) credited: Vec<AffiliateId>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(
        conversion: Conversion,
        click: Option<&'a StoredClick>,
        touches: &'a [StoredTouch],
        keys: &KeyRing,
        now: UnixMillis,
    ) -> Self {
        let by = now.max(conversion.received_at);
        let claims = conversion.click_id.as_ref().map(|click_id| keys.verify(click_id, by));
        let customer = customer_of(&conversion);
        Self { conversion, click, touches, customer, claims, named: None, credited: Vec::new() }
    }

    /// Takes these for what a click id says.
    pub(super) fn claim(&mut self, claims: ClickClaims) {
        self.claims = Some(Ok(claims));
    }

    /// What a believed click id says.
    pub(super) fn claims(&self) -> Option<&ClickClaims> {
        self.claims.as_ref()?.as_ref().ok()
    }

    /// The stored click that the click id names.
    pub(super) fn named_click(&self) -> Option<&'a StoredClick> {
        let claims = self.claims()?;
        self.click.filter(|click| click.unique == claims.unique)
    }

    /// The other clicks of its visitor.
    pub(super) fn gathered(&self) -> impl Iterator<Item = ClickClaims> {
        self.touches.iter().map(|touch| ClickClaims {
            at: touch.at,
            offer: touch.offer,
            affiliate: touch.affiliate,
            link: touch.link,
            unique: touch.unique,
            verdict: if touch.class == Class::Duplicate { Verdict::DUPLICATE } else { Verdict::UNIQUE },
        })
    }

    /// All clicks that may count.
    pub(super) fn all_claims(&self) -> impl Iterator<Item = ClickClaims> {
        self.claims().copied().into_iter().chain(self.gathered())
    }
}

/// The customer whom a conversion names.
pub(super) fn customer_of(conversion: &Conversion) -> Option<Customer> {
    let key = conversion.customer_id.as_deref().map(customers::key_of)?;
    (!key.is_empty()).then_some((conversion.advertiser, key))
}

pub(super) fn found(known: &Known, candidate: &Candidate<'_>) -> Found {
    let conversion = &candidate.conversion;
    let click_id = &conversion.click_id;
    let claims = match &candidate.claims {
        None => {
            let detail = "no click id came with the conversion".to_owned();
            return Found::Nothing { reason: "no_click", detail, touch: None };
        }
        Some(Err(refused)) => {
            let touch = json!({ "click_id": click_id, "outcome": "refused", "refused": refused.as_str() });
            let detail = refused.to_string();
            return Found::Nothing { reason: "bad_click_id", detail, touch: Some(touch) };
        }
        Some(Ok(claims)) => *claims,
    };
    let clicked = known.offer(claims.offer);
    if clicked.is_none_or(|offer| offer.advertiser_id != conversion.advertiser) {
        let touch = json!({ "click_id": click_id, "offer_id": claims.offer, "outcome": "foreign" });
        let detail = "the click was on an offer of another advertiser".to_owned();
        return Found::Nothing { reason: "foreign_click", detail, touch: Some(touch) };
    }
    let stored = candidate.click.filter(|click| click.unique == claims.unique);
    let (verdict, finding) = match stored {
        Some(click) if click.verdict.class == Class::Invalid => (click.verdict, click.finding),
        _ if claims.verdict.class == Class::Invalid => (claims.verdict, None),
        // Findings are about clicks.
        _ if candidate.named.is_some() => (claims.verdict, None),
        _ => match finding(known, &claims, stored) {
            Some(finding) => (Verdict::invalid(finding.what.reason), Some(finding.id)),
            None => (claims.verdict, None),
        },
    };
    let is_view = stored.is_some_and(|click| click.is_impression);
    let kind = if is_view { TouchKind::View } else { TouchKind::Click };
    Found::Touch(ClickTouch { claims, verdict, finding, is_named: true, kind })
}

/// A click that the click store told of. Findings that it has applied are in its answer, those it has yet to apply are
/// known here.
pub(super) fn gathered(known: &Known, claims: ClickClaims) -> ClickTouch {
    let finding = finding(known, &claims, None);
    let verdict = finding.map_or(claims.verdict, |finding| Verdict::invalid(finding.what.reason));
    let finding = finding.map(|finding| finding.id);
    ClickTouch { claims, verdict, finding, is_named: false, kind: TouchKind::Click }
}

/// The first finding about a click, whether or not the click store knows it yet. Those with a filter ask for more than a
/// click id says: they count where the stored click is at hand.
fn finding<'a>(known: &'a Known, claims: &ClickClaims, stored: Option<&StoredClick>) -> Option<&'a Finding> {
    let is_about = |finding: &&Finding| {
        finding.what.filter.is_empty() || stored.is_some_and(|click| reclassify(finding).hits(click))
    };
    known.findings(claims).find(is_about)
}

impl ClickTouch {
    /// As attribution sees it.
    pub(super) fn as_touch(&self, is_active: bool) -> Touch<UniqueNumber, AffiliateId> {
        let invalid = match self.verdict.class {
            Class::Invalid if self.verdict.reason != Reason::None => Some(self.verdict.reason.as_str()),
            Class::Invalid => Some("invalid"),
            Class::Unique | Class::Duplicate if !is_active => Some(NOT_ACTIVE),
            Class::Unique | Class::Duplicate => None,
        };
        Touch {
            id: self.claims.unique,
            affiliate: Some(self.claims.affiliate),
            at: self.claims.at,
            kind: self.kind,
            invalid: invalid.map(Cow::Borrowed),
        }
    }
}

/// When the conversion happened, for comparison with a click. A time stated in whole seconds means the whole second, as
/// far as it had passed at the receipt: a click within it came before.
pub(super) fn happened_at(conversion: &Conversion, clicked_at: UnixMillis) -> UnixMillis {
    let at = conversion.converted_at;
    let is_whole = at.get().rem_euclid(1_000) == 0;
    let is_within = clicked_at > at && clicked_at.seconds() == at.seconds();
    if is_whole && is_within && clicked_at <= conversion.received_at { clicked_at } else { at }
}

/// How a conversion ends whose touches earn nothing; what became of this one of them says why.
pub(super) fn against(
    decision: &Decision<UniqueNumber, AffiliateId>,
    touches: &[Touch<UniqueNumber, AffiliateId>],
    place: usize,
) -> Ending {
    let is_inactive = touches.get(place).is_some_and(|touch| touch.invalid.as_deref() == Some(NOT_ACTIVE));
    let outcome = decision.considered.get(place).map(|considered| &considered.outcome);
    let (status, reason) = match outcome {
        Some(Outcome::Invalid { .. }) if is_inactive => (CommissionStatus::Rejected, NOT_ACTIVE),
        Some(Outcome::Invalid { .. }) => (CommissionStatus::Rejected, "invalid_click"),
        Some(Outcome::SelfReferral) => (CommissionStatus::Rejected, "self_referral"),
        Some(Outcome::OutsideWindow { .. }) => (CommissionStatus::Unattributed, "outside_window"),
        Some(Outcome::AfterConversion) => (CommissionStatus::Unattributed, "click_after_conversion"),
        _ => (CommissionStatus::Unattributed, "no_click"),
    };
    Ending { status, reason: Some(reason) }
}
