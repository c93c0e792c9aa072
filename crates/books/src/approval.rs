//! People's judgement, and the end of holds.

use hopline_control_store::commissions::{self, Commission};
use hopline_control_store::{Tx, conversions::Conversion};
use hopline_types::{CommissionStatus, ConversionId, UnixMillis};

use crate::commission::{self, Bookings};
use crate::decide::labels_of;
use crate::{BookError, caps, facts};

/// A conversion after somebody has judged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// As it is now.
    pub conversion: Conversion,
    /// How many ledger transactions were booked now; none where it had been judged so before.
    pub transactions: u64,
}

/// Approves a pending conversion. Approved already: nothing changes. The hold counts from now.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`], the store's.
pub fn approve(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    actor: &str,
    now: UnixMillis,
) -> Result<Reviewed, BookError> {
    let conversion = commission::conversion_of(tx, conversion)?;
    match conversion.status {
        Some(CommissionStatus::Pending) => {}
        Some(CommissionStatus::Approved | CommissionStatus::Payable | CommissionStatus::Paid) => {
            return Ok(Reviewed { conversion, transactions: 0 });
        }
        _ => return Err(not_pending(&conversion, "only pending ones can be approved")),
    }
    let hold_days = commission::offer_of(tx, &conversion)?.settings.hold_days;
    let id = conversion.id;
    let reviewed =
        change(tx, &conversion, &format!("approved:{id}"), None, now, |tx, commission, bookings| {
            commission::approve(tx, commission, now, hold_days, bookings, now)
        })?;
    tracing::debug!(conversion.id = id.get(), actor, "conversion approved");
    Ok(reviewed)
}

/// Rejects a pending conversion. Rejected already: nothing changes.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`] (approved ones are refunded), [`BookError::Invalid`], the store's.
pub fn reject(
    tx: &mut dyn Tx,
    conversion: ConversionId,
    reason: &str,
    actor: &str,
    now: UnixMillis,
) -> Result<Reviewed, BookError> {
    let conversion = commission::conversion_of(tx, conversion)?;
    commission::check_reason(reason)?;
    match conversion.status {
        Some(CommissionStatus::Pending) => {}
        Some(CommissionStatus::Rejected) => return Ok(Reviewed { conversion, transactions: 0 }),
        _ => return Err(not_pending(&conversion, "only pending ones can be rejected; refund approved ones")),
    }
    let id = conversion.id;
    let cause = format!("rejected:{id}");
    let reviewed = change(tx, &conversion, &cause, Some(reason), now, |tx, commission, bookings| {
        commission::reject(tx, commission, reason, now, bookings, now)
    })?;
    tracing::debug!(conversion.id = id.get(), actor, "conversion rejected");
    Ok(reviewed)
}

fn not_pending(conversion: &Conversion, wanted: &'static str) -> BookError {
    let is = conversion.status.map_or("not decided yet", CommissionStatus::as_str).to_owned();
    BookError::State { what: "conversion", id: conversion.id.get(), is, wanted }
}

/// Moves every pending commission of a conversion, keeps its status and tells reports.
fn change(
    tx: &mut dyn Tx,
    conversion: &Conversion,
    cause: &str,
    reason: Option<&str>,
    now: UnixMillis,
    mut step: impl FnMut(&mut dyn Tx, &mut Commission, &mut Bookings) -> Result<(), BookError>,
) -> Result<Reviewed, BookError> {
    let labels = labels_of(conversion);
    let before = facts::picture(tx, conversion, &labels)?;
    let counted = caps::counted(tx, conversion)?;
    let mut bookings = Bookings::default();
    for mut commission in commissions::of_conversion(tx, conversion.id)? {
        if commission.status == CommissionStatus::Pending {
            step(tx, &mut commission, &mut bookings)?;
        }
    }
    let conversion = commission::refresh(tx, conversion.id, reason)?;
    counted.give_back(tx, &conversion)?;
    facts::put_changes(tx, cause, &conversion, &labels, &before, now)?;
    Ok(Reviewed { conversion, transactions: bookings.new })
}

/// How many holds were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Released {
    /// Commissions looked at; as many as the limit: there may be more.
    pub commissions: u64,
    /// Ledger transactions booked.
    pub transactions: u64,
}

/// Makes commissions payable whose hold has ended, up to `limit`.
///
/// # Errors
/// The store's.
pub fn release_holds(tx: &mut dyn Tx, now: UnixMillis, limit: u32) -> Result<Released, BookError> {
    let mut released = Released::default();
    let mut bookings = Bookings::default();
    for mut commission in commissions::held_until(tx, now, limit)? {
        commission::release(tx, &mut commission, &mut bookings, now)?;
        // Reports show approved before and after: there is nothing to tell them.
        commission::refresh(tx, commission.conversion, None)?;
        released.commissions += 1;
    }
    released.transactions = bookings.new;
    Ok(released)
}
