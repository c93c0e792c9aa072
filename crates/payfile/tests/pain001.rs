//! The SEPA file: its bytes, its faults, its payees.
#![expect(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use hopline_money::{Amount, Currency};
use hopline_payfile::{
    Address, BatchFile, Bic, Debtor, Iban, Pain001Version, Payee, Payment, RefusalReason, Rule, SchemeFault,
    check_pain001, pain001, pain001_v09, payment, refuse,
};
use hopline_types::UnixMillis;
use proptest::prelude::*;

const DEBTOR_IBAN: &str = "DE89370400440532013000";

fn euros(minor: i64) -> Amount {
    Amount::new(minor, Currency::EUR)
}

fn address(town: &str, country: &str) -> Address {
    Address {
        street: None,
        building_number: None,
        postcode: None,
        town: town.into(),
        country: country.into(),
    }
}

fn paid(id: &str, name: &str, iban: &str, minor: i64) -> Payment {
    Payment {
        end_to_end_id: id.into(),
        name: name.into(),
        iban: Iban::new(iban).unwrap(),
        bic: None,
        amount: euros(minor),
        remittance: "Payout 2026-02".into(),
        address: None,
    }
}

/// The batch of the shared vectors.
fn batch() -> BatchFile {
    let mut zoe = paid("PO-000001", "Zoë Müller", "NL91ABNA0417164300", 5000);
    zoe.bic = Some(Bic::new("ABNANL2A").unwrap());
    zoe.address = Some(Address {
        street: Some("Damrak".into()),
        building_number: Some("1".into()),
        postcode: Some("1012JS".into()),
        town: "Amsterdam".into(),
        country: "NL".into(),
    });
    let mut blog = paid("PO-000002", "Blog & Co. Ltd", "GB29NWBK60161331926819", 1);
    blog.address = Some(address("London", "GB"));
    let ana = paid("PO-000003", "Ana García", "FR1420041010050500013M02606", 9_999_999);
    BatchFile {
        message_id: "PAYOUT-2026-02-A".into(),
        created_at: UnixMillis(1_772_359_200_000),
        execution_date: "2026-03-02".parse().unwrap(),
        debtor: Debtor {
            name: "Example Affiliate Network GmbH".into(),
            iban: Iban::new(DEBTOR_IBAN).unwrap(),
            bic: Some(Bic::new("COBADEFFXXX").unwrap()),
            address: Some(address("Frankfurt", "DE")),
        },
        payments: vec![zoe, blog, ana],
    }
}

fn faults_after(change: impl FnOnce(&mut BatchFile)) -> Vec<SchemeFault> {
    let mut file = batch();
    change(&mut file);
    pain001_v09(&file).unwrap_err()
}

/// The golden files are also validated against the official schema: see `cargo xtask test`.
#[test]
fn p_01_the_file_of_a_batch_is_the_golden_file() {
    let out = pain001_v09(&batch()).unwrap();
    assert_eq!(String::from_utf8(out.bytes).unwrap(), include_str!("fixtures/pain001_v09.xml"));
    assert_eq!((out.count, out.control_sum), (3, euros(10_005_000)));
    assert_eq!(out.media_type, "application/xml");
    assert_eq!(out.file_name, "PAYOUT-2026-02-A-pain_001_001_09.xml");
}

#[test]
fn p_01_a_batch_without_banks_and_addresses_is_the_smallest_golden_file() {
    let mut file = batch();
    (file.debtor.bic, file.debtor.address) = (None, None);
    file.payments = vec![paid("PO-1", "Ana García", "FR1420041010050500013M02606", 1)];
    let out = pain001_v09(&file).unwrap();
    assert_eq!(String::from_utf8(out.bytes).unwrap(), include_str!("fixtures/pain001_v09_smallest.xml"));
}

#[test]
fn p_06_the_older_version_has_a_plain_date_and_banks_as_bic() {
    let out = pain001(&batch(), Pain001Version::V03).unwrap();
    assert_eq!(String::from_utf8(out.bytes).unwrap(), include_str!("fixtures/pain001_v03.xml"));
    assert_eq!((out.count, out.control_sum), (3, euros(10_005_000)));
    assert_eq!(out.file_name, "PAYOUT-2026-02-A-pain_001_001_03.xml");
}

#[test]
fn p_03_the_same_batch_gives_the_same_bytes() {
    assert_eq!(pain001_v09(&batch()).unwrap(), pain001_v09(&batch()).unwrap());
}

#[test]
fn p_02_each_wrong_value_is_named_with_its_place() {
    type Change = fn(&mut BatchFile);
    let cases: [(Rule, &str, Change); 16] = [
        (Rule::Identifier, "message_id", |file| file.message_id = "/PAYOUT".into()),
        (Rule::Identifier, "message_id", |file| file.message_id = "M".repeat(36)),
        (Rule::Characters, "message_id", |file| file.message_id = "PAYOUT_1".into()),
        (Rule::NoPayments, "payments", |file| file.payments.clear()),
        (Rule::Name, "debtor.name", |file| file.debtor.name = " ".into()),
        (Rule::Address, "debtor.address.country", |file| file.debtor.address = Some(address("Bonn", "de"))),
        (Rule::Name, "payments[1].name", |file| file.payments[1].name = "N".repeat(71)),
        (Rule::Characters, "payments[1].name", |file| file.payments[1].name = "Zoë ☃".into()),
        (Rule::Identifier, "payments[1].end_to_end_id", |file| {
            file.payments[1].end_to_end_id = "a//b".into()
        }),
        (Rule::DuplicateEndToEndId, "payments[1].end_to_end_id", |file| {
            file.payments[1].end_to_end_id = "PO-000001".into();
        }),
        (Rule::Amount, "payments[1].amount", |file| file.payments[1].amount = euros(0)),
        (Rule::Amount, "payments[1].amount", |file| file.payments[1].amount = euros(100_000_000_000)),
        (Rule::Currency, "payments[1].amount", |file| {
            file.payments[1].amount = Amount::new(1, Currency::USD);
        }),
        (Rule::Remittance, "payments[1].remittance", |file| file.payments[1].remittance = "r".repeat(141)),
        (Rule::OutsideSepa, "payments[1].iban", |file| {
            file.payments[1].iban = Iban::new("BR9700360305000010009795493P1").unwrap();
        }),
        (Rule::Address, "payments[1].address.town", |file| {
            file.payments[1].address = Some(address("", "GB"))
        }),
    ];
    for (rule, at, change) in cases {
        let faults = faults_after(change);
        let named: Vec<_> = faults.iter().map(|fault| (fault.rule, fault.at.as_str())).collect();
        assert_eq!(named, [(rule, at)], "{faults:?}");
    }
}

#[test]
fn all_faults_are_reported_at_once_and_name_their_payees() {
    let faults = faults_after(|file| {
        file.payments[0].name = "山田".into();
        file.payments[2].amount = euros(-1);
    });
    let sentences: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(
        sentences,
        [
            "payments[0].name (山田): '山' (U+5C71) cannot be written in the SEPA character set",
            "payments[2].amount (Ana García): a payment is 0.01 to 999999999.99, given -0.01",
        ]
    );
}

#[test]
fn the_largest_payment_passes_and_an_unknown_bank_of_the_debtor_is_written_as_not_provided() {
    let mut file = batch();
    file.payments[0].amount = euros(99_999_999_999);
    file.debtor.bic = None;
    let out = pain001_v09(&file).unwrap();
    let xml = String::from_utf8(out.bytes).unwrap();
    assert!(xml.contains("<InstdAmt Ccy=\"EUR\">999999999.99</InstdAmt>"));
    assert!(xml.contains("<Id>NOTPROVIDED</Id>"));
    assert_eq!(out.control_sum, euros(99_999_999_999 + 1 + 9_999_999));
}

#[test]
fn p_05_each_refused_payee_has_its_reason() {
    let good = Payee {
        name: "Ana García",
        iban: Some("FR14 2004 1010 0505 0001 3M02 606"),
        bic: None,
        address: None,
        amount: euros(1),
    };
    assert_eq!(refuse(&good), None);
    let long = "N".repeat(71);
    let nowhere = address("", "FR");
    let cases = [
        ("no_bank_data", Payee { iban: None, ..good }),
        ("no_bank_data", Payee { iban: Some("  "), ..good }),
        ("invalid_iban", Payee { iban: Some("FR1520041010050500013M02606"), ..good }),
        ("invalid_bic", Payee { bic: Some("PSST"), ..good }),
        ("outside_sepa", Payee { iban: Some("BR9700360305000010009795493P1"), ..good }),
        ("name_missing", Payee { name: " ", ..good }),
        ("name_too_long", Payee { name: &long, ..good }),
        ("not_transliterable", Payee { name: "山田", ..good }),
        ("invalid_address", Payee { address: Some(&nowhere), ..good }),
        ("wrong_currency", Payee { amount: Amount::new(1, Currency::USD), ..good }),
        ("nothing_to_pay", Payee { amount: euros(0), ..good }),
        ("above_scheme_maximum", Payee { amount: euros(100_000_000_000), ..good }),
    ];
    for (word, payee) in cases {
        assert_eq!(refuse(&payee).as_ref().map(RefusalReason::as_str), Some(word), "{payee:?}");
    }
}

#[test]
fn a_document_of_another_kind_is_refused_with_a_reason() {
    let cases = [
        ("", "document: expected one element around everything, found 0"),
        ("<a><b></a>", "document: no XML: "),
        ("<a>", "document: a is not closed"),
        ("<a/>", "a: expected Document"),
        (
            "<Document xmlns=\"urn:x\"/>",
            "Document: expected urn:iso:std:iso:20022:tech:xsd:pain.001.001.03 or 09",
        ),
        ("<!DOCTYPE a><a/>", "document: a document type has no place"),
        ("<a>&b;</a>", "document: &b; is no entity of XML itself"),
    ];
    for (xml, start) in cases {
        let faults = check_pain001(xml);
        let sentence = faults.first().map(ToString::to_string).unwrap_or_default();
        assert!(sentence.starts_with(start), "{xml}: {sentence}");
    }
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    assert_eq!(check_pain001(&deep)[0].rule, Rule::Form);
}

proptest! {
    /// P-05: what `refuse` lets through, the writer takes; the totals are those of the payments written.
    #[test]
    fn p_05_a_payee_that_is_not_refused_can_always_be_written(
        payees in prop::collection::vec((".{0,80}", -1_i64..200_000_000_000, prop::option::of("[A-Za-zéß ]{0,40}")), 1..8)
    ) {
        let mut file = batch();
        file.payments.clear();
        for (index, (name, minor, town)) in payees.iter().enumerate() {
            let address = town.as_ref().map(|town| address(town, "FR"));
            let payee = Payee {
                name,
                iban: Some("FR1420041010050500013M02606"),
                bic: None,
                address: address.as_ref(),
                amount: euros(*minor),
            };
            if let Ok(payment) = payment(&payee, &format!("PO-{index}"), "Payout") {
                file.payments.push(payment);
            } else {
                prop_assert!(refuse(&payee).is_some());
            }
        }
        if !file.payments.is_empty() {
            let out = pain001_v09(&file).unwrap();
            prop_assert_eq!(out.count, file.payments.len());
            prop_assert_eq!(out.control_sum.minor, file.payments.iter().map(|payment| payment.amount.minor).sum::<i64>());
        }
    }

    #[test]
    fn any_text_is_judged_without_a_panic(text in "(<|>|/|&|;|a|!|\\[|xmlns=|\"|'|[ -~]){0,60}") {
        prop_assert!(!check_pain001(&text).is_empty());
    }
}
