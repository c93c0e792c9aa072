//! Refunds and chargebacks: the same part of the commission goes back as of the order.
//!
//! The part is computed over the sum of all refunds so far, rounded half to even, less what was taken back before; the
//! refund that completes the order takes exactly what is left. Amounts are in the currency of the order, so no rate is
//! needed. A conversion without an order amount (a lead, settled clicks) can only be taken back whole; findings take back a
//! part of settled clicks.
//!
//! A chargeback is a refund of its own kind, which may bring a fee: that is charged to who was credited, by their parts, and
//! is no part of the commission. What was a mistake, and a chargeback that was won, is [undone](undo_refund).

use hopline_control_store::Tx;
use hopline_control_store::commissions::{self, Commission, Refund, RefundKind};
use hopline_control_store::conversions::Conversion;
use hopline_ledger::{Draft, Share, TransactionId, TransactionKind, recipe, refund_share};
use hopline_money::Amount;
use hopline_types::{CommissionStatus, ConversionId, UnixMillis};

use crate::commission::{self, RejectedBy};
use crate::decide::{decision_number, is_closed, labels_of};
use crate::{BookError, caps, facts};

mod undo;

pub use undo::undo_refund;
pub(crate) use undo::{kind_of, takes};

/// Of a reason, so much is repeated in the reason of a fee.
const REASON_CHARS: usize = 400;

/// A conversion after a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refunded {
    /// As it is now.
    pub conversion: Conversion,
    /// This refund.
    pub refund: Refund,
    /// How many ledger transactions were booked.
    pub transactions: u64,
}

/// Takes back the part of a conversion that its customer got back: `amount` of the order as a decimal, or all that is
/// left. Partial and repeated, in any state that credits somebody, before or after payment (L-07).
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`], [`BookError::Invalid`] (more than is left), the store's.
pub fn refund(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    amount: Option<&str>,
    reason: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<Refunded, BookError> {
    take_back(tx, conversion, amount, Given { kind: RefundKind::Refund, fee: None, reason, actor }, now)
}

/// Takes back what the customer's bank has taken back, as [`refund`] does; `fee` is what that has cost, as a decimal in the
/// currency of the commission.
///
/// # Errors
/// As [`refund`].
pub fn charge_back(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    (amount, fee): (Option<&str>, Option<&str>),
    reason: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<Refunded, BookError> {
    take_back(tx, conversion, amount, Given { kind: RefundKind::Chargeback, fee, reason, actor }, now)
}

/// What a refund is called.
#[derive(Debug, Clone, Copy)]
struct Given<'a> {
    kind: RefundKind,
    fee: Option<&'a str>,
    reason: &'a str,
    actor: &'a str,
}

fn take_back(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    amount: Option<&str>,
    given: Given<'_>,
    now: UnixMillis,
) -> Result<Refunded, BookError> {
    let conversion = commission::conversion_of(tx, conversion)?;
    commission::check_reason(given.reason)?;
    let commissions = commissions::of_conversion(tx, conversion.id)?;
    check_state(&conversion, &commissions)?;
    let fee = fee(&conversion, given.fee)?;
    let before = commissions::refunds_of(tx, conversion.id)?;
    // Findings may have taken a part of settled clicks.
    let live = || commissions.iter().filter(|commission| earns(commission));
    let is_taken = before.iter().any(|refund| undo::stands(refund, &before)) && live().all(is_taken_back);
    let part = part(&conversion, &before, is_taken, amount)?;
    let mut shares = Vec::new();
    for commission in commissions {
        let nothing = Share::zero(commission.currency);
        let share = if earns(&commission) { share(&commission, part)? } else { nothing };
        shares.push((commission, share));
    }
    let mut refund = made(&conversion, &shares, given, now);
    refund.amount_minor = part.map(|part| part.now);
    refund.fee_minor = fee.minor;
    let is_whole = part.is_none_or(|part| part.so_far == part.order);
    book(tx, &conversion, shares, refund, is_whole, now)
}

/// Takes money of a settlement back, as far as it is still there. Says how many transactions it booked.
pub(crate) fn take_out(
    tx: &mut dyn Tx,
    conversion: Conversion,
    (revenue, payout): (Amount, Amount),
    (reason, actor): (&str, &str),
    now: UnixMillis,
) -> Result<u64, BookError> {
    let mut shares = Vec::new();
    for commission in commissions::of_conversion(tx, conversion.id)? {
        if commission.status == CommissionStatus::Rejected {
            continue;
        }
        let left = share(&commission, None)?;
        let least = |asked: Amount, left: Amount| Amount::new(asked.minor.min(left.minor), left.currency);
        let share = Share::new(least(revenue, left.revenue()), least(payout, left.payout()))
            .map_err(BookError::broken)?;
        if !share.is_zero() {
            shares.push((commission, share));
        }
    }
    if shares.is_empty() {
        return Ok(0);
    }
    let given = Given { kind: RefundKind::Refund, fee: None, reason, actor };
    let refund = made(&conversion, &shares, given, now);
    Ok(book(tx, &conversion, shares, refund, false, now)?.transactions)
}

/// Who takes back what a finding says.
pub(crate) const FINDER: &str = "system:findings";
/// Who takes back what a period's volume no longer brings.
pub(crate) const PERIODS: &str = "system:periods";

/// Not what is rejected, and not what a later decision has taken away.
const fn earns(commission: &Commission) -> bool {
    !matches!(commission.status, CommissionStatus::Rejected | CommissionStatus::Unattributed)
}

fn is_taken_back(commission: &Commission) -> bool {
    commission.reversed_revenue_minor == commission.revenue_minor
        && commission.reversed_payout_minor == commission.payout_minor
}

/// A refund of these shares, not yet written down.
fn made(
    conversion: &Conversion,
    shares: &[(Commission, Share)],
    given: Given<'_>,
    now: UnixMillis,
) -> Refund {
    let sum = |minor: fn(Share) -> Amount| shares.iter().map(|(_, share)| minor(*share).minor).sum();
    Refund {
        id: 0,
        conversion: conversion.id,
        kind: given.kind,
        undoes: None,
        amount_minor: None,
        revenue_minor: sum(Share::revenue),
        payout_minor: sum(Share::payout),
        fee_minor: 0,
        currency: conversion.currency,
        reason: given.reason.to_owned(),
        actor: given.actor.to_owned(),
        created_at: now,
    }
}

fn book(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    shares: Vec<(Commission, Share)>,
    mut refund: Refund,
    is_whole: bool,
    now: UnixMillis,
) -> Result<Refunded, BookError> {
    let labels = labels_of(conversion);
    let picture = facts::picture(tx, conversion, &labels)?;
    let counted = caps::counted(tx, conversion)?;
    refund.id = commissions::insert_refund(tx, &refund)?;
    let number = decision_number(conversion);
    let fees = fees(&refund, &shares)?;
    let (stored, shares): (Vec<Commission>, Vec<Share>) = shares.into_iter().unzip();
    let credits_nobody = !stored.iter().any(earns);
    let mut shares = shares.into_iter();
    let mut bookings = commission::advance(tx, stored, |course, stored| {
        let share = shares.next().ok_or_else(|| BookError::broken("a commission without a share"))?;
        let worthless = if is_whole { CommissionStatus::Reversed } else { stored.status };
        if earns(stored) { course.reverse(share, (&refund, number), None, worthless) } else { Ok(()) }
    })?;
    bookings.add(fees);
    let conversion = if credits_nobody {
        conversion.clone()
    } else {
        commission::refresh(tx, conversion.id, Some(&refund.reason))?
    };
    counted.give_back(tx, &conversion)?;
    let cause = format!("refunded:{}", refund.id);
    facts::put_changes(tx, &cause, &conversion, &labels, &picture, now)?;
    Ok(Refunded { conversion, refund, transactions: bookings.book(tx, now)? })
}

/// What a chargeback has cost; nothing where nothing is said.
fn fee(conversion: &Conversion, given: Option<&str>) -> Result<Amount, BookError> {
    let Some(given) = given else { return Ok(Amount::zero(conversion.currency)) };
    match Amount::parse(given, conversion.currency) {
        Ok(fee) if fee.is_negative() => {
            Err(BookError::field("fee", format!("{fee} was given, expected zero or more")))
        }
        Ok(fee) if fee.minor > hopline_types::ORDER_MINOR_MAX => {
            let most = Amount::new(hopline_types::ORDER_MINOR_MAX, conversion.currency);
            Err(BookError::field("fee", format!("{fee} is above {most}, the largest amount")))
        }
        Ok(fee) => Ok(fee),
        Err(error) => Err(BookError::field("fee", error)),
    }
}

/// The transaction that charges a fee to an affiliate.
fn fee_id(refund: i64, commission: &Commission) -> Result<TransactionId, BookError> {
    let kind = TransactionKind::ChargebackFee;
    TransactionId::new(format!("{kind}:{refund}:{}", commission.affiliate)).map_err(BookError::broken)
}

/// The fee of a chargeback, divided by what each affiliate was to get.
fn fees(refund: &Refund, shares: &[(Commission, Share)]) -> Result<Vec<Draft>, BookError> {
    if refund.fee_minor == 0 || shares.is_empty() {
        return Ok(Vec::new());
    }
    let weight = |(commission, _): &(Commission, Share)| commission.payout_minor.unsigned_abs();
    let mut weights: Vec<u64> = shares.iter().map(weight).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights.fill(1);
    }
    let parts = hopline_money::split(refund.fee_minor, &weights).map_err(BookError::broken)?;
    let why: String = refund.reason.chars().take(REASON_CHARS).collect();
    let reason = format!("fee of chargeback {} of conversion {}: {why}", refund.id, refund.conversion);
    let mut drafts = Vec::new();
    for ((commission, _), part) in shares.iter().zip(parts) {
        let fee = Amount::new(part, refund.currency);
        let id = fee_id(refund.id, commission)?;
        drafts.extend(recipe::chargeback_fee(
            commission.affiliate,
            fee,
            id,
            refund.created_at,
            reason.clone(),
        ));
    }
    Ok(drafts)
}

/// Which part of an order is given back, in minor units.
#[derive(Debug, Clone, Copy)]
struct Part {
    order: i64,
    now: i64,
    /// This refund included.
    so_far: i64,
}

/// What credits nobody yet may be claimed later: then its refunds count.
fn check_state(conversion: &Conversion, commissions: &[Commission]) -> Result<(), BookError> {
    let is_by_rule = conversion.reason.as_deref() == Some(RejectedBy::Rule.reason());
    let may_be_claimed = !is_closed(conversion) && (commissions.is_empty() || is_by_rule);
    let wanted = match conversion.status {
        None => "it can be refunded once it is decided",
        Some(CommissionStatus::Rejected) if !may_be_claimed => "there is nothing to take back",
        Some(CommissionStatus::Unattributed) if is_closed(conversion) => "there is nothing to take back",
        Some(_) => return Ok(()),
    };
    let is = conversion.status.map_or("not decided yet", CommissionStatus::as_str).to_owned();
    Err(BookError::State { what: "conversion", id: conversion.id.get(), is, wanted })
}

/// None: all of a conversion without an order amount.
fn part(
    conversion: &Conversion,
    before: &[Refund],
    is_taken: bool,
    asked: Option<&str>,
) -> Result<Option<Part>, BookError> {
    let refunded = BookError::State {
        what: "conversion",
        id: conversion.id.get(),
        is: "refunded in full".to_owned(),
        wanted: "there is nothing left to refund",
    };
    let Some(order) = conversion.ordered().filter(|amount| amount.minor > 0) else {
        if asked.is_some() {
            let message = "the conversion has no order amount: leave it out to refund all of it";
            return Err(BookError::field("amount", message));
        }
        return if is_taken { Err(refunded) } else { Ok(None) };
    };
    let done: i64 = before.iter().filter_map(|refund| refund.amount_minor).sum();
    let left = Amount::new(order.minor - done, order.currency);
    if left.minor <= 0 {
        return Err(refunded);
    }
    let now = match asked.map(|asked| Amount::parse(asked, order.currency)) {
        None => left,
        Some(Err(error)) => return Err(BookError::field("amount", error)),
        Some(Ok(now)) if now.minor <= 0 => {
            return Err(BookError::field("amount", format!("{now} was given, expected more than zero")));
        }
        Some(Ok(now)) if now.minor > left.minor => {
            let message = format!("{now} is more than the {left} that are left of {order}");
            return Err(BookError::field("amount", message));
        }
        Some(Ok(now)) => now,
    };
    Ok(Some(Part { order: order.minor, now: now.minor, so_far: done + now.minor }))
}

fn share(commission: &Commission, part: Option<Part>) -> Result<Share, BookError> {
    let original = commission::booked(commission)?;
    let amount = |minor| Amount::new(minor, commission.currency);
    let already =
        Share::new(amount(commission.reversed_revenue_minor), amount(commission.reversed_payout_minor))
            .map_err(BookError::broken)?;
    let share = match part {
        Some(part) => refund_share(original, already, part.order, part.so_far),
        None => original.minus(already),
    };
    share.ok_or_else(|| BookError::broken(format!("commission {} has no share to take back", commission.id)))
}
