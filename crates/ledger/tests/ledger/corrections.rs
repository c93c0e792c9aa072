//! Chargebacks, and steps that were mistakes.

use crate::support::*;
use hopline_ledger::TransactionKind::{
    CommissionApproved, CommissionChargedBack, CommissionCorrected, CommissionPayable, CommissionPending,
    CommissionRejected, CommissionRestored, CommissionReversed, CommissionUnapproved, PayoutReserved,
    PayoutSettled,
};
use hopline_ledger::{Account, Draft, Stage, Standing, Step, TransactionKind, recipe, standing};
use hopline_types::CommissionStatus;

const fn step(kind: TransactionKind, revenue_minor: i64, payout_minor: i64) -> Step {
    Step { kind, revenue_minor, payout_minor }
}

fn derive(steps: &[Step]) -> Standing {
    standing(steps.iter().copied()).unwrap()
}

/// What two transactions do together, by account.
fn sum(drafts: &[Draft]) -> Vec<(String, i64)> {
    let mut lines: Vec<(String, i64)> = Vec::new();
    for posting in drafts.iter().flat_map(|draft| &draft.postings) {
        let path = posting.account.as_path();
        match lines.iter_mut().find(|(account, _)| *account == path) {
            Some((_, sum)) => *sum += posting.amount_minor,
            None => lines.push((path, posting.amount_minor)),
        }
    }
    lines.retain(|(_, sum)| *sum != 0);
    lines
}

// L-06
#[test]
fn l_06_what_undoes_a_step_is_its_exact_opposite_and_names_it() {
    for (revenue, payout) in [(599, 499), (0, 5), (5, 0), (3, 9)] {
        let sale = commission(1, share(revenue, payout));
        let rejected = sale.rejected(id("r"), AT, None).unwrap();
        let restored = sale.restored(Stage::Pending, id("r"), id("u"), AT, "a mistake".into()).unwrap();
        assert_eq!(restored.corrects, Some(id("r")));
        assert_eq!(restored.clone().check().map(drop), Ok(()));
        assert_eq!(sum(&[rejected, restored]), []);
        for stage in [Stage::Pending, Stage::Approved, Stage::Payable] {
            let charged = sale.charged_back(stage, id("c"), AT, Some("stolen".into())).unwrap();
            let won = sale.restored(stage, id("c"), id("w"), AT, "won".into()).unwrap();
            assert_eq!(sum(&[charged, won]), []);
        }
        let approved = sale.approved(id("a"), AT).unwrap();
        let unapproved = sale.unapproved(Stage::Approved, id("a"), id("u"), AT, "no".into()).unwrap();
        assert_eq!(sum(&[approved.clone(), unapproved]), []);
        let mut way = vec![approved];
        way.extend(sale.payable(id("p"), AT));
        let from = if payout == 0 { Stage::Approved } else { Stage::Payable };
        way.extend(sale.unapproved(from, id("a"), id("u"), AT, "no".into()));
        assert_eq!(sum(&way), []);
    }
    let fee = recipe::chargeback_fee(affiliate(2), eur(1_500), id("f"), AT, "stolen".into()).unwrap();
    let lines: Vec<_> = fee.postings.iter().map(|line| (line.account, line.amount_minor)).collect();
    assert_eq!(lines, [(Account::AffiliatePayable(affiliate(2)), 1_500), (Account::NetworkMargin, -1_500)]);
    assert_eq!(Step::of(&fee), None, "no part of a commission");
    assert_eq!(recipe::chargeback_fee(affiliate(2), eur(0), id("f"), AT, "x".into()), None);
}

// L-06
#[test]
fn l_06_states_follow_what_was_undone() {
    let booked = step(CommissionPending, 599, 499);
    let approved = step(CommissionApproved, 599, 499);
    let payable = step(CommissionPayable, 0, 499);
    let unapproved = step(CommissionUnapproved, 599, 499);
    let rejected = step(CommissionRejected, 599, 499);
    let restored = step(CommissionRestored, 599, 499);
    let charged = step(CommissionChargedBack, 599, 499);
    let status = |steps: &[Step]| derive(steps).status;
    assert_eq!(status(&[booked, approved, payable, unapproved]), CommissionStatus::Pending);
    assert_eq!(status(&[booked, approved, unapproved, rejected, restored]), CommissionStatus::Pending);
    assert_eq!(status(&[booked, charged, restored]), CommissionStatus::Pending);
    assert_eq!(status(&[booked, approved, charged, restored]), CommissionStatus::Approved);
    assert_eq!(status(&[booked, approved, payable, charged, restored]), CommissionStatus::Payable);
    let reserved = step(PayoutReserved, 0, 499);
    let settled = step(PayoutSettled, 0, 499);
    let paid = [booked, approved, payable, reserved, settled];
    let after = |more: &[Step]| derive(&[&paid[..], more].concat());
    assert_eq!(after(&[charged]).payable_minor, -499);
    assert_eq!(after(&[charged, restored]).status, CommissionStatus::Paid);
    let carried = [charged, step(PayoutReserved, 0, -499), step(PayoutSettled, 0, -499), restored];
    let now = after(&carried);
    assert_eq!((now.status, now.payable_minor, now.paid_minor), (CommissionStatus::Payable, 499, 0));
    // What was made payable and taken back again goes with a payout of others, wherever the commission is.
    let nothing = step(PayoutReserved, 0, 0);
    assert_eq!(status(&[booked, approved, payable, unapproved, nothing]), CommissionStatus::Pending);
    assert_eq!(
        status(&[booked, approved, payable, unapproved, rejected, nothing]),
        CommissionStatus::Rejected
    );
}

#[test]
fn what_cannot_be_undone_is_refused_with_its_place() {
    let booked = step(CommissionPending, 599, 499);
    let approved = step(CommissionApproved, 599, 499);
    let payable = step(CommissionPayable, 0, 499);
    let unapproved = step(CommissionUnapproved, 599, 499);
    let rejected = step(CommissionRejected, 599, 499);
    let restored = step(CommissionRestored, 599, 499);
    let reversed = step(CommissionReversed, 599, 499);
    let wrong = [
        (vec![restored], 0),
        (vec![booked, restored], 1),
        (vec![booked, unapproved], 1),
        (vec![booked, rejected, step(CommissionRestored, 599, 498)], 2),
        (vec![booked, rejected, restored, restored], 3),
        (vec![booked, reversed, step(CommissionRestored, 599, 500)], 2),
        (vec![booked, approved, step(CommissionUnapproved, 599, 498)], 2),
        (vec![booked, approved, payable, step(PayoutReserved, 0, 499), unapproved], 4),
        (vec![booked, step(CommissionChargedBack, 600, 499)], 1),
    ];
    for (steps, index) in wrong {
        assert_eq!(standing(steps.iter().copied()).unwrap_err().index, index, "{steps:?}");
    }
}

// L-06, A-10
#[test]
fn l_06_what_is_decided_again_differs_by_one_transaction_where_the_money_is() {
    for (stage, before) in [
        (Stage::Pending, vec![]),
        (Stage::Approved, vec![step(CommissionApproved, 600, 500)]),
        (Stage::Payable, vec![step(CommissionApproved, 600, 500), step(CommissionPayable, 0, 500)]),
    ] {
        for (revenue, payout) in [(900, 300), (600, 700), (1, 1), (0, 0)] {
            let right = commission(1, share(revenue, payout));
            let reason = "a late click".to_owned();
            let draft = right.corrected(share(600, 500), stage, id("p"), id("c"), AT, reason).unwrap();
            assert_eq!(draft.corrects, Some(id("p")));
            let corrected = Step::of(&draft).unwrap();
            assert_eq!((corrected.revenue_minor, corrected.payout_minor), (revenue - 600, payout - 500));
            let first = [step(CommissionPending, 600, 500)];
            let steps: Vec<Step> = first.iter().chain(&before).copied().chain([corrected]).collect();
            let now = derive(&steps);
            assert_eq!((now.booked_revenue_minor, now.booked_minor), (revenue, payout));
            assert_eq!(now.pending_minor + now.approved_minor + now.payable_minor, payout);
            assert_eq!(now.status == CommissionStatus::Unattributed, payout == 0);
            assert_eq!(now.reversible_from.is_none(), payout == 0);
        }
    }
    let same =
        commission(1, share(6, 5)).corrected(share(6, 5), Stage::Pending, id("p"), id("c"), AT, "r".into());
    assert_eq!(same, None);
}

// L-06
#[test]
fn l_06_a_paid_commission_that_is_decided_again_owes_the_difference() {
    let paid = [
        step(CommissionPending, 600, 500),
        step(CommissionApproved, 600, 500),
        step(CommissionPayable, 0, 500),
        step(PayoutReserved, 0, 500),
        step(PayoutSettled, 0, 500),
    ];
    let with = |more: Step| derive(&paid.iter().copied().chain([more]).collect::<Vec<_>>());
    let less = with(step(CommissionCorrected, -600, -500));
    assert_eq!((less.payable_minor, less.status), (-500, CommissionStatus::Unattributed));
    let more = with(step(CommissionCorrected, 60, 50));
    assert_eq!((more.payable_minor, more.status), (50, CommissionStatus::Payable));
    // What was refunded has to be given again before, and nothing goes below zero.
    let refunded = [step(CommissionPending, 600, 500), step(CommissionReversed, 60, 50)];
    let correct = step(CommissionCorrected, 10, 10);
    standing(refunded.iter().copied().chain([correct])).unwrap_err();
    standing([step(CommissionPending, 600, 500), step(CommissionCorrected, -601, 0)]).unwrap_err();
}
