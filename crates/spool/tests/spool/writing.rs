//! Appending, flushing, syncing, changing segments.

use std::path::Path;
use std::sync::Arc;

use hopline_spool::testing::{FaultStorage, Operation};
use hopline_spool::{AppendError, Durability, OpenError, SpoolOptions, SpoolWriter, StreamIdentity};

use crate::harness::{DIR, IDENTITY, NOW, open, options, payloads, read_all, segments, write};

#[test]
fn a_flushed_record_is_read_and_a_buffered_one_is_not() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"one", b"two"]);
    writer.append(NOW, 1, b"three").unwrap();
    assert_eq!((writer.buffered_records(), writer.buffered_bytes()), (1, 26));
    assert_eq!(payloads(&storage, &writer), ["one", "two"]);
}

#[test]
fn the_announced_id_is_the_one_given() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    for _ in 0..300 {
        let announced = writer.next_id(NOW).unwrap();
        assert_eq!(writer.append(NOW, 1, &[b'x'; 50]).unwrap(), announced);
        writer.flush(Durability::Process).unwrap();
    }
    assert!(segments(&storage).len() > 4);
}

#[test]
fn a_flush_is_one_write_and_no_sync() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    let (writes, syncs) = (storage.count(Operation::Write), storage.count(Operation::Sync));
    write(&mut writer, &[b"one", b"two", b"three"]);
    assert_eq!(storage.count(Operation::Write) - writes, 1);
    assert_eq!(storage.count(Operation::Sync) - syncs, 0);
}

#[test]
fn a_prepared_change_of_segments_costs_no_sync() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    let preparer = writer.preparer();
    assert!(preparer.is_needed());
    assert!(preparer.prepare_next(NOW).unwrap());
    assert!(!preparer.is_needed());
    assert!(!preparer.prepare_next(NOW).unwrap());
    let syncs = storage.count(Operation::Sync) + storage.count(Operation::SyncDir);
    write(&mut writer, &[&[b'a'; 3000], &[b'b'; 3000]]);
    assert_eq!(storage.count(Operation::Sync) + storage.count(Operation::SyncDir), syncs);
    assert!(preparer.is_needed());
    assert_eq!(payloads(&storage, &writer).len(), 2);
}

#[test]
fn ids_go_on_without_a_gap_over_a_change_of_segments() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    let mut ids = Vec::new();
    for turn in 0..10 {
        if turn % 2 == 0 {
            writer.preparer().prepare_next(NOW).unwrap();
        }
        ids.extend(write(&mut writer, &[&[b'a'; 1500], &[b'b'; 1500]]));
    }
    assert_eq!(ids, (1..=20).collect::<Vec<_>>());
    let (records, damage) = read_all(&storage, Some(writer.tail()));
    assert_eq!(records.iter().map(|(id, _)| *id).collect::<Vec<_>>(), ids);
    assert_eq!(damage, []);
}

#[test]
fn d_08_an_oversized_or_empty_record_is_refused_by_its_id_and_the_stream_goes_on() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    let limit = options().record_bytes_max();
    for bad in [vec![], vec![0; limit + 1]] {
        let announced = writer.next_id(NOW).unwrap();
        match writer.append(NOW, 1, &bad) {
            Err(AppendError::Size { id, given, limit: said }) => {
                assert_eq!((id, given, said), (announced, bad.len(), limit));
            }
            other => panic!("{other:?}"),
        }
    }
    let largest = vec![b'x'; limit];
    assert_eq!(write(&mut writer, &[&largest]), [3]);
    assert_eq!(payloads(&storage, &writer), [String::from_utf8(largest).unwrap()]);
}

#[test]
fn a_full_buffer_asks_for_a_flush_and_uses_up_no_id() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    let full = loop {
        match writer.append(NOW, 1, &[b'x'; 1000]) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(full, AppendError::BufferFull { .. }), "{full:?}");
    let next = writer.buffered_records() + 1;
    writer.flush(Durability::Process).unwrap();
    assert_eq!(write(&mut writer, &[b"y"]), [next]);
}

#[test]
fn an_old_segment_is_left_though_it_has_room() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"old"]);
    writer.append(NOW.plus(3_599_999), 1, b"same").unwrap();
    assert_eq!(segments(&storage).len(), 1);
    writer.append(NOW.plus(3_600_000), 1, b"new").unwrap();
    assert_eq!(segments(&storage).len(), 2);
    writer.flush(Durability::Process).unwrap();
    assert_eq!(payloads(&storage, &writer), ["old", "same", "new"]);
}

#[test]
fn with_disk_durability_a_record_counts_after_its_sync_only() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    writer.append(NOW, 1, b"one").unwrap();
    let flushed = writer.flush(Durability::Disk).unwrap();
    assert_eq!((flushed.records, flushed.bytes, flushed.end.get()), (1, 24, 2));
    assert!(payloads(&storage, &writer).is_empty());
    let handle = writer.sync_handle().unwrap();
    // Meanwhile the stream goes on; what comes after the handle is not covered by it.
    writer.append(NOW, 1, b"two").unwrap();
    writer.flush(Durability::Disk).unwrap();
    assert_eq!(writer.publish_synced(handle.sync()).unwrap().get(), 2);
    assert_eq!(payloads(&storage, &writer), ["one"]);
    assert_eq!(writer.sync().unwrap().get(), 3);
    assert_eq!(payloads(&storage, &writer), ["one", "two"]);
    assert!(writer.sync_handle().is_none());
}

#[test]
fn a_sync_covers_every_segment_that_was_written_since_the_last() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    for byte in *b"abcdef" {
        writer.append(NOW, 1, &[byte; 2500]).unwrap();
        writer.flush(Durability::Disk).unwrap();
    }
    assert_eq!(writer.sync().unwrap().get(), 7);
    drop(writer);
    storage.cut_power(3);
    let (writer, _) = open(&storage);
    assert_eq!(payloads(&storage, &writer).len(), 6);
}

#[test]
fn a_second_writer_is_told_that_the_directory_is_held() {
    let storage = FaultStorage::new();
    let (writer, _) = open(&storage);
    let second = SpoolWriter::open_in(Arc::new(storage.clone()), Path::new(DIR), IDENTITY, options(), NOW);
    assert!(matches!(second, Err(OpenError::Held { .. })), "{second:?}");
    drop(writer);
    open(&storage);
}

#[test]
fn another_identity_is_refused_and_nothing_is_touched() {
    let storage = FaultStorage::new();
    drop(open(&storage));
    let before = storage.paths();
    let other = StreamIdentity { edge: 9, stream: 2 };
    match SpoolWriter::open_in(Arc::new(storage.clone()), Path::new(DIR), other, options(), NOW) {
        Err(OpenError::OtherIdentity { found, expected, .. }) => {
            assert_eq!((found, expected), (IDENTITY, other));
        }
        refused => panic!("{refused:?}"),
    }
    assert_eq!(storage.paths(), before);
}

#[test]
fn a_segment_too_small_for_use_is_refused() {
    let small = SpoolOptions { segment_bytes_max: 4095, ..options() };
    let refused = SpoolWriter::open_in(Arc::new(FaultStorage::new()), Path::new(DIR), IDENTITY, small, NOW);
    assert!(matches!(refused, Err(OpenError::Option { given: 4095, .. })), "{refused:?}");
}
