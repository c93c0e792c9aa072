//! One settlement of a period: the difference, as a conversion or as money taken back.

use hopline_control_store::commissions;
use hopline_control_store::conversions::{self, Conversion, InsertConversion};
use hopline_control_store::offers::{Approval, Goal, Offer, TermsVersion};
use hopline_control_store::{Tx, bonuses};
use hopline_ledger::Share;
use hopline_money::Amount;
use hopline_terms::{Earned, Sums};
use hopline_types::{AffiliateId, ConversionSource, UnixMillis};
use serde_json::json;

use super::{Period, PeriodSettled};
use crate::commission::{self, Begin, Course, Credited};
use crate::decide::{Conclusion, Outcome, Verdict, terms_json, write_down};
use crate::explain::rfc3339;
use crate::facts::Labels;
use crate::{BookError, refund};

/// What is settled for whom.
pub(super) struct Subject<'a> {
    pub(super) offer: &'a Offer,
    /// What it is booked on.
    pub(super) goal: &'a Goal,
    /// `tiers:` and the version of terms, `bonus:` and the bonus.
    pub(super) name: String,
    pub(super) rule: &'static str,
    /// For people.
    pub(super) reason: String,
    pub(super) version: Option<&'a TermsVersion>,
    pub(super) affiliate: AffiliateId,
    pub(super) period: Period,
}

/// A settlement that was made.
struct Step {
    conversion: Conversion,
    /// What is still there of it, as far as only settlements have changed it.
    left: Sums,
}

/// Books what `worth` says is to be booked after what was settled before.
pub(super) fn settle(
    tx: &mut dyn Tx,
    subject: &Subject<'_>,
    now: UnixMillis,
    worth: impl FnOnce(&Sums) -> Result<Earned, BookError>,
) -> Result<PeriodSettled, BookError> {
    let number = bonuses::settlements(tx, &subject.name, subject.affiliate, subject.period.start)?;
    let mut steps = Vec::new();
    for number in 1..=number {
        steps.push(subject.step(tx, number)?);
    }
    let mut settled = Sums::zero(subject.offer.currency);
    for step in &steps {
        settled = Sums {
            revenue: settled.revenue.checked_add(step.left.revenue).map_err(BookError::broken)?,
            payout: settled.payout.checked_add(step.left.payout).map_err(BookError::broken)?,
        };
    }
    let earned = worth(&settled)?;
    let mut done = PeriodSettled::default();
    subject.take_back(tx, steps, &earned, &mut done, now)?;
    if earned.revenue.minor > 0 || earned.payout.minor > 0 {
        done.transactions += subject.pay(tx, number + 1, &earned, &settled, now)?;
        done.conversions += 1;
        let start = subject.period.start;
        bonuses::note(tx, &subject.name, subject.affiliate, start, number + 1)?;
    }
    Ok(done)
}

impl Subject<'_> {
    fn event_id(&self, number: i64) -> String {
        format!("period:{}:{}:{}:{number}", self.name, self.affiliate, self.period.start.get())
    }

    fn step(&self, tx: &mut dyn Tx, number: i64) -> Result<Step, BookError> {
        let id = self.event_id(number);
        let conversion = conversions::find_by_event(tx, &id)?
            .ok_or_else(|| BookError::broken(format!("settlement {id} is missing")))?;
        let mut left = Sums::zero(self.offer.currency);
        left.revenue.minor = conversion.revenue.map_or(0, |revenue| revenue.minor);
        left.payout.minor = conversion.payout.map_or(0, |payout| payout.minor);
        for refund in commissions::refunds_of(tx, conversion.id)? {
            if refund.actor == refund::PERIODS {
                left.revenue.minor -= refund.revenue_minor;
                left.payout.minor -= refund.payout_minor;
            }
        }
        Ok(Step { conversion, left })
    }

    /// Takes back what is too much, the last settlement first.
    fn take_back(
        &self,
        tx: &mut dyn Tx,
        steps: Vec<Step>,
        earned: &Earned,
        done: &mut PeriodSettled,
        now: UnixMillis,
    ) -> Result<(), BookError> {
        let mut revenue = earned.revenue.minor.min(0).saturating_neg();
        let mut payout = earned.payout.minor.min(0).saturating_neg();
        for step in steps.into_iter().rev() {
            let part = |wanted: i64, left: Amount| wanted.min(left.minor).max(0);
            let now_revenue = part(revenue, step.left.revenue);
            let now_payout = part(payout, step.left.payout);
            if now_revenue == 0 && now_payout == 0 {
                continue;
            }
            let currency = self.offer.currency;
            let amounts = (Amount::new(now_revenue, currency), Amount::new(now_payout, currency));
            let reason = format!("less is reached now: {}", self.reason);
            let booked = refund::take_out(tx, step.conversion, amounts, (&reason, refund::PERIODS), now)?;
            done.transactions += booked;
            done.taken_back += u64::from(booked > 0);
            revenue -= now_revenue;
            payout -= now_payout;
        }
        Ok(())
    }

    fn pay(
        &self,
        tx: &mut dyn Tx,
        number: i64,
        earned: &Earned,
        settled: &Sums,
        now: UnixMillis,
    ) -> Result<u64, BookError> {
        let currency = self.offer.currency;
        let positive = |amount: Amount| Amount::new(amount.minor.max(0), currency);
        let (revenue, payout) = (positive(earned.revenue), positive(earned.payout));
        let conversion = self.insert(tx, number, now)?;
        let share = Share::new(revenue, payout).map_err(BookError::broken)?;
        let settings = &self.offer.settings;
        let begin = match settings.approval {
            Approval::Automatic => Begin::Approved { hold_days: settings.hold_days },
            Approval::Manual => Begin::Pending,
        };
        let course = Course::begin(&conversion, Credited { affiliate: self.affiliate, share }, begin, now)?;
        let status = course.status();
        let mut outcome = Outcome::nobody(json!({
            "reason": self.reason,
            "rule": self.rule,
            "period": { "from": rfc3339(self.period.start),
                "to": (self.period.end.get() != i64::MAX).then(|| rfc3339(self.period.end)) },
            "settlement": number,
            "settled_before": settled.payout,
            "touches": [],
            "terms": self.version.map(|version| terms_json(version, revenue)),
            "lines": earned.lines,
            "rounding": "each line once, half to even",
            "credits": [{ "affiliate_id": self.affiliate, "weight": "1", "weights_total": "1",
                "revenue": revenue, "payout": payout }],
            "approval": { "offer": settings.approval.as_str(), "hold_days": settings.hold_days },
        }));
        outcome.courses.push(course);
        outcome.reasoning["transactions"] = outcome.transactions();
        outcome.affiliate = Some(self.affiliate);
        outcome.terms = self.version.map(|version| version.id);
        outcome.money = Some((revenue.minor, payout.minor));
        let verdict = Verdict { status, reason: None };
        let conclusion = Conclusion::new(conversion, Labels::default(), verdict, outcome, now)?;
        Ok(write_down(tx, conclusion, now)?.transactions)
    }

    /// It happens when it becomes known, at the latest in the last moment of its period.
    fn insert(&self, tx: &mut dyn Tx, number: i64, now: UnixMillis) -> Result<Conversion, BookError> {
        let id = self.event_id(number);
        let conversion = conversions::insert(
            tx,
            &InsertConversion {
                event_id: id.clone(),
                advertiser: self.offer.advertiser_id,
                offer: self.offer.id,
                goal: self.goal.id,
                goal_key: self.goal.key.clone(),
                idempotency: id.clone(),
                source: ConversionSource::Period,
                requested_status: None,
                order_id: Some(id),
                click_id: None,
                coupon: None,
                customer_id: None,
                items: None,
                adv: None,
                quantity: 1,
                amount: None,
                currency: self.offer.currency,
                order: None,
                converted_at: now.min(self.period.end.plus(-1)).max(self.period.start),
                received_at: now,
            },
        )?;
        commission::conversion_of(tx, conversion)
    }
}
