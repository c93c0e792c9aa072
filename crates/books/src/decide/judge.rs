//! One decision, in memory.

use hopline_attribution::{Conversion as Happened, Decision, Policy, attribute};
use hopline_catalogue::data::Standing;
use hopline_clickid::UniqueNumber;
use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::Offer;
use hopline_ledger::Share;
use hopline_money::Amount;
use hopline_types::{AffiliateId, CommissionStatus, UnixMillis};
use serde_json::{Value, json};

use super::known::{Known, asked};
use super::touch::{self, Candidate, ClickTouch, Found};
use super::{Conclusion, Outcome, Verdict, begin_of, reasoning};
use crate::BookError;
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
        let conversion = &candidate.conversion;
        let id = conversion.offer.get();
        let offer = self.offer(conversion.offer).ok_or(BookError::NotFound { what: "offer", id })?;
        let labels = Labels {
            is_base: offer.goals.first().is_some_and(|goal| goal.id == conversion.goal),
            dims: candidate.click.map(|click| click.dims.clone()).unwrap_or_default(),
        };
        let (verdict, outcome) = match touch::found(self, &candidate) {
            Found::Touch(touch) => {
                let judged = Judged { conversion, offer, touch: &touch, is_base: labels.is_base, now };
                match judged.judge(self)? {
                    Ruling::Over(verdict, outcome) => (verdict, outcome),
                    Ruling::Earned(earned) => {
                        let takings = self.sums.take(&earned.room, &earned.parts)?;
                        earned.conclude(&takings)?
                    }
                    Ruling::Capped(earned) => {
                        self.sums.refuse(&earned.room, &earned.parts);
                        let status = CommissionStatus::Rejected;
                        (Verdict { status, reason: Some(caps::REASON) }, earned.outcome)
                    }
                }
            }
            Found::Nothing { reason, detail, touch } => {
                let verdict = Verdict { status: CommissionStatus::Unattributed, reason: Some(reason) };
                let reasoning =
                    json!({ "reason": detail, "touches": touch.into_iter().collect::<Vec<Value>>() });
                (verdict, Outcome::nobody(reasoning))
            }
        };
        Conclusion::new(candidate.conversion, labels, verdict, outcome, now)
    }
}

/// A conversion with a click: does it earn, and what?
struct Judged<'a> {
    conversion: &'a Conversion,
    offer: &'a Offer,
    touch: &'a ClickTouch,
    is_base: bool,
    now: UnixMillis,
}

/// What came out.
enum Ruling {
    /// Nobody is credited.
    Over(Verdict, Outcome),
    /// Somebody is, and there is room for it.
    Earned(Box<Earned>),
    /// Somebody would be, but there is no room for it.
    Capped(Box<Earned>),
}

/// What is credited, and what it takes.
struct Earned {
    room: Room,
    parts: Vec<Part>,
    outcome: Outcome,
}

impl Earned {
    fn conclude(mut self, takings: &[caps::Taking]) -> Result<(Verdict, Outcome), BookError> {
        caps::keep(&mut self.outcome.reasoning, takings)?;
        let status = commission::overall(self.outcome.courses.iter().map(Course::status));
        let reason = (status == CommissionStatus::Rejected).then_some("rejected_by_advertiser");
        Ok((Verdict { status, reason }, self.outcome))
    }
}

impl Judged<'_> {
    fn judge(&self, known: &Known) -> Result<Ruling, BookError> {
        let Self { conversion, offer, touch, .. } = *self;
        let standing = known.standing(touch.claims.affiliate);
        let touches = [touch.as_touch(standing == Some(Standing::Active))];
        let window_ms = offer.settings.window_seconds.saturating_mul(1_000);
        let policy = Policy::new(offer.settings.model, window_ms);
        let at = touch::happened_at(conversion, touch.claims.at);
        let decision = attribute(&policy, &Happened::at(at), &touches);
        let mut outcome = Outcome::nobody(reasoning::attribution(&decision, &policy, conversion, touch));
        outcome.clicked_at = Some(touch.claims.at);
        outcome.link = touch.claims.link;
        outcome.affiliate = standing.map(|_| touch.claims.affiliate);
        if decision.credits.is_empty() {
            return Ok(Ruling::Over(touch::against(&decision, &touches), outcome));
        }

        let version = known.terms(conversion)?;
        let quantity = u64::try_from(conversion.quantity).unwrap_or_default();
        let earned =
            hopline_terms::commission(&version.terms, conversion.amount, quantity, conversion.currency)
                .map_err(|error| BookError::field(error.field().unwrap_or("terms"), error))?;
        let revenues = decision.split(earned.revenue).map_err(BookError::broken)?;
        let payouts = decision.split(earned.payout).map_err(BookError::broken)?;
        let begin = begin_of(conversion, offer);
        reasoning::price(&mut outcome.reasoning, version, &earned);
        let parts = parts(&decision, &revenues, &payouts, self.is_base);
        let room = self.room(known, begin)?;
        room.explain(&mut outcome.reasoning, &parts, conversion.currency);
        if !room.holds(&parts) {
            reasoning::capped(&mut outcome.reasoning, &room.refusal(&parts, conversion.currency));
            return Ok(Ruling::Capped(Box::new(Earned { room, parts, outcome })));
        }
        for ((credit, revenue), payout) in decision.credits.iter().zip(&revenues).zip(&payouts) {
            let share = Share::new(*revenue, *payout).map_err(BookError::broken)?;
            let credited = Credited { affiliate: credit.affiliate, share };
            outcome.courses.push(Course::begin(conversion, credited, begin, self.now)?);
        }
        reasoning::credits(&mut outcome.reasoning, &decision, (&revenues, &payouts));
        outcome.reasoning["approval"] = reasoning::approval(conversion, offer, begin);
        outcome.reasoning["transactions"] = outcome.transactions();
        outcome.terms = Some(version.id);
        outcome.money = Some((earned.revenue.minor, earned.payout.minor));
        outcome.affiliate = decision.credits.first().map(|credit| credit.affiliate);
        Ok(Ruling::Earned(Box::new(Earned { room, parts, outcome })))
    }

    /// The caps that are asked: none where the advertiser has rejected it already.
    fn room(&self, known: &Known, begin: Begin) -> Result<Room, BookError> {
        if begin == Begin::Rejected {
            return Ok(Room::default());
        }
        known.sums.room(&asked(self.conversion, self.touch.claims.affiliate))
    }
}

/// What it counts for in caps.
fn parts(
    decision: &Decision<UniqueNumber, AffiliateId>,
    revenues: &[Amount],
    payouts: &[Amount],
    is_base: bool,
) -> Vec<Part> {
    let shares = decision.credits.iter().zip(revenues).zip(payouts).enumerate();
    shares
        .map(|(place, ((credit, revenue), payout))| Part {
            affiliate: credit.affiliate,
            conversions: i64::from(is_base && place == 0),
            revenue_minor: revenue.minor,
            payout_minor: payout.minor,
        })
        .collect()
}
