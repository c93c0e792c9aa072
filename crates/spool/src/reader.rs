//! Reads a stream from a position on.

mod batch;
mod upkeep;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cursor::{Cursor, Step};
use crate::damage::{Damage, DamageKind, set_aside};
use crate::error::ReadError;
use crate::format::{FORMAT_VERSION, Frame, HeaderCheck, SEGMENT_HEADER_BYTES, SegmentHeader};
use crate::ids::Position;
use crate::segment::{SegmentNumber, list_segments};
use crate::storage::{FsStorage, SegmentFile, Storage};
use crate::tail::{SharedTail, TailPoint};

pub use batch::{Batch, BatchLimits, RecordRef};

const START: u64 = SEGMENT_HEADER_BYTES as u64;

/// Why a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadOutcome {
    /// A limit was reached; there may be more.
    More,
    /// Everything that is written so far was read; the stream is live and more may come.
    CaughtUp,
    /// The stream has no writer and no more records.
    End,
}

/// Reads a stream from a position on, in the order of its ids.
#[derive(Debug)]
pub struct SpoolReader {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    tail: Option<Arc<SharedTail>>,
    position: Position,
    open: Option<OpenSegment>,
    /// Files that the last batch came from and that may hold what was not synced.
    touched: Vec<Arc<dyn SegmentFile>>,
}

#[derive(Debug)]
struct OpenSegment {
    number: SegmentNumber,
    header: SegmentHeader,
    cursor: Cursor,
    /// Everything before the end was written by this run, zeros included.
    is_exact: bool,
}

impl SpoolReader {
    /// Reads the stream in `dir` from a position on: with the writer's tail up to what it has published,
    /// without one (no writer is open) to the end.
    ///
    /// # Errors
    /// A disk that refuses.
    pub fn open(dir: &Path, from: Position, tail: Option<Arc<SharedTail>>) -> Result<Self, ReadError> {
        Self::open_in(Arc::new(FsStorage), dir, from, tail)
    }

    /// As [`SpoolReader::open`], on a given storage.
    ///
    /// # Errors
    /// As [`SpoolReader::open`].
    pub fn open_in(
        storage: Arc<dyn Storage>,
        dir: &Path,
        from: Position,
        tail: Option<Arc<SharedTail>>,
    ) -> Result<Self, ReadError> {
        let reader =
            Self { storage, dir: dir.to_owned(), tail, position: from, open: None, touched: Vec::new() };
        reader.first_from(from.segment, reader.tail.as_ref().map(|tail| tail.get()))?;
        Ok(reader)
    }

    /// Where the next batch begins.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// Goes to a position, for example back to the start of a batch that failed.
    pub fn seek(&mut self, to: Position) {
        self.position = to;
        self.open = None;
    }

    /// Reads the next records into `batch`, replacing what it held. Broken stretches are put aside,
    /// reported in the batch and passed over.
    ///
    /// # Errors
    /// A disk that refuses, or a segment of a newer release; the reader then stays where it was and the
    /// batch is empty.
    pub fn next_batch(&mut self, limits: BatchLimits, batch: &mut Batch) -> Result<ReadOutcome, ReadError> {
        let start = self.position;
        batch.begin(start);
        self.touched.clear();
        let outcome = self.fill(limits, batch);
        if outcome.is_err() {
            self.seek(start);
            batch.begin(start);
        } else {
            batch.finish(self.position);
        }
        outcome
    }

    fn fill(&mut self, limits: BatchLimits, batch: &mut Batch) -> Result<ReadOutcome, ReadError> {
        let tail = self.tail.as_ref().map(|tail| tail.get());
        loop {
            let Some(mut open) = self.take_open(tail, batch)? else {
                return Ok(if tail.is_some() { ReadOutcome::CaughtUp } else { ReadOutcome::End });
            };
            let path = self.dir.join(open.number.file_name());
            let is_full = self
                .read_segment(&mut open, limits, batch)
                .map_err(|source| ReadError::Io { path, source })?;
            let is_live = tail.is_some_and(|tail| tail.segment == open.number);
            let number = open.number;
            self.open = Some(open);
            if is_full {
                return Ok(ReadOutcome::More);
            }
            if is_live {
                return Ok(ReadOutcome::CaughtUp);
            }
            let Some(following) = self.first_from(number.following(), tail)? else {
                // Without a writer the last segment is the end; with one its own segment would be next.
                return Ok(if tail.is_some() { ReadOutcome::CaughtUp } else { ReadOutcome::End });
            };
            self.go_to(following);
        }
    }

    /// Reads records until a limit (true) or the end of what the segment holds (false).
    fn read_segment(
        &mut self,
        open: &mut OpenSegment,
        limits: BatchLimits,
        batch: &mut Batch,
    ) -> io::Result<bool> {
        let mut is_touched = false;
        loop {
            let offset = u64::from(self.position.offset);
            let floor = self.position.next_id.get();
            match open.cursor.step(offset, &open.header, floor)? {
                Step::Frame(frame) => {
                    if !limits.allow(batch, &frame) {
                        return Ok(true);
                    }
                    let bytes = open.cursor.bytes(offset, frame.len())?;
                    batch.push(frame, payload_of(bytes, &frame));
                    self.advance(offset + frame.len() as u64);
                    self.position.next_id = frame.id.following();
                    let is_durable = open.is_exact && self.tail.as_ref().is_some_and(|tail| tail.is_synced());
                    if !is_touched && !is_durable {
                        is_touched = true;
                        self.touched.push(Arc::clone(open.cursor.file()));
                    }
                }
                Step::Gap { to } => self.pass_over(open, to, to, DamageKind::Record, batch),
                Step::Rest { used } => {
                    let end = open.cursor.end();
                    self.pass_over(open, used, end, DamageKind::Rest, batch);
                }
                Step::End if open.is_exact && offset < open.cursor.end() => {
                    let end = open.cursor.end();
                    self.pass_over(open, end, end, DamageKind::Rest, batch);
                }
                Step::End => return Ok(false),
            }
        }
    }

    /// Puts the bytes up to `to` aside and goes on at `next`.
    #[cold]
    fn pass_over(&mut self, open: &mut OpenSegment, to: u64, next: u64, kind: DamageKind, batch: &mut Batch) {
        let from = u64::from(self.position.offset);
        let kept = set_aside(self.storage.as_ref(), &self.dir, open.number, &mut open.cursor, from, to);
        let not_kept = kept.err().map(|error| error.kind());
        batch.report(Damage { segment: open.number, offset: from, bytes: to - from, kind, not_kept });
        self.advance(next);
    }

    fn advance(&mut self, offset: u64) {
        self.position.offset = u32::try_from(offset).expect("segments are shorter than 4 GiB");
    }

    fn go_to(&mut self, segment: SegmentNumber) {
        self.position.segment = segment;
        self.position.offset = SEGMENT_HEADER_BYTES;
    }

    /// The segment at the position, opened, with its end as of now; or the first one after it. `None` when
    /// there is none yet.
    fn take_open(
        &mut self,
        tail: Option<TailPoint>,
        batch: &mut Batch,
    ) -> Result<Option<OpenSegment>, ReadError> {
        loop {
            if let Some(mut open) = self.open.take().filter(|open| open.number == self.position.segment) {
                let (end, is_exact) = self.end_of(open.number, open.cursor.file().as_ref(), tail)?;
                open.cursor.set_end(end);
                open.is_exact = is_exact;
                return Ok(Some(open));
            }
            let Some(number) = self.first_from(self.position.segment, tail)? else { return Ok(None) };
            if number != self.position.segment {
                if self.position.offset > SEGMENT_HEADER_BYTES {
                    batch.report(missing(self.position.segment, self.position.offset));
                }
                self.go_to(number);
            }
            self.position.offset = self.position.offset.max(SEGMENT_HEADER_BYTES);
            match self.open_segment(number, tail, batch)? {
                Some(open) => self.open = Some(open),
                None => self.go_to(number.following()),
            }
        }
    }

    /// Opens a segment; reports one that is missing or has no intact header.
    fn open_segment(
        &mut self,
        number: SegmentNumber,
        tail: Option<TailPoint>,
        batch: &mut Batch,
    ) -> Result<Option<OpenSegment>, ReadError> {
        let path = self.dir.join(number.file_name());
        let failed = |source| ReadError::Io { path: path.clone(), source };
        let file = match self.storage.open(&path, false) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                batch.report(missing(number, self.position.offset));
                return Ok(None);
            }
            Err(error) => return Err(failed(error)),
        };
        let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
        let read = file.read_full_at(&mut bytes, 0).map_err(failed)?;
        let (end, is_exact) = self.end_of(number, file.as_ref(), tail)?;
        let mut cursor = Cursor::new(file, end);
        match SegmentHeader::decode(&bytes[..read]) {
            HeaderCheck::Intact(header) if header.number == number => {
                Ok(Some(OpenSegment { number, header, cursor, is_exact }))
            }
            HeaderCheck::Intact(_) | HeaderCheck::Damaged => {
                let kept = set_aside(self.storage.as_ref(), &self.dir, number, &mut cursor, 0, end);
                let not_kept = kept.err().map(|error| error.kind());
                let kind = DamageKind::Header;
                batch.report(Damage { segment: number, offset: 0, bytes: end, kind, not_kept });
                Ok(None)
            }
            HeaderCheck::Newer { version } => {
                Err(ReadError::NewerVersion { path, found: version, supported: FORMAT_VERSION })
            }
        }
    }

    /// Where reading a segment must stop, and whether everything before was surely written.
    fn end_of(
        &self,
        number: SegmentNumber,
        file: &dyn SegmentFile,
        tail: Option<TailPoint>,
    ) -> Result<(u64, bool), ReadError> {
        if let Some(tail) = tail.filter(|tail| tail.segment == number) {
            return Ok((u64::from(tail.offset), true));
        }
        if let Some(end) = self.tail.as_ref().and_then(|tail| tail.end_of(number)) {
            return Ok((u64::from(end), true));
        }
        let len = file.file_len();
        let path = || self.dir.join(number.file_name());
        len.map(|len| (len, false)).map_err(|source| ReadError::Io { path: path(), source })
    }

    /// The first segment with this number or a larger one that may be read.
    fn first_from(
        &self,
        number: SegmentNumber,
        tail: Option<TailPoint>,
    ) -> Result<Option<SegmentNumber>, ReadError> {
        let listed = list_segments(self.storage.as_ref(), &self.dir)
            .map_err(|source| ReadError::Io { path: self.dir.clone(), source })?;
        let listed = listed.into_iter().map(|(listed, _)| listed).find(|listed| *listed >= number);
        let Some(tail) = tail else { return Ok(listed) };
        // A segment that this run finished should be there: if not, opening it says so.
        let finished = self.tail.as_ref().and_then(|tail| tail.finished_from(number));
        let first = match (listed, finished) {
            (Some(listed), Some(finished)) => Some(listed.min(finished)),
            (listed, finished) => listed.or(finished),
        };
        Ok(first.filter(|first| *first <= tail.segment))
    }
}

fn payload_of<'a>(bytes: &'a [u8], frame: &Frame) -> &'a [u8] {
    bytes.get(frame.len() - frame.payload_len..frame.len()).unwrap_or_default()
}

fn missing(segment: SegmentNumber, offset: u32) -> Damage {
    let offset = u64::from(offset).max(START);
    Damage { segment, offset, bytes: 0, kind: DamageKind::Missing, not_kept: None }
}
