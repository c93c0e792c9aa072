//! The end of holds, in bounded sets.
//!
//! A commission whose steps make no sense is set aside with the reason and tried again an hour later; the others of its set
//! go on. Where the ledger refuses a whole set, its caller halves it ([`release`]) until the one that is wrong stands alone.

use std::collections::BTreeSet;

use hopline_control_store::Tx;
use hopline_control_store::commissions::{self, Commission};
use hopline_control_store::conversions;
use hopline_types::{CommissionId, CommissionStatus, ConversionId, HOUR_MS, UnixMillis};

use crate::BookError;
use crate::commission::{self, Bookings, Course};

/// When what was set aside is tried again.
const RETRY_AFTER_MS: i64 = HOUR_MS;

/// How many holds were ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Released {
    /// Commissions looked at; as many as the limit: there may be more.
    pub commissions: u64,
    /// Ledger transactions booked.
    pub transactions: u64,
    /// Commissions that were set aside, and why.
    pub set_aside: Vec<(CommissionId, String)>,
}

/// Commissions whose hold has ended, up to `limit`; without those set aside.
///
/// # Errors
/// The store's.
pub fn ended_holds(tx: &mut dyn Tx, now: UnixMillis, limit: u32) -> Result<Vec<CommissionId>, BookError> {
    Ok(commissions::held_until(tx, now, limit)?.iter().map(|commission| commission.id).collect())
}

/// Makes commissions payable whose hold has ended, up to `limit`.
///
/// # Errors
/// The store's; what the ledger refuses.
pub fn release_holds(tx: &mut dyn Tx, now: UnixMillis, limit: u32) -> Result<Released, BookError> {
    let due = ended_holds(tx, now, limit)?;
    release(tx, &due, now)
}

/// Makes these commissions payable, as far as their hold has ended. Others may book beside ([`Mode::Book`]): they are locked
/// before they are judged, and those that were changed meanwhile are left to the next call.
///
/// [`Mode::Book`]: hopline_control_store::Mode::Book
///
/// # Errors
/// The store's; what the ledger refuses.
pub fn release(tx: &mut dyn Tx, due: &[CommissionId], now: UnixMillis) -> Result<Released, BookError> {
    let mut released =
        Released { commissions: u64::try_from(due.len()).map_err(BookError::broken)?, ..Released::default() };
    commissions::lock(tx, due.iter().copied())?;
    let named: BTreeSet<CommissionId> = due.iter().copied().collect();
    let found = commissions::find_many(tx, due)?;
    let conversions: BTreeSet<ConversionId> = found.iter().map(|commission| commission.conversion).collect();
    conversions::lock(tx, conversions.iter().copied())?;
    let ids: Vec<ConversionId> = conversions.iter().copied().collect();
    let mut held: Vec<Commission> = commissions::of_conversions(tx, &ids)?.into_iter().flatten().collect();
    held.retain(|commission| {
        let is_over = commission.payable_at.is_some_and(|ends_at| ends_at <= now);
        is_over && commission.status == CommissionStatus::Approved && named.contains(&commission.id)
    });
    // As they were found: longest ended first.
    held.sort_by_key(|commission| (commission.payable_at, commission.id));
    let mut bookings = Bookings::default();
    let mut sound = Vec::with_capacity(held.len());
    for (mut course, mut commission) in Course::of(tx, &held)?.into_iter().zip(held) {
        match course.release(now) {
            Ok(()) => {
                bookings.add(course.into_changes(&mut commission));
                sound.push(commission);
            }
            Err(damage) => {
                set_hold_aside(tx, commission.id, &damage.to_string(), now)?;
                released.set_aside.push((commission.id, damage.to_string()));
            }
        }
    }
    commissions::update(tx, &sound)?;
    commissions::forget_set_aside(tx, sound.iter().map(|commission| commission.id))?;
    // Reports show approved before and after: there is nothing to tell them.
    commission::refresh_many(
        tx,
        sound.iter().map(|commission| commission.conversion).collect::<BTreeSet<_>>(),
    )?;
    released.transactions = bookings.book(tx, now)?;
    Ok(released)
}

/// Leaves a commission alone for an hour whose hold cannot be ended.
///
/// # Errors
/// The store fails.
pub fn set_hold_aside(
    tx: &mut dyn Tx,
    commission: CommissionId,
    detail: &str,
    now: UnixMillis,
) -> Result<(), BookError> {
    let detail: String = detail.chars().take(500).collect();
    Ok(commissions::set_hold_aside(tx, commission, &detail, now.plus(RETRY_AFTER_MS), now)?)
}
