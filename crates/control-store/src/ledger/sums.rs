//! Kept sums: accounts, balances, trial balance.

use std::collections::BTreeMap;

use hopline_ledger::Account;
use hopline_money::Currency;

use super::read::own_accounts;
use crate::{Row, Scope, StoreError, Tx, Value};

/// The kept sums of one account in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
    /// Sum of its debits.
    pub debits_minor: i64,
    /// Sum of its credits.
    pub credits_minor: i64,
}

impl AccountBalance {
    /// The balance as seen from the account's normal side.
    #[must_use]
    pub fn balance_minor(&self) -> i128 {
        let debit_positive = i128::from(self.debits_minor) - i128::from(self.credits_minor);
        self.account.normal_side().seen(debit_positive)
    }
}

fn balance_row(row: &Row) -> Result<AccountBalance, StoreError> {
    Ok(AccountBalance {
        account: row.parsed(0)?,
        currency: row.parsed(1)?,
        debits_minor: row.int(2)?,
        credits_minor: row.int(3)?,
    })
}

/// Accounts with entries, in order of their paths; a tenant sees its own.
///
/// # Errors
/// The store fails.
pub fn accounts(
    tx: &mut dyn Tx,
    scope: Scope,
    after: Option<(&str, &str)>,
    limit: u32,
) -> Result<Vec<AccountBalance>, StoreError> {
    let own = own_accounts(scope);
    let (account, currency) = after.unwrap_or_default();
    let rows = tx.query(
        "SELECT account, currency, debits, credits FROM ledger_balances \
         WHERE ($1 = 'all' OR account IN ($2, $3, $4, $5)) AND (account, currency) > ($6, $7) \
         ORDER BY account, currency LIMIT $8",
        &[
            scope.word().into(),
            own[0].as_str().into(),
            own[1].as_str().into(),
            own[2].as_str().into(),
            own[3].as_str().into(),
            account.into(),
            currency.into(),
            i64::from(limit).into(),
        ],
    )?;
    rows.iter().map(balance_row).collect()
}

/// The kept sums of all accounts whose path begins like this, such as `affiliate:`.
///
/// # Errors
/// The store fails.
pub fn kept_balances(tx: &mut dyn Tx, prefix: &str) -> Result<Vec<AccountBalance>, StoreError> {
    // The character after every one that a path can have ends the range.
    let end = format!("{prefix}\u{7f}");
    let rows = tx.query(
        "SELECT account, currency, debits, credits FROM ledger_balances WHERE account >= $1 AND account < $2 \
         ORDER BY account, currency",
        &[prefix.into(), end.into()],
    )?;
    rows.iter().map(balance_row).collect()
}

/// Debits and credits of one account in one currency, kept.
pub(super) fn totals(
    tx: &mut dyn Tx,
    account: Account,
    currency: Currency,
) -> Result<(i64, i64), StoreError> {
    let row = tx.first(
        "SELECT debits, credits FROM ledger_balances WHERE account = $1 AND currency = $2",
        &[account.as_path().into(), currency.code().into()],
    )?;
    row.map_or(Ok((0, 0)), |row| Ok((row.int(0)?, row.int(1)?)))
}

/// Debits and credits of many accounts, where any are kept; in the order asked for.
pub(super) fn totals_of(
    tx: &mut dyn Tx,
    accounts: &[(Account, Currency)],
) -> Result<Vec<Option<(i64, i64)>>, StoreError> {
    let row =
        |(account, currency): &(Account, Currency)| vec![account.as_path().into(), currency.code().into()];
    let rows: Vec<Vec<Value>> = accounts.iter().map(row).collect();
    let sql = "SELECT debits, credits FROM ledger_balances WHERE account = $1 AND currency = $2";
    let found = tx.query_many(sql, &rows)?;
    let sums = |row: &Row| Ok((row.int(0)?, row.int(1)?));
    found.iter().map(|rows| rows.first().map(sums).transpose()).collect()
}

/// The balance of one account in one currency, seen from its normal side.
///
/// # Errors
/// The store fails.
pub fn balance(tx: &mut dyn Tx, account: Account, currency: Currency) -> Result<i128, StoreError> {
    let (debits, credits) = totals(tx, account, currency)?;
    Ok(account.normal_side().seen(i128::from(debits) - i128::from(credits)))
}

/// Sums over all accounts in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyTotals {
    /// The currency.
    pub currency: Currency,
    /// Sum of all debits.
    pub debits_minor: i128,
    /// Sum of all credits.
    pub credits_minor: i128,
}

/// Debits and credits per currency, from the kept sums. They are equal in each (L-02).
///
/// # Errors
/// The store fails.
pub fn trial_balance(tx: &mut dyn Tx) -> Result<Vec<CurrencyTotals>, StoreError> {
    let mut sums: BTreeMap<Currency, (i128, i128)> = BTreeMap::new();
    // Added up here, in 128 bits: the sum over all accounts may be wider than each.
    let mut after: Option<(String, String)> = None;
    loop {
        let place = after.as_ref().map(|(account, currency)| (account.as_str(), currency.as_str()));
        let page = accounts(tx, Scope::All, place, 1_000)?;
        let Some(last) = page.last() else { break };
        after = Some((last.account.as_path(), last.currency.code().to_owned()));
        for balance in &page {
            let sum = sums.entry(balance.currency).or_default();
            sum.0 += i128::from(balance.debits_minor);
            sum.1 += i128::from(balance.credits_minor);
        }
    }
    let each = sums.into_iter().map(|(currency, (debits_minor, credits_minor))| CurrencyTotals {
        currency,
        debits_minor,
        credits_minor,
    });
    Ok(each.collect())
}
