//! Drafting a batch.

use hopline_catalogue::data::Standing;
use hopline_control_store::affiliates::{self, Affiliate};
use hopline_control_store::payouts::{self, InsertBatch, OpenSum, RefusedPayee};
use hopline_control_store::{Scope, Tx, ledger};
use hopline_ledger::{TransactionId, TransactionKind, recipe};
use hopline_money::{Amount, Currency};
use hopline_types::{BatchId, HOUR_MS, PayoutMethod, UnixMillis};

use super::payee::PayTo;
use super::{BatchView, NewBatch, view};
use crate::{BookError, FieldError};

/// The bank is asked to pay on the day after.
const EXECUTION_AFTER_MS: i64 = 24 * HOUR_MS;

/// What a request asks for, once its fields are right.
struct Asked {
    currency: Currency,
    method: PayoutMethod,
    minimum: Amount,
    cutoff: UnixMillis,
}

/// Drafts a batch: reserves what is open for each affiliate that can be paid, and lists who cannot.
///
/// # Errors
/// [`BookError::Invalid`] with all wrong fields; the store's.
pub fn draft(tx: &mut dyn Tx, new: &NewBatch, actor: &str, now: UnixMillis) -> Result<BatchView, BookError> {
    let asked = check(new, now)?;
    let batch = payouts::insert_batch(
        tx,
        &InsertBatch {
            currency: asked.currency,
            method: asked.method,
            cutoff: asked.cutoff,
            minimum_minor: asked.minimum.minor,
            execution_date: execution_date(now),
            created_at: now,
            created_by: actor.to_owned(),
            refused: Vec::new(),
        },
    )?;
    let mut refused = Vec::new();
    for open in payouts::open_sums(tx, asked.currency, asked.cutoff)? {
        if open.amount_minor == 0 {
            continue;
        }
        let amount = Amount::new(open.amount_minor, asked.currency);
        let affiliate = affiliates::get(tx, Scope::All, open.affiliate)?
            .ok_or(BookError::NotFound { what: "affiliate", id: open.affiliate.get() })?;
        match against(&affiliate, amount, &asked) {
            Some((reason, detail)) => {
                let affiliate_id = open.affiliate;
                refused.push(RefusedPayee { affiliate_id, amount, reason: reason.to_owned(), detail });
            }
            None => reserve(tx, batch, &affiliate, &open, &asked, now)?,
        }
    }
    payouts::set_refused(tx, batch, &refused)?;
    view(tx, batch)
}

/// The day on which the bank shall pay what is ready now.
pub(super) fn execution_date(now: UnixMillis) -> String {
    let at = jiff::Timestamp::from_millisecond(now.plus(EXECUTION_AFTER_MS).get()).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

fn check(new: &NewBatch, now: UnixMillis) -> Result<Asked, BookError> {
    let mut errors = Vec::new();
    let currency = Currency::payable(&new.currency);
    let currency = currency.map_err(|error| errors.push(FieldError::new("currency", error))).ok();
    let method = new.method.parse::<PayoutMethod>();
    let method = method.map_err(|error| errors.push(FieldError::new("method", error))).ok();
    if let (Some(currency), Some(PayoutMethod::Sepa)) = (currency, method)
        && currency != Currency::EUR
    {
        errors.push(FieldError::new("currency", format!("sepa pays EUR, not {currency}")));
    }
    let minimum = match (&new.minimum, currency) {
        (Some(text), Some(currency)) => match Amount::parse(text, currency) {
            Ok(minimum) if minimum.is_negative() => {
                errors.push(FieldError::new("minimum", format!("{minimum} is negative: expected 0 or more")));
                None
            }
            Ok(minimum) => Some(minimum),
            Err(error) => {
                errors.push(FieldError::new("minimum", error));
                None
            }
        },
        (None, Some(currency)) => Some(Amount::zero(currency)),
        (_, None) => None,
    };
    match (currency, method, minimum) {
        (Some(currency), Some(method), Some(minimum)) if errors.is_empty() => {
            Ok(Asked { currency, method, minimum, cutoff: new.cutoff.unwrap_or(now) })
        }
        _ => Err(BookError::Invalid(errors)),
    }
}

/// Why an affiliate is left out: a word and a sentence.
fn against(affiliate: &Affiliate, amount: Amount, asked: &Asked) -> Option<(&'static str, String)> {
    if amount.is_negative() {
        return Some(("negative_balance", format!("{amount} is carried to the next payout")));
    }
    if affiliate.standing != Standing::Active {
        return Some(("on_hold", format!("the affiliate is {}", affiliate.standing.as_str())));
    }
    let pay_to = match pay_to(affiliate) {
        Ok(pay_to) => pay_to,
        Err(detail) => return Some(("no_bank_data", detail)),
    };
    if pay_to.method.as_deref() != Some(asked.method.as_str()) {
        let is = pay_to.method.unwrap_or_default();
        return Some((
            "wrong_method",
            format!("the affiliate is paid by {is:?}, the batch by {}", asked.method),
        ));
    }
    if amount.minor < asked.minimum.minor {
        return Some(("below_minimum", format!("{amount} is less than the minimum of {}", asked.minimum)));
    }
    if asked.method != PayoutMethod::Sepa {
        return None;
    }
    let refusal = hopline_payfile::refuse(&pay_to.as_payee(amount))?;
    Some((refusal.as_str(), refusal.to_string()))
}

fn pay_to(affiliate: &Affiliate) -> Result<PayTo, String> {
    let Some(method) = &affiliate.payout_method else {
        return Err("no payout method is entered".to_owned());
    };
    serde_json::from_value(method.clone())
        .map_err(|error| format!("the payout method cannot be read: {error}"))
}

fn reserve(
    tx: &mut dyn Tx,
    batch: BatchId,
    affiliate: &Affiliate,
    open: &OpenSum,
    asked: &Asked,
    now: UnixMillis,
) -> Result<(), BookError> {
    let amount = Amount::new(open.amount_minor, asked.currency);
    let pay_to = affiliate.payout_method.as_ref().map(ToString::to_string).unwrap_or_default();
    let payout = payouts::insert_payout(tx, batch, affiliate.id, amount, &pay_to)?;
    let taken = payouts::take_items(tx, payout, affiliate.id, asked.currency, asked.cutoff)?;
    if taken != amount.minor {
        let detail = format!("payout {payout} is {} but its lines add up to {taken}", amount.minor);
        return Err(BookError::broken(detail));
    }
    let recipe = recipe::Payout::new(batch, payout, affiliate.id, amount).map_err(BookError::broken)?;
    let id = TransactionId::of_payout(TransactionKind::PayoutReserved, payout);
    ledger::post(tx, recipe.reserved(id, now), now)?;
    Ok(())
}
