//! People's judgement, and the end of holds.

use std::collections::BTreeSet;

use hopline_control_store::Tx;
use hopline_control_store::commissions::{self, Commission};
use hopline_control_store::conversions::{self, Conversion};
use hopline_types::{CommissionId, CommissionStatus, ConversionId, UnixMillis};

use crate::commission::{self, Course};
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
    let cause = format!("approved:{id}");
    let reviewed = change(tx, &conversion, &cause, None, now, |course| course.approve(now, hold_days, now))?;
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
    let reviewed = change(tx, &conversion, &cause, Some(reason), now, |course| course.reject(reason, now))?;
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
    mut step: impl FnMut(&mut Course) -> Result<(), BookError>,
) -> Result<Reviewed, BookError> {
    let labels = labels_of(conversion);
    let before = facts::picture(tx, conversion, &labels)?;
    let counted = caps::counted(tx, conversion)?;
    let mut pending = commissions::of_conversion(tx, conversion.id)?;
    pending.retain(|commission| commission.status == CommissionStatus::Pending);
    let bookings = commission::advance(tx, pending, |course, _| step(course))?;
    let conversion = commission::refresh(tx, conversion.id, reason)?;
    counted.give_back(tx, &conversion)?;
    facts::put_changes(tx, cause, &conversion, &labels, &before, now)?;
    Ok(Reviewed { conversion, transactions: bookings.book(tx, now)? })
}

/// How many holds were ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Released {
    /// Commissions looked at; as many as the limit: there may be more.
    pub commissions: u64,
    /// Ledger transactions booked.
    pub transactions: u64,
}

/// Makes commissions payable whose hold has ended, up to `limit`. Others may book beside ([`Mode::Book`]): the commissions
/// are locked before they are judged, and those that were changed meanwhile are left to the next call.
///
/// [`Mode::Book`]: hopline_control_store::Mode::Book
///
/// # Errors
/// The store's.
pub fn release_holds(tx: &mut dyn Tx, now: UnixMillis, limit: u32) -> Result<Released, BookError> {
    let due = commissions::held_until(tx, now, limit)?;
    let commissions = u64::try_from(due.len()).map_err(BookError::broken)?;
    let conversions: BTreeSet<ConversionId> = due.iter().map(|commission| commission.conversion).collect();
    commissions::lock(tx, due.iter().map(|commission| commission.id))?;
    conversions::lock(tx, conversions.iter().copied())?;
    let ids: Vec<ConversionId> = conversions.iter().copied().collect();
    let mut held: Vec<Commission> = commissions::of_conversions(tx, &ids)?.into_iter().flatten().collect();
    let named: BTreeSet<CommissionId> = due.iter().map(|commission| commission.id).collect();
    held.retain(|commission| {
        let is_over = commission.payable_at.is_some_and(|ends_at| ends_at <= now);
        is_over && commission.status == CommissionStatus::Approved && named.contains(&commission.id)
    });
    // As they were found: longest ended first.
    held.sort_by_key(|commission| (commission.payable_at, commission.id));
    let bookings = commission::advance(tx, held, |course, _| course.release(now))?;
    // Reports show approved before and after: there is nothing to tell them.
    commission::refresh_many(tx, conversions)?;
    Ok(Released { commissions, transactions: bookings.book(tx, now)? })
}
