//! Where an affiliate is paid to.

use hopline_money::Amount;
use hopline_payfile::{Address, Payee};
use serde::{Deserialize, Serialize};

/// An affiliate's payout method as stored; further keys belong to other methods and are kept with it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct PayTo {
    /// The method's word.
    #[serde(rename = "type")]
    pub(super) method: Option<String>,
    /// Holder of the account.
    pub(super) holder: Option<String>,
    /// Its IBAN.
    pub(super) iban: Option<String>,
    /// Its bank.
    pub(super) bic: Option<String>,
    /// The holder's address.
    pub(super) address: Option<Address>,
    /// The address of a PayPal or Wise account.
    pub(super) email: Option<String>,
}

impl PayTo {
    /// As the rules of SEPA see it.
    pub(super) fn as_payee(&self, amount: Amount) -> Payee<'_> {
        Payee {
            name: self.holder.as_deref().unwrap_or_default(),
            iban: self.iban.as_deref(),
            bic: self.bic.as_deref(),
            address: self.address.as_ref(),
            amount,
        }
    }
}
