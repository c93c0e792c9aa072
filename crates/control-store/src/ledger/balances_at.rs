//! Balances as of an effective time, added up from the entries.

use std::collections::BTreeMap;

use hopline_ledger::Account;
use hopline_money::Currency;
use hopline_types::UnixMillis;

use crate::{Row, StoreError, Tx};

/// What all accounts held before a time, in order of account and currency; debits above zero. Adds up every entry before
/// it.
///
/// # Errors
/// The store fails.
pub fn balances_before(
    tx: &mut dyn Tx,
    at: UnixMillis,
    last_sequence: i64,
) -> Result<Vec<(Account, Currency, i128)>, StoreError> {
    // Both signs on their own: each fits 64 bits as the kept sums do.
    let rows = tx.query(
        "SELECT e.account, e.currency, CAST(sum(CASE WHEN e.amount_minor > 0 THEN e.amount_minor ELSE 0 END) AS BIGINT), \
         CAST(sum(CASE WHEN e.amount_minor < 0 THEN e.amount_minor ELSE 0 END) AS BIGINT) \
         FROM ledger_entries e JOIN ledger_transactions t ON t.sequence = e.sequence \
         WHERE t.effective_at < $1 AND t.sequence <= $2 GROUP BY e.account, e.currency",
        &[at.into(), last_sequence.into()],
    )?;
    let sum = |row: &Row| {
        let minor = i128::from(row.int(2)?) + i128::from(row.int(3)?);
        Ok(((row.parsed::<Account>(0)?, row.parsed::<Currency>(1)?), minor))
    };
    let sums: BTreeMap<_, _> = rows.iter().map(sum).collect::<Result<_, StoreError>>()?;
    Ok(sums.into_iter().map(|((account, currency), minor)| (account, currency, minor)).collect())
}
