//! L-13: whatever is changed in the stored records, the first broken place is named.

use crate::support::*;
use hopline_ledger::{
    Account, ChainChecker, ChainHash, Draft, Fault, Head, Journal, Stored, Subject, TransactionKind,
    canonical_bytes, content_hash, seal, verify_chain,
};
use hopline_money::Currency;
use hopline_types::{ConversionId, PayoutId, UnixMillis};

fn chain() -> Vec<Stored> {
    let mut journal = Journal::new();
    for (name, minor) in [("a", 1), ("b", 20), ("c", 300), ("d", 4000)] {
        let subject = Subject {
            conversion: ConversionId::new(minor).ok(),
            affiliate: Some(affiliate(2)),
            payout: PayoutId::new(9).ok(),
        };
        let asked = Draft { subject, reason: Some("why".into()), ..payment(name, minor) };
        journal.record(asked, AT).unwrap();
    }
    let last = Draft { corrects: Some(id("a")), reason: Some("wrong".into()), ..payment("e", 5) };
    journal.record(last, AT).unwrap();
    journal.records().to_vec()
}

fn broken_at(records: &[Stored]) -> (i64, Fault) {
    let broken = verify_chain(records).unwrap_err();
    (broken.sequence, broken.fault)
}

#[test]
fn l_13_an_untouched_chain_ends_with_its_count_and_last_hash() {
    let records = chain();
    let head = verify_chain(&records).unwrap();
    assert_eq!((head.count, head.hash), (5, records[4].hash));
    assert_eq!(head.to_string(), format!("5 {}", records[4].hash));
    assert_eq!(verify_chain(&[]), Ok(Head::GENESIS));
}

#[test]
fn l_13_a_change_in_any_column_is_found_at_its_record() {
    type Change = (&'static str, fn(&mut Stored));
    let changes: [Change; 16] = [
        ("sequence", |r| r.sequence += 1),
        ("booked_at", |r| r.booked_at = r.booked_at.plus(1)),
        ("previous_hash", |r| r.previous_hash = ChainHash::GENESIS),
        ("hash", |r| r.hash = flip(r.hash)),
        ("id", |r| r.draft.id = id("z")),
        ("kind", |r| r.draft.kind = TransactionKind::Adjustment),
        ("effective_at", |r| r.draft.effective_at = UnixMillis(0)),
        ("conversion", |r| r.draft.subject.conversion = None),
        ("affiliate", |r| r.draft.subject.affiliate = Some(affiliate(3))),
        ("payout", |r| r.draft.subject.payout = PayoutId::new(10).ok()),
        ("corrects", |r| r.draft.corrects = Some(id("a"))),
        ("reason", |r| r.draft.reason = Some("Why".into())),
        ("account", |r| r.draft.postings[0].account = Account::CashAdvertiser(advertiser(2))),
        ("amount", |r| {
            r.draft.postings[0].amount_minor += 1;
            r.draft.postings[1].amount_minor -= 1;
        }),
        ("currency", |r| r.draft.postings.iter_mut().for_each(|p| p.currency = Currency::USD)),
        ("order of postings", |r| r.draft.postings.reverse()),
    ];
    for (column, change) in changes {
        let mut records = chain();
        change(&mut records[2]);
        let broken = verify_chain(&records).unwrap_err();
        assert_eq!(broken.sequence, records[2].sequence, "{column}: {broken}");
        assert_eq!(broken.id.as_ref(), Some(&records[2].draft.id), "{column}: {broken}");
        let right_fault = match column {
            "sequence" => broken.fault == Fault::Sequence { expected: 3 },
            "previous_hash" => matches!(broken.fault, Fault::PreviousHash { .. }),
            _ => matches!(broken.fault, Fault::Hash { .. }),
        };
        assert!(right_fault, "{column}: {broken}");
    }
}

fn flip(hash: ChainHash) -> ChainHash {
    let mut bytes = *hash.as_bytes();
    bytes[31] ^= 1;
    ChainHash::from_bytes(bytes)
}

#[test]
fn l_13_a_changed_record_that_is_hashed_again_breaks_the_next_one() {
    let mut records = chain();
    records[2].draft.reason = None;
    let forged = &records[2];
    let hash = content_hash(forged.sequence, forged.booked_at, forged.previous_hash, &forged.draft);
    records[2].hash = hash;
    let (sequence, fault) = broken_at(&records);
    assert_eq!(sequence, 4);
    assert!(matches!(fault, Fault::PreviousHash { expected, .. } if expected == hash));
}

#[test]
fn l_13_a_removed_record_and_two_swapped_ones_are_found() {
    let mut removed = chain();
    removed.remove(1);
    assert_eq!(broken_at(&removed), (3, Fault::Sequence { expected: 2 }));
    let mut first_removed = chain();
    first_removed.remove(0);
    assert_eq!(broken_at(&first_removed), (2, Fault::Sequence { expected: 1 }));
    let mut swapped = chain();
    swapped.swap(1, 2);
    assert_eq!(broken_at(&swapped), (3, Fault::Sequence { expected: 2 }));
    let mut renumbered = chain();
    renumbered.swap(1, 2);
    (renumbered[1].sequence, renumbered[2].sequence) = (2, 3);
    let (sequence, fault) = broken_at(&renumbered);
    assert_eq!(sequence, 2);
    assert!(matches!(fault, Fault::PreviousHash { .. }));
}

#[test]
fn l_13_a_cut_off_tail_is_found_against_a_head_noted_outside() {
    let records = chain();
    let noted = verify_chain(&records).unwrap();
    let mut checker = ChainChecker::new();
    records[..4].iter().for_each(|record| checker.step(record).unwrap());
    let broken = checker.clone().finish(&noted).unwrap_err();
    assert_eq!((broken.sequence, broken.id.clone()), (4, None));
    let expected = format!(
        "the ledger is broken at sequence 4: the chain ends with 4 {}, noted outside was 5 {}",
        records[3].hash, records[4].hash
    );
    assert_eq!(broken.to_string(), expected);
    checker.step(&records[4]).unwrap();
    assert_eq!(checker.finish(&noted), Ok(noted));
}

#[test]
fn l_13_a_checker_goes_on_from_a_part_that_was_checked_before() {
    let records = chain();
    let mut checker = ChainChecker::from_head(Head::of(&records[1]));
    assert!(checker.step(&records[3]).is_err());
    records[2..].iter().for_each(|record| checker.step(record).unwrap());
    assert_eq!(checker.head(), Head::of(&records[4]));
}

#[test]
fn l_13_well_hashed_records_that_never_should_have_been_booked_are_found() {
    let first = seal(payment("a", 1).check().unwrap(), 1, AT, ChainHash::GENESIS);
    let same_time = seal(payment("b", 1).check().unwrap(), 2, AT, first.hash);
    let (sequence, fault) = broken_at(&[first.clone(), same_time]);
    assert_eq!((sequence, fault), (2, Fault::BookedAt { given: AT, before: AT }));
    let mut unbalanced = payment("c", 1);
    unbalanced.postings[0].amount_minor = 2;
    let later = AT.plus(1);
    let hash = content_hash(2, later, first.hash, &unbalanced);
    let record = Stored { sequence: 2, booked_at: later, previous_hash: first.hash, hash, draft: unbalanced };
    assert!(matches!(broken_at(&[first, record]), (2, Fault::Postings(_))));
}

/// The bytes of one record, taken apart by hand. If this test must change, the format has a new version.
#[test]
fn l_13_the_hashed_bytes_are_those_of_format_version_1() {
    let asked = Draft { corrects: Some(id("b")), reason: Some("é".into()), ..payment("a", 5) };
    let asked =
        Draft { subject: Subject { conversion: ConversionId::new(7).ok(), ..asked.subject }, ..asked };
    let bytes = canonical_bytes(1, UnixMillis(2), ChainHash::GENESIS, &asked);
    let mut expected = b"hopline-ledger-1".to_vec();
    expected.extend([0; 32]);
    expected.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    expected.extend(1_767_225_600_000_i64.to_be_bytes());
    expected.extend(b"\0\0\0\x01a\0\0\0\x12advertiser_payment");
    expected.extend([1, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0]);
    expected.extend(b"\x01\0\0\0\x01b\x01\0\0\0\x02\xc3\xa9");
    expected.extend(b"\0\0\0\x02");
    expected.extend(b"\0\0\0\x11cash:advertiser:1\0\0\0\0\0\0\0\x05\0\0\0\x03EUR");
    expected.extend(b"\0\0\0\x17advertiser:1:receivable\xff\xff\xff\xff\xff\xff\xff\xfb\0\0\0\x03EUR");
    assert_eq!(bytes, expected);
    let hash = content_hash(1, UnixMillis(2), ChainHash::GENESIS, &asked);
    assert_eq!(hash.to_string(), "e391c5cbb6f68b58821f50233dc403cdfb62a41461353a57d6963d74903018c4");
}

#[test]
fn hashes_read_back_what_they_print_and_nothing_else() {
    let hash = chain()[0].hash;
    assert_eq!(hash.to_string().parse(), Ok(hash));
    let text = hash.to_string();
    for wrong in [
        "",
        &"a".repeat(63),
        &format!("{text}0"),
        &text.to_uppercase().replace(|c: char| c.is_ascii_digit(), "A"),
        &"+f".repeat(32),
    ] {
        assert!(wrong.parse::<ChainHash>().is_err(), "{wrong}");
    }
    let record = &chain()[1];
    let json = serde_json::to_string(record).unwrap();
    assert_eq!(&serde_json::from_str::<Stored>(&json).unwrap(), record);
}
