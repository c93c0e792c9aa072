//! The generic payout file: CSV for people, spreadsheets and banks without ISO 20022.
//!
//! RFC 4180 (comma, quotes where needed, CRLF), UTF-8 without a mark, a header. Amounts are plain decimals with a
//! point. A text cell that a spreadsheet would read as a formula gets a leading apostrophe (P-32).

use crate::rows::control_sum;
use crate::{AccountType, BatchInfo, FileOut, PayoutRow, RowFault, batch};

/// The header's names.
pub const CSV_COLUMNS: [&str; 16] = [
    "payout_id",
    "affiliate_id",
    "name",
    "method",
    "iban",
    "bic",
    "amount",
    "currency",
    "reference",
    "routing_number",
    "account_number",
    "account_type",
    "bank_code",
    "bank_name",
    "email",
    "recipient",
];

/// The CSV file of a batch. A batch without payouts gives the header alone.
///
/// # Errors
/// Another currency among the payouts, or a sum out of range.
pub fn csv(info: &BatchInfo, rows: &[PayoutRow]) -> Result<FileOut, RowFault> {
    let control_sum = control_sum(info.currency, rows)?;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let infallible = "a Vec takes every write, and every row has as many cells as the header";
    writer.write_record(CSV_COLUMNS).expect(infallible);
    for row in rows {
        let cells = cells(row).map(|cell| match cell {
            Cell::Text(text) => text_cell(&text),
            Cell::Plain(text) => text,
        });
        writer.write_record(cells).expect(infallible);
    }
    let bytes = writer.into_inner().expect("a Vec takes every write");
    Ok(FileOut {
        bytes,
        count: rows.len(),
        control_sum,
        media_type: "text/csv; charset=utf-8",
        file_name: batch::file_name(&info.message_id, "csv"),
    })
}

/// One cell.
pub(crate) enum Cell {
    /// A text that others have written.
    Text(String),
    /// A number, an amount, a word of ours.
    Plain(String),
}

/// A row in the order of [`CSV_COLUMNS`].
pub(crate) fn cells(row: &PayoutRow) -> [Cell; CSV_COLUMNS.len()] {
    let pay_to = &row.pay_to;
    let text = |text: &Option<String>| Cell::Text(text.clone().unwrap_or_default());
    let account_type = match (pay_to.routing_number.is_some(), pay_to.account_type.unwrap_or_default()) {
        (false, _) => "",
        (true, AccountType::Checking) => "checking",
        (true, AccountType::Savings) => "savings",
    };
    let recipient = pay_to.payer_id.as_ref().or(pay_to.recipient.as_ref());
    [
        Cell::Plain(row.payout_id.to_string()),
        Cell::Plain(row.affiliate_id.to_string()),
        Cell::Text(pay_to.name().to_owned()),
        Cell::Plain(row.method.as_str().to_owned()),
        text(&pay_to.iban),
        text(&pay_to.bic),
        Cell::Plain(row.amount.to_decimal()),
        Cell::Plain(row.amount.currency.code().to_owned()),
        Cell::Text(row.reference.clone()),
        text(&pay_to.routing_number),
        text(&pay_to.account_number),
        Cell::Plain(account_type.to_owned()),
        text(&pay_to.bank_code),
        text(&pay_to.bank_name),
        text(&pay_to.email),
        Cell::Text(recipient.cloned().unwrap_or_default()),
    ]
}

/// A text as a spreadsheet shall show it: never a formula.
#[must_use]
pub fn text_cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.into() }
}
