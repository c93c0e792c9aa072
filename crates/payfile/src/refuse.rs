//! Payees that are left out of a batch, each with its reason (P-05).

mod methods;

use hopline_money::{Amount, Currency};

use crate::charset::{NotTransliterable, transliterate};
use crate::{Address, Bic, BicError, Iban, IbanError, Payment, RoutingError, rules};

pub use methods::{email_fault, refuse_payee};

/// What is known of someone who is to be paid.
#[derive(Debug, Clone, Copy)]
pub struct Payee<'a> {
    /// Holder of the account.
    pub name: &'a str,
    /// As entered.
    pub iban: Option<&'a str>,
    /// As entered; not needed inside SEPA.
    pub bic: Option<&'a str>,
    /// Where it is known.
    pub address: Option<&'a Address>,
    /// What is to be paid.
    pub amount: Amount,
}

/// Why a payee cannot be paid. [`as_str`](Self::as_str) is the word for machines, the text the sentence
/// for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusalReason {
    /// Neither IBAN nor anything else to pay to.
    #[error("no bank data: the IBAN is missing")]
    NoBankData,
    /// Something else that is needed is missing.
    #[error("no bank data: the {what} is missing")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// The routing number breaks a rule.
    #[error(transparent)]
    InvalidRouting(RoutingError),
    /// The account number breaks a rule.
    #[error("the account number {detail}")]
    InvalidAccount {
        /// Which rule.
        detail: String,
    },
    /// The address or number of an account at a service breaks a rule.
    #[error("the {what} {detail}")]
    InvalidRecipient {
        /// Which of them.
        what: &'static str,
        /// Which rule.
        detail: String,
    },
    /// The IBAN breaks a rule.
    #[error(transparent)]
    InvalidIban(IbanError),
    /// The BIC breaks a rule.
    #[error(transparent)]
    InvalidBic(BicError),
    /// A right IBAN of a country outside SEPA.
    #[error("banks of {country} cannot be reached by SEPA credit transfer")]
    OutsideSepa {
        /// The account's country.
        country: String,
    },
    /// The name is empty.
    #[error("the account holder's name is missing")]
    NameMissing,
    /// The name is longer than the scheme takes; it is never cut.
    #[error("the account holder's name has {given} characters, the scheme takes {limit}")]
    NameTooLong {
        /// The most.
        limit: usize,
        /// Characters after transliteration.
        given: usize,
    },
    /// A character of the name has no counterpart in the SEPA set.
    #[error("the account holder's name: {0}")]
    NotTransliterable(NotTransliterable),
    /// A part of the address is missing, too long or cannot be written.
    #[error("the address: {detail}")]
    InvalidAddress {
        /// Which part, and why.
        detail: String,
    },
    /// Another currency than euro.
    #[error("{scheme} are in {expected}, not in {currency}")]
    WrongCurrency {
        /// What cannot carry it.
        scheme: &'static str,
        /// The currency that it carries.
        expected: &'static str,
        /// The amount's currency.
        currency: &'static str,
    },
    /// Nothing to pay, or less.
    #[error("there is nothing to pay: {amount}")]
    NothingToPay {
        /// The amount.
        amount: String,
    },
    /// More than one transfer can carry.
    #[error("{amount} is above the scheme's maximum of {maximum}")]
    AboveSchemeMaximum {
        /// The most.
        maximum: &'static str,
        /// The amount.
        amount: String,
    },
}

impl RefusalReason {
    /// The word for machines.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::NoBankData | Self::Missing { .. } => "no_bank_data",
            Self::InvalidRouting(_) => "invalid_routing_number",
            Self::InvalidAccount { .. } => "invalid_account",
            Self::InvalidRecipient { .. } => "invalid_recipient",
            Self::InvalidIban(_) => "invalid_iban",
            Self::InvalidBic(_) => "invalid_bic",
            Self::OutsideSepa { .. } => "outside_sepa",
            Self::NameMissing => "name_missing",
            Self::NameTooLong { .. } => "name_too_long",
            Self::NotTransliterable(_) => "not_transliterable",
            Self::InvalidAddress { .. } => "invalid_address",
            Self::WrongCurrency { .. } => "wrong_currency",
            Self::NothingToPay { .. } => "nothing_to_pay",
            Self::AboveSchemeMaximum { .. } => "above_scheme_maximum",
        }
    }
}

/// Why this payee is left out of a SEPA file; nothing for a payee that [`pain001_v09`](crate::pain001_v09) will take.
#[must_use]
pub fn refuse(payee: &Payee<'_>) -> Option<RefusalReason> {
    payment(payee, "PO-1", "Payout").err()
}

/// The payment to a payee.
///
/// # Errors
/// The first reason against it. `end_to_end_id` and `remittance` are the caller's own words and are checked when the
/// file is written.
pub fn payment(payee: &Payee<'_>, end_to_end_id: &str, remittance: &str) -> Result<Payment, RefusalReason> {
    let iban = filled(payee.iban).ok_or(RefusalReason::NoBankData)?;
    let iban = Iban::new(iban).map_err(RefusalReason::InvalidIban)?;
    if !iban.in_sepa() {
        return Err(RefusalReason::OutsideSepa { country: iban.country().into() });
    }
    let bic = filled(payee.bic).map(Bic::new).transpose().map_err(RefusalReason::InvalidBic)?;
    check_name(payee.name)?;
    check_amount(payee.amount)?;
    let payment = Payment {
        end_to_end_id: end_to_end_id.into(),
        name: payee.name.into(),
        iban,
        bic,
        amount: payee.amount,
        remittance: remittance.into(),
        address: payee.address.cloned(),
    };
    // All that is left against the payee itself lies in the address.
    let faults = crate::pain001::payment_faults(&payment);
    match faults.into_iter().find(|fault| fault.at.starts_with("payment.address")) {
        Some(fault) => {
            let part = fault.at.trim_start_matches("payment.address.");
            Err(RefusalReason::InvalidAddress { detail: format!("{part}: {}", fault.detail) })
        }
        None => Ok(payment),
    }
}

/// A field of spaces is an empty field.
fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

fn check_name(name: &str) -> Result<(), RefusalReason> {
    if name.trim().is_empty() {
        return Err(RefusalReason::NameMissing);
    }
    let written = transliterate(name).map_err(RefusalReason::NotTransliterable)?;
    let given = written.chars().count();
    match given {
        // A name of marks alone.
        0 => Err(RefusalReason::NameMissing),
        1..=rules::NAME_CHARS_MAX => Ok(()),
        _ => Err(RefusalReason::NameTooLong { limit: rules::NAME_CHARS_MAX, given }),
    }
}

fn check_amount(amount: Amount) -> Result<(), RefusalReason> {
    if amount.currency != Currency::EUR {
        let currency = amount.currency.code();
        return Err(RefusalReason::WrongCurrency {
            scheme: "SEPA credit transfers",
            expected: "EUR",
            currency,
        });
    }
    if amount.minor < rules::AMOUNT_MIN {
        return Err(RefusalReason::NothingToPay { amount: amount.to_decimal() });
    }
    if amount.minor > rules::AMOUNT_MAX {
        return Err(RefusalReason::AboveSchemeMaximum {
            maximum: "999999999.99",
            amount: amount.to_decimal(),
        });
    }
    Ok(())
}
