//! Payout files: CSV and ISO 20022 credit transfers, with the scheme's own checks.
//!
//! # Purpose
//! A batch of payouts becomes one file that a bank takes: [`pain001_v09`] for SEPA, [`csv()`] for everything else. Both
//! give back the number of payments and the control sum of the lines actually written ([`FileOut`]), to be compared
//! with what the ledger has reserved. The same input always gives the same bytes, so that an export can be repeated.
//!
//! # What is checked, and where
//! - [`refuse`] says per payee, before approval, why it will be left out.
//! - [`pain001_v09`] checks every value, then writes, then has [`check_pain001`] read the finished text again.
//! - [`check_pain001`] knows nothing of the writer. A file that is valid against the schema is not yet a good SEPA file:
//!   the schema lets pass wrong sums, wrong check digits, zero amounts, other currencies and foreign characters.
//!
//! # Format of the SEPA file
//! `pain.001.001.09`, UTF-8, one `PmtInf`: one debtor account, euro, one execution date, batch booking, service level
//! `SEPA`, charges `SLEV`. Structured addresses or none. `EndToEndId` is `PO-{payout}` and leads back from the bank's
//! answer to the payout ([`payout_of`]).
//!
//! # Limits
//! 0.01 to 999,999,999.99 EUR a payment; identifiers 35, names 70, remittance text 140 characters; nothing is ever cut
//! to fit. Texts are transliterated into `a-z A-Z 0-9 / - ? : ( ) . , ' +` and space ([`transliterate`]).
//!
//! # Failure
//! A file is written whole or not at all. All faults are reported at once, each with the rule, the place and the payee.
//! No I/O, no clock, no randomness: the time and all identifiers come from the caller.
//!
//! # Sources
//! ISO 20022 (message and schema), ISO 13616 (IBAN), ISO 9362 (BIC), the European Payments Council's generally used
//! rules for SEPA credit transfers, RFC 4180 (CSV). A bank may ask for less or more; its own guide decides.

mod batch;
mod bic;
mod charset;
mod csv_file;
mod fault;
mod iban;
mod pain001;
mod refuse;
mod rules;
mod time;

pub use batch::{Address, BatchFile, Debtor, FileOut, Payment, end_to_end_id, message_id, payout_of};
pub use bic::{Bic, BicError};
pub use charset::{NotTransliterable, in_sepa_set, transliterate};
pub use csv_file::{CSV_COLUMNS, CsvFault, CsvPayout, csv, text_cell};
pub use fault::{Rule, SchemeFault};
pub use iban::{Iban, IbanError};
pub use pain001::{NAMESPACE_V09, check_pain001, pain001_v09};
pub use refuse::{Payee, RefusalReason, payment, refuse};
