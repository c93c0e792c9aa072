//! Read buffers and batches, lent to the connections of a thread.

use std::cell::{RefCell, RefMut};

use hopline_types::UnixMillis;

use super::HEAD_BYTES_MAX;
use super::batch::Batch;
use super::out::{DATE_BYTES, DateText};

/// Free read buffers that are kept; most of the time one is in use.
const INPUTS_KEPT: usize = 32;
/// Free batches that are kept: one per connection that waits for the same write.
const BATCHES_KEPT: usize = 256;
/// A batch that has grown beyond this is not kept.
const BATCH_BYTES_KEPT: usize = 16 * 1024;

/// A thread's buffers.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    inputs: RefCell<Vec<Input>>,
    batches: RefCell<Vec<Batch>>,
    date: RefCell<DateText>,
}

impl Pool {
    pub(super) fn input(&self) -> Input {
        self.inputs.borrow_mut().pop().unwrap_or_default()
    }

    pub(super) fn give_input(&self, mut input: Input) {
        input.clear();
        let mut inputs = self.inputs.borrow_mut();
        if inputs.len() < INPUTS_KEPT {
            inputs.push(input);
        }
    }

    /// Gives the buffer back unless something in it is still to be read.
    pub(super) fn keep_unread(&self, mut input: Input) -> Option<Input> {
        if input.unread().is_empty() {
            self.give_input(input);
            return None;
        }
        input.compact();
        Some(input)
    }

    pub(super) fn batch(&self) -> Batch {
        self.batches.borrow_mut().pop().unwrap_or_default()
    }

    pub(super) fn give_batch(&self, mut batch: Batch) {
        batch.clear();
        let mut batches = self.batches.borrow_mut();
        if batches.len() < BATCHES_KEPT && batch.out.capacity() <= BATCH_BYTES_KEPT {
            batches.push(batch);
        }
    }

    /// The time as HTTP writes it.
    pub(super) fn date(&self, now: UnixMillis) -> RefMut<'_, [u8; DATE_BYTES]> {
        RefMut::map(self.date.borrow_mut(), |date| date.at(now))
    }

    #[cfg(test)]
    pub(super) fn free_inputs(&self) -> usize {
        self.inputs.borrow().len()
    }
}

/// What was read of a connection and not yet taken.
#[derive(Debug)]
pub(super) struct Input {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    /// So many bytes of an incomplete head were looked at already.
    seen: usize,
}

impl Default for Input {
    fn default() -> Self {
        Self { bytes: vec![0; HEAD_BYTES_MAX].into(), start: 0, end: 0, seen: 0 }
    }
}

impl Input {
    pub(super) fn unread(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Where the next bytes go; never empty behind [`Input::compact`] unless [`Input::is_full`].
    pub(super) fn free(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// So many bytes were put there.
    pub(super) fn add(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.bytes.len());
    }

    /// The first bytes are done with.
    pub(super) fn take(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
        self.seen = 0;
    }

    /// No more can be added to what is unread.
    pub(super) fn is_full(&self) -> bool {
        self.end - self.start == self.bytes.len()
    }

    /// What is there is the beginning of a head.
    pub(super) fn note_incomplete(&mut self) {
        self.seen = self.end - self.start;
    }

    /// Whether a head may end in what is unread: so that one that comes byte by byte is not parsed with every byte.
    pub(super) fn may_be_complete(&self) -> bool {
        if self.seen == 0 {
            return self.start < self.end;
        }
        let new = self.unread().get(self.seen.saturating_sub(3)..).unwrap_or_default();
        new.windows(2).any(|pair| pair == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n")
    }

    /// Moves what is unread to the beginning.
    pub(super) fn compact(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }

    fn clear(&mut self) {
        (self.start, self.end, self.seen) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(input: &mut Input, bytes: &[u8]) {
        input.free()[..bytes.len()].copy_from_slice(bytes);
        input.add(bytes.len());
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_looked_at_twice() {
        for text in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n"] {
            let mut input = Input::default();
            let mut looked = 0;
            for byte in text.as_bytes() {
                add(&mut input, &[*byte]);
                if input.may_be_complete() {
                    looked += 1;
                    input.note_incomplete();
                }
            }
            assert_eq!(looked, 2, "{text:?}: at the first byte and at the last");
        }
    }

    #[test]
    fn what_is_taken_makes_room_for_more() {
        let mut input = Input::default();
        add(&mut input, &[b'a'; HEAD_BYTES_MAX]);
        assert!(input.is_full() && input.free().is_empty());
        input.take(HEAD_BYTES_MAX - 2);
        assert!(!input.is_full());
        input.compact();
        add(&mut input, b"bc");
        assert_eq!(input.unread(), b"aabc");
    }

    #[test]
    fn an_empty_buffer_goes_back_and_one_with_bytes_stays() {
        let pool = Pool::default();
        let mut input = pool.input();
        add(&mut input, b"GE");
        let input = pool.keep_unread(input);
        assert_eq!((input.is_some(), pool.free_inputs()), (true, 0));
        let mut input = input.unwrap();
        input.take(2);
        assert_eq!((pool.keep_unread(input).is_some(), pool.free_inputs()), (false, 1));
    }
}
