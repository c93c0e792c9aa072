//! What hyper reads and writes: a connection that came out of the lane, and that is not read while its answers cannot
//! leave.
//!
//! First come the bytes that the lane has read already.
//!
//! hyper reads the next request as soon as the last has its answer, whether that could be sent or not: a client that
//! sends without reading would fill the memory. Here, as long as the system takes no more bytes of answers, none of
//! requests are taken. What one connection can hold is so bounded by the answers to one read buffer of requests.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection of whatever kind: out of the lane, hyper's code is there once for all of them.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

#[derive(Debug)]
pub(crate) struct Pressure<S> {
    stream: TokioIo<S>,
    /// Read already; empty, and without memory, once hyper has taken it.
    before: Vec<u8>,
    taken: usize,
    /// The last write found no room; its waker is the task's, for when there is some.
    is_blocked: bool,
}

impl<S> Pressure<S> {
    pub(crate) fn new(stream: S, before: Vec<u8>) -> Self {
        Self { stream: TokioIo::new(stream), before, taken: 0, is_blocked: false }
    }
}

impl<S: AsyncRead + Unpin> Read for Pressure<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_blocked {
            return Poll::Pending;
        }
        let rest = self.before.get(self.taken..).unwrap_or_default();
        if !rest.is_empty() {
            let bytes = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..bytes]);
            self.taken += bytes;
            if self.taken == self.before.len() {
                (self.before, self.taken) = (Vec::new(), 0);
            }
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> Write for Pressure<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        let was_blocked = std::mem::replace(&mut self.is_blocked, outcome.is_pending());
        if was_blocked && outcome.is_ready() {
            // A read that was put off has left no waker behind.
            context.waker().wake_by_ref();
        }
        outcome
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use hyper::rt::ReadBuf;

    use super::*;

    #[test]
    fn what_was_read_before_comes_first_in_as_many_pieces_as_are_asked_for() {
        let mut stream = Pressure::new(&b" and more"[..], b"read before".to_vec());
        let mut context = Context::from_waker(Waker::noop());
        let mut all = Vec::new();
        for _ in 0..5 {
            let mut bytes = [0; 4];
            let mut buffer = ReadBuf::new(&mut bytes);
            assert!(Pin::new(&mut stream).poll_read(&mut context, buffer.unfilled()).is_ready());
            all.extend_from_slice(buffer.filled());
        }
        assert_eq!(all, b"read before and mor");
    }
}
