//! A stream on a disk in memory, and short words for what the tests do with it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hopline_spool::testing::FaultStorage;
use hopline_spool::{
    Batch, BatchLimits, Damage, Durability, Position, Recovery, SharedTail, SpoolOptions, SpoolReader,
    SpoolWriter, StreamIdentity,
};
use hopline_types::UnixMillis;

pub(crate) const DIR: &str = "/spool/edge-1";
pub(crate) const NOW: UnixMillis = UnixMillis(1_700_000_000_000);
pub(crate) const IDENTITY: StreamIdentity = StreamIdentity { edge: 1, stream: 2 };
pub(crate) const HEADER: usize = 64;
pub(crate) const OVERHEAD: usize = 21;

pub(crate) fn options() -> SpoolOptions {
    SpoolOptions {
        segment_bytes_max: 4096,
        buffer_bytes_max: 1 << 20,
        segment_age_max: Duration::from_secs(3600),
        known_id: None,
        prefill: false,
    }
}

/// As [`options`], with new segments full of zeros.
pub(crate) fn prefilled() -> SpoolOptions {
    SpoolOptions { prefill: true, ..options() }
}

pub(crate) fn open_as(storage: &FaultStorage, options: SpoolOptions) -> (SpoolWriter, Recovery) {
    SpoolWriter::open_in(Arc::new(storage.clone()), Path::new(DIR), IDENTITY, options, NOW).unwrap()
}

/// A stream in a segment full of zeros, its second.
pub(crate) fn open_filled(storage: &FaultStorage) -> SpoolWriter {
    let (writer, _) = open_as(storage, prefilled());
    writer.preparer().prepare_next(NOW).unwrap();
    writer
}

pub(crate) fn open(storage: &FaultStorage) -> (SpoolWriter, Recovery) {
    open_as(storage, options())
}

pub(crate) fn reader(storage: &FaultStorage, tail: Option<Arc<SharedTail>>) -> SpoolReader {
    SpoolReader::open_in(Arc::new(storage.clone()), Path::new(DIR), Position::START, tail).unwrap()
}

pub(crate) const ALL: BatchLimits =
    BatchLimits { records_max: usize::MAX, bytes_max: usize::MAX, until: None };

/// Appends records and flushes them together; gives their ids.
pub(crate) fn write(writer: &mut SpoolWriter, payloads: &[&[u8]]) -> Vec<u64> {
    let ids = payloads.iter().map(|payload| writer.append(NOW, 1, payload).unwrap().get()).collect();
    writer.flush(Durability::Process).unwrap();
    ids
}

/// What a new reader finds: ids with payloads, and damage.
pub(crate) fn read_all(
    storage: &FaultStorage,
    tail: Option<Arc<SharedTail>>,
) -> (Vec<(u64, Vec<u8>)>, Vec<Damage>) {
    let mut batch = Batch::default();
    reader(storage, tail).next_batch(ALL, &mut batch).unwrap();
    let records = batch.iter().map(|record| (record.id.get(), record.payload.to_vec())).collect();
    (records, batch.damage().to_vec())
}

pub(crate) fn payloads(storage: &FaultStorage, writer: &SpoolWriter) -> Vec<String> {
    let (records, _) = read_all(storage, Some(writer.tail()));
    records.into_iter().map(|(_, payload)| String::from_utf8(payload).unwrap()).collect()
}

pub(crate) fn segment(number: u32) -> PathBuf {
    Path::new(DIR).join(format!("{number:08x}.seg"))
}

pub(crate) fn segments(storage: &FaultStorage) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "seg");
    storage.paths().into_iter().filter(is_segment).collect()
}
