//! What the files for people and services are made of: a batch and its rows.

use hopline_money::{Amount, Currency, MoneyError};
use hopline_types::{AffiliateId, BatchId, PayoutId, PayoutMethod, UnixMillis};

use crate::PayTo;

/// A batch, as its files name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchInfo {
    /// Its id.
    pub batch: BatchId,
    /// Names its files: see [`message_id`](crate::message_id).
    pub message_id: String,
    /// Its one currency.
    pub currency: Currency,
    /// When it was made. Part of files, so it must not change between exports.
    pub created_at: UnixMillis,
    /// The day on which it shall be paid, `YYYY-MM-DD`.
    pub execution_date: String,
}

/// One payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayoutRow {
    /// Its id.
    pub payout_id: PayoutId,
    /// Who is paid.
    pub affiliate_id: AffiliateId,
    /// How.
    pub method: PayoutMethod,
    /// Where to.
    pub pay_to: PayTo,
    /// How much.
    pub amount: Amount,
    /// The payer's reference: see [`end_to_end_id`](crate::end_to_end_id).
    pub reference: String,
}

/// Why no file could be made of rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// One file has one currency (P-05).
    #[error("payout {payout} is in {given}, the file in {expected}")]
    Currency {
        /// The payout that differs.
        payout: PayoutId,
        /// The file's currency.
        expected: &'static str,
        /// The payout's currency.
        given: &'static str,
    },
    /// The amounts cannot be summed up.
    #[error("the control sum at payout {payout}")]
    ControlSum {
        /// The payout that makes it too large.
        payout: PayoutId,
        /// What was wrong.
        #[source]
        source: MoneyError,
    },
    /// A payee that this file cannot carry.
    #[error("payout {payout}: {detail}")]
    Payee {
        /// The payout.
        payout: PayoutId,
        /// What does not fit.
        detail: String,
    },
    /// More rows than the service takes.
    #[error("{given} payouts, the service takes {limit} in one file")]
    TooMany {
        /// Rows given.
        given: usize,
        /// Rows taken.
        limit: usize,
    },
    /// Something that concerns the whole file.
    #[error("{detail}")]
    File {
        /// What does not fit.
        detail: String,
    },
}

/// The sum of a file's rows, all of which are in its currency.
pub(crate) fn control_sum(currency: Currency, rows: &[PayoutRow]) -> Result<Amount, RowFault> {
    let mut sum = Amount::zero(currency);
    for row in rows {
        let payout = row.payout_id;
        if row.amount.currency != currency {
            let (expected, given) = (currency.code(), row.amount.currency.code());
            return Err(RowFault::Currency { payout, expected, given });
        }
        sum = sum.checked_add(row.amount).map_err(|source| RowFault::ControlSum { payout, source })?;
    }
    Ok(sum)
}
