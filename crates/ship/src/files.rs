//! The blocking half of a stream: reading, planning, marking, deleting.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Duration;

use hopline_click_store::{Records, StreamId};
use hopline_fault::{Point, point};
use hopline_spool::{
    Backlog, Batch, BatchLimits, DeadLetters, MarkError, Position, ReadError, ReadOutcome, RecordId,
    SegmentNumber, ShippedMark, SpoolReader, disk_free_bytes,
};
use hopline_types::UnixMillis;

use crate::records::{Sorted, sort};
use crate::{ShipLimits, StepError, StreamSource};

#[derive(Debug)]
pub(crate) struct StreamFiles {
    stream: StreamId,
    dir: PathBuf,
    reader: SpoolReader,
    batch: Batch,
    /// Records that were stored; their memory takes the next ones.
    done: Records,
    mark: ShippedMark,
    limits: ShipLimits,
    /// Segments before the position were shipped at the time; one entry per segment.
    shipped: VecDeque<(UnixMillis, Position)>,
    /// The segment of the last entry made.
    noted: Option<SegmentNumber>,
    /// Broken stretches of the dead letters that were not counted yet.
    letters_damage: usize,
}

/// What reading found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A batch, planned; whether a limit ended it.
    Batch { is_full: bool },
    /// Nothing for now.
    Empty,
    /// Nothing ever again: the stream has no writer.
    End,
}

impl StreamFiles {
    pub(crate) fn open(source: &StreamSource, limits: ShipLimits) -> Result<Self, StepError> {
        let mark = match ShippedMark::load(&source.dir) {
            Err(error @ MarkError::Damaged { .. }) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(stream = %source.stream, error, "the stream is shipped again from its start");
                None
            }
            other => other?,
        };
        let mark = mark.unwrap_or(ShippedMark { shipped: Position::START, planned: None });
        let reader = SpoolReader::open(&source.dir, mark.shipped, source.tail.clone())?;
        Ok(Self {
            stream: source.stream,
            dir: source.dir.clone(),
            reader,
            batch: Batch::default(),
            done: Records::default(),
            mark,
            limits,
            shipped: VecDeque::new(),
            noted: None,
            letters_damage: 0,
        })
    }

    /// The batch by where its records go.
    pub(crate) fn sorted(&mut self) -> Sorted {
        sort(self.stream, &self.batch, std::mem::take(&mut self.done))
    }

    /// Takes records back that were stored.
    pub(crate) fn done_with(&mut self, records: Records) {
        self.done = records;
    }

    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Reads the next batch and plans it; a batch that was planned before is read as it was cut then.
    pub(crate) fn cut(&mut self, now: UnixMillis) -> Result<Cut, StepError> {
        self.passed(Point::ShipCut)?;
        if self.reader.position() != self.mark.shipped {
            self.reader.seek(self.mark.shipped);
        }
        let limits = match self.mark.planned {
            Some(until) => BatchLimits { records_max: usize::MAX, bytes_max: usize::MAX, until: Some(until) },
            None => BatchLimits {
                records_max: self.limits.batch_records,
                bytes_max: self.limits.batch_bytes,
                until: None,
            },
        };
        let outcome = self.reader.next_batch(limits, &mut self.batch)?;
        for damage in self.batch.damage() {
            tracing::error!(
                stream = %self.stream,
                segment = damage.segment.get(),
                offset = damage.offset,
                bytes = damage.bytes,
                kind = damage.kind.as_str(),
                not_kept = ?damage.not_kept,
                "a broken stretch of the spool was put aside"
            );
        }
        if self.batch.is_empty() {
            self.pass_over(now)?;
            return Ok(if outcome == ReadOutcome::End { Cut::End } else { Cut::Empty });
        }
        if self.mark.planned.is_none() {
            self.reader.sync_batch()?;
            let planned = ShippedMark { planned: Some(self.batch.end().next_id), ..self.mark };
            self.passed(Point::ShipPlanBefore)?;
            planned.store(&self.dir)?;
            self.mark = planned;
            self.passed(Point::ShipPlanAfter)?;
        }
        Ok(Cut::Batch { is_full: outcome == ReadOutcome::More })
    }

    /// Nothing to ship up to where the reader is: at most ends of segments, and what was put aside. Then also
    /// a plan's records are gone. The mark follows into another segment, because the one it leaves may be deleted.
    fn pass_over(&mut self, now: UnixMillis) -> Result<(), StepError> {
        let mark = ShippedMark { shipped: self.batch.end(), planned: None };
        let is_news = self.mark.planned.is_some()
            || !self.batch.damage().is_empty()
            || self.mark.shipped.segment != mark.shipped.segment;
        if is_news {
            mark.store(&self.dir)?;
        }
        self.advance(mark, now);
        Ok(())
    }

    /// Marks the batch shipped.
    pub(crate) fn mark_shipped(&mut self, now: UnixMillis) -> Result<(), StepError> {
        self.passed(Point::ShipMarkBefore)?;
        let mark = ShippedMark { shipped: self.batch.end(), planned: None };
        mark.store(&self.dir)?;
        self.passed(Point::ShipMarkAfter)?;
        self.advance(mark, now);
        Ok(())
    }

    /// Passes a point; failing there is failing to read the spool.
    fn passed(&self, at: Point) -> Result<(), StepError> {
        point(at).map_err(|source| ReadError::Io { path: self.dir.clone(), source }.into())
    }

    fn advance(&mut self, mark: ShippedMark, now: UnixMillis) {
        self.mark = mark;
        if self.noted != Some(mark.shipped.segment) {
            self.noted = Some(mark.shipped.segment);
            self.shipped.push_back((now, mark.shipped));
        }
    }

    /// Deletes segments that were shipped long enough ago.
    pub(crate) fn clear(&mut self, now: UnixMillis) -> Result<(), StepError> {
        let retain_ms = i64::try_from(self.limits.retain.as_millis()).unwrap_or(i64::MAX);
        let mut due = None;
        while let Some((at, position)) = self.shipped.front().copied()
            && now.since(at) >= retain_ms
        {
            due = Some(position);
            self.shipped.pop_front();
        }
        if let Some(position) = due {
            self.passed(Point::ShipClear)?;
            self.reader.delete_before(position)?;
        }
        Ok(())
    }

    /// Moves records of the batch aside. Gives the broken stretches that were found among those moved before and not
    /// told yet.
    pub(crate) fn bury(&mut self, dead: &[(RecordId, String)], now: UnixMillis) -> Result<usize, StepError> {
        if dead.is_empty() {
            return Ok(0);
        }
        let mut letters = DeadLetters::open(&self.dir)?;
        for damage in letters.repair()? {
            self.letters_damage += 1;
            tracing::error!(
                stream = %self.stream,
                offset = damage.offset,
                bytes = damage.bytes,
                kind = damage.kind.as_str(),
                not_kept = ?damage.not_kept,
                "a broken stretch of the dead letters was put aside"
            );
        }
        for (id, reason) in dead {
            let Some(record) = self.batch.iter().find(|record| record.id == *id) else { continue };
            tracing::error!(stream = %self.stream, record = %id, reason, "a record was moved to the dead letters");
            letters.append(*id, record.kind, record.payload, reason, now)?;
        }
        Ok(std::mem::take(&mut self.letters_damage))
    }

    /// What waits, and the bytes that the disk has left.
    pub(crate) fn measure(&self) -> Result<(Backlog, u64), StepError> {
        let backlog = self.reader.backlog(self.mark.shipped)?;
        let disk_free = disk_free_bytes(&self.dir);
        let disk_free = disk_free.map_err(|source| ReadError::Io { path: self.dir.clone(), source })?;
        Ok((backlog, disk_free))
    }
}

/// Doubles a pause up to the longest.
pub(crate) fn longer(pause: Duration, limits: &ShipLimits) -> Duration {
    pause.saturating_mul(2).min(limits.retry_most).max(limits.retry_least)
}
