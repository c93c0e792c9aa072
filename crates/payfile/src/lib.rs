//! Payout files: SEPA, ACH, PayPal, Wise, CSV and workbooks, with the schemes' own checks; and what banks answer.
//!
//! # Purpose
//! A batch of payouts becomes one file that a bank or service takes. Each gives back the number of payments and the control
//! sum of the lines actually written ([`FileOut`]), to be compared with what the ledger has reserved (P-33). The same input
//! always gives the same bytes, so that an export can be repeated.
//!
//! | format | function | checked by |
//! |---|---|---|
//! | `pain.001.001.09`, `.03` | [`pain001()`] | [`check_pain001`] over the finished text |
//! | NACHA PPD and CCD | [`nacha()`] | [`check_nacha`] over the finished text |
//! | PayPal Payouts | [`paypal`] | its own rules while writing |
//! | Wise batch | [`wise`] | its own rules while writing |
//! | CSV | [`csv()`] | |
//! | CSV of the payer's own form | [`from_template`] | [`Template::faults`] when it is saved |
//! | XLSX | [`xlsx()`] | |
//!
//! # What is checked, and where
//! - [`refuse_payee`] says per payee, before approval, why it will be left out.
//! - Writers check every value, then write; [`check_pain001`] and [`check_nacha`] then read the finished text again. They know
//!   nothing of the writers. A file that is valid against the schema is not yet a good SEPA file: the schema lets pass
//!   wrong sums, wrong check digits, zero amounts, other currencies and foreign characters.
//!
//! # What comes back
//! [`pain002`], [`nacha_returns`], [`paypal_report`], [`wise_report`] and [`csv_report`] (by a saved mapping) read result files:
//! what became of which reference. They book nothing.
//!
//! # Format of the SEPA file
//! UTF-8, one `PmtInf`: one debtor account, euro, one execution date, batch booking, service level
//! `SEPA`, charges `SLEV`. Structured addresses or none. `EndToEndId` is `PO-{payout}` and leads back from the bank's
//! answer to the payout ([`payout_of`]).
//!
//! # Limits
//! SEPA: 0.01 to 999,999,999.99 EUR a payment; identifiers 35, names 70, remittance text 140 characters; nothing is ever cut
//! to fit. Texts are transliterated into `a-z A-Z 0-9 / - ? : ( ) . , ' +` and space ([`transliterate`]). ACH: see
//! [`nacha()`]; names are cut at 22 characters. PayPal 5,000, Wise 1,000 rows.
//!
//! # Failure
//! A file is written whole or not at all. All faults of a bank file are reported at once, each with the rule, the place and the
//! payee. No I/O, no clock, no randomness: the time and all identifiers come from the caller.
//!
//! # Sources
//! ISO 20022 (message and schema), ISO 13616 (IBAN), ISO 9362 (BIC), the European Payments Council's generally used
//! rules for SEPA credit transfers, the ACH file structure as published by Nacha's members, PayPal's and Wise's pages on
//! their upload files, RFC 4180 (CSV). A bank may ask for less or more; its own guide decides.

mod batch;
mod bic;
mod charset;
mod csv_file;
mod encoding;
mod fault;
mod iban;
mod nacha;
mod pain001;
mod pay_to;
mod refuse;
mod results;
mod routing;
mod rows;
mod rules;
mod services;
mod template;
mod time;
mod xlsx;
mod xml;

pub use batch::{Address, BatchFile, Debtor, FileOut, Payment, end_to_end_id, message_id, payout_of};
pub use bic::{Bic, BicError};
pub use charset::{NotTransliterable, in_sepa_set, transliterate};
pub use csv_file::{CSV_COLUMNS, csv, text_cell};
pub use encoding::Encoding;
pub use fault::{Rule, SchemeFault};
pub use iban::{Iban, IbanError};
pub use nacha::{NACHA_FILE_CENTS_MAX, NachaEntry, NachaFile, NachaPayer, check_nacha, nacha, nacha_returns};
pub use pain001::{NAMESPACE_V03, NAMESPACE_V09, Pain001Version, check_pain001, pain001, pain001_v09};
pub use pay_to::{AccountType, HolderType, PayTo, last_four, masked_email};
pub use refuse::{Payee, RefusalReason, email_fault, payment, refuse, refuse_payee};
pub use results::{
    Columns, Outcome, ResultFault, ResultFile, ResultLine, ResultMapping, csv_report, pain002, paypal_report,
    wise_report,
};
pub use routing::{RoutingError, RoutingNumber};
pub use rows::{BatchInfo, PayoutRow, RowFault};
pub use services::{
    DecimalMark, PAYPAL_ROWS_MAX, WISE_COLUMNS, WISE_COLUMNS_KNOWN, WISE_ROWS_MAX, WisePayer, paypal,
    paypal_step_minor, wise,
};
pub use template::{BATCH_FIELDS, Column, LineEnd, Quotes, ROW_FIELDS, Template, from_template};
pub use xlsx::xlsx;
