//! Closing periods (L-12).
//!
//! A closed month takes no entry any more, and none before it; it is never opened again. [`super::post_many`] asks
//! [`open_from`] under the ledger's lock, which a closing holds too: whatever is booked after a closing is effective after
//! it. A closing notes the end of the chain at that moment, as statements of the month print it (L-13).

use hopline_ledger::{ChainHash, Period};
use hopline_types::UnixMillis;

use super::read::{hash, head};
use crate::{Lock, Row, StoreError, Tx};

/// A month that was closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedPeriod {
    /// The month.
    pub period: Period,
    /// When it was closed.
    pub closed_at: UnixMillis,
    /// By whom.
    pub closed_by: String,
    /// How many records the ledger had then.
    pub record_count: i64,
    /// The hash of the last of them.
    pub record_hash: ChainHash,
}

/// Why a period was not closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseError {
    /// It is not over.
    #[error("{period} is not over: it can be closed from {} on", start_text(*.from))]
    NotOver {
        /// The period.
        period: Period,
        /// Its end.
        from: UnixMillis,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn start_text(time: UnixMillis) -> String {
    Period::of(time).map_or_else(|| time.get().to_string(), |period| format!("{period}-01T00:00:00Z"))
}

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT month, closed_at, closed_by, record_count, record_hash FROM ledger_periods ", $rest)
    };
}

fn closed_period(row: &Row) -> Result<ClosedPeriod, StoreError> {
    Ok(ClosedPeriod {
        period: row.parsed(0)?,
        closed_at: row.time(1)?,
        closed_by: row.text(2)?.to_owned(),
        record_count: row.int(3)?,
        record_hash: hash(row, 4)?,
    })
}

/// Closes a period and all before it; one that is closed stays as it is. Gives back the closing that holds for it, and
/// whether it is new.
///
/// # Errors
/// See [`CloseError`]; nothing has changed then.
pub fn close(
    tx: &mut dyn Tx,
    period: Period,
    by: &str,
    now: UnixMillis,
) -> Result<(ClosedPeriod, bool), CloseError> {
    if now < period.end() {
        return Err(CloseError::NotOver { period, from: period.end() });
    }
    tx.lock(Lock::Ledger)?;
    if let Some(closed) = closing_of(tx, period)? {
        return Ok((closed, false));
    }
    let head = head(tx)?;
    tx.execute(
        "INSERT INTO ledger_periods (month, closed_until, closed_at, closed_by, record_count, record_hash) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        &[
            period.to_string().into(),
            period.end().into(),
            now.into(),
            by.into(),
            head.count.into(),
            head.hash.as_bytes().to_vec().into(),
        ],
    )?;
    let closed = ClosedPeriod {
        period,
        closed_at: now,
        closed_by: by.to_owned(),
        record_count: head.count,
        record_hash: head.hash,
    };
    Ok((closed, true))
}

/// The closing that holds for a period: its own, or that of a later one. None while it is open.
///
/// # Errors
/// The store fails.
pub fn closing_of(tx: &mut dyn Tx, period: Period) -> Result<Option<ClosedPeriod>, StoreError> {
    let sql = select!("WHERE closed_until >= $1 ORDER BY closed_until LIMIT 1");
    tx.first(sql, &[period.end().into()])?.as_ref().map(closed_period).transpose()
}

/// All closings, in order.
///
/// # Errors
/// The store fails.
pub fn closed_periods(tx: &mut dyn Tx) -> Result<Vec<ClosedPeriod>, StoreError> {
    tx.query(select!("ORDER BY closed_until"), &[])?.iter().map(closed_period).collect()
}

/// The first moment of what is open; None where nothing was closed.
///
/// # Errors
/// The store fails.
pub fn open_from(tx: &mut dyn Tx) -> Result<Option<UnixMillis>, StoreError> {
    let sql = "SELECT closed_until FROM ledger_periods ORDER BY closed_until DESC LIMIT 1";
    tx.first(sql, &[])?.map(|row| row.time(0)).transpose()
}
