//! Drafting a batch.

use hopline_catalogue::data::Standing;
use hopline_control_store::affiliates::{self, Affiliate};
use hopline_control_store::payouts::{self, InsertBatch, RefusedPayee};
use hopline_control_store::{Scope, Tx, ledger};
use hopline_ledger::{Account, Draft, Posting, Subject, TransactionId, TransactionKind, recipe};
use hopline_money::{Amount, Currency};
use hopline_payfile::{
    NACHA_FILE_CENTS_MAX, PAYPAL_ROWS_MAX, PayTo, WISE_ROWS_MAX, paypal_step_minor, refuse_payee,
};
use hopline_types::{AffiliateId, BatchId, HOUR_MS, PayoutId, PayoutMethod, UnixMillis};
use serde::Deserialize as _;

use super::exchange::{self, Open};
use super::{BatchView, NewBatch, view};
use crate::{BookError, FieldError};

/// The bank is asked to pay on the day after.
const EXECUTION_AFTER_MS: i64 = 24 * HOUR_MS;

/// Further wishes for a draft.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DraftOptions {
    /// Decimal; amounts are rounded down to multiples of this, and the rest stays on the balance.
    pub round_down_to: Option<String>,
    /// The schedule that prepares it.
    pub schedule: Option<i64>,
}

/// What a request asks for, once its fields are right.
struct Asked {
    currency: Currency,
    method: PayoutMethod,
    /// The least of the batch and of its method.
    minimum: Amount,
    step_minor: i64,
    cutoff: UnixMillis,
}

/// An affiliate that will be paid.
struct Payable {
    open: Open,
    affiliate: Affiliate,
    pay_to: serde_json::Value,
    amount: Amount,
}

/// Drafts a batch: reserves what is open for each affiliate that can be paid, and lists who cannot.
///
/// # Errors
/// [`BookError::Invalid`] with all wrong fields; the store's.
pub fn draft(tx: &mut dyn Tx, new: &NewBatch, actor: &str, now: UnixMillis) -> Result<BatchView, BookError> {
    draft_with(tx, new, &DraftOptions::default(), actor, now)
}

/// The same with further wishes.
///
/// # Errors
/// Those of [`draft`].
pub fn draft_with(
    tx: &mut dyn Tx,
    new: &NewBatch,
    options: &DraftOptions,
    actor: &str,
    now: UnixMillis,
) -> Result<BatchView, BookError> {
    let asked = check(tx, new, options, now)?;
    let (payable, refused) = sort(tx, &asked, now)?;
    write(tx, &asked, options, payable, &refused, actor, now)
}

/// The same for a schedule: nothing where nobody can be paid, with the number of those who were left out.
pub(super) fn draft_if_any(
    tx: &mut dyn Tx,
    new: &NewBatch,
    options: &DraftOptions,
    actor: &str,
    now: UnixMillis,
) -> Result<Result<BatchView, usize>, BookError> {
    let asked = check(tx, new, options, now)?;
    let (payable, refused) = sort(tx, &asked, now)?;
    if payable.is_empty() {
        return Ok(Err(refused.len()));
    }
    write(tx, &asked, options, payable, &refused, actor, now).map(Ok)
}

/// Who will be paid, and who cannot be.
fn sort(
    tx: &mut dyn Tx,
    asked: &Asked,
    now: UnixMillis,
) -> Result<(Vec<Payable>, Vec<RefusedPayee>), BookError> {
    let wanted = payouts::all_affiliate_minimums(tx, asked.currency)?;
    let mut room = Room::of(asked.method);
    let (mut payable, mut refused) = (Vec::new(), Vec::new());
    for open in exchange::open(tx, asked.currency, asked.cutoff, now)? {
        if open.is_nothing() {
            continue;
        }
        let affiliate = affiliates::get(tx, Scope::All, open.affiliate)?
            .ok_or(BookError::NotFound { what: "affiliate", id: open.affiliate.get() })?;
        let pay_to = affiliates::payout_method(tx, open.affiliate)?;
        let own_minimum = wanted.get(&open.affiliate).copied().unwrap_or_default();
        let amount =
            Amount::new(open.amount.minor - open.amount.minor.rem_euclid(asked.step_minor), asked.currency);
        let against = open.refused.clone();
        let against = against.or_else(|| against_affiliate(&affiliate, open.amount));
        let against =
            against.or_else(|| against_payee(pay_to.as_ref(), asked, open.amount, amount, own_minimum));
        match against.or_else(|| room.take(amount)) {
            Some((reason, detail)) => {
                let affiliate_id = open.affiliate;
                refused.push(RefusedPayee {
                    affiliate_id,
                    amount: open.amount,
                    reason: reason.to_owned(),
                    detail,
                });
            }
            None => payable.push(Payable { open, affiliate, pay_to: pay_to.unwrap_or_default(), amount }),
        }
    }
    Ok((payable, refused))
}

/// What fits into one file: a batch is split before approval, not at the export (P-23).
struct Room {
    rows: usize,
    minor: i64,
}

impl Room {
    fn of(method: PayoutMethod) -> Self {
        let rows = match method {
            PayoutMethod::Paypal => PAYPAL_ROWS_MAX,
            PayoutMethod::Wise => WISE_ROWS_MAX,
            PayoutMethod::Sepa | PayoutMethod::Ach | PayoutMethod::Manual | PayoutMethod::Bank => usize::MAX,
        };
        let minor = if method == PayoutMethod::Ach { NACHA_FILE_CENTS_MAX } else { i64::MAX };
        Self { rows, minor }
    }

    fn take(&mut self, amount: Amount) -> Option<(&'static str, String)> {
        match (self.rows.checked_sub(1), self.minor.checked_sub(amount.minor)) {
            (Some(rows), Some(minor)) if minor >= 0 => {
                *self = Self { rows, minor };
                None
            }
            _ => Some(("batch_full", "one file takes no more: the next batch pays it".to_owned())),
        }
    }
}

fn write(
    tx: &mut dyn Tx,
    asked: &Asked,
    options: &DraftOptions,
    payable: Vec<Payable>,
    refused: &[RefusedPayee],
    actor: &str,
    now: UnixMillis,
) -> Result<BatchView, BookError> {
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
            refused: refused.to_vec(),
            step_minor: asked.step_minor,
            schedule: options.schedule,
        },
    )?;
    for payable in payable {
        reserve(tx, batch, &payable, asked, now)?;
    }
    view(tx, batch)
}

/// The day on which the bank shall pay what is ready now.
pub(super) fn execution_date(now: UnixMillis) -> String {
    let at = jiff::Timestamp::from_millisecond(now.plus(EXECUTION_AFTER_MS).get()).unwrap_or_default();
    at.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

fn check(
    tx: &mut dyn Tx,
    new: &NewBatch,
    options: &DraftOptions,
    now: UnixMillis,
) -> Result<Asked, BookError> {
    let mut errors = Vec::new();
    let currency = Currency::payable(&new.currency);
    let currency = currency.map_err(|error| errors.push(FieldError::new("currency", error))).ok();
    let method = new.method.parse::<PayoutMethod>();
    let method = method.map_err(|error| errors.push(FieldError::new("method", error))).ok();
    let only = match method {
        Some(PayoutMethod::Sepa) => Some(Currency::EUR),
        Some(PayoutMethod::Ach) => Some(Currency::USD),
        _ => None,
    };
    if let (Some(currency), Some(only), Some(method)) = (currency, only, method)
        && currency != only
    {
        errors.push(FieldError::new("currency", format!("{method} pays {only}, not {currency}")));
    }
    let mut amount = |field: &str, given: &Option<String>, least: i64| {
        let (text, currency) = (given.as_ref()?, currency?);
        match Amount::parse(text, currency) {
            Ok(amount) if amount.minor < least => {
                let least = Amount::new(least, currency).to_decimal();
                let given = if amount.is_negative() { "negative" } else { "too small" };
                errors.push(FieldError::new(field, format!("{amount} is {given}: expected {least} or more")));
                None
            }
            Ok(amount) => Some(amount),
            Err(error) => {
                errors.push(FieldError::new(field, error));
                None
            }
        }
    };
    let minimum = amount("minimum", &new.minimum, 0);
    let step = amount("round_down_to", &options.round_down_to, 1);
    match (currency, method) {
        (Some(currency), Some(method)) if errors.is_empty() => {
            let of_method = payouts::method_minimum(tx, method, currency)?;
            let minimum = minimum.map_or(0, |minimum| minimum.minor).max(of_method.minor);
            let service = if method == PayoutMethod::Paypal { paypal_step_minor(currency) } else { 1 };
            let step_minor = common_step(step.map_or(1, |step| step.minor), service).ok_or_else(|| {
                BookError::field(
                    "round_down_to",
                    format!("does not fit: {method} pays whole units of {currency}"),
                )
            })?;
            Ok(Asked {
                currency,
                method,
                minimum: Amount::new(minimum, currency),
                step_minor,
                cutoff: new.cutoff.unwrap_or(now),
            })
        }
        _ => Err(BookError::Invalid(errors)),
    }
}

/// The step that is a multiple of both, where one is a multiple of the other.
const fn common_step(one: i64, other: i64) -> Option<i64> {
    if one % other == 0 {
        Some(one)
    } else if other % one == 0 {
        Some(other)
    } else {
        None
    }
}

type Against = Option<(&'static str, String)>;

/// Why an affiliate is left out, whatever the method: a word and a sentence.
fn against_affiliate(affiliate: &Affiliate, amount: Amount) -> Against {
    if amount.is_negative() {
        return Some(("negative_balance", format!("{amount} is carried to the next payout")));
    }
    if affiliate.standing != Standing::Active {
        return Some(("on_hold", format!("the affiliate is {}", affiliate.standing.as_str())));
    }
    None
}

/// Why it cannot be paid by this batch.
fn against_payee(
    pay_to: Option<&serde_json::Value>,
    asked: &Asked,
    open: Amount,
    amount: Amount,
    own_minimum: i64,
) -> Against {
    let Some(pay_to) = pay_to else {
        return Some(("no_bank_data", "no payout method is entered".to_owned()));
    };
    let pay_to = match PayTo::deserialize(pay_to) {
        Ok(pay_to) => pay_to,
        Err(error) => return Some(("no_bank_data", format!("the payout method cannot be read: {error}"))),
    };
    if pay_to.method != Some(asked.method) {
        let is = pay_to.method.map_or("", PayoutMethod::as_str);
        return Some((
            "wrong_method",
            format!("the affiliate is paid by {is:?}, the batch by {}", asked.method),
        ));
    }
    if open.minor < asked.minimum.minor {
        return Some(("below_minimum", format!("{open} is less than the minimum of {}", asked.minimum)));
    }
    if open.minor < own_minimum {
        let own = Amount::new(own_minimum, asked.currency);
        return Some((
            "below_minimum",
            format!("{open} is less than the minimum of {own} that the affiliate wants"),
        ));
    }
    if amount.is_zero() {
        let step = Amount::new(asked.step_minor, asked.currency);
        return Some(("below_minimum", format!("{open} is less than the step of {step}")));
    }
    let refusal = refuse_payee(asked.method, &pay_to, amount)?;
    Some((refusal.as_str(), refusal.to_string()))
}

fn reserve(
    tx: &mut dyn Tx,
    batch: BatchId,
    payable: &Payable,
    asked: &Asked,
    now: UnixMillis,
) -> Result<(), BookError> {
    let (affiliate, amount) = (payable.affiliate.id, payable.amount);
    let payout = payouts::insert_payout(tx, batch, affiliate, amount, &payable.pay_to)?;
    payable.open.change(tx, payout, asked.cutoff, now)?;
    let rest = payable.open.amount.checked_sub(amount).map_err(BookError::broken)?;
    if !rest.is_zero() {
        let after = asked.cutoff.max(now).plus(1);
        ledger::post(tx, carry(payout, affiliate, rest, after)?, now)?;
    }
    let taken = payouts::take_items(tx, payout, affiliate, asked.currency, asked.cutoff)?;
    if taken != amount.minor {
        let detail = format!("payout {payout} is {} but its lines add up to {taken}", amount.minor);
        return Err(BookError::broken(detail));
    }
    let recipe = recipe::Payout::new(batch, payout, affiliate, amount).map_err(BookError::broken)?;
    let id = TransactionId::of_payout(TransactionKind::PayoutReserved, payout);
    ledger::post(tx, recipe.reserved(id, now), now)?;
    Ok(())
}

/// Keeps what is below the step on the balance: one line takes it off this payout, the other one is owed after the cutoff.
fn carry(payout: PayoutId, affiliate: AffiliateId, rest: Amount, at: UnixMillis) -> Result<Draft, BookError> {
    let id = TransactionId::new(format!("{}:carry-{payout}", TransactionKind::Adjustment))
        .map_err(BookError::broken)?;
    let account = Account::AffiliatePayable(affiliate);
    let posting = |amount_minor| Posting { account, amount_minor, currency: rest.currency };
    Ok(Draft {
        id,
        kind: TransactionKind::Adjustment,
        effective_at: at,
        subject: Subject { conversion: None, affiliate: Some(affiliate), payout: Some(payout) },
        corrects: None,
        reason: Some(format!("{rest} of payout {payout} is below its step and stays on the balance")),
        postings: vec![posting(rest.minor), posting(-rest.minor)],
    })
}
