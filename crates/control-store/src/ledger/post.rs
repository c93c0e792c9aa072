//! Booking a transaction.

use std::collections::{BTreeMap, BTreeSet};

use hopline_ledger::{
    Account, Balanced, ChainHash, Draft, FirstDifference, Head, Overdrawn, Posting, Refusal, Stored,
    TransactionId, TransactionKind, overdrawn, same_content,
};
use hopline_money::Currency;
use hopline_types::UnixMillis;

use super::{periods, read, sums};
use crate::{ErrorKind, Lock, StoreError, Tx, Value};

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
    let missing = || StoreError::new(ErrorKind::Broken, "a transaction that was just booked is not there");
    post_many(tx, vec![draft], now)?.pop().ok_or_else(|| missing().into())
}

/// Books transactions in this order, each once: a draft that was booked before, here or in an earlier call, answers as
/// if new and changes nothing (L-03). All or none of the others are booked. One that is effective in a closed period is
/// booked in the open one (L-12).
///
/// Holds [`Lock::Ledger`] from the middle on to the transaction's end: book last. Where somebody else has booked one of
/// them in between the store reports a conflict, and the job is to be run again.
///
/// # Errors
/// See [`PostError`]; nothing has been written then, unless the store failed half-way, whose transaction cannot commit.
pub fn post_many(tx: &mut dyn Tx, drafts: Vec<Draft>, now: UnixMillis) -> Result<Vec<Posted>, PostError> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let mut plan = Plan::new(tx, drafts)?;
    if plan.new.is_empty() {
        return plan.answers(Vec::new());
    }
    tx.lock(Lock::Ledger)?;
    plan.book_into_sums(tx)?;
    let mut head = read::head(tx)?;
    let open_from = periods::open_from(tx)?.unwrap_or(UnixMillis(i64::MIN));
    let mut stored = Vec::with_capacity(plan.new.len());
    for balanced in std::mem::take(&mut plan.new) {
        let record = head.seal(balanced.not_before(open_from), now);
        head = Head::of(&record);
        stored.push(record);
    }
    write_records(tx, &stored)?;
    plan.write_sums(tx)?;
    write_items(tx, &stored)?;
    plan.answers(stored)
}

type Sums = BTreeMap<(Account, Currency), (i64, i64)>;

/// What becomes of a draft.
enum Fate {
    /// It was booked before.
    Same(Box<Stored>),
    /// It is the new one in this place.
    New(usize),
    /// It is the same as the new one in this place.
    Again(usize),
}

/// What is to be booked.
struct Plan {
    fates: Vec<Fate>,
    /// In order.
    new: Vec<Balanced>,
    /// As they will be.
    sums: Sums,
    /// Those among them that were kept before.
    kept: BTreeSet<(Account, Currency)>,
}

impl Plan {
    /// All that can be found out without the end of the chain.
    fn new(tx: &mut dyn Tx, drafts: Vec<Draft>) -> Result<Self, PostError> {
        let asked: BTreeSet<&TransactionId> =
            drafts.iter().flat_map(|draft| [Some(&draft.id), draft.corrects.as_ref()]).flatten().collect();
        let found = read::by_ids(tx, asked)?;
        let known: BTreeMap<TransactionId, Stored> =
            found.into_iter().map(|stored| (stored.draft.id.clone(), stored)).collect();
        let mut places: BTreeMap<TransactionId, usize> = BTreeMap::new();
        let fates = Vec::with_capacity(drafts.len());
        let mut plan = Self { fates, new: Vec::new(), sums: Sums::new(), kept: BTreeSet::new() };
        for draft in drafts {
            if let Some(existing) = known.get(&draft.id) {
                same_content(existing, &draft)?;
                plan.fates.push(Fate::Same(Box::new(existing.clone())));
                continue;
            }
            if let Some(place) = places.get(&draft.id) {
                let first = plan.new.get(*place).map(Balanced::draft).cloned();
                first.map_or(Ok(()), |first| same_content(&not_sealed(first), &draft))?;
                plan.fates.push(Fate::Again(*place));
                continue;
            }
            let balanced = draft.check()?;
            let draft = balanced.draft();
            if let Some(corrects) = &draft.corrects
                && !known.contains_key(corrects)
                && !places.contains_key(corrects)
            {
                let (id, corrects) = (draft.id.clone(), corrects.clone());
                return Err(PostError::CorrectsNothing { id, corrects });
            }
            let place = plan.new.len();
            places.insert(draft.id.clone(), place);
            plan.fates.push(Fate::New(place));
            plan.new.push(balanced);
        }
        Ok(plan)
    }

    /// The totals that the drafts leave behind in the accounts they touch, one after the other.
    fn book_into_sums(&mut self, tx: &mut dyn Tx) -> Result<(), PostError> {
        let postings = self.new.iter().flat_map(|balanced| &balanced.draft().postings);
        let touched: BTreeSet<(Account, Currency)> =
            postings.map(|posting| (posting.account, posting.currency)).collect();
        let touched: Vec<(Account, Currency)> = touched.into_iter().collect();
        let before = sums::totals_of(tx, &touched)?;
        for (account, before) in touched.into_iter().zip(before) {
            self.sums.insert(account, before.unwrap_or_default());
            self.kept.extend(before.map(|_| account));
        }
        for balanced in &self.new {
            book_one(&mut self.sums, balanced.draft())?;
        }
        Ok(())
    }

    fn write_sums(&self, tx: &mut dyn Tx) -> Result<(), StoreError> {
        let rows = |is_kept: bool| -> Vec<Vec<Value>> {
            let wanted = self.sums.iter().filter(|(account, _)| self.kept.contains(account) == is_kept);
            let row = |((account, currency), (debits, credits)): (&(Account, Currency), &(i64, i64))| {
                vec![account.as_path().into(), currency.code().into(), (*debits).into(), (*credits).into()]
            };
            wanted.map(row).collect()
        };
        let sql = "UPDATE ledger_balances SET debits = $3, credits = $4 WHERE account = $1 AND currency = $2";
        tx.execute_many(sql, &rows(true))?;
        let sql = "INSERT INTO ledger_balances (account, currency, debits, credits) VALUES ($1, $2, $3, $4)";
        tx.execute_many(sql, &rows(false)).map(drop)
    }

    /// What became of each draft, once the new ones are stored.
    fn answers(self, stored: Vec<Stored>) -> Result<Vec<Posted>, PostError> {
        let missing = || StoreError::new(ErrorKind::Broken, "a transaction was planned and not booked");
        let at = |place: usize| stored.get(place).cloned().ok_or_else(missing);
        let answer = |fate| match fate {
            Fate::Same(stored) => Ok(Posted::Same(*stored)),
            Fate::Again(place) => Ok(Posted::Same(at(place)?)),
            Fate::New(place) => Ok(Posted::New(at(place)?)),
        };
        self.fates.into_iter().map(answer).collect()
    }
}

/// For comparison with the same id again.
const fn not_sealed(draft: Draft) -> Stored {
    let hash = ChainHash::GENESIS;
    Stored { sequence: 0, booked_at: UnixMillis(0), previous_hash: hash, hash, draft }
}

/// The totals after a draft; the sums hold all accounts that it touches.
fn book_one(sums: &mut Sums, draft: &Draft) -> Result<(), PostError> {
    let mut touched: BTreeMap<(Account, Currency), Vec<i64>> = BTreeMap::new();
    for Posting { account, amount_minor, currency } in &draft.postings {
        touched.entry((*account, *currency)).or_default().push(*amount_minor);
    }
    for ((account, currency), amounts) in touched {
        let (debits, credits) = sums.get(&(account, currency)).copied().unwrap_or_default();
        let before = i128::from(debits) - i128::from(credits);
        let mut after = Some((debits, credits));
        for amount in &amounts {
            after = after.and_then(|totals| with(totals, *amount));
        }
        let (debits, credits) = after.ok_or(PostError::Overflow { account, currency })?;
        overdrawn(account, draft.kind, before, i128::from(debits) - i128::from(credits))?;
        sums.insert((account, currency), (debits, credits));
    }
    Ok(())
}

fn with((debits, credits): (i64, i64), amount: i64) -> Option<(i64, i64)> {
    if amount < 0 {
        Some((debits, credits.checked_add(amount.checked_neg()?)?))
    } else {
        Some((debits.checked_add(amount)?, credits))
    }
}

macro_rules! record {
    () => {
        "INSERT INTO ledger_transactions (sequence, id, kind, effective_at, booked_at, conversion_id, affiliate_id, \
         payout_id, corrects, reason, previous_hash, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
    };
}

fn write_records(tx: &mut dyn Tx, stored: &[Stored]) -> Result<(), StoreError> {
    let row = |stored: &Stored| {
        let draft = &stored.draft;
        vec![
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
        ]
    };
    let Some((first, rest)) = stored.split_first() else { return Ok(()) };
    // Whether the chain still ends where it was seen: elsewhere its next place is taken.
    if tx.execute(concat!(record!(), " ON CONFLICT DO NOTHING"), &row(first))? != 1 {
        let detail =
            format!("sequence {} or transaction {} was booked in between", first.sequence, first.draft.id);
        return Err(StoreError::new(ErrorKind::Conflict, detail));
    }
    tx.execute_many(record!(), &rest.iter().map(row).collect::<Vec<_>>())?;
    let entries: Vec<Vec<Value>> = stored.iter().flat_map(entry_rows).collect();
    let sql = "INSERT INTO ledger_entries (sequence, position, account, currency, amount_minor) \
               VALUES ($1, $2, $3, $4, $5)";
    tx.execute_many(sql, &entries).map(drop)
}

fn entry_rows(stored: &Stored) -> impl Iterator<Item = Vec<Value>> {
    (0_i64..).zip(&stored.draft.postings).map(|(position, posting)| {
        vec![
            stored.sequence.into(),
            position.into(),
            posting.account.as_path().into(),
            posting.currency.code().into(),
            posting.amount_minor.into(),
        ]
    })
}

/// Whether entries of this kind on a payable account are what the next payout takes, rather than the payout itself.
pub(super) const fn makes_items(kind: TransactionKind) -> bool {
    !matches!(
        kind,
        TransactionKind::PayoutReserved
            | TransactionKind::PayoutSettled
            | TransactionKind::PayoutFailed
            | TransactionKind::PayoutReturned
    )
}

fn write_items(tx: &mut dyn Tx, stored: &[Stored]) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = stored.iter().flat_map(item_rows).collect();
    let sql = "INSERT INTO payable_items (sequence, position, affiliate_id, currency, amount_minor, effective_at, \
               conversion_id) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    tx.execute_many(sql, &rows).map(drop)
}

fn item_rows(stored: &Stored) -> impl Iterator<Item = Vec<Value>> {
    let draft = &stored.draft;
    let postings = makes_items(draft.kind).then_some(&draft.postings).into_iter().flatten();
    (0_i64..).zip(postings).filter_map(|(position, posting)| {
        let Account::AffiliatePayable(affiliate) = posting.account else { return None };
        Some(vec![
            stored.sequence.into(),
            position.into(),
            affiliate.into(),
            posting.currency.code().into(),
            posting.amount_minor.saturating_neg().into(),
            draft.effective_at.into(),
            draft.subject.conversion.into(),
        ])
    })
}
