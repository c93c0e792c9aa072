//! Judgements and refunds that were mistakes, chargebacks, and their undoing.

use hopline_books::{BookError, Judge, judge_many};
use hopline_control_store::Tx;
use hopline_control_store::judgements::Judged;
use hopline_ledger::Account;
use hopline_types::{CommissionStatus, ConversionId};

use crate::scene::state;
use crate::world::{DAY, NOW, Rules, World};

fn because(reason: &str) -> String {
    reason.to_owned()
}

// L-06
#[test]
fn l_06_an_approval_that_was_a_mistake_is_taken_back_and_can_be_given_again() {
    for rules in [Rules { hold_days: 14, ..Rules::JUDGED }, Rules::JUDGED] {
        let world = World::new(rules);
        let id = world.sold("A-1", "100.00");
        for _ in 0..3 {
            world.judge(id, Judge::Approve { reason: None }, NOW.plus(DAY)).unwrap();
            world.audit();
            let undone = Judge::UndoApproval { reason: because("the wrong one") };
            assert!(world.judge(id, undone, NOW.plus(2 * DAY)).unwrap().changed);
            assert_eq!(world.conversion(id).status, Some(CommissionStatus::Pending));
            assert_eq!(world.shown(world.blog), ["10.00", "0.00", "0.00", "0.00", "0.00"]);
            world.audit();
        }
        let kept = world.judgements(id);
        assert_eq!(kept.len(), 6);
        assert_eq!(
            (kept[1].what, kept[1].reason.as_deref()),
            (Judged::ApprovalUndone, Some("the wrong one"))
        );
        let undoing =
            world.transactions(id).into_iter().find(|stored| stored.draft.corrects.is_some()).unwrap();
        let corrected = undoing.draft.corrects.unwrap();
        assert_eq!(corrected.as_str(), format!("commission_approved:{id}:{}", world.blog));
        world.judge(id, Judge::Reject { reason: because("fake") }, NOW.plus(3 * DAY)).unwrap();
        assert_eq!(world.shown(world.blog), ["0.00"; 5]);
        world.audit();
    }
}

// L-06
#[test]
fn l_06_a_rejection_that_was_a_mistake_lets_the_sale_wait_again() {
    let world = World::new(Rules::JUDGED);
    let id = world.sold("A-1", "100.00");
    for _ in 0..2 {
        world.judge(id, Judge::Reject { reason: because("fake") }, NOW).unwrap();
        world.audit();
        let again = Judge::UndoRejection { reason: because("it was not") };
        world.judge(id, again, NOW.plus(DAY)).unwrap();
        assert_eq!(world.conversion(id).status, Some(CommissionStatus::Pending));
        assert_eq!(world.shown(world.blog)[0], "10.00");
        world.audit();
    }
    world.judge(id, Judge::Approve { reason: None }, NOW.plus(DAY)).unwrap();
    assert_eq!(world.shown(world.blog)[2], "10.00");
    let facts = world.facts();
    assert_eq!(facts.iter().map(|fact| fact.deltas.rejected).sum::<i64>(), 0);
    assert_eq!(facts.iter().map(|fact| fact.deltas.approved).sum::<i64>(), 1);
    world.audit();
}

#[test]
fn every_wrong_move_is_refused_with_the_state_told() {
    let world = World::new(Rules::JUDGED);
    let id = world.sold("A-1", "100.00");
    let approve = || world.judge(id, Judge::Approve { reason: None }, NOW);
    let reject = || world.judge(id, Judge::Reject { reason: because("no") }, NOW);
    let undo_approval = || world.judge(id, Judge::UndoApproval { reason: because("no") }, NOW);
    let undo_rejection = || world.judge(id, Judge::UndoRejection { reason: because("no") }, NOW);
    assert_eq!(state(undo_approval()), "conversion 1 is pending, there is no approval to undo");
    assert_eq!(state(undo_rejection()), "conversion 1 is pending, there is no rejection to undo");
    reject().unwrap();
    assert!(!reject().unwrap().changed);
    let booked = world.booked();
    assert_eq!(
        state(approve()),
        "conversion 1 is rejected, only pending ones can be approved; undo the rejection first"
    );
    assert_eq!(
        state(world.charge_back(id, None, None)),
        "conversion 1 is rejected, there is nothing to take back"
    );
    undo_rejection().unwrap();
    approve().unwrap();
    assert_eq!(
        state(reject()),
        "conversion 1 is payable, only pending ones can be rejected; refund approved ones"
    );
    world.refund(id, None).unwrap();
    assert_eq!(
        state(world.charge_back(id, None, None)),
        "conversion 1 is refunded in full, there is nothing left to refund"
    );
    assert_eq!(state(approve()), "conversion 1 is reversed, only pending ones can be approved");
    assert_eq!(world.booked(), booked + 4);
    let nobody = world.taken(world.sale("A-2", "10.00", None));
    let undecided = world.judge(nobody, Judge::Approve { reason: None }, NOW);
    assert_eq!(state(undecided), "conversion 2 is not decided yet, it can be judged once it is decided");
    world.decide(nobody);
    let nothing = world.judge(nobody, Judge::Approve { reason: None }, NOW);
    assert_eq!(state(nothing), "conversion 2 is unattributed, only pending ones can be approved");
    let missing = world.judge(ConversionId::new(99).unwrap(), Judge::Approve { reason: None }, NOW);
    assert!(matches!(missing, Err(BookError::NotFound { .. })));
    let blank = world.judge(id, Judge::Reject { reason: because("  ") }, NOW);
    assert!(matches!(blank, Err(BookError::Invalid(_))));
    world.audit();
}

#[test]
fn an_approval_is_not_taken_back_once_its_money_is_in_a_payout() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    let undo = || world.judge(id, Judge::UndoApproval { reason: because("no") }, NOW);
    let batch = world.draft("0").batch.id;
    assert_eq!(
        state(undo()),
        "conversion 1 is part of a payout, its approval cannot be undone any more; refund it"
    );
    world.write(move |tx| hopline_books::payouts::cancel(tx, batch, "key:first", NOW)).unwrap();
    undo().unwrap();
    world.audit();
    // Two items that add up to nothing go with the next payout of others.
    world.sold("A-2", "50.00");
    let batch = world.draft("0").batch.id;
    world.audit();
    world.judge(id, Judge::Approve { reason: None }, NOW.plus(DAY)).unwrap();
    world.write(move |tx| hopline_books::payouts::approve(tx, batch, "key:second", true, NOW)).unwrap();
    world.write(move |tx| hopline_books::payouts::settle(tx, batch, &[], "key:second", NOW)).unwrap();
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Payable));
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "10.00", "5.00", "0.00"]);
    world.audit();
}

// L-06
#[test]
fn l_06_a_refund_is_undone_from_wherever_the_money_is_and_so_is_its_undoing() {
    for (rules, place) in [(Rules::JUDGED, 0), (Rules::HELD, 1), (Rules::PAID_AT_ONCE, 2)] {
        for amount in [None, Some("25.00")] {
            let world = World::new(Rules { ..rules });
            let id = world.sold("A-1", "100.00");
            let before = world.conversion(id).status;
            world.refund(id, amount).unwrap();
            let refund = world.last_refund(id);
            let undone = world.undo(id, refund, false).unwrap();
            assert_eq!(undone.refund.undoes, Some(refund));
            assert_eq!(world.shown(world.blog)[place], "10.00");
            assert_eq!(world.conversion(id).status, before);
            world.audit();
            assert_eq!(
                state(world.undo(id, refund, false)),
                format!("refund {refund} is undone already, undo its undoing instead")
            );
            // The correction of the correction takes it back again.
            world.undo(id, undone.refund.id, false).unwrap();
            let left = if amount.is_none() { "0.00" } else { "7.50" };
            assert_eq!(world.shown(world.blog)[place], left);
            world.audit();
            let facts = world.facts();
            let refunded = if amount.is_none() { 10_000 } else { 2_500 };
            assert_eq!(facts.iter().map(|fact| fact.deltas.refunds_minor).sum::<i64>(), refunded);
            // What is left goes back to the cent.
            if amount.is_some() {
                world.refund(id, None).unwrap();
            }
            assert_eq!(world.shown(world.blog), ["0.00"; 5]);
            world.audit();
        }
    }
}

#[test]
fn an_undoing_that_would_take_more_than_the_order_is_refused() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    world.refund(id, Some("60.00")).unwrap();
    let undone = world.undo(id, world.last_refund(id), false).unwrap();
    world.refund(id, Some("60.00")).unwrap();
    match world.undo(id, undone.refund.id, false) {
        Err(BookError::Invalid(errors)) => {
            assert!(
                errors[0].message.starts_with("120.00 EUR would be refunded of 100.00 EUR"),
                "{errors:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(world.undo(id, 99, false), Err(BookError::NotFound { .. })));
    world.audit();
}

// L-10
#[test]
fn l_10_a_chargeback_after_the_payment_is_carried_with_its_fee_and_returned_when_it_is_won() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    let batch = world.draft("0").batch.id;
    world.write(move |tx| hopline_books::payouts::approve(tx, batch, "key:second", true, NOW)).unwrap();
    world.write(move |tx| hopline_books::payouts::settle(tx, batch, &[], "key:second", NOW)).unwrap();
    let charged = world.charge_back(id, None, Some("15.00")).unwrap();
    assert_eq!(charged.transactions, 2);
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Reversed));
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "10.00", "-25.00"]);
    assert_eq!(
        world.kinds(id).last().copied(),
        Some("commission_charged_back"),
        "the fee is no part of the commission"
    );
    world.audit();
    // The next sale makes up for a part of it.
    world.sold("A-2", "300.00");
    let second = world.draft("0");
    assert_eq!(second.payouts[0].amount.to_string(), "5.00 EUR");
    let batch = second.batch.id;
    world.write(move |tx| hopline_books::payouts::approve(tx, batch, "key:second", true, NOW)).unwrap();
    world.write(move |tx| hopline_books::payouts::settle(tx, batch, &[], "key:second", NOW)).unwrap();
    world.audit();
    let won = world.undo(id, charged.refund.id, true).unwrap();
    assert_eq!(won.transactions, 2);
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Payable));
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "25.00", "15.00", "0.00"]);
    let margin = world
        .write(|tx| {
            Ok(hopline_control_store::ledger::balance(
                tx,
                Account::NetworkMargin,
                hopline_money::Currency::EUR,
            )?)
        })
        .unwrap();
    assert_eq!(margin, 200 + 600, "without the fee");
    world.audit();
    let told = world.explained(id);
    assert_eq!(told["refunds"][0]["kind"], "chargeback");
    assert_eq!(told["refunds"][0]["fee"]["amount"], "15.00");
    assert_eq!(told["refunds"][1]["undoes"], charged.refund.id);
}

#[test]
fn a_chargeback_in_part_with_a_fee_that_makes_no_sense_is_refused() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    for fee in ["-1", "1,0", "0.001", "99999999999999"] {
        match world.charge_back(id, Some("10.00"), Some(fee)) {
            Err(BookError::Invalid(errors)) => assert_eq!(errors[0].field, "fee", "{fee}"),
            other => panic!("{fee}: {other:?}"),
        }
    }
    let charged = world.charge_back(id, Some("10.00"), None).unwrap();
    assert!(
        matches!(world.undo(id, charged.refund.id, true), Err(BookError::Invalid(_))),
        "there was no fee"
    );
    world.audit();
}

// L-07
#[test]
fn l_07_of_many_parallel_reversals_and_undoings_exactly_one_is_booked_each_time() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    let many = |work: &(dyn Fn() -> bool + Sync)| {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(work)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).filter(|done| *done).count()
        })
    };
    let booked = world.booked();
    assert_eq!(many(&|| world.refund(id, None).is_ok() || world.charge_back(id, None, None).is_ok()), 1);
    assert_eq!(world.booked(), booked + 1);
    let refund = world.last_refund(id);
    assert_eq!(many(&|| world.undo(id, refund, false).is_ok()), 1);
    assert_eq!(world.booked(), booked + 2);
    assert_eq!(world.shown(world.blog)[2], "10.00");
    world.audit();
}

#[test]
fn many_conversions_are_judged_at_once_and_each_is_answered() {
    let world = World::new(Rules::JUDGED);
    let sold: Vec<_> = (0..5).map(|number| world.sold(&format!("A-{number}"), "100.00")).collect();
    world.judge(sold[1], Judge::Reject { reason: because("fake") }, NOW).unwrap();
    let missing = ConversionId::new(99).unwrap();
    let approve = || Judge::Approve { reason: None };
    let asked = vec![
        (sold[0], approve()),
        (sold[1], approve()),
        (missing, approve()),
        (sold[2], Judge::Reject { reason: because("cancelled") }),
        (sold[3], Judge::Reject { reason: because(" ") }),
        (sold[4], approve()),
        (sold[0], Judge::Reject { reason: because("twice") }),
    ];
    let answers = world.write(move |tx: &mut dyn Tx| judge_many(tx, &asked, "key:ops", NOW)).unwrap();
    let told: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Ok(reviewed) => reviewed.conversion.shown_status().as_str().to_owned(),
            Err(BookError::NotFound { .. }) => "not found".to_owned(),
            Err(BookError::State { is, .. }) => format!("it is {is}"),
            Err(BookError::Invalid(errors)) => format!("{} is wrong", errors[0].field),
            Err(other) => panic!("{other}"),
        })
        .collect();
    assert_eq!(
        told,
        ["approved", "it is rejected", "not found", "rejected", "reason is wrong", "approved", "id is wrong"]
    );
    assert_eq!(world.shown(world.blog), ["10.00", "0.00", "20.00", "0.00", "0.00"]);
    world.audit();
}
