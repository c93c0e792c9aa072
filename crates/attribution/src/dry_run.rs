//! Attribution for people: JSON in, JSON out, no store touched.
//!
//! ```json
//! {"model":"linear","window_seconds":2592000,"conversion":{"at":"2026-02-01T00:00:00Z"},
//!  "commission":{"amount":"10.00","currency":"EUR"},
//!  "touches":[{"id":"t1","affiliate":"a","at":"2026-01-30T08:00:00Z"}]}
//! ```
//!
//! A touch may say `"kind"` (`click`, `view`, `coupon`, `direct`; a direct visit needs no `affiliate`) and `"invalid"`
//! with a reason. The conversion may say `coupon_owner`, `customer_bound_to` and `buyer_is_affiliate`; the programme
//! `view_window_seconds`, `half_life_seconds`, `coupon` (`overrides_click`, `fallback`, `ignored`), `lifetime` and
//! `self_referral` (`allow`, `reject`). Defaults are those of [`Policy::new`], and 30 days for `window_seconds`.
//!
//! Answers have weights with six decimals, rounded half to even, each by itself: three thirds print as 0.333333. The
//! commissions add up.

mod fields;
mod form;

use hopline_money::{Amount, div_half_even};
use serde::Serialize;

pub use self::fields::FieldError;
use self::form::Question;
pub use self::form::{DryRunInput, TOUCHES_MAX};
use crate::reason::length;
use crate::{Credit, Decision, Outcome, Rule, Source, attribute};

/// What would be credited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRunOutput {
    /// Who gets what, in the order in which the touches were given.
    pub credits: Vec<DryRunCredit>,
    /// Why, in words.
    pub reason: String,
    /// What decided.
    pub rule: Rule,
    /// What became of every touch, in the order given.
    pub considered: Vec<DryRunConsidered>,
}

/// One credit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRunCredit {
    /// The touch's id, or `coupon:OWNER` or `lifetime:AFFILIATE` where no touch earned it.
    pub touch: String,
    /// Who is paid.
    pub affiliate: String,
    /// The share, with six decimals.
    pub weight: String,
    /// The part of the commission.
    pub commission: Amount,
}

/// What became of one touch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRunConsidered {
    /// The touch's id.
    pub touch: String,
    /// Its age at the conversion in whole seconds, rounded down; negative where it came later.
    pub age_seconds: i64,
    /// What became of it: [`Outcome::as_str`].
    pub outcome: &'static str,
    /// Why it is invalid, or what outranked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Decides over what `input` describes.
///
/// # Errors
/// All bad fields at once, each with its path.
pub fn dry_run(input: &DryRunInput) -> Result<DryRunOutput, Vec<FieldError>> {
    let Question { policy, conversion, commission, touches } = input.read()?;
    let decision = attribute(&policy, &conversion, &touches);
    let parts = decision.split(commission).expect("every credit has a weight above zero");
    let mut credits: Vec<(usize, DryRunCredit)> = decision
        .credits
        .iter()
        .zip(parts)
        .map(|(credit, part)| (place(credit), shown(credit, part, &decision)))
        .collect();
    credits.sort_by_key(|(place, _)| *place);
    let considered = decision.considered.into_iter().map(|considered| DryRunConsidered {
        age_seconds: considered.age_ms.div_euclid(1_000),
        outcome: considered.outcome.as_str(),
        detail: detail(&considered.outcome),
        touch: considered.id,
    });
    Ok(DryRunOutput {
        credits: credits.into_iter().map(|(_, credit)| credit).collect(),
        reason: decision.reason,
        rule: decision.rule,
        considered: considered.collect(),
    })
}

/// Where a credit stands in the order of the touches.
fn place(credit: &Credit<String, String>) -> usize {
    match &credit.source {
        Source::Touch { index, .. } => *index,
        Source::Coupon | Source::Lifetime => 0,
    }
}

fn shown(
    credit: &Credit<String, String>,
    commission: Amount,
    decision: &Decision<String, String>,
) -> DryRunCredit {
    let affiliate = credit.affiliate.clone();
    let touch = match &credit.source {
        Source::Touch { id, .. } => id.clone(),
        Source::Coupon => format!("coupon:{affiliate}"),
        Source::Lifetime => format!("lifetime:{affiliate}"),
    };
    DryRunCredit {
        touch,
        affiliate,
        weight: six_decimals(credit.weight, decision.weights_total()),
        commission,
    }
}

fn six_decimals(weight: u64, total: u128) -> String {
    let millionths = i128::try_from(total)
        .ok()
        .and_then(|total| div_half_even(i128::from(weight) * 1_000_000, total))
        .expect("the sum of some thousand weights is above zero and far below 2^127");
    format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000)
}

fn detail(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Invalid { reason } => Some(reason.to_string()),
        Outcome::Outranked { by } => Some(by.as_str().to_owned()),
        Outcome::OutsideWindow { window_ms } => Some(format!("the window is {}", length(*window_ms))),
        Outcome::Credited
        | Outcome::CreditedToNobody
        | Outcome::NoShare
        | Outcome::AfterConversion
        | Outcome::SelfReferral
        | Outcome::CouponIgnored => None,
    }
}
