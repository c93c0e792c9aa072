//! Checking the books against themselves (L-02, L-13).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hopline_ledger::{Account, Break, ChainChecker, Head, standing};
use hopline_money::Currency;
use hopline_types::{CommissionId, CommissionStatus, UnixMillis};

use super::post::makes_items;
use super::{TransactionFilter, accounts, of_commission, transactions};
use crate::{Scope, StoreError, Tx, commissions};

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
}

const PAGE: u32 = 1_000;

/// Checks the whole ledger: the hash chain, every transaction's balance, the kept sums, the open items, and the kept
/// status of every commission. Reads in pages; names the first broken place.
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
    if let Some(unsound) = surplus_items(tx)? {
        return Ok(Err(unsound));
    }
    match commission_statuses(tx)? {
        Ok(commissions) => Ok(Ok(Sound { head, accounts, commissions })),
        Err(unsound) => Ok(Err(unsound)),
    }
}

type Sums = BTreeMap<(String, String), (i128, i128, Account, Currency)>;

fn chain(tx: &mut dyn Tx) -> Result<Result<(Head, Sums), Unsound>, StoreError> {
    let mut checker = ChainChecker::new();
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
            if let Err(broken) = checker.step(record) {
                return Ok(Err(broken.into()));
            }
            for posting in &record.draft.postings {
                let key = (posting.account.as_path(), posting.currency.code().to_owned());
                let sum = sums.entry(key).or_insert((0, 0, posting.account, posting.currency));
                let amount = i128::from(posting.amount_minor);
                if amount < 0 { sum.1 -= amount } else { sum.0 += amount }
            }
            if let Some(unsound) = items_of(tx, record)? {
                return Ok(Err(unsound));
            }
        }
        match page.last() {
            Some(last) => after = last.sequence,
            None => return Ok(Ok((checker.head(), sums))),
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

/// Compares the open items that a record makes with those kept.
fn items_of(tx: &mut dyn Tx, record: &hopline_ledger::Stored) -> Result<Option<Unsound>, StoreError> {
    if !makes_items(record.draft.kind) {
        return Ok(None);
    }
    for (position, posting) in (0_i64..).zip(&record.draft.postings) {
        let Account::AffiliatePayable(affiliate) = posting.account else { continue };
        let row = tx.first(
            "SELECT affiliate_id, currency, amount_minor, effective_at, conversion_id FROM payable_items \
             WHERE sequence = $1 AND position = $2",
            &[record.sequence.into(), position.into()],
        )?;
        let mut detail = String::new();
        match row {
            None => detail.push_str("is missing"),
            Some(row) => {
                let kept = (
                    row.int(0)?,
                    row.text(1)?.to_owned(),
                    row.int(2)?.saturating_neg(),
                    UnixMillis(row.int(3)?),
                    row.int_or_null(4)?,
                );
                let expected = (
                    affiliate.get(),
                    posting.currency.code().to_owned(),
                    posting.amount_minor,
                    record.draft.effective_at,
                    record.draft.subject.conversion.map(hopline_types::ConversionId::get),
                );
                if kept != expected {
                    write!(detail, "kept {kept:?}, the entry gives {expected:?}").unwrap_or_default();
                }
            }
        }
        if !detail.is_empty() {
            return Ok(Some(Unsound::Item { sequence: record.sequence, position, detail }));
        }
    }
    Ok(None)
}

/// Items that no entry makes, and items given to a payout that does not have them as a line.
fn surplus_items(tx: &mut dyn Tx) -> Result<Option<Unsound>, StoreError> {
    let surplus = tx.first(
        "SELECT i.sequence, i.position FROM payable_items i LEFT JOIN ledger_entries e \
         ON e.sequence = i.sequence AND e.position = i.position AND e.amount_minor = -i.amount_minor \
         AND e.account = 'affiliate:' || CAST(i.affiliate_id AS TEXT) || ':payable' \
         WHERE e.sequence IS NULL ORDER BY i.sequence LIMIT 1",
        &[],
    )?;
    if let Some(row) = surplus {
        let detail = "no entry makes it".to_owned();
        return Ok(Some(Unsound::Item { sequence: row.int(0)?, position: row.int(1)?, detail }));
    }
    let unlined = tx.first(
        "SELECT i.sequence, i.position FROM payable_items i LEFT JOIN payout_lines l ON l.payout_id = i.payout_id \
         AND l.sequence = i.sequence AND l.position = i.position AND l.amount_minor = i.amount_minor \
         WHERE i.payout_id IS NOT NULL AND l.sequence IS NULL ORDER BY i.sequence LIMIT 1",
        &[],
    )?;
    if let Some(row) = unlined {
        let detail = "its payout does not have it as a line".to_owned();
        return Ok(Some(Unsound::Item { sequence: row.int(0)?, position: row.int(1)?, detail }));
    }
    Ok(None)
}

fn commission_statuses(tx: &mut dyn Tx) -> Result<Result<u64, Unsound>, StoreError> {
    let mut compared = 0;
    let mut after = None;
    loop {
        let page = commissions::after(tx, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(Ok(compared)) };
        after = Some(last.id);
        for kept in &page {
            compared += 1;
            if let Some(unsound) = commission_status(tx, kept)? {
                return Ok(Err(unsound));
            }
        }
    }
}

fn commission_status(tx: &mut dyn Tx, kept: &commissions::Commission) -> Result<Option<Unsound>, StoreError> {
    // What is worth nothing is never booked.
    if kept.revenue_minor == 0 && kept.payout_minor == 0 {
        return Ok(None);
    }
    let told = |status: CommissionStatus, amounts: [i64; 4]| {
        let [revenue, payout, reversed_revenue, reversed_payout] = amounts;
        format!(
            "{status}, revenue {revenue}, payout {payout}, reversed {reversed_revenue} and {reversed_payout}"
        )
    };
    let kept_as = told(
        kept.status,
        [kept.revenue_minor, kept.payout_minor, kept.reversed_revenue_minor, kept.reversed_payout_minor],
    );
    let derived = match standing(of_commission(tx, kept.conversion, kept.affiliate)?) {
        Err(error) => error.to_string(),
        Ok(now) => told(
            now.status,
            [now.booked_revenue_minor, now.booked_minor, now.reversed_revenue_minor, now.reversed_minor],
        ),
    };
    let differs = kept_as != derived;
    Ok(differs.then_some(Unsound::Commission { commission: kept.id, kept: kept_as, derived }))
}
