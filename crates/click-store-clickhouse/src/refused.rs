//! Which record it is that the server does not take.
//!
//! What a block says is checked before it is sent, so that only a rule of the operator's own refuses a row: a constraint. The
//! server's answer then names the row, counted from 1.

use hopline_click_store::{ClickBatch, Records};

use crate::fault::Fault;
use crate::store::record_refused;

/// Makes a refusal of a record out of the server's, where it names a row.
pub(crate) fn find(batch: &ClickBatch, records: &Records, fault: Fault) -> Fault {
    let Fault::Server { message, .. } = &fault else { return fault };
    let named = row(message).and_then(|row| records.numbers().nth(row));
    match named {
        Some(unique) => record_refused(batch.stream, (unique.record(), reason(message).to_owned())),
        None => fault,
    }
}

/// The place of the row in the block, from 0.
fn row(message: &str) -> Option<usize> {
    let (_, behind) = message.split_once(" at row ")?;
    let end = behind.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(behind.len());
    let row: usize = behind.get(..end)?.parse().ok()?;
    row.checked_sub(1)
}

/// The answer without what stands around it.
fn reason(message: &str) -> &str {
    let reason = message.split_once("DB::Exception: ").map_or(message, |(_, reason)| reason);
    reason.split(" (version ").next().unwrap_or(reason).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_row_is_read_from_the_answer() {
        let message = "Code: 469. DB::Exception: Constraint `c` for table d.clicks is violated at row 3. Expression: (x). (VIOLATED_CONSTRAINT) (version 26.9.2.1)";
        assert_eq!(row(message), Some(2));
        assert!(
            reason(message).starts_with("Constraint `c`")
                && reason(message).ends_with("(VIOLATED_CONSTRAINT)")
        );
        assert_eq!(row("Code: 241. DB::Exception: memory"), None);
    }
}
