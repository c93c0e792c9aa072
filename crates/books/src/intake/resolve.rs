//! From texts to a row: which offer and goal, is every field right.

use std::collections::BTreeMap;

use hopline_clickid::KeyRing;
use hopline_control_store::Tx;
use hopline_control_store::conversions::InsertConversion;
use hopline_control_store::offers::{self, Goal, Offer, TermsVersion};
use hopline_money::{Amount, Currency};
use hopline_record::{FIELD_BYTES_MAX, RequestedStatus};
use hopline_types::{
    AdvertiserId, CommissionStatus, ConversionSource, GoalId, GoalKind, MINUTE_MS, ORDER_MINOR_MAX, OfferId,
    UnixMillis,
};

use super::NewConversion;
use crate::{BookError, FieldError};

/// How far ahead of its receipt a conversion may be dated: what clocks may differ by.
const AHEAD_MS: i64 = 5 * MINUTE_MS;

/// A row, or all that is wrong with a report.
pub(super) type Resolved = Result<InsertConversion, Vec<FieldError>>;

/// Finds out what reports are about.
pub(super) fn resolve_many(
    tx: &mut dyn Tx,
    new: &[&NewConversion],
    keys: &KeyRing,
    now: UnixMillis,
) -> Result<Vec<Resolved>, BookError> {
    let read = |new: &&NewConversion| {
        let mut errors = Vec::new();
        check_texts(new, &mut errors);
        let click_offer = click_offer(new, keys, now, &mut errors);
        Begun { named: new.offer.or(click_offer), errors }
    };
    let begun: Vec<Begun> = new.iter().map(read).collect();
    let known = Known::read(tx, new, &begun)?;
    Ok(new.iter().zip(begun).map(|(new, begun)| resolve(&known, new, begun)).collect())
}

/// A report whose texts were looked at.
struct Begun {
    /// The offer that it or its click id names.
    named: Option<OfferId>,
    errors: Vec<FieldError>,
}

/// What reports may be about.
struct Known {
    offers: BTreeMap<OfferId, Offer>,
    /// For reports that name none.
    only: BTreeMap<AdvertiserId, OfferId>,
    terms: BTreeMap<GoalId, Vec<TermsVersion>>,
}

impl Known {
    fn read(tx: &mut dyn Tx, new: &[&NewConversion], begun: &[Begun]) -> Result<Self, BookError> {
        let nameless = new.iter().zip(begun).filter(|(_, begun)| begun.named.is_none());
        let only = offers::only_offers(tx, nameless.filter_map(|(new, _)| new.advertiser))?;
        let named = begun.iter().filter_map(|begun| begun.named);
        let offers = offers::find_many(tx, named.chain(only.values().copied()))?;
        let goals = offers.values().flat_map(|offer| &offer.goals).map(|goal| goal.id);
        let terms = offers::terms_of_goals(tx, goals)?;
        Ok(Self { offers, only, terms })
    }
}

fn resolve(known: &Known, new: &NewConversion, begun: Begun) -> Resolved {
    let Begun { named, mut errors } = begun;
    let Some(offer) = offer(known, new, named, &mut errors) else { return Err(errors) };
    let goal = goal(new, &offer.goals, &mut errors);
    let amount = amount(new, offer, &mut errors);
    let converted_at = converted_at(new, &mut errors);
    let Some(goal) = goal.filter(|_| errors.is_empty()) else { return Err(errors) };
    if let Some(error) = earns(known, goal, amount, converted_at, offer.currency) {
        return Err(vec![error]);
    }
    let adv = match new.adv.iter().all(String::is_empty) {
        true => None,
        false => Some(serde_json::Value::from(new.adv.to_vec()).to_string()),
    };
    Ok(InsertConversion {
        event_id: new.event_id.clone(),
        advertiser: offer.advertiser_id,
        offer: offer.id,
        goal: goal.id,
        goal_key: goal.key.clone(),
        idempotency: idempotency(new, goal.kind),
        source: new.source,
        requested_status: requested(new.requested_status),
        order_id: given(&new.order_id).map(str::to_owned),
        click_id: given(&new.click_id).map(str::to_owned),
        coupon: given(&new.coupon).map(str::to_owned),
        customer_id: given(&new.customer_id).map(str::to_owned),
        items: given(&new.items).map(str::to_owned),
        adv,
        quantity: 1,
        amount: amount.filter(|amount| amount.currency == offer.currency).map(|amount| amount.minor),
        currency: offer.currency,
        order: amount.filter(|amount| amount.currency != offer.currency),
        converted_at,
        received_at: new.received_at,
    })
}

fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// The status that an advertiser asks for, as stored.
pub(super) const fn requested(status: RequestedStatus) -> Option<CommissionStatus> {
    match status {
        RequestedStatus::Unstated => None,
        RequestedStatus::Pending => Some(CommissionStatus::Pending),
        RequestedStatus::Approved => Some(CommissionStatus::Approved),
        RequestedStatus::Rejected => Some(CommissionStatus::Rejected),
    }
}

fn idempotency(new: &NewConversion, kind: GoalKind) -> String {
    if let Some(order) = given(&new.order_id) {
        return format!("order:{order}");
    }
    match (kind, given(&new.click_id)) {
        (GoalKind::Ppl | GoalKind::Ppi, Some(click)) => format!("click:{click}"),
        _ => format!("event:{}", new.event_id),
    }
}

fn check_texts(new: &NewConversion, errors: &mut Vec<FieldError>) {
    let named = [
        ("event", &new.goal),
        ("click_id", &new.click_id),
        ("order_id", &new.order_id),
        ("coupon", &new.coupon),
        ("customer_id", &new.customer_id),
        ("items", &new.items),
    ];
    for (field, text) in named {
        if let Some(text) = text {
            check_text(field, text, errors);
        }
    }
    for (number, text) in (1..).zip(&new.adv) {
        check_text(&format!("adv{number}"), text, errors);
    }
    if let Some(items) = given(&new.items)
        && let Err(error) = serde_json::from_str::<serde_json::Value>(items)
    {
        errors.push(FieldError::new("items", format!("is no JSON: {error}")));
    }
}

fn check_text(field: &str, text: &str, errors: &mut Vec<FieldError>) {
    if text.len() > FIELD_BYTES_MAX {
        let message = format!("has {} bytes, at most {FIELD_BYTES_MAX} are accepted", text.len());
        errors.push(FieldError::new(field, message));
    } else if text.contains('\0') {
        errors.push(FieldError::new(field, "has a NUL character"));
    }
}

/// The offer in the click id. A click id that is not believed is an error where somebody can still be told; what the
/// edge has accepted is kept, and decided as such.
fn click_offer(
    new: &NewConversion,
    keys: &KeyRing,
    now: UnixMillis,
    errors: &mut Vec<FieldError>,
) -> Option<OfferId> {
    let click_id = given(&new.click_id)?;
    match keys.verify(click_id, now.max(new.received_at)) {
        Ok(claims) => Some(claims.offer),
        Err(refused) => {
            if matches!(new.source, ConversionSource::Api | ConversionSource::Import) {
                errors.push(FieldError::new("click_id", refused));
            }
            None
        }
    }
}

fn offer<'a>(
    known: &'a Known,
    new: &NewConversion,
    named: Option<OfferId>,
    errors: &mut Vec<FieldError>,
) -> Option<&'a Offer> {
    let field = if new.offer.is_some() { "offer_id" } else { "click_id" };
    if let Some(id) = named {
        // An advertiser knows its own offers only.
        let is_visible = |offer: &&Offer| new.advertiser.is_none_or(|own| own == offer.advertiser_id);
        let found = known.offers.get(&id).filter(is_visible);
        if found.is_none() {
            errors.push(FieldError::new(field, format!("there is no offer {id}")));
        }
        return found;
    }
    let only = new.advertiser.and_then(|advertiser| known.offers.get(known.only.get(&advertiser)?));
    if only.is_none() {
        errors.push(FieldError::new("offer_id", "is missing, and no valid click_id says which offer it is"));
    }
    only
}

fn goal<'a>(new: &NewConversion, goals: &'a [Goal], errors: &mut Vec<FieldError>) -> Option<&'a Goal> {
    let Some(key) = given(&new.goal) else {
        let first = goals.iter().find(|goal| goal.kind != GoalKind::Ppc);
        if first.is_none() {
            errors.push(FieldError::new("event", "is missing: the offer has no goal that can be reported"));
        }
        return first;
    };
    let goal = goals.iter().find(|goal| goal.key == key);
    match goal {
        Some(goal) if goal.kind == GoalKind::Ppc => {
            let message = format!("{key:?} is paid by counted clicks and cannot be reported");
            errors.push(FieldError::new("event", message));
            None
        }
        Some(goal) => Some(goal),
        None => {
            let keys: Vec<&str> = goals.iter().map(|goal| goal.key.as_str()).collect();
            let message = format!("{key:?} is no goal of this offer, which has {}", keys.join(", "));
            errors.push(FieldError::new("event", message));
            None
        }
    }
}

fn amount(new: &NewConversion, offer: &Offer, errors: &mut Vec<FieldError>) -> Option<Amount> {
    let currency = match given(&new.currency).map(Currency::new) {
        None => offer.currency,
        Some(Ok(currency)) => currency,
        Some(Err(error)) => {
            errors.push(FieldError::new("currency", error));
            return None;
        }
    };
    match Amount::parse(given(&new.amount)?, currency) {
        Ok(amount) if amount.is_negative() => {
            errors.push(FieldError::new("amount", format!("{amount} is negative: expected 0 or more")));
            None
        }
        Ok(amount) if amount.minor > ORDER_MINOR_MAX => {
            let most = Amount::new(ORDER_MINOR_MAX, currency);
            errors.push(FieldError::new("amount", format!("{amount} is above {most}, the largest order")));
            None
        }
        Ok(amount) => Some(amount),
        Err(error) => {
            errors.push(FieldError::new("amount", error));
            None
        }
    }
}

/// When it happened: not after it was received. A date a little ahead is a difference of clocks.
fn converted_at(new: &NewConversion, errors: &mut Vec<FieldError>) -> UnixMillis {
    let ahead = new.converted_at.since(new.received_at);
    if ahead > AHEAD_MS {
        let message =
            format!("is {} s in the future, at most {} s are accepted", ahead / 1_000, AHEAD_MS / 1_000);
        errors.push(FieldError::new("ts", message));
    }
    new.converted_at.min(new.received_at)
}

/// What the terms have against it, such as a sale without its amount.
fn earns(
    known: &Known,
    goal: &Goal,
    amount: Option<Amount>,
    at: UnixMillis,
    currency: Currency,
) -> Option<FieldError> {
    // Its amount in the offer's currency is known with the rate; that it has one is enough here.
    let amount =
        amount.map(|amount| if amount.currency == currency { amount } else { Amount::zero(currency) });
    let versions = known.terms.get(&goal.id).map(Vec::as_slice).unwrap_or_default();
    let Some(version) = offers::in_force(versions, at) else {
        return Some(FieldError::new("event", format!("goal {:?} has no terms", goal.key)));
    };
    let earned = hopline_terms::commission(&version.terms, amount, 1, currency);
    earned.err().map(|error| FieldError::new(error.field().unwrap_or("amount"), error))
}
