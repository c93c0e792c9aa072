//! What happened: the kind of a transaction.

use serde::{Deserialize, Serialize};

/// A word that is no kind of transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no kind of transaction: expected one of {}", kinds())]
pub struct UnknownKind {
    /// What was given.
    pub given: String,
}

fn kinds() -> String {
    TransactionKind::ALL.map(TransactionKind::as_str).join(", ")
}

/// The kind of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum TransactionKind {
    /// A commission was booked and waits for approval.
    CommissionPending,
    /// It was approved; the hold runs.
    CommissionApproved,
    /// The hold has ended.
    CommissionPayable,
    /// It was refused before approval.
    CommissionRejected,
    /// It was taken back, wholly or in part.
    CommissionReversed,
    /// The same, because the customer's bank took its money back.
    CommissionChargedBack,
    /// What was rejected or taken back is given again: the earlier step was a mistake, or a chargeback was won.
    CommissionRestored,
    /// Its approval was a mistake: it waits again.
    CommissionUnapproved,
    /// It was decided again, with another amount.
    CommissionCorrected,
    /// What a chargeback cost, charged to the affiliate.
    ChargebackFee,
    /// It was put into a payout batch.
    PayoutReserved,
    /// The bank has paid.
    PayoutSettled,
    /// The bank has not paid; the money is payable again.
    PayoutFailed,
    /// It came back after the bank had paid; the money is payable again.
    PayoutReturned,
    /// An advertiser has paid.
    AdvertiserPayment,
    /// A correction, with its reason.
    Adjustment,
    /// Money changed its currency.
    Exchange,
}

impl TransactionKind {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::CommissionPending,
        Self::CommissionApproved,
        Self::CommissionPayable,
        Self::CommissionRejected,
        Self::CommissionReversed,
        Self::CommissionChargedBack,
        Self::CommissionRestored,
        Self::CommissionUnapproved,
        Self::CommissionCorrected,
        Self::ChargebackFee,
        Self::PayoutReserved,
        Self::PayoutSettled,
        Self::PayoutFailed,
        Self::PayoutReturned,
        Self::AdvertiserPayment,
        Self::Adjustment,
        Self::Exchange,
    ];

    /// The word used in text forms and in the hash.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CommissionPending => "commission_pending",
            Self::CommissionApproved => "commission_approved",
            Self::CommissionPayable => "commission_payable",
            Self::CommissionRejected => "commission_rejected",
            Self::CommissionReversed => "commission_reversed",
            Self::CommissionChargedBack => "commission_charged_back",
            Self::CommissionRestored => "commission_restored",
            Self::CommissionUnapproved => "commission_unapproved",
            Self::CommissionCorrected => "commission_corrected",
            Self::ChargebackFee => "chargeback_fee",
            Self::PayoutReserved => "payout_reserved",
            Self::PayoutSettled => "payout_settled",
            Self::PayoutFailed => "payout_failed",
            Self::PayoutReturned => "payout_returned",
            Self::AdvertiserPayment => "advertiser_payment",
            Self::Adjustment => "adjustment",
            Self::Exchange => "exchange",
        }
    }
}

impl std::str::FromStr for TransactionKind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| UnknownKind { given: text.into() })
    }
}

impl TryFrom<String> for TransactionKind {
    type Error = UnknownKind;
    fn try_from(text: String) -> Result<Self, UnknownKind> {
        text.parse()
    }
}

impl From<TransactionKind> for &'static str {
    fn from(kind: TransactionKind) -> &'static str {
        kind.as_str()
    }
}

impl std::fmt::Display for TransactionKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}
