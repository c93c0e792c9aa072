//! One line of a transaction, and the rule that all lines together must keep.

use std::collections::BTreeMap;

use hopline_money::{Currency, format_minor};
use serde::{Deserialize, Serialize};

use crate::{Account, Totals};

/// The most postings of one transaction.
pub const POSTINGS_MAX: usize = 256;

/// One line of a transaction. Accounts are [`Account`]s; tests may use other keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Posting<A = Account> {
    /// The account.
    pub account: A,
    /// Minor units: positive for a debit, negative for a credit.
    pub amount_minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl<A> Posting<A> {
    /// A line.
    pub const fn new(account: A, amount_minor: i64, currency: Currency) -> Self {
        Self { account, amount_minor, currency }
    }
}

/// Why lines make no transaction (L-01).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostingsRefusal {
    /// Fewer than two.
    #[error("a transaction has at least 2 postings, this one has {given}")]
    TooFew {
        /// How many there are.
        given: usize,
    },
    /// More than the limit.
    #[error("a transaction has at most 256 postings, this one has {given}")]
    TooMany {
        /// How many there are.
        given: usize,
    },
    /// A line that moves nothing.
    #[error("posting {index} has the amount zero")]
    Zero {
        /// Its position, from 0.
        index: usize,
    },
    /// The one amount that has no opposite.
    #[error("posting {index} has the amount -9223372036854775808: expected at least -9223372036854775807")]
    OutOfRange {
        /// Its position, from 0.
        index: usize,
    },
    /// A currency whose debits and credits differ. Other currencies do not make up for it.
    #[error("{currency} does not balance: debits {}, credits {}", format_minor(totals.debits, *currency), format_minor(totals.credits, *currency))]
    Unbalanced {
        /// The first such currency, by code.
        currency: Currency,
        /// Its sums.
        totals: Totals,
    },
}

/// Checks that lines make a transaction: at least two, none zero, and in balance in every currency on its own.
///
/// # Errors
/// Names the first rule that is broken, and where.
pub fn check_postings<A>(postings: &[Posting<A>]) -> Result<(), PostingsRefusal> {
    let given = postings.len();
    if given < 2 {
        return Err(PostingsRefusal::TooFew { given });
    }
    if given > POSTINGS_MAX {
        return Err(PostingsRefusal::TooMany { given });
    }
    let mut sums: BTreeMap<Currency, Totals> = BTreeMap::new();
    for (index, posting) in postings.iter().enumerate() {
        match posting.amount_minor {
            0 => return Err(PostingsRefusal::Zero { index }),
            i64::MIN => return Err(PostingsRefusal::OutOfRange { index }),
            amount => {
                let totals = sums.entry(posting.currency).or_default();
                *totals = totals.with(amount).expect("256 amounts of 64 bits fit 128 bits");
            }
        }
    }
    match sums.into_iter().find(|(_, totals)| totals.debits != totals.credits) {
        Some((currency, totals)) => Err(PostingsRefusal::Unbalanced { currency, totals }),
        None => Ok(()),
    }
}
