//! What a single request must keep: balance, identity, corrections, limits.

use crate::support::*;
use hopline_ledger::{
    Account, AccountClass, Book, Draft, Journal, JournalRefusal, POSTINGS_MAX, PostingsRefusal, Recorded,
    Refusal, Side, Totals, TransactionId, TransactionIdError, TransactionKind, overdrawn, recipe,
};
use hopline_money::{Currency, Decimal};
use hopline_types::{AffiliateId, BatchId, ConversionId, PayoutId, UnixMillis};

fn cash() -> Account {
    Account::CashAdvertiser(advertiser(1))
}

fn owed() -> Account {
    Account::AdvertiserReceivable(advertiser(1))
}

// L-01
#[test]
fn l_01_lines_that_make_no_transaction_are_refused_and_nothing_changes() {
    let (eur, usd) = (Currency::EUR, Currency::USD);
    let off = |currency, debits, credits| PostingsRefusal::Unbalanced {
        currency,
        totals: Totals { debits, credits },
    };
    let table = [
        (vec![], PostingsRefusal::TooFew { given: 0 }),
        (vec![line(cash(), 5, eur)], PostingsRefusal::TooFew { given: 1 }),
        (vec![line(cash(), 0, eur), line(owed(), 0, eur)], PostingsRefusal::Zero { index: 0 }),
        (
            vec![line(cash(), 1, eur), line(owed(), -1, eur), line(owed(), 0, eur)],
            PostingsRefusal::Zero { index: 2 },
        ),
        (vec![line(cash(), 100, eur), line(owed(), -99, eur)], off(eur, 100, 99)),
        (vec![line(cash(), 100, usd), line(owed(), -100, eur)], off(eur, 0, 100)),
        (
            vec![line(cash(), 1, eur), line(owed(), -1, eur), line(cash(), 2, usd), line(owed(), -1, usd)],
            off(usd, 2, 1),
        ),
        (vec![line(cash(), 1, eur); POSTINGS_MAX + 1], PostingsRefusal::TooMany { given: 257 }),
    ];
    let mut journal = Journal::new();
    for (postings, refusal) in table {
        let asked = journal.record(draft("t", postings), AT).unwrap_err();
        assert_eq!(asked, JournalRefusal::Draft(Refusal::Postings(refusal)));
        assert!(journal.records().is_empty());
        assert_eq!(journal.book(), &Book::new());
    }
    assert_eq!(off(usd, 200, 199).to_string(), "USD does not balance: debits 2.00, credits 1.99");
}

// L-03
#[test]
fn l_03_the_same_request_again_has_one_effect() {
    let mut journal = Journal::new();
    assert_eq!(journal.record(payment("t", 5), AT), Ok(Recorded::New(1)));
    assert_eq!(journal.record(payment("t", 5), AT.plus(99)), Ok(Recorded::Repeated(1)));
    assert_eq!(journal.records().len(), 1);
    assert_eq!(journal.book().balance(&cash(), Currency::EUR), 5);
}

// L-03
#[test]
fn l_03_another_content_under_the_same_id_is_refused_with_the_first_field_that_differs() {
    let base = || Draft { reason: Some("a".into()), ..payment("t", 5) };
    type Change = (&'static str, fn(&mut Draft));
    let changed: [Change; 11] = [
        ("effective_at", |d| d.effective_at = AT.plus(1)),
        ("kind", |d| d.kind = TransactionKind::Adjustment),
        ("subject.conversion", |d| d.subject.conversion = ConversionId::new(1).ok()),
        ("subject.affiliate", |d| d.subject.affiliate = Some(affiliate(2))),
        ("subject.payout", |d| d.subject.payout = Some(PayoutId::new(3).unwrap())),
        ("corrects", |d| d.corrects = Some(id("u"))),
        ("reason", |d| d.reason = None),
        ("postings.length", |d| d.postings.truncate(1)),
        ("postings[0].account", |d| d.postings[0].account = Account::NetworkMargin),
        ("postings[1].amount_minor", |d| d.postings[1].amount_minor = -6),
        ("postings[1].currency", |d| d.postings[1].currency = Currency::USD),
    ];
    let mut journal = Journal::new();
    journal.record(base(), AT).unwrap();
    let before = (journal.head(), journal.book().clone());
    for (field, change) in changed {
        let mut asked = base();
        change(&mut asked);
        match journal.record(asked, AT) {
            Err(JournalRefusal::Conflict(difference)) => assert_eq!(difference.field, field),
            other => panic!("{field}: {other:?}"),
        }
        assert_eq!((journal.head(), journal.book().clone()), before);
    }
    let conflict = journal.record(payment("t", 6), AT).unwrap_err().to_string();
    assert_eq!(conflict, "transaction t is booked with another reason: booked a, asked none");
}

// L-06
#[test]
fn l_06_a_mistake_is_corrected_by_its_opposite_and_a_correction_can_be_corrected() {
    let mut journal = Journal::new();
    journal.record(payment("t", 500), AT).unwrap();
    let wrong = journal.get(&id("t")).unwrap().clone();
    journal.record(recipe::correction(&wrong, id("c1"), AT, "entered twice".into()), AT).unwrap();
    assert_eq!(journal.book().balance(&cash(), Currency::EUR), 0);
    let first = journal.get(&id("c1")).unwrap().clone();
    assert_eq!(first.draft.corrects, Some(id("t")));
    journal.record(recipe::correction(&first, id("c2"), AT, "it was not".into()), AT).unwrap();
    assert_eq!(journal.book().balance(&cash(), Currency::EUR), 500);
    assert_eq!(journal.records().len(), 3, "nothing was taken out");
}

// L-06
#[test]
fn l_06_a_correction_needs_a_reason_and_something_to_correct() {
    let mut journal = Journal::new();
    let mut asked = Draft { corrects: Some(id("gone")), ..payment("c", 5) };
    let refused = journal.record(asked.clone(), AT).unwrap_err().to_string();
    assert_eq!(refused, "advertiser_payment c needs a reason");
    for reason in ["", " \u{a0}", "a\nb", &"x".repeat(513)] {
        asked.reason = Some(reason.into());
        let length = reason.chars().count();
        assert_eq!(asked.clone().check().unwrap_err(), Refusal::Reason { length });
    }
    asked.reason = Some("x".repeat(512));
    let refused = journal.record(asked.clone(), AT).unwrap_err().to_string();
    assert_eq!(refused, "transaction c is to correct gone, which is not booked");
    asked.corrects = Some(id("c"));
    assert_eq!(asked.check().unwrap_err(), Refusal::CorrectsItself { id: id("c") });
    let adjustment = Draft { kind: TransactionKind::Adjustment, ..payment("a", 5) };
    assert!(matches!(adjustment.check(), Err(Refusal::ReasonMissing { .. })));
}

// L-10
#[test]
fn l_10_only_clawbacks_take_an_affiliate_below_zero_and_payouts_never() {
    let mut journal = Journal::new();
    let sale = commission(1, share(599, 499));
    for step in [sale.pending(id("p"), AT), sale.approved(id("a"), AT), sale.payable(id("y"), AT)] {
        journal.record(step.unwrap(), AT).unwrap();
    }
    let refused = journal.record(payout(1, 500).reserved(id("r0"), AT), AT).unwrap_err().to_string();
    assert_eq!(refused, "payout_reserved must not take affiliate:2:payable to -1 minor units: it has 499");
    journal.record(payout(1, 499).reserved(id("r1"), AT), AT).unwrap();
    journal.record(payout(1, 499).settled(id("s1"), AT), AT).unwrap();
    let back = sale.reversed(hopline_ledger::Stage::Payable, id("b"), AT, None).unwrap();
    journal.record(back, AT).unwrap();
    let payable = Account::AffiliatePayable(affiliate(2));
    assert_eq!(journal.book().balance(&payable, Currency::EUR), 499, "a debit: the affiliate owes it");
    assert!(journal.record(payout(2, 1).reserved(id("r2"), AT), AT).is_err());
    // The next commission is carried against it, although the balance is still below zero after it.
    let next = commission(2, share(120, 100));
    for step in [next.pending(id("p2"), AT), next.approved(id("a2"), AT), next.payable(id("y2"), AT)] {
        journal.record(step.unwrap(), AT).unwrap();
    }
    assert_eq!(journal.book().balance(&payable, Currency::EUR), 399);
}

// L-10
#[test]
fn l_10_a_batch_never_settles_more_than_it_reserved() {
    let mut journal = Journal::new();
    let refused = journal.record(payout(1, 5).settled(id("s"), AT), AT).unwrap_err();
    assert!(matches!(refused, JournalRefusal::Overdrawn(_)), "{refused}");
    let clearing = Account::PayoutClearing(BatchId::new(1).unwrap());
    assert!(overdrawn(clearing, TransactionKind::PayoutFailed, -5, 1).is_err());
    assert!(overdrawn(clearing, TransactionKind::PayoutFailed, -5, 0).is_ok());
    assert!(overdrawn(clearing, TransactionKind::PayoutReserved, 5, 4).is_ok(), "back towards zero");
}

// L-14
#[test]
fn l_14_amounts_work_up_to_the_limits_of_64_bits_and_sums_beyond() {
    let mut book: Book = Book::new();
    let largest = [line(cash(), i64::MAX, Currency::EUR), line(owed(), -i64::MAX, Currency::EUR)];
    for _ in 0..3 {
        book.post(&largest).unwrap();
    }
    assert_eq!(book.balance(&cash(), Currency::EUR), 3 * i128::from(i64::MAX));
    assert_eq!(book.balance(&owed(), Currency::EUR), -3 * i128::from(i64::MAX));
    let before = book.clone();
    let one_too_far = [
        line(cash(), i64::MIN, Currency::EUR),
        line(owed(), i64::MAX, Currency::EUR),
        line(owed(), 1, Currency::EUR),
    ];
    let refused = book.post(&one_too_far).unwrap_err().to_string();
    assert_eq!(
        refused,
        "posting 0 has the amount -9223372036854775808: expected at least -9223372036854775807"
    );
    assert_eq!(book, before);
    assert_eq!(Totals { debits: i128::MAX, credits: 0 }.with(1), None);
    assert_eq!(Totals { debits: 0, credits: i128::MAX }.with(-1), None);
    // A sum that wraps in 64 bits does not pass for zero.
    let wraps = [
        line(cash(), i64::MAX, Currency::EUR),
        line(cash(), i64::MAX, Currency::EUR),
        line(owed(), 2, Currency::EUR),
    ];
    assert!(book.post(&wraps).is_err());
}

// L-20
#[test]
fn l_20_an_exchange_has_two_balanced_legs_and_keeps_rate_source_and_time() {
    let rate = recipe::Rate { rate: Decimal::parse("0.92345").unwrap(), source: "ecb".into(), at: AT };
    let usd = hopline_money::Amount::new(10_000, Currency::USD);
    let asked = recipe::exchange(affiliate(2), usd, Currency::EUR, &rate, id("x"), AT).unwrap().unwrap();
    let account = Account::AffiliatePayable(affiliate(2));
    let expected = vec![
        line(account, 10_000, Currency::USD),
        line(Account::NetworkExchange, -10_000, Currency::USD),
        line(Account::NetworkExchange, 9_234, Currency::EUR),
        line(account, -9_234, Currency::EUR),
    ];
    assert_eq!(asked.postings, expected);
    assert_eq!(asked.reason.as_deref(), Some("rate 0.92345 USD/EUR source ecb at 1767225600000"));
    assert!(asked.check().is_ok());
    let speck = hopline_money::Amount::new(1, Currency::JPY);
    let tiny = recipe::Rate { rate: Decimal::parse("0.001").unwrap(), ..rate };
    assert_eq!(recipe::exchange(affiliate(2), speck, Currency::EUR, &tiny, id("x"), AT), Ok(None));
}

#[test]
fn accounts_read_back_what_they_print_and_nothing_else() {
    let batch = BatchId::new(7).unwrap();
    let table = [
        (Account::AdvertiserAccrued(advertiser(1)), "advertiser:1:accrued", AccountClass::Asset, Side::Debit),
        (owed(), "advertiser:1:receivable", AccountClass::Asset, Side::Debit),
        (
            Account::AffiliatePending(affiliate(2)),
            "affiliate:2:pending",
            AccountClass::Liability,
            Side::Credit,
        ),
        (
            Account::AffiliateApproved(affiliate(2)),
            "affiliate:2:approved",
            AccountClass::Liability,
            Side::Credit,
        ),
        (
            Account::AffiliatePayable(affiliate(2)),
            "affiliate:2:payable",
            AccountClass::Liability,
            Side::Credit,
        ),
        (Account::PayoutClearing(batch), "payout_batch:7:clearing", AccountClass::Liability, Side::Credit),
        (Account::CashAffiliate(affiliate(2)), "cash:affiliate:2", AccountClass::Asset, Side::Credit),
        (cash(), "cash:advertiser:1", AccountClass::Asset, Side::Debit),
        (Account::NetworkMarginPending, "network:margin_pending", AccountClass::Income, Side::Credit),
        (Account::NetworkMargin, "network:margin", AccountClass::Income, Side::Credit),
        (Account::NetworkClawbackLoss, "network:clawback_loss", AccountClass::Expense, Side::Debit),
        (Account::NetworkExchange, "network:exchange", AccountClass::Equity, Side::Credit),
    ];
    for (account, path, class, side) in table {
        assert_eq!(account.as_path(), path);
        assert_eq!(Account::parse(path), Ok(account));
        assert_eq!((account.class(), account.normal_side()), (class, side), "{path}");
        assert_eq!(serde_json::to_string(&account).unwrap(), format!("{path:?}"));
    }
    let wrong = [
        "",
        "network",
        "network:margin:",
        "affiliate:02:pending",
        "affiliate:+2:pending",
        "affiliate:0:pending",
        "affiliate:2",
        "affiliate:2:pending:x",
        "cash:affiliate:x",
        "Network:margin",
        "cash:affiliate:9007199254740992",
    ];
    for path in wrong {
        assert!(Account::parse(path).is_err(), "{path}");
    }
}

#[test]
fn kinds_read_back_as_themselves() {
    for kind in TransactionKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    let refused = "Adjustment".parse::<TransactionKind>().unwrap_err().to_string();
    assert!(
        refused.starts_with("\"Adjustment\" is no kind of transaction: expected one of commission_pending, ")
    );
}

// L-04
#[test]
fn l_04_ids_are_functions_of_their_cause_within_their_alphabet() {
    let (conversion, affiliate) = (ConversionId::new(12).unwrap(), AffiliateId::new(3).unwrap());
    let made = TransactionId::of_commission(TransactionKind::CommissionPending, conversion, affiliate);
    assert_eq!(made.as_str(), "commission_pending:12:3");
    assert_eq!(TransactionId::new(made.as_str()), Ok(made));
    let payout = TransactionId::of_payout(TransactionKind::PayoutSettled, PayoutId::new(7).unwrap());
    assert_eq!(payout.as_str(), "payout_settled:7");
    let reversal =
        TransactionId::of_part(TransactionKind::CommissionReversed, conversion, affiliate, "refund.1")
            .unwrap();
    assert_eq!(reversal.as_str(), "commission_reversed:12:3:refund.1");
    assert_eq!(TransactionId::new(""), Err(TransactionIdError::Length { length: 0 }));
    assert_eq!(TransactionId::new("x".repeat(129)), Err(TransactionIdError::Length { length: 129 }));
    assert!(TransactionId::new("x".repeat(128)).is_ok());
    assert_eq!(TransactionId::new("a b"), Err(TransactionIdError::Character { character: ' ' }));
    assert_eq!(TransactionId::new("é"), Err(TransactionIdError::Character { character: 'é' }));
}

// L-11
#[test]
fn l_11_booking_times_rise_also_when_the_clock_stands_or_goes_back() {
    let mut journal = Journal::new();
    for (name, now) in [("a", 100), ("b", 100), ("c", 50), ("d", 200)] {
        journal.record(payment(name, 1), UnixMillis(now)).unwrap();
    }
    let times: Vec<i64> = journal.records().iter().map(|record| record.booked_at.get()).collect();
    assert_eq!(times, [100, 101, 102, 200]);
}
