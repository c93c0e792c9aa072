//! The answers of one pass, until they are sent.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hopline_runtime::telemetry::EdgeOutcome;

use super::out::{self, DATE_BYTES};
use crate::click::Counted;
use crate::commit::Commit;
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
    pub(super) is_head: bool,
    pub(super) closes: bool,
    /// The record was not written.
    pub(super) is_lost: bool,
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
                    Err(_) => entry.is_lost = true,
                }
                entry.commit = None;
            }
            self.settled += 1;
        }
        Poll::Ready(())
    }

    /// Counts the answers, and exchanges those whose record was lost.
    pub(super) fn settle(&mut self, thread: &Thread) {
        if self.entries.iter().any(|entry| entry.is_lost) {
            let date = thread.pool.date(thread.turn().now);
            self.refuse_lost(&date);
            for entry in self.entries.iter_mut().filter(|entry| entry.is_lost) {
                entry.counted.give_back(thread, thread.catalogue.borrow_mut().load());
                entry.outcome = EdgeOutcome::Unavailable;
            }
        }
        let finished = self.finished.unwrap_or_else(Instant::now);
        for entry in &self.entries {
            thread.count(entry.outcome, entry.started, finished);
        }
    }

    #[cold]
    fn refuse_lost(&mut self, date: &[u8; DATE_BYTES]) {
        let answers = std::mem::take(&mut self.out);
        let ends = self.entries.iter().skip(1).map(|entry| entry.start).chain([answers.len()]);
        for (entry, end) in self.entries.iter().zip(ends) {
            if entry.is_lost {
                out::write(&mut self.out, Reply::Unavailable, entry.is_head, entry.closes, date);
            } else {
                self.out.extend_from_slice(answers.get(entry.start..end).unwrap_or_default());
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
        for lost in [[true, false, false], [false, true, false], [false, false, true], [true, true, true]] {
            let mut batch = Batch::default();
            for is_lost in lost {
                let start = batch.out.len();
                out::write(&mut batch.out, Reply::NotFound, false, false, date);
                batch.push(Entry {
                    start,
                    commit: None,
                    counted: Counted::default(),
                    outcome: EdgeOutcome::NotFound,
                    is_head: false,
                    closes: false,
                    is_lost,
                    started: Instant::now(),
                });
            }
            batch.refuse_lost(date);
            let text = String::from_utf8(batch.out).unwrap();
            let statuses: Vec<_> =
                text.split("HTTP/1.1 ").skip(1).map(|answer| answer.get(..3).unwrap()).collect();
            assert_eq!(statuses, lost.map(|is_lost| if is_lost { "503" } else { "404" }));
        }
    }
}
