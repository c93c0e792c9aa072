//! NACHA ACH credit files (P-20 to P-23).
//!
//! # Format
//! Records of 94 printable ASCII characters, each ended by a line feed: `1`, then for each kind of payee `5`, its `6` (and
//! `7`) records, `8`, then `9`; filled up with records of nines to a multiple of ten. Persons are paid by a batch `PPD`,
//! companies by a batch `CCD`; both are credits only (`220`). Numbers are right-justified and zero-filled, texts
//! left-justified, in capital letters and blank-filled. A payee's name is cut at 22 characters, as is usual: banks pay by
//! routing and account number.
//!
//! # Limits
//! 9,999,999,999 cents an entry, 999,999,999,999 a file, 9,999,999 entries a batch.

mod check;
mod returns;
mod write;

use hopline_money::Amount;
use hopline_types::UnixMillis;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use check::check_nacha;
pub use returns::nacha_returns;
pub(crate) use write::ascii;

use crate::{AccountType, FileOut, HolderType, RoutingNumber, SchemeFault};

/// Largest entry in cents (P-23).
pub(crate) const ENTRY_CENTS_MAX: i64 = 9_999_999_999;
/// Largest sum of a file in cents (P-23).
pub const NACHA_FILE_CENTS_MAX: i64 = 999_999_999_999;
/// Characters of an entry's name.
pub(crate) const NAME_CHARS: usize = 22;
/// Characters of an entry's identification number.
pub(crate) const ID_CHARS: usize = 15;
/// Characters of an account number.
pub(crate) const ACCOUNT_CHARS: usize = 17;

/// Who pays, as its bank has agreed with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NachaPayer {
    /// The bank that the file goes to.
    pub destination: RoutingNumber,
    /// Its name; at most 23 characters.
    pub destination_name: String,
    /// Who sends the file: ten characters as the bank says; none: a blank and the originating bank.
    pub origin: Option<String>,
    /// Its name; at most 23 characters.
    pub origin_name: String,
    /// The bank that originates the entries.
    pub originating_bank: RoutingNumber,
    /// What payees read as the payer; at most 16 characters.
    pub company_name: String,
    /// The payer's number at its bank; at most 10 characters.
    pub company_id: String,
    /// What payees read as the purpose; at most 10 characters.
    pub description: String,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NachaEntry {
    /// A person or a company.
    pub holder_type: HolderType,
    /// Who is paid; cut at 22 characters.
    pub name: String,
    /// Its bank.
    pub routing: RoutingNumber,
    /// Its account; at most 17 characters.
    pub account: String,
    /// The account's kind.
    pub account_type: AccountType,
    /// In US dollars.
    pub amount: Amount,
    /// The payer's reference, which comes back in a return; at most 15 characters.
    pub id: String,
    /// A text for the payee; at most 80 characters.
    pub addenda: Option<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NachaFile {
    /// Names the file for people and in `Content-Disposition`.
    pub identifier: String,
    /// Who pays.
    pub payer: NachaPayer,
    /// When the file counts as made. Part of the file, so it must not change between exports.
    pub created_at: UnixMillis,
    /// `A` for the first file of a day, then the next letter or digit.
    pub id_modifier: char,
    /// The day on which the bank shall pay.
    pub effective_date: Date,
    /// Who is paid what.
    pub entries: Vec<NachaEntry>,
}

/// The file of a batch; the same input gives the same bytes (P-03). The finished text is read again by [`check_nacha`].
///
/// # Errors
/// All faults at once; then nothing is written.
pub fn nacha(file: &NachaFile) -> Result<FileOut, Vec<SchemeFault>> {
    let (text, control_sum) = write::file(file)?;
    let faults = check_nacha(&text);
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(FileOut {
        bytes: text.into_bytes(),
        count: file.entries.len(),
        control_sum,
        media_type: "text/plain; charset=us-ascii",
        file_name: crate::batch::file_name(&file.identifier, "ach"),
    })
}
