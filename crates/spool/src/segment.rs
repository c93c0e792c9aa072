//! Segment files: their names and how one comes to be.

use std::io;
use std::path::Path;
use std::sync::Arc;

use hopline_fault::{Point, point};

use crate::format::SegmentHeader;
use crate::storage::{SegmentFile, Storage};

/// The number of a segment within its stream: 1 and up, never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentNumber(pub(crate) u32);

impl SegmentNumber {
    /// Before every segment.
    pub(crate) const START: Self = Self(0);

    /// A segment's number as it was stored by a caller.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number after this one. A stream ends long before: its ids are used up first.
    pub(crate) const fn following(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    pub(crate) fn file_name(self) -> String {
        format!("{:08x}.seg", self.0)
    }

    /// The number in a segment's file name; `None` for every other name.
    pub(crate) fn from_file_name(name: &str) -> Option<Self> {
        let digits = name.strip_suffix(".seg")?;
        let lower = digits.len() == 8 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if lower { u32::from_str_radix(digits, 16).ok().map(Self) } else { None }
    }
}

impl std::fmt::Display for SegmentNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// Zeros written at a time, and synced: the queue of the disk stays short for the writer's own syncs.
const ZEROS_BYTES: usize = 1024 * 1024;

/// How a new segment gets its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filling {
    /// Its space is reserved where the file system can; reads as zeros.
    Reserved,
    /// Zeros are written, so that later writes change data alone.
    Zeros,
}

/// A segment that can be written.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) header: SegmentHeader,
    pub(crate) file: Arc<dyn SegmentFile>,
    pub(crate) filling: Filling,
}

impl Segment {
    /// Makes a segment durably, space and name included. After a failure there is none under its name, or
    /// one that nobody uses and that the next attempt replaces.
    pub(crate) fn create(
        storage: &dyn Storage,
        dir: &Path,
        header: SegmentHeader,
        bytes: u32,
        filling: Filling,
    ) -> io::Result<Self> {
        point(Point::SegmentCreateBefore)?;
        let path = dir.join(header.number.file_name());
        let fill = |file: &dyn SegmentFile| {
            file.allocate(u64::from(bytes))?;
            if filling == Filling::Zeros {
                write_zeros(file, u64::from(bytes))?;
            }
            point(Point::SegmentFill)?;
            file.write_all_at(&header.encode(), 0)
        };
        let file = write_durably(storage, &path, fill)?;
        point(Point::SegmentCreateAfter)?;
        Ok(Self { header, file, filling })
    }
}

fn write_zeros(file: &dyn SegmentFile, len: u64) -> io::Result<()> {
    let zeros = vec![0; ZEROS_BYTES];
    let mut at = 0;
    while at < len {
        let left = usize::try_from(len - at).unwrap_or(usize::MAX);
        let piece = zeros.get(..left.min(zeros.len())).unwrap_or_default();
        file.write_all_at(piece, at)?;
        file.sync_data()?;
        at += piece.len() as u64;
    }
    Ok(())
}

/// Makes or replaces a file: another name, content, sync, rename, sync of the directory. After any crash the
/// old file or the new one is there, whole.
pub(crate) fn write_durably(
    storage: &dyn Storage,
    path: &Path,
    fill: impl FnOnce(&dyn SegmentFile) -> io::Result<()>,
) -> io::Result<Arc<dyn SegmentFile>> {
    let temporary = path.with_extension("tmp");
    let attempt = || {
        let file = storage.create(&temporary)?;
        fill(file.as_ref())?;
        file.sync_data()?;
        storage.rename(&temporary, path)?;
        storage.sync_dir(path.parent().unwrap_or(Path::new(".")))?;
        Ok(file)
    };
    attempt().inspect_err(|_| {
        // Gives its space back; what stays is removed at the next open.
        drop(storage.remove(&temporary));
    })
}

/// The segments of a directory in the order of their numbers, with the lengths of their files.
pub(crate) fn list_segments(storage: &dyn Storage, dir: &Path) -> io::Result<Vec<(SegmentNumber, u64)>> {
    let entries = storage.list(dir)?;
    let mut segments: Vec<_> = entries
        .iter()
        .filter_map(|entry| SegmentNumber::from_file_name(&entry.name).map(|number| (number, entry.len)))
        .collect();
    segments.sort_unstable();
    Ok(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lower_case_names_are_segments() {
        assert_eq!(SegmentNumber(0xab).file_name(), "000000ab.seg");
        assert_eq!(SegmentNumber::from_file_name("000000ab.seg"), Some(SegmentNumber(0xab)));
        for name in ["000000AB.seg", "ab.seg", "000000ab.tmp", "+00000ab.seg", "000000ab.seg.seg", "lock"] {
            assert_eq!(SegmentNumber::from_file_name(name), None, "{name}");
        }
    }
}
