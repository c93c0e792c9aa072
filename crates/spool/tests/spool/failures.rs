//! One test per way in which the disk can fail while the stream is written (D-05).

use std::io::ErrorKind;
use std::sync::Arc;

use hopline_spool::testing::{Effect, FaultStorage, Operation};
use hopline_spool::{AppendError, Batch, Durability, OpenError, ReadOutcome, SpoolWriter};

use crate::harness::{
    ALL, DIR, IDENTITY, NOW, open, open_as, options, payloads, prefilled, read_all, reader, segment,
    segments, write,
};

#[test]
fn d_05_a_short_write_is_continued() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    storage.inject(Operation::Write, 0, Effect::Short { bytes: 10 });
    write(&mut writer, &[b"one", b"two"]);
    assert_eq!(payloads(&storage, &writer), ["one", "two"]);
}

#[test]
fn d_05_a_failed_write_takes_its_whole_batch_back_and_the_stream_goes_on() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Other, ErrorKind::ReadOnlyFilesystem] {
        let storage = FaultStorage::new();
        let (mut writer, _) = open(&storage);
        write(&mut writer, &[b"kept"]);
        writer.append(NOW, 1, b"lost").unwrap();
        writer.append(NOW, 1, b"lost too").unwrap();
        // The first record arrives whole on the disk, and must not count all the same.
        storage.inject(Operation::Write, 0, Effect::Torn { bytes: 30, kind });
        let error = writer.flush(Durability::Process).unwrap_err();
        assert_eq!((error.first.get(), error.end.get(), error.step), (2, 4, "write"));
        assert_eq!(error.source.kind(), kind);
        assert_eq!(write(&mut writer, &[b"after"]), [4]);
        assert_eq!(payloads(&storage, &writer), ["kept", "after"]);
        drop(writer);
        let (writer, _) = open(&storage);
        assert_eq!(payloads(&storage, &writer), ["kept", "after"]);
    }
}

#[test]
fn d_05_a_failed_write_over_two_segments_takes_both_parts_back() {
    for failing in [0, 1] {
        let storage = FaultStorage::new();
        let (mut writer, _) = open(&storage);
        write(&mut writer, &[b"kept"]);
        writer.append(NOW, 1, &[b'a'; 2000]).unwrap();
        writer.append(NOW, 1, &[b'b'; 2000]).unwrap();
        assert_eq!(segments(&storage).len(), 2);
        storage.inject(Operation::Write, failing, Effect::Fail(ErrorKind::Other));
        writer.flush(Durability::Process).unwrap_err();
        assert_eq!(write(&mut writer, &[b"after"]), [4]);
        assert_eq!(payloads(&storage, &writer), ["kept", "after"]);
        drop(writer);
        let (writer, _) = open(&storage);
        assert_eq!(payloads(&storage, &writer), ["kept", "after"]);
    }
}

#[test]
fn d_05_readers_do_not_see_a_failed_batch_that_could_not_be_cut_off_either() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"kept"]);
    writer.append(NOW, 1, b"lost").unwrap();
    storage.inject(Operation::Write, 0, Effect::Torn { bytes: 25, kind: ErrorKind::Other });
    storage.inject(Operation::SetLen, 0, Effect::Fail(ErrorKind::Other));
    writer.flush(Durability::Process).unwrap_err();
    write(&mut writer, &[b"after"]);
    assert_eq!(payloads(&storage, &writer), ["kept", "after"]);
}

#[test]
fn d_05_after_a_failed_sync_the_segment_is_abandoned_and_never_trusted_again() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    writer.append(NOW, 1, b"kept").unwrap();
    writer.flush(Durability::Disk).unwrap();
    writer.sync().unwrap();
    writer.append(NOW, 1, b"lost").unwrap();
    writer.flush(Durability::Disk).unwrap();
    let late = writer.sync_handle().unwrap();
    storage.inject(Operation::Sync, 0, Effect::Fail(ErrorKind::Other));
    storage.inject(Operation::SetLen, 0, Effect::Fail(ErrorKind::Other));
    let error = writer.sync().unwrap_err();
    assert_eq!((error.first.get(), error.end.get(), error.step), (2, 3, "sync"));
    // A second sync of the same file succeeds, and says nothing.
    assert_eq!(writer.publish_synced(late.sync()).unwrap().get(), 3);
    assert_eq!(payloads(&storage, &writer), ["kept"]);
    writer.append(NOW, 1, b"after").unwrap();
    writer.flush(Durability::Disk).unwrap();
    assert_eq!(writer.sync().unwrap().get(), 4);
    assert_eq!(payloads(&storage, &writer), ["kept", "after"]);
    drop(writer);
    storage.cut_power(1);
    let (writer, _) = open(&storage);
    assert_eq!(payloads(&storage, &writer), ["kept", "after"]);
}

#[test]
fn d_05_a_failed_sync_takes_back_all_segments_since_the_last_good_one() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    for byte in *b"abcd" {
        writer.append(NOW, 1, &[byte; 2500]).unwrap();
        writer.flush(Durability::Disk).unwrap();
    }
    writer.append(NOW, 1, b"buffered").unwrap();
    storage.inject(Operation::Sync, 2, Effect::Fail(ErrorKind::Other));
    let error = writer.sync().unwrap_err();
    assert_eq!((error.first.get(), error.end.get()), (1, 6));
    assert_eq!(writer.buffered_records(), 0);
    writer.append(NOW, 1, b"after").unwrap();
    writer.flush(Durability::Disk).unwrap();
    writer.sync().unwrap();
    assert_eq!(payloads(&storage, &writer), ["after"]);
    drop(writer);
    let (writer, _) = open(&storage);
    assert_eq!(payloads(&storage, &writer), ["after"]);
}

#[test]
fn d_05_without_space_for_a_segment_records_are_refused_until_there_is_some() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[&[b'a'; 3000]]);
    storage.inject(Operation::Allocate, 0, Effect::Fail(ErrorKind::StorageFull));
    match writer.append(NOW, 1, &[b'b'; 3000]) {
        Err(AppendError::NoSegment { id: Some(id), kind: ErrorKind::StorageFull }) => assert_eq!(id.get(), 2),
        other => panic!("{other:?}"),
    }
    // A smaller record still fits; a large one does not ask the disk again within the second.
    assert_eq!(write(&mut writer, &[b"small"]), [3]);
    let asked = storage.count(Operation::Create);
    assert!(matches!(writer.append(NOW.plus(999), 1, &[b'c'; 3000]), Err(AppendError::NoSegment { .. })));
    assert_eq!(storage.count(Operation::Create), asked);
    assert_eq!(writer.append(NOW.plus(1000), 1, &[b'd'; 3000]).unwrap().get(), 5);
    writer.flush(Durability::Process).unwrap();
    let (records, damage) = read_all(&storage, Some(writer.tail()));
    assert_eq!(records.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 3, 5]);
    assert_eq!(damage, []);
}

#[test]
fn d_05_every_step_of_making_a_segment_may_fail_or_be_cut_short() {
    let steps = [
        Operation::Create,
        Operation::Allocate,
        Operation::Write,
        Operation::Sync,
        Operation::Rename,
        Operation::SyncDir,
    ];
    for step in steps {
        for seed in 0..8 {
            let storage = FaultStorage::new();
            let (mut writer, _) = open(&storage);
            let given = write(&mut writer, &[b"kept"]);
            writer.flush(Durability::Disk).unwrap();
            writer.sync().unwrap();
            storage.inject(step, 0, Effect::Fail(ErrorKind::Other));
            writer.preparer().prepare_next(NOW).unwrap_err();
            drop(writer);
            storage.cut_power(seed);
            let (mut writer, recovery) = open(&storage);
            assert_eq!(recovery.damage, [], "{step:?} {seed}");
            assert!(write(&mut writer, &[b"after"]) > given);
            assert_eq!(payloads(&storage, &writer), ["kept", "after"], "{step:?} {seed}");
            assert!(storage.paths().iter().all(|path| path.extension().is_none_or(|ext| ext != "tmp")));
        }
    }
}

#[test]
fn d_05_a_failed_preparation_is_made_up_by_the_writer() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    storage.inject(Operation::SyncDir, 0, Effect::Fail(ErrorKind::Other));
    writer.preparer().prepare_next(NOW).unwrap_err();
    write(&mut writer, &[&[b'a'; 3000], &[b'b'; 3000]]);
    assert_eq!(segments(&storage), [segment(1), segment(2)]);
    assert_eq!(payloads(&storage, &writer).len(), 2);
}

#[test]
fn d_05_a_fault_meant_for_the_written_segment_does_not_meet_the_one_that_is_made_ahead() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    storage.inject_on(&segment(1), Operation::Sync, 0, Effect::Fail(ErrorKind::Other));
    writer.preparer().prepare_next(NOW).unwrap();
    writer.append(NOW, 1, b"lost").unwrap();
    writer.flush(Durability::Disk).unwrap();
    assert_eq!(writer.sync().unwrap_err().step, "sync");
}

#[test]
fn d_05_a_full_disk_is_told_from_a_broken_one() {
    let full = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded];
    for kind in
        [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::Other, ErrorKind::ReadOnlyFilesystem]
    {
        let storage = FaultStorage::new();
        let (mut writer, _) = open(&storage);
        writer.append(NOW, 1, &[b'a'; 3000]).unwrap();
        storage.inject(Operation::Write, 0, Effect::Fail(kind));
        assert_eq!(
            writer.flush(Durability::Process).unwrap_err().is_disk_full(),
            full.contains(&kind),
            "{kind}"
        );
        for _ in 0..2 {
            // The second time it is answered without asking the disk again.
            storage.inject(Operation::Create, 0, Effect::Fail(kind));
            let refused = writer.append(NOW, 1, b"b").unwrap_err();
            assert_eq!(refused.is_disk_full(), full.contains(&kind), "{refused}");
        }
    }
    let storage = FaultStorage::new();
    let too_large = open(&storage).0.append(NOW, 1, &[]).unwrap_err();
    assert!(!too_large.is_disk_full());
}

#[test]
fn d_05_a_disk_that_cannot_be_written_at_the_start_refuses_the_start_and_touches_nothing() {
    for operation in
        [Operation::Create, Operation::Allocate, Operation::Write, Operation::Sync, Operation::SyncDir]
    {
        let storage = FaultStorage::new();
        let (mut writer, _) = open(&storage);
        write(&mut writer, &[b"kept"]);
        drop(writer);
        // The recovery of one segment syncs once before a new one is made.
        let skip = u32::from(operation == Operation::Sync);
        storage.inject(operation, skip, Effect::Fail(ErrorKind::ReadOnlyFilesystem));
        let storage_again = Arc::new(storage.clone());
        let refused =
            SpoolWriter::open_in(storage_again, DIR.as_ref(), IDENTITY, options(), NOW).unwrap_err();
        assert!(
            matches!(refused, OpenError::Io { step: "make a segment", .. }),
            "{operation:?}: {refused:?}"
        );
        storage.clear_faults();
        let (writer, _) = open(&storage);
        assert_eq!(payloads(&storage, &writer), ["kept"], "{operation:?}");
    }
}

#[test]
fn d_05_a_disk_that_cannot_be_read_stops_the_reader_where_it_was() {
    let storage = FaultStorage::new();
    let (mut writer, _) = open(&storage);
    write(&mut writer, &[b"one", b"two"]);
    let mut reader = reader(&storage, Some(writer.tail()));
    let start = reader.position();
    let mut batch = Batch::default();
    storage.inject(Operation::Read, 1, Effect::Fail(ErrorKind::Other));
    reader.next_batch(ALL, &mut batch).unwrap_err();
    assert_eq!((reader.position(), batch.len()), (start, 0));
    assert_eq!(reader.next_batch(ALL, &mut batch).unwrap(), ReadOutcome::CaughtUp);
    assert_eq!((batch.len(), batch.damage()), (2, [].as_slice()));
}

#[test]
fn d_05_a_segment_that_cannot_be_filled_with_zeros_is_not_left_behind() {
    for failing in 0..4 {
        let storage = FaultStorage::new();
        let (mut writer, _) = open_as(&storage, prefilled());
        write(&mut writer, &[b"kept"]);
        let operation = if failing % 2 == 0 { Operation::Write } else { Operation::Sync };
        storage.inject(operation, failing / 2, Effect::Fail(ErrorKind::StorageFull));
        writer.preparer().prepare_next(NOW).unwrap_err();
        assert!(storage.paths().iter().all(|path| path.extension().is_none_or(|ending| ending != "tmp")));
        write(&mut writer, &[&[b'a'; 3000], &[b'b'; 3000]]);
        assert_eq!(payloads(&storage, &writer).len(), 3);
    }
}
