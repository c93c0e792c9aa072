//! A connection that is not read while its answers cannot leave.
//!
//! hyper reads the next request as soon as the last has its answer, whether that could be sent or not: a client that
//! sends without reading would fill the memory. Here, as long as the system takes no more bytes of answers, none of
//! requests are taken. What one connection can hold is so bounded by the answers to one read buffer of requests.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Pressure {
    stream: TokioIo<TcpStream>,
    /// The last write found no room; its waker is the task's, for when there is some.
    is_blocked: bool,
}

impl Pressure {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream: TokioIo::new(stream), is_blocked: false }
    }
}

impl Read for Pressure {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_blocked {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Pressure {
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
