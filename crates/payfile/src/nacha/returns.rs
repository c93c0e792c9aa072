//! Return files: entries that came back, each with an addenda record `99`; notices of change carry `98`.

use super::check::check_digit_fits_record;
use crate::results::ach_reason;
use crate::{Outcome, ResultFault, ResultFile, ResultLine};

/// Reads a return file. Each entry names its payout in the identification number, positions 40 to 54, and its amount.
///
/// # Errors
/// All faults, each with its line.
pub fn nacha_returns(bytes: &[u8]) -> Result<ResultFile, Vec<ResultFault>> {
    let mut faults = Vec::new();
    let mut file = ResultFile::default();
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(vec![ResultFault::new(1, "the file is no ASCII")]);
    };
    let mut entry: Option<(u64, &str)> = None;
    // The sum of a batch's entries, to be held against its control.
    let mut cents = 0_u64;
    for (index, line) in text.lines().enumerate() {
        let at = u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1);
        let record = line.strip_suffix('\r').unwrap_or(line);
        if record.len() != 94 || !record.is_ascii() {
            faults.push(ResultFault::new(at, "a record has 94 ASCII characters"));
            continue;
        }
        let field = |from: usize, to: usize| record.get(from - 1..to).unwrap_or_default();
        match field(1, 1) {
            "5" => cents = 0,
            "6" => {
                if let Some((line, _)) = entry.replace((at, record)) {
                    faults.push(ResultFault::new(line, "the entry has no addenda record with its reason"));
                }
                if !check_digit_fits_record(record) {
                    faults.push(ResultFault::new(at, "the routing number's check digit does not fit"));
                }
                match field(30, 39).parse::<u64>() {
                    Ok(amount) => cents = cents.saturating_add(amount),
                    Err(_) => faults.push(ResultFault::new(at, "the amount is no ten digits")),
                }
            }
            "7" => match (entry.take(), field(2, 3)) {
                (None, _) => faults.push(ResultFault::new(at, "an addenda record without its entry")),
                (Some((line, entry)), "99") => {
                    file.lines.push(returned(line, entry, Outcome::Failed, ach_reason(field(4, 6))))
                }
                (Some((line, entry)), "98") => {
                    let change = format!("{}: corrected data {}", field(4, 6), mask(field(36, 64).trim()));
                    file.lines.push(returned(line, entry, Outcome::Notice, change));
                }
                (Some(_), other) => {
                    faults.push(ResultFault::new(
                        at,
                        format!("the addenda type is {other:?}, expected 99 or 98"),
                    ));
                }
            },
            "8" => {
                let controls = [field(21, 32), field(33, 44)];
                let sum: u64 = controls.iter().filter_map(|control| control.parse::<u64>().ok()).sum();
                if sum != cents {
                    let detail = format!("the control says {sum} cents, the entries add up to {cents}");
                    faults.push(ResultFault::new(at, detail));
                }
            }
            "1" | "9" => {}
            other => faults.push(ResultFault::new(at, format!("a record {other:?} is not known"))),
        }
    }
    if let Some((line, _)) = entry {
        faults.push(ResultFault::new(line, "the entry has no addenda record with its reason"));
    }
    if file.lines.is_empty() && faults.is_empty() {
        faults.push(ResultFault::new(1, "the file names no entry"));
    }
    if faults.is_empty() { Ok(file) } else { Err(faults) }
}

fn returned(line: u64, entry: &str, outcome: Outcome, reason: String) -> ResultLine {
    let field = |from: usize, to: usize| entry.get(from - 1..to).unwrap_or_default();
    let cents: u64 = field(30, 39).parse().unwrap_or_default();
    ResultLine {
        line,
        reference: field(40, 54).trim().to_owned(),
        outcome,
        reason: Some(reason),
        // A notice of change moves no money.
        amount: (outcome == Outcome::Failed).then(|| format!("{}.{:02}", cents / 100, cents % 100)),
        currency: Some("USD".into()),
    }
}

/// Corrected data may be an account number: by its last four.
fn mask(data: &str) -> String {
    crate::last_four(data)
}
