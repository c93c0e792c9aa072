//! Which balances may go below zero (L-10).

use crate::{Account, TransactionKind};

/// A balance that would go below zero where it must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} must not take {account} to {after} minor units: it has {before}", account = .account.as_path())]
pub struct Overdrawn {
    /// The account.
    pub account: Account,
    /// What was to be booked.
    pub kind: TransactionKind,
    /// Balance before, seen from the account's normal side.
    pub before: i128,
    /// Balance after, seen from the account's normal side.
    pub after: i128,
}

/// Checks one account's balance (debit positive) before and after a whole transaction. What moves a balance
/// towards zero is always allowed, also while it stays below.
///
/// # Errors
/// The balance would fall, end below zero, and the account may not do so by this kind of transaction.
pub fn overdrawn(
    account: Account,
    kind: TransactionKind,
    before: i128,
    after: i128,
) -> Result<(), Overdrawn> {
    let side = account.normal_side();
    let (before, after) = (side.seen(before), side.seen(after));
    if after >= 0 || after >= before || account.kind().may_go_below_zero(kind) {
        Ok(())
    } else {
        Err(Overdrawn { account, kind, before, after })
    }
}
