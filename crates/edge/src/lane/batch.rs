//! The answers of one pass, until they are sent.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hopline_runtime::config::FullDisk;
use hopline_runtime::telemetry::EdgeOutcome;

use super::out::{self, DATE_BYTES};
use crate::click::Counted;
use crate::commit::{Commit, NotWritten};
use crate::reply::Reply;
use crate::thread::Thread;

/// Answers in order, as bytes, and what each waits for.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) out: Vec<u8>,
    entries: Vec<Entry>,
    /// So many entries are known to be written or lost.
    settled: usize,
    sent: usize,
    /// When the last of them was written.
    finished: Option<Instant>,
}

/// One answer.
#[derive(Debug)]
pub(super) struct Entry {
    /// Where its bytes begin.
    pub(super) start: usize,
    /// None: it waits for nothing.
    pub(super) commit: Option<Commit>,
    pub(super) counted: Counted,
    pub(super) outcome: EdgeOutcome,
    pub(super) status: u16,
    pub(super) is_head: bool,
    pub(super) closes: bool,
    /// Why the record was not written, if so.
    pub(super) lost: Option<NotWritten>,
    pub(super) started: Instant,
}

impl Batch {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Ready when of every record it is known whether it was written.
    pub(super) fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Some(entry) = self.entries.get_mut(self.settled) {
            if let Some(commit) = &mut entry.commit {
                match ready!(Pin::new(commit).poll(context)) {
                    Ok(at) => self.finished = self.finished.max(Some(at)),
                    Err(why) => entry.lost = Some(why),
                }
                entry.commit = None;
            }
            self.settled += 1;
        }
        Poll::Ready(())
    }

    /// Counts the answers, and exchanges those whose record was lost.
    pub(super) fn settle(&mut self, thread: &Thread) {
        if self.entries.iter().any(|entry| entry.lost.is_some()) {
            let date = thread.pool.date(thread.turn().now);
            self.refuse_lost(thread.shared.full_disk, &date);
            for entry in self.entries.iter().filter(|entry| entry.lost.is_some()) {
                entry.counted.give_back(thread, thread.catalogue.borrow_mut().load());
            }
        }
        let finished = self.finished.unwrap_or_else(Instant::now);
        for entry in &self.entries {
            thread.count(entry.outcome, entry.started, finished);
        }
    }

    #[cold]
    fn refuse_lost(&mut self, full_disk: FullDisk, date: &[u8; DATE_BYTES]) {
        let answers = std::mem::take(&mut self.out);
        let ends = self.entries.iter().skip(1).map(|entry| entry.start).chain([answers.len()]);
        let ends: Vec<_> = ends.collect();
        for (entry, end) in self.entries.iter_mut().zip(ends) {
            let start = entry.start;
            entry.start = self.out.len();
            let passes = entry.lost.map(|why| why.lets_pass(full_disk, entry.status));
            if passes == Some(false) {
                entry.outcome = EdgeOutcome::Unavailable;
                out::write(&mut self.out, Reply::Unavailable, entry.is_head, entry.closes, date);
            } else {
                if passes == Some(true) {
                    entry.outcome = EdgeOutcome::Unrecorded;
                }
                self.out.extend_from_slice(answers.get(start..end).unwrap_or_default());
            }
        }
    }

    pub(super) fn unsent(&self) -> &[u8] {
        self.out.get(self.sent..).unwrap_or_default()
    }

    pub(super) fn advance(&mut self, sent: usize) {
        self.sent += sent;
    }

    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.entries.clear();
        (self.settled, self.sent, self.finished) = (0, 0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_answers_whose_record_was_lost_are_exchanged() {
        let date = b"Thu, 01 Jan 1970 00:00:00 GMT";
        let lost = |is_lost| if is_lost { Some(NotWritten::Failed) } else { None };
        for which in [[true, false, false], [false, true, false], [false, false, true], [true, true, true]] {
            let mut batch = Batch::default();
            for is_lost in which {
                let start = batch.out.len();
                out::write(&mut batch.out, Reply::NotFound, false, false, date);
                batch.push(Entry {
                    start,
                    commit: None,
                    counted: Counted::default(),
                    outcome: EdgeOutcome::NotFound,
                    status: 404,
                    is_head: false,
                    closes: false,
                    lost: lost(is_lost),
                    started: Instant::now(),
                });
            }
            batch.refuse_lost(FullDisk::Redirect, date);
            let text = String::from_utf8(batch.out).unwrap();
            let statuses: Vec<_> =
                text.split("HTTP/1.1 ").skip(1).map(|answer| answer.get(..3).unwrap()).collect();
            assert_eq!(statuses, which.map(|is_lost| if is_lost { "503" } else { "404" }));
        }
    }
}
