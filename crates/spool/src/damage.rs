//! What was found broken, and where it is put aside.

use std::io;
use std::path::Path;

use crate::cursor::Cursor;
use crate::segment::{SegmentNumber, write_durably};
use crate::storage::{SegmentFile, Storage};

/// A broken stretch of a segment. Its bytes were copied to `damaged/` before the reader went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment.
    pub segment: SegmentNumber,
    /// Where the stretch begins, in bytes from the segment's start.
    pub offset: u64,
    /// Its bytes.
    pub bytes: u64,
    /// What is wrong.
    pub kind: DamageKind,
    /// Why the copy under `damaged/` could not be made, if so. The reader goes on all the same.
    pub not_kept: Option<io::ErrorKind>,
}

/// What is wrong with a stretch of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DamageKind {
    /// The segment's header does not check: nothing of it can be read.
    Header,
    /// Bytes that are no record, with intact records after them.
    Record,
    /// Bytes that are no record, up to the segment's end.
    Rest,
    /// The segment's file is missing though it held records to read.
    Missing,
}

impl DamageKind {
    /// One word, for a metric's label.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Record => "record",
            Self::Rest => "rest",
            Self::Missing => "missing",
        }
    }
}

/// Copies a stretch to `damaged/{segment}-{offset}.bytes`, durably. Doing it again changes nothing.
#[cold]
pub(crate) fn set_aside(
    storage: &dyn Storage,
    dir: &Path,
    segment: SegmentNumber,
    cursor: &mut Cursor,
    from: u64,
    to: u64,
) -> io::Result<()> {
    let damaged = dir.join("damaged");
    storage.create_dir(&damaged)?;
    let path = damaged.join(format!("{segment}-{from:08x}.bytes"));
    let copy = |file: &dyn SegmentFile| {
        let mut at = from;
        while at < to {
            let bytes = cursor.bytes(at, 1)?;
            let left = usize::try_from(to - at).unwrap_or(usize::MAX);
            let piece = bytes.get(..left.min(bytes.len())).filter(|piece| !piece.is_empty());
            let Some(piece) = piece else { break };
            file.write_all_at(piece, at - from)?;
            at += piece.len() as u64;
        }
        Ok(())
    };
    write_durably(storage, &path, copy).map(drop)
}
