//! Result files: what the bank or service says became of a batch.
//!
//! A file is applied whole or refused whole, with every fault by its line. What it decides of a payout:
//!
//! | the line says | payout approved | paid | failed |
//! |---|---|---|---|
//! | paid | `payout_settled` | nothing | a fault: it was not paid |
//! | failed | `payout_failed` | it came back: `payout_returned` | nothing |
//! | waiting, notice | nothing | nothing | nothing |
//!
//! A payout that no line names is decided where the file speaks of all, or where the caller says so ([`Rest`]); else it
//! stays as it is. The batch is settled once all of its payouts are decided. The bytes of a file are known by their
//! SHA-256: no file is applied twice.

use std::collections::BTreeMap;

use hopline_control_store::payouts::{
    self, BatchStatus, InsertResult, Payout, PayoutStatus, ResultLineRow, TemplateKind,
};
use hopline_control_store::{Tx, sha256_hex};
use hopline_money::format_minor;
use hopline_payfile::{
    Outcome, ResultFault, ResultFile, ResultMapping, csv_report, nacha_returns, pain002, payout_of,
    paypal_report, wise_report,
};
use hopline_types::{BatchId, PayoutId, UnixMillis};

use super::settle::{not_paid, paid, returned};
use super::{BatchView, move_on, view, wrong_state};
use crate::{BookError, FieldError};

/// The formats of [`apply_result`].
pub const RESULT_FORMATS: [&str; 5] = ["pain.002", "nacha", "paypal", "wise", "csv"];

/// What becomes of payouts that a file does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rest {
    /// They stay as they are.
    #[default]
    Open,
    /// They are paid: the bank names failures alone.
    Paid,
}

/// A result file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResult {
    /// One of [`RESULT_FORMATS`].
    pub format: String,
    /// With `csv`: the saved mapping's name.
    pub mapping: Option<String>,
    /// What becomes of the others.
    pub rest: Rest,
    /// The file.
    pub bytes: Vec<u8>,
}

/// A result file that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Its id.
    pub id: i64,
    /// What each line did.
    pub lines: Vec<ResultLineRow>,
    /// The batch as it is now.
    pub view: BatchView,
}

/// What is to be done with one payout.
struct Step<'a> {
    line: Option<u64>,
    payout: &'a Payout,
    outcome: Outcome,
    reason: Option<String>,
}

/// Applies a result file to a batch.
///
/// # Errors
/// [`BookError::NotFound`], [`BookError::State`], [`BookError::Invalid`] with every fault by its line,
/// [`BookError::Conflict`] for a file that was applied before; the store's.
pub fn apply_result(
    tx: &mut dyn Tx,
    batch: BatchId,
    new: &NewResult,
    actor: &str,
    now: UnixMillis,
) -> Result<Applied, BookError> {
    let found = view(tx, batch)?;
    match found.batch.status {
        BatchStatus::Approved | BatchStatus::Settled => {}
        BatchStatus::Draft => return Err(wrong_state(&found.batch, "approve it before results are booked")),
        BatchStatus::Cancelled => return Err(wrong_state(&found.batch, "it was never paid")),
    }
    let sha256 = sha256_hex(&new.bytes);
    if let Some(known) = payouts::find_result(tx, &sha256)? {
        let detail = format!(
            "line 1: the same file was booked before, as result {} of payout batch {}: nothing has changed",
            known.id, known.result.batch
        );
        return Err(BookError::Conflict { detail });
    }
    let file = read(tx, new)?;
    let steps = steps(&found, &file, new.rest)?;
    let mut lines = Vec::with_capacity(steps.len());
    for step in &steps {
        let outcome = apply(tx, step, now)?;
        lines.push(ResultLineRow {
            line: step.line.and_then(|line| i64::try_from(line).ok()),
            payout: step.payout.id,
            outcome: outcome.to_owned(),
            reason: step.reason.clone(),
        });
    }
    let insert = InsertResult {
        batch,
        format: new.format.clone(),
        sha256,
        received_at: now,
        received_by: actor.to_owned(),
    };
    let id = payouts::insert_result(tx, &insert, &lines)?;
    let mut after = view(tx, batch)?;
    let is_decided = |payout: &Payout| matches!(payout.status, PayoutStatus::Paid | PayoutStatus::Failed);
    if after.batch.status == BatchStatus::Approved && after.payouts.iter().all(is_decided) {
        move_on(tx, &after.batch, BatchStatus::Settled, actor, now)?;
        after = view(tx, batch)?;
    }
    Ok(Applied { id, lines, view: after })
}

fn read(tx: &mut dyn Tx, new: &NewResult) -> Result<ResultFile, BookError> {
    if new.mapping.is_some() != (new.format == "csv") {
        let message = "goes with the format csv, which needs it: the name of a saved mapping";
        return Err(BookError::field("mapping", message));
    }
    let file = match new.format.as_str() {
        "pain.002" => pain002(&new.bytes),
        "nacha" => nacha_returns(&new.bytes),
        "paypal" => paypal_report(&new.bytes),
        "wise" => wise_report(&new.bytes),
        "csv" => {
            let name = new.mapping.as_deref().unwrap_or_default();
            let row = payouts::newest_template(tx, TemplateKind::Result, name)?;
            let row =
                row.ok_or_else(|| BookError::field("mapping", format!("there is no mapping {name:?}")))?;
            let mapping: ResultMapping = serde_json::from_str(&row.content).map_err(|error| {
                BookError::broken(format!("version {} of mapping {name:?}: {error}", row.version))
            })?;
            csv_report(&new.bytes, &mapping)
        }
        other => {
            let message = format!("{other:?} is not one of {}", RESULT_FORMATS.join(", "));
            return Err(BookError::field("format", message));
        }
    };
    file.map_err(|faults| {
        BookError::Invalid(faults.iter().map(|fault| fault_at(fault.line, &fault.detail)).collect())
    })
}

fn fault_at(line: u64, detail: impl std::fmt::Display) -> FieldError {
    FieldError::new(format!("line {line}"), detail)
}

/// What the file decides, in order; all faults where it does not fit the batch.
fn steps<'a>(found: &'a BatchView, file: &ResultFile, rest: Rest) -> Result<Vec<Step<'a>>, BookError> {
    let mut faults: Vec<ResultFault> = Vec::new();
    let mut fault = |line: u64, detail: String| faults.push(ResultFault { line, detail });
    let batch = &found.batch;
    if let Some(answered) = &file.message_id
        && *answered != batch.message_id
    {
        fault(1, format!("the file answers {answered:?}, the file of this batch is {:?}", batch.message_id));
    }
    let count = u64::try_from(found.payouts.len()).unwrap_or(u64::MAX);
    if let Some(told) = file.count.filter(|told| *told != count) {
        fault(1, format!("the file speaks of {told} payments, the batch has {count}"));
    }
    let sum: i128 = found.payouts.iter().map(|payout| i128::from(payout.amount.minor)).sum();
    let sum = format_minor(sum, batch.currency);
    if let Some(told) = &file.sum
        && !same_decimal(told, &sum)
    {
        fault(1, format!("the file speaks of a sum of {told}, the batch has {sum}"));
    }
    let own: BTreeMap<PayoutId, &Payout> = found.payouts.iter().map(|payout| (payout.id, payout)).collect();
    let mut named: BTreeMap<PayoutId, u64> = BTreeMap::new();
    let mut steps = Vec::new();
    for line in &file.lines {
        let Some(payout) = payout_of(&line.reference).and_then(|id| own.get(&id)) else {
            fault(line.line, format!("{:?} is no payout of batch {}", line.reference, batch.id));
            continue;
        };
        if let Some(before) = named.insert(payout.id, line.line) {
            fault(line.line, format!("{} stands in line {before} already", line.reference));
        }
        if let Some(amount) = &line.amount
            && !same_decimal(amount, &payout.amount.to_decimal())
        {
            let is = payout.amount.to_decimal();
            fault(line.line, format!("the amount of {} is {amount}, the payout is {is}", line.reference));
        }
        if let Some(currency) = &line.currency
            && currency != batch.currency.code()
        {
            fault(line.line, format!("{} is in {currency}, the batch in {}", line.reference, batch.currency));
        }
        if line.outcome == Outcome::Paid && payout.status == PayoutStatus::Failed {
            let why = payout.reason.as_deref().unwrap_or("failed");
            fault(line.line, format!("{} is booked as not paid ({why})", line.reference));
        }
        let reason = line.reason.clone();
        steps.push(Step { line: Some(line.line), payout, outcome: line.outcome, reason });
    }
    if !faults.is_empty() {
        return Err(BookError::Invalid(
            faults.iter().map(|fault| fault_at(fault.line, &fault.detail)).collect(),
        ));
    }
    let others = match (&file.all, rest) {
        (Some((outcome, reason)), _) => Some((*outcome, reason.clone())),
        (None, Rest::Paid) => Some((Outcome::Paid, None)),
        (None, Rest::Open) => None,
    };
    if let Some((outcome, reason)) = others {
        let open = found.payouts.iter();
        let open =
            open.filter(|payout| payout.status == PayoutStatus::Approved && !named.contains_key(&payout.id));
        steps.extend(open.map(|payout| Step { line: None, payout, outcome, reason: reason.clone() }));
    }
    Ok(steps)
}

/// Whether two plain decimals are the same number: `50`, `50.0` and `50.00`.
fn same_decimal(one: &str, other: &str) -> bool {
    let plain = |text: &str| {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let whole = whole.trim_start_matches('0').to_owned();
        (whole, fraction.trim_end_matches('0').to_owned())
    };
    plain(one.trim()) == plain(other)
}

/// Books one step; says what it did.
fn apply(tx: &mut dyn Tx, step: &Step<'_>, now: UnixMillis) -> Result<&'static str, BookError> {
    let payout = step.payout;
    let reason = step.reason.as_deref().unwrap_or("the bank gives no reason");
    match (step.outcome, payout.status) {
        (Outcome::Paid, PayoutStatus::Approved) => paid(tx, payout, now).map(|()| "paid"),
        (Outcome::Failed, PayoutStatus::Approved) => not_paid(tx, payout, reason, now).map(|()| "failed"),
        (Outcome::Failed, PayoutStatus::Paid) => returned(tx, payout, reason, now).map(|()| "returned"),
        (Outcome::Waiting, _) => Ok("waiting"),
        (Outcome::Notice, _) => Ok("notice"),
        (Outcome::Paid | Outcome::Failed, _) => Ok("unchanged"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_compared_as_numbers() {
        for (one, other) in [("50", "50.00"), ("050.0", "50.00"), ("0.5", "0.50"), (".5", "0.50")] {
            assert!(same_decimal(one, other), "{one} {other}");
        }
        assert!(!same_decimal("50.01", "50.00"));
        assert!(!same_decimal("5", "50.00"));
    }
}
