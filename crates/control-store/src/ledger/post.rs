//! Booking a transaction.

use std::collections::BTreeMap;

use hopline_ledger::{
    Account, Draft, FirstDifference, Overdrawn, Posting, Refusal, Stored, TransactionId, TransactionKind,
    overdrawn, same_content,
};
use hopline_money::Currency;
use hopline_types::UnixMillis;

use super::{read, sums};
use crate::{StoreError, Tx, Value};

/// What became of a request to book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Posted {
    /// It was booked.
    New(Stored),
    /// It had been booked before, with the same content.
    Same(Stored),
}

impl Posted {
    /// The record, whenever it was booked.
    #[must_use]
    pub const fn record(&self) -> &Stored {
        match self {
            Self::New(stored) | Self::Same(stored) => stored,
        }
    }

    /// Whether this request booked it.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        matches!(self, Self::New(_))
    }
}

/// Why a transaction was not booked. Nothing was written then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The draft breaks a rule.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Its id is booked with another content (L-03).
    #[error(transparent)]
    Different(#[from] FirstDifference),
    /// A balance would go below zero where it must not (L-10).
    #[error(transparent)]
    Overdrawn(#[from] Overdrawn),
    /// The transaction that it corrects does not exist (L-06).
    #[error("transaction {id} corrects {corrects}, which does not exist")]
    CorrectsNothing {
        /// The draft's id.
        id: TransactionId,
        /// What it names.
        corrects: TransactionId,
    },
    /// A kept sum would not fit 64 bits (L-14).
    #[error("the sums of {account} in {currency} would not fit 64 bits")]
    Overflow {
        /// The account.
        account: Account,
        /// The currency.
        currency: Currency,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Books a transaction once: the same draft again answers as if new and changes nothing (L-03).
///
/// # Errors
/// See [`PostError`]; nothing has been written then, unless the store failed half-way, whose transaction cannot commit.
pub fn post(tx: &mut dyn Tx, draft: Draft, now: UnixMillis) -> Result<Posted, PostError> {
    if let Some(existing) = read::by_id(tx, &draft.id)? {
        same_content(&existing, &draft)?;
        return Ok(Posted::Same(existing));
    }
    let balanced = draft.check()?;
    if let Some(corrects) = &balanced.draft().corrects
        && read::by_id(tx, corrects)?.is_none()
    {
        let (id, corrects) = (balanced.draft().id.clone(), corrects.clone());
        return Err(PostError::CorrectsNothing { id, corrects });
    }
    let sums = sums_after(tx, balanced.draft())?;
    let stored = read::head(tx)?.seal(balanced, now);
    write_record(tx, &stored)?;
    write_sums(tx, &sums)?;
    write_items(tx, &stored)?;
    Ok(Posted::New(stored))
}

type Sums = BTreeMap<(Account, Currency), (i64, i64)>;

/// The totals that the draft leaves behind in the accounts it touches.
fn sums_after(tx: &mut dyn Tx, draft: &Draft) -> Result<Sums, PostError> {
    let mut touched: BTreeMap<(Account, Currency), Vec<i64>> = BTreeMap::new();
    for Posting { account, amount_minor, currency } in &draft.postings {
        touched.entry((*account, *currency)).or_default().push(*amount_minor);
    }
    let mut sums = Sums::new();
    for ((account, currency), amounts) in touched {
        let (debits, credits) = sums::totals(tx, account, currency)?;
        let before = i128::from(debits) - i128::from(credits);
        let mut after = Some((debits, credits));
        for amount in &amounts {
            after = after.and_then(|totals| with(totals, *amount));
        }
        let (debits, credits) = after.ok_or(PostError::Overflow { account, currency })?;
        overdrawn(account, draft.kind, before, i128::from(debits) - i128::from(credits))?;
        sums.insert((account, currency), (debits, credits));
    }
    Ok(sums)
}

fn with((debits, credits): (i64, i64), amount: i64) -> Option<(i64, i64)> {
    if amount < 0 {
        Some((debits, credits.checked_add(amount.checked_neg()?)?))
    } else {
        Some((debits.checked_add(amount)?, credits))
    }
}

fn write_record(tx: &mut dyn Tx, stored: &Stored) -> Result<(), StoreError> {
    let draft = &stored.draft;
    tx.execute(
        "INSERT INTO ledger_transactions (sequence, id, kind, effective_at, booked_at, conversion_id, affiliate_id, \
         payout_id, corrects, reason, previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        &[
            stored.sequence.into(),
            draft.id.as_str().into(),
            draft.kind.as_str().into(),
            draft.effective_at.into(),
            stored.booked_at.into(),
            draft.subject.conversion.into(),
            draft.subject.affiliate.into(),
            draft.subject.payout.into(),
            draft.corrects.as_ref().map(TransactionId::as_str).into(),
            draft.reason.as_deref().into(),
            stored.previous_hash.as_bytes().to_vec().into(),
            stored.hash.as_bytes().to_vec().into(),
        ],
    )?;
    let entries: Vec<Vec<Value>> = (0_i64..)
        .zip(&draft.postings)
        .map(|(position, posting)| {
            vec![
                stored.sequence.into(),
                position.into(),
                posting.account.as_path().into(),
                posting.currency.code().into(),
                posting.amount_minor.into(),
            ]
        })
        .collect();
    let sql = "INSERT INTO ledger_entries (sequence, position, account, currency, amount_minor) \
               VALUES ($1, $2, $3, $4, $5)";
    tx.execute_many(sql, &entries).map(drop)
}

fn write_sums(tx: &mut dyn Tx, sums: &Sums) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = sums
        .iter()
        .map(|((account, currency), (debits, credits))| {
            vec![account.as_path().into(), currency.code().into(), (*debits).into(), (*credits).into()]
        })
        .collect();
    let sql = "INSERT INTO ledger_balances (account, currency, debits, credits) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (account, currency) DO UPDATE SET debits = excluded.debits, credits = excluded.credits";
    tx.execute_many(sql, &rows).map(drop)
}

/// Whether entries of this kind on a payable account are what the next payout takes, rather than the payout itself.
pub(super) const fn makes_items(kind: TransactionKind) -> bool {
    !matches!(
        kind,
        TransactionKind::PayoutReserved | TransactionKind::PayoutSettled | TransactionKind::PayoutFailed
    )
}

fn write_items(tx: &mut dyn Tx, stored: &Stored) -> Result<(), StoreError> {
    let draft = &stored.draft;
    if !makes_items(draft.kind) {
        return Ok(());
    }
    for (position, posting) in (0_i64..).zip(&draft.postings) {
        let Account::AffiliatePayable(affiliate) = posting.account else { continue };
        tx.execute(
            "INSERT INTO payable_items (sequence, position, affiliate_id, currency, amount_minor, effective_at, \
             conversion_id) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                stored.sequence.into(),
                position.into(),
                affiliate.into(),
                posting.currency.code().into(),
                posting.amount_minor.saturating_neg().into(),
                draft.effective_at.into(),
                draft.subject.conversion.into(),
            ],
        )?;
    }
    Ok(())
}
