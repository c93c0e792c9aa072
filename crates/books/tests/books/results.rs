//! What banks answer: booked whole or refused whole, with the line.

use hopline_books::BookError;
use hopline_books::payouts::{self, Applied, FailedPayout, NewResult, Rest};
use hopline_control_store::payouts::{BatchStatus, PayoutStatus, TemplateKind, save_template};
use hopline_types::{BatchId, CommissionStatus, PayoutId, Verdict};
use serde_json::json;

use crate::world::{DAY, NOW, Rules, World};

/// Two payouts, approved: 4.99 to the blog, 10.00 to the shop.
fn approved(world: &World) -> (BatchId, Vec<PayoutId>, String) {
    world.sold("A-1", "49.90");
    let click = world.click(world.shop, NOW.plus(-DAY), Verdict::UNIQUE);
    let other = world.taken(world.sale("A-2", "100.00", Some(click)));
    world.decide(other);
    let draft = world.draft("1.00");
    let batch = draft.batch.id;
    world.write(move |tx| payouts::approve(tx, batch, "key:second", true, NOW.plus(2 * DAY))).unwrap();
    (batch, draft.payouts.iter().map(|payout| payout.id).collect(), draft.batch.message_id)
}

fn apply(world: &World, batch: BatchId, format: &str, text: &str, rest: Rest) -> Result<Applied, BookError> {
    let mapping = (format == "csv").then(|| "bank".to_owned());
    let new = NewResult { format: format.into(), mapping, rest, bytes: text.as_bytes().to_vec() };
    world.write(move |tx| payouts::apply_result(tx, batch, &new, "key:third", NOW.plus(4 * DAY)))
}

fn pain002(message_id: &str, group: &str, lines: &[(PayoutId, &str)]) -> String {
    let transfer = |(payout, status): &(PayoutId, &str)| {
        format!(
            "<TxInfAndSts>\n<OrgnlEndToEndId>PO-{payout}</OrgnlEndToEndId><TxSts>{status}</TxSts>\
             <StsRsnInf><Rsn><Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>\n"
        )
    };
    let transfers: String = lines.iter().map(transfer).collect();
    format!(
        "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\"><CstmrPmtStsRpt>\
         <GrpHdr><MsgId>B1</MsgId></GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>{message_id}</OrgnlMsgId>\
         <OrgnlNbOfTxs>2</OrgnlNbOfTxs><OrgnlCtrlSum>14.99</OrgnlCtrlSum>{group}</OrgnlGrpInfAndSts>\n\
         <OrgnlPmtInfAndSts><OrgnlPmtInfId>{message_id}</OrgnlPmtInfId>\n{transfers}</OrgnlPmtInfAndSts>\
         </CstmrPmtStsRpt></Document>\n"
    )
}

fn told(answer: Result<Applied, BookError>) -> Vec<String> {
    match answer {
        Err(BookError::Invalid(errors)) => {
            errors.iter().map(|error| format!("{}: {}", error.field, error.message)).collect()
        }
        other => panic!("{other:?}"),
    }
}

// P-08, L-09
#[test]
fn p_08_a_pain_002_settles_what_it_names_and_the_rest_stays_open() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (batch, ids, message) = approved(&world);
    let part = pain002(&message, "<GrpSts>PART</GrpSts>", &[(ids[0], "RJCT")]);
    let first = apply(&world, batch, "pain.002", &part, Rest::Open).unwrap();
    assert_eq!(first.view.batch.status, BatchStatus::Approved);
    assert_eq!(first.view.payouts[0].status, PayoutStatus::Failed);
    assert_eq!(first.view.payouts[0].reason.as_deref(), Some("AC04: the account is closed"));
    assert_eq!(first.view.payouts[1].status, PayoutStatus::Approved);
    assert_eq!(world.shown(world.blog)[2], "4.99");
    world.audit();
    // What came back is in the next batch already.
    let again = world.draft("1.00");
    assert_eq!(again.payouts.len(), 1);
    let rest = pain002(&message, "", &[(ids[1], "ACSC")]);
    let second = apply(&world, batch, "pain.002", &rest, Rest::Open).unwrap();
    assert_eq!(second.view.batch.status, BatchStatus::Settled);
    assert_eq!(world.shown(world.shop)[3], "10.00");
    world.audit();
}

// P-08
#[test]
fn p_08_a_status_of_the_whole_file_and_a_word_of_the_caller_decide_the_rest() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (batch, _, message) = approved(&world);
    let all = pain002(&message, "<GrpSts>ACCP</GrpSts>", &[]);
    let settled = apply(&world, batch, "pain.002", &all, Rest::Open).unwrap();
    assert_eq!(settled.view.batch.status, BatchStatus::Settled);
    assert!(settled.lines.iter().all(|line| line.line.is_none() && line.outcome == "paid"));
    world.audit();

    let world = World::new(Rules::PAID_AT_ONCE);
    let (batch, ids, message) = approved(&world);
    let part = pain002(&message, "<GrpSts>PART</GrpSts>", &[(ids[0], "RJCT")]);
    let settled = apply(&world, batch, "pain.002", &part, Rest::Paid).unwrap();
    let statuses: Vec<_> = settled.view.payouts.iter().map(|payout| payout.status).collect();
    assert_eq!(statuses, [PayoutStatus::Failed, PayoutStatus::Paid]);
    assert_eq!(settled.view.batch.status, BatchStatus::Settled);
    world.audit();
}

// P-08
#[test]
fn p_08_a_file_that_does_not_fit_is_refused_whole_with_its_lines() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (batch, ids, message) = approved(&world);
    let before = world.booked();
    let foreign = PayoutId::new(999).unwrap();
    let unknown = pain002(&message, "", &[(ids[0], "ACSC"), (foreign, "RJCT")]);
    assert_eq!(
        told(apply(&world, batch, "pain.002", &unknown, Rest::Open)),
        ["line 5: \"PO-999\" is no payout of batch 1"]
    );
    let other = pain002("HL9-X", "<GrpSts>ACCP</GrpSts>", &[]);
    assert!(
        told(apply(&world, batch, "pain.002", &other, Rest::Open))[0]
            .starts_with("line 1: the file answers \"HL9-X\"")
    );
    let sum = pain002(&message, "<GrpSts>ACCP</GrpSts>", &[]).replace("14.99", "15.00");
    let expected = "line 1: the file speaks of a sum of 15.00, the batch has 14.99";
    assert_eq!(told(apply(&world, batch, "pain.002", &sum, Rest::Open)), [expected]);
    let count = pain002(&message, "<GrpSts>ACCP</GrpSts>", &[]).replace("<OrgnlNbOfTxs>2", "<OrgnlNbOfTxs>3");
    let expected = "line 1: the file speaks of 3 payments, the batch has 2";
    assert_eq!(told(apply(&world, batch, "pain.002", &count, Rest::Open)), [expected]);
    let twice = pain002(&message, "", &[(ids[0], "ACSC"), (ids[0], "RJCT")]);
    assert_eq!(
        told(apply(&world, batch, "pain.002", &twice, Rest::Open)),
        [format!("line 5: PO-{} stands in line 3 already", ids[0])]
    );
    assert!(matches!(apply(&world, batch, "docx", "", Rest::Open), Err(BookError::Invalid(_))));
    assert_eq!(world.booked(), before);
    world.audit();
}

// P-08
#[test]
fn p_08_the_same_file_is_booked_once() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (batch, _, message) = approved(&world);
    let all = pain002(&message, "<GrpSts>ACCP</GrpSts>", &[]);
    apply(&world, batch, "pain.002", &all, Rest::Open).unwrap();
    let before = world.booked();
    match apply(&world, batch, "pain.002", &all, Rest::Open) {
        Err(BookError::Conflict { detail }) => {
            assert!(detail.starts_with("line 1: the same file"), "{detail}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(world.booked(), before);
}

// P-08, L-09: a return after the settlement.
#[test]
fn p_08_a_payout_that_comes_back_after_it_was_paid_is_payable_again_and_paid_by_the_next_batch() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (batch, ids, message) = approved(&world);
    let all = pain002(&message, "<GrpSts>ACCP</GrpSts>", &[]);
    apply(&world, batch, "pain.002", &all, Rest::Open).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "4.99", "0.00"]);
    let back = pain002(&message, "", &[(ids[0], "RJCT")]);
    let returned = apply(&world, batch, "pain.002", &back, Rest::Open).unwrap();
    assert_eq!(returned.lines[0].outcome, "returned");
    let payout = &returned.view.payouts[0];
    assert_eq!((payout.status, payout.returned_at), (PayoutStatus::Failed, Some(NOW.plus(4 * DAY))));
    assert_eq!(returned.view.batch.status, BatchStatus::Settled);
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "4.99", "0.00", "0.00"]);
    world.audit();
    // A file that calls it paid now is wrong.
    let wrong = pain002(&message, "", &[(ids[0], "ACSC")]);
    assert!(told(apply(&world, batch, "pain.002", &wrong, Rest::Open))[0].contains("is booked as not paid"));
    let next = world.draft("1.00");
    assert_eq!(next.payouts[0].amount.to_decimal(), "4.99");
    let second = next.batch.id;
    world.write(move |tx| payouts::approve(tx, second, "key:second", true, NOW.plus(5 * DAY))).unwrap();
    world.write(move |tx| payouts::settle(tx, second, &[], "key:second", NOW.plus(6 * DAY))).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "0.00", "4.99", "0.00"]);
    world.audit();
}

// L-07: what was paid, taken back by the customer and then came back from the bank.
#[test]
fn p_08_a_refund_between_payment_and_return_leaves_what_is_owed() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let id = world.sold("A-1", "100.00");
    let draft = world.draft("1.00");
    let (batch, payout) = (draft.batch.id, draft.payouts[0].id);
    world.write(move |tx| payouts::approve(tx, batch, "key:second", true, NOW.plus(2 * DAY))).unwrap();
    world.write(move |tx| payouts::settle(tx, batch, &[], "key:second", NOW.plus(3 * DAY))).unwrap();
    world.refund(id, Some("40.00")).unwrap();
    assert_eq!(world.shown(world.blog)[4], "-4.00");
    let message = draft.batch.message_id.clone();
    let back = pain002(&message, "", &[(payout, "RJCT")])
        .replace("<OrgnlNbOfTxs>2</OrgnlNbOfTxs><OrgnlCtrlSum>14.99</OrgnlCtrlSum>", "");
    apply(&world, batch, "pain.002", &back, Rest::Open).unwrap();
    assert_eq!(world.shown(world.blog), ["0.00", "0.00", "6.00", "0.00", "0.00"]);
    assert_eq!(world.conversion(id).status, Some(CommissionStatus::Payable));
    world.audit();
    assert_eq!(world.draft("1.00").payouts[0].amount.to_decimal(), "6.00");
    world.audit();
}

#[test]
fn a_csv_is_read_by_a_saved_mapping_and_a_settlement_by_hand_completes_it() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (batch, ids, _) = approved(&world);
    let text = format!("Ref;State;Amount\nPO-{};back;4,99\n", ids[0]);
    assert!(told(apply(&world, batch, "csv", &text, Rest::Open))[0].contains("there is no mapping"));
    let content = json!({"columns": {"reference": "ref", "status": "state", "amount": "amount"}, "separator": ";",
        "decimal_mark": ",", "paid": ["done"], "failed": ["back"]});
    world
        .write(move |tx| {
            Ok(save_template(tx, TemplateKind::Result, "bank", &content.to_string(), "key:first", NOW)?)
        })
        .unwrap();
    let wrong = text.replace("4,99", "5,00");
    let expected = format!("line 2: the amount of PO-{} is 5.00, the payout is 4.99", ids[0]);
    assert_eq!(told(apply(&world, batch, "csv", &wrong, Rest::Open)), [expected]);
    let applied = apply(&world, batch, "csv", &text, Rest::Open).unwrap();
    assert_eq!(applied.lines[0].line, Some(2));
    assert_eq!(applied.view.payouts[0].reason.as_deref(), Some("the report says back"));
    let named = vec![FailedPayout { payout: ids[0], reason: "told twice".into() }];
    let settled =
        world.write(move |tx| payouts::settle(tx, batch, &named, "key:second", NOW.plus(5 * DAY))).unwrap();
    let statuses: Vec<_> = settled.payouts.iter().map(|payout| payout.status).collect();
    assert_eq!(statuses, [PayoutStatus::Failed, PayoutStatus::Paid]);
    assert_eq!(settled.batch.status, BatchStatus::Settled);
    world.audit();
}

// L-09
#[test]
fn l_09_of_results_and_settlements_at_once_each_payout_is_decided_once() {
    let world = World::new(Rules::PAID_AT_ONCE);
    let (batch, ids, message) = approved(&world);
    let paid = pain002(&message, "<GrpSts>ACCP</GrpSts>", &[]);
    let failed = pain002(&message, "", &[(ids[0], "RJCT"), (ids[1], "RJCT")]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| apply(&world, batch, "pain.002", &paid, Rest::Open).map(drop));
            scope.spawn(|| apply(&world, batch, "pain.002", &failed, Rest::Open).map(drop));
            scope.spawn(|| {
                world
                    .write(move |tx| payouts::settle(tx, batch, &[], "key:second", NOW.plus(3 * DAY)))
                    .map(drop)
            });
        }
    });
    world.audit();
    // Paid once, or back and owed once: never both, never twice.
    let shown = world.shown(world.blog);
    assert!([&shown[2], &shown[3]].into_iter().filter(|amount| *amount == "4.99").count() == 1, "{shown:?}");
}
