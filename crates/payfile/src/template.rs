//! CSV files of the payer's own form, for banks that have one (P-32).
//!
//! A template is JSON: rows before, one row for each payout, rows behind. A cell is a text with `{fields}`. Amounts are never
//! rounded here: where a bank takes fewer decimals than the currency has, batches are drafted in larger steps, and what
//! is left stays on the balance. An amount that the template cannot write exactly is a fault.

mod fields;

use serde::{Deserialize, Serialize};

pub use fields::{BATCH_FIELDS, ROW_FIELDS};

use crate::results::{comma, point};
use crate::rows::control_sum;
use crate::{BatchInfo, Encoding, FileOut, PayoutRow, RowFault, batch};

/// The most columns of a template.
const COLUMNS_MAX: usize = 100;
/// The most rows before or behind.
const EXTRA_ROWS_MAX: usize = 10;
/// The most characters of a cell's text.
const CELL_CHARS_MAX: usize = 500;

/// How lines end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineEnd {
    /// Carriage return and line feed.
    #[default]
    Crlf,
    /// Line feed.
    Lf,
}

/// Which cells stand in quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quotes {
    /// Those that need them.
    #[default]
    Needed,
    /// All.
    Always,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name in the row of titles.
    #[serde(default)]
    pub title: String,
    /// The cell of each payout: a text with fields of [`ROW_FIELDS`] and [`BATCH_FIELDS`], such as `{iban}`.
    pub value: String,
}

/// A template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The columns of each payout.
    pub columns: Vec<Column>,
    /// Rows before all others; cells with fields of [`BATCH_FIELDS`].
    #[serde(default)]
    pub header: Vec<Vec<String>>,
    /// Whether a row of the columns' titles follows the header.
    #[serde(default = "yes")]
    pub titles: bool,
    /// Rows behind all others; cells with fields of [`BATCH_FIELDS`], such as `{total}` and `{count}`.
    #[serde(default)]
    pub footer: Vec<Vec<String>>,
    /// Between cells: one ASCII character.
    #[serde(default = "comma")]
    pub separator: char,
    /// Which cells stand in quotes.
    #[serde(default)]
    pub quotes: Quotes,
    /// How lines end.
    #[serde(default)]
    pub line_end: LineEnd,
    /// How characters are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Whether letters that the encoding lacks are written by their neighbours (ł as l); else they are a fault.
    #[serde(default)]
    pub transliterate: bool,
    /// Within amounts: `.` or `,`.
    #[serde(default = "point")]
    pub decimal_mark: char,
    /// Decimals of amounts; none: those of the currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// Whether texts that a spreadsheet would run as a formula get an apostrophe. Amounts are never touched.
    #[serde(default = "yes")]
    pub for_spreadsheets: bool,
    /// The ending of the file's name.
    #[serde(default = "csv_ending")]
    pub ending: String,
}

const fn yes() -> bool {
    true
}

fn csv_ending() -> String {
    "csv".into()
}

impl Template {
    /// What is wrong with it, by field.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault = |field: &str, detail: String| faults.push((field.to_owned(), detail));
        if self.columns.is_empty() || self.columns.len() > COLUMNS_MAX {
            fault("columns", format!("expected 1 to {COLUMNS_MAX}, given {}", self.columns.len()));
        }
        for (index, column) in self.columns.iter().enumerate() {
            if let Some(detail) = fields::fault(&column.value, true) {
                fault(&format!("columns[{index}].value"), detail);
            }
            if column.title.chars().count() > CELL_CHARS_MAX {
                fault(
                    &format!("columns[{index}].title"),
                    format!("has more than {CELL_CHARS_MAX} characters"),
                );
            }
        }
        for (name, rows) in [("header", &self.header), ("footer", &self.footer)] {
            if rows.len() > EXTRA_ROWS_MAX {
                fault(name, format!("has more than {EXTRA_ROWS_MAX} rows"));
            }
            for (row, cells) in rows.iter().enumerate() {
                if cells.is_empty() || cells.len() > COLUMNS_MAX {
                    fault(
                        &format!("{name}[{row}]"),
                        format!("expected 1 to {COLUMNS_MAX} cells, given {}", cells.len()),
                    );
                }
                for (cell, text) in cells.iter().enumerate() {
                    if let Some(detail) = fields::fault(text, false) {
                        fault(&format!("{name}[{row}][{cell}]"), detail);
                    }
                }
            }
        }
        if !self.separator.is_ascii()
            || self.separator.is_ascii_alphanumeric()
            || matches!(self.separator, '"' | '\r' | '\n' | '.' | '-')
        {
            fault("separator", "is not one of the usual characters such as , ; tab |".into());
        }
        if !matches!(self.decimal_mark, '.' | ',') {
            fault("decimal_mark", "is neither . nor ,".into());
        }
        if self.decimals.is_some_and(|decimals| decimals > 6) {
            fault("decimals", "is more than 6".into());
        }
        if self.ending.is_empty()
            || self.ending.len() > 8
            || !self.ending.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            fault("ending", "is not 1 to 8 letters or digits".into());
        }
        faults
    }
}

/// The file of a batch by a template; the same input gives the same bytes.
///
/// # Errors
/// The template is wrong, another currency among the payouts, an amount or a character that cannot be written.
pub fn from_template(info: &BatchInfo, rows: &[PayoutRow], template: &Template) -> Result<FileOut, RowFault> {
    if let Some((field, detail)) = template.faults().into_iter().next() {
        return Err(RowFault::File { detail: format!("{field}: {detail}") });
    }
    let control_sum = control_sum(info.currency, rows)?;
    let batch = fields::Batch { info, template, count: rows.len(), total: control_sum };
    let mut lines = Lines { template, bytes: Vec::new() };
    for cells in &template.header {
        lines.row(cells.iter().map(|cell| batch.cell(cell)), None)?;
    }
    if template.titles {
        lines.row(template.columns.iter().map(|column| Ok(column.title.clone())), None)?;
    }
    for (index, row) in rows.iter().enumerate() {
        let cells = template.columns.iter().map(|column| batch.row_cell(&column.value, row, index + 1));
        lines.row(cells, Some(row))?;
    }
    for cells in &template.footer {
        lines.row(cells.iter().map(|cell| batch.cell(cell)), None)?;
    }
    Ok(FileOut {
        bytes: lines.bytes,
        count: rows.len(),
        control_sum,
        media_type: template.encoding.csv_media_type(),
        file_name: batch::file_name(&info.message_id, &template.ending.to_ascii_lowercase()),
    })
}

struct Lines<'t> {
    template: &'t Template,
    bytes: Vec<u8>,
}

impl Lines<'_> {
    fn row(
        &mut self,
        cells: impl Iterator<Item = Result<String, String>>,
        row: Option<&PayoutRow>,
    ) -> Result<(), RowFault> {
        let fault = |detail: String| match row {
            Some(row) => RowFault::Payee { payout: row.payout_id, detail },
            None => RowFault::File { detail },
        };
        let template = self.template;
        for (index, cell) in cells.enumerate() {
            let cell = self.in_encoding(&cell.map_err(fault)?);
            if index > 0 {
                self.bytes.extend(u8::try_from(template.separator));
            }
            let needs = cell.contains(['"', '\r', '\n', template.separator])
                || cell.starts_with(' ')
                || cell.ends_with(' ');
            let written = if needs || template.quotes == Quotes::Always {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell
            };
            let bytes = template.encoding.encode(&written);
            let name = template.encoding.as_str();
            self.bytes.extend(
                bytes.map_err(|c| fault(format!("{c:?} (U+{:04X}) is not in {name}", u32::from(c))))?,
            );
        }
        self.bytes.extend_from_slice(match template.line_end {
            LineEnd::Crlf => b"\r\n",
            LineEnd::Lf => b"\n",
        });
        Ok(())
    }

    /// Letters that the encoding lacks by their neighbours, where the template says so.
    fn in_encoding(&self, text: &str) -> String {
        let encoding = self.template.encoding;
        if !self.template.transliterate || text.chars().all(|c| encoding.has(c)) {
            return text.to_owned();
        }
        let mut written = String::with_capacity(text.len());
        for c in text.chars() {
            match crate::transliterate(&c.to_string()) {
                Ok(plain) if !encoding.has(c) => written.push_str(&plain),
                _ => written.push(c),
            }
        }
        written
    }
}
