//! The reasons by method.

use hopline_money::{Amount, Currency};
use hopline_types::PayoutMethod;

use super::{Payee, RefusalReason, filled, refuse};
use crate::nacha::{ACCOUNT_CHARS, ENTRY_CENTS_MAX};
use crate::{Bic, Iban, PayTo, RoutingNumber};

/// Characters of PayPal's number of an account.
const PAYER_ID_CHARS: usize = 13;
/// Characters of Wise's number of a recipient.
const RECIPIENT_CHARS_MAX: usize = 64;
/// Characters of an account number anywhere.
const BANK_ACCOUNT_CHARS_MAX: usize = 34;
/// Characters of a mail address.
const EMAIL_CHARS_MAX: usize = 254;
/// Characters of a name where the scheme has no limit of its own.
const NAME_CHARS_MAX: usize = 140;

/// Why a payee cannot be paid by a method; nothing for one that the method's files will take.
#[must_use]
pub fn refuse_payee(method: PayoutMethod, pay_to: &PayTo, amount: Amount) -> Option<RefusalReason> {
    if amount.minor <= 0 {
        return Some(RefusalReason::NothingToPay { amount: amount.to_decimal() });
    }
    let judged = match method {
        PayoutMethod::Sepa => refuse(&Payee {
            name: pay_to.holder.as_deref().unwrap_or_default(),
            iban: pay_to.iban.as_deref(),
            bic: pay_to.bic.as_deref(),
            address: pay_to.address.as_ref(),
            amount,
        })
        .map_or(Ok(()), Err),
        PayoutMethod::Ach => ach(pay_to, amount),
        PayoutMethod::Paypal => paypal(pay_to),
        PayoutMethod::Wise => wise(pay_to),
        PayoutMethod::Bank => bank(pay_to),
        PayoutMethod::Manual => Ok(()),
    };
    judged.err()
}

fn ach(pay_to: &PayTo, amount: Amount) -> Result<(), RefusalReason> {
    let routing =
        filled(pay_to.routing_number.as_deref()).ok_or(RefusalReason::Missing { what: "routing number" })?;
    RoutingNumber::new(routing).map_err(RefusalReason::InvalidRouting)?;
    let account =
        filled(pay_to.account_number.as_deref()).ok_or(RefusalReason::Missing { what: "account number" })?;
    account_fits(account, ACCOUNT_CHARS)?;
    let holder = filled(pay_to.holder.as_deref()).ok_or(RefusalReason::NameMissing)?;
    // What NACHA files take, cut at their width: a name of signs alone is none.
    let written = crate::nacha::ascii(holder);
    match written {
        Ok(name) if name.trim().is_empty() => return Err(RefusalReason::NameMissing),
        Ok(_) => {}
        Err(detail) => {
            return Err(RefusalReason::InvalidRecipient { what: "account holder's name:", detail });
        }
    }
    if amount.currency != Currency::USD {
        let currency = amount.currency.code();
        return Err(RefusalReason::WrongCurrency { scheme: "ACH credits", expected: "USD", currency });
    }
    if amount.minor > ENTRY_CENTS_MAX {
        return Err(RefusalReason::AboveSchemeMaximum {
            maximum: "99999999.99",
            amount: amount.to_decimal(),
        });
    }
    Ok(())
}

fn account_fits(account: &str, chars_max: usize) -> Result<(), RefusalReason> {
    let length = account.chars().count();
    let is_plain = account.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if is_plain && length <= chars_max && account.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let detail = format!("is not 1 to {chars_max} digits, letters and -");
    Err(RefusalReason::InvalidAccount { detail })
}

fn paypal(pay_to: &PayTo) -> Result<(), RefusalReason> {
    if let Some(email) = filled(pay_to.email.as_deref()) {
        return email_fits(email);
    }
    let payer_id = filled(pay_to.payer_id.as_deref())
        .ok_or(RefusalReason::Missing { what: "PayPal address or payer id" })?;
    if payer_id.len() == PAYER_ID_CHARS
        && payer_id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    {
        return Ok(());
    }
    let detail = format!("is not {PAYER_ID_CHARS} capital letters and digits");
    Err(RefusalReason::InvalidRecipient { what: "payer id", detail })
}

fn wise(pay_to: &PayTo) -> Result<(), RefusalReason> {
    let recipient = filled(pay_to.recipient.as_deref());
    if let Some(email) = filled(pay_to.email.as_deref()) {
        email_fits(email)?;
    } else if recipient.is_none() {
        return Err(RefusalReason::Missing { what: "Wise address or recipient" });
    }
    let fits = |text: &str| {
        text.len() <= RECIPIENT_CHARS_MAX
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    if recipient.is_some_and(|recipient| !fits(recipient)) {
        let detail = format!("is not 1 to {RECIPIENT_CHARS_MAX} letters, digits and -");
        return Err(RefusalReason::InvalidRecipient { what: "recipient", detail });
    }
    Ok(())
}

fn bank(pay_to: &PayTo) -> Result<(), RefusalReason> {
    let holder = filled(pay_to.holder.as_deref()).ok_or(RefusalReason::NameMissing)?;
    let given = holder.chars().count();
    if given > NAME_CHARS_MAX {
        return Err(RefusalReason::NameTooLong { limit: NAME_CHARS_MAX, given });
    }
    match (filled(pay_to.iban.as_deref()), filled(pay_to.account_number.as_deref())) {
        (Some(iban), _) => drop(Iban::new(iban).map_err(RefusalReason::InvalidIban)?),
        (None, Some(account)) => account_fits(account, BANK_ACCOUNT_CHARS_MAX)?,
        (None, None) => return Err(RefusalReason::Missing { what: "IBAN or account number" }),
    }
    if let Some(bic) = filled(pay_to.bic.as_deref()) {
        Bic::new(bic).map_err(RefusalReason::InvalidBic)?;
    }
    Ok(())
}

fn email_fits(email: &str) -> Result<(), RefusalReason> {
    match email_fault(email) {
        None => Ok(()),
        Some(detail) => Err(RefusalReason::InvalidRecipient { what: "mail address", detail: detail.into() }),
    }
}

/// What is wrong with the form of a mail address. Whether it exists only its host knows.
#[must_use]
pub fn email_fault(email: &str) -> Option<&'static str> {
    let Some((local, host)) = email.rsplit_once('@') else { return Some("has no @") };
    let is_printable = |c: char| {
        !c.is_whitespace() && !c.is_control() && !matches!(c, ',' | ';' | '"' | '<' | '>' | '(' | ')')
    };
    if local.is_empty() || local.contains('@') || !email.chars().all(is_printable) {
        return Some("is not one address such as name@example.com");
    }
    let labels_fit =
        host.split('.').all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
    if !host.contains('.') || !labels_fit {
        return Some("has no host such as example.com");
    }
    (email.chars().count() > EMAIL_CHARS_MAX).then_some("has more than 254 characters")
}
