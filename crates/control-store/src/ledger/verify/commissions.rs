//! Kept commissions against what was booked for them.

use hopline_ledger::{Share, Step, TransactionId, TransactionKind, recipe, standing};
use hopline_money::Amount;
use hopline_types::CommissionStatus;

use super::{PAGE, Unsound};
use crate::commissions::{self, Commission};
use crate::ledger::{by_id, of_commission};
use crate::{StoreError, Tx};

/// Compares all; says how many there are.
pub(super) fn compare(tx: &mut dyn Tx) -> Result<Result<u64, Unsound>, StoreError> {
    let missing = tx.first(
        "SELECT t.sequence FROM ledger_transactions t LEFT JOIN commissions c ON c.conversion_id = t.conversion_id \
         AND c.affiliate_id = t.affiliate_id WHERE t.kind = 'commission_pending' AND c.id IS NULL \
         ORDER BY t.sequence LIMIT 1",
        &[],
    )?;
    if let Some(row) = missing {
        return Ok(Err(Unsound::NoCommission { sequence: row.int(0)? }));
    }
    let mut compared = 0;
    let mut after = None;
    loop {
        let page = commissions::after(tx, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(Ok(compared)) };
        after = Some(last.id);
        for kept in &page {
            compared += 1;
            if let Some((kept_as, derived)) = difference(tx, kept)? {
                return Ok(Err(Unsound::Commission { commission: kept.id, kept: kept_as, derived }));
            }
        }
    }
}

/// As kept and as derived, where that differs.
fn difference(tx: &mut dyn Tx, kept: &Commission) -> Result<Option<(String, String)>, StoreError> {
    let steps = of_commission(tx, kept.conversion, kept.affiliate)?;
    if let Some(difference) = first_booking(tx, kept, &steps)? {
        return Ok(Some(difference));
    }
    let told = |status: CommissionStatus, amounts: [i64; 4]| {
        let [revenue, payout, reversed_revenue, reversed_payout] = amounts;
        format!(
            "{status}, revenue {revenue}, payout {payout}, reversed {reversed_revenue} and {reversed_payout}"
        )
    };
    let kept_as = told(
        kept.status,
        [kept.revenue_minor, kept.payout_minor, kept.reversed_revenue_minor, kept.reversed_payout_minor],
    );
    let derived = match standing(steps) {
        Err(error) => error.to_string(),
        // What is worth nothing is never booked: its status is kept alone.
        Ok(_) if kept.revenue_minor == 0 && kept.payout_minor == 0 => told(kept.status, [0; 4]),
        Ok(now) => {
            let is_held = kept.status == CommissionStatus::Approved && now.approved_minor > 0;
            if is_held && kept.payable_at.is_none() {
                return Ok(Some((format!("{kept_as}, without an end of its hold"), "one".to_owned())));
            }
            told(
                now.status,
                [now.booked_revenue_minor, now.booked_minor, now.reversed_revenue_minor, now.reversed_minor],
            )
        }
    };
    Ok((kept_as != derived).then_some((kept_as, derived)))
}

/// Who pays, who is paid, how much and in which currency: as the first transaction says. What was decided again has other
/// amounts since.
fn first_booking(
    tx: &mut dyn Tx,
    kept: &Commission,
    steps: &[Step],
) -> Result<Option<(String, String)>, StoreError> {
    let corrections = || steps.iter().filter(|step| step.kind == TransactionKind::CommissionCorrected);
    let more_revenue: i64 = corrections().map(|step| step.revenue_minor).sum();
    let more_payout: i64 = corrections().map(|step| step.payout_minor).sum();
    let id =
        TransactionId::of_commission(TransactionKind::CommissionPending, kept.conversion, kept.affiliate);
    let booked = by_id(tx, &id)?;
    let amount = |minor| Amount::new(minor, kept.currency);
    let share = match Share::new(
        amount(kept.revenue_minor - more_revenue),
        amount(kept.payout_minor - more_payout),
    ) {
        Ok(share) => share,
        Err(error) => return Ok(Some((error.to_string(), "zero or more".to_owned()))),
    };
    let (conversion, advertiser, affiliate) = (kept.conversion, kept.advertiser, kept.affiliate);
    let recipe = recipe::Commission { conversion, advertiser, affiliate, share };
    let at = |draft: &hopline_ledger::Draft| (draft.happened_at(), draft.effective_at);
    let (happened_at, effective_at) = booked.as_ref().map(|record| at(&record.draft)).unwrap_or_default();
    let expected = recipe.pending(id, happened_at).map(|draft| draft.not_before(effective_at));
    let booked = booked.map(|record| record.draft);
    let told = |draft: &Option<hopline_ledger::Draft>| {
        let each = draft.iter().flat_map(|draft| &draft.postings);
        let lines =
            each.map(|line| format!("{} {} {}", line.account.as_path(), line.amount_minor, line.currency));
        lines.collect::<Vec<_>>().join(", ")
    };
    Ok((expected != booked)
        .then(|| (format!("booked as [{}]", told(&expected)), format!("[{}]", told(&booked)))))
}
