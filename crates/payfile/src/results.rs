//! What banks and services answer: result files.
//!
//! A reader turns a file into a [`ResultFile`]; whether its references are payouts of a batch, and what is booked, the books
//! decide. A file is read whole or refused with all faults, each with its line. Nothing is guessed: a word that is in no
//! list is a fault.

mod csv_report;
mod mapping;
mod pain002;
mod reasons;

pub use csv_report::{csv_report, paypal_report, wise_report};
pub use mapping::{Columns, ResultMapping};
pub(crate) use mapping::{comma, point};
pub use pain002::pain002;
pub(crate) use reasons::{ach_reason, iso_reason};

/// What became of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It was paid, or accepted for good.
    Paid,
    /// It was rejected, or came back.
    Failed,
    /// It is not decided.
    Waiting,
    /// It was paid; the file says something else about it.
    Notice,
}

impl Outcome {
    /// The word in text forms.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Notice => "notice",
        }
    }
}

/// One line of a result file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultLine {
    /// The line in the file, from 1.
    pub line: u64,
    /// Which payment: our own reference, see [`end_to_end_id`](crate::end_to_end_id).
    pub reference: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Why it failed.
    pub reason: Option<String>,
    /// The amount as a plain decimal, where the line has one.
    pub amount: Option<String>,
    /// The currency, where the line has one.
    pub currency: Option<String>,
}

/// A result file that could be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultFile {
    /// The identifier of the file that it answers, where it names it.
    pub message_id: Option<String>,
    /// The number of payments that file had, where it says so.
    pub count: Option<u64>,
    /// The sum of that file, as a plain decimal, where it says so.
    pub sum: Option<String>,
    /// What became of all payments that no line names, where the file says so.
    pub all: Option<(Outcome, Option<String>)>,
    /// What it says of single payments.
    pub lines: Vec<ResultLine>,
}

/// Something that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct ResultFault {
    /// The line, from 1.
    pub line: u64,
    /// What was expected and what was given.
    pub detail: String,
}

impl ResultFault {
    pub(crate) fn new(line: u64, detail: impl Into<String>) -> Self {
        Self { line, detail: detail.into() }
    }
}
