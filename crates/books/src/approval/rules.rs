//! How a new commission begins: as the advertiser asks, as the goal's qualification demands, as the first fitting rule of the
//! offer says, else as the offer does.

use std::collections::BTreeMap;

use hopline_control_store::approval_rules::{self, Action, ApprovalRule, Conditions};
use hopline_control_store::conversions::Conversion;
use hopline_control_store::offers::{Approval, Offer};
use hopline_control_store::qualifications::{self, OfGoals, Qualification};
use hopline_control_store::{StoreError, Tx};
use hopline_money::Amount;
use hopline_types::{AffiliateId, CommissionStatus, GoalId, HOUR_MS, OfferId, UnixMillis};
use serde_json::{Value, json};

use crate::commission::{Begin, RejectedBy};
use crate::explain::rfc3339;

const DAY_MS: i64 = 24 * HOUR_MS;

/// What approval rests on, read once for many conversions.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: BTreeMap<OfferId, Vec<ApprovalRule>>,
    entered_at: BTreeMap<AffiliateId, UnixMillis>,
    goals: OfGoals,
}

impl Rules {
    pub(crate) fn read(
        tx: &mut dyn Tx,
        offers: impl IntoIterator<Item = OfferId>,
        goals: impl IntoIterator<Item = GoalId>,
        affiliates: impl IntoIterator<Item = AffiliateId>,
    ) -> Result<Self, StoreError> {
        let rules = approval_rules::of_offers(tx, offers)?;
        let asks = rules.values().flatten().any(|rule| rule.conditions.affiliate_days.is_some());
        let entered_at = if asks { approval_rules::entered_at(tx, affiliates)? } else { BTreeMap::new() };
        let goals = qualifications::of_goals(tx, goals)?;
        Ok(Self { rules, entered_at, goals })
    }

    /// How the commissions of a conversion begin.
    pub(crate) fn begin<'a>(
        &'a self,
        conversion: &Conversion,
        offer: &Offer,
        seen: &Seen<'_>,
    ) -> Beginning<'a> {
        let hold_days = offer.settings.hold_days;
        let of = |begin, why| Beginning { begin, why, rule: None, qualification: None };
        match conversion.requested_status {
            Some(CommissionStatus::Rejected) => {
                return of(Begin::Rejected(RejectedBy::Advertiser), "the advertiser says so");
            }
            Some(CommissionStatus::Approved) => {
                return of(Begin::Approved { hold_days }, "the advertiser says so");
            }
            Some(_) => return of(Begin::Pending, "the advertiser says so"),
            None => {}
        }
        if let Some(qualification) = self.goals.needed.get(&conversion.goal) {
            let why = "conversions of the goal wait until they are qualified";
            return Beginning { qualification: Some(qualification), ..of(Begin::Pending, why) };
        }
        let rules = self.rules.get(&conversion.offer).map(Vec::as_slice).unwrap_or_default();
        if let Some(rule) = rules.iter().find(|rule| self.fits(&rule.conditions, conversion, seen)) {
            let begin = match rule.action {
                Action::Approve => Begin::Approved { hold_days: rule.hold_days.unwrap_or(hold_days) },
                Action::Pending => Begin::Pending,
                Action::Reject => Begin::Rejected(RejectedBy::Rule),
            };
            return Beginning { rule: Some(rule), ..of(begin, "the first rule that fits") };
        }
        let why = if rules.is_empty() { "the offer says so" } else { "no rule fits: the offer says so" };
        match offer.settings.approval {
            Approval::Automatic => of(Begin::Approved { hold_days }, why),
            Approval::Manual => of(Begin::Pending, why),
        }
    }

    fn fits(&self, conditions: &Conditions, conversion: &Conversion, seen: &Seen<'_>) -> bool {
        let Conditions { goals, amount_from, amount_below, countries, affiliates, affiliate_days, flagged } =
            conditions;
        let amount = conversion.amount.map(|amount| amount.minor);
        let is_old = |affiliate: &AffiliateId, days: i64| {
            let entered = self.entered_at.get(affiliate);
            entered.is_some_and(|at| conversion.converted_at.since(*at) >= days.saturating_mul(DAY_MS))
        };
        let is_goal = |goals: &Vec<String>| goals.contains(&conversion.goal_key);
        let is_country = |countries: &Vec<String>| countries.iter().any(|country| country == seen.country);
        let is_named = |named: &Vec<AffiliateId>| seen.affiliates.iter().all(|own| named.contains(own));
        goals.as_ref().is_none_or(is_goal)
            && amount_from.is_none_or(|least| amount.is_some_and(|amount| amount >= least))
            && amount_below.is_none_or(|most| amount.is_some_and(|amount| amount < most))
            && countries.as_ref().is_none_or(is_country)
            && affiliates.as_ref().is_none_or(is_named)
            && affiliate_days.is_none_or(|days| seen.affiliates.iter().all(|own| is_old(own, days)))
            && flagged.is_none_or(|wanted| wanted != seen.flags.is_empty())
    }
}

/// What is seen of a conversion besides itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// Who is credited.
    pub(crate) affiliates: &'a [AffiliateId],
    /// The country of the winning click; empty where it is not known.
    pub(crate) country: &'a str,
    /// What checks have flagged.
    pub(crate) flags: &'a [String],
}

/// What the checks of a decision have flagged: `flag` of each check that has one, and clicks that counted before.
pub(crate) fn flags(reasoning: &Value) -> Vec<String> {
    let checks = reasoning["checks"].as_array().into_iter().flatten();
    let flag = |check: &Value| match (check["flag"].as_str(), check["class"].as_str()) {
        (Some(flag), _) => Some(flag.to_owned()),
        (None, Some("duplicate")) => Some("duplicate_click".to_owned()),
        _ => None,
    };
    checks.filter_map(flag).collect()
}

/// How commissions begin, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Beginning<'a> {
    pub(crate) begin: Begin,
    why: &'static str,
    rule: Option<&'a ApprovalRule>,
    qualification: Option<&'a Qualification>,
}

impl Beginning<'_> {
    /// Why it is pending, approved or rejected, for people.
    pub(crate) fn reasoning(&self, conversion: &Conversion, offer: &Offer, flags: &[String]) -> Value {
        let (result, hold_days) = match self.begin {
            Begin::Pending => ("pending", offer.settings.hold_days),
            Begin::Approved { hold_days } => ("approved", hold_days),
            Begin::Rejected(_) => ("rejected", offer.settings.hold_days),
        };
        let mut told = json!({
            "offer": offer.settings.approval.as_str(),
            "requested": conversion.requested_status.map(CommissionStatus::as_str),
            "hold_days": hold_days,
            "result": result,
            "reason": self.why,
        });
        if let Some(rule) = self.rule {
            let money = |minor: Option<i64>| minor.map(|minor| Amount::new(minor, offer.currency));
            let mut conditions = json!(rule.conditions);
            for (field, minor) in
                [("amount_from", rule.conditions.amount_from), ("amount_below", rule.conditions.amount_below)]
            {
                if let Some(amount) = money(minor) {
                    conditions[field] = json!(amount);
                }
            }
            told["rule"] =
                json!({ "name": rule.name, "action": rule.action.as_str(), "conditions": conditions });
            told["flags"] = json!(flags);
        }
        if let Some(qualification) = self.qualification {
            told["qualification"] = json!({
                "by_goal_id": qualification.by_goal,
                "deadline": deadline(conversion, qualification).map(rfc3339),
                "at_deadline": qualification.at_deadline.as_str(),
            });
        }
        told
    }
}

/// Until when a conversion may be qualified.
pub(crate) fn deadline(conversion: &Conversion, qualification: &Qualification) -> Option<UnixMillis> {
    let days = qualification.within_days?;
    Some(conversion.converted_at.plus(days.saturating_mul(DAY_MS)))
}
