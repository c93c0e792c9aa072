use hopline_books::BookError;
use hopline_books::payouts::{self, Debtor, FailedPayout, NewBatch};
use hopline_control_store::payouts::{BatchStatus, PayoutStatus};
use hopline_control_store::{Scope, affiliates};
use hopline_types::{BatchId, CommissionStatus, Verdict};

use crate::world::{DAY, NOW, Rules, World};

fn debtor() -> Debtor {
    Debtor {
        name: Some("Network AG".into()),
        iban: Some("DE75512108001245126199".into()),
        ..Debtor::default()
    }
}

fn approve(world: &World, batch: BatchId, actor: &'static str) -> Result<payouts::BatchView, BookError> {
    world.write(move |tx| payouts::approve(tx, batch, actor, true, NOW.plus(2 * DAY)))
}

fn settle(world: &World, batch: BatchId, failed: Vec<FailedPayout>) -> Result<payouts::BatchView, BookError> {
    world.write(move |tx| payouts::settle(tx, batch, &failed, "key:second", NOW.plus(3 * DAY)))
}

fn export(
    world: &World,
    batch: BatchId,
    format: &'static str,
) -> Result<hopline_payfile::FileOut, BookError> {
    world.write(move |tx| payouts::export(tx, batch, format, &debtor()))
}

// L-09, P-03
#[test]
fn l_09_a_payout_is_reserved_approved_exported_and_paid() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "49.90");
    let draft = world.draft("1.00");
    assert_eq!((draft.payouts.len(), draft.batch.refused.len()), (1, 0));
    let batch = draft.batch.id;
    assert_eq!(world.shown(world.blog)[2], "0.00");
    assert_eq!(world.balance(world.blog).in_payout.to_decimal(), "4.99");
    assert!(matches!(export(&world, batch, "csv"), Err(BookError::State { is, .. }) if is == "draft"));
    assert!(matches!(settle(&world, batch, vec![]), Err(BookError::State { .. })));
    approve(&world, batch, "key:second").unwrap();
    let before = world.booked();
    let file = export(&world, batch, "pain.001.001.09").unwrap();
    assert_eq!((file.count, file.control_sum.minor), (1, 499));
    assert_eq!(export(&world, batch, "pain.001.001.09").unwrap(), file);
    assert_eq!(export(&world, batch, "csv").unwrap().control_sum.minor, 499);
    assert_eq!(world.booked(), before);
    let settled = settle(&world, batch, vec![]).unwrap();
    assert_eq!(settled.batch.status, BatchStatus::Settled);
    assert_eq!(settle(&world, batch, vec![]).unwrap(), settled);
    assert_eq!(export(&world, batch, "pain.001.001.09").unwrap(), file);
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "4.99", "0.00"]);
    assert_eq!(world.conversion(id).shown_status(), CommissionStatus::Paid);
    let explained = world.write(move |tx| hopline_books::explain(tx, Scope::All, id)).unwrap();
    assert_eq!(explained["payouts"][0]["status"], "paid");
    assert!(world.draft("0").payouts.is_empty());
    world.audit();
}

// L-25
#[test]
fn l_25_neither_the_maker_nor_who_changed_the_bank_data_may_approve() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let batch = world.draft("1.00").batch.id;
    assert!(matches!(approve(&world, batch, "key:first"), Err(BookError::FourEyes { .. })));
    assert!(matches!(approve(&world, batch, "key:entry"), Err(BookError::FourEyes { .. })));
    let approved = approve(&world, batch, "key:second").unwrap();
    assert_eq!(approved.payouts[0].status, PayoutStatus::Approved);
    approve(&world, batch, "key:second").unwrap();
    assert!(
        matches!(approve(&world, batch, "key:third"), Err(BookError::State { is, .. }) if is == "approved")
    );
    settle(&world, batch, vec![]).unwrap();
    // Paid since: the old change no longer matters.
    let id = world.sold("A-2", "49.90");
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Payable));
    let second = world.draft("1.00").batch.id;
    approve(&world, second, "key:entry").unwrap();
}

#[test]
fn four_eyes_can_be_switched_off() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let batch = world.draft("1.00").batch.id;
    world.write(move |tx| payouts::approve(tx, batch, "key:first", false, NOW)).unwrap();
}

#[test]
fn a_failed_payout_returns_to_payable_and_is_paid_by_the_next_batch() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "49.90");
    let click = world.click(world.shop, NOW.plus(-DAY), Verdict::UNIQUE);
    let other = world.taken(world.sale("A-2", "100.00", Some(click)));
    world.decide(other);
    let draft = world.draft("1.00");
    let (batch, failing) = (draft.batch.id, draft.payouts[0].id);
    approve(&world, batch, "key:second").unwrap();
    let failed = vec![FailedPayout { payout: failing, reason: "account closed".into() }];
    let settled = settle(&world, batch, failed.clone()).unwrap();
    assert_eq!(settled.payouts[0].status, PayoutStatus::Failed);
    assert_eq!(settled.payouts[0].reason.as_deref(), Some("account closed"));
    assert_eq!(settle(&world, batch, failed).unwrap(), settled);
    assert!(matches!(settle(&world, batch, vec![]), Err(BookError::Conflict { .. })));
    assert_eq!(world.shown(world.blog)[2], "4.99");
    assert_eq!(world.shown(world.shop)[3], "10.00");
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Payable));
    world.audit();
    let again = world.draft("1.00");
    assert_eq!(again.payouts.len(), 1);
    approve(&world, again.batch.id, "key:second").unwrap();
    settle(&world, again.batch.id, vec![]).unwrap();
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Paid));
    world.audit();
}

#[test]
fn a_cancelled_draft_gives_its_money_back() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let batch = world.draft("1.00").batch.id;
    let cancel = || world.write(move |tx| payouts::cancel(tx, batch, "key:first", NOW.plus(2 * DAY)));
    assert_eq!(cancel().unwrap().batch.status, BatchStatus::Cancelled);
    cancel().unwrap();
    assert_eq!(world.shown(world.blog)[2], "4.99");
    assert!(matches!(approve(&world, batch, "key:second"), Err(BookError::State { .. })));
    world.audit();
}

// L-10
#[test]
fn l_10_a_refund_after_payment_is_carried_and_the_next_payout_makes_up_for_it() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    let batch = world.draft("1.00").batch.id;
    approve(&world, batch, "key:second").unwrap();
    settle(&world, batch, vec![]).unwrap();
    world.refund(id, Some("40.00")).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "10.00", "-4.00"]);
    let refused = world.draft("1.00");
    assert!(refused.payouts.is_empty());
    assert_eq!(refused.batch.refused[0].reason, "negative_balance");
    world.sold("A-2", "100.00");
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "6.00", "10.00", "0.00"]);
    let next = world.draft("1.00");
    assert_eq!(next.payouts[0].amount.to_decimal(), "6.00");
    approve(&world, next.batch.id, "key:second").unwrap();
    settle(&world, next.batch.id, vec![]).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "16.00", "0.00"]);
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Paid));
    world.refund(id, None).unwrap();
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Reversed));
    world.audit();
}

#[test]
fn what_was_taken_back_after_the_cutoff_still_lowers_the_payout() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    world.refund(id, Some("40.00")).unwrap();
    let new = NewBatch { currency: "EUR".into(), method: "sepa".into(), cutoff: Some(NOW), minimum: None };
    let draft = world.write(move |tx| payouts::draft(tx, &new, "key:first", NOW.plus(DAY))).unwrap();
    assert_eq!(draft.payouts[0].amount.to_decimal(), "6.00");
    world.audit();
}

#[test]
fn who_cannot_be_paid_is_listed_with_the_reason() {
    let table = [
        (None, "no_bank_data"),
        (Some(serde_json::json!({ "type": "paypal", "email": "x@example.com" })), "wrong_method"),
        (Some(serde_json::json!({ "type": "sepa", "holder": "X" })), "no_bank_data"),
        (
            Some(serde_json::json!({ "type": "sepa", "holder": "X", "iban": "DE88370400440532013000" })),
            "invalid_iban",
        ),
    ];
    for (method, reason) in table {
        let world = World::new(Rules::PAID_AT_ONCE);
        world.sold("A-1", "49.90");
        let blog = world.blog;
        let change = affiliates::AffiliateChange { payout_method: Some(method), ..Default::default() };
        world
            .write(move |tx| Ok(affiliates::update(tx, Scope::All, blog, &change, "key:ops", NOW).map(drop)?))
            .unwrap();
        let draft = world.draft("1.00");
        assert!(draft.payouts.is_empty());
        assert_eq!(draft.batch.refused[0].reason, reason);
        world.audit();
    }
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    assert_eq!(world.draft("5.00").batch.refused[0].reason, "below_minimum");
}

#[test]
fn a_batch_with_wrong_fields_names_them_all() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let new =
        NewBatch { currency: "EUX".into(), method: "cash".into(), cutoff: None, minimum: Some("1".into()) };
    match world.write(move |tx| payouts::draft(tx, &new, "key:first", NOW)) {
        Err(BookError::Invalid(errors)) => {
            let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(named, ["currency", "method"]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bank_file_without_the_payers_account_names_the_settings() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "49.90");
    let batch = world.draft("1.00").batch.id;
    approve(&world, batch, "key:second").unwrap();
    let told = world.write(move |tx| payouts::export(tx, batch, "pain.001.001.09", &Debtor::default()));
    match told {
        Err(BookError::Settings(errors)) => {
            let named: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
            assert_eq!(named, ["payouts.debtor_name", "payouts.debtor_iban"]);
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(export(&world, batch, "nacha"), Err(BookError::Invalid(_))));
}

#[test]
fn what_was_taken_back_early_does_not_make_the_rest_of_it_paid() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let mut early =
        world.sale("A-1", "100.00", Some(world.click(world.blog, NOW.plus(-DAY), Verdict::UNIQUE)));
    early.converted_at = NOW.plus(-DAY / 2);
    let early = world.taken(early);
    world.decide(early);
    let late = world.sold("A-2", "100.00");
    world.refund(late, Some("40.00")).unwrap();
    // The cutoff leaves the late sale out, but not what was taken back of it.
    let cutoff = Some(NOW.plus(-1));
    let new = NewBatch { currency: "EUR".into(), method: "sepa".into(), cutoff, minimum: None };
    let draft = world.write(move |tx| payouts::draft(tx, &new, "key:first", NOW.plus(DAY))).unwrap();
    assert_eq!(draft.payouts[0].amount.to_decimal(), "6.00");
    approve(&world, draft.batch.id, "key:second").unwrap();
    settle(&world, draft.batch.id, vec![]).unwrap();
    assert_eq!(world.conversion(early).status, Some(CommissionStatus::Paid));
    assert_eq!(world.conversion(late).status, Some(CommissionStatus::Payable));
    world.audit();
    let rest = world.draft("0");
    assert_eq!(rest.payouts[0].amount.to_decimal(), "10.00");
    approve(&world, rest.batch.id, "key:second").unwrap();
    settle(&world, rest.batch.id, vec![]).unwrap();
    assert_eq!(world.conversion(late).status, Some(CommissionStatus::Paid));
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "16.00", "0.00"]);
    world.audit();
}

#[test]
fn what_is_refunded_while_a_draft_holds_it_is_made_up_for_whatever_the_bank_says() {
    for fails in [false, true] {
        let world = World::new(Rules::PAID_AT_ONCE);
        let id = world.sold("A-1", "100.00");
        let draft = world.draft("0");
        world.refund(id, Some("40.00")).unwrap();
        assert_eq!(world.shown(world.blog)[4], "-4.00");
        // A second draft must not take it again.
        assert!(world.draft("0").payouts.is_empty());
        approve(&world, draft.batch.id, "key:second").unwrap();
        let payout = draft.payouts[0].id;
        let failed = fails.then(|| FailedPayout { payout, reason: "closed".into() });
        settle(&world, draft.batch.id, failed.into_iter().collect()).unwrap();
        world.audit();
        world.sold("A-2", "100.00");
        let next = world.draft("0");
        assert_eq!(next.payouts[0].amount.to_decimal(), if fails { "16.00" } else { "6.00" });
        approve(&world, next.batch.id, "key:second").unwrap();
        settle(&world, next.batch.id, vec![]).unwrap();
        assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "16.00", "0.00"]);
        world.audit();
    }
}

// L-25
#[test]
fn l_25_bank_data_changed_while_a_payout_was_on_its_way_were_never_paid_to() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "100.00");
    let first = world.draft("0").batch.id;
    approve(&world, first, "key:second").unwrap();
    let blog = world.blog;
    let method = serde_json::json!({ "type": "sepa", "holder": "X", "iban": "DE02120300000000202051" });
    let change = affiliates::AffiliateChange { payout_method: Some(Some(method)), ..Default::default() };
    let at = NOW.plus(2 * DAY + 1);
    world
        .write(move |tx| Ok(affiliates::update(tx, Scope::All, blog, &change, "key:mallory", at).map(drop)?))
        .unwrap();
    // Paid to the account as it was at the draft.
    settle(&world, first, vec![]).unwrap();
    world.sold("A-2", "100.00");
    let second = world.draft("0").batch.id;
    assert!(matches!(approve(&world, second, "key:mallory"), Err(BookError::FourEyes { .. })));
    approve(&world, second, "key:second").unwrap();
}

// L-09
#[test]
fn l_09_of_parallel_drafts_settlements_and_cancels_money_is_moved_once() {
    let world = World::new(Rules::PAID_AT_ONCE);
    world.sold("A-1", "100.00");
    let drafts: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6).map(|_| scope.spawn(|| world.draft("0"))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let full: Vec<_> = drafts.iter().filter(|draft| !draft.payouts.is_empty()).collect();
    assert_eq!(full.len(), 1);
    let (batch, payout) = (full[0].batch.id, full[0].payouts[0].id);
    let cancel =
        || world.write(move |tx| payouts::cancel(tx, batch, "key:first", NOW.plus(2 * DAY))).map(drop);
    let answers = std::thread::scope(|scope| {
        let ways = [
            scope.spawn(|| approve(&world, batch, "key:second").map(drop)),
            scope.spawn(cancel),
            scope.spawn(|| approve(&world, batch, "key:third").map(drop)),
            scope.spawn(cancel),
        ];
        ways.map(|way| way.join().unwrap().is_ok())
    });
    assert_ne!(answers[0] || answers[2], answers[1], "{answers:?}");
    world.audit();
    let failed = || vec![FailedPayout { payout, reason: "closed".into() }];
    let settled = std::thread::scope(|scope| {
        let ways = [
            scope.spawn(|| settle(&world, batch, vec![]).is_ok()),
            scope.spawn(|| settle(&world, batch, failed()).is_ok()),
        ];
        ways.map(|way| way.join().unwrap())
    });
    assert_eq!(settled[0] || settled[1], answers[0] || answers[2]);
    assert!(!(settled[0] && settled[1]));
    let shown = world.shown(world.blog);
    assert_eq!(
        [&shown[2], &shown[3]].into_iter().filter(|amount| *amount == "10.00").count(),
        1,
        "{shown:?}"
    );
    world.audit();
}
