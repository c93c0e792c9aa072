//! HTTP/2, by hyper: over TLS where both sides agreed on it, in clear text where a client begins with its preface.
//!
//! # Limits
//!
//! 100 requests at once; a request's fields 16 KiB; 64 KiB of bodies unread, per request and together. A connection
//! without a request under way for [`HEAD_TIMEOUT`] is told so (GOAWAY) and ends, like an idle one of HTTP/1.1; one that
//! does not take its leave within [`FAREWELL`] is cut. Both are looked at when the connection is swept.
//!
//! hyper bounds what a client may reset and ping; what is sent to one that does not read is bounded by [`Pressure`].

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::Request;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::Service;

use super::Place;
use crate::address::Peer;
use crate::lane::{HEAD_BYTES_MAX, HEAD_TIMEOUT, Keeper as _};
use crate::pressure::{Pressure, Stream};
use crate::service::{Answer, Edge};
use crate::sweep::{self, SweptTimer};

const REQUESTS_AT_ONCE_MAX: u32 = 100;
/// What HTTP/2 itself begins with (RFC 9113 section 6.9.2), and as much as the longest body.
const WINDOW_BYTES: u32 = 65_535;
/// How long a connection without requests may take to end once it was told to.
const FAREWELL: Duration = Duration::from_secs(3);

/// Serves a connection to its end.
pub(super) async fn serve(stream: Pressure<Box<dyn Stream>>, peer: Peer, place: &mut Place) {
    let thread = Rc::clone(&place.gate.thread);
    let requests = Rc::new(Requests { under_way: Cell::new(0), last: Cell::new(sweep::now()) });
    let edge = Edge { thread: Rc::clone(&thread), peer };
    let service = Watched { edge, requests: Rc::clone(&requests) };
    let mut builder = http2::Builder::new(Local);
    builder
        .timer(SweptTimer)
        .max_concurrent_streams(REQUESTS_AT_ONCE_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES);
    let mut connection = pin!(builder.serve_connection(stream, service));
    let mut farewell: Option<Pin<Box<tokio::time::Sleep>>> = None;
    let outcome = poll_fn(|context| {
        place.wait(context);
        let mut outcome = connection.as_mut().poll(context);
        let is_to_end = || thread.is_draining.get() || place.is_closing() || requests.are_over();
        if outcome.is_pending() && farewell.is_none() && is_to_end() {
            farewell = Some(Box::pin(tokio::time::sleep(FAREWELL)));
            connection.as_mut().graceful_shutdown();
            outcome = connection.as_mut().poll(context);
        }
        if outcome.is_pending()
            && let Some(farewell) = &mut farewell
            && (farewell.is_elapsed() || farewell.as_mut().poll(context).is_ready())
            && requests.under_way.get() == 0
        {
            return Poll::Ready(Ok(()));
        }
        outcome
    })
    .await;
    if let Err(error) = outcome
        && is_malformed(&error)
    {
        place.count_malformed();
    }
}

/// Whether a client broke the rules of HTTP/2, rather than the connection.
fn is_malformed(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| !source.is::<std::io::Error>()) && !error.is_canceled()
}

/// Runs each request as a task of this thread.
#[derive(Debug, Clone, Copy)]
struct Local;

impl<F: Future<Output = ()> + 'static> Executor<F> for Local {
    fn execute(&self, request: F) {
        tokio::task::spawn_local(request);
    }
}

/// What a connection has to do.
struct Requests {
    under_way: Cell<u32>,
    /// When the last one began or got its answer.
    last: Cell<Instant>,
}

impl Requests {
    fn change(&self, change: i32) {
        self.under_way.set(self.under_way.get().saturating_add_signed(change));
        self.last.set(sweep::now());
    }

    /// Nothing is under way, and it is not waited for more.
    fn are_over(&self) -> bool {
        self.under_way.get() == 0 && sweep::now().saturating_duration_since(self.last.get()) >= HEAD_TIMEOUT
    }
}

/// The edge, with its requests counted.
struct Watched {
    edge: Edge,
    requests: Rc<Requests>,
}

/// An answer under way.
struct UnderWay {
    answer: Answer,
    requests: Rc<Requests>,
}

impl Service<Request<Incoming>> for Watched {
    type Response = <Edge as Service<Request<Incoming>>>::Response;
    type Error = <Edge as Service<Request<Incoming>>>::Error;
    type Future = UnderWay;

    fn call(&self, request: Request<Incoming>) -> UnderWay {
        self.requests.change(1);
        UnderWay { answer: self.edge.call(request), requests: Rc::clone(&self.requests) }
    }
}

impl Future for UnderWay {
    type Output = <Answer as Future>::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.answer).poll(context)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.requests.change(-1);
    }
}
