//! What affiliates have.

use std::collections::BTreeMap;

use hopline_control_store::{ErrorKind, StoreError, Tx, ledger, payouts};
use hopline_ledger::Account;
use hopline_money::{Amount, Currency};
use hopline_types::AffiliateId;

/// An affiliate's money in one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AffiliateBalance {
    /// Who.
    pub affiliate: AffiliateId,
    /// Waiting for approval.
    pub pending: Amount,
    /// Approved, hold running.
    pub approved: Amount,
    /// Free to be paid; never below zero.
    pub payable: Amount,
    /// Paid so far.
    pub paid: Amount,
    /// What the next payouts must make up for: zero or below.
    pub carried: Amount,
    /// Reserved by payout batches that are not settled.
    pub in_payout: Amount,
}

impl AffiliateBalance {
    const fn empty(affiliate: AffiliateId, currency: Currency) -> Self {
        let zero = Amount::zero(currency);
        Self {
            affiliate,
            pending: zero,
            approved: zero,
            payable: zero,
            paid: zero,
            carried: zero,
            in_payout: zero,
        }
    }
}

/// The balances of one affiliate, or of all, by affiliate and currency. From the ledger's kept sums; currencies are
/// never netted (L-10).
///
/// # Errors
/// The store fails.
pub fn balances(
    tx: &mut dyn Tx,
    affiliate: Option<AffiliateId>,
) -> Result<Vec<AffiliateBalance>, StoreError> {
    let mut found: BTreeMap<(AffiliateId, Currency), AffiliateBalance> = BTreeMap::new();
    let prefixes = match affiliate {
        None => ["affiliate:".to_owned(), "cash:affiliate:".to_owned()],
        Some(id) => [format!("affiliate:{id}:"), Account::CashAffiliate(id).as_path()],
    };
    for prefix in prefixes {
        for kept in ledger::kept_balances(tx, &prefix)? {
            let minor = i64::try_from(kept.balance_minor()).map_err(|_| {
                StoreError::new(ErrorKind::Broken, format!("the balance of {} does not fit", kept.account))
            })?;
            let owner = match kept.account {
                Account::AffiliatePending(id)
                | Account::AffiliateApproved(id)
                | Account::AffiliatePayable(id)
                | Account::CashAffiliate(id) => id,
                _ => continue,
            };
            if affiliate.is_some_and(|wanted| wanted != owner) {
                continue;
            }
            let entry = found
                .entry((owner, kept.currency))
                .or_insert_with(|| AffiliateBalance::empty(owner, kept.currency));
            let amount = Amount::new(minor, kept.currency);
            match kept.account {
                Account::AffiliatePending(_) => entry.pending = amount,
                Account::AffiliateApproved(_) => entry.approved = amount,
                Account::AffiliatePayable(_) if minor < 0 => entry.carried = amount,
                Account::AffiliatePayable(_) => entry.payable = amount,
                _ => entry.paid = amount,
            }
        }
    }
    for reserved in payouts::reserved_sums(tx, affiliate)? {
        let (owner, amount) = reserved;
        let entry = found
            .entry((owner, amount.currency))
            .or_insert_with(|| AffiliateBalance::empty(owner, amount.currency));
        entry.in_payout = amount;
    }
    Ok(found.into_values().collect())
}
