//! CSV reports: PayPal's and Wise's by their usual column names, any other by a saved mapping.

use super::mapping::folded;
use super::{Columns, Outcome, ResultFault, ResultFile, ResultLine, ResultMapping};
use crate::Encoding;

/// Reads a report by a mapping. It has a header row.
///
/// # Errors
/// All faults, each with its line.
pub fn csv_report(bytes: &[u8], mapping: &ResultMapping) -> Result<ResultFile, Vec<ResultFault>> {
    let columns = &mapping.columns;
    let optional = |name: &Option<String>| name.iter().cloned().collect();
    let wanted = Wanted {
        reference: vec![columns.reference.clone()],
        status: vec![columns.status.clone()],
        amount: optional(&columns.amount),
        currency: optional(&columns.currency),
        reason: optional(&columns.reason),
        named_is_needed: true,
    };
    read(bytes, mapping, &wanted)
}

/// Reads PayPal's report on a payout file. The reference is the customer id of the file.
///
/// # Errors
/// All faults, each with its line.
pub fn paypal_report(bytes: &[u8]) -> Result<ResultFile, Vec<ResultFault>> {
    let words = (
        ["success", "completed", "paid", "claimed"].as_slice(),
        [
            "failed",
            "denied",
            "blocked",
            "refunded",
            "returned",
            "reversed",
            "canceled",
            "cancelled",
            "expired",
        ]
        .as_slice(),
        ["pending", "unclaimed", "onhold", "processing", "new"].as_slice(),
    );
    let wanted = Wanted::of([
        &["Customer ID", "Unique ID", "Sender Item ID", "Reference"],
        &["Transaction Status", "Payout Status", "Status"],
        &["Amount", "Payout Amount", "Gross"],
        &["Currency", "Currency Code"],
        &["Error Message", "Error", "Reason", "Reason Code", "Error Code"],
    ]);
    read(bytes, &preset(words), &wanted)
}

/// Reads Wise's report on a batch. The reference is the payment reference of the file.
///
/// # Errors
/// All faults, each with its line.
pub fn wise_report(bytes: &[u8]) -> Result<ResultFile, Vec<ResultFault>> {
    let words = (
        ["sent", "completed", "outgoing payment sent", "paid", "funds sent"].as_slice(),
        ["cancelled", "canceled", "funds refunded", "refunded", "bounced back", "charged back", "failed"]
            .as_slice(),
        [
            "processing",
            "incoming payment waiting",
            "funds converted",
            "pending",
            "waiting recipient input",
            "draft",
        ]
        .as_slice(),
    );
    let wanted = Wanted::of([
        &["Payment Reference", "Reference"],
        &["Status", "Transfer Status"],
        &["Target Amount", "Target Amount (after fees)", "Amount"],
        &["Target Currency", "Currency"],
        &["Reason", "Status Reason", "Error"],
    ]);
    read(bytes, &preset(words), &wanted)
}

fn preset((paid, failed, waiting): (&[&str], &[&str], &[&str])) -> ResultMapping {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    ResultMapping {
        separator: ',',
        encoding: Encoding::Utf8,
        decimal_mark: '.',
        columns: Columns {
            reference: String::new(),
            status: String::new(),
            amount: None,
            currency: None,
            reason: None,
        },
        paid: owned(paid),
        failed: owned(failed),
        waiting: owned(waiting),
    }
}

/// Names of columns; of each the first that is there.
struct Wanted {
    reference: Vec<String>,
    status: Vec<String>,
    amount: Vec<String>,
    currency: Vec<String>,
    reason: Vec<String>,
    /// Whether a named optional column must be there.
    named_is_needed: bool,
}

impl Wanted {
    fn of([reference, status, amount, currency, reason]: [&[&str]; 5]) -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            reference: owned(reference),
            status: owned(status),
            amount: owned(amount),
            currency: owned(currency),
            reason: owned(reason),
            named_is_needed: false,
        }
    }
}

fn read(bytes: &[u8], mapping: &ResultMapping, wanted: &Wanted) -> Result<ResultFile, Vec<ResultFault>> {
    let one = |line, detail: String| Err(vec![ResultFault::new(line, detail)]);
    let text = match mapping.encoding.decode(bytes) {
        Ok(text) => text,
        Err(at) => {
            let breaks = bytes.iter().take(at).filter(|byte| **byte == b'\n').count();
            let line = u64::try_from(breaks).unwrap_or(u64::MAX).saturating_add(1);
            return one(line, format!("a byte that is not {}", mapping.encoding.as_str()));
        }
    };
    let Ok(separator) = u8::try_from(mapping.separator) else {
        return one(1, format!("the separator {:?} is not ASCII", mapping.separator));
    };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(text.as_bytes());
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return one(1, format!("no CSV: {error}")),
    };
    let place = |names: &[String]| {
        names.iter().find_map(|name| header.iter().position(|cell| folded(cell) == folded(name)))
    };
    let mut faults = Vec::new();
    let mut needed = |names: &[String]| {
        let found = place(names);
        if found.is_none() {
            faults.push(ResultFault::new(1, format!("the header has no column {}", names.join(" or "))));
        }
        found
    };
    let reference = needed(&wanted.reference);
    let status = needed(&wanted.status);
    let mut optional = |names: &[String]| {
        if wanted.named_is_needed && !names.is_empty() { needed(names) } else { place(names) }
    };
    let (amount, currency, reason) =
        (optional(&wanted.amount), optional(&wanted.currency), optional(&wanted.reason));
    let (Some(reference), Some(status)) = (reference, status) else { return Err(faults) };

    let mut file = ResultFile::default();
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                faults.push(ResultFault::new(line, format!("no CSV: {error}")));
                continue;
            }
        };
        let line = lines.of(record.position());
        let cell = |column: usize| record.get(column).map(untouched).filter(|cell| !cell.is_empty());
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let Some(reference) = cell(reference) else {
            faults.push(ResultFault::new(line, "the reference is empty"));
            continue;
        };
        let word = cell(status).unwrap_or_default();
        let Some(outcome) = mapping.outcome(word) else {
            faults.push(ResultFault::new(line, format!("the status {word:?} of {reference} is in no list")));
            continue;
        };
        let decimal = match amount.and_then(cell).map(|text| plain_decimal(text, mapping.decimal_mark)) {
            None => None,
            Some(Some(decimal)) => Some(decimal),
            Some(None) => {
                faults.push(ResultFault::new(line, format!("the amount of {reference} is no decimal")));
                continue;
            }
        };
        let told = reason
            .and_then(cell)
            .map(|text| text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect());
        file.lines.push(ResultLine {
            line,
            reference: reference.to_owned(),
            outcome,
            reason: (outcome == Outcome::Failed)
                .then(|| told.unwrap_or_else(|| format!("the report says {word}"))),
            amount: decimal,
            currency: currency.and_then(cell).map(str::to_owned),
        });
    }
    if file.lines.is_empty() && faults.is_empty() {
        faults.push(ResultFault::new(1, "the file has no rows"));
    }
    if faults.is_empty() { Ok(file) } else { Err(faults) }
}

/// Counts lines: the reader's own count stands before the line ends that a record begins with.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn of(&mut self, position: Option<&csv::Position>) -> u64 {
        let start = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.at);
        let mut end = start.max(self.at).min(self.text.len());
        while self.text.get(end).is_some_and(|byte| matches!(byte, b'\r' | b'\n')) {
            end += 1;
        }
        let passed = self.text.get(self.at..end).unwrap_or_default();
        self.line += passed.iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
        self.at = end;
        self.line
    }
}

/// A cell without the apostrophe that our own files for spreadsheets put before a sign.
fn untouched(cell: &str) -> &str {
    let cell = cell.trim();
    match cell.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => cell,
    }
}

/// An amount with a point; its sign is left out, for reports show payments as money that went out.
fn plain_decimal(text: &str, mark: char) -> Option<String> {
    let group = if mark == '.' { ',' } else { '.' };
    let digits = text.strip_prefix(['-', '−']).unwrap_or(text);
    let kept: String = digits
        .chars()
        .filter(|c| *c != group && !c.is_whitespace() && *c != '\'')
        .map(|c| if c == mark { '.' } else { c })
        .collect();
    let fits = kept.starts_with(|c: char| c.is_ascii_digit())
        && kept.chars().all(|c| c.is_ascii_digit() || c == '.')
        && kept.matches('.').count() <= 1
        && !kept.ends_with('.');
    fits.then_some(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_the_report_s_own_form() {
        for (text, mark, read) in [
            ("1,234.50", '.', Some("1234.50")),
            ("-12.34", '.', Some("12.34")),
            ("1.234,50", ',', Some("1234.50")),
            ("12", ',', Some("12")),
            ("12 EUR", '.', None),
            (".5", '.', None),
            ("", '.', None),
            ("1.2.3", '.', None),
        ] {
            assert_eq!(plain_decimal(text, mark).as_deref(), read, "{text}");
        }
    }
}
