//! The checker over values: what will be written, transliterated and held against the scheme's rules.

use std::collections::BTreeSet;

use hopline_money::{Amount, Currency};

use crate::charset::transliterate;
use crate::fault::{Faults, Rule};
use crate::{Address, BatchFile, Payment, SchemeFault, rules, time};

/// A batch whose every value may be written as it stands.
#[derive(Debug)]
pub(super) struct Ready<'a> {
    pub(super) message_id: &'a str,
    pub(super) created_at: String,
    pub(super) execution_date: String,
    pub(super) control_sum: Amount,
    pub(super) debtor_name: String,
    pub(super) debtor_address: Option<Address>,
    pub(super) file: &'a BatchFile,
    pub(super) payments: Vec<ReadyPayment<'a>>,
}

/// A payment whose every value may be written as it stands.
#[derive(Debug)]
pub(super) struct ReadyPayment<'a> {
    pub(super) name: String,
    pub(super) remittance: String,
    pub(super) address: Option<Address>,
    pub(super) payment: &'a Payment,
}

/// Checks a batch.
pub(super) fn ready(file: &BatchFile) -> Result<Ready<'_>, Vec<SchemeFault>> {
    let mut faults = Faults::default();
    identifier(&mut faults, "message_id", &file.message_id);
    let debtor_name = text(&mut faults, Rule::Name, "debtor.name", &file.debtor.name, rules::NAME_CHARS_MAX);
    if !file.debtor.iban.in_sepa() {
        faults.add(Rule::OutsideSepa, "debtor.iban", outside_sepa(&file.debtor.iban));
    }
    let debtor_address =
        file.debtor.address.as_ref().map(|given| address(&mut faults, "debtor.address", given));

    let mut control_sum = Amount::zero(Currency::EUR);
    let mut end_to_end_ids = BTreeSet::new();
    let mut payments = Vec::with_capacity(file.payments.len());
    if file.payments.is_empty() {
        faults.add(Rule::NoPayments, "payments", "a file has at least one payment");
    }
    for (index, payment) in file.payments.iter().enumerate() {
        let at = format!("payments[{index}]");
        faults.payee = Some(payment.name.clone());
        payments.push(ready_payment(&mut faults, &at, payment));
        if !end_to_end_ids.insert(payment.end_to_end_id.as_str()) {
            let detail = format!("{:?} stands in this file before", payment.end_to_end_id);
            faults.add(Rule::DuplicateEndToEndId, format!("{at}.end_to_end_id"), detail);
        }
        // Another currency is a fault already.
        if payment.amount.currency == Currency::EUR {
            match control_sum.checked_add(payment.amount) {
                Ok(sum) => control_sum = sum,
                Err(error) => faults.add(Rule::ControlSum, format!("{at}.amount"), error.to_string()),
            }
        }
    }
    faults.into_result()?;
    Ok(Ready {
        message_id: &file.message_id,
        created_at: time::iso(file.created_at),
        execution_date: file.execution_date.to_string(),
        control_sum,
        debtor_name,
        debtor_address,
        file,
        payments,
    })
}

/// Checks one payment.
pub(crate) fn payment_faults(payment: &Payment) -> Vec<SchemeFault> {
    let mut faults = Faults { payee: Some(payment.name.clone()), ..Faults::default() };
    ready_payment(&mut faults, "payment", payment);
    faults.found
}

fn ready_payment<'a>(faults: &mut Faults, at: &str, payment: &'a Payment) -> ReadyPayment<'a> {
    identifier(faults, &format!("{at}.end_to_end_id"), &payment.end_to_end_id);
    let name = text(faults, Rule::Name, &format!("{at}.name"), &payment.name, rules::NAME_CHARS_MAX);
    if !payment.iban.in_sepa() {
        faults.add(Rule::OutsideSepa, format!("{at}.iban"), outside_sepa(&payment.iban));
    }
    amount(faults, &format!("{at}.amount"), payment.amount);
    let remittance = text(
        faults,
        Rule::Remittance,
        &format!("{at}.remittance"),
        &payment.remittance,
        rules::REMITTANCE_CHARS_MAX,
    );
    let address = payment.address.as_ref().map(|given| address(faults, &format!("{at}.address"), given));
    ReadyPayment { name, remittance, address, payment }
}

fn outside_sepa(iban: &crate::Iban) -> String {
    format!("banks of {} cannot be reached by SEPA credit transfer", iban.country())
}

fn amount(faults: &mut Faults, at: &str, amount: Amount) {
    if amount.currency != Currency::EUR {
        let detail = format!("SEPA credit transfers are in EUR, given {}", amount.currency.code());
        faults.add(Rule::Currency, at, detail);
    } else if !(rules::AMOUNT_MIN..=rules::AMOUNT_MAX).contains(&amount.minor) {
        let detail = format!("a payment is 0.01 to 999999999.99, given {}", amount.to_decimal());
        faults.add(Rule::Amount, at, detail);
    }
}

/// Identifiers are never transliterated: the bank hands them back.
fn identifier(faults: &mut Faults, at: &str, id: &str) {
    if let Some(detail) = rules::identifier_fault(id) {
        faults.add(Rule::Identifier, at, detail);
    }
    if let Some(c) = rules::foreign_character(id) {
        faults.add(Rule::Characters, at, format!("{c:?} is outside the SEPA character set"));
    }
}

fn text(faults: &mut Faults, rule: Rule, at: &str, given: &str, max: usize) -> String {
    match transliterate(given) {
        Ok(written) => {
            if let Some(detail) = rules::length_fault(&written, max) {
                faults.add(rule, at, detail);
            }
            written
        }
        Err(error) => {
            faults.add(Rule::Characters, at, error.to_string());
            String::new()
        }
    }
}

fn address(faults: &mut Faults, at: &str, given: &Address) -> Address {
    let mut part = |name: &str, element: &str, value: &str| {
        let max = rules::ADDRESS_CHARS_MAX.iter().find(|(of, _)| *of == element).map(|(_, max)| *max);
        text(
            faults,
            Rule::Address,
            &format!("{at}.{name}"),
            value,
            max.expect("every element has its length"),
        )
    };
    // An optional part of spaces only is left out; the schema has no empty elements.
    let mut optional = |name: &str, element: &str, value: &Option<String>| {
        let filled = value.as_deref().filter(|value| !value.trim().is_empty());
        filled.map(|value| part(name, element, value))
    };
    let street = optional("street", "StrtNm", &given.street);
    let building_number = optional("building_number", "BldgNb", &given.building_number);
    let postcode = optional("postcode", "PstCd", &given.postcode);
    let town = part("town", "TwnNm", &given.town);
    if let Some(detail) = rules::country_fault(&given.country) {
        faults.add(Rule::Address, format!("{at}.country"), detail);
    }
    Address { street, building_number, postcode, town, country: given.country.clone() }
}
