//! Writing down a decision that was made again, and what follows from it.

use std::collections::BTreeMap;

use hopline_control_store::commissions::{self, Commission, InsertCommission, Refund};
use hopline_control_store::conversions::{self, Conversion, DecisionColumns, Redecision};
use hopline_control_store::judgements::{self, Judged};
use hopline_control_store::reconsiderations::Why;
use hopline_control_store::{Tx, facts as outbox};
use hopline_ledger::{Draft, Share};
use hopline_types::{AffiliateId, CommissionStatus, UnixMillis};
use serde_json::{Value, json};

use super::super::judge::{Ruled, Ruling};
use super::super::known::Known;
use super::super::{Outcome, Verdict, labels_of};
use super::{Chosen, Corrected};
use crate::commission::{self, Begin, Correction, Course, Credited, TakenBack};
use crate::explain::rfc3339;
use crate::facts::{self, Picture};
use crate::{BookError, caps};

/// What people have judged of a conversion.
#[derive(Debug, Clone, Copy)]
pub(super) enum JudgedSo {
    /// Nothing.
    Nothing,
    /// That it is approved, since then.
    Approved(UnixMillis),
    /// That it waits.
    Waits,
}

/// What people have judged of a conversion; none where they have rejected it, which closes it.
pub(super) fn judged(tx: &mut dyn Tx, conversion: &Conversion) -> Result<Option<JudgedSo>, BookError> {
    let judgements = judgements::of_conversion(tx, conversion.id)?;
    Ok(match judgements.last().map(|judgement| (judgement.what, judgement.at)) {
        None => Some(JudgedSo::Nothing),
        Some((Judged::Approved, at)) => Some(JudgedSo::Approved(at)),
        Some((Judged::ApprovalUndone | Judged::RejectionUndone, _)) => Some(JudgedSo::Waits),
        Some((Judged::Rejected, _)) => None,
    })
}

/// For people.
fn told(why: &[Why], conversion: &Conversion) -> String {
    let each = why.iter().map(|why| match why {
        Why::Clicks => "clicks of its visitor were stored late".to_owned(),
        Why::Coupon => {
            let code: String = conversion.coupon.iter().flat_map(|code| code.chars().take(64)).collect();
            let code = code.replace(char::is_control, " ");
            format!("coupon {code} was entered later")
        }
        Why::Customer => "an earlier conversion of its customer was decided later".to_owned(),
    });
    each.collect::<Vec<_>>().join("; ")
}

impl Known {
    /// Writes down everything but what is to be booked.
    pub(super) fn apply(
        &mut self,
        tx: &mut dyn Tx,
        chosen: &Chosen<'_>,
        ruled: Ruled,
        (targets, judged): (Vec<(AffiliateId, Share)>, JudgedSo),
        now: UnixMillis,
    ) -> Result<Corrected, BookError> {
        let old = &chosen.candidate.conversion;
        let Ruled { labels, ruling, .. } = ruled;
        let earlier = conversions::earlier_decisions(tx, old.id)?;
        let number = earlier.last().map_or(2, |last| last.number.saturating_add(2));
        let decided_at = earlier.last().map(|last| last.replaced_at).or(old.decided_at).unwrap_or(now);
        let refunds = commissions::refunds_of(tx, old.id)?;
        let old_labels = labels_of(old);
        let before = facts::picture(tx, old, &old_labels)?;
        let why: Vec<Why> = chosen.pending.iter().map(|pending| pending.why).collect();
        let told = told(&why, old);

        let (verdict, mut outcome, begin, takings) = match ruling {
            Ruling::Over(verdict, outcome) => (Some(verdict), outcome, Begin::Pending, Vec::new()),
            Ruling::Earned(earned) | Ruling::Capped(earned) => {
                let takings = earned.room.takings(&earned.parts);
                (None, earned.outcome, earned.begin, takings)
            }
        };
        let offer = self.offer(old.offer);
        let hold_days = offer.map_or(0, |offer| offer.settings.hold_days);
        let (begin, approved_at) = match judged {
            JudgedSo::Nothing => (begin, old.converted_at),
            JudgedSo::Approved(at) => (Begin::Approved { hold_days }, at),
            JudgedSo::Waits => (Begin::Pending, old.converted_at),
        };
        let correction = Correction {
            conversion: old,
            number,
            reason: format!("decision {number}: {told}"),
            begin,
            approved_at,
            refunds: &refunds,
            now,
        };
        let commissions = correct(tx, &chosen.stored, &targets, &correction)?;
        outcome.reasoning["number"] = json!(number);
        outcome.reasoning["decided_again"] = json!({
            "at": rfc3339(now),
            "because": told,
            "why": why.iter().map(|why| why.as_str()).collect::<Vec<_>>(),
        });
        outcome.reasoning["transactions"] =
            commissions.drafts.iter().map(|draft| draft.id.as_str()).collect();
        let stored = commissions::of_conversion(tx, old.id)?;
        caps::keep(&mut outcome.reasoning, &takings)?;
        self.sums.shift(&takings, &caps::parts_of(&stored), caps::Shift::In)?;
        let ended = Ended { verdict, begin, stored: &stored, refunds: &refunds };
        let columns = columns(old, &labels, outcome, &ended)?;
        let mut conversion = old.clone();
        columns.apply_to(&mut conversion);
        let reasoning = old.decision.as_deref().unwrap_or("{}");
        let record = Redecision {
            conversion: old.id,
            number: number.saturating_sub(1),
            decided_at,
            reasoning,
            why: &told,
            at: now,
            now: &columns,
        };
        conversions::record_redecision(tx, &record)?;
        let after = facts::picture(tx, &conversion, &labels)?;
        let cause = format!("decided_again:{}:{number}", old.id);
        let nothing = Picture::default();
        let mut changes = facts::changes(&cause, old, &old_labels, (&before, &nothing), now);
        changes.extend(facts::changes(&cause, &conversion, &labels, (&nothing, &after), now));
        outbox::put(tx, changes)?;
        Ok(Corrected { number, conversion, drafts: commissions.drafts })
    }
}

/// Commissions after a correction, written down but not booked.
struct Moved {
    drafts: Vec<Draft>,
}

/// Brings all commissions of a conversion to what they should be, new ones among them, and writes them and the refunds down.
fn correct(
    tx: &mut dyn Tx,
    stored: &[Commission],
    targets: &[(AffiliateId, Share)],
    correction: &Correction<'_>,
) -> Result<Moved, BookError> {
    let mut drafts = Vec::new();
    let mut taken: BTreeMap<i64, (i64, i64)> =
        correction.refunds.iter().map(|refund| (refund.id, (0, 0))).collect();
    let mut take = |back: Vec<TakenBack>| {
        for (refund, revenue, payout) in back {
            let sums = taken.entry(refund).or_default();
            *sums = (sums.0.saturating_add(revenue), sums.1.saturating_add(payout));
        }
    };
    let mut kept = stored.to_vec();
    for (mut course, commission) in Course::of(tx, stored)?.into_iter().zip(&mut kept) {
        let target = targets.iter().find(|(affiliate, _)| *affiliate == commission.affiliate);
        take(course.correct(target.map(|(_, share)| *share), correction)?);
        drafts.extend(course.into_changes(commission));
    }
    let mut new: Vec<InsertCommission> = Vec::new();
    let mut reversed: BTreeMap<AffiliateId, (i64, i64)> = BTreeMap::new();
    for (affiliate, share) in targets {
        if stored.iter().any(|commission| commission.affiliate == *affiliate) {
            continue;
        }
        let credited = Credited { affiliate: *affiliate, share: *share };
        let mut course = Course::new(correction.conversion, credited);
        take(course.correct(Some(*share), correction)?);
        reversed.insert(*affiliate, course.reversed_minor());
        let (commission, own) = course.into_new();
        new.push(commission);
        drafts.extend(own);
    }
    commissions::insert(tx, &new)?;
    // In the order of the credits; those of which nothing is left last.
    let place = |affiliate| targets.iter().position(|(own, _)| *own == affiliate).unwrap_or(usize::MAX);
    let mut all = commissions::of_conversion(tx, correction.conversion.id)?;
    for commission in &mut all {
        if let Some(changed) = kept.iter().find(|kept| kept.id == commission.id) {
            commission.clone_from(changed);
        } else if let Some((revenue, payout)) = reversed.get(&commission.affiliate) {
            (commission.reversed_revenue_minor, commission.reversed_payout_minor) = (*revenue, *payout);
        }
    }
    all.sort_by_key(|commission| (place(commission.affiliate), commission.id));
    commissions::update(tx, &all)?;
    commissions::correct(tx, &all)?;
    let refunds: Vec<(i64, i64, i64)> =
        taken.into_iter().map(|(id, (revenue, payout))| (id, revenue, payout)).collect();
    commissions::correct_refunds(tx, &refunds)?;
    Ok(Moved { drafts })
}

/// How it ends.
struct Ended<'a> {
    /// Where nobody is credited.
    verdict: Option<Verdict>,
    begin: Begin,
    /// Its commissions, as they are now.
    stored: &'a [Commission],
    refunds: &'a [Refund],
}

fn columns(
    old: &Conversion,
    labels: &facts::Labels,
    mut outcome: Outcome,
    ended: &Ended<'_>,
) -> Result<DecisionColumns, BookError> {
    outcome.reasoning["labels"] =
        serde_json::to_value(labels).map_err(|error| BookError::broken(format!("labels: {error}")))?;
    let (revenue_minor, payout_minor) = outcome.money.unwrap_or_default();
    let overall = commission::overall(ended.stored.iter().map(|commission| commission.status));
    let (status, reason) = match ended.verdict {
        // Commissions of which nothing is left credit nobody.
        Some(verdict) if ended.stored.is_empty() => (verdict.status, verdict.reason.map(str::to_owned)),
        Some(verdict) => (CommissionStatus::Unattributed, verdict.reason.map(str::to_owned)),
        None => match ended.begin {
            Begin::Rejected(by) if overall == CommissionStatus::Rejected => {
                (overall, Some(by.reason().to_owned()))
            }
            _ => (overall, ended.refunds.last().map(|refund| refund.reason.clone())),
        },
    };
    let concerned = outcome.concerned();
    Ok(DecisionColumns {
        concerned,
        decided_at: old.decided_at.unwrap_or_default(),
        affiliate: outcome.affiliate,
        link: outcome.link,
        clicked_at: outcome.clicked_at,
        terms: outcome.terms,
        revenue_minor: Some(revenue_minor),
        payout_minor: Some(payout_minor),
        status,
        reason,
        decision: Value::to_string(&outcome.reasoning),
    })
}
