//! Appends records to a stream.

mod failure;
mod next;
mod options;
mod recovery;
mod sync;

use std::io;
use std::path::Path;
use std::sync::Arc;

use hopline_fault::{Point, Switch, is_off, point};
use hopline_types::UnixMillis;

use crate::error::{AppendError, FlushError, OpenError};
use crate::format::{RECORDS_PER_SEGMENT_MAX, SEGMENT_HEADER_BYTES, encode_frame, frame_len};
use crate::ids::{RecordId, StreamIdentity};
use crate::segment::{Segment, SegmentNumber};
use crate::storage::{DirLock, FsStorage, SegmentFile, Storage};
use crate::tail::{SharedTail, TailPoint};

use next::NextSegment;
pub use next::Preparer;
pub use options::{Durability, SpoolOptions};
pub use recovery::{Cut, Recovery};
use sync::Covers;
pub use sync::{SyncHandle, SyncOutcome};

/// How long after a failure no new segment is tried.
const RETRY_MS: i64 = 1000;
/// Finished segments that a later sync still covers where records do not wait for it (`process`).
const UNSYNCED_KEPT: usize = 2;

/// What a flush wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flushed {
    /// Records written by this flush.
    pub records: u64,
    /// Bytes written by this flush, framing included.
    pub bytes: u64,
    /// Every record before this id is written (with `disk`: durable only after [`SpoolWriter::publish_synced`]).
    pub end: RecordId,
}

/// Appends records to a stream. One per stream; the directory's lock is held until it is dropped. Dropping
/// it loses what was not flushed.
#[derive(Debug)]
pub struct SpoolWriter {
    options: SpoolOptions,
    buffer_limit: usize,
    next: Arc<NextSegment>,
    tail: Arc<SharedTail>,
    /// Frames that wait for a flush: first those of `sealed`, then those of `current`.
    buffer: Vec<u8>,
    buffered_records: u64,
    first_buffered: u64,
    next_id: u64,
    /// The segment that was left while the buffer still held frames of it, and how many bytes those are.
    sealed: Option<(Active, usize)>,
    current: Option<Active>,
    /// Where the last finished segment ends.
    last_end: TailPoint,
    /// Finished segments with content that was not synced, and their ends.
    unsynced: Vec<(TailPoint, Arc<dyn SegmentFile>)>,
    /// Every record before this id counts as written.
    published_id: u64,
    epoch: u64,
    refused: Option<(UnixMillis, io::ErrorKind)>,
    _lock: Box<dyn DirLock>,
}

/// A segment that takes records.
#[derive(Debug)]
struct Active {
    segment: Segment,
    /// The end of what is in the file.
    written: u32,
    /// The end with what is in the buffer.
    end: u32,
    /// The end of what was synced.
    synced: u32,
    first_id: u64,
    first_at: Option<UnixMillis>,
}

impl Active {
    fn new(segment: Segment, first_id: u64) -> Self {
        let start = SEGMENT_HEADER_BYTES;
        Self { segment, written: start, end: start, synced: start, first_id, first_at: None }
    }

    fn number(&self) -> SegmentNumber {
        self.segment.header.number
    }

    fn point(&self) -> TailPoint {
        TailPoint { segment: self.number(), offset: self.written }
    }

    /// True when the segment may not take `id` at `now`, whatever the record's size.
    fn is_over(&self, id: u64, now: UnixMillis, options: &SpoolOptions) -> bool {
        let age_max = i64::try_from(options.segment_age_max.as_millis()).unwrap_or(i64::MAX);
        id >= self.segment.header.id_limit
            || id - self.first_id >= RECORDS_PER_SEGMENT_MAX
            || self.first_at.is_some_and(|at| now.since(at) >= age_max)
    }
}

impl SpoolWriter {
    /// Opens the stream in `dir`, making it if need be, recovers what an earlier run left, and begins a new
    /// segment. Open readers only afterwards.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(
        dir: &Path,
        identity: StreamIdentity,
        options: SpoolOptions,
        now: UnixMillis,
    ) -> Result<(Self, Recovery), OpenError> {
        Self::open_in(Arc::new(FsStorage), dir, identity, options, now)
    }

    /// As [`SpoolWriter::open`], on a given storage.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open_in(
        storage: Arc<dyn Storage>,
        dir: &Path,
        identity: StreamIdentity,
        options: SpoolOptions,
        now: UnixMillis,
    ) -> Result<(Self, Recovery), OpenError> {
        options.check()?;
        let failed = |step| move |source| OpenError::Io { dir: dir.to_owned(), step, source };
        storage.create_dir(dir).map_err(failed("make the directory"))?;
        let lock = storage.lock(&dir.join("lock")).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => OpenError::Held { dir: dir.to_owned() },
            _ => failed("take the lock")(source),
        })?;
        let recovered = recovery::recover(storage.as_ref(), dir, identity)?;
        let id_min = options.id_min(recovered.id_min);
        if id_min >= RecordId::LAST.get() {
            return Err(OpenError::IdsUsedUp { dir: dir.to_owned() });
        }
        let next = Arc::new(NextSegment::new(
            Arc::clone(&storage),
            dir.to_owned(),
            identity,
            &options,
            recovered.number,
            id_min,
        ));
        let first = Active::new(next.take(id_min, now).map_err(failed("make a segment"))?, id_min);
        for number in recovered.to_remove {
            storage.remove(&dir.join(number.file_name())).map_err(failed("remove an empty segment"))?;
        }
        let writer = Self {
            options,
            buffer_limit: options.buffer_limit(),
            next,
            tail: Arc::new(SharedTail::new(first.point())),
            buffer: Vec::new(),
            buffered_records: 0,
            first_buffered: id_min,
            next_id: id_min,
            sealed: None,
            last_end: first.point(),
            current: Some(first),
            unsynced: Vec::new(),
            published_id: id_min,
            epoch: 0,
            refused: None,
            _lock: lock,
        };
        Ok((writer, recovered.report))
    }

    /// The id that the next [`SpoolWriter::append`] will give, to be built into the record itself. That
    /// append uses it up whether it takes the record or not (but for [`AppendError::BufferFull`]).
    ///
    /// # Errors
    /// `BufferFull`, `NoSegment` or `IdsUsedUp`: then no id may be announced at all.
    pub fn next_id(&mut self, now: UnixMillis) -> Result<RecordId, AppendError> {
        let is_over = |active: &Active| active.is_over(self.next_id, now, &self.options);
        if self.current.as_ref().is_none_or(is_over) {
            self.change_segment(now)?;
        } else if self.current.as_ref().is_some_and(|active| self.next.has_better_than(&active.segment)) {
            self.move_on(now)?;
        }
        RecordId::new(self.next_id).map_err(|_| AppendError::IdsUsedUp)
    }

    /// Takes a record into the buffer. It counts as written only after a flush.
    ///
    /// # Errors
    /// See [`AppendError`]: the record was not taken, and the stream goes on.
    pub fn append(&mut self, now: UnixMillis, kind: u8, payload: &[u8]) -> Result<RecordId, AppendError> {
        let id = self.next_id(now)?;
        let limit = self.options.record_bytes_max();
        if payload.is_empty() || payload.len() > limit {
            self.next_id += 1;
            return Err(AppendError::Size { id, given: payload.len(), limit });
        }
        if let Err(error) = point(Point::SpoolAppendBefore) {
            self.next_id += 1;
            return Err(AppendError::NoSegment { id: Some(id), kind: error.kind() });
        }
        let frame = frame_len(payload);
        if !self.buffer.is_empty() && self.buffer.len() + frame > self.buffer_limit {
            return Err(self.buffer_full());
        }
        let frame = u32::try_from(frame).expect("a record has at most 64 KiB");
        let has_room = |active: &Active| frame <= self.options.segment_bytes_max.saturating_sub(active.end);
        if !self.current.as_ref().is_some_and(has_room) {
            self.change_segment(now).map_err(|error| match error {
                AppendError::NoSegment { kind, id: _ } => {
                    self.next_id += 1;
                    AppendError::NoSegment { id: Some(id), kind }
                }
                other => other,
            })?;
        }
        let active = self.current.as_mut().expect("a change of segments leaves one");
        encode_frame(&mut self.buffer, &active.segment.header, id, kind, now, payload);
        active.end += frame;
        active.first_at.get_or_insert(now);
        if self.buffered_records == 0 {
            self.first_buffered = id.get();
        }
        self.buffered_records += 1;
        self.next_id += 1;
        let passed = point(Point::SpoolAppendAfter);
        passed.map_err(|error| AppendError::NoSegment { id: Some(id), kind: error.kind() })?;
        Ok(id)
    }

    /// Writes the buffer, in one write (two where a segment changes). With `relaxed` and `process` the
    /// records then count as written and readers see them; with `disk` only after a sync. Use one
    /// durability for a stream.
    ///
    /// # Errors
    /// Nothing of the buffer counts as written; see [`FlushError`].
    pub fn flush(&mut self, durability: Durability) -> Result<Flushed, FlushError> {
        let (records, bytes) = (self.buffered_records, self.buffer.len() as u64);
        self.tail.promise_synced(durability == Durability::Disk);
        self.write_buffer()?;
        if durability != Durability::Disk {
            self.tail.publish(self.current.as_ref().map_or(self.last_end, Active::point));
            self.published_id = self.next_id;
            let too_many = self.unsynced.len().saturating_sub(UNSYNCED_KEPT);
            self.unsynced.drain(..too_many);
        }
        let end = RecordId::new(self.next_id).unwrap_or(RecordId::LAST);
        Ok(Flushed { records, bytes, end })
    }

    /// What must be synced so that all that was flushed is durable; `None` when all is. Can be sent to
    /// another thread, while this one appends and flushes on.
    #[must_use]
    pub fn sync_handle(&self) -> Option<SyncHandle> {
        // Mostly empty, which allocates nothing.
        let mut earlier: Vec<_> = self.unsynced.iter().map(|(_, file)| Arc::clone(file)).collect();
        // Frames of a sealed segment wait in the buffer: what is flushed ends in it, not in the current one.
        let last = self.sealed.as_ref().map(|(active, _)| active).or(self.current.as_ref());
        let active = last.filter(|active| active.written > active.synced);
        let file = match active {
            Some(active) => Arc::clone(&active.segment.file),
            None => earlier.pop()?,
        };
        let at = last.map_or(self.last_end, Active::point);
        let end_id = if self.buffer.is_empty() { self.next_id } else { self.first_buffered };
        Some(SyncHandle { earlier, last: file, covers: Covers { at, end_id, epoch: self.epoch } })
    }

    /// Takes the outcome of a sync: everything flushed before its handle was made is durable and readers
    /// see it. Gives the id before which everything is durable.
    ///
    /// # Errors
    /// The sync failed: everything not yet durable is lost, buffered records included.
    pub fn publish_synced(&mut self, outcome: SyncOutcome) -> Result<RecordId, FlushError> {
        let SyncOutcome { result, covers } = outcome;
        if covers.epoch == self.epoch {
            result.map_err(|source| self.lose_unsynced(source))?;
            self.unsynced.retain(|(end, _)| *end > covers.at);
            for active in self.sealed.iter_mut().map(|(active, _)| active).chain(&mut self.current) {
                if active.number() == covers.at.segment {
                    active.synced = active.synced.max(covers.at.offset);
                }
            }
            if covers.at > self.tail.get() {
                self.tail.publish(covers.at);
            }
            self.published_id = self.published_id.max(covers.end_id);
        }
        Ok(RecordId::new(self.published_id).unwrap_or(RecordId::LAST))
    }

    /// Syncs here and now, and publishes.
    ///
    /// # Errors
    /// As [`SpoolWriter::publish_synced`].
    pub fn sync(&mut self) -> Result<RecordId, FlushError> {
        match self.sync_handle() {
            Some(handle) => self.publish_synced(handle.sync()),
            None => Ok(RecordId::new(self.published_id).unwrap_or(RecordId::LAST)),
        }
    }

    /// Records that wait for a flush.
    #[must_use]
    pub fn buffered_records(&self) -> u64 {
        self.buffered_records
    }

    /// Bytes that wait for a flush, framing included.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The stream's published end, for readers.
    #[must_use]
    pub fn tail(&self) -> Arc<SharedTail> {
        Arc::clone(&self.tail)
    }

    /// Makes the next segment ahead of time, from any thread.
    #[must_use]
    pub fn preparer(&self) -> Preparer {
        Preparer { next: Arc::clone(&self.next) }
    }

    /// Goes on in the next segment. On failure the current one stays: smaller records may still fit it.
    fn change_segment(&mut self, now: UnixMillis) -> Result<(), AppendError> {
        if self.sealed.is_some() {
            // Frames of two segments wait already.
            return Err(self.buffer_full());
        }
        if self.next_id >= RecordId::LAST.get() {
            return Err(AppendError::IdsUsedUp);
        }
        if let Some((at, kind)) = self.refused
            && (0..RETRY_MS).contains(&now.since(at))
        {
            return Err(AppendError::NoSegment { id: None, kind });
        }
        let taken = point(Point::SegmentChange).and_then(|()| self.next.take(self.next_id, now));
        let segment = taken.map_err(|error| {
            self.refused = Some((now, error.kind()));
            AppendError::NoSegment { id: None, kind: error.kind() }
        })?;
        self.refused = None;
        let fresh = Active::new(segment, self.next_id);
        if let Some(left) = self.current.replace(fresh) {
            if left.end > left.written {
                self.sealed = Some((left, self.buffer.len()));
            } else {
                self.finish(left);
            }
        }
        Ok(())
    }

    /// Leaves a segment early for one that is full of zeros, unless the last change still waits for its flush.
    #[cold]
    fn move_on(&mut self, now: UnixMillis) -> Result<(), AppendError> {
        if self.sealed.is_some() { Ok(()) } else { self.change_segment(now) }
    }

    /// No more records go into a segment. Its end is known to readers before a later segment is.
    fn finish(&mut self, left: Active) {
        self.tail.finish(left.number(), left.written);
        self.last_end = left.point();
        if left.written > left.synced {
            self.unsynced.push((left.point(), left.segment.file));
        }
    }

    fn write_buffer(&mut self) -> Result<(), FlushError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Err(source) = point(Point::SpoolFlushBefore) {
            return Err(self.lose_buffer(true, source));
        }
        if is_off(Switch::SpoolWrite) {
            self.buffer.fill(0);
        }
        let split = self.sealed.as_ref().map_or(0, |(_, bytes)| *bytes);
        let (for_sealed, for_current) = self.buffer.split_at(split);
        if let Some((sealed, _)) = &self.sealed
            && let Err(source) = sealed.segment.file.write_all_at(for_sealed, u64::from(sealed.written))
        {
            return Err(self.lose_buffer(false, source));
        }
        if let Some(active) = self.current.as_ref().filter(|_| !for_current.is_empty())
            && let Err(source) = active.segment.file.write_all_at(for_current, u64::from(active.written))
        {
            return Err(self.lose_buffer(true, source));
        }
        if let Err(source) = point(Point::SpoolFlushAfter) {
            return Err(self.lose_buffer(true, source));
        }
        if let Some((mut sealed, _)) = self.sealed.take() {
            sealed.written = sealed.end;
            self.finish(sealed);
        }
        if let Some(active) = &mut self.current {
            active.written = active.end;
        }
        self.buffer.clear();
        self.buffered_records = 0;
        Ok(())
    }

    #[cold]
    fn buffer_full(&self) -> AppendError {
        AppendError::BufferFull { used: self.buffer.len(), limit: self.buffer_limit }
    }
}
