//! Sequences of transactions whose balances hledger and beancount have computed.

use hopline_ledger::{Book, Posting};
use hopline_money::Currency;
use serde_json::Value;

fn postings(case: &Value) -> Vec<Posting<String>> {
    let read = |posting: &Value| Posting {
        account: posting["account"].as_str().unwrap().to_owned(),
        amount_minor: posting["amount_minor"].as_i64().unwrap(),
        currency: Currency::new(posting["currency"].as_str().unwrap()).unwrap(),
    };
    case["postings"].as_array().unwrap().iter().map(read).collect()
}

// L-01, L-02
#[test]
fn l_01_and_l_02_balances_are_those_of_independent_ledgers() {
    let all: Value = serde_json::from_str(include_str!("../fixtures/ledger.json")).unwrap();
    let mut book: Book<String> = Book::new();
    for case in all["cases"].as_array().unwrap() {
        let before = book.clone();
        let posted = book.post(&postings(case));
        assert_eq!(posted.is_ok(), case["accept"].as_bool().unwrap(), "{case}: {posted:?}");
        if posted.is_err() {
            assert_eq!(book, before, "a refusal changes nothing");
        }
        for (currency, totals) in book.trial_balance() {
            assert_eq!(totals.balance(), 0, "{currency} after {}", case["id"]);
        }
    }
    let expected = all["balances"].as_array().unwrap();
    for balance in expected {
        let account = balance["account"].as_str().unwrap().to_owned();
        let currency = Currency::new(balance["currency"].as_str().unwrap()).unwrap();
        let minor = i128::from(balance["amount_minor"].as_i64().unwrap());
        assert_eq!(book.balance(&account, currency), minor, "{account} {currency}");
    }
    let not_zero = book.balances().filter(|(_, _, totals)| totals.balance() != 0).count();
    let expected_not_zero = expected.iter().filter(|balance| balance["amount_minor"] != 0).count();
    assert_eq!(not_zero, expected_not_zero, "no account has a balance that is not expected");
}
