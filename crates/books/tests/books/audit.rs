//! The audit of the books finds what was changed behind the program's back.

use hopline_books::payouts::{self, FailedPayout};
use hopline_click_store::ClickCount;
use hopline_control_store::ledger;
use hopline_types::{CommissionStatus, HOUR_MS, Verdict};

use crate::world::{DAY, NOW, Rules, World};

/// One of everything: a paid sale, a failed payout that is open again, a draft that holds money, a refund, a lead that
/// was taken back, a sale on hold, one without a click, an hour of clicks.
fn full() -> World {
    let world = World::new(Rules::PAID_AT_ONCE);
    let paid = world.sold("A-1", "100.00");
    let click = world.click(world.shop, NOW.plus(-DAY), Verdict::UNIQUE);
    let fails = world.taken(world.sale("A-2", "50.00", Some(click)));
    world.decide(fails);
    let first = world.draft("0");
    let (batch, failing) = (first.batch.id, first.payouts[1].id);
    world.write(move |tx| payouts::approve(tx, batch, "key:second", true, NOW)).unwrap();
    let failed = [FailedPayout { payout: failing, reason: "closed".into() }];
    world.write(move |tx| payouts::settle(tx, batch, &failed, "key:second", NOW)).unwrap();
    world.sold("A-3", "200.00");
    world.draft("0");
    world.refund(paid, Some("25.00")).unwrap();
    let mut refused =
        world.sale("A-4", "10.00", Some(world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE)));
    refused.requested_status = hopline_record::RequestedStatus::Rejected;
    let refused = world.taken(refused);
    assert_eq!(world.decide(refused).status, CommissionStatus::Rejected);
    let mut waits =
        world.sale("A-5", "10.00", Some(world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE)));
    waits.requested_status = hopline_record::RequestedStatus::Pending;
    let waits = world.taken(waits);
    world.decide(waits);
    let nobody = world.taken(world.sale("A-6", "10.00", None));
    world.decide(nobody);
    let counts = [ClickCount { hour: NOW, offer: world.offer, affiliate: world.blog, clicks: 10 }];
    world.write(move |tx| hopline_books::settle_clicks(tx, &counts, NOW.plus(HOUR_MS), NOW)).unwrap();
    world.audit();
    world
}

const TRIGGERS: [&str; 6] = [
    "DROP TRIGGER ledger_transactions_are_not_updated",
    "DROP TRIGGER ledger_transactions_are_not_deleted",
    "DROP TRIGGER ledger_entries_are_not_updated",
    "DROP TRIGGER ledger_entries_are_not_deleted",
    "DROP TRIGGER click_corrections_are_not_updated",
    "DROP TRIGGER click_corrections_are_not_deleted",
];

/// Makes one change, looks whether the audit tells, and undoes it.
fn is_found(world: &World, change: &'static str) -> bool {
    let told = std::sync::Arc::new(std::sync::Mutex::new(None));
    let tell = std::sync::Arc::clone(&told);
    let undone = world.write(move |tx| -> Result<(), _> {
        tx.execute("PRAGMA defer_foreign_keys = ON", &[])?;
        for trigger in TRIGGERS {
            tx.execute(trigger, &[])?;
        }
        assert!(tx.execute(change, &[])? > 0, "changes nothing: {change}");
        *tell.lock().unwrap() = Some(!matches!(ledger::verify(tx), Ok(Ok(_))));
        Err(hopline_books::BookError::NotFound { what: "reason to keep this change", id: 0 })
    });
    assert!(matches!(undone, Err(hopline_books::BookError::NotFound { .. })), "{change}: {undone:?}");
    let found = *told.lock().unwrap();
    found.unwrap()
}

// L-02, L-13
#[test]
fn l_02_the_audit_finds_every_change_of_what_is_kept_beside_the_entries() {
    let world = full();
    let changes = [
        // Sums.
        "UPDATE ledger_balances SET credits = credits + 1 WHERE account = 'affiliate:1:payable'",
        "DELETE FROM ledger_balances WHERE account = 'network:margin'",
        "INSERT INTO ledger_balances VALUES ('affiliate:2:pending', 'USD', 1, 1)",
        // Commissions.
        "UPDATE commissions SET status = 'payable' WHERE status = 'pending'",
        "UPDATE commissions SET payout_minor = payout_minor + 1 WHERE id = 1",
        "UPDATE commissions SET reversed_payout_minor = 0, reversed_revenue_minor = 0 WHERE reversed_payout_minor > 0",
        "UPDATE commissions SET payout_minor = 0, revenue_minor = 0 WHERE id = 1",
        "UPDATE commissions SET currency = 'USD' WHERE id = 1",
        "UPDATE commissions SET advertiser_id = 9 WHERE id = 1",
        "UPDATE commissions SET affiliate_id = 2 WHERE id = 1",
        "DELETE FROM commissions WHERE id = 1",
        // Conversions.
        "UPDATE conversions SET status = 'pending' WHERE id = 1",
        "UPDATE conversions SET status = 'unattributed' WHERE id = 1",
        "UPDATE conversions SET payout_minor = payout_minor + 1 WHERE id = 1",
        "UPDATE conversions SET decided_at = NULL, status = NULL WHERE id = 1",
        "DELETE FROM decisions WHERE conversion_id = 1",
        "INSERT INTO undecided_conversions (conversion_id, advertiser_id) VALUES (1, 1)",
        // Refunds.
        "DELETE FROM refunds",
        "UPDATE refunds SET payout_minor = payout_minor - 1",
        // Open items: one that is given free again would be paid twice.
        "UPDATE payable_items SET payout_id = NULL WHERE payout_id = 1",
        "UPDATE payable_items SET payout_id = NULL WHERE payout_id = 3",
        "UPDATE payable_items SET payout_id = 2 WHERE payout_id IS NULL",
        "UPDATE payable_items SET amount_minor = amount_minor + 1 WHERE payout_id = 1",
        "UPDATE payable_items SET effective_at = effective_at + 1 WHERE payout_id = 1",
        "DELETE FROM payable_items WHERE payout_id = 1",
        // Payouts and their lines.
        "UPDATE payouts SET amount_minor = amount_minor + 1 WHERE id = 1",
        "UPDATE payouts SET status = 'approved' WHERE id = 1",
        "UPDATE payouts SET status = 'failed' WHERE id = 1",
        "UPDATE payouts SET status = 'paid' WHERE id = 3",
        "UPDATE payouts SET affiliate_id = 3 WHERE id = 1",
        "UPDATE payouts SET batch_id = 3 WHERE id = 1",
        "UPDATE payouts SET currency = 'USD' WHERE id = 1",
        "UPDATE payout_batches SET status = 'approved' WHERE id = 1",
        "UPDATE payout_batches SET status = 'cancelled' WHERE id = 1",
        "DELETE FROM payout_lines WHERE payout_id = 1",
        "DELETE FROM payout_lines WHERE payout_id = 2",
        "UPDATE payout_lines SET amount_minor = amount_minor + 1 WHERE payout_id = 2",
        "UPDATE payout_lines SET conversion_id = 2 WHERE payout_id = 1",
        // Clicks settled: fewer would be paid again.
        "UPDATE click_settlements SET clicks = clicks - 1",
        "DELETE FROM click_settlements",
    ];
    let missed: Vec<&str> = changes.into_iter().filter(|change| !is_found(&world, change)).collect();
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
    world.audit();
}

// L-13
#[test]
fn l_13_the_audit_finds_every_change_of_the_ledger_itself() {
    let world = full();
    let changes = [
        "UPDATE ledger_transactions SET id = 'other' WHERE sequence = 2",
        "UPDATE ledger_transactions SET kind = 'adjustment' WHERE sequence = 2",
        "UPDATE ledger_transactions SET effective_at = effective_at + 1 WHERE sequence = 2",
        "UPDATE ledger_transactions SET booked_at = booked_at + 1 WHERE sequence = 2",
        "UPDATE ledger_transactions SET conversion_id = 2 WHERE sequence = 2",
        "UPDATE ledger_transactions SET conversion_id = NULL WHERE sequence = 2",
        "UPDATE ledger_transactions SET affiliate_id = 2 WHERE sequence = 2",
        "UPDATE ledger_transactions SET payout_id = 1 WHERE sequence = 2",
        "UPDATE ledger_transactions SET corrects = 'commission_pending:1:1' WHERE sequence = 2",
        "UPDATE ledger_transactions SET reason = 'because' WHERE sequence = 2",
        "UPDATE ledger_transactions SET reason = 'open' WHERE reason = 'closed'",
        "UPDATE ledger_transactions SET hash = zeroblob(32) WHERE sequence = 2",
        "UPDATE ledger_transactions SET previous_hash = zeroblob(32) WHERE sequence = 2",
        "DELETE FROM ledger_transactions WHERE sequence = 2",
        "UPDATE ledger_entries SET amount_minor = -amount_minor WHERE sequence = 2",
        "UPDATE ledger_entries SET account = 'affiliate:2:approved' WHERE account = 'affiliate:1:approved'",
        "UPDATE ledger_entries SET currency = 'USD' WHERE sequence = 2",
        "DELETE FROM ledger_entries WHERE sequence = 2 AND position = 0",
        "INSERT INTO ledger_entries VALUES (2, 99, 'affiliate:1:payable', 'EUR', -1)",
        "INSERT INTO ledger_entries VALUES (9999, 0, 'affiliate:1:payable', 'EUR', -1)",
    ];
    let missed: Vec<&str> = changes.into_iter().filter(|change| !is_found(&world, change)).collect();
    assert!(missed.is_empty(), "not found:\n{}", missed.join("\n"));
    world.audit();
}

#[test]
fn the_audit_finds_a_hold_that_would_never_end() {
    let world = World::new(Rules::HELD);
    world.sold("A-1", "100.00");
    world.audit();
    assert!(is_found(&world, "UPDATE commissions SET payable_at = NULL"));
    world.audit();
}

#[test]
fn c_02_the_audit_finds_clicks_that_would_be_taken_back_twice() {
    let world = World::new(Rules::PAID_AT_ONCE);
    crate::findings::settle(&world, 10);
    crate::findings::find(&world, hopline_types::ClickFilter::default());
    crate::findings::settle(&world, 4);
    world.audit();
    assert!(is_found(&world, "UPDATE click_corrections SET clicks = 11"));
    assert!(is_found(&world, "DELETE FROM click_corrections"));
    let change =
        |tx: &mut dyn hopline_control_store::Tx| Ok(tx.execute("DELETE FROM click_corrections", &[])?);
    assert!(world.write(change).is_err(), "the program itself cannot");
}
