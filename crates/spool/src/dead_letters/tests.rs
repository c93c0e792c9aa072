//! What is written stays, whatever breaks.

use super::*;
use crate::testing::{Effect, FaultStorage, Operation};

const DIR: &str = "/s";
const AT: UnixMillis = UnixMillis(9);

fn id(value: u64) -> RecordId {
    RecordId::new(value).unwrap()
}

fn open(storage: &FaultStorage) -> DeadLetters {
    DeadLetters::open_in(Arc::new(storage.clone()), Path::new(DIR)).unwrap()
}

fn file() -> PathBuf {
    Path::new(DIR).join(FILE_NAME)
}

fn content(storage: &FaultStorage) -> Vec<u8> {
    storage.content(&file()).unwrap()
}

fn add(letters: &mut DeadLetters, value: u64) {
    letters.append(id(value), 0, format!("record {value}").as_bytes(), "why", AT).unwrap();
}

fn ids(letters: &DeadLetters) -> Vec<u64> {
    letters.read_all().unwrap().iter().map(|letter| letter.id.get()).collect()
}

/// A file of three letters, and where each ends.
fn three() -> (Vec<u8>, [usize; 3]) {
    let storage = FaultStorage::new();
    let mut letters = open(&storage);
    let ends = [1, 2, 3].map(|value| {
        add(&mut letters, value);
        content(&storage).len()
    });
    (content(&storage), ends)
}

/// A disk on which the file has this content.
fn disk(bytes: &[u8]) -> FaultStorage {
    let storage = FaultStorage::new();
    drop(open(&storage));
    storage.tamper(&file(), |file| *file = bytes.to_vec());
    storage
}

/// What was put aside, by path.
fn aside(storage: &FaultStorage) -> Vec<Vec<u8>> {
    let paths = storage.paths().into_iter().filter(|path| *path != file());
    paths.map(|path| storage.content(&path).unwrap()).collect()
}

fn kinds(news: &[LetterDamage]) -> Vec<(LetterDamageKind, u64, u64)> {
    news.iter().map(|damage| (damage.kind, damage.offset, damage.bytes)).collect()
}

fn at(place: usize) -> u64 {
    place.try_into().unwrap()
}

#[test]
fn d_08_a_dead_letter_is_read_back_with_its_reason_after_a_power_cut() {
    let storage = FaultStorage::new();
    let mut letters = open(&storage);
    let long = vec![7; 100_000];
    letters.append(id(5), 1, &long, "too large", AT).unwrap();
    letters.append(id(6), 2, b"x", &"ä".repeat(600), UnixMillis(10)).unwrap();
    drop(letters);
    storage.cut_power(1);
    let letters = open(&storage).read_all().unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].payload, long);
    assert_eq!((letters[0].id, letters[0].kind, letters[0].at), (id(5), 1, AT));
    assert_eq!(letters[0].reason, "too large");
    assert_eq!(letters[1].reason, "ä".repeat(512));
}

#[test]
fn a_torn_letter_is_overwritten_and_a_failed_one_is_not_there() {
    let storage = FaultStorage::new();
    let mut letters = open(&storage);
    add(&mut letters, 1);
    storage.inject(Operation::Write, 0, Effect::Torn { bytes: 9, kind: io::ErrorKind::StorageFull });
    letters.append(id(2), 0, b"second", "why", AT).unwrap_err();
    storage.inject(Operation::Sync, 0, Effect::Fail(io::ErrorKind::Other));
    letters.append(id(3), 0, b"third", "why", AT).unwrap_err();
    let mut letters = open(&storage);
    add(&mut letters, 4);
    assert_eq!(ids(&letters), [1, 4]);
}

// D-08
#[test]
fn d_08_a_flipped_bit_hides_no_letter_behind_it_and_what_follows_is_written_behind_them() {
    let (intact, ends) = three();
    for bit in MAGIC.len() * 8..ends[0] * 8 {
        let mut bytes = intact.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let storage = disk(&bytes);
        let mut letters = open(&storage);
        assert_eq!(ids(&letters), [2, 3], "bit {bit}");
        assert_eq!(content(&storage), bytes, "bit {bit}: reading changed the file");
        add(&mut letters, 4);
        assert_eq!(ids(&open(&storage)), [2, 3, 4], "bit {bit}");
        assert!(content(&storage).starts_with(&bytes), "bit {bit}: something was overwritten");
        assert_eq!(aside(&storage), [bytes[MAGIC.len()..ends[0]].to_vec()], "bit {bit}");
    }
}

#[test]
fn damage_is_reported_once_however_often_the_file_is_opened() {
    let (mut bytes, ends) = three();
    bytes[ends[0] + 30] ^= 1;
    let storage = disk(&bytes);
    let news = open(&storage).repair().unwrap();
    assert_eq!(kinds(&news), [(LetterDamageKind::Letter, at(ends[0]), at(ends[1] - ends[0]))]);
    assert_eq!(news[0].not_kept, None);
    assert_eq!(open(&storage).repair().unwrap(), []);
    let mut letters = open(&storage);
    add(&mut letters, 4);
    assert_eq!(ids(&letters), [1, 3, 4]);
}

#[test]
fn a_broken_stretch_that_cannot_be_copied_stays_and_hinders_nobody() {
    let (mut bytes, ends) = three();
    bytes[ends[0] + 30] ^= 1;
    let storage = disk(&bytes);
    storage.inject(Operation::Create, 0, Effect::Fail(io::ErrorKind::PermissionDenied));
    let mut letters = open(&storage);
    let news = letters.repair().unwrap();
    assert_eq!(news[0].not_kept, Some(io::ErrorKind::PermissionDenied));
    add(&mut letters, 4);
    assert_eq!(ids(&letters), [1, 3, 4]);
    assert_eq!(open(&storage).repair().unwrap()[0].not_kept, None);
}

#[test]
fn a_torn_end_is_kept_and_cut_wherever_it_was_torn() {
    let (intact, ends) = three();
    for len in ends[1] + 1..ends[2] {
        let storage = disk(&intact[..len]);
        let mut letters = open(&storage);
        assert_eq!(ids(&letters), [1, 2]);
        assert_eq!(content(&storage).len(), len, "reading cut the file");
        let news = letters.repair().unwrap();
        assert_eq!(kinds(&news), [(LetterDamageKind::Rest, at(ends[1]), at(len - ends[1]))]);
        assert_eq!(content(&storage), intact[..ends[1]]);
        assert_eq!(aside(&storage), [intact[ends[1]..len].to_vec()]);
        add(&mut letters, 4);
        storage.cut_power(1);
        assert_eq!(ids(&open(&storage)), [1, 2, 4]);
    }
}

#[test]
fn ends_torn_at_the_same_place_are_all_kept() {
    let (intact, ends) = three();
    let storage = disk(&intact[..ends[2] - 1]);
    assert_eq!(open(&storage).repair().unwrap().len(), 1);
    storage.tamper(&file(), |file| file.extend_from_slice(b"other bytes"));
    assert_eq!(open(&storage).repair().unwrap().len(), 1);
    let mut kept = aside(&storage);
    kept.sort_by_key(Vec::len);
    assert_eq!(kept, [b"other bytes".to_vec(), intact[ends[1]..ends[2] - 1].to_vec()]);
}

#[test]
fn a_torn_end_that_cannot_be_kept_is_not_cut() {
    let (intact, ends) = three();
    let torn = &intact[..ends[2] - 1];
    for operation in [Operation::Create, Operation::Write, Operation::Sync, Operation::Rename] {
        let storage = disk(torn);
        let mut letters = open(&storage);
        storage.inject(operation, 0, Effect::Fail(io::ErrorKind::StorageFull));
        let error = letters.append(id(4), 0, b"x", "why", AT).unwrap_err();
        assert!(matches!(error, DeadLetterError::Io { .. }), "{operation:?}: {error}");
        assert_eq!(content(&storage), torn, "{operation:?}");
        add(&mut letters, 4);
        assert_eq!(ids(&letters), [1, 2, 4], "{operation:?}");
    }
}

#[test]
fn a_foreign_file_is_refused_to_readers_and_put_aside_before_a_letter_is_written() {
    for foreign in [&b""[..], b"HLDEA", b"HLSPOOL\nsomething", b"#!/bin/sh\nexit 0\n"] {
        let storage = disk(foreign);
        let mut letters = open(&storage);
        let error = letters.read_all().unwrap_err();
        assert!(matches!(&error, DeadLetterError::Foreign { bytes, .. } if *bytes == at(foreign.len())));
        assert!(error.to_string().contains("expected \"HLDEAD1\\n\""), "{error}");
        assert_eq!(content(&storage), foreign);
        let news = letters.repair().unwrap();
        assert_eq!(kinds(&news), [(LetterDamageKind::Foreign, 0, at(foreign.len()))]);
        add(&mut letters, 1);
        assert_eq!(ids(&open(&storage)), [1]);
        assert_eq!(aside(&storage), [foreign.to_vec()]);
        assert_eq!(open(&storage).repair().unwrap(), []);
    }
}

#[test]
fn a_flipped_bit_of_the_magic_hides_nothing_unless_it_names_a_newer_format() {
    let (intact, _) = three();
    for bit in 0..MAGIC.len() * 8 {
        let mut bytes = intact.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let storage = disk(&bytes);
        match DeadLetters::open_in(Arc::new(storage.clone()), Path::new(DIR)) {
            Ok(mut letters) => {
                assert_eq!(letters.repair().unwrap().len(), 1, "bit {bit}");
                add(&mut letters, 4);
                assert_eq!(ids(&letters), [1, 2, 3, 4], "bit {bit}");
            }
            Err(error) => {
                assert!(matches!(error, DeadLetterError::NewerVersion { found: 3 | 5 | 9, .. }), "{error}");
                assert_eq!(content(&storage), bytes, "bit {bit}");
            }
        }
    }
}

#[test]
fn a_full_file_takes_nothing_and_loses_nothing() {
    let limit = usize::try_from(FILE_BYTES_MAX).unwrap();
    let head = encode(id(1), 0, b"", "", AT).unwrap().len();
    let full = encode(id(1), 0, &vec![7; limit - MAGIC.len() - head], "", AT).unwrap();
    for behind in [&b""[..], b"12345"] {
        let bytes = [&MAGIC[..], &full, behind].concat();
        let storage = disk(&bytes);
        let mut letters = open(&storage);
        let error = letters.append(id(5), 0, b"x", "why", AT).unwrap_err();
        assert!(matches!(error, DeadLetterError::Full { used, .. } if used == at(bytes.len())), "{error}");
        assert!(content(&storage) == bytes);
        assert_eq!(ids(&letters), [1]);
    }
}
