//! What all accounts of one kind have in common.

use crate::TransactionKind;

/// An account without its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountKind {
    /// See [`crate::Account::AdvertiserAccrued`].
    AdvertiserAccrued,
    /// See [`crate::Account::AdvertiserReceivable`].
    AdvertiserReceivable,
    /// See [`crate::Account::AffiliatePending`].
    AffiliatePending,
    /// See [`crate::Account::AffiliateApproved`].
    AffiliateApproved,
    /// See [`crate::Account::AffiliatePayable`].
    AffiliatePayable,
    /// See [`crate::Account::PayoutClearing`].
    PayoutClearing,
    /// See [`crate::Account::CashAffiliate`].
    CashAffiliate,
    /// See [`crate::Account::CashAdvertiser`].
    CashAdvertiser,
    /// See [`crate::Account::NetworkMarginPending`].
    NetworkMarginPending,
    /// See [`crate::Account::NetworkMargin`].
    NetworkMargin,
    /// See [`crate::Account::NetworkClawbackLoss`].
    NetworkClawbackLoss,
    /// See [`crate::Account::NetworkExchange`].
    NetworkExchange,
}

/// Where an account stands in a balance sheet or income statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AccountClass {
    /// Owned or owed to the network.
    Asset,
    /// Owed by the network.
    Liability,
    /// Earned.
    Income,
    /// Spent.
    Expense,
    /// The rest.
    Equity,
}

impl AccountClass {
    /// The word used in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Liability => "liability",
            Self::Income => "income",
            Self::Expense => "expense",
            Self::Equity => "equity",
        }
    }
}

/// The side on which an account grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Left; positive amounts.
    Debit,
    /// Right; negative amounts.
    Credit,
}

impl Side {
    /// A sum of postings as seen from this side: above zero where the account stands on it.
    #[must_use]
    pub const fn seen(self, debit_positive: i128) -> i128 {
        match self {
            Self::Debit => debit_positive,
            Self::Credit => debit_positive.saturating_neg(),
        }
    }
}

impl AccountKind {
    /// Its class.
    #[must_use]
    pub const fn class(self) -> AccountClass {
        match self {
            Self::AdvertiserAccrued
            | Self::AdvertiserReceivable
            | Self::CashAffiliate
            | Self::CashAdvertiser => AccountClass::Asset,
            Self::AffiliatePending
            | Self::AffiliateApproved
            | Self::AffiliatePayable
            | Self::PayoutClearing => AccountClass::Liability,
            Self::NetworkMarginPending | Self::NetworkMargin => AccountClass::Income,
            Self::NetworkClawbackLoss => AccountClass::Expense,
            Self::NetworkExchange => AccountClass::Equity,
        }
    }

    /// The side on which it grows. Cash paid out is an asset that grows on the credit side.
    #[must_use]
    pub const fn normal_side(self) -> Side {
        match self {
            Self::AdvertiserAccrued
            | Self::AdvertiserReceivable
            | Self::CashAdvertiser
            | Self::NetworkClawbackLoss => Side::Debit,
            Self::AffiliatePending
            | Self::AffiliateApproved
            | Self::AffiliatePayable
            | Self::PayoutClearing
            | Self::CashAffiliate
            | Self::NetworkMarginPending
            | Self::NetworkMargin
            | Self::NetworkExchange => Side::Credit,
        }
    }

    /// Whether a transaction of this kind may take the account below zero (L-10).
    #[must_use]
    pub const fn may_go_below_zero(self, by: TransactionKind) -> bool {
        match self {
            Self::NetworkMarginPending | Self::NetworkMargin | Self::NetworkExchange => true,
            Self::AffiliatePayable => matches!(
                by,
                TransactionKind::CommissionReversed
                    | TransactionKind::CommissionChargedBack
                    | TransactionKind::CommissionUnapproved
                    | TransactionKind::CommissionCorrected
                    | TransactionKind::ChargebackFee
                    | TransactionKind::Adjustment
            ),
            Self::AdvertiserReceivable => matches!(
                by,
                TransactionKind::CommissionReversed
                    | TransactionKind::CommissionChargedBack
                    | TransactionKind::CommissionUnapproved
                    | TransactionKind::CommissionCorrected
                    | TransactionKind::AdvertiserPayment
                    | TransactionKind::Adjustment
            ),
            Self::AdvertiserAccrued
            | Self::AffiliatePending
            | Self::AffiliateApproved
            | Self::PayoutClearing
            | Self::CashAffiliate
            | Self::CashAdvertiser
            | Self::NetworkClawbackLoss => false,
        }
    }
}
