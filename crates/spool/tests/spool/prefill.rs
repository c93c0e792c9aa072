//! Segments that are full of zeros before their first use: what a sync costs then, and where their records end.

use hopline_spool::Durability;
use hopline_spool::testing::{FaultStorage, Operation};

use crate::harness::{
    HEADER, NOW, OVERHEAD, open_as, open_filled, options, payloads, prefilled, read_all, segment, segments,
    write,
};

#[test]
fn zeros_are_written_and_synced_before_a_segment_gets_its_name() {
    let storage = FaultStorage::new();
    let (writer, _) = open_as(&storage, prefilled());
    let (writes, syncs) = (storage.count(Operation::Write), storage.count(Operation::Sync));
    writer.preparer().prepare_next(NOW).unwrap();
    // The zeros and the header, a sync for each.
    assert_eq!((storage.count(Operation::Write) - writes, storage.count(Operation::Sync) - syncs), (2, 2));
    drop(writer);
    storage.cut_power(1);
    let content = storage.content(&segment(2)).unwrap();
    assert_eq!(content.len(), 4096);
    assert!(content[HEADER..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_segment_that_somebody_waits_for_is_not_filled() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open_as(&storage, prefilled());
    let writes = storage.count(Operation::Write);
    write(&mut writer, &[&[b'a'; 3000], &[b'b'; 3000]]);
    // A header, and the records of two segments.
    assert_eq!(storage.count(Operation::Write) - writes, 3);
    assert_eq!(payloads(&storage, &writer).len(), 2);
}

#[test]
fn the_length_of_a_filled_segment_never_changes_while_it_is_written() {
    let storage = FaultStorage::new();
    let mut writer = open_filled(&storage);
    let before = storage.count(Operation::SetLen);
    for _ in 0..20 {
        writer.append(NOW, 1, &[b'x'; 150]).unwrap();
        writer.flush(Durability::Disk).unwrap();
        writer.sync().unwrap();
        assert_eq!(storage.content(&segment(2)).unwrap().len(), 4096);
    }
    assert_eq!(storage.count(Operation::SetLen), before);
    assert_eq!(segments(&storage), [segment(1), segment(2)]);
}

// D-07
#[test]
fn zeros_after_the_last_record_are_the_end_of_the_data_and_no_damage() {
    let storage = FaultStorage::new();
    let mut writer = open_filled(&storage);
    write(&mut writer, &[b"one", b"two"]);
    drop(writer);
    assert_eq!(read_all(&storage, None).1, []);
    let (writer, recovery) = open_as(&storage, prefilled());
    assert_eq!((recovery.cuts.len(), recovery.damage.len()), (0, 0));
    assert_eq!(payloads(&storage, &writer), ["one", "two"]);
    let end = HEADER + 2 * (OVERHEAD + 3);
    assert_eq!(storage.content(&segment(2)).unwrap().len(), end, "the zeros are given back");
}

#[test]
fn d_07_a_torn_tail_before_zeros_is_cut_at_the_first_bad_checksum() {
    // The last record loses everything after a byte, or a stretch in its middle, to zeros.
    for (from, to) in [(0, 60), (10, 60), (40, 60), (4, 8), (30, 31)] {
        let storage = FaultStorage::new();
        let mut writer = open_filled(&storage);
        write(&mut writer, &[b"whole", &[b'x'; 60 - OVERHEAD]]);
        drop(writer);
        let second = HEADER + OVERHEAD + 5;
        storage.tamper(&segment(2), |content| content[second + from..second + to].fill(0));
        let (writer, recovery) = open_as(&storage, prefilled());
        let cut: Vec<_> = recovery.cuts.iter().map(|cut| (cut.segment.get(), cut.offset)).collect();
        let place = u32::try_from(second).unwrap();
        assert_eq!(cut, if from == 0 { vec![] } else { vec![(2, place)] }, "{from} to {to}");
        assert_eq!(payloads(&storage, &writer), ["whole"], "{from} to {to}");
    }
}

// D-06
#[test]
fn a_power_cut_that_loses_sectors_in_the_middle_costs_no_record_that_was_synced() {
    for seed in 0..200 {
        let storage = FaultStorage::new();
        let options = if seed % 2 == 0 { prefilled() } else { options() };
        let (mut writer, _) = open_as(&storage, options);
        let mut synced = Vec::new();
        for turn in 0..8_u8 {
            writer.append(NOW, 1, &[b'a' + turn; 700]).unwrap();
            writer.flush(Durability::Disk).unwrap();
            if turn < 5 {
                writer.sync().unwrap();
                synced.push(String::from_utf8(vec![b'a' + turn; 700]).unwrap());
            }
            writer.preparer().prepare_next(NOW).unwrap();
        }
        drop(writer);
        storage.cut_power(seed);
        let (writer, _) = open_as(&storage, options);
        let read = payloads(&storage, &writer);
        assert_eq!(read[..5], synced, "seed {seed}");
        assert!(read[5..].iter().all(|record| record.len() == 700), "seed {seed}: {read:?}");
    }
}

#[test]
fn a_stream_moves_to_a_filled_segment_as_soon_as_there_is_one_and_stays() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open_as(&storage, prefilled());
    write(&mut writer, &[b"in the first"]);
    assert_eq!(writer.tail().get().segment.get(), 1);
    writer.preparer().prepare_next(NOW).unwrap();
    writer.append(NOW, 1, b"in the second").unwrap();
    writer.preparer().prepare_next(NOW).unwrap();
    // The third is no better than the second.
    writer.append(NOW, 1, b"there too").unwrap();
    writer.flush(Durability::Disk).unwrap();
    assert_eq!(writer.sync().unwrap().get(), 4);
    assert_eq!(writer.tail().get().segment.get(), 2);
    assert_eq!(payloads(&storage, &writer), ["in the first", "in the second", "there too"]);
}
