//! What the writer does when the disk fails: what was not acknowledged is taken back, the segment is
//! abandoned, and the stream goes on in another.

use std::io;

use super::{Active, SpoolWriter};
use crate::error::FlushError;
use crate::format::SEGMENT_HEADER_BYTES;
use crate::ids::RecordId;

impl SpoolWriter {
    /// After a failed write: nothing of the buffer counts, also not what a part of the write may have put
    /// into a file. The current segment is abandoned if the write reached it.
    #[cold]
    pub(super) fn lose_buffer(&mut self, has_reached_current: bool, source: io::Error) -> FlushError {
        if let Some((sealed, _)) = self.sealed.take() {
            self.abandon(sealed);
        }
        if has_reached_current && let Some(active) = self.current.take() {
            self.abandon(active);
        }
        if let Some(active) = &mut self.current {
            active.end = active.written;
        }
        self.clear_buffer();
        flush_error(self.first_buffered, self.next_id, "write", source)
    }

    /// After a failed sync: nothing that was not published counts, whatever a later sync would say, because
    /// the kernel may have dropped the pages and called them clean. Every segment with such content is
    /// abandoned.
    #[cold]
    pub(super) fn lose_unsynced(&mut self, source: io::Error) -> FlushError {
        let published = self.tail.get();
        let active = self.sealed.take().map(|(sealed, _)| sealed).into_iter().chain(self.current.take());
        let mut files: Vec<_> = self.unsynced.drain(..).collect();
        files.extend(active.map(|active| (active.point(), active.segment.file)));
        for (end, file) in files.into_iter().filter(|(end, _)| end.segment >= published.segment) {
            let offset =
                if end.segment == published.segment { published.offset } else { SEGMENT_HEADER_BYTES };
            // Readers are bounded by the tail; the cut is for the next run, see the crate's header.
            drop(file.set_len(u64::from(offset)));
            self.tail.finish(end.segment, offset);
        }
        self.last_end = published;
        self.epoch += 1;
        self.clear_buffer();
        let first = std::mem::replace(&mut self.published_id, self.next_id);
        flush_error(first, self.next_id, "sync", source)
    }

    fn abandon(&mut self, active: Active) {
        // Readers are bounded by the tail; the cut is for the next run, see the crate's header.
        drop(active.segment.file.set_len(u64::from(active.written)));
        self.finish(active);
    }

    fn clear_buffer(&mut self) {
        self.buffer.clear();
        self.buffered_records = 0;
    }
}

fn flush_error(first: u64, end: u64, step: &'static str, source: io::Error) -> FlushError {
    let id = |value| RecordId::new(value).unwrap_or(RecordId::LAST);
    FlushError { first: id(first), end: id(end), step, source }
}
