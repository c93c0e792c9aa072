//! Money: balances, the ledger, payout batches, settlements of clicks.

pub(crate) mod balances;
pub(crate) mod ledger;
pub(crate) mod payout_batches;
pub(crate) mod settlements;
