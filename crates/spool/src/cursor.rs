//! Walks the frames of one segment, reading it in large pieces.

use std::io;
use std::sync::Arc;

use crate::format::{FRAME_BYTES_MAX, Frame, SegmentHeader, check_frame};
use crate::storage::SegmentFile;

const WINDOW_BYTES: usize = 4 * FRAME_BYTES_MAX;
const ZEROS: [u8; 4096] = [0; 4096];

/// A segment's file and the piece of it that was read last. Never shows a byte at or after `end`.
#[derive(Debug)]
pub(crate) struct Cursor {
    file: Arc<dyn SegmentFile>,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
}

/// What lies at an offset.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// An intact frame.
    Frame(Frame),
    /// Bytes that are no frame, up to `to`, where an intact frame is.
    Gap { to: u64 },
    /// Bytes that are no frame, up to the end; the last that is not zero lies before `used`.
    Rest { used: u64 },
    /// The end, or nothing but zeros up to it.
    End,
}

impl Cursor {
    pub(crate) fn new(file: Arc<dyn SegmentFile>, end: u64) -> Self {
        Self { file, end, window: Vec::new(), window_start: 0 }
    }

    pub(crate) fn file(&self) -> &Arc<dyn SegmentFile> {
        &self.file
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// Moves the end, as the writer goes on. A smaller end forgets what was read after it.
    pub(crate) fn set_end(&mut self, end: u64) {
        if end < self.end {
            self.window.clear();
        }
        self.end = end;
    }

    /// The bytes from `offset` on: `want` of them or more, or all up to the end.
    pub(crate) fn bytes(&mut self, offset: u64, want: usize) -> io::Result<&[u8]> {
        let left = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let inside = offset.checked_sub(self.window_start).and_then(|skip| usize::try_from(skip).ok());
        let have = inside.and_then(|skip| self.window.len().checked_sub(skip)).unwrap_or(0);
        if have < want.min(left) {
            self.window.resize(left.min(WINDOW_BYTES.max(want)), 0);
            let read = self.file.read_full_at(&mut self.window, offset);
            self.window.truncate(*read.as_ref().unwrap_or(&0));
            self.window_start = offset;
            read?;
            return Ok(&self.window);
        }
        Ok(inside.and_then(|skip| self.window.get(skip..)).unwrap_or_default())
    }

    /// Looks at what lies at `offset`, where a frame should begin with an id of at least `floor`.
    pub(crate) fn step(&mut self, offset: u64, header: &SegmentHeader, floor: u64) -> io::Result<Step> {
        if offset >= self.end {
            return Ok(Step::End);
        }
        match check_frame(self.bytes(offset, FRAME_BYTES_MAX)?, header, floor) {
            Some(frame) => Ok(Step::Frame(frame)),
            None => self.search(offset, header, floor),
        }
    }

    /// Looks for the next intact frame. The checksum's seed is known to nobody outside the machine, so that
    /// bytes within a record cannot pass for a frame.
    #[cold]
    fn search(&mut self, from: u64, header: &SegmentHeader, floor: u64) -> io::Result<Step> {
        let end = self.end;
        let mut at = from;
        let mut used = from;
        while at < end {
            let bytes = self.bytes(at, FRAME_BYTES_MAX)?;
            let is_last = at + bytes.len() as u64 >= end || bytes.len() < FRAME_BYTES_MAX;
            // Within one piece, every start at which the longest frame would still fit.
            let starts = if is_last { bytes.len() } else { bytes.len() - FRAME_BYTES_MAX + 1 };
            let mut start = 0;
            while start < starts {
                // Reserved space is zeros for megabytes. A frame's first three bytes are never all zero, so only
                // the last two zeros of a run can begin one.
                if bytes.get(start..start + ZEROS.len()) == Some(&ZEROS) {
                    start += ZEROS.len() - 2;
                    continue;
                }
                let here = at + start as u64;
                if here > from && check_frame(&bytes[start..], header, floor).is_some() {
                    return Ok(Step::Gap { to: here });
                }
                if bytes[start] != 0 {
                    used = here + 1;
                }
                start += 1;
            }
            if is_last {
                break;
            }
            at += start as u64;
        }
        Ok(if used > from { Step::Rest { used } } else { Step::End })
    }
}
