//! Open items against the entries that make them and the payouts that hold them.

use std::fmt::Write as _;

use hopline_ledger::{Account, Stored};
use hopline_types::UnixMillis;

use super::Unsound;
use crate::ledger::post::makes_items;
use crate::{StoreError, Tx};

/// Compares the open items that a record makes with those kept.
pub(super) fn of_record(tx: &mut dyn Tx, record: &Stored) -> Result<Option<Unsound>, StoreError> {
    if !makes_items(record.draft.kind) {
        return Ok(None);
    }
    for (position, posting) in (0_i64..).zip(&record.draft.postings) {
        let Account::AffiliatePayable(affiliate) = posting.account else { continue };
        let row = tx.first(
            "SELECT affiliate_id, currency, amount_minor, effective_at, conversion_id FROM payable_items \
             WHERE sequence = $1 AND position = $2",
            &[record.sequence.into(), position.into()],
        )?;
        let mut detail = String::new();
        match row {
            None => detail.push_str("is missing"),
            Some(row) => {
                let kept = (
                    row.int(0)?,
                    row.text(1)?.to_owned(),
                    row.int(2)?.saturating_neg(),
                    UnixMillis(row.int(3)?),
                    row.int_or_null(4)?,
                );
                let expected = (
                    affiliate.get(),
                    posting.currency.code().to_owned(),
                    posting.amount_minor,
                    record.draft.effective_at,
                    record.draft.subject.conversion.map(hopline_types::ConversionId::get),
                );
                if kept != expected {
                    write!(detail, "kept {kept:?}, the entry gives {expected:?}").unwrap_or_default();
                }
            }
        }
        if !detail.is_empty() {
            return Ok(Some(Unsound::Item { sequence: record.sequence, position, detail }));
        }
    }
    Ok(None)
}

/// Items that no entry makes, and items given to a payout that does not have them as a line.
pub(super) fn surplus(tx: &mut dyn Tx) -> Result<Option<Unsound>, StoreError> {
    let surplus = tx.first(
        "SELECT i.sequence, i.position FROM payable_items i LEFT JOIN ledger_entries e \
         ON e.sequence = i.sequence AND e.position = i.position AND e.amount_minor = -i.amount_minor \
         AND e.account = 'affiliate:' || CAST(i.affiliate_id AS TEXT) || ':payable' \
         WHERE e.sequence IS NULL ORDER BY i.sequence LIMIT 1",
        &[],
    )?;
    if let Some(row) = surplus {
        let detail = "no entry makes it".to_owned();
        return Ok(Some(Unsound::Item { sequence: row.int(0)?, position: row.int(1)?, detail }));
    }
    let unlined = tx.first(
        "SELECT i.sequence, i.position FROM payable_items i LEFT JOIN payout_lines l ON l.payout_id = i.payout_id \
         AND l.sequence = i.sequence AND l.position = i.position AND l.amount_minor = i.amount_minor \
         WHERE i.payout_id IS NOT NULL AND l.sequence IS NULL ORDER BY i.sequence LIMIT 1",
        &[],
    )?;
    if let Some(row) = unlined {
        let detail = "its payout does not have it as a line".to_owned();
        return Ok(Some(Unsound::Item { sequence: row.int(0)?, position: row.int(1)?, detail }));
    }
    Ok(None)
}
