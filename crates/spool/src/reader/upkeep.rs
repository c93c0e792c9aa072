//! What a reader does besides reading: removing what was shipped, measuring what waits, and making durable
//! what it is about to promise.

use std::io;

use super::SpoolReader;
use crate::backlog::Backlog;
use crate::cursor::{Cursor, Step};
use crate::error::ReadError;
use crate::format::{HeaderCheck, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::ids::Position;
use crate::segment::{SegmentNumber, list_segments};

impl SpoolReader {
    /// Removes the segments that lie wholly before a position; never the one that is written, nor, without
    /// a writer, the last. Gives how many were removed. Store the mark first.
    ///
    /// # Errors
    /// A disk that refuses; some may be gone.
    pub fn delete_before(&mut self, position: Position) -> Result<u64, ReadError> {
        let segments = self.segments()?;
        let last = segments.last().map_or(SegmentNumber::START, |(number, _)| *number);
        let keep_from = position.segment.min(self.tail.as_ref().map_or(last, |tail| tail.get().segment));
        let mut removed = 0;
        for (number, _) in segments.into_iter().take_while(|(number, _)| *number < keep_from) {
            let path = self.dir.join(number.file_name());
            match self.storage.remove(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(ReadError::Io { path, source }),
                Ok(()) => removed += 1,
            }
            if let Some(tail) = &self.tail {
                tail.forget(number);
            }
        }
        Ok(removed)
    }

    /// What waits after a position. Without a writer, space that was never written counts as waiting.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn backlog(&self, after: Position) -> Result<Backlog, ReadError> {
        let tail = self.tail.as_ref().map(|tail| tail.get());
        let mut backlog = Backlog::default();
        for (number, len) in self.segments()? {
            if number < after.segment || tail.is_some_and(|tail| number > tail.segment) {
                continue;
            }
            let live = tail.filter(|tail| tail.segment == number).map(|tail| tail.offset);
            let end = live.or_else(|| self.tail.as_ref().and_then(|tail| tail.end_of(number)));
            let end = end.map_or(len, u64::from);
            let start = if number == after.segment { after.offset } else { 0 };
            let start = u64::from(start.max(SEGMENT_HEADER_BYTES));
            if end <= start {
                continue;
            }
            backlog.bytes += end - start;
            backlog.segments += 1;
            if backlog.oldest_at.is_none() {
                let path = self.dir.join(number.file_name());
                backlog.oldest_at =
                    self.written_at(number, start, end).map_err(|source| ReadError::Io { path, source })?;
            }
        }
        Ok(backlog)
    }

    /// Syncs the files that the last batch came from. A batch that is planned in the mark must not change
    /// by a power cut afterwards. With durability `disk` what this run has written is synced already, and is left
    /// alone: a sync that fails here could hide the failure from the writer.
    ///
    /// # Errors
    /// A disk that refuses: do not plan the batch.
    pub fn sync_batch(&self) -> Result<(), ReadError> {
        let synced = self.touched.iter().try_for_each(|file| file.sync_data());
        synced.map_err(|source| ReadError::Io { path: self.dir.clone(), source })
    }

    /// When the first record from `start` on was appended; where none can be read, when its segment began.
    fn written_at(
        &self,
        number: SegmentNumber,
        start: u64,
        end: u64,
    ) -> io::Result<Option<hopline_types::UnixMillis>> {
        let file = match self.storage.open(&self.dir.join(number.file_name()), false) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut cursor = Cursor::new(file, end);
        let header = match SegmentHeader::decode(cursor.bytes(0, SEGMENT_HEADER_BYTES as usize)?) {
            HeaderCheck::Intact(header) => header,
            HeaderCheck::Newer { .. } | HeaderCheck::Damaged => return Ok(None),
        };
        Ok(Some(match cursor.step(start, &header, 0)? {
            Step::Frame(frame) => frame.at,
            Step::Gap { .. } | Step::Rest { .. } | Step::End => header.created_at,
        }))
    }

    fn segments(&self) -> Result<Vec<(SegmentNumber, u64)>, ReadError> {
        list_segments(self.storage.as_ref(), &self.dir)
            .map_err(|source| ReadError::Io { path: self.dir.clone(), source })
    }
}
