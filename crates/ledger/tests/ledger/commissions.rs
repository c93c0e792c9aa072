//! Recipes, reversals, and where a commission stands.

use crate::support::*;
use hopline_ledger::recipe::Payout;
use hopline_ledger::{
    Account, Posting, ReversalRefusal, Share, ShareError, Stage, Standing, Step, TransactionKind,
    refund_share, reversible, standing,
};
use hopline_money::{Amount, Currency};
use hopline_types::CommissionStatus;
use hopline_types::{BatchId, PayoutId};

/// Amounts by account path, for reading beside the table of the crate's header.
fn table(postings: &[Posting]) -> Vec<(String, i64)> {
    postings.iter().map(|posting| (posting.account.as_path(), posting.amount_minor)).collect()
}

fn lines(expected: &[(&str, i64)]) -> Vec<(String, i64)> {
    expected.iter().map(|(path, amount)| ((*path).to_owned(), *amount)).collect()
}

#[test]
fn recipes_make_the_postings_of_the_table() {
    let sale = commission(1, share(599, 499));
    let pending = sale.pending(id("t"), AT).unwrap();
    let expected =
        [("advertiser:1:accrued", 599), ("affiliate:2:pending", -499), ("network:margin_pending", -100)];
    assert_eq!(table(&pending.postings), lines(&expected));
    let approved = sale.approved(id("t"), AT).unwrap();
    let expected = [
        ("affiliate:2:pending", 499),
        ("affiliate:2:approved", -499),
        ("advertiser:1:receivable", 599),
        ("advertiser:1:accrued", -599),
        ("network:margin_pending", 100),
        ("network:margin", -100),
    ];
    assert_eq!(table(&approved.postings), lines(&expected));
    let payable = sale.payable(id("t"), AT).unwrap();
    assert_eq!(
        table(&payable.postings),
        lines(&[("affiliate:2:approved", 499), ("affiliate:2:payable", -499)])
    );
    let taken = [
        (
            Stage::Pending,
            [("affiliate:2:pending", 499), ("network:margin_pending", 100), ("advertiser:1:accrued", -599)],
        ),
        (
            Stage::Approved,
            [("affiliate:2:approved", 499), ("network:margin", 100), ("advertiser:1:receivable", -599)],
        ),
        (
            Stage::Payable,
            [("affiliate:2:payable", 499), ("network:margin", 100), ("advertiser:1:receivable", -599)],
        ),
    ];
    for (stage, expected) in taken {
        let reversed = sale.reversed(stage, id("t"), AT, Some("refund".into())).unwrap();
        assert_eq!(table(&reversed.postings), lines(&expected));
        assert_eq!(reversed.reason.as_deref(), Some("refund"));
    }
    let paid = payout(7, 499);
    let clearing = "payout_batch:1:clearing";
    assert_eq!(
        table(&paid.reserved(id("t"), AT).postings),
        lines(&[("affiliate:2:payable", 499), (clearing, -499)])
    );
    assert_eq!(
        table(&paid.settled(id("t"), AT).postings),
        lines(&[(clearing, 499), ("cash:affiliate:2", -499)])
    );
    assert_eq!(
        table(&paid.failed(id("t"), AT, None).postings),
        lines(&[(clearing, 499), ("affiliate:2:payable", -499)])
    );
    let received = hopline_ledger::recipe::advertiser_payment(advertiser(1), eur(599), id("t"), AT).unwrap();
    assert_eq!(
        table(&received.postings),
        lines(&[("cash:advertiser:1", 599), ("advertiser:1:receivable", -599)])
    );
}

#[test]
fn a_rejection_is_the_exact_opposite_of_the_booking() {
    for (revenue, payout) in [(599, 499), (0, 5), (5, 0), (5, 5), (3, 9)] {
        let sale = commission(1, share(revenue, payout));
        let mut lines: Vec<(Account, i64)> = Vec::new();
        let both = [sale.pending(id("p"), AT).unwrap(), sale.rejected(id("r"), AT, None).unwrap()];
        for posting in both.iter().flat_map(|draft| &draft.postings) {
            match lines.iter_mut().find(|(account, _)| *account == posting.account) {
                Some((_, sum)) => *sum += posting.amount_minor,
                None => lines.push((posting.account, posting.amount_minor)),
            }
        }
        assert!(lines.iter().all(|(_, sum)| *sum == 0), "{lines:?}");
    }
}

#[test]
fn zeros_make_no_postings_and_nothing_makes_no_draft() {
    let worthless = commission(1, share(0, 0));
    assert_eq!(worthless.pending(id("t"), AT), None);
    assert_eq!(worthless.approved(id("t"), AT), None);
    assert_eq!(worthless.rejected(id("t"), AT, None), None);
    assert_eq!(commission(1, share(5, 0)).payable(id("t"), AT), None);
    let loss = commission(1, share(3, 9)).pending(id("t"), AT).unwrap();
    assert_eq!(
        loss.postings.last().map(|posting| posting.amount_minor),
        Some(6),
        "a negative margin is a debit"
    );
    for (revenue, payout) in [(5, 5), (0, 5), (5, 0), (i64::MAX, 0), (0, i64::MAX), (i64::MAX, i64::MAX)] {
        let sale = commission(1, share(revenue, payout));
        for draft in [
            sale.pending(id("t"), AT),
            sale.approved(id("t"), AT),
            sale.reversed(Stage::Payable, id("t"), AT, None),
        ] {
            assert!(draft.unwrap().check().is_ok(), "{revenue} {payout}");
        }
    }
}

#[test]
fn shares_and_payouts_below_zero_are_refused() {
    let yen = Amount::new(1, Currency::JPY);
    assert!(matches!(Share::new(eur(1), yen), Err(ShareError::CurrencyMismatch { .. })));
    let refused = Share::new(eur(1), eur(-1)).unwrap_err().to_string();
    assert_eq!(refused, "payout is -0.01 EUR: expected zero or more");
    let of =
        |minor| Payout::new(BatchId::new(1).unwrap(), PayoutId::new(3).unwrap(), affiliate(2), eur(minor));
    assert_eq!(of(0).unwrap_err().to_string(), "payout 3 is 0.00 EUR: expected more than zero");
    assert!(of(-1).is_err());
}

// L-07
#[test]
fn l_07_reversals_add_up_to_at_most_the_commission() {
    let original = share(599, 499);
    let none = Share::zero(Currency::EUR);
    assert_eq!(reversible(original, none, original), Ok(none));
    assert_eq!(reversible(original, original, original), Err(ReversalRefusal::AlreadyReversed));
    assert_eq!(reversible(original, original, none), Err(ReversalRefusal::AlreadyReversed));
    assert_eq!(reversible(original, none, none), Err(ReversalRefusal::Nothing));
    assert_eq!(reversible(original, share(300, 250), share(299, 249)), Ok(none));
    let refused = reversible(original, share(300, 250), share(299, 250)).unwrap_err().to_string();
    assert_eq!(refused, "payout: 2.50 EUR is to be reversed, 2.49 EUR is left");
    let refused = reversible(original, share(300, 250), share(300, 249)).unwrap_err();
    assert!(matches!(refused, ReversalRefusal::TooMuch { part: "revenue", .. }));
    assert!(matches!(
        reversible(original, share(600, 0), share(1, 0)),
        Err(ReversalRefusal::Inconsistent { .. })
    ));
    let yen = Share::zero(Currency::JPY);
    assert!(matches!(reversible(original, none, yen), Err(ReversalRefusal::CurrencyMismatch { .. })));
}

// L-07, L-10
#[test]
fn l_07_partial_refunds_take_back_in_full_what_the_order_paid() {
    let original = share(599, 499);
    for steps in [[1, 2, 3, 4990], [1663, 3326, 4989, 4990], [4990, 4990, 4990, 4990], [0, 0, 1, 4990]] {
        let mut reversed = Share::zero(Currency::EUR);
        for refunded in steps {
            let part = refund_share(original, reversed, 4990, refunded).unwrap();
            if !part.is_zero() {
                reversible(original, reversed, part).unwrap();
            }
            reversed = reversed.plus(part).unwrap();
        }
        assert_eq!(reversed, original, "{steps:?}");
    }
    let none = Share::zero(Currency::EUR);
    assert_eq!(
        refund_share(original, none, 4990, 2495),
        Some(share(300, 250)),
        "299.5 and 249.5 go to the even cent"
    );
    for (order, refunded) in [(0, 0), (-1, 0), (10, 11), (10, -1)] {
        assert_eq!(refund_share(original, none, order, refunded), None);
    }
    let largest = share(i64::MAX, i64::MAX);
    assert_eq!(refund_share(largest, none, i64::MAX, i64::MAX), Some(largest));
}

fn step(kind: TransactionKind, revenue_minor: i64, payout_minor: i64) -> Step {
    Step { kind, revenue_minor, payout_minor }
}

fn derive(steps: &[Step]) -> Standing {
    standing(steps.iter().copied()).unwrap()
}

use TransactionKind::{
    CommissionApproved, CommissionPayable, CommissionPending, CommissionRejected, CommissionReversed,
    PayoutFailed, PayoutReserved, PayoutSettled,
};

#[test]
fn a_commission_stands_where_its_last_step_has_put_it() {
    let way = [
        (step(CommissionPending, 599, 499), CommissionStatus::Pending, Some(Stage::Pending)),
        (step(CommissionApproved, 599, 499), CommissionStatus::Approved, Some(Stage::Approved)),
        (step(CommissionPayable, 0, 499), CommissionStatus::Payable, Some(Stage::Payable)),
        (step(PayoutReserved, 0, 499), CommissionStatus::Payable, Some(Stage::Payable)),
        (step(PayoutFailed, 0, 499), CommissionStatus::Payable, Some(Stage::Payable)),
        (step(PayoutReserved, 0, 499), CommissionStatus::Payable, Some(Stage::Payable)),
        (step(PayoutSettled, 0, 499), CommissionStatus::Paid, Some(Stage::Payable)),
        (step(CommissionReversed, 599, 499), CommissionStatus::Reversed, None),
        (step(PayoutReserved, 0, -499), CommissionStatus::Reversed, None),
        (step(PayoutSettled, 0, -499), CommissionStatus::Reversed, None),
    ];
    assert_eq!(derive(&[]).status, CommissionStatus::Unattributed);
    let mut steps = Vec::new();
    for (next, status, reversible_from) in way {
        steps.push(next);
        let now = derive(&steps);
        assert_eq!((now.status, now.reversible_from), (status, reversible_from), "{steps:?}");
        let places =
            now.pending_minor + now.approved_minor + now.payable_minor + now.reserved_minor + now.paid_minor;
        assert_eq!(places, now.booked_minor - now.reversed_minor, "{steps:?}");
    }
    let end = derive(&steps);
    assert_eq!((end.payable_minor, end.paid_minor), (0, 0), "the next payout carried the clawback");
    assert_eq!(derive(&steps[..8]).payable_minor, -499);
}

#[test]
fn partial_reversals_leave_the_state_and_lessen_the_rest() {
    let mut steps = vec![step(CommissionPending, 599, 499), step(CommissionReversed, 100, 99)];
    let now = derive(&steps);
    assert_eq!((now.status, now.pending_minor), (CommissionStatus::Pending, 400));
    assert_eq!(now.left(Currency::EUR), share(499, 400));
    steps.extend([step(CommissionApproved, 499, 400), step(CommissionReversed, 499, 400)]);
    let now = derive(&steps);
    assert_eq!((now.status, now.approved_minor, now.reversed_minor), (CommissionStatus::Reversed, 0, 499));
    assert_eq!(now.booked(Currency::EUR), now.reversed(Currency::EUR));
}

#[test]
fn a_commission_without_payout_is_reversed_when_its_revenue_is() {
    let steps =
        [step(CommissionPending, 10, 0), step(CommissionReversed, 4, 0), step(CommissionReversed, 6, 0)];
    assert_eq!(derive(&steps[..2]).status, CommissionStatus::Pending);
    assert_eq!(derive(&steps).status, CommissionStatus::Reversed);
}

#[test]
fn steps_out_of_order_are_refused_with_their_place() {
    let booked = step(CommissionPending, 599, 499);
    let approved = step(CommissionApproved, 599, 499);
    let rejected = step(CommissionRejected, 599, 499);
    let reversed = step(CommissionReversed, 599, 499);
    let wrong = [
        (vec![approved], 0),
        (vec![booked, booked], 1),
        (vec![booked, approved, approved], 2),
        (vec![booked, approved, rejected], 2),
        (vec![booked, rejected, approved], 2),
        (vec![booked, rejected, reversed], 2),
        (vec![booked, reversed, reversed], 2),
        (vec![booked, step(CommissionApproved, 599, 498)], 1),
        (vec![booked, step(CommissionReversed, 600, 499)], 1),
        (vec![booked, step(PayoutReserved, 0, 499)], 1),
        (vec![step(CommissionPending, -1, 0)], 0),
        (vec![reversed], 0),
    ];
    for (steps, index) in wrong {
        assert_eq!(standing(steps.iter().copied()).unwrap_err().index, index, "{steps:?}");
    }
    assert_eq!(derive(&[booked, rejected]).status, CommissionStatus::Rejected);
    assert_eq!(derive(&[booked, rejected]).rejected_minor, 499);
}

#[test]
fn steps_are_read_from_what_the_recipes_book() {
    let sale = commission(1, share(599, 499));
    let table = [
        (sale.pending(id("t"), AT), step(CommissionPending, 599, 499)),
        (sale.approved(id("t"), AT), step(CommissionApproved, 599, 499)),
        (sale.payable(id("t"), AT), step(CommissionPayable, 0, 499)),
        (sale.rejected(id("t"), AT, None), step(CommissionRejected, 599, 499)),
        (sale.reversed(Stage::Approved, id("t"), AT, None), step(CommissionReversed, 599, 499)),
        (commission(1, share(0, 9)).pending(id("t"), AT), step(CommissionPending, 0, 9)),
        (
            commission(1, share(9, 0)).reversed(Stage::Pending, id("t"), AT, None),
            step(CommissionReversed, 9, 0),
        ),
    ];
    for (draft, expected) in table {
        assert_eq!(Step::of(&draft.unwrap()), Some(expected));
    }
    assert_eq!(Step::of(&payout(1, 5).reserved(id("t"), AT)), None);
}
