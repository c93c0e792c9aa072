//! Files for payment services: PayPal Payouts (P-30) and Wise batches (P-31).

use hopline_money::{Amount, Currency};
use serde::{Deserialize, Serialize};

use crate::rows::control_sum;
use crate::{BatchInfo, FileOut, PayTo, PayoutRow, RowFault, batch};

/// Payments in one PayPal file.
pub const PAYPAL_ROWS_MAX: usize = 5_000;
/// Transfers in one Wise file.
pub const WISE_ROWS_MAX: usize = 1_000;
/// Characters of PayPal's customer id.
const PAYPAL_ID_CHARS_MAX: usize = 30;

/// How PayPal reads amounts, which is a setting of the payer's account there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecimalMark {
    /// `12.34`
    #[default]
    Point,
    /// `12,34`, in quotes.
    Comma,
}

impl DecimalMark {
    pub(crate) fn write(self, amount: Amount) -> String {
        let decimal = amount.to_decimal();
        match self {
            Self::Point => decimal,
            Self::Comma => decimal.replace('.', ","),
        }
    }
}

/// The smallest step of amounts at PayPal, in minor units: whole units for HUF, JPY and TWD.
#[must_use]
pub fn paypal_step_minor(currency: Currency) -> i64 {
    let without_decimals = matches!(currency.code(), "HUF" | "JPY" | "TWD");
    if without_decimals { 10_i64.pow(u32::from(currency.exponent())) } else { 1 }
}

/// The file for PayPal Payouts: no header; recipient, amount, currency, customer id, note, wallet.
///
/// # Errors
/// Another currency among the payouts, too many, or a payee without a PayPal account.
pub fn paypal(info: &BatchInfo, rows: &[PayoutRow], mark: DecimalMark) -> Result<FileOut, RowFault> {
    at_most(rows, PAYPAL_ROWS_MAX)?;
    let control_sum = control_sum(info.currency, rows)?;
    let mut writer = writer();
    for row in rows {
        let payout = row.payout_id;
        let fault = |detail: &str| RowFault::Payee { payout, detail: detail.to_owned() };
        let (email, payer_id) = (filled(row.pay_to.email.as_ref()), filled(row.pay_to.payer_id.as_ref()));
        let recipient = email.or(payer_id).ok_or_else(|| fault("there is no PayPal account"))?;
        if row.amount.minor % paypal_step_minor(info.currency) != 0 {
            return Err(fault("PayPal pays whole units of this currency only"));
        }
        if row.reference.len() > PAYPAL_ID_CHARS_MAX || row.reference.contains(' ') {
            return Err(fault("the reference has more than 30 characters, or a blank"));
        }
        let note = format!("Payout {payout} {}", info.message_id);
        let cells =
            [recipient, &mark.write(row.amount), info.currency.code(), &row.reference, &note, "PAYPAL"];
        writer.write_record(cells).expect("a Vec takes every write");
    }
    Ok(file(info, rows.len(), control_sum, writer, "paypal"))
}

/// Columns of Wise's batch template, in its order. Wise has several templates: copy the names from the one in use.
pub const WISE_COLUMNS: [&str; 8] = [
    "name",
    "recipientId",
    "recipientEmail",
    "sourceCurrency",
    "targetCurrency",
    "amountCurrency",
    "amount",
    "paymentReference",
];

/// All columns that can be filled.
pub const WISE_COLUMNS_KNOWN: [&str; 16] = [
    "name",
    "recipientId",
    "recipientEmail",
    "sourceCurrency",
    "targetCurrency",
    "amountCurrency",
    "amount",
    "paymentReference",
    "recipientDetail",
    "receiverType",
    "IBAN",
    "BIC",
    "addressFirstLine",
    "addressCity",
    "addressPostCode",
    "addressCountryCode",
];

/// What a Wise file needs of the payer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WisePayer {
    /// The currency of the balance that pays; none: the batch's own.
    pub source_currency: Option<Currency>,
    /// The template's columns, each of [`WISE_COLUMNS_KNOWN`].
    pub columns: Vec<String>,
}

impl Default for WisePayer {
    fn default() -> Self {
        Self { source_currency: None, columns: WISE_COLUMNS.map(str::to_owned).to_vec() }
    }
}

/// The file for a Wise batch. The payee gets exactly the amount (`amountCurrency` is `target`).
///
/// # Errors
/// Another currency among the payouts, too many, a payee without a Wise recipient, or a column that is not known.
pub fn wise(info: &BatchInfo, rows: &[PayoutRow], payer: &WisePayer) -> Result<FileOut, RowFault> {
    at_most(rows, WISE_ROWS_MAX)?;
    if let Some(other) = payer.columns.iter().find(|column| !WISE_COLUMNS_KNOWN.contains(&column.as_str())) {
        let known = WISE_COLUMNS_KNOWN.join(", ");
        return Err(RowFault::File {
            detail: format!("the Wise column {other:?} is not known: expected {known}"),
        });
    }
    let control_sum = control_sum(info.currency, rows)?;
    let mut writer = writer();
    writer.write_record(&payer.columns).expect("a Vec takes every write");
    for row in rows {
        let pay_to = &row.pay_to;
        if filled(pay_to.email.as_ref()).is_none() && filled(pay_to.recipient.as_ref()).is_none() {
            return Err(RowFault::Payee {
                payout: row.payout_id,
                detail: "there is no Wise recipient".into(),
            });
        }
        let cells: Vec<String> =
            payer.columns.iter().map(|column| wise_cell(column, info, row, payer)).collect();
        writer
            .write_record(cells)
            .expect("a Vec takes every write, and every row has a cell for each column");
    }
    Ok(file(info, rows.len(), control_sum, writer, "wise"))
}

fn wise_cell(column: &str, info: &BatchInfo, row: &PayoutRow, payer: &WisePayer) -> String {
    let pay_to: &PayTo = &row.pay_to;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let address = pay_to.address.as_ref();
    match column {
        "name" => crate::text_cell(pay_to.name()),
        "recipientId" => text(&pay_to.recipient),
        "recipientEmail" => text(&pay_to.email),
        "sourceCurrency" => payer.source_currency.unwrap_or(info.currency).code().to_owned(),
        "targetCurrency" => info.currency.code().to_owned(),
        "amountCurrency" => "target".to_owned(),
        "amount" => row.amount.to_decimal(),
        "paymentReference" => row.reference.clone(),
        "IBAN" => text(&pay_to.iban),
        "BIC" => text(&pay_to.bic),
        "addressFirstLine" => {
            let parts = address.map(|address| [address.street.clone(), address.building_number.clone()]);
            parts.into_iter().flatten().flatten().collect::<Vec<_>>().join(" ")
        }
        "addressCity" => address.map(|address| address.town.clone()).unwrap_or_default(),
        "addressPostCode" => address.and_then(|address| address.postcode.clone()).unwrap_or_default(),
        "addressCountryCode" => address.map(|address| address.country.clone()).unwrap_or_default(),
        // `recipientDetail` and `receiverType` are Wise's own, and empty where the recipient is known there.
        _ => String::new(),
    }
}

fn filled(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

fn at_most(rows: &[PayoutRow], limit: usize) -> Result<(), RowFault> {
    if rows.len() > limit { Err(RowFault::TooMany { given: rows.len(), limit }) } else { Ok(()) }
}

fn writer() -> csv::Writer<Vec<u8>> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new())
}

fn file(
    info: &BatchInfo,
    count: usize,
    control_sum: Amount,
    writer: csv::Writer<Vec<u8>>,
    kind: &str,
) -> FileOut {
    FileOut {
        bytes: writer.into_inner().expect("a Vec takes every write"),
        count,
        control_sum,
        media_type: "text/csv; charset=utf-8",
        file_name: batch::file_name(&format!("{}-{kind}", info.message_id), "csv"),
    }
}
