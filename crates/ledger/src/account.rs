//! The chart of accounts. See the table in the crate's header.

use hopline_types::{AdvertiserId, AffiliateId, BatchId};
use serde::{Deserialize, Serialize};

mod kind;
mod overdraft;

pub use kind::{AccountClass, AccountKind, Side};
pub use overdraft::{Overdrawn, overdrawn};

/// A path that names no account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no account: expected a path such as affiliate:12:payable or network:margin")]
pub struct AccountError {
    /// What was given.
    pub given: String,
}

/// An account. Text form: its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Account {
    /// What an advertiser will owe if the pending commissions are approved.
    AdvertiserAccrued(AdvertiserId),
    /// What an advertiser owes; below zero it has paid more than it owes.
    AdvertiserReceivable(AdvertiserId),
    /// An affiliate's commissions that wait for approval.
    AffiliatePending(AffiliateId),
    /// An affiliate's approved commissions whose hold runs.
    AffiliateApproved(AffiliateId),
    /// What can be paid to an affiliate; below zero the next payouts carry it.
    AffiliatePayable(AffiliateId),
    /// What a payout batch has reserved and the bank has not confirmed.
    PayoutClearing(BatchId),
    /// Cash paid out to an affiliate.
    CashAffiliate(AffiliateId),
    /// Cash received from an advertiser.
    CashAdvertiser(AdvertiserId),
    /// The network's share of pending commissions.
    NetworkMarginPending,
    /// The network's share of approved commissions.
    NetworkMargin,
    /// Clawbacks that were given up.
    NetworkClawbackLoss,
    /// The other side of every exchange of currencies.
    NetworkExchange,
}

/// Whose account it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// An advertiser's.
    Advertiser(AdvertiserId),
    /// An affiliate's.
    Affiliate(AffiliateId),
    /// A payout batch's.
    Batch(BatchId),
    /// The network's own.
    Network,
}

impl Account {
    /// The path, which never changes its meaning.
    #[must_use]
    pub fn as_path(self) -> String {
        match self {
            Self::AdvertiserAccrued(id) => format!("advertiser:{id}:accrued"),
            Self::AdvertiserReceivable(id) => format!("advertiser:{id}:receivable"),
            Self::AffiliatePending(id) => format!("affiliate:{id}:pending"),
            Self::AffiliateApproved(id) => format!("affiliate:{id}:approved"),
            Self::AffiliatePayable(id) => format!("affiliate:{id}:payable"),
            Self::PayoutClearing(id) => format!("payout_batch:{id}:clearing"),
            Self::CashAffiliate(id) => format!("cash:affiliate:{id}"),
            Self::CashAdvertiser(id) => format!("cash:advertiser:{id}"),
            Self::NetworkMarginPending => "network:margin_pending".into(),
            Self::NetworkMargin => "network:margin".into(),
            Self::NetworkClawbackLoss => "network:clawback_loss".into(),
            Self::NetworkExchange => "network:exchange".into(),
        }
    }

    /// Reads a path. Only the exact text that [`Account::as_path`] prints is one.
    ///
    /// # Errors
    /// Refuses everything else.
    pub fn parse(path: &str) -> Result<Self, AccountError> {
        let account = Self::read(path).filter(|account| account.as_path() == path);
        account.ok_or_else(|| AccountError { given: path.chars().take(64).collect() })
    }

    fn read(path: &str) -> Option<Self> {
        let mut segments = path.splitn(3, ':');
        let (first, second, third) = (segments.next()?, segments.next()?, segments.next());
        match (first, second, third) {
            ("advertiser", id, Some("accrued")) => id.parse().ok().map(Self::AdvertiserAccrued),
            ("advertiser", id, Some("receivable")) => id.parse().ok().map(Self::AdvertiserReceivable),
            ("affiliate", id, Some("pending")) => id.parse().ok().map(Self::AffiliatePending),
            ("affiliate", id, Some("approved")) => id.parse().ok().map(Self::AffiliateApproved),
            ("affiliate", id, Some("payable")) => id.parse().ok().map(Self::AffiliatePayable),
            ("payout_batch", id, Some("clearing")) => id.parse().ok().map(Self::PayoutClearing),
            ("cash", "affiliate", Some(id)) => id.parse().ok().map(Self::CashAffiliate),
            ("cash", "advertiser", Some(id)) => id.parse().ok().map(Self::CashAdvertiser),
            ("network", "margin_pending", None) => Some(Self::NetworkMarginPending),
            ("network", "margin", None) => Some(Self::NetworkMargin),
            ("network", "clawback_loss", None) => Some(Self::NetworkClawbackLoss),
            ("network", "exchange", None) => Some(Self::NetworkExchange),
            _ => None,
        }
    }

    /// The account without its owner.
    #[must_use]
    pub const fn kind(self) -> AccountKind {
        match self {
            Self::AdvertiserAccrued(_) => AccountKind::AdvertiserAccrued,
            Self::AdvertiserReceivable(_) => AccountKind::AdvertiserReceivable,
            Self::AffiliatePending(_) => AccountKind::AffiliatePending,
            Self::AffiliateApproved(_) => AccountKind::AffiliateApproved,
            Self::AffiliatePayable(_) => AccountKind::AffiliatePayable,
            Self::PayoutClearing(_) => AccountKind::PayoutClearing,
            Self::CashAffiliate(_) => AccountKind::CashAffiliate,
            Self::CashAdvertiser(_) => AccountKind::CashAdvertiser,
            Self::NetworkMarginPending => AccountKind::NetworkMarginPending,
            Self::NetworkMargin => AccountKind::NetworkMargin,
            Self::NetworkClawbackLoss => AccountKind::NetworkClawbackLoss,
            Self::NetworkExchange => AccountKind::NetworkExchange,
        }
    }

    /// Whose it is.
    #[must_use]
    pub const fn owner(self) -> Owner {
        match self {
            Self::AdvertiserAccrued(id) | Self::AdvertiserReceivable(id) | Self::CashAdvertiser(id) => {
                Owner::Advertiser(id)
            }
            Self::AffiliatePending(id)
            | Self::AffiliateApproved(id)
            | Self::AffiliatePayable(id)
            | Self::CashAffiliate(id) => Owner::Affiliate(id),
            Self::PayoutClearing(id) => Owner::Batch(id),
            Self::NetworkMarginPending
            | Self::NetworkMargin
            | Self::NetworkClawbackLoss
            | Self::NetworkExchange => Owner::Network,
        }
    }

    /// Its class.
    #[must_use]
    pub const fn class(self) -> AccountClass {
        self.kind().class()
    }

    /// The side on which it grows.
    #[must_use]
    pub const fn normal_side(self) -> Side {
        self.kind().normal_side()
    }
}

impl std::str::FromStr for Account {
    type Err = AccountError;
    fn from_str(path: &str) -> Result<Self, AccountError> {
        Self::parse(path)
    }
}

impl TryFrom<String> for Account {
    type Error = AccountError;
    fn try_from(path: String) -> Result<Self, AccountError> {
        Self::parse(&path)
    }
}

impl From<Account> for String {
    fn from(account: Account) -> String {
        account.as_path()
    }
}

impl std::fmt::Display for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.as_path())
    }
}
