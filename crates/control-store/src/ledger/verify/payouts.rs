//! Payouts against what was booked for them, their lines and the items that they hold.

use hopline_ledger::{Draft, TransactionId, TransactionKind, recipe};
use hopline_money::Amount;
use hopline_types::{PayoutId, UnixMillis};

use super::{PAGE, Unsound};
use crate::ledger::by_id;
use crate::payouts::{BatchStatus, PayoutStatus};
use crate::{Row, StoreError, Tx};

/// The first payout that does not fit.
pub(super) fn compare(tx: &mut dyn Tx) -> Result<Option<Unsound>, StoreError> {
    for (sql, detail) in [
        (UNKEPT, "money is reserved for it, but it is not kept"),
        (LINES, "a line is not what was owed"),
        (FOREIGN, "what it holds in another currency does not add up to nothing"),
        (EXCHANGED, "what was changed for it is not what was booked"),
        (FREE, "an item that it pays is open or with another payout"),
        (STUCK, "it failed, but still holds an item"),
        (DECIDED, "all payouts of its batch are decided, but the batch is not settled"),
    ] {
        if let Some(row) = tx.first(sql, &[])? {
            return Ok(Some(Unsound::Payout { payout: row.id(0)?, detail: detail.to_owned() }));
        }
    }
    let mut after = 0;
    loop {
        let page = tx.query(PAYOUTS, &[after.into(), i64::from(PAGE).into()])?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.int(0)?;
        for row in &page {
            if let Some(detail) = difference(tx, row)? {
                return Ok(Some(Unsound::Payout { payout: row.id(0)?, detail }));
            }
        }
    }
}

fn difference(tx: &mut dyn Tx, row: &Row) -> Result<Option<String>, StoreError> {
    let id: PayoutId = row.id(0)?;
    let amount = Amount::new(row.int(4)?, row.parsed(3)?);
    if row.text_or_null(6)?.is_none() {
        return Ok(Some("its batch is missing".to_owned()));
    }
    let (status, batch): (PayoutStatus, BatchStatus) = (row.parsed(5)?, row.parsed(6)?);
    if row.text(7)? != amount.currency.code() {
        return Ok(Some(format!("it is in {}, its batch in {}", amount.currency, row.text(7)?)));
    }
    let fits = match batch {
        BatchStatus::Draft => status == PayoutStatus::Draft,
        // A result file may have decided some of them.
        BatchStatus::Approved => status != PayoutStatus::Draft,
        BatchStatus::Settled => matches!(status, PayoutStatus::Paid | PayoutStatus::Failed),
        BatchStatus::Cancelled => status == PayoutStatus::Failed,
    };
    if !fits {
        return Ok(Some(format!("it is {status}, its batch {batch}")));
    }
    if row.int(8)? != amount.minor {
        return Ok(Some(format!("it is {} minor units, its lines add up to {}", amount.minor, row.int(8)?)));
    }
    let payout = match recipe::Payout::new(row.id(1)?, id, row.id(2)?, amount) {
        Ok(payout) => payout,
        Err(error) => return Ok(Some(error.to_string())),
    };
    type Recipe<'a> = &'a dyn Fn(TransactionId, UnixMillis, Option<String>) -> Draft;
    let (has_failed, has_returned) = (status == PayoutStatus::Failed, row.time_or_null(9)?.is_some());
    if has_returned && !has_failed {
        return Ok(Some(format!("it came back, but is {status}")));
    }
    let was_paid = status == PayoutStatus::Paid || has_returned;
    let steps: [(TransactionKind, bool, Recipe<'_>); 4] = [
        (TransactionKind::PayoutReserved, true, &|id, at, _| payout.reserved(id, at)),
        (TransactionKind::PayoutSettled, was_paid, &|id, at, _| payout.settled(id, at)),
        (TransactionKind::PayoutFailed, has_failed && !has_returned, &|id, at, why| {
            payout.failed(id, at, why)
        }),
        (TransactionKind::PayoutReturned, has_returned, &|id, at, why| payout.returned(id, at, why)),
    ];
    for (kind, is_due, recipe) in steps {
        let transaction = TransactionId::of_payout(kind, id);
        let fits = match by_id(tx, &transaction)? {
            None => !is_due,
            Some(booked) => {
                let (at, reason) = (booked.draft.happened_at(), booked.draft.own_reason().map(str::to_owned));
                let expected = recipe(transaction, at, reason).not_before(booked.draft.effective_at);
                is_due && expected == booked.draft
            }
        };
        if !fits {
            return Ok(Some(format!(
                "it is {status} with {} minor units, {kind} says otherwise",
                amount.minor
            )));
        }
    }
    Ok(None)
}

const PAYOUTS: &str = "SELECT p.id, p.batch_id, p.affiliate_id, p.currency, p.amount_minor, p.status, b.status, \
     b.currency, CAST((SELECT coalesce(sum(l.amount_minor), 0) FROM payout_lines l JOIN ledger_entries e \
     ON e.sequence = l.sequence AND e.position = l.position AND e.currency = p.currency WHERE l.payout_id = p.id) AS BIGINT), p.returned_at \
     FROM payouts p LEFT JOIN payout_batches b ON b.id = p.batch_id WHERE p.id > $1 ORDER BY p.id LIMIT $2";

const UNKEPT: &str = "SELECT t.payout_id FROM ledger_transactions t LEFT JOIN payouts p ON p.id = t.payout_id \
     WHERE t.kind = 'payout_reserved' AND p.id IS NULL ORDER BY t.sequence LIMIT 1";

const LINES: &str = "SELECT l.payout_id FROM payout_lines l JOIN payouts p ON p.id = l.payout_id \
     LEFT JOIN ledger_entries e ON e.sequence = l.sequence AND e.position = l.position \
     AND e.amount_minor = -l.amount_minor \
     AND e.account = 'affiliate:' || CAST(p.affiliate_id AS TEXT) || ':payable' \
     LEFT JOIN ledger_transactions t ON t.sequence = l.sequence \
     WHERE e.sequence IS NULL OR coalesce(t.conversion_id, 0) <> coalesce(l.conversion_id, 0) \
     ORDER BY l.payout_id LIMIT 1";

/// What was changed into the payout's currency leaves it in its own.
const FOREIGN: &str = "SELECT l.payout_id FROM payout_lines l JOIN payouts p ON p.id = l.payout_id \
     JOIN ledger_entries e ON e.sequence = l.sequence AND e.position = l.position AND e.currency <> p.currency \
     GROUP BY l.payout_id, e.currency HAVING sum(l.amount_minor) <> 0 ORDER BY l.payout_id LIMIT 1";

const EXCHANGED: &str = "SELECT x.payout_id FROM payout_exchanges x JOIN payouts p ON p.id = x.payout_id \
     LEFT JOIN ledger_transactions t ON t.id = x.transaction_id AND t.kind = 'exchange' AND t.payout_id = x.payout_id \
     LEFT JOIN ledger_entries a ON a.sequence = t.sequence AND a.currency = x.from_currency AND a.amount_minor = x.from_minor \
     AND a.account = 'affiliate:' || CAST(p.affiliate_id AS TEXT) || ':payable' \
     LEFT JOIN ledger_entries b ON b.sequence = t.sequence AND b.currency = p.currency AND b.amount_minor = -x.to_minor \
     AND b.account = 'affiliate:' || CAST(p.affiliate_id AS TEXT) || ':payable' \
     WHERE a.sequence IS NULL OR b.sequence IS NULL ORDER BY x.payout_id LIMIT 1";

const FREE: &str = "SELECT l.payout_id FROM payout_lines l JOIN payouts p ON p.id = l.payout_id \
     LEFT JOIN payable_items i ON i.sequence = l.sequence AND i.position = l.position AND i.payout_id = l.payout_id \
     WHERE p.status <> 'failed' AND i.sequence IS NULL ORDER BY l.payout_id LIMIT 1";

const DECIDED: &str = "SELECT min(p.id) FROM payouts p JOIN payout_batches b ON b.id = p.batch_id WHERE b.status = 'approved' \
     GROUP BY p.batch_id HAVING sum(CASE WHEN p.status = 'approved' THEN 1 ELSE 0 END) = 0 ORDER BY p.batch_id LIMIT 1";

const STUCK: &str = "SELECT i.payout_id FROM payable_items i JOIN payouts p ON p.id = i.payout_id \
     WHERE p.status = 'failed' ORDER BY i.payout_id LIMIT 1";
