//! The same on the real disk: what the disk in memory promises must be true of it as well.

use std::time::Duration;

use hopline_spool::{
    Batch, Durability, OpenError, Position, ReadOutcome, ShippedMark, SpoolOptions, SpoolReader, SpoolWriter,
};

use crate::harness::{ALL, IDENTITY, NOW};

fn options() -> SpoolOptions {
    SpoolOptions {
        segment_bytes_max: 256 * 1024,
        buffer_bytes_max: 64 * 1024,
        segment_age_max: Duration::from_secs(3600),
        known_id: None,
        prefill: false,
    }
}

#[test]
fn records_pass_through_the_real_disk_over_restarts_and_are_removed_once_shipped() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("a/b/edge-1");
    let mut expected = Vec::new();
    for run in 0..3_u8 {
        let (mut writer, recovery) = SpoolWriter::open(&dir, IDENTITY, options(), NOW).unwrap();
        assert_eq!(recovery.cuts, []);
        for turn in 0..40_u8 {
            let payload = vec![run * 40 + turn; 20_000];
            let id = writer.append(NOW, run, &payload).unwrap();
            expected.push((id, payload));
            writer.flush(Durability::Disk).unwrap();
            writer.preparer().prepare_next(NOW).unwrap();
        }
        writer.sync().unwrap();
        // Not flushed: lost with the process.
        writer.append(NOW, run, b"never").unwrap();
    }
    let (writer, recovery) = SpoolWriter::open(&dir, IDENTITY, options(), NOW).unwrap();
    assert!(recovery.segments_kept >= 9);
    let mut reader = SpoolReader::open(&dir, Position::START, Some(writer.tail())).unwrap();
    let mut batch = Batch::default();
    assert_eq!(reader.next_batch(ALL, &mut batch).unwrap(), ReadOutcome::CaughtUp);
    let read: Vec<_> = batch.iter().map(|record| (record.id, record.payload.to_vec())).collect();
    assert_eq!(read, expected);
    assert_eq!(batch.damage(), []);
    let mark = ShippedMark { shipped: batch.end(), planned: None };
    mark.store(&dir).unwrap();
    assert_eq!(ShippedMark::load(&dir).unwrap(), Some(mark));
    assert!(reader.delete_before(mark.shipped).unwrap() >= 9);
    assert_eq!(reader.backlog(mark.shipped).unwrap().bytes, 0);
}

#[test]
fn the_real_lock_keeps_a_second_writer_out_until_the_first_is_dropped() {
    let home = tempfile::tempdir().unwrap();
    let (writer, _) = SpoolWriter::open(home.path(), IDENTITY, options(), NOW).unwrap();
    let second = SpoolWriter::open(home.path(), IDENTITY, options(), NOW);
    assert!(matches!(second, Err(OpenError::Held { .. })), "{second:?}");
    drop(writer);
    SpoolWriter::open(home.path(), IDENTITY, options(), NOW).unwrap();
}

#[test]
fn a_reader_on_another_thread_sees_every_record_once_and_in_order() {
    let home = tempfile::tempdir().unwrap();
    let (mut writer, _) = SpoolWriter::open(home.path(), IDENTITY, options(), NOW).unwrap();
    let mut reader = SpoolReader::open(home.path(), Position::START, Some(writer.tail())).unwrap();
    let shipper = std::thread::spawn(move || {
        let mut seen = Vec::new();
        let mut batch = Batch::default();
        while seen.len() < 2_000 {
            reader.next_batch(ALL, &mut batch).unwrap();
            assert_eq!(batch.damage(), []);
            seen.extend(batch.iter().map(|record| (record.id.get(), record.payload[0])));
            reader.delete_before(batch.end()).unwrap();
            std::thread::yield_now();
        }
        seen
    });
    let mut written = Vec::new();
    for byte in (0..=250_u8).cycle().take(2_000) {
        written.push((writer.append(NOW, 1, &[byte; 1_000]).unwrap().get(), byte));
        writer.flush(Durability::Process).unwrap();
    }
    assert_eq!(shipper.join().unwrap(), written);
}
