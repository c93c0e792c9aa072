//! Paying clicks by the hour.
//!
//! For every goal paid per click, affiliate and hour the count of unique valid clicks comes from the click store. What
//! was settled before is known, so each settlement books the difference, as one conversion of its own; late clicks of
//! an old hour make a further one. Rounding does not drift: a step is the worth of all clicks so far less the worth of
//! those before. While a difference is worth less than half a minor unit it waits for more clicks.
//!
//! # Caps
//!
//! Where the offer has caps on revenue or payout ([`crate::caps`]), as many whole clicks are paid as have room in the
//! periods that hold the beginning of the hour. The rest is settled too, as one rejected conversion with the reason
//! `cap`, and is not paid later. (Caps on clicks have done their work at the edge: what they refuse is not counted.)
//!
//! # Fewer clicks than were settled
//!
//! Where a finding says so, settled clicks are taken out again, the last settled ones first, and the money that they had
//! brought is taken back, also after its payout. Where none does, a count that went back books nothing: a click store
//! that lost its counts takes nobody's money.

use hopline_click_store::ClickCount;
use hopline_control_store::conversions::{self, Conversion, InsertConversion};
use hopline_control_store::offers::{self, Approval, Goal, Offer, TermsVersion};
use hopline_control_store::settlements::{self, Settled};
use hopline_control_store::{Scope, Tx, affiliates};
use hopline_ledger::Share;
use hopline_terms::Earned;
use hopline_types::{CommissionStatus, ConversionSource, GoalId, HOUR_MS, UnixMillis};
use serde_json::json;

use crate::caps::{Part, Room};
use crate::commission::{self, Begin, Course, Credited};
use crate::decide::{Conclusion, Outcome, Verdict, terms_json, write_down};
use crate::explain::rfc3339;
use crate::facts::Labels;
use crate::{BookError, caps};

mod taken_out;

/// What a settlement of clicks did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClicksSettled {
    /// Conversions made: one for each goal, affiliate and hour with new clicks.
    pub conversions: u64,
    /// Clicks settled now, those without pay among them.
    pub clicks: u64,
    /// Clicks among them that no cap had room for, and that are not paid.
    pub capped: u64,
    /// Clicks settled before that findings took out again.
    pub taken_out: u64,
    /// Ledger transactions booked.
    pub transactions: u64,
}

/// Settles counted clicks of hours that have ended by `until`: books the difference to what was settled before. The
/// same counts again book nothing.
///
/// # Errors
/// The store's; terms that come to no amount.
pub fn settle_clicks(
    tx: &mut dyn Tx,
    counts: &[ClickCount],
    until: UnixMillis,
    now: UnixMillis,
) -> Result<ClicksSettled, BookError> {
    let mut settled = ClicksSettled::default();
    let due = || counts.iter().filter(|count| count.hour.plus(HOUR_MS) <= until);
    // Before the first of them is booked: the ledger's lock is the last one.
    caps::lock(tx, due().map(|count| count.offer).collect())?;
    for count in due() {
        let goals = settlements::click_goals(tx, count.offer)?;
        if goals.is_empty() {
            continue;
        }
        let Some(offer) = offers::get(tx, Scope::All, count.offer)? else { continue };
        if affiliates::get(tx, Scope::All, count.affiliate)?.is_none() {
            continue;
        }
        for goal in goals {
            settle_hour(tx, &offer, goal, count, &mut settled, now)?;
        }
    }
    Ok(settled)
}

fn settle_hour(
    tx: &mut dyn Tx,
    offer: &Offer,
    goal: GoalId,
    count: &ClickCount,
    settled: &mut ClicksSettled,
    now: UnixMillis,
) -> Result<(), BookError> {
    let before = settlements::so_far(tx, goal, count.affiliate, count.hour)?;
    let corrected = settlements::corrected(tx, goal, count.affiliate, count.hour)?;
    let first = u64::try_from(before.clicks - corrected).map_err(BookError::broken)?;
    if count.clicks < first {
        return taken_out::take_out(tx, goal, count, (first, before.settlements), settled, now);
    }
    if count.clicks == first {
        return Ok(());
    }
    let terms = offers::terms_at(tx, goal, count.hour)?
        .ok_or_else(|| BookError::broken(format!("goal {goal} has no terms")))?;
    let goal = offer
        .goals
        .iter()
        .find(|known| known.id == goal)
        .ok_or_else(|| BookError::broken(format!("goal {goal} is not the offer's")))?;
    let hour = Hour { offer, goal, terms, count, now };
    if is_worthless(&hour.earned(first, count.clicks)?) {
        return Ok(());
    }
    let room = Room::look(tx, offer.id, count.hour, &[count.affiliate])?;
    let paid = hour.fitting(&room, first)?;
    let mut step = Step { number: before.settlements + 1, from: first, to: paid };
    if paid > first {
        settled.transactions += hour.pay(tx, &room, step)?;
        settled.conversions += 1;
        step.number += 1;
    }
    if paid < count.clicks {
        // What was just paid counts now.
        let room = Room::look(tx, offer.id, count.hour, &[count.affiliate])?;
        (step.from, step.to) = (paid, count.clicks);
        hour.refuse(tx, &room, step)?;
        settled.conversions += 1;
        settled.capped += count.clicks - paid;
        step.number += 1;
    }
    let more = i64::try_from(count.clicks - first).map_err(BookError::broken)?;
    let after = Settled { clicks: before.clicks + more, settlements: step.number - 1 };
    settlements::note(tx, goal.id, count.affiliate, count.hour, after)?;
    settled.clicks += count.clicks - first;
    Ok(())
}

const fn is_worthless(earned: &Earned) -> bool {
    earned.revenue.is_zero() && earned.payout.is_zero()
}

/// The conversion that a settlement is.
fn event_id(goal: GoalId, count: &ClickCount, number: i64) -> String {
    format!("clicks:{goal}:{}:{}:{number}", count.affiliate, count.hour.get())
}

/// An hour's clicks of one goal and affiliate.
struct Hour<'a> {
    offer: &'a Offer,
    goal: &'a Goal,
    terms: TermsVersion,
    count: &'a ClickCount,
    now: UnixMillis,
}

/// One settlement of an hour, which is one conversion.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// From 1.
    number: i64,
    /// Clicks settled before it.
    from: u64,
    /// Clicks settled with it.
    to: u64,
}

impl Hour<'_> {
    fn earned(&self, from: u64, to: u64) -> Result<Earned, BookError> {
        hopline_terms::click_settlement(&self.terms.terms, from, to, self.offer.currency)
            .map_err(BookError::broken)
    }

    /// Settled clicks are no conversion to caps.
    const fn part(&self, earned: &Earned) -> Part {
        Part {
            affiliate: self.count.affiliate,
            conversions: 0,
            revenue_minor: earned.revenue.minor,
            payout_minor: earned.payout.minor,
        }
    }

    /// How far clicks can be paid: the more of them, the more they are worth. Where those that fit are worth nothing,
    /// none are.
    fn fitting(&self, room: &Room, first: u64) -> Result<u64, BookError> {
        let fits = |to| Ok::<_, BookError>(room.holds(&[self.part(&self.earned(first, to)?)]));
        if fits(self.count.clicks)? {
            return Ok(self.count.clicks);
        }
        let (mut fitting, mut too_many) = (first, self.count.clicks);
        while too_many - fitting > 1 {
            let middle = fitting + (too_many - fitting) / 2;
            if fits(middle)? { fitting = middle } else { too_many = middle }
        }
        Ok(if is_worthless(&self.earned(first, fitting)?) { first } else { fitting })
    }

    /// Books a step; says how many transactions are new.
    fn pay(&self, tx: &mut dyn Tx, room: &Room, step: Step) -> Result<u64, BookError> {
        let earned = self.earned(step.from, step.to)?;
        let part = self.part(&earned);
        let conversion = self.insert(tx, step)?;
        let share = Share::new(earned.revenue, earned.payout).map_err(BookError::broken)?;
        let settings = &self.offer.settings;
        let begin = match settings.approval {
            Approval::Automatic => Begin::Approved { hold_days: settings.hold_days },
            Approval::Manual => Begin::Pending,
        };
        let takings = room.take(tx, &[part])?;
        let credited = Credited { affiliate: self.count.affiliate, share };
        let course = Course::begin(&conversion, credited, begin, self.now)?;
        let status = course.status();
        let mut outcome = self.outcome(room, step, &earned);
        outcome.courses.push(course);
        let transactions = outcome.transactions();
        let reasoning = &mut outcome.reasoning;
        reasoning["credits"] = json!([{ "affiliate_id": self.count.affiliate, "weight": "1", "weights_total": "1",
            "revenue": earned.revenue, "payout": earned.payout }]);
        reasoning["approval"] =
            json!({ "offer": settings.approval.as_str(), "hold_days": settings.hold_days });
        reasoning["transactions"] = transactions;
        caps::keep(reasoning, &takings)?;
        outcome.terms = Some(self.terms.id);
        outcome.money = Some((earned.revenue.minor, earned.payout.minor));
        let verdict = Verdict { status, reason: None };
        let conclusion = Conclusion::new(conversion, Labels::default(), verdict, outcome, self.now)?;
        Ok(write_down(tx, conclusion, self.now)?.transactions)
    }

    /// Writes down a step that no cap has room for.
    fn refuse(&self, tx: &mut dyn Tx, room: &Room, step: Step) -> Result<(), BookError> {
        let earned = self.earned(step.from, step.to)?;
        let conversion = self.insert(tx, step)?;
        let mut outcome = self.outcome(room, step, &earned);
        let part = [self.part(&earned)];
        room.refuse(tx, &part)?;
        let refusal = room.refusal(&part, self.offer.currency);
        let unpaid = step.to - step.from;
        outcome.reasoning["reason"] = json!(format!("{unpaid} clicks of the hour are not paid: {refusal}"));
        let verdict = Verdict { status: CommissionStatus::Rejected, reason: Some(caps::REASON) };
        let conclusion = Conclusion::new(conversion, Labels::default(), verdict, outcome, self.now)?;
        write_down(tx, conclusion, self.now).map(drop)
    }

    fn outcome(&self, room: &Room, step: Step, earned: &Earned) -> Outcome {
        let mut outcome = Outcome::nobody(json!({
            "reason": format!("{} clicks of the hour were counted, {} of them settled before", step.to, step.from),
            "rule": "clicks_by_the_hour",
            "hour": rfc3339(self.count.hour),
            "clicks_counted": step.to,
            "clicks_settled_before": step.from,
            "touches": [],
            "terms": terms_json(&self.terms, earned.revenue),
            "lines": earned.lines,
            "rounding": "each line once, half to even",
        }));
        room.explain(&mut outcome.reasoning, &[self.part(earned)], self.offer.currency);
        outcome.affiliate = Some(self.count.affiliate);
        // A click counts at its own hour on either basis of time.
        outcome.clicked_at = Some(self.count.hour);
        outcome
    }

    fn insert(&self, tx: &mut dyn Tx, step: Step) -> Result<Conversion, BookError> {
        let (hour, affiliate) = (self.count.hour, self.count.affiliate);
        let conversion = conversions::insert(
            tx,
            &InsertConversion {
                event_id: event_id(self.goal.id, self.count, step.number),
                advertiser: self.offer.advertiser_id,
                offer: self.offer.id,
                goal: self.goal.id,
                goal_key: self.goal.key.clone(),
                idempotency: format!("clicks:{affiliate}:{}:{}", hour.get(), step.number),
                source: ConversionSource::Settlement,
                requested_status: None,
                order_id: Some(format!("clicks:{}:{}", rfc3339(hour), step.number)),
                click_id: None,
                coupon: None,
                customer_id: None,
                items: None,
                adv: None,
                quantity: i64::try_from(step.to - step.from).map_err(BookError::broken)?,
                amount: None,
                currency: self.offer.currency,
                order: None,
                converted_at: hour,
                received_at: self.now,
            },
        )?;
        commission::conversion_of(tx, conversion)
    }
}
