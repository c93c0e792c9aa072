//! Money: balances, the ledger, payout batches, settlements of clicks.

pub(crate) mod balances;
pub(crate) mod holds;
pub(crate) mod journal;
pub(crate) mod ledger;
pub(crate) mod payout_batches;
pub(crate) mod payout_forms;
pub(crate) mod payout_minimums;
pub(crate) mod payout_results;
pub(crate) mod payout_schedules;
pub(crate) mod periods;
pub(crate) mod settlements;
pub(crate) mod statements;
