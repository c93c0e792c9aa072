//! Plain-text accounting. That the tools take it is shown over a whole ledger, in the stories over the real binary.

use std::collections::BTreeSet;

use crate::support::*;
use hopline_ledger::plain_text::{PlainText, account_name, ending, opening, transaction};
use hopline_ledger::{Account, ChainHash, Head};
use hopline_money::Currency;

#[test]
fn a_record_is_written_with_both_times_its_reason_and_its_hash() {
    let mut draft = payment("advertiser_payment:7", 1050);
    draft.reason = Some(r#"said "paid"; 10\20"#.to_owned());
    let record = Head::GENESIS.seal(draft.check().unwrap(), AT.plus(1));
    let hash = record.hash;
    assert_eq!(
        transaction(PlainText::Hledger, &record),
        format!(
            "2026-01-01 * (1) advertiser_payment | advertiser_payment:7\n\
             \x20   ; effective_at: 2026-01-01T00:00:00.000Z\n\
             \x20   ; booked_at: 2026-01-01T00:00:00.001Z\n\
             \x20   ; reason: said \"paid\"; 10\\20\n\
             \x20   ; hash: {hash}\n\
             \x20   cash:advertiser:1  10.50 EUR\n\
             \x20   advertiser:1:receivable  -10.50 EUR\n\n"
        )
    );
    assert_eq!(
        transaction(PlainText::Beancount, &record),
        format!(
            "2026-01-01 * \"advertiser_payment\" \"advertiser_payment:7\"\n\
             \x20 sequence: \"1\"\n\
             \x20 effective_at: \"2026-01-01T00:00:00.000Z\"\n\
             \x20 booked_at: \"2026-01-01T00:00:00.001Z\"\n\
             \x20 reason: \"said \\\"paid\\\"; 10\\\\20\"\n\
             \x20 hash: \"{hash}\"\n\
             \x20   Assets:Cash:Advertiser:1  10.50 EUR\n\
             \x20   Assets:Advertiser:1:Receivable  -10.50 EUR\n\n"
        )
    );
}

#[test]
fn an_opening_states_what_is_not_zero_and_an_ending_declares_all_that_was_named() {
    let balances = [
        (Account::NetworkMargin, Currency::EUR, -5),
        (Account::AdvertiserReceivable(advertiser(1)), Currency::EUR, 5),
        (Account::NetworkExchange, Currency::JPY, 0),
    ];
    assert_eq!(
        opening(PlainText::Beancount, AT, &balances),
        "2026-01-01 * \"opening balances\"\n    Income:Network:Margin  -0.05 EUR\n    Assets:Advertiser:1:Receivable  0.05 EUR\n\n"
    );
    assert_eq!(opening(PlainText::Hledger, AT, &balances[2..]), "");
    let accounts = BTreeSet::from([Account::NetworkMarginPending]);
    let currencies = BTreeSet::from([Currency::EUR, Currency::JPY]);
    let head = Head { count: 2, hash: ChainHash::GENESIS, booked_at: None };
    let last = format!("; 2 records, the last has the hash {}\n", "0".repeat(64));
    assert_eq!(
        ending(PlainText::Hledger, &accounts, &currencies, head),
        format!("commodity 0.00 EUR\ncommodity 0. JPY\naccount network:margin_pending  ; type: R\n{last}")
    );
    assert_eq!(
        ending(PlainText::Beancount, &accounts, &currencies, head),
        format!("1970-01-01 open Income:Network:Margin-pending\n{last}")
    );
}

#[test]
fn accounts_of_every_kind_have_names_of_their_own() {
    let (advertiser, affiliate, batch) =
        (advertiser(1), affiliate(1), hopline_types::BatchId::new(1).unwrap());
    let all = [
        Account::AdvertiserAccrued(advertiser),
        Account::AdvertiserReceivable(advertiser),
        Account::AffiliatePending(affiliate),
        Account::AffiliateApproved(affiliate),
        Account::AffiliatePayable(affiliate),
        Account::PayoutClearing(batch),
        Account::CashAffiliate(affiliate),
        Account::CashAdvertiser(advertiser),
        Account::NetworkMarginPending,
        Account::NetworkMargin,
        Account::NetworkClawbackLoss,
        Account::NetworkExchange,
    ];
    let names: BTreeSet<String> = all.map(|account| account_name(PlainText::Beancount, account)).into();
    assert_eq!(names.len(), all.len());
    assert!(names.contains("Liabilities:Payout-batch:1:Clearing"), "{names:?}");
}
