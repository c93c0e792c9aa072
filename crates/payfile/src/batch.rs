//! What goes into a file: the payer, the payments.

use hopline_money::Amount;
use hopline_types::{BatchId, PayoutId, UnixMillis};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Bic, Iban};

/// A structured postal address. SEPA refuses addresses made only of free lines from 15 November 2026 (P-07).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Address {
    /// Street without number; at most 70 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// Number of the building; at most 16 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub building_number: Option<String>,
    /// Postcode; at most 16 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postcode: Option<String>,
    /// Town; 1 to 35 characters.
    pub town: String,
    /// ISO 3166 code, two capital letters.
    pub country: String,
}

/// Who pays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debtor {
    /// Name, at most 70 characters.
    pub name: String,
    /// Account that is charged.
    pub iban: Iban,
    /// Its bank; may be left out inside SEPA.
    pub bic: Option<Bic>,
    /// Address; may be left out where the bank does not need it.
    pub address: Option<Address>,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The payer's reference, which comes back in the bank's answer: see [`end_to_end_id`].
    pub end_to_end_id: String,
    /// Who is paid.
    pub name: String,
    /// Account that is paid into.
    pub iban: Iban,
    /// Its bank; may be left out inside SEPA.
    pub bic: Option<Bic>,
    /// In euro.
    pub amount: Amount,
    /// What the payee reads on the bank statement; at most 140 characters.
    pub remittance: String,
    /// Address; may be left out where the bank does not need it.
    pub address: Option<Address>,
}

/// One file: one payer's account, one currency, one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFile {
    /// The file's identifier: see [`message_id`].
    pub message_id: String,
    /// When the batch was made (not: exported). Part of the file, so it must not change between exports.
    pub created_at: UnixMillis,
    /// The day on which the bank shall execute the payments.
    pub execution_date: Date,
    /// Who pays.
    pub debtor: Debtor,
    /// Who is paid what.
    pub payments: Vec<Payment>,
}

/// A finished file. The same input gives the same bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOut {
    /// The content.
    pub bytes: Vec<u8>,
    /// Payments in it.
    pub count: usize,
    /// Their sum.
    pub control_sum: Amount,
    /// For `Content-Type`.
    pub media_type: &'static str,
    /// For `Content-Disposition`: ASCII letters, digits, `-`, `_` and `.` only.
    pub file_name: String,
}

/// The identifier of a batch's file: `HL{batch}-{time}`, at most 35 characters.
///
/// With the time of the batch's making, so that a second installation on the same account does not repeat it.
#[must_use]
pub fn message_id(batch: BatchId, created_at: UnixMillis) -> String {
    format!("HL{batch}-{}", crate::time::compact(created_at))
}

/// The identifier of a payout within its file: `PO-{payout}`.
#[must_use]
pub fn end_to_end_id(payout: PayoutId) -> String {
    format!("PO-{payout}")
}

/// The payout that [`end_to_end_id`] named; nothing for identifiers of other origin.
#[must_use]
pub fn payout_of(end_to_end_id: &str) -> Option<PayoutId> {
    let payout = end_to_end_id.strip_prefix("PO-")?.parse().ok()?;
    // Only the exact spelling: `PO-007` is not ours.
    (self::end_to_end_id(payout) == end_to_end_id).then_some(payout)
}

/// A file's name made of an identifier.
pub(crate) fn file_name(identifier: &str, extension: &str) -> String {
    let stem: String =
        identifier.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{stem}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p_03_identifiers_come_from_batch_and_payout_and_stay_within_35_characters() {
        let largest = 9_007_199_254_740_991;
        let time = UnixMillis(1_772_359_200_123);
        assert_eq!(message_id(BatchId::new(1).unwrap(), time), "HL1-20260301T100000Z");
        assert_eq!(message_id(BatchId::new(largest).unwrap(), time).len(), 35);
        assert_eq!(end_to_end_id(PayoutId::new(largest).unwrap()), "PO-9007199254740991");
    }

    #[test]
    fn an_end_to_end_id_leads_back_to_its_payout_and_a_foreign_one_nowhere() {
        let payout = PayoutId::new(42).unwrap();
        assert_eq!(payout_of(&end_to_end_id(payout)), Some(payout));
        for foreign in ["PO-042", "PO-+42", "PO-0", "PO-", "42", "NOTPROVIDED"] {
            assert_eq!(payout_of(foreign), None, "{foreign}");
        }
    }
}
