//! Deciding who is credited for a conversion, and booking it.
//!
//! For now the touches of a conversion are the one click that its click id names, which says itself when, for whom and
//! how it counted. What it says is judged on server times of click and conversion, by the terms in force when
//! the conversion happened, and by the affiliate's standing now. A click that was found to be invalid since counts as such: by
//! the stored click where it is at hand, else by findings about its offer, affiliate and time. What it comes to must fit under the offer's caps
//! ([`crate::caps`]).

use hopline_attribution::{Conversion as Happened, Decision, Policy, attribute};
use hopline_catalogue::data::Standing;
use hopline_click_store::StoredClick;
use hopline_clickid::{KeyRing, UniqueNumber};
use hopline_control_store::conversions::{self, Conversion, DecisionColumns};
use hopline_control_store::offers::{self, Approval, Offer};
use hopline_control_store::{Scope, Tx, affiliates};
use hopline_ledger::Share;
use hopline_money::Amount;
use hopline_types::{AffiliateId, CommissionStatus, ConversionId, UnixMillis};
use serde_json::{Value, json};

use crate::BookError;
use crate::caps::{self, Part, Room};
use crate::commission::{self, Begin, Bookings, Credited};
use crate::facts::{self, Labels, Picture};

mod reasoning;
mod touch;

pub(crate) use reasoning::terms_json;
use touch::{Found, found};

/// What a decision needs besides the store.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The keys that click ids are checked with.
    pub keys: &'a KeyRing,
    /// The stored click that the conversion's click id names, where it was found. Its click id is believed without
    /// it; reports copy its dimensions.
    pub click: Option<&'a StoredClick>,
    /// The time of the decision.
    pub now: UnixMillis,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The conversion.
    pub conversion: ConversionId,
    /// Where its commission stands: `unattributed` and `rejected` credit nobody.
    pub status: CommissionStatus,
    /// Who is credited, or whose click was refused.
    pub affiliate: Option<AffiliateId>,
    /// Why nobody is credited: a short word that never changes.
    pub reason: Option<String>,
    /// How many ledger transactions were booked now.
    pub transactions: u64,
    /// Whether it had been decided before; nothing was changed then.
    pub was_decided: bool,
}

/// Decides a conversion and books the result, in one transaction.
///
/// # Errors
/// [`BookError::NotFound`]; [`BookError::Invalid`] where the conversion cannot be decided as it is, which the caller
/// [sets aside](set_aside); the store's.
pub fn decide(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    context: &Context<'_>,
) -> Result<Decided, BookError> {
    let conversion = commission::conversion_of(tx, conversion)?;
    if let Some(decided) = decided_before(&conversion) {
        return Ok(decided);
    }
    let offer = commission::offer_of(tx, &conversion)?;
    let labels = Labels {
        is_base: offer.goals.first().is_some_and(|goal| goal.id == conversion.goal),
        dims: context.click.map(|click| click.dims.clone()).unwrap_or_default(),
    };
    match found(tx, &conversion, context)? {
        Found::Touch(touch) => judge(tx, &conversion, &offer, &labels, &touch, context),
        Found::Nothing { reason, detail, touch } => {
            let verdict = Verdict { status: CommissionStatus::Unattributed, reason: Some(reason) };
            let reasoning = json!({ "reason": detail, "touches": touch.into_iter().collect::<Vec<Value>>() });
            conclude(tx, &conversion, &labels, verdict, Outcome::nobody(reasoning), context.now)
        }
    }
}

fn decided_before(conversion: &Conversion) -> Option<Decided> {
    conversion.decided_at?;
    Some(Decided {
        conversion: conversion.id,
        status: conversion.status.unwrap_or(CommissionStatus::Unattributed),
        affiliate: conversion.affiliate,
        reason: conversion.reason.clone(),
        transactions: 0,
        was_decided: true,
    })
}

/// The click is known: does it earn, and what?
fn judge(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    offer: &Offer,
    labels: &Labels,
    touch: &touch::ClickTouch,
    context: &Context<'_>,
) -> Result<Decided, BookError> {
    let standing = affiliates::get(tx, Scope::All, touch.claims.affiliate)?.map(|found| found.standing);
    let touches = [touch.as_touch(standing == Some(Standing::Active))];
    let window_ms = offer.settings.window_seconds.saturating_mul(1_000);
    let policy = Policy::new(offer.settings.model, window_ms);
    let at = touch::happened_at(conversion, touch.claims.at);
    let decision = attribute(&policy, &Happened::at(at), &touches);
    let mut reasoning = reasoning::attribution(&decision, &policy, conversion, touch);
    let mut outcome = Outcome::nobody(Value::Null);
    outcome.clicked_at = Some(touch.claims.at);
    outcome.link = touch.claims.link;
    outcome.affiliate = standing.map(|_| touch.claims.affiliate);
    if decision.credits.is_empty() {
        let verdict = touch::against(&decision, &touches);
        outcome.reasoning = reasoning;
        return conclude(tx, conversion, labels, verdict, outcome, context.now);
    }

    let version = offers::terms_at(tx, conversion.goal, conversion.converted_at)?
        .ok_or_else(|| BookError::field("event", format!("goal {} has no terms", conversion.goal)))?;
    let quantity = u64::try_from(conversion.quantity).unwrap_or_default();
    let earned = hopline_terms::commission(&version.terms, conversion.amount, quantity, conversion.currency)
        .map_err(|error| BookError::field(error.field().unwrap_or("terms"), error))?;
    let revenues = decision.split(earned.revenue).map_err(BookError::broken)?;
    let payouts = decision.split(earned.payout).map_err(BookError::broken)?;
    let begin = begin_of(conversion, offer);
    reasoning::price(&mut reasoning, &version, &earned);
    let parts = parts(&decision, &revenues, &payouts, labels.is_base);
    let room = room(tx, conversion, begin, &parts)?;
    room.explain(&mut reasoning, &parts, conversion.currency);
    if !room.holds(&parts) {
        reasoning::capped(&mut reasoning, &room.refusal(&parts, conversion.currency));
        outcome.reasoning = reasoning;
        let verdict = Verdict { status: CommissionStatus::Rejected, reason: Some(caps::REASON) };
        return conclude(tx, conversion, labels, verdict, outcome, context.now);
    }
    caps::keep(&mut reasoning, &room.take(tx, &parts)?)?;
    let mut bookings = Bookings::default();
    let mut statuses = Vec::new();
    for ((credit, revenue), payout) in decision.credits.iter().zip(&revenues).zip(&payouts) {
        let share = Share::new(*revenue, *payout).map_err(BookError::broken)?;
        let credited = Credited { affiliate: credit.affiliate, share };
        statuses.push(commission::begin(tx, conversion, credited, begin, &mut bookings, context.now)?);
    }
    reasoning::credits(&mut reasoning, &decision, (&revenues, &payouts));
    reasoning["approval"] = reasoning::approval(conversion, offer, begin);
    reasoning["transactions"] = json!(bookings.ids);
    outcome.reasoning = reasoning;
    outcome.terms = Some(version.id);
    outcome.money = Some((earned.revenue.minor, earned.payout.minor));
    outcome.affiliate = decision.credits.first().map(|credit| credit.affiliate);
    outcome.transactions = bookings.new;
    let status = commission::overall(statuses);
    let reason = (status == CommissionStatus::Rejected).then_some("rejected_by_advertiser");
    conclude(tx, conversion, labels, Verdict { status, reason }, outcome, context.now)
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

/// The caps that are asked: none where the advertiser has rejected it already.
fn room(tx: &mut dyn Tx, conversion: &Conversion, begin: Begin, parts: &[Part]) -> Result<Room, BookError> {
    if begin == Begin::Rejected {
        return Ok(Room::default());
    }
    let mut affiliates: Vec<AffiliateId> = parts.iter().map(|part| part.affiliate).collect();
    affiliates.sort_unstable();
    affiliates.dedup();
    Room::look(tx, conversion.offer, conversion.converted_at, &affiliates)
}

/// What the advertiser asks for comes before the offer's rule.
fn begin_of(conversion: &Conversion, offer: &Offer) -> Begin {
    let approved = Begin::Approved { hold_days: offer.settings.hold_days };
    match (conversion.requested_status, offer.settings.approval) {
        (Some(CommissionStatus::Rejected), _) => Begin::Rejected,
        (Some(CommissionStatus::Approved), _) | (None, Approval::Automatic) => approved,
        _ => Begin::Pending,
    }
}

/// How it ends, and why where nobody is credited.
#[derive(Debug, Clone, Copy)]
struct Verdict {
    status: CommissionStatus,
    reason: Option<&'static str>,
}

/// What is written down of a decision besides its verdict.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) reasoning: Value,
    pub(crate) affiliate: Option<AffiliateId>,
    pub(crate) link: Option<hopline_types::LinkId>,
    pub(crate) clicked_at: Option<UnixMillis>,
    pub(crate) terms: Option<hopline_types::TermsId>,
    /// Revenue and payout.
    pub(crate) money: Option<(i64, i64)>,
    pub(crate) transactions: u64,
}

impl Outcome {
    pub(crate) const fn nobody(reasoning: Value) -> Self {
        Self {
            reasoning,
            affiliate: None,
            link: None,
            clicked_at: None,
            terms: None,
            money: None,
            transactions: 0,
        }
    }
}

fn conclude(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    labels: &Labels,
    verdict: Verdict,
    outcome: Outcome,
    now: UnixMillis,
) -> Result<Decided, BookError> {
    write_down(tx, conversion, labels, verdict.status, verdict.reason, outcome, now)
}

/// Writes a decision into its conversion, and the fact of it into the outbox.
pub(crate) fn write_down(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    labels: &Labels,
    status: CommissionStatus,
    reason: Option<&str>,
    mut outcome: Outcome,
    now: UnixMillis,
) -> Result<Decided, BookError> {
    outcome.reasoning["labels"] =
        serde_json::to_value(labels).map_err(|error| BookError::broken(format!("labels: {error}")))?;
    let (revenue_minor, payout_minor) = outcome.money.unwrap_or_default();
    let columns = DecisionColumns {
        decided_at: now,
        affiliate: outcome.affiliate,
        link: outcome.link,
        clicked_at: outcome.clicked_at,
        terms: outcome.terms,
        revenue_minor: Some(revenue_minor),
        payout_minor: Some(payout_minor),
        status,
        reason: reason.map(str::to_owned),
        decision: outcome.reasoning.to_string(),
    };
    if !conversions::record_decision(tx, conversion.id, &columns)? {
        return Err(BookError::broken(format!("conversion {} was decided in between", conversion.id)));
    }
    let decided = commission::conversion_of(tx, conversion.id)?;
    let cause = format!("decided:{}", conversion.id);
    facts::put_changes(tx, &cause, &decided, labels, &Picture::default(), now)?;
    Ok(Decided {
        conversion: conversion.id,
        status,
        affiliate: outcome.affiliate,
        reason: columns.reason,
        transactions: outcome.transactions,
        was_decided: false,
    })
}

/// Puts a conversion that cannot be decided aside, so that it does not stop the rest: `unattributed`, with the reason.
///
/// # Errors
/// The store fails.
pub fn set_aside(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    detail: &str,
    now: UnixMillis,
) -> Result<Decided, BookError> {
    let conversion = commission::conversion_of(tx, conversion)?;
    if let Some(decided) = decided_before(&conversion) {
        return Ok(decided);
    }
    let verdict = Verdict { status: CommissionStatus::Unattributed, reason: Some("set_aside") };
    let outcome = Outcome::nobody(json!({ "reason": detail, "touches": [] }));
    conclude(tx, &conversion, &Labels::default(), verdict, outcome, now)
}

/// What the decision kept for facts.
pub(crate) fn labels_of(conversion: &Conversion) -> Labels {
    let decision: Option<Value> =
        conversion.decision.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let labels = decision.and_then(|mut decision| serde_json::from_value(decision["labels"].take()).ok());
    labels.unwrap_or_default()
}
