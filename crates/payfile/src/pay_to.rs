//! Where somebody is paid to, whatever the method.

use hopline_types::PayoutMethod;
use serde::{Deserialize, Serialize};

use crate::Address;

/// The kind of an account in the United States.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountType {
    /// For payments.
    #[default]
    Checking,
    /// For savings.
    Savings,
}

/// Who holds an account: it decides between `PPD` and `CCD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HolderType {
    /// A person.
    #[default]
    Person,
    /// A company.
    Company,
}

/// An affiliate's payout method: which fields there are depends on the method. Further keys are let pass.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PayTo {
    /// The method's word.
    #[serde(rename = "type")]
    pub method: Option<PayoutMethod>,
    /// Holder of the account.
    pub holder: Option<String>,
    /// `sepa`, and `bank` where the country has them.
    pub iban: Option<String>,
    /// The account's bank.
    pub bic: Option<String>,
    /// The holder's address.
    pub address: Option<Address>,
    /// The address of a PayPal or Wise account.
    pub email: Option<String>,
    /// PayPal's own number of an account.
    pub payer_id: Option<String>,
    /// Wise's own number of a recipient.
    pub recipient: Option<String>,
    /// `ach`: the bank.
    pub routing_number: Option<String>,
    /// `ach`, and `bank` where the country has no IBANs.
    pub account_number: Option<String>,
    /// `ach`.
    pub account_type: Option<AccountType>,
    /// `ach`.
    pub holder_type: Option<HolderType>,
    /// `bank`: the bank as its country names it.
    pub bank_code: Option<String>,
    /// `bank`: the bank's name.
    pub bank_name: Option<String>,
    /// `manual`.
    pub note: Option<String>,
}

impl PayTo {
    /// What people read as the payee: the holder, else the account's address or number.
    #[must_use]
    pub fn name(&self) -> &str {
        let first = [&self.holder, &self.email, &self.payer_id, &self.recipient];
        first.into_iter().flatten().map(String::as_str).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// The account at a service that is not a bank.
    #[must_use]
    pub fn service_account(&self) -> &str {
        let first = [&self.email, &self.payer_id, &self.recipient];
        first.into_iter().flatten().map(String::as_str).find(|text| !text.is_empty()).unwrap_or_default()
    }
}

/// Shows nothing of the account, so that bank data does not reach logs.
impl std::fmt::Debug for PayTo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PayTo").field("method", &self.method).finish_non_exhaustive()
    }
}

/// The last four characters of an account, with a mark for what is left out; all of it hidden where it has no more than four.
#[must_use]
pub fn last_four(text: &str) -> String {
    let length = text.chars().count();
    let kept: String = if length > 4 { text.chars().skip(length - 4).collect() } else { String::new() };
    format!("…{kept}")
}

/// A mail address by its first letter and its host.
#[must_use]
pub fn masked_email(email: &str) -> String {
    match email.split_once('@') {
        Some((local, host)) => format!("{}…@{host}", local.chars().next().unwrap_or_default()),
        None => last_four(email),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_42_accounts_are_shown_by_their_last_four() {
        assert_eq!(last_four("DE89370400440532013000"), "…3000");
        assert_eq!(last_four("1234"), "…");
        assert_eq!(last_four(""), "…");
        assert_eq!(masked_email("zoe@example.com"), "z…@example.com");
        let pay_to = PayTo { iban: Some("DE89370400440532013000".into()), ..PayTo::default() };
        assert!(!format!("{pay_to:?}").contains("3000"));
    }
}
