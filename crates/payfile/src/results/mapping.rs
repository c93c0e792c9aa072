//! How a CSV report is read: which column means what, which words mean what.

use serde::{Deserialize, Serialize};

use super::Outcome;
use crate::Encoding;

/// The columns, by their names in the header row; capitals and blanks around them do not matter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Columns {
    /// Our own reference, as it was in the exported file.
    pub reference: String,
    /// What became of the payment.
    pub status: String,
    /// The amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A mapping that a user has saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResultMapping {
    /// Between cells: one ASCII character.
    #[serde(default = "comma")]
    pub separator: char,
    /// Of the file.
    #[serde(default)]
    pub encoding: Encoding,
    /// Within amounts: `.` or `,`.
    #[serde(default = "point")]
    pub decimal_mark: char,
    /// Which column means what.
    pub columns: Columns,
    /// Words of the status column that mean paid.
    pub paid: Vec<String>,
    /// Words that mean failed.
    #[serde(default)]
    pub failed: Vec<String>,
    /// Words that decide nothing.
    #[serde(default)]
    pub waiting: Vec<String>,
}

pub(crate) const fn comma() -> char {
    ','
}

pub(crate) const fn point() -> char {
    '.'
}

impl ResultMapping {
    /// What is wrong with it, by field.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let mut faults = Vec::new();
        if !self.separator.is_ascii()
            || self.separator.is_ascii_alphanumeric()
            || matches!(self.separator, '"' | '\r' | '\n')
        {
            faults.push(("separator", "is not one of the usual characters such as , ; tab |".into()));
        }
        if !matches!(self.decimal_mark, '.' | ',') {
            faults.push(("decimal_mark", "is neither . nor ,".into()));
        }
        if self.columns.reference.trim().is_empty() || self.columns.status.trim().is_empty() {
            faults.push(("columns", "reference and status name no column".into()));
        }
        if self.paid.is_empty() {
            faults.push(("paid", "is empty: which words mean that a payment was made?".into()));
        }
        let mut words: Vec<String> = Vec::new();
        for (field, list) in [("paid", &self.paid), ("failed", &self.failed), ("waiting", &self.waiting)] {
            for word in list.iter().map(|word| folded(word)) {
                if words.contains(&word) {
                    faults.push((field, format!("{word:?} stands there twice")));
                }
                words.push(word);
            }
        }
        faults
    }

    pub(super) fn outcome(&self, word: &str) -> Option<Outcome> {
        let word = folded(word);
        let has = |list: &[String]| list.iter().any(|of| folded(of) == word);
        if has(&self.paid) {
            Some(Outcome::Paid)
        } else if has(&self.failed) {
            Some(Outcome::Failed)
        } else {
            has(&self.waiting).then_some(Outcome::Waiting)
        }
    }
}

/// A name or word without regard to capitals, blanks, `_` and `-`.
pub(super) fn folded(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '_' | '-'))
        .flat_map(char::to_lowercase)
        .collect()
}
