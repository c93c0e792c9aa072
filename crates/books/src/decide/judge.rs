//! One decision, in memory.

use hopline_attribution::{Decision, Source, attribute};
use hopline_click_store::{Dims, StoredClick};
use hopline_clickid::UniqueNumber;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::Offer;
use hopline_ledger::Share;
use hopline_money::Amount;
use hopline_types::{AffiliateId, CommissionStatus, UnixMillis};
use serde_json::{Value, json};

use super::earn::LevelShare;
use super::known::{Known, asked};
use super::path::Path;
use super::touch::{self, Candidate, ClickTouch};
use super::{Conclusion, Outcome, Verdict, named, reasoning};
use crate::BookError;
use crate::approval::rules::{self, Seen};
use crate::caps::{self, Part, Room};
use crate::commission::{self, Begin, Course, Credited};
use crate::facts::Labels;

impl Known {
    /// Decides a conversion. What it takes from caps the next one finds taken; where it cannot be decided it takes
    /// nothing.
    pub(super) fn decide(
        &mut self,
        candidate: Candidate<'_>,
        now: UnixMillis,
    ) -> Result<Conclusion, BookError> {
        let Ruled { labels, needs_path, ruling } = self.rule(&candidate, now)?;
        let mut binds = None;
        let (verdict, mut outcome) = match ruling {
            Ruling::Over(verdict, outcome) => (verdict, outcome),
            Ruling::Earned(earned) => {
                binds = earned.binds;
                let takings = self.sums.take(&earned.room, &earned.parts)?;
                earned.conclude(&takings)?
            }
            Ruling::Capped(earned) => {
                self.sums.refuse(&earned.room, &earned.parts);
                let status = CommissionStatus::Rejected;
                (Verdict { status, reason: Some(caps::REASON) }, earned.outcome)
            }
        };
        self.customers.note(&candidate, binds);
        if let Some(named) = &candidate.named {
            named::explain(&mut outcome, named);
        }
        let looks = needs_path && (candidate.claims().is_some() || candidate.customer.is_some());
        let conclusion = Conclusion::new(candidate.conversion, labels, verdict, outcome, now)?;
        Ok(if looks { conclusion.looks_later() } else { conclusion })
    }

    /// What is to be said of a conversion, from what is known. Nothing is taken from caps and nothing noted.
    pub(super) fn rule(&self, candidate: &Candidate<'_>, now: UnixMillis) -> Result<Ruled, BookError> {
        let conversion = &candidate.conversion;
        let id = conversion.offer.get();
        let offer = self.offer(conversion.offer).ok_or(BookError::NotFound { what: "offer", id })?;
        let mut labels = Labels {
            is_base: offer.goals.first().is_some_and(|goal| goal.id == conversion.goal),
            dims: candidate.click.map(|click| click.dims.clone()).unwrap_or_default(),
        };
        let mut path = Path::of(self, candidate, offer);
        let refused = if path.is_empty() { path.refused.take() } else { None };
        let ruling = match refused {
            None => {
                let country = candidate.click.map(|click| click.dims.country.as_str()).unwrap_or_default();
                let judged = Judged {
                    candidate,
                    conversion,
                    offer,
                    path: &path,
                    is_base: labels.is_base,
                    country,
                    click: candidate.click,
                    now,
                };
                judged.judge(self)?
            }
            Some(refused) => {
                let verdict =
                    Verdict { status: CommissionStatus::Unattributed, reason: Some(refused.reason) };
                let touches: Vec<Value> = refused.touch.into_iter().collect();
                let mut outcome = Outcome::nobody(json!({ "reason": refused.detail, "touches": touches }));
                let policy = offer.attribution.policy(&offer.settings);
                let nobody = attribute(&policy, &path.happened(conversion.converted_at), &[]);
                path.explain(&mut outcome.reasoning, &policy, &nobody);
                Ruling::Over(verdict, outcome)
            }
        };
        // What an affiliate calls its clicks is nobody else's.
        let clicked = candidate.click.and_then(|click| click.affiliate);
        let affiliate = ruling.outcome().affiliate;
        if affiliate.is_some() && clicked.is_some() && clicked != affiliate {
            labels.dims = of_visitor(labels.dims);
        }
        Ok(Ruled { labels, needs_path: offer.attribution.needs_path(offer.settings.model), ruling })
    }
}

/// What of a click's dimensions is about the visitor.
fn of_visitor(dims: Dims) -> Dims {
    let Dims { country, region, device, os, browser, .. } = dims;
    Dims { country, region, device, os, browser, ..Dims::default() }
}

/// A conversion that somebody may have brought: does it earn, and what?
struct Judged<'a> {
    candidate: &'a Candidate<'a>,
    conversion: &'a Conversion,
    offer: &'a Offer,
    path: &'a Path,
    is_base: bool,
    /// Where the click came from.
    country: &'a str,
    /// The stored click that it names.
    click: Option<&'a StoredClick>,
    now: UnixMillis,
}

/// What is to be said of a conversion.
pub(super) struct Ruled {
    pub(super) labels: Labels,
    /// Whether other clicks than the one it names count.
    needs_path: bool,
    pub(super) ruling: Ruling,
}

/// What came out.
pub(super) enum Ruling {
    /// Nobody is credited.
    Over(Verdict, Outcome),
    /// Somebody is, and there is room for it.
    Earned(Box<Earned>),
    /// Somebody would be, but there is no room for it.
    Capped(Box<Earned>),
}

impl Ruling {
    const fn outcome(&self) -> &Outcome {
        match self {
            Self::Over(_, outcome) => outcome,
            Self::Earned(earned) | Self::Capped(earned) => &earned.outcome,
        }
    }

    /// Whom it binds its customer to.
    pub(super) fn binds(&self) -> Option<AffiliateId> {
        match self {
            Self::Earned(earned) => earned.binds,
            Self::Over(..) | Self::Capped(_) => None,
        }
    }
}

/// What is credited, and what it takes.
pub(super) struct Earned {
    pub(super) room: Room,
    pub(super) parts: Vec<Part>,
    pub(super) begin: Begin,
    /// Whom it binds the customer to.
    pub(super) binds: Option<AffiliateId>,
    pub(super) outcome: Outcome,
}

impl Earned {
    fn conclude(mut self, takings: &[caps::Taking]) -> Result<(Verdict, Outcome), BookError> {
        caps::keep(&mut self.outcome.reasoning, takings)?;
        let status = commission::overall(self.outcome.courses.iter().map(Course::status));
        let reason = match self.begin {
            Begin::Rejected(by) => Some(by.reason()),
            Begin::Pending | Begin::Approved { .. } => None,
        };
        Ok((Verdict { status, reason }, self.outcome))
    }
}

impl Judged<'_> {
    fn judge(&self, known: &Known) -> Result<Ruling, BookError> {
        let Self { candidate, conversion, offer, path, .. } = *self;
        let is_active = |touch: &ClickTouch| known.is_active(candidate, touch.claims.affiliate);
        let touches: Vec<_> = path.touches.iter().map(|touch| touch.as_touch(is_active(touch))).collect();
        let policy = offer.attribution.policy(&offer.settings);
        let times = path.touches.iter().map(|touch| touch::happened_at(conversion, touch.claims.at));
        let at = times.max().unwrap_or(conversion.converted_at);
        let decision = attribute(&policy, &path.happened(at), &touches);
        let reasoning = reasoning::attribution(&decision, &policy, offer, conversion, path);
        let mut outcome = Outcome::nobody(reasoning);
        path.explain(&mut outcome.reasoning, &policy, &decision);
        let first = decision.credits.first().map(|credit| &credit.source);
        let winner = match first {
            Some(Source::Touch { index, .. }) => path.touches.get(*index),
            Some(Source::Coupon | Source::Lifetime) => None,
            None => path.named().map(|(_, touch)| touch),
        };
        if let Some(touch) = winner {
            outcome.clicked_at = Some(touch.claims.at);
            outcome.link = touch.claims.link;
            outcome.affiliate = known.standing(touch.claims.affiliate).map(|_| touch.claims.affiliate);
        }
        if decision.credits.is_empty() {
            return Ok(Ruling::Over(path.against(&policy, &decision, &touches), outcome));
        }

        let credited = decision.credits.iter().map(|credit| credit.affiliate);
        let dims = self.click.map(|click| &click.dims);
        let circumstances = &known.circumstances;
        let earnings = circumstances.earnings(conversion, known.terms(conversion), dims, credited)?;
        let (version, earned) = earnings.main()?;
        let (revenues, payouts) = earnings.split(&decision)?;
        let mut shares = per_affiliate(&decision, &revenues, &payouts)?;
        let affiliates: Vec<AffiliateId> = shares.iter().map(|share| share.affiliate).collect();
        let flags = rules::flags(&outcome.reasoning);
        let seen = Seen { affiliates: &affiliates, country: self.country, flags: &flags };
        let beginning = known.rules.begin(conversion, offer, &seen);
        let begin = beginning.begin;
        reasoning::price(&mut outcome.reasoning, version, earned);
        // What a touch, a coupon or a binding earns for one affiliate is one commission.
        let parts = parts(&shares, self.is_base);
        let room = self.room(known, begin, affiliates)?;
        room.explain(&mut outcome.reasoning, &parts, conversion.currency);
        if !room.holds(&parts) {
            reasoning::capped(&mut outcome.reasoning, &room.refusal(&parts, conversion.currency));
            return Ok(Ruling::Capped(Box::new(Earned { room, parts, begin, binds: None, outcome })));
        }
        let mut levels = Vec::new();
        for share in &shares {
            levels.extend(earnings.levels(circumstances, share.affiliate, share.payout)?);
        }
        earnings.explain(&mut outcome.reasoning, &levels);
        let may_bind = offer.attribution.lifetime && !matches!(begin, Begin::Rejected(_));
        let binds = if may_bind { strongest(&shares) } else { None };
        add_levels(&mut shares, &levels)?;
        for ToAffiliate { affiliate, revenue, payout, .. } in &shares {
            let share = Share::new(*revenue, *payout).map_err(BookError::broken)?;
            let credited = Credited { affiliate: *affiliate, share };
            outcome.courses.push(Course::begin(conversion, credited, begin, self.now)?);
        }
        reasoning::credits(&mut outcome.reasoning, &decision, (&revenues, &payouts));
        outcome.reasoning["approval"] = beginning.reasoning(conversion, offer, &flags);
        outcome.reasoning["transactions"] = outcome.transactions();
        outcome.terms = Some(version.id);
        outcome.money = Some(booked(&shares)?);
        outcome.affiliate = decision.credits.first().map(|credit| credit.affiliate);
        Ok(Ruling::Earned(Box::new(Earned { room, parts, begin, binds, outcome })))
    }

    /// The caps that are asked: none where the advertiser has rejected it already.
    fn room(&self, known: &Known, begin: Begin, whose: Vec<AffiliateId>) -> Result<Room, BookError> {
        if matches!(begin, Begin::Rejected(_)) {
            return Ok(Room::default());
        }
        let whose: std::collections::BTreeSet<AffiliateId> = whose.into_iter().collect();
        known.sums.room(&asked(self.conversion, whose.into_iter().collect()))
    }
}

/// What comes to one affiliate.
struct ToAffiliate {
    affiliate: AffiliateId,
    weight: u128,
    revenue: Amount,
    payout: Amount,
}

/// Adds up what each affiliate gets by its credits, in order of their first ones.
fn per_affiliate(
    decision: &Decision<UniqueNumber, AffiliateId>,
    revenues: &[Amount],
    payouts: &[Amount],
) -> Result<Vec<ToAffiliate>, BookError> {
    let mut shares: Vec<ToAffiliate> = Vec::with_capacity(decision.credits.len());
    for ((credit, revenue), payout) in decision.credits.iter().zip(revenues).zip(payouts) {
        let weight = u128::from(credit.weight);
        match shares.iter_mut().find(|share| share.affiliate == credit.affiliate) {
            Some(share) => {
                share.weight += weight;
                share.revenue = share.revenue.checked_add(*revenue).map_err(BookError::broken)?;
                share.payout = share.payout.checked_add(*payout).map_err(BookError::broken)?;
            }
            None => shares.push(ToAffiliate {
                affiliate: credit.affiliate,
                weight,
                revenue: *revenue,
                payout: *payout,
            }),
        }
    }
    Ok(shares)
}

/// Adds what recruiters get; who has a share already gets both as one.
fn add_levels(shares: &mut Vec<ToAffiliate>, levels: &[LevelShare]) -> Result<(), BookError> {
    for level in levels {
        match shares.iter_mut().find(|share| share.affiliate == level.affiliate) {
            Some(share) => {
                share.payout = share.payout.checked_add(level.payout).map_err(BookError::broken)?;
            }
            None => shares.push(ToAffiliate {
                affiliate: level.affiliate,
                weight: 0,
                revenue: Amount::zero(level.payout.currency),
                payout: level.payout,
            }),
        }
    }
    Ok(())
}

/// Revenue and payout of all together.
fn booked(shares: &[ToAffiliate]) -> Result<(i64, i64), BookError> {
    let sum =
        |of: fn(&ToAffiliate) -> i64| shares.iter().try_fold(0_i64, |sum, share| sum.checked_add(of(share)));
    let sums = sum(|share| share.revenue.minor).zip(sum(|share| share.payout.minor));
    sums.ok_or_else(|| BookError::field("amount", "comes to more money than an amount holds"))
}

/// Who has the largest share; of several the one whose first credit is the latest.
fn strongest(shares: &[ToAffiliate]) -> Option<AffiliateId> {
    shares.iter().max_by_key(|share| share.weight).map(|share| share.affiliate)
}

/// What it counts for in caps.
fn parts(shares: &[ToAffiliate], is_base: bool) -> Vec<Part> {
    let part = |(place, share): (usize, &ToAffiliate)| Part {
        affiliate: share.affiliate,
        conversions: i64::from(is_base && place == 0),
        revenue_minor: share.revenue.minor,
        payout_minor: share.payout.minor,
    };
    shares.iter().enumerate().map(part).collect()
}
