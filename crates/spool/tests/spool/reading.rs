//! Batches, damage in the middle, deletion, backlog.

use std::path::Path;

use hopline_spool::testing::{Effect, FaultStorage, Operation};
use hopline_spool::{
    Batch, BatchLimits, DamageKind, Durability, MarkError, Position, ReadOutcome, RecordId, ShippedMark,
};

use crate::harness::{
    ALL, DIR, HEADER, NOW, OVERHEAD, open, payloads, read_all, reader, segment, segments, write,
};

fn strings(batch: &Batch) -> Vec<&str> {
    batch.iter().map(|record| std::str::from_utf8(record.payload).unwrap()).collect()
}

#[test]
fn a_batch_ends_at_its_limits_and_a_planned_one_is_read_again_as_it_was_cut() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"aa", b"bb", b"cc", b"dd"]);
    let mut reader = reader(&storage, Some(writer.tail()));
    let mut batch = Batch::default();
    let limits = BatchLimits { records_max: 3, bytes_max: 4, until: None };
    assert_eq!(reader.next_batch(limits, &mut batch).unwrap(), ReadOutcome::More);
    assert_eq!(strings(&batch), ["aa", "bb"]);
    let planned = ShippedMark { shipped: batch.start(), planned: Some(batch.end().next_id) };
    planned.store_in(&storage, Path::new(DIR)).unwrap();

    let mark = ShippedMark::load_in(&storage, Path::new(DIR)).unwrap().unwrap();
    assert_eq!(mark, planned);
    reader.seek(mark.shipped);
    assert_eq!(
        reader.next_batch(BatchLimits { until: mark.planned, ..ALL }, &mut batch).unwrap(),
        ReadOutcome::More
    );
    assert_eq!(strings(&batch), ["aa", "bb"]);
    assert_eq!(reader.next_batch(ALL, &mut batch).unwrap(), ReadOutcome::CaughtUp);
    assert_eq!(strings(&batch), ["cc", "dd"]);
    assert_eq!(reader.next_batch(ALL, &mut batch).unwrap(), ReadOutcome::CaughtUp);
    assert!(batch.is_empty());
    write(&mut writer, &[b"ee"]);
    reader.next_batch(ALL, &mut batch).unwrap();
    assert_eq!(strings(&batch), ["ee"]);
}

#[test]
fn a_record_larger_than_the_byte_limit_makes_a_batch_of_its_own() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"large", b"x"]);
    let mut batch = Batch::default();
    let limits = BatchLimits { records_max: 0, bytes_max: 1, until: None };
    reader(&storage, Some(writer.tail())).next_batch(limits, &mut batch).unwrap();
    assert_eq!(strings(&batch), ["large"]);
}

#[test]
fn kind_and_time_are_read_back() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    writer.append(NOW.plus(1234), 7, b"x").unwrap();
    writer.append(NOW.plus(-5000), 8, b"y").unwrap();
    writer.flush(Durability::Process).unwrap();
    let mut batch = Batch::default();
    reader(&storage, Some(writer.tail())).next_batch(ALL, &mut batch).unwrap();
    let seen: Vec<_> = batch.iter().map(|record| (record.kind, record.at)).collect();
    // A clock that went back before the segment's beginning counts as that beginning.
    assert_eq!(seen, [(7, NOW.plus(1234)), (8, NOW)]);
}

#[test]
fn d_07_one_flipped_bit_anywhere_in_an_older_segment_costs_one_record_at_most() {
    let records: [&[u8]; 3] = [b"first", b"second", b"third"];
    let used = HEADER + records.iter().map(|record| OVERHEAD + record.len()).sum::<usize>();
    for at in HEADER..used {
        let storage = FaultStorage::new();
        let (mut writer, _) = open(&storage);
        write(&mut writer, &records);
        drop(writer);
        storage.tamper(&segment(1), |content| content[at] ^= 0x40);
        // Two more runs, so that the damaged segment is not the last.
        let (mut writer, _) = open(&storage);
        write(&mut writer, &[b"later"]);
        drop(writer);
        let (writer, _) = open(&storage);
        let (read, damage) = read_all(&storage, Some(writer.tail()));
        let hit = usize::from(at >= HEADER + 26) + usize::from(at >= HEADER + 26 + 27);
        let mut expected: Vec<&[u8]> = records.to_vec();
        expected.remove(hit);
        expected.push(b"later");
        assert_eq!(read.iter().map(|(_, payload)| payload.as_slice()).collect::<Vec<_>>(), expected, "{at}");
        // The last record of the segment was its torn end at the second opening, and is kept aside too.
        assert_eq!(damage.len(), usize::from(hit < 2), "{at}");
        let aside = |path: &std::path::PathBuf| path.starts_with(Path::new(DIR).join("damaged"));
        assert_eq!(storage.paths().iter().filter(|path| aside(path)).count(), 1, "{at}");
    }
}

#[test]
fn d_07_a_checksum_flipped_in_the_middle_sets_its_bytes_aside_and_reports_them() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"first", b"second", b"third"]);
    let at = HEADER + OVERHEAD + 5;
    storage.tamper(&segment(1), |content| content[at + 4] ^= 1);
    let whole = storage.content(&segment(1)).unwrap()[at..at + OVERHEAD + 6].to_vec();
    let (_, damage) = read_all(&storage, Some(writer.tail()));
    assert_eq!(damage.len(), 1);
    assert_eq!((damage[0].offset, damage[0].bytes), (at as u64, (OVERHEAD + 6) as u64));
    assert_eq!((damage[0].kind, damage[0].not_kept), (DamageKind::Record, None));
    let kept = storage.content(&Path::new(DIR).join(format!("damaged/00000001-{at:08x}.bytes")));
    assert_eq!(kept.unwrap(), whole);
}

#[test]
fn d_07_a_zeroed_length_costs_its_record_only() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"first", b"second", b"third"]);
    let at = HEADER + OVERHEAD + 5;
    storage.tamper(&segment(1), |content| content[at..at + 4].fill(0));
    assert_eq!(payloads(&storage, &writer), ["first", "third"]);
}

#[test]
fn d_07_zeros_where_the_last_published_record_was_are_reported_and_the_stream_goes_on() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"first", b"second"]);
    storage.tamper(&segment(1), |content| content[HEADER + 26..].fill(0));
    let mut reader = reader(&storage, Some(writer.tail()));
    let mut batch = Batch::default();
    reader.next_batch(ALL, &mut batch).unwrap();
    assert_eq!(strings(&batch), ["first"]);
    assert_eq!(batch.damage()[0].kind, DamageKind::Rest);
    write(&mut writer, &[b"third"]);
    reader.next_batch(ALL, &mut batch).unwrap();
    assert_eq!(strings(&batch), ["third"]);
    assert_eq!(batch.damage(), []);
}

#[test]
fn d_07_a_record_truncated_in_a_finished_segment_does_not_stop_the_reader() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"first", b"second"]);
    drop(writer);
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"later"]);
    storage.tamper(&segment(1), |content| content.truncate(HEADER + 26 + 10));
    let (read, damage) = read_all(&storage, Some(writer.tail()));
    assert_eq!(read.iter().map(|(_, payload)| payload.as_slice()).collect::<Vec<_>>(), [b"first", b"later"]);
    // Without the zero at its end, which is as good as space that was never written.
    assert_eq!((damage[0].kind, damage[0].bytes), (DamageKind::Rest, 9));
}

#[test]
fn d_05_a_missing_segment_is_reported_and_passed_over() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[&[b'a'; 3000], &[b'b'; 3000]]);
    write(&mut writer, &[&[b'c'; 3000]]);
    storage.lose(&segment(2));
    let (read, damage) = read_all(&storage, Some(writer.tail()));
    assert_eq!(read.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(damage.iter().map(|damage| damage.kind).collect::<Vec<_>>(), [DamageKind::Missing]);
}

#[test]
fn d_05_a_header_damaged_while_the_stream_runs_costs_its_segment_only() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[&[b'a'; 3000], &[b'b'; 3000]]);
    storage.tamper(&segment(1), |content| content[20] ^= 1);
    let (read, damage) = read_all(&storage, Some(writer.tail()));
    assert_eq!(read.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2]);
    assert_eq!(damage[0].kind, DamageKind::Header);
}

#[test]
fn d_05_a_failed_read_leaves_the_reader_where_it_was() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"one"]);
    let mut reader = reader(&storage, Some(writer.tail()));
    let mut batch = Batch::default();
    for skip in 0..2 {
        storage.inject(Operation::Read, skip, Effect::Fail(std::io::ErrorKind::Other));
        reader.next_batch(ALL, &mut batch).unwrap_err();
        assert!(batch.is_empty());
        assert_eq!(reader.position(), Position::START);
    }
    reader.next_batch(ALL, &mut batch).unwrap();
    assert_eq!(strings(&batch), ["one"]);
}

#[test]
fn d_05_damage_that_cannot_be_kept_aside_does_not_stop_the_reader() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"first", b"second"]);
    storage.tamper(&segment(1), |content| content[HEADER + 4] ^= 1);
    storage.inject(Operation::Create, 0, Effect::Fail(std::io::ErrorKind::StorageFull));
    let (read, damage) = read_all(&storage, Some(writer.tail()));
    assert_eq!(read.len(), 1);
    assert_eq!(damage[0].not_kept, Some(std::io::ErrorKind::StorageFull));
}

#[test]
fn bytes_within_a_record_never_pass_for_a_record() {
    // A whole segment's frames, as payload of a record whose own frame is then damaged.
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"one", b"two"]);
    let forged = storage.content(&segment(1)).unwrap()[HEADER..HEADER + 48].to_vec();
    drop(writer);
    let other = FaultStorage::new();
    let (mut writer, _) = open(&other);
    write(&mut writer, &[&forged, b"three"]);
    other.tamper(&segment(1), |content| content[HEADER] ^= 1);
    assert_eq!(payloads(&other, &writer), ["three"]);
}

#[test]
fn shipped_segments_are_removed_but_never_the_one_that_is_written() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    for byte in *b"abc" {
        write(&mut writer, &[&[byte; 3000]]);
    }
    let mut reader = reader(&storage, Some(writer.tail()));
    let mut batch = Batch::default();
    reader.next_batch(BatchLimits { records_max: 1, ..ALL }, &mut batch).unwrap();
    assert_eq!(reader.delete_before(batch.start()).unwrap(), 0);
    assert_eq!(reader.delete_before(batch.end()).unwrap(), 1);
    reader.next_batch(ALL, &mut batch).unwrap();
    assert_eq!(reader.delete_before(batch.end()).unwrap(), 1);
    assert_eq!(segments(&storage), [segment(3)]);
    assert_eq!(reader.delete_before(Position { segment: segment_99(), ..batch.end() }).unwrap(), 0);
    write(&mut writer, &[b"more"]);
    reader.next_batch(ALL, &mut batch).unwrap();
    assert_eq!(strings(&batch), ["more"]);
    assert_eq!(batch.damage(), []);
}

fn segment_99() -> hopline_spool::SegmentNumber {
    hopline_spool::SegmentNumber::new(99)
}

#[test]
fn the_backlog_says_bytes_and_the_age_of_the_oldest_record_that_waits() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    let mut reader = reader(&storage, Some(writer.tail()));
    assert_eq!(reader.backlog(Position::START).unwrap().bytes, 0);
    writer.append(NOW.plus(10), 1, &[b'a'; 3000]).unwrap();
    writer.append(NOW.plus(20), 1, &[b'b'; 3000]).unwrap();
    writer.flush(Durability::Process).unwrap();
    let all = reader.backlog(Position::START).unwrap();
    assert_eq!((all.bytes, all.segments), (6042, 2));
    assert_eq!(all.oldest_age_ms(NOW.plus(1010)), 1000);
    let mut batch = Batch::default();
    reader.next_batch(BatchLimits { records_max: 1, ..ALL }, &mut batch).unwrap();
    let rest = reader.backlog(batch.end()).unwrap();
    assert_eq!((rest.bytes, rest.oldest_at), (3021, Some(NOW.plus(20))));
    reader.next_batch(ALL, &mut batch).unwrap();
    let none = reader.backlog(batch.end()).unwrap();
    assert_eq!((none.bytes, none.oldest_at, none.oldest_age_ms(NOW)), (0, None, 0));
}

#[test]
fn a_batch_that_was_synced_survives_a_power_cut() {
    for seed in 0..8 {
        let storage = FaultStorage::new();
        let (mut writer, _) = open(&storage);
        write(&mut writer, &[&[b'a'; 3000], &[b'b'; 3000]]);
        let mut reader = reader(&storage, Some(writer.tail()));
        let mut batch = Batch::default();
        reader.next_batch(ALL, &mut batch).unwrap();
        reader.sync_batch().unwrap();
        drop(writer);
        storage.cut_power(seed);
        let (writer, _) = open(&storage);
        assert_eq!(payloads(&storage, &writer).len(), 2);
    }
}

#[test]
fn the_shipped_mark_is_the_old_or_the_new_one_and_damage_is_told() {
    let dir = Path::new(DIR);
    let mark = |id| {
        let shipped = Position { next_id: RecordId::new(id).unwrap(), ..Position::START };
        ShippedMark { shipped, planned: None }
    };
    for seed in 0..16 {
        let storage = FaultStorage::new();
        assert_eq!(ShippedMark::load_in(&storage, dir).unwrap(), None);
        mark(7).store_in(&storage, dir).unwrap();
        storage.inject(Operation::SyncDir, 0, Effect::Fail(std::io::ErrorKind::Other));
        mark(8).store_in(&storage, dir).unwrap_err();
        storage.cut_power(seed);
        let loaded = ShippedMark::load_in(&storage, dir).unwrap().unwrap();
        assert!(loaded == mark(7) || loaded == mark(8));
        storage.tamper(&dir.join("shipped"), |content| content[24] ^= 1);
        assert!(matches!(ShippedMark::load_in(&storage, dir), Err(MarkError::Damaged { .. })));
    }
}
