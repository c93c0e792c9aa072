//! The entries of one affiliate's accounts, for its statements.

use std::collections::BTreeMap;

use hopline_ledger::{Account, TransactionKind};
use hopline_money::Currency;
use hopline_types::{AffiliateId, ConversionId, OfferId, PayoutId, UnixMillis};

use super::read::own_accounts;
use crate::{Row, Scope, StoreError, Tx, Value};

/// An entry on an affiliate's account, with what its transaction is about. Nothing of it ever changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnEntry {
    /// The transaction's place in the ledger.
    pub sequence: i64,
    /// What happened.
    pub kind: TransactionKind,
    /// Its effective time.
    pub effective_at: UnixMillis,
    /// When it was booked.
    pub booked_at: UnixMillis,
    /// The conversion with its offer, its goal and its time.
    pub conversion: Option<(ConversionId, OfferId, String, UnixMillis)>,
    /// The payout.
    pub payout: Option<PayoutId>,
    /// Why.
    pub reason: Option<String>,
    /// The account.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
    /// Minor units, debits above zero.
    pub amount_minor: i64,
}

fn own(affiliate: AffiliateId) -> [Value; 4] {
    own_accounts(Scope::Affiliate(affiliate)).map(Value::from)
}

/// Entries on an affiliate's accounts that are effective in a span of time, up to a record; in order of effective time and
/// booking.
///
/// # Errors
/// The store fails.
pub fn own_entries(
    tx: &mut dyn Tx,
    affiliate: AffiliateId,
    from: UnixMillis,
    to: UnixMillis,
    last_sequence: i64,
) -> Result<Vec<OwnEntry>, StoreError> {
    let [one, two, three, four] = own(affiliate);
    let rows = tx.query(
        "SELECT t.sequence, t.kind, t.effective_at, t.booked_at, t.conversion_id, c.offer_id, c.goal_key, c.converted_at, \
         t.payout_id, t.reason, e.account, e.currency, e.amount_minor \
         FROM ledger_entries e JOIN ledger_transactions t ON t.sequence = e.sequence \
         LEFT JOIN conversions c ON c.id = t.conversion_id \
         WHERE e.account IN ($1, $2, $3, $4) AND t.effective_at >= $5 AND t.effective_at < $6 AND t.sequence <= $7 \
         ORDER BY t.effective_at, t.sequence, e.position",
        &[one, two, three, four, from.into(), to.into(), last_sequence.into()],
    )?;
    rows.iter().map(own_entry).collect()
}

fn own_entry(row: &Row) -> Result<OwnEntry, StoreError> {
    let conversion = match row.id_or_null(4)? {
        None => None,
        Some(id) => Some((id, row.id(5)?, row.text(6)?.to_owned(), row.time(7)?)),
    };
    Ok(OwnEntry {
        sequence: row.int(0)?,
        kind: row.parsed(1)?,
        effective_at: row.time(2)?,
        booked_at: row.time(3)?,
        conversion,
        payout: row.id_or_null(8)?,
        reason: row.text_or_null(9)?.map(str::to_owned),
        account: row.parsed(10)?,
        currency: row.parsed(11)?,
        amount_minor: row.int(12)?,
    })
}

/// What an affiliate's accounts held before a time, up to a record; debits above zero.
///
/// # Errors
/// The store fails.
pub fn own_balances_before(
    tx: &mut dyn Tx,
    affiliate: AffiliateId,
    at: UnixMillis,
    last_sequence: i64,
) -> Result<BTreeMap<(Currency, Account), i128>, StoreError> {
    let [one, two, three, four] = own(affiliate);
    let rows = tx.query(
        "SELECT e.account, e.currency, CAST(sum(e.amount_minor) AS BIGINT) \
         FROM ledger_entries e JOIN ledger_transactions t ON t.sequence = e.sequence \
         WHERE e.account IN ($1, $2, $3, $4) AND t.effective_at < $5 AND t.sequence <= $6 GROUP BY e.account, e.currency",
        &[one, two, three, four, at.into(), last_sequence.into()],
    )?;
    rows.iter().map(|row| Ok(((row.parsed(1)?, row.parsed(0)?), i128::from(row.int(2)?)))).collect()
}
