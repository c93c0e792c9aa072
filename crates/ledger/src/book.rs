//! Balances.

use std::collections::BTreeMap;

use hopline_money::Currency;

use crate::{Account, Posting, PostingsRefusal, check_postings};

/// Sums of one account or currency, both without sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Sum of all debits.
    pub debits: i128,
    /// Sum of all credits.
    pub credits: i128,
}

impl Totals {
    /// Debits less credits: above zero where the account stands on the debit side.
    #[must_use]
    pub const fn balance(self) -> i128 {
        self.debits.saturating_sub(self.credits)
    }

    /// With one more posting. None where a sum would not fit.
    #[must_use]
    pub fn with(self, amount_minor: i64) -> Option<Self> {
        let magnitude = i128::from(amount_minor.unsigned_abs());
        if amount_minor < 0 {
            Some(Self { credits: self.credits.checked_add(magnitude)?, ..self })
        } else {
            Some(Self { debits: self.debits.checked_add(magnitude)?, ..self })
        }
    }

    /// With all of another's sums. None where a sum would not fit.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            debits: self.debits.checked_add(other.debits)?,
            credits: self.credits.checked_add(other.credits)?,
        })
    }
}

/// Why a transaction did not enter a book. Nothing has changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// The lines break a rule.
    #[error(transparent)]
    Postings(#[from] PostingsRefusal),
    /// A sum would not fit 128 bits.
    #[error("the sums of posting {index} do not fit 128 bits")]
    Overflow {
        /// Position of the posting, from 0.
        index: usize,
    },
}

/// All balances, in memory. Accounts are [`Account`]s; tests may use other keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book<A = Account> {
    totals: BTreeMap<(A, Currency), Totals>,
}

impl<A> Default for Book<A> {
    fn default() -> Self {
        Self { totals: BTreeMap::new() }
    }
}

impl<A: Clone + Ord> Book<A> {
    /// An empty book.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Enters a whole transaction, or nothing.
    ///
    /// # Errors
    /// The lines break a rule, or a sum would not fit.
    pub fn post(&mut self, postings: &[Posting<A>]) -> Result<(), BookError> {
        let changed = self.after(postings)?;
        self.totals.extend(changed);
        Ok(())
    }

    /// The totals that a transaction would leave behind in the accounts it touches.
    ///
    /// # Errors
    /// As [`Book::post`].
    pub fn after(&self, postings: &[Posting<A>]) -> Result<BTreeMap<(A, Currency), Totals>, BookError> {
        check_postings(postings)?;
        let mut changed: BTreeMap<(A, Currency), Totals> = BTreeMap::new();
        for (index, posting) in postings.iter().enumerate() {
            let key = (posting.account.clone(), posting.currency);
            let before = changed.get(&key).or_else(|| self.totals.get(&key)).copied().unwrap_or_default();
            let after = before.with(posting.amount_minor).ok_or(BookError::Overflow { index })?;
            changed.insert(key, after);
        }
        Ok(changed)
    }

    /// The totals of one account in one currency.
    #[must_use]
    pub fn totals(&self, account: &A, currency: Currency) -> Totals {
        self.totals.get(&(account.clone(), currency)).copied().unwrap_or_default()
    }

    /// Debits less credits of one account in one currency.
    #[must_use]
    pub fn balance(&self, account: &A, currency: Currency) -> i128 {
        self.totals(account, currency).balance()
    }

    /// All accounts that have entries, in order.
    pub fn balances(&self) -> impl Iterator<Item = (&A, Currency, Totals)> {
        self.totals.iter().map(|((account, currency), totals)| (account, *currency, *totals))
    }

    /// Sums over all accounts, per currency. Debits equal credits in each.
    #[must_use]
    pub fn trial_balance(&self) -> BTreeMap<Currency, Totals> {
        let mut sums: BTreeMap<Currency, Totals> = BTreeMap::new();
        for ((_, currency), totals) in &self.totals {
            let sum = sums.entry(*currency).or_default();
            *sum = sum.plus(*totals).expect("2^63 transactions of 64-bit amounts fit 128 bits");
        }
        sums
    }
}
