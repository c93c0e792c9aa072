//! Checking the books against themselves (L-02, L-13).

use std::collections::BTreeMap;

use hopline_ledger::{Account, Break, ChainChecker, ChainHash, Head, Period};
use hopline_money::Currency;
use hopline_types::{CommissionId, ConversionId, PayoutId, UnixMillis};

use super::{TransactionFilter, accounts, transactions};
use crate::{Scope, StoreError, Tx};

mod commissions;
mod conversions;
mod items;
mod payouts;
mod periods;

/// What was found sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sound {
    /// The end of the chain: note it outside, since a cut-off tail is not seen from inside.
    pub head: Head,
    /// Accounts compared.
    pub accounts: u64,
    /// Commissions compared.
    pub commissions: u64,
}

/// The first broken place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// The chain is broken, or a record does not balance.
    #[error(transparent)]
    Chain(#[from] Break),
    /// A record makes no sense at all.
    #[error("the ledger cannot be read after sequence {after}: {detail}")]
    Unreadable {
        /// The last record that could be read.
        after: i64,
        /// What is wrong.
        detail: String,
    },
    /// A record that was booked after a period was closed is effective in it (L-12).
    #[error(
        "sequence {sequence} is effective at {}, in a period that was closed before: expected {} or later",
        .effective_at.get(), .open_from.get()
    )]
    InClosedPeriod {
        /// Its sequence.
        sequence: i64,
        /// Its effective time.
        effective_at: UnixMillis,
        /// The start of what was open.
        open_from: UnixMillis,
    },
    /// The chain is not the one that a period was closed with.
    #[error(
        "{period} was closed with record {record_count} and the hash {noted}, the chain has {found} there"
    )]
    Period {
        /// The period.
        period: Period,
        /// The last record at that time.
        record_count: i64,
        /// Its hash as noted.
        noted: ChainHash,
        /// The hash found, or that of the end of the chain.
        found: ChainHash,
    },
    /// An entry belongs to no transaction.
    #[error("sequence {sequence} has entries but no transaction")]
    Stray {
        /// Its sequence.
        sequence: i64,
    },
    /// A kept sum differs from the entries.
    #[error(
        "{account} {currency}: kept debits {kept_debits} and credits {kept_credits}, the entries give {debits} and {credits}"
    )]
    Sums {
        /// The account.
        account: Account,
        /// The currency.
        currency: Currency,
        /// Kept.
        kept_debits: i128,
        /// Kept.
        kept_credits: i128,
        /// Counted again.
        debits: i128,
        /// Counted again.
        credits: i128,
    },
    /// An open item is missing, surplus or different.
    #[error("payable item {sequence}/{position}: {detail}")]
    Item {
        /// Sequence of its transaction.
        sequence: i64,
        /// Place of its entry.
        position: i64,
        /// What differs.
        detail: String,
    },
    /// A commission's kept status or amounts are not what its entries give.
    #[error("commission {commission} is kept as {kept}, its entries give {derived}")]
    Commission {
        /// Which.
        commission: CommissionId,
        /// As kept.
        kept: String,
        /// As derived.
        derived: String,
    },
    /// A commission was booked that is not kept.
    #[error("sequence {sequence} books a commission that is not kept")]
    NoCommission {
        /// The sequence of its first transaction.
        sequence: i64,
    },
    /// A conversion is not what its commissions, refunds or settled clicks say.
    #[error("conversion {conversion}: {detail}")]
    Conversion {
        /// Which.
        conversion: ConversionId,
        /// What differs.
        detail: String,
    },
    /// The note of settled clicks is not what its conversions say.
    #[error("settled clicks of goal {goal}, affiliate {affiliate}, hour {hour}: {detail}")]
    Clicks {
        /// The goal.
        goal: i64,
        /// The affiliate.
        affiliate: i64,
        /// The start of the hour, UTC milliseconds.
        hour: i64,
        /// What differs.
        detail: String,
    },
    /// A payout is not what was booked for it, or holds other items than its lines.
    #[error("payout {payout}: {detail}")]
    Payout {
        /// Which.
        payout: PayoutId,
        /// What differs.
        detail: String,
    },
}

const PAGE: u32 = 1_000;

/// Checks the whole ledger: the hash chain, every transaction's balance, the kept sums; then all that is kept beside it
/// and follows from it: open items, commissions, conversions, payouts, settled clicks. Reads in pages; names the first
/// broken place.
///
/// # Errors
/// The store fails.
pub fn verify(tx: &mut dyn Tx) -> Result<Result<Sound, Unsound>, StoreError> {
    let (head, sums) = match chain(tx)? {
        Ok(found) => found,
        Err(unsound) => return Ok(Err(unsound)),
    };
    if let Some(unsound) = strays(tx)? {
        return Ok(Err(unsound));
    }
    let accounts = match kept_sums(tx, &sums)? {
        Ok(accounts) => accounts,
        Err(unsound) => return Ok(Err(unsound)),
    };
    let commissions = match commissions::compare(tx)? {
        Ok(commissions) => commissions,
        Err(unsound) => return Ok(Err(unsound)),
    };
    for check in [items::surplus, payouts::compare, conversions::compare] {
        if let Some(unsound) = check(tx)? {
            return Ok(Err(unsound));
        }
    }
    Ok(Ok(Sound { head, accounts, commissions }))
}

type Sums = BTreeMap<(String, String), (i128, i128, Account, Currency)>;

fn chain(tx: &mut dyn Tx) -> Result<Result<(Head, Sums), Unsound>, StoreError> {
    let mut checker = ChainChecker::new();
    let mut periods = periods::Periods::load(tx)?;
    let mut sums = Sums::new();
    let mut after = 0;
    loop {
        let filter = TransactionFilter { after, ..TransactionFilter::default() };
        let page = match transactions(tx, Scope::All, &filter, PAGE) {
            Ok(page) => page,
            Err(error) if error.kind == crate::ErrorKind::Broken => {
                return Ok(Err(Unsound::Unreadable { after, detail: error.detail }));
            }
            Err(error) => return Err(error),
        };
        for record in &page {
            let before = checker.head();
            if let Err(broken) = checker.step(record) {
                return Ok(Err(broken.into()));
            }
            if let Some(unsound) = periods.step(before, record) {
                return Ok(Err(unsound));
            }
            for posting in &record.draft.postings {
                let key = (posting.account.as_path(), posting.currency.code().to_owned());
                let sum = sums.entry(key).or_insert((0, 0, posting.account, posting.currency));
                let amount = i128::from(posting.amount_minor);
                if amount < 0 { sum.1 -= amount } else { sum.0 += amount }
            }
            if let Some(unsound) = items::of_record(tx, record)? {
                return Ok(Err(unsound));
            }
        }
        match page.last() {
            Some(last) => after = last.sequence,
            None => {
                let head = checker.head();
                return Ok(periods.finish(head).map_or_else(|| Ok((head, sums)), Err));
            }
        }
    }
}

fn strays(tx: &mut dyn Tx) -> Result<Option<Unsound>, StoreError> {
    let row = tx.first(
        "SELECT e.sequence FROM ledger_entries e LEFT JOIN ledger_transactions t ON t.sequence = e.sequence \
         WHERE t.sequence IS NULL ORDER BY e.sequence LIMIT 1",
        &[],
    )?;
    row.map(|row| Ok(Unsound::Stray { sequence: row.int(0)? })).transpose()
}

fn kept_sums(tx: &mut dyn Tx, sums: &Sums) -> Result<Result<u64, Unsound>, StoreError> {
    let mut left = sums.clone();
    let mut compared = 0;
    let mut after: Option<(String, String)> = None;
    loop {
        let place = after.as_ref().map(|(account, currency)| (account.as_str(), currency.as_str()));
        let page = accounts(tx, Scope::All, place, PAGE)?;
        let Some(last) = page.last() else { break };
        after = Some((last.account.as_path(), last.currency.code().to_owned()));
        for kept in &page {
            let key = (kept.account.as_path(), kept.currency.code().to_owned());
            let (debits, credits, ..) = left.remove(&key).unwrap_or((0, 0, kept.account, kept.currency));
            let (kept_debits, kept_credits) = (i128::from(kept.debits_minor), i128::from(kept.credits_minor));
            if (kept_debits, kept_credits) != (debits, credits) {
                let (account, currency) = (kept.account, kept.currency);
                let unsound = Unsound::Sums { account, currency, kept_debits, kept_credits, debits, credits };
                return Ok(Err(unsound));
            }
            compared += 1;
        }
    }
    match left.into_values().next() {
        None => Ok(Ok(compared)),
        Some((debits, credits, account, currency)) => {
            Ok(Err(Unsound::Sums { account, currency, kept_debits: 0, kept_credits: 0, debits, credits }))
        }
    }
}
