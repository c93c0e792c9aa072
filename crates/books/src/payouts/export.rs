//! The file of a batch.

use hopline_control_store::Tx;
use hopline_control_store::payouts::{BatchStatus, Payout};
use hopline_money::Currency;
use hopline_payfile::{
    Address, BatchFile, Bic, CsvPayout, Debtor as Payer, FileOut, Iban, SchemeFault, csv, pain001_v09,
    payment,
};
use hopline_types::{BatchId, PayoutMethod};

use super::payee::PayTo;
use super::{BatchView, Debtor, view, wrong_state};
use crate::{BookError, FieldError};

/// The formats of [`export`].
pub const FORMATS: [&str; 2] = ["csv", "pain.001.001.09"];

/// The file of an approved or settled batch. Changes nothing; the same bytes each time (P-03).
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`], [`BookError::Invalid`] (format, or a payee that the file cannot
/// take), [`BookError::Settings`] where the payer's account is missing; the store's.
pub fn export(tx: &mut dyn Tx, batch: BatchId, format: &str, debtor: &Debtor) -> Result<FileOut, BookError> {
    let found = view(tx, batch)?;
    match found.batch.status {
        BatchStatus::Approved | BatchStatus::Settled => {}
        BatchStatus::Draft => return Err(wrong_state(&found.batch, "approve it before its file is made")),
        BatchStatus::Cancelled => return Err(wrong_state(&found.batch, "there is no file of it")),
    }
    match format {
        "csv" => csv_file(&found),
        "pain.001.001.09" => pain_file(&found, debtor),
        other => {
            let message = format!("{other:?} is not one of {}", FORMATS.join(", "));
            Err(BookError::field("format", message))
        }
    }
}

fn pay_to(payout: &Payout) -> Result<PayTo, BookError> {
    serde_json::from_str(&payout.payee).map_err(|error| {
        BookError::broken(format!("the payee of payout {} cannot be read: {error}", payout.id))
    })
}

fn csv_file(found: &BatchView) -> Result<FileOut, BookError> {
    let mut rows = Vec::new();
    for payout in &found.payouts {
        let pay_to = pay_to(payout)?;
        rows.push(CsvPayout {
            payout_id: payout.id,
            affiliate_id: payout.affiliate,
            name: pay_to.holder.or(pay_to.email).unwrap_or_default(),
            method: found.batch.method,
            iban: pay_to.iban,
            bic: pay_to.bic,
            amount: payout.amount,
            reference: payout.end_to_end_id.clone(),
        });
    }
    csv(&found.batch.message_id, found.batch.currency, &rows).map_err(BookError::broken)
}

fn pain_file(found: &BatchView, debtor: &Debtor) -> Result<FileOut, BookError> {
    let batch = &found.batch;
    if batch.method != PayoutMethod::Sepa || batch.currency != Currency::EUR {
        let message = format!(
            "pain.001.001.09 is for sepa in EUR, this batch is {} in {}",
            batch.method, batch.currency
        );
        return Err(BookError::field("format", message));
    }
    if found.payouts.is_empty() {
        return Err(wrong_state(batch, "a bank file needs at least one payout, and it has none"));
    }
    let debtor = payer(debtor)?;
    let execution_date = batch.execution_date.parse().map_err(BookError::broken)?;
    let mut payments = Vec::new();
    let mut errors = Vec::new();
    for payout in &found.payouts {
        let pay_to = pay_to(payout)?;
        let remittance = format!("Payout {} {}", payout.id, batch.message_id);
        match payment(&pay_to.as_payee(payout.amount), &payout.end_to_end_id, &remittance) {
            Ok(payment) => payments.push(payment),
            Err(refusal) => errors.push(FieldError::new(format!("payouts[{}]", payout.id), refusal)),
        }
    }
    if !errors.is_empty() {
        return Err(BookError::Invalid(errors));
    }
    let file = BatchFile {
        message_id: batch.message_id.clone(),
        created_at: batch.created_at,
        execution_date,
        debtor,
        payments,
    };
    pain001_v09(&file).map_err(|faults| faulty(&faults))
}

/// Faults of the payer's own data are settings; the rest names payees.
fn faulty(faults: &[SchemeFault]) -> BookError {
    let each = |faults: Vec<&SchemeFault>| -> Vec<FieldError> {
        faults.into_iter().map(|fault| FieldError::new(fault.at.clone(), &fault.detail)).collect()
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = faults.iter().partition(|fault| fault.at.starts_with("debtor"));
    if theirs.is_empty() { BookError::Settings(each(ours)) } else { BookError::Invalid(each(theirs)) }
}

fn payer(debtor: &Debtor) -> Result<Payer, BookError> {
    let mut errors = Vec::new();
    let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
    let name = given(&debtor.name);
    if name.is_none() {
        errors.push(FieldError::new("payouts.debtor_name", "is not set: the name on the account that pays"));
    }
    let iban = match given(&debtor.iban).map(|text| Iban::new(&text)) {
        None => {
            errors.push(FieldError::new("payouts.debtor_iban", "is not set: the account that pays"));
            None
        }
        Some(iban) => iban.map_err(|error| errors.push(FieldError::new("payouts.debtor_iban", error))).ok(),
    };
    let bic = given(&debtor.bic).map(|text| Bic::new(&text)).transpose();
    let bic = bic.map_err(|error| errors.push(FieldError::new("payouts.debtor_bic", error))).ok().flatten();
    let address = match (given(&debtor.town), given(&debtor.country)) {
        (Some(town), Some(country)) => {
            Some(Address { street: None, building_number: None, postcode: None, town, country })
        }
        (None, None) => None,
        (Some(_), None) => {
            errors.push(FieldError::new("payouts.debtor_country", "is not set, but payouts.debtor_town is"));
            None
        }
        (None, Some(_)) => {
            errors.push(FieldError::new("payouts.debtor_town", "is not set, but payouts.debtor_country is"));
            None
        }
    };
    match (name, iban) {
        (Some(name), Some(iban)) if errors.is_empty() => Ok(Payer { name, iban, bic, address }),
        _ => Err(BookError::Settings(errors)),
    }
}
