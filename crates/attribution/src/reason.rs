//! Decisions in words.

use std::collections::BTreeMap;

use hopline_types::{HOUR_MS, MINUTE_MS, Model, SECOND_MS};

use crate::decision::{Considered, Outcome, Rule};
use crate::input::{CouponRule, Policy};

/// Why the decision is what it is, in one sentence, and what was left out.
pub(crate) fn reason<Id>(
    policy: &Policy,
    rule: Rule,
    credits: usize,
    considered: &[Considered<Id>],
) -> String {
    let mut text = match rule {
        Rule::Lifetime => "lifetime: the customer is bound to this affiliate".to_owned(),
        Rule::Coupon => match policy.coupon {
            CouponRule::OverridesClick => "coupon: its owner comes before any click".to_owned(),
            CouponRule::Fallback | CouponRule::Ignored => "coupon: used because no click counts".to_owned(),
        },
        Rule::Clicks => by_model(policy, "click", policy.click_window_ms, credits, considered),
        Rule::Views => by_model(policy, "view", policy.view_window_ms, credits, considered),
        Rule::Nobody => nobody(policy.model, considered),
    };
    let left_out = left_out(considered);
    if !left_out.is_empty() {
        text.push_str("; left out: ");
        text.push_str(&left_out);
    }
    text
}

fn by_model<Id>(
    policy: &Policy,
    noun: &str,
    window_ms: i64,
    credits: usize,
    considered: &[Considered<Id>],
) -> String {
    let direct = count(considered, |outcome| *outcome == Outcome::CreditedToNobody);
    let in_window = credits + direct + count(considered, |outcome| *outcome == Outcome::NoShare);
    let plural = if in_window == 1 { "" } else { "s" };
    let those = format!("{in_window} {noun}{plural} within {}", length(window_ms));
    let what = match policy.model {
        Model::LastClick => format!("the last of {those} gets everything"),
        Model::FirstClick => format!("the first of {those} gets everything"),
        Model::LastNonDirect => format!("of {those} the last that is not direct gets everything"),
        Model::Linear => format!("{those}, each with the same share"),
        Model::PositionBased => format!("{those}, shared by position"),
        Model::TimeDecay => {
            format!("{those}, shared by age with a half-life of {}", length(policy.half_life_ms))
        }
    };
    let mut text = format!("{}: {what}", policy.model);
    if direct > 0 {
        text.push_str("; nobody is paid for the share of direct visits");
    }
    text
}

/// A length of time in its largest whole unit: `30 days`, `90 minutes`.
pub(crate) fn length(ms: i64) -> String {
    let units = [(24 * HOUR_MS, "day"), (HOUR_MS, "hour"), (MINUTE_MS, "minute"), (SECOND_MS, "second")];
    let whole = units.into_iter().find(|(unit, _)| ms >= *unit && ms % unit == 0);
    let (number, unit) = whole.map_or((ms / SECOND_MS, "second"), |(unit, name)| (ms / unit, name));
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural}")
}

fn nobody<Id>(model: Model, considered: &[Considered<Id>]) -> String {
    let in_window = |outcome: &Outcome| matches!(outcome, Outcome::CreditedToNobody | Outcome::NoShare);
    if considered.is_empty() {
        format!("{model}: nobody is credited, there is no touch")
    } else if count(considered, in_window) > 0 {
        format!("{model}: nobody is credited, it falls to a direct visit")
    } else {
        format!("{model}: nobody is credited, no touch counts")
    }
}

fn left_out<Id>(considered: &[Considered<Id>]) -> String {
    let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
    for group in considered.iter().filter_map(|considered| group_of(&considered.outcome)) {
        *counts.entry(group).or_default() += 1;
    }
    let named = counts.into_iter().map(|(group, count)| format!("{count} {group}"));
    named.collect::<Vec<_>>().join(", ")
}

const fn group_of(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::AfterConversion => Some("later than the conversion"),
        Outcome::OutsideWindow { .. } => Some("outside the window"),
        Outcome::Invalid { .. } => Some("invalid"),
        Outcome::SelfReferral => Some("by the buyer itself"),
        Outcome::CouponIgnored => Some("ignored coupon"),
        Outcome::Outranked { .. } => Some("outranked"),
        Outcome::Credited | Outcome::CreditedToNobody | Outcome::NoShare => None,
    }
}

fn count<Id>(considered: &[Considered<Id>], is_in: impl Fn(&Outcome) -> bool) -> usize {
    considered.iter().filter(|considered| is_in(&considered.outcome)).count()
}
