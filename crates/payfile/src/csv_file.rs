//! The generic payout file: CSV for people, spreadsheets and banks without ISO 20022.
//!
//! RFC 4180 (comma, quotes where needed, CRLF), UTF-8 without a mark, a header. Amounts are plain decimals with a
//! point. A text cell that a spreadsheet would read as a formula gets a leading apostrophe (P-32).

use hopline_money::{Amount, Currency, MoneyError};
use hopline_types::{AffiliateId, PayoutId, PayoutMethod};

use crate::{FileOut, batch};

/// The header's names.
pub const CSV_COLUMNS: [&str; 9] =
    ["payout_id", "affiliate_id", "name", "method", "iban", "bic", "amount", "currency", "reference"];

/// One payout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvPayout {
    /// Its id.
    pub payout_id: PayoutId,
    /// Who is paid.
    pub affiliate_id: AffiliateId,
    /// Holder of the account.
    pub name: String,
    /// How.
    pub method: PayoutMethod,
    /// Empty cell where there is none.
    pub iban: Option<String>,
    /// Empty cell where there is none.
    pub bic: Option<String>,
    /// How much.
    pub amount: Amount,
    /// The payer's reference.
    pub reference: String,
}

/// Why no CSV file could be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvFault {
    /// One file has one currency (P-05).
    #[error("payout {payout} is in {given}, the file in {expected}")]
    Currency {
        /// The payout that differs.
        payout: PayoutId,
        /// The file's currency.
        expected: &'static str,
        /// The payout's currency.
        given: &'static str,
    },
    /// The amounts cannot be summed up.
    #[error("the control sum at payout {payout}")]
    ControlSum {
        /// The payout that makes it too large.
        payout: PayoutId,
        /// What was wrong.
        #[source]
        source: MoneyError,
    },
}

/// The CSV file of a batch; `identifier` names it ([`message_id`](crate::message_id)). A batch without payouts gives
/// the header alone.
///
/// # Errors
/// Another currency among the payouts, or a sum out of range.
pub fn csv(identifier: &str, currency: Currency, payouts: &[CsvPayout]) -> Result<FileOut, CsvFault> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    let mut control_sum = Amount::zero(currency);
    let infallible = "a Vec takes every write, and every row has as many cells as the header";
    writer.write_record(CSV_COLUMNS).expect(infallible);
    for payout in payouts {
        if payout.amount.currency != currency {
            return Err(CsvFault::Currency {
                payout: payout.payout_id,
                expected: currency.code(),
                given: payout.amount.currency.code(),
            });
        }
        control_sum = control_sum
            .checked_add(payout.amount)
            .map_err(|source| CsvFault::ControlSum { payout: payout.payout_id, source })?;
        let row: [String; CSV_COLUMNS.len()] = [
            payout.payout_id.to_string(),
            payout.affiliate_id.to_string(),
            text_cell(&payout.name),
            payout.method.as_str().into(),
            text_cell(payout.iban.as_deref().unwrap_or_default()),
            text_cell(payout.bic.as_deref().unwrap_or_default()),
            payout.amount.to_decimal(),
            currency.code().into(),
            text_cell(&payout.reference),
        ];
        writer.write_record(row).expect(infallible);
    }
    let bytes = writer.into_inner().expect("a Vec takes every write");
    Ok(FileOut {
        bytes,
        count: payouts.len(),
        control_sum,
        media_type: "text/csv; charset=utf-8",
        file_name: batch::file_name(identifier, "csv"),
    })
}

/// A text as a spreadsheet shall show it: never a formula.
#[must_use]
pub fn text_cell(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.into() }
}
