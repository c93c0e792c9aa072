//! The file of a batch.

use hopline_control_store::Tx;
use hopline_control_store::payouts::{self, Batch, BatchStatus, Payout, TemplateKind};
use hopline_money::{Amount, Currency};
use hopline_payfile::{
    BatchFile, BatchInfo, FileOut, NachaEntry, NachaFile, Pain001Version, PayTo, Payee, PayoutRow,
    RoutingNumber, RowFault, SchemeFault, Template, csv, from_template, nacha, pain001, payment, paypal,
    wise, xlsx,
};
use hopline_types::{BatchId, PayoutMethod, UnixMillis};

use super::payer::{Debtor, Fixed};
use super::{BatchView, view, wrong_state};
use crate::{BookError, FieldError};

/// The formats of [`export`].
pub const FORMATS: [&str; 7] =
    ["csv", "xlsx", "pain.001.001.09", "pain.001.001.03", "nacha", "paypal", "wise"];

/// Which file is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Export {
    /// One of [`FORMATS`].
    pub format: String,
    /// With `csv`: the payer's own form, by name. The version that was the newest at the approval counts.
    pub template: Option<String>,
    /// The payer's data as set now; what the approval has fixed counts more.
    pub debtor: Debtor,
}

/// [`export_with`], by an unnamed reader.
///
/// # Errors
/// Those of [`export_with`].
pub fn export(tx: &mut dyn Tx, batch: BatchId, format: &str, debtor: &Debtor) -> Result<FileOut, BookError> {
    let asked = Export { format: format.to_owned(), template: None, debtor: debtor.clone() };
    let found = view(tx, batch)?;
    file_of(tx, &found, &asked)
}

/// The file of an approved or settled batch: the same bytes each time (P-03). Notes who has made it first.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`], [`BookError::Invalid`] (format, template, or a payee that the file cannot
/// take), [`BookError::Settings`] where the payer's data is missing; the store's.
pub fn export_with(
    tx: &mut dyn Tx,
    batch: BatchId,
    asked: &Export,
    actor: &str,
    now: UnixMillis,
) -> Result<FileOut, BookError> {
    let found = view(tx, batch)?;
    let file = file_of(tx, &found, asked)?;
    payouts::note_export(tx, batch, actor, now)?;
    Ok(file)
}

fn file_of(tx: &mut dyn Tx, found: &BatchView, asked: &Export) -> Result<FileOut, BookError> {
    let batch = &found.batch;
    match batch.status {
        BatchStatus::Approved | BatchStatus::Settled => {}
        BatchStatus::Draft => return Err(wrong_state(batch, "approve it before its file is made")),
        BatchStatus::Cancelled => return Err(wrong_state(batch, "there is no file of it")),
    }
    if asked.template.is_some() && asked.format != "csv" {
        return Err(BookError::field("template", "goes with the format csv only"));
    }
    let mut fixed = Fixed::of(batch)?;
    let before = fixed.clone();
    let info = info(batch);
    let file = match asked.format.as_str() {
        "csv" => match &asked.template {
            None => csv(&info, &rows(tx, found)?).map_err(row_fault),
            Some(name) => {
                let template = template(tx, batch, name)?;
                from_template(&info, &rows(tx, found)?, &template).map_err(row_fault)
            }
        },
        "xlsx" => xlsx(&info, &rows(tx, found)?).map_err(row_fault),
        "pain.001.001.09" => pain_file(tx, found, &mut fixed, asked, Pain001Version::V09),
        "pain.001.001.03" => pain_file(tx, found, &mut fixed, asked, Pain001Version::V03),
        "nacha" => nacha_file(tx, found, &mut fixed, asked),
        "paypal" => {
            needs(batch, "paypal", PayoutMethod::Paypal, None)?;
            let mark = fixed.paypal(&asked.debtor)?;
            paypal(&info, &rows(tx, found)?, mark).map_err(row_fault)
        }
        "wise" => {
            needs(batch, "wise", PayoutMethod::Wise, None)?;
            let payer = fixed.wise(&asked.debtor)?;
            wise(&info, &rows(tx, found)?, &payer).map_err(row_fault)
        }
        other => {
            let message = format!("{other:?} is not one of {}", FORMATS.join(", "));
            Err(BookError::field("format", message))
        }
    }?;
    if fixed != before {
        payouts::set_payer(tx, batch.id, &fixed.to_json())?;
    }
    // P-33: what is in the file is what the ledger has reserved.
    let reserved: i128 = found.payouts.iter().map(|payout| i128::from(payout.amount.minor)).sum();
    if file.count != found.payouts.len() || i128::from(file.control_sum.minor) != reserved {
        let detail =
            format!("the file of payout batch {} has {} of {}", batch.id, file.control_sum, file.count);
        return Err(BookError::broken(detail));
    }
    Ok(file)
}

/// Refuses a format that does not belong to the batch's method.
fn needs(
    batch: &Batch,
    format: &str,
    method: PayoutMethod,
    currency: Option<Currency>,
) -> Result<(), BookError> {
    if batch.method == method && currency.is_none_or(|currency| batch.currency == currency) {
        return Ok(());
    }
    let wanted = currency.map_or_else(|| method.to_string(), |currency| format!("{method} in {currency}"));
    let message = format!("{format} is for {wanted}, this batch is {} in {}", batch.method, batch.currency);
    Err(BookError::field("format", message))
}

fn info(batch: &Batch) -> BatchInfo {
    BatchInfo {
        batch: batch.id,
        message_id: batch.message_id.clone(),
        currency: batch.currency,
        created_at: batch.created_at,
        execution_date: batch.execution_date.clone(),
    }
}

fn pay_to(tx: &dyn Tx, payout: &Payout) -> Result<PayTo, BookError> {
    serde_json::from_value(payouts::payee(tx, payout)?).map_err(|error| {
        BookError::broken(format!("the payee of payout {} cannot be read: {error}", payout.id))
    })
}

fn rows(tx: &dyn Tx, found: &BatchView) -> Result<Vec<PayoutRow>, BookError> {
    let row = |payout: &Payout| {
        Ok(PayoutRow {
            payout_id: payout.id,
            affiliate_id: payout.affiliate,
            method: found.batch.method,
            pay_to: pay_to(tx, payout)?,
            amount: payout.amount,
            reference: payout.end_to_end_id.clone(),
        })
    };
    found.payouts.iter().map(row).collect()
}

fn row_fault(fault: RowFault) -> BookError {
    match &fault {
        RowFault::Payee { payout, detail } => BookError::field(format!("payouts[{payout}]"), detail),
        RowFault::TooMany { .. } | RowFault::File { .. } => BookError::field("format", fault),
        _ => BookError::broken(fault),
    }
}

/// The version of a form that was the newest when the batch was approved.
fn template(tx: &mut dyn Tx, batch: &Batch, name: &str) -> Result<Template, BookError> {
    let at = batch.approved_at.unwrap_or(batch.created_at);
    let row = payouts::template_as_of(tx, TemplateKind::Export, name, at)?;
    let row = row.ok_or_else(|| BookError::field("template", format!("there is no template {name:?}")))?;
    serde_json::from_str(&row.content)
        .map_err(|error| BookError::broken(format!("version {} of template {name:?}: {error}", row.version)))
}

fn not_empty(found: &BatchView) -> Result<(), BookError> {
    if found.payouts.is_empty() {
        return Err(wrong_state(&found.batch, "a bank file needs at least one payout, and it has none"));
    }
    Ok(())
}

fn pain_file(
    tx: &dyn Tx,
    found: &BatchView,
    fixed: &mut Fixed,
    asked: &Export,
    version: Pain001Version,
) -> Result<FileOut, BookError> {
    let batch = &found.batch;
    needs(batch, &asked.format, PayoutMethod::Sepa, Some(Currency::EUR))?;
    not_empty(found)?;
    let debtor = fixed.sepa(&asked.debtor)?;
    let mut payments = Vec::new();
    let mut errors = Vec::new();
    for payout in &found.payouts {
        let pay_to = pay_to(tx, payout)?;
        let remittance = format!("Payout {} {}", payout.id, batch.message_id);
        match payment(&as_payee(&pay_to, payout.amount), &payout.end_to_end_id, &remittance) {
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
        execution_date: batch.execution_date.parse().map_err(BookError::broken)?,
        debtor,
        payments,
    };
    pain001(&file, version).map_err(|faults| faulty(&faults, "debtor"))
}

fn as_payee(pay_to: &PayTo, amount: Amount) -> Payee<'_> {
    Payee {
        name: pay_to.holder.as_deref().unwrap_or_default(),
        iban: pay_to.iban.as_deref(),
        bic: pay_to.bic.as_deref(),
        address: pay_to.address.as_ref(),
        amount,
    }
}

fn nacha_file(
    tx: &dyn Tx,
    found: &BatchView,
    fixed: &mut Fixed,
    asked: &Export,
) -> Result<FileOut, BookError> {
    let batch = &found.batch;
    needs(batch, "nacha", PayoutMethod::Ach, Some(Currency::USD))?;
    not_empty(found)?;
    let (payer, id_modifier) = fixed.nacha(&asked.debtor)?;
    let mut entries = Vec::new();
    let mut errors = Vec::new();
    for payout in &found.payouts {
        let pay_to = pay_to(tx, payout)?;
        let routing = RoutingNumber::new(pay_to.routing_number.as_deref().unwrap_or_default());
        match routing {
            Ok(routing) => entries.push(NachaEntry {
                holder_type: pay_to.holder_type.unwrap_or_default(),
                name: pay_to.holder.clone().unwrap_or_default(),
                routing,
                account: pay_to.account_number.clone().unwrap_or_default(),
                account_type: pay_to.account_type.unwrap_or_default(),
                amount: payout.amount,
                id: payout.end_to_end_id.clone(),
                addenda: None,
            }),
            Err(error) => errors.push(FieldError::new(format!("payouts[{}]", payout.id), error)),
        }
    }
    if !errors.is_empty() {
        return Err(BookError::Invalid(errors));
    }
    let file = NachaFile {
        identifier: batch.message_id.clone(),
        payer,
        created_at: batch.approved_at.unwrap_or(batch.created_at),
        id_modifier,
        effective_date: batch.execution_date.parse().map_err(BookError::broken)?,
        entries,
    };
    nacha(&file).map_err(|faults| faulty(&faults, "payer"))
}

/// Faults of the payer's own data are settings; the rest names payees.
fn faulty(faults: &[SchemeFault], own: &str) -> BookError {
    let each = |faults: Vec<&SchemeFault>| -> Vec<FieldError> {
        faults.into_iter().map(|fault| FieldError::new(fault.at.clone(), &fault.detail)).collect()
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = faults.iter().partition(|fault| fault.at.starts_with(own));
    if theirs.is_empty() { BookError::Settings(each(ours)) } else { BookError::Invalid(each(theirs)) }
}
