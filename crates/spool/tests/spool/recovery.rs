//! What an opening finds after a crash, a power cut or a broken disk (D-06, D-07).

use std::path::Path;
use std::sync::Arc;

use hopline_spool::testing::FaultStorage;
use hopline_spool::{
    Durability, OpenError, Position, RECORDS_PER_SEGMENT_MAX, RecordId, ShippedMark, SpoolOptions,
    SpoolWriter,
};

use crate::harness::{DIR, HEADER, IDENTITY, NOW, open, options, payloads, segment, segments, write};

#[test]
fn d_07_a_torn_tail_is_cut_at_the_first_bad_checksum() {
    for kept_bytes in 1..OVERHEAD_AND_RECORD {
        let storage = FaultStorage::new();
        let (mut writer, _) = open(&storage);
        write(&mut writer, &[b"whole", b"torn!"]);
        drop(writer);
        let at = HEADER + OVERHEAD_AND_RECORD;
        storage.tamper(&segment(1), |content| content[at + kept_bytes..].fill(0));
        let (writer, recovery) = open(&storage);
        let cut = recovery.cuts[0];
        assert_eq!((cut.segment.get(), cut.offset as usize), (1, at));
        assert!(cut.bytes >= 1 && cut.bytes <= kept_bytes as u64);
        assert_eq!(storage.content(&segment(1)).unwrap().len(), at);
        assert_eq!(payloads(&storage, &writer), ["whole"]);
    }
}
const OVERHEAD_AND_RECORD: usize = 26;

#[test]
fn d_07_intact_records_after_a_damaged_one_are_kept_in_the_last_segment_too() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"first", b"second", b"third"]);
    drop(writer);
    storage.tamper(&segment(1), |content| content[HEADER + OVERHEAD_AND_RECORD + 4] ^= 1);
    let (writer, recovery) = open(&storage);
    assert_eq!(recovery.cuts, []);
    assert_eq!(payloads(&storage, &writer), ["first", "third"]);
}

#[test]
fn d_07_recovery_run_twice_gives_the_same_result() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"whole"]);
    drop(writer);
    storage.tamper(&segment(1), |content| content[HEADER + 30..HEADER + 40].fill(9));
    let (writer, first) = open(&storage);
    assert_eq!((first.cuts[0].bytes, first.segments_kept), (14, 1));
    let read = payloads(&storage, &writer);
    drop(writer);
    let before = storage.content(&segment(1));
    let (writer, second) = open(&storage);
    assert_eq!((second.cuts.len(), second.segments_kept, second.segments_removed), (0, 1, 1));
    assert_eq!(storage.content(&segment(1)), before);
    assert_eq!(payloads(&storage, &writer), read);
}

#[test]
fn ids_are_not_given_twice_though_their_records_were_lost() {
    let storage = FaultStorage::new();
    let mut last = 0;
    for seed in 0..20 {
        let (mut writer, _) = open(&storage);
        for _ in 0..seed % 5 {
            writer.preparer().prepare_next(NOW).unwrap();
            let ids = write(&mut writer, &[&[b'x'; 3000]]);
            assert!(ids[0] > last, "{} after {last}", ids[0]);
            last = ids[0];
        }
        drop(writer);
        storage.cut_power(seed);
    }
    assert!(last > RECORDS_PER_SEGMENT_MAX);
}

#[test]
fn ids_are_not_given_twice_when_every_header_is_lost() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    writer.preparer().prepare_next(NOW).unwrap();
    let given = write(&mut writer, &[&[b'x'; 3000], &[b'y'; 3000]]);
    drop(writer);
    for number in [1, 2] {
        storage.tamper(&segment(number), |content| content[9] ^= 1);
    }
    let (mut writer, recovery) = open(&storage);
    assert_eq!(recovery.damage.len(), 2);
    assert_eq!(segments(&storage), [segment(3)]);
    assert!(storage.content(&Path::new(DIR).join("damaged/00000001-00000000.bytes")).is_some());
    assert!(write(&mut writer, &[b"z"])[0] > given[1]);
}

#[test]
fn the_mark_keeps_ids_and_numbers_from_coming_back_when_the_segments_are_gone() {
    let storage = FaultStorage::new();
    let shipped = Position {
        segment: hopline_spool::SegmentNumber::new(40),
        offset: 64,
        next_id: RecordId::new(5_000).unwrap(),
    };
    let planned = RecordId::new(6_000).ok();
    ShippedMark { shipped, planned }.store_in(&storage, Path::new(DIR)).unwrap();
    let (mut writer, _) = open(&storage);
    assert_eq!(segments(&storage), [segment(41)]);
    assert_eq!(write(&mut writer, &[b"x"]), [6_000]);
}

#[test]
fn a_damaged_mark_does_not_stop_the_writer() {
    let storage = FaultStorage::new();
    let shipped = ShippedMark { shipped: Position::START, planned: None };
    shipped.store_in(&storage, Path::new(DIR)).unwrap();
    storage.tamper(&Path::new(DIR).join("shipped"), |content| content.truncate(5));
    assert!(open(&storage).1.mark_unreadable);
}

#[test]
fn the_last_id_is_never_given_and_the_stream_says_so() {
    let storage = FaultStorage::new();
    let shipped = Position { next_id: RecordId::new(RecordId::LAST.get() - 2).unwrap(), ..Position::START };
    ShippedMark { shipped, planned: None }.store_in(&storage, Path::new(DIR)).unwrap();
    let (mut writer, _) = open(&storage);
    assert_eq!(write(&mut writer, &[b"x", b"y"])[1], RecordId::LAST.get() - 1);
    assert!(matches!(writer.append(NOW, 1, b"z"), Err(hopline_spool::AppendError::IdsUsedUp)));
    drop(writer);
    let again = SpoolWriter::open_in(Arc::new(storage.clone()), Path::new(DIR), IDENTITY, options(), NOW);
    assert!(matches!(again, Err(OpenError::IdsUsedUp { .. })), "{again:?}");
}

#[test]
fn empty_segments_of_crash_loops_do_not_pile_up() {
    let storage = FaultStorage::new();
    for _ in 0..10 {
        open(&storage).0.preparer().prepare_next(NOW).unwrap();
    }
    assert_eq!(segments(&storage).len(), 2);
}

#[test]
fn a_segment_of_a_newer_release_is_refused_and_nothing_is_touched() {
    let storage = FaultStorage::new();
    drop(open(&storage));
    storage.tamper(&segment(1), |content| {
        content[8] = 2;
        let sum = crc32(&content[..60]);
        content[60..64].copy_from_slice(&sum.to_le_bytes());
    });
    let before = (storage.paths(), storage.content(&segment(1)));
    let refused = SpoolWriter::open_in(Arc::new(storage.clone()), Path::new(DIR), IDENTITY, options(), NOW);
    assert!(matches!(refused, Err(OpenError::NewerVersion { found: 2, supported: 1, .. })), "{refused:?}");
    assert_eq!((storage.paths(), storage.content(&segment(1))), before);
}

/// Written out anew, bit by bit, so that it checks the crate's own.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[test]
fn d_06_with_disk_nothing_synced_is_lost_by_a_power_cut() {
    for seed in 0..64 {
        let storage = FaultStorage::new();
        let (mut writer, _) = open(&storage);
        for turn in 0..seed % 7 {
            writer.append(NOW, 1, &[b'x'; 1400]).unwrap();
            writer.flush(Durability::Disk).unwrap();
            if turn % 2 == 0 {
                writer.sync().unwrap();
            }
        }
        let durable = writer.sync_handle().map_or(seed % 7, |_| seed % 7 - 1);
        drop(writer);
        storage.cut_power(seed);
        let (writer, _) = open(&storage);
        assert!(payloads(&storage, &writer).len() as u64 >= durable, "seed {seed}");
    }
}

#[test]
fn d_07_a_segment_cut_to_nothing_hides_no_torn_end_before_it() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[&[b'a'; 2000], &[b'b'; 1000]]);
    write(&mut writer, &[&[b'c'; 3000]]);
    drop(writer);
    for (number, at) in [(1, 2200), (2, 200)] {
        storage.tamper(&segment(number), |content| content[at] ^= 1);
    }
    let (writer, first) = open(&storage);
    let cut: Vec<_> = first.cuts.iter().map(|cut| (cut.segment.get(), cut.offset)).collect();
    assert_eq!(cut, [(2, 64), (1, 2085)]);
    drop(writer);
    assert_eq!(open(&storage).1.cuts, []);
}

#[test]
fn a_stream_whose_files_are_lost_begins_behind_what_a_store_knows() {
    let open = |storage: &FaultStorage, known: u64| {
        let options = SpoolOptions { known_id: RecordId::new(known).ok(), ..options() };
        let storage = Arc::new(storage.clone());
        SpoolWriter::open_in(storage, Path::new(DIR), IDENTITY, options, NOW)
    };
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage, 5_000).unwrap();
    let first = write(&mut writer, &[b"x"])[0];
    assert!(first > 5_000 + RECORDS_PER_SEGMENT_MAX, "{first}");
    drop(writer);
    // With its files there, a stream goes on by itself.
    let (mut writer, _) = open(&storage, first).unwrap();
    assert!(write(&mut writer, &[b"y"])[0] <= first + RECORDS_PER_SEGMENT_MAX);
    let storage = FaultStorage::new();
    assert!(matches!(open(&storage, RecordId::LAST.get() - 1), Err(OpenError::IdsUsedUp { .. })));
}
