//! Append-only, checksummed segment files: durable before the answer leaves.
//!
//! A *stream* is one directory, written by one thread and read by one shipper, which may be another thread.
//! The spool knows bytes and positions; it knows nothing of clicks, stores or networks, has no threads of
//! its own, and takes the time as an argument. It does not replicate, compress or encrypt.
//!
//! ```no_run
//! # use hopline_spool::*; use hopline_types::UnixMillis; use std::path::Path;
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (dir, now) = (Path::new("spool/1"), UnixMillis(0));
//! let identity = StreamIdentity { edge: 1, stream: 0 };
//! let (mut writer, recovery) = SpoolWriter::open(dir, identity, SpoolOptions::default(), now)?;
//! let id = writer.next_id(now)?; // to be built into the record
//! assert_eq!(writer.append(now, 1, b"a record")?, id);
//! writer.flush(Durability::Process)?; // with `Disk`: then `sync_handle`, `sync`, `publish_synced`
//!
//! let mark = ShippedMark::load(dir)?.map_or(Position::START, |mark| mark.shipped);
//! let mut reader = SpoolReader::open(dir, mark, Some(writer.tail()))?;
//! let (mut batch, limits) = (Batch::default(), BatchLimits { records_max: 1000, bytes_max: 1 << 20, until: None });
//! reader.next_batch(limits, &mut batch)?;
//! for record in batch.iter() { /* store it */ }
//! ShippedMark { shipped: batch.end(), planned: None }.store(dir)?;
//! reader.delete_before(batch.end())?;
//! # Ok(()) }
//! ```
//!
//! # Files of a stream
//!
//! | name | content |
//! | --- | --- |
//! | `{number, 8 hex digits}.seg` | a segment: header, frames, perhaps zeros (space reserved) |
//! | `shipped` | how far the stream is shipped: [`ShippedMark`] |
//! | `dead.letters` | records that no store takes: [`DeadLetters`] |
//! | `damaged/{segment}-{offset, 8 hex digits}.bytes` | bytes that were no record, as they were found |
//! | `damaged/dead.letters-{offset}-{checksum}.bytes` | bytes that were no letter, as they were found |
//! | `dead.letters-{bytes}-{checksum}.foreign` | what had the name of the dead letters and was none |
//! | `lock` | held by the writer while it lives |
//! | `*.tmp` | a file in the making; removed when the stream is opened |
//!
//! All numbers are little-endian; a checksum is CRC-32 (IEEE). In every version of the format the magic,
//! the version and the place of a header's checksum stay.
//!
//! Segment header, 64 bytes:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 8 | magic `HLSPOOL\n` |
//! | 8 | 2 | format version, 1 |
//! | 10 | 2 | edge |
//! | 12 | 1 | stream |
//! | 13 | 3 | zero |
//! | 16 | 8 | segment number |
//! | 24 | 8 | no record in the segment has a smaller id |
//! | 32 | 8 | every record in the segment has a smaller id |
//! | 40 | 8 | created at, milliseconds since 1970 UTC, signed |
//! | 48 | 4 | seed of the frames' checksums, random |
//! | 52 | 8 | zero |
//! | 60 | 4 | checksum of bytes 0 to 59 |
//!
//! Frame, 21 bytes and the record:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | length of the record, 1 to 65,536; 0 = nothing written from here on |
//! | 4 | 4 | checksum of bytes 0 to 3 and 8 to the end, started from the segment's seed |
//! | 8 | 8 | record id |
//! | 16 | 4 | appended at, milliseconds after the segment's creation (ends of the range where outside) |
//! | 20 | 1 | the caller's kind |
//! | 21 | length | the record |
//!
//! `shipped`, 48 bytes: magic `HLSHIPD\n`, 8; version, 2; zero, 2; position: segment 4, offset 4, zero 4, next
//! id 8; id after the planned batch, 8 (0 = none); zero, 4; checksum of bytes 0 to 43, 4.
//! `dead.letters`: magic `HLDEAD1\n`, then per letter: length of reason and record, 4; checksum of all but
//! itself, 4; record id, 8; moved at, 8; length of the reason, 2; kind, 1; reason (UTF-8); record.
//!
//! # Guarantees
//!
//! - **Ids rise and are never given twice**, whatever is killed, cut or lost, as long as one of the newest
//!   segments or the mark survives, or the caller says how far a store has come ([`SpoolOptions::known_id`]). Every id that is given lies below the limit in the header of a segment
//!   that was synced, name included, before; a new run begins at the largest limit found. So an id has gaps
//!   of up to 2^21 at a restart (2^40 ids suffice for 500,000 restarts), none at a change of segments. An id
//!   that was announced is used up even if its record was refused.
//! - **What counts as written** is read exactly once by a reader that goes on where it stopped: after the
//!   flush with `relaxed` and `process` (survives kill -9), after the sync with `disk` (survives a power
//!   cut). A power cut may take from `process` what the kernel had not written back, usually the last 30
//!   seconds, and with holes. Readers never see more than what counts as written.
//! - **A batch read again** between the same position and id is the same, once [`SpoolReader::sync_batch`]
//!   was called before planning it (or with `disk`).
//! - Nothing that was written is destroyed before it is shipped: broken bytes are copied to `damaged/` first.
//!
//! # Failures
//!
//! | what | outcome | seen in |
//! | --- | --- | --- |
//! | short write | continued | nothing: nobody lost anything |
//! | write fails | the whole flush is refused ([`FlushError`] names its ids); segment cut back and left | `unavailable` |
//! | sync fails | everything since the last good sync is refused, the buffer too; segments cut back and left, never trusted again | `unavailable` |
//! | full disk, read-only disk | as above, or no new segment: records are refused once the current one is full; tried once a second | `unavailable`, before it `hopline_spool_disk_free_bytes` |
//! | disk fails while a stream is opened | the opening is refused, to be repeated | no start |
//! | record empty or too large | refused by itself with its id used up: a dead letter | `hopline_ship_dead_letters_total` |
//! | torn end | cut at the next opening after the last intact record, kept aside, reported | [`Recovery`] |
//! | broken bytes elsewhere | the reader looks for the next intact record, keeps the bytes aside, reports | `hopline_spool_damage_total` |
//! | broken bytes in the dead letters | kept aside; letters behind them are read, a torn end is cut before the next one | `hopline_spool_damage_total` |
//! | broken header, missing file | the segment is passed over and reported | `hopline_spool_damage_total` |
//! | disk does not read | the reader stays where it was | `hopline_ship_failures_total` |
//! | newer format, other identity, second writer | refused, nothing touched | no start |
//!
//! `unavailable` is what the edge counts in `hopline_edge_requests_total`, one for each visitor who was refused. Whether a
//! disk is full or broken, [`AppendError::is_disk_full`] and [`FlushError::is_disk_full`] say (ENOSPC, EDQUOT), so that
//! a caller may treat the two differently, for example let visitors pass without a record.
//!
//! Three edges of this. A torn end is what no intact record follows: where one does follow, in the last segment
//! too, the damage is a broken record like any other, and what comes after it is kept rather than cut,
//! because it may have been acknowledged. And when the disk refuses a write and then also the cut of the
//! segment, records that were refused may be read after the next restart: an unacknowledged record appears
//! at most once, not never. And where the sync of a segment fails that nobody waits for, at the next opening or before a
//! batch is planned, the kernel may call its pages clean: a later sync that succeeds proves nothing. Nothing that was
//! acknowledged with `disk` is in there; but a power cut may then take records from a batch that was planned.
//!
//! Looking for the next record is safe against records that contain frames: the checksum's seed is random
//! for each segment and leaves the machine with none of its answers.
//!
//! # Fault points
//!
//! The steps of writing, making a segment and recovering are points of `hopline-fault`, so that tests of the whole
//! program can end, fail or delay it there. [`testing`] has a disk in memory that forgets what was not synced.
//!
//! # Limits
//!
//! Record 64 KiB ([`RECORD_BYTES_MAX`]; less where segments are smaller); segment 4 KiB to 4 GiB, default
//! 64 MiB, and 2^20 records; a segment takes records for an hour by default, so that shipped ones leave the
//! disk also where traffic is thin; buffer 4 MiB by default, of two segments at most. The disk holds one
//! segment more than is in use, made ahead by [`Preparer`].
//!
//! # Sums
//!
//! Per flush: one pwrite, no sync, no allocation once warm, one atomic store; two pwrites and a map insert
//! at a change of segments. Per sync: one fdatasync and one small allocation. Per record: 21 bytes, one
//! checksum, one copy. Per segment made ahead: create, allocate, pwrite, fdatasync, rename, fsync of the
//! directory. Per batch read: one pread for each 256 KiB.
//!
//! With [`SpoolOptions::prefill`] a segment made ahead is written full of zeros, a MiB and an fdatasync at a time, so that
//! the syncs of records change neither sizes nor extents. That writes every byte of a stream twice and takes the preparer
//! 0.3 to 0.8 s for 64 MiB instead of 1 to 20 ms, away from the writer; it takes no more room, which is reserved anyway.
//! Measured on ext4 on a virtual disk that others used too, groups of 64 records of 150 bytes, three rounds each: a flush
//! and its sync take 0.17 to 0.20 ms at the median instead of 0.29 to 0.36 ms, and 0.7 to 8 ms instead of 5 to 13 ms at
//! p99; beside a preparer that fills, 0.16 to 0.20 ms and 9 to 13 ms. A start makes its first segment without zeros, in a
//! millisecond, and moves on as soon as a filled one is ready. File systems that never write in place (btrfs, ZFS) gain
//! nothing. Zeros are the end of the data: a frame's length is never zero. Recovery reads the last segment to its end,
//! zeros included, and the one made ahead: 0.07 to 0.25 s for two of 64 MiB, with or without zeros.

mod backlog;
mod cursor;
mod damage;
mod dead_letters;
mod error;
mod format;
mod ids;
mod mark;
mod reader;
mod recent;
mod segment;
mod storage;
mod tail;
#[doc(hidden)]
pub mod testing;
mod writer;

pub use backlog::Backlog;
pub use damage::{Damage, DamageKind};
pub use dead_letters::{
    DeadLetter, DeadLetterError, DeadLetters, LetterDamage, LetterDamageKind, REASON_BYTES_MAX,
};
pub use error::{AppendError, FlushError, MarkError, OpenError, ReadError};
pub use ids::{Position, RecordId, RecordIdError, StreamIdentity};
pub use mark::ShippedMark;
pub use reader::{Batch, BatchLimits, ReadOutcome, RecordRef, SpoolReader};
pub use recent::position_before_end;
pub use segment::SegmentNumber;
pub use storage::{DirEntry, DirLock, FsStorage, SegmentFile, Storage, disk_free_bytes};
pub use tail::{SharedTail, TailPoint};
pub use writer::{
    Cut, Durability, Flushed, Preparer, Recovery, SpoolOptions, SpoolWriter, SyncHandle, SyncOutcome,
};

pub use format::{FRAME_OVERHEAD_BYTES, RECORD_BYTES_MAX, RECORDS_PER_SEGMENT_MAX, SEGMENT_HEADER_BYTES};
