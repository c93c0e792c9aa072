//! The lane of plain requests: a click without hyper.
//!
//! Nearly all requests are a `GET` of a link over HTTP/1.1 without a body. A general server turns each into a header map,
//! a future and a response's header map; here a head is read in place ([`head`]), answered by
//! one call, and its answer is a few slices put together. Every connection begins here. The first request that is not
//! plain ([`head`]) hands the connection, with the bytes read so far, over to hyper for the rest of its life; so does a
//! malformed or overlong head, whose answer is hyper's business alone. Both ways give the same answers.
//!
//! # A pass
//!
//! All complete requests in the buffer are answered in one pass: records appended, answers collected; one wait for the
//! last record; answers whose record was lost exchanged for a 503, or let pass where the disk is full and the settings
//! say so; one write. A pass ends early when its answers reach [`OUT_BYTES_MAX`]. While answers cannot leave, nothing is
//! read (S-23).
//!
//! # Memory
//!
//! A connection holds a read buffer (16 KiB, room for the longest head) only while it has the beginning of a head in it,
//! and a batch of answers only from request to answer; both come out of a pool of the thread ([`Pool`]). An idle
//! connection is its task and its socket.
//!
//! # Limits
//!
//! A head: 16 KiB, 64 fields, and 15 seconds from the last answer on, looked at when the connection is swept
//! ([`crate::sweep`]). A connection that says nothing for so long is closed without an answer, like one that hangs up
//! within a head.

mod batch;
mod buffers;
mod head;
mod out;
#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hopline_runtime::telemetry::EdgeOutcome;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::address::Peer;
use crate::click::{self, Ask, Decided, Way};
use crate::reply::Reply;
use crate::route::{self, Route};
use crate::sweep;
use crate::thread::Thread;
use batch::{Batch, Entry};
use buffers::Input;
use head::{Found, Plain, Room};

pub(crate) use buffers::Pool;

/// To send a request's head, and between two requests; kept up to four seconds late, see [`crate::sweep`].
pub(crate) const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The longest head; hyper's own least is 8 KiB.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;
/// A pass takes no further request once it has so many bytes of answers.
const OUT_BYTES_MAX: usize = 64 * 1024;

/// What the lane asks of whoever keeps the connection.
pub(crate) trait Keeper {
    /// Called at every poll with nothing to read: sees to it that the task is swept.
    fn wait(&mut self, context: &Context<'_>);
    /// Idle connections are to be closed.
    fn is_closing(&self) -> bool;
}

/// How a connection leaves the lane.
#[derive(Debug)]
pub(crate) enum End<S> {
    /// It is over.
    Over,
    /// It goes on elsewhere; these bytes were read already. `is_first`: nothing was answered here.
    HandOver { stream: S, read: Vec<u8>, is_first: bool },
}

/// What comes after a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// More bytes are needed.
    Read,
    /// There may be more requests in the buffer.
    Pass,
    HandOver,
    Close,
}

/// Serves a connection as long as its requests are plain.
pub(crate) async fn serve<S, K>(mut stream: S, peer: Peer, thread: &Thread, keeper: &mut K) -> End<S>
where
    S: AsyncRead + AsyncWrite + Unpin,
    K: Keeper,
{
    let mut held = None;
    let mut is_first = true;
    let mut deadline = sweep::now() + HEAD_TIMEOUT;
    loop {
        let got = poll_fn(|context| {
            let got = poll_read(&mut stream, thread, &mut held, context);
            if got.is_pending() {
                keeper.wait(context);
                let is_over = sweep::now() >= deadline || (held.is_none() && keeper.is_closing());
                return if is_over { Poll::Ready(None) } else { Poll::Pending };
            }
            got
        });
        let Some(mut input) = got.await else { return End::Over };
        loop {
            let mut batch = thread.pool.batch();
            let next = pass(thread, peer, &mut input, &mut batch);
            let read = (next == Next::HandOver).then(|| input.unread().to_vec());
            held = thread.pool.keep_unread(input);
            if !batch.is_empty() {
                is_first = false;
                poll_fn(|context| batch.poll_written(context)).await;
                batch.settle(thread);
                if poll_fn(|context| poll_send(&mut stream, &mut batch, context)).await.is_err() {
                    return End::Over;
                }
                deadline = sweep::now() + HEAD_TIMEOUT;
            }
            thread.pool.give_batch(batch);
            match (next, read) {
                (Next::Read, _) => break,
                (Next::Pass, _) => match held.take() {
                    Some(rest) => input = rest,
                    None => break,
                },
                (Next::HandOver, read) => {
                    if let Some(input) = held {
                        thread.pool.give_input(input);
                    }
                    return End::HandOver { stream, read: read.unwrap_or_default(), is_first };
                }
                (Next::Close, _) => {
                    // Who cannot be told is gone already.
                    drop(poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await);
                    return End::Over;
                }
            }
        }
    }
}

/// Reads into the buffer that is held, or a fresh one; none at the connection's end.
fn poll_read<S: AsyncRead + Unpin>(
    stream: &mut S,
    thread: &Thread,
    held: &mut Option<Input>,
    context: &mut Context<'_>,
) -> Poll<Option<Input>> {
    let mut input = held.take().unwrap_or_else(|| thread.pool.input());
    let mut free = ReadBuf::new(input.free());
    let got = Pin::new(stream).poll_read(context, &mut free).map_ok(|()| free.filled().len());
    match got {
        Poll::Ready(Ok(bytes)) if bytes > 0 => {
            input.add(bytes);
            Poll::Ready(Some(input))
        }
        Poll::Ready(_) => {
            thread.pool.give_input(input);
            Poll::Ready(None)
        }
        Poll::Pending => {
            *held = thread.pool.keep_unread(input);
            Poll::Pending
        }
    }
}

fn poll_send<S: AsyncWrite + Unpin>(
    stream: &mut S,
    batch: &mut Batch,
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    while !batch.unsent().is_empty() {
        let sent = ready!(Pin::new(&mut *stream).poll_write(context, batch.unsent()))?;
        if sent == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        batch.advance(sent);
    }
    Pin::new(stream).poll_flush(context)
}

/// Answers what is complete in the buffer.
fn pass(thread: &Thread, peer: Peer, input: &mut Input, batch: &mut Batch) -> Next {
    let mut cache = thread.catalogue.borrow_mut();
    let catalogue = cache.load();
    let scratch = &mut *thread.scratch.borrow_mut();
    loop {
        if batch.out.len() >= OUT_BYTES_MAX {
            return Next::Pass;
        }
        if !input.may_be_complete() {
            return if input.is_full() { Next::HandOver } else { Next::Read };
        }
        let mut room = Room::new();
        let plain = match head::read(input.unread(), &mut room) {
            Found::Plain(plain) => plain,
            Found::Incomplete if input.is_full() => return Next::HandOver,
            Found::Incomplete => {
                input.note_incomplete();
                return Next::Read;
            }
            Found::Other => return Next::HandOver,
        };
        let Plain { bytes, is_head, closes, path, query, fields } = plain;
        let route = route::of(if is_head { "HEAD" } else { "GET" }, path);
        let way = match route {
            Route::Click(Way::Script) => return Next::HandOver,
            Route::Click(way) => Some(way),
            Route::Robots | Route::NotFound => None,
            Route::Postback
            | Route::Pixel
            | Route::Install(_)
            | Route::Script
            | Route::Gpc
            | Route::NotAllowed(_) => return Next::HandOver,
        };
        let turn = thread.turn();
        let decided = match way {
            Some(way) => {
                let ask = Ask { way, is_head, query, headers: fields, peer, now: turn.now };
                click::answer(thread, catalogue, &ask, scratch)
            }
            None if route == Route::Robots => Decided::unrecorded(Reply::Robots, EdgeOutcome::Asset),
            None => click::unknown(catalogue, fields, scratch),
        };
        let closes = closes || thread.is_draining.get();
        let start = batch.out.len();
        let status = decided.reply.status();
        let date = thread.pool.date(turn.now);
        out::write(&mut batch.out, decided.reply, is_head, closes, &date);
        batch.push(Entry {
            start,
            commit: decided.commit,
            counted: decided.counted,
            outcome: decided.outcome,
            status,
            is_head,
            closes,
            lost: None,
            started: turn.at,
        });
        input.take(bytes);
        if closes {
            return Next::Close;
        }
    }
}
