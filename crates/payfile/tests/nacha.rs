//! The ACH file: its bytes, its faults, its returns.
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use hopline_money::{Amount, Currency};
use hopline_payfile::{
    AccountType, HolderType, NachaEntry, NachaFile, NachaPayer, Outcome, PayTo, RoutingNumber, Rule,
    SchemeFault, check_nacha, nacha, nacha_returns, refuse_payee,
};
use hopline_types::{PayoutMethod, UnixMillis};
use proptest::prelude::*;
use serde_json::Value;

fn routing(text: &str) -> RoutingNumber {
    RoutingNumber::new(text).unwrap()
}

fn dollars(minor: i64) -> Amount {
    Amount::new(minor, Currency::USD)
}

fn payer() -> NachaPayer {
    NachaPayer {
        destination: routing("091000019"),
        destination_name: "First Bank".into(),
        origin: None,
        origin_name: "Example Network".into(),
        originating_bank: routing("091000019"),
        company_name: "Example Network".into(),
        company_id: "1234567890".into(),
        description: "Commission".into(),
    }
}

fn entry(name: &str, bank: &str, account: &str, cents: i64, id: &str) -> NachaEntry {
    NachaEntry {
        holder_type: HolderType::Person,
        name: name.into(),
        routing: routing(bank),
        account: account.into(),
        account_type: AccountType::Checking,
        amount: dollars(cents),
        id: id.into(),
        addenda: None,
    }
}

/// The file of the shared vectors.
fn file() -> NachaFile {
    let mut bob = entry("Bob Smith Jr", "121042882", "998877665544", 1, "AFF002");
    bob.account_type = AccountType::Savings;
    let mut long = entry(
        "Very Long Affiliate Name Incorporated",
        "021000021",
        "12345678901234567",
        9_999_999_999,
        "AFF003",
    );
    long.addenda = Some("Statement 7".into());
    NachaFile {
        identifier: "HL1-20260301T100500Z".into(),
        payer: payer(),
        created_at: UnixMillis(1_772_359_500_000),
        id_modifier: 'A',
        effective_date: "2026-03-03".parse().unwrap(),
        entries: vec![entry("Jane Doe", "011401533", "0072", 124_050, "AFF001"), bob, long],
    }
}

#[test]
fn p_20_the_file_of_a_batch_is_that_of_the_independent_writer() {
    let vectors: Value = serde_json::from_str(include_str!("fixtures/nacha_ach.json")).unwrap();
    let expected = vectors["cases"][0]["file_text"].as_str().unwrap();
    let out = nacha(&file()).unwrap();
    assert_eq!(String::from_utf8(out.bytes).unwrap(), expected);
    assert_eq!((out.count, out.control_sum), (3, dollars(10_000_124_050)));
    assert_eq!(out.file_name, "HL1-20260301T100500Z.ach");
}

/// The golden file is also validated by achkit: see `cargo xtask test`.
#[test]
fn p_20_companies_are_paid_in_a_batch_of_their_own() {
    let mut file = file();
    file.entries[0].holder_type = HolderType::Company;
    file.entries[0].name = "Zoë & Söhne".into();
    let out = nacha(&file).unwrap();
    assert_eq!(String::from_utf8(out.bytes).unwrap(), include_str!("fixtures/nacha_ppd_ccd.ach"));
}

#[test]
fn p_20_each_wrong_value_is_named_with_its_place() {
    type Change = fn(&mut NachaFile);
    let faults = |change: Change| -> Vec<SchemeFault> {
        let mut file = file();
        change(&mut file);
        nacha(&file).unwrap_err()
    };
    let cases: [(Rule, &str, Change); 12] = [
        (Rule::NoPayments, "entries", |file| file.entries.clear()),
        (Rule::Record, "id_modifier", |file| file.id_modifier = 'a'),
        (Rule::Record, "payer.company_id", |file| file.payer.company_id = "12345678901".into()),
        (Rule::Name, "payer.description", |file| file.payer.description = " ".into()),
        (Rule::Amount, "entries[1].amount", |file| file.entries[1].amount = dollars(0)),
        (Rule::Amount, "entries[1].amount", |file| file.entries[1].amount = dollars(10_000_000_000)),
        (Rule::Currency, "entries[1].amount", |file| file.entries[1].amount = Amount::new(1, Currency::EUR)),
        (Rule::Account, "entries[1].account", |file| file.entries[1].account = "12 34".into()),
        (Rule::Record, "entries[1].account", |file| file.entries[1].account = "1".repeat(18)),
        (Rule::Characters, "entries[1].name", |file| file.entries[1].name = "山田".into()),
        (Rule::Record, "entries[1].id", |file| file.entries[1].id = "PO-1234567890123".into()),
        (Rule::ControlSum, "entries", |file| {
            let entry = file.entries[2].clone();
            file.entries.extend(std::iter::repeat_n(entry, 100));
        }),
    ];
    for (rule, at, change) in cases {
        let found = faults(change);
        assert!(found.iter().any(|fault| fault.rule == rule && fault.at == at), "{at}: {found:?}");
    }
}

#[test]
fn p_23_a_payee_above_the_limit_is_refused_before_approval() {
    let pay_to = PayTo {
        holder: Some("Jane Doe".into()),
        routing_number: Some("021000021".into()),
        account_number: Some("1234567".into()),
        ..PayTo::default()
    };
    let reason = |pay_to: &PayTo, amount| {
        refuse_payee(PayoutMethod::Ach, pay_to, amount).map(|reason| reason.as_str())
    };
    assert_eq!(reason(&pay_to, dollars(9_999_999_999)), None);
    assert_eq!(reason(&pay_to, dollars(10_000_000_000)), Some("above_scheme_maximum"));
    assert_eq!(reason(&pay_to, Amount::new(1, Currency::EUR)), Some("wrong_currency"));
    let wrong = |change: fn(&mut PayTo)| {
        let mut pay_to = pay_to.clone();
        change(&mut pay_to);
        refuse_payee(PayoutMethod::Ach, &pay_to, dollars(1)).map(|reason| reason.as_str())
    };
    assert_eq!(wrong(|to| to.routing_number = Some("021000022".into())), Some("invalid_routing_number"));
    assert_eq!(wrong(|to| to.routing_number = None), Some("no_bank_data"));
    assert_eq!(wrong(|to| to.account_number = Some("12 3".into())), Some("invalid_account"));
    assert_eq!(wrong(|to| to.holder = Some(" ".into())), Some("name_missing"));
}

/// A return file as a bank sends it: the entry, and an addenda record 99.
fn returned(code: &str, id: &str, cents: u64) -> String {
    let pad = |text: String| format!("{text:94}\n");
    let text = [
        pad("101 091000019 0910000192603051005A094101EXAMPLE NETWORK        FIRST BANK".into()),
        pad("5220EXAMPLE NETWORK                     1234567890PPDCOMMISSION      260303   1091000010000001"
            .into()),
        format!(
            "621091000019{:17}{cents:010}{id:15}{:22}  1091000010000001\n",
            "998877665544", "BOB SMITH JR"
        ),
        pad(format!("799{code}091000010000002      12104288{:44}091000010000001", "")),
        pad(format!("82200000020009100001{:012}{cents:012}1234567890{:25}091000010000001", 0, "")),
        pad("9000001000001000000020009100001000000000000000000000001".into()),
    ];
    text.concat()
}

#[test]
fn p_08_a_return_file_names_the_payout_and_the_reason() {
    let file = nacha_returns(returned("R02", "PO-2", 1).as_bytes()).unwrap();
    assert_eq!(file.lines.len(), 1);
    let line = &file.lines[0];
    assert_eq!((line.line, line.reference.as_str(), line.outcome), (3, "PO-2", Outcome::Failed));
    assert_eq!(line.reason.as_deref(), Some("R02: the account is closed"));
    assert_eq!(line.amount.as_deref(), Some("0.01"));
}

#[test]
fn p_08_a_return_file_whose_sums_are_wrong_is_refused_with_the_line() {
    let text = returned("R02", "PO-2", 1);
    let wrong = text.replace("000000000001123456", "000000000002123456");
    assert_ne!(text, wrong);
    let faults = nacha_returns(wrong.as_bytes()).unwrap_err();
    assert_eq!(faults[0].to_string(), "line 5: the control says 2 cents, the entries add up to 1");
    let cut: String =
        text.lines().filter(|line| !line.starts_with('7')).map(|line| format!("{line}\n")).collect();
    let faults = nacha_returns(cut.as_bytes()).unwrap_err();
    assert_eq!(faults[0].line, 3);
}

proptest! {
    /// What is not refused can always be written, and the checker finds nothing in it.
    #[test]
    fn p_20_a_payee_that_is_not_refused_can_always_be_written(
        payees in prop::collection::vec((".{0,40}", "[0-9A-Za-z-]{0,19}", -1_i64..12_000_000_000), 1..8)
    ) {
        let mut batch = file();
        batch.entries.clear();
        for (index, (name, account, cents)) in payees.iter().enumerate() {
            let pay_to = PayTo {
                holder: Some(name.clone()),
                routing_number: Some("021000021".into()),
                account_number: Some(account.clone()),
                ..PayTo::default()
            };
            if refuse_payee(PayoutMethod::Ach, &pay_to, dollars(*cents)).is_none() {
                batch.entries.push(entry(name, "021000021", account, *cents, &format!("PO-{index}")));
            }
        }
        if !batch.entries.is_empty() {
            let out = nacha(&batch).unwrap();
            prop_assert_eq!(out.count, batch.entries.len());
        }
    }

    #[test]
    fn any_text_is_judged_without_a_panic(text in "([1-9]|[ -~]{93}|\n|é){0,30}") {
        prop_assert!(!check_nacha(&text).is_empty());
        prop_assert!(nacha_returns(text.as_bytes()).is_err());
    }
}
