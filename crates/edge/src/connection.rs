//! A thread's listener and its connections, up to the drain.

mod http2;

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hopline_listen::Preface;
use hopline_listen::tls::negotiated;
use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::EdgeOutcome;
use hyper::server::conn::http1;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::address::Peer;
use crate::front::Entered;
use crate::lane::{self, End, HEAD_BYTES_MAX, HEAD_TIMEOUT, Keeper};
use crate::pressure::{Pressure, Stream};
use crate::service::Edge;
use crate::sweep::{Sweep, SweptTimer};
use crate::thread::Thread;

/// After a failed accept, mostly for want of descriptors, trying again at once would only burn CPU.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long the backlog is emptied once the shutdown has begun: the system accepted whoever is in there.
const LAST_ACCEPTS: Duration = Duration::from_millis(50);
/// How long connections may bring a last request once the shutdown has begun.
const LAST_REQUESTS: Duration = Duration::from_millis(500);
/// How long answers under way may take after that.
const LAST_ANSWERS: Duration = Duration::from_secs(10);

struct Gate {
    thread: Rc<Thread>,
    connections_max: usize,
    left: Notify,
    sweep: Sweep,
    /// Idle connections are to be closed.
    is_closing: Cell<bool>,
}

/// Accepts and serves until the shutdown begins, then drains.
pub(crate) async fn serve(
    listener: TcpListener,
    thread: Rc<Thread>,
    connections_max: usize,
    shutdown: &Shutdown,
) {
    let gate = Rc::new(Gate {
        thread,
        connections_max,
        left: Notify::new(),
        sweep: Sweep::default(),
        is_closing: Cell::new(false),
    });
    let swept = Rc::clone(&gate);
    tokio::task::spawn_local(async move { swept.sweep.run().await });
    tokio::select! {
        () = accept_forever(&listener, &gate) => (),
        () = shutdown.begun() => (),
    }
    gate.thread.is_draining.set(true);
    let deadline = tokio::time::Instant::now() + LAST_ACCEPTS;
    while let Ok(Ok((stream, peer))) = tokio::time::timeout_at(deadline, listener.accept()).await {
        start(&gate, stream, peer);
    }
    drop(listener);
    if !gate.is_empty_within(LAST_REQUESTS).await {
        gate.is_closing.set(true);
        gate.sweep.wake_all();
        if !gate.is_empty_within(LAST_ANSWERS).await {
            tracing::warn!(
                connections = gate.thread.connections.get(),
                "connections were cut at the end of the drain"
            );
        }
    }
}

async fn accept_forever(listener: &TcpListener, gate: &Rc<Gate>) {
    loop {
        while gate.thread.connections.get() >= gate.connections_max {
            gate.left.notified().await;
        }
        match listener.accept().await {
            Ok((stream, peer)) => start(gate, stream, peer),
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn start(gate: &Rc<Gate>, stream: TcpStream, peer: SocketAddr) {
    gate.thread.connections.set(gate.thread.connections.get() + 1);
    // Without it a pipelined answer could wait for the acknowledgement of the one before; if it fails, only that.
    stream.set_nodelay(true).unwrap_or_default();
    let place = Place { gate: Rc::clone(gate), swept: None };
    let shared = &gate.thread.shared;
    let peer = Peer::new(peer.ip(), &shared.trusted_proxies);
    let has_header = shared.front.proxy_protocol && peer.is_trusted;
    if has_header || shared.front.tls.is_some() {
        tokio::task::spawn_local(fronted(stream, peer, has_header, place));
    } else {
        tokio::task::spawn_local(connection(stream, peer, place));
    }
}

/// A connection's place; given back when it ends, however it ends.
struct Place {
    gate: Rc<Gate>,
    swept: Option<usize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let thread = &self.gate.thread;
        thread.connections.set(thread.connections.get() - 1);
        if let Some(place) = self.swept {
            self.gate.sweep.leave(place);
        }
        self.gate.left.notify_one();
    }
}

impl Keeper for Place {
    fn wait(&mut self, context: &Context<'_>) {
        // A connection is one task for life, so its first waker stays good.
        self.swept.get_or_insert_with(|| self.gate.sweep.enter(context.waker()));
    }

    fn is_closing(&self) -> bool {
        self.gate.is_closing.get()
    }
}

impl Place {
    /// Takes a step on the way to the first request; none if idle connections are to be closed meanwhile.
    async fn unless_closing<T>(&mut self, step: impl Future<Output = T>) -> Option<T> {
        let mut step = pin!(step);
        poll_fn(|context| {
            if let Poll::Ready(outcome) = step.as_mut().poll(context) {
                return Poll::Ready(Some(outcome));
            }
            self.wait(context);
            if self.is_closing() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }

    fn count_malformed(&self) {
        let now = Instant::now();
        self.gate.thread.count(EdgeOutcome::Malformed, now, now);
    }
}

impl Gate {
    async fn is_empty_within(&self, limit: Duration) -> bool {
        let empty = async {
            while self.thread.connections.get() > 0 {
                self.left.notified().await;
            }
        };
        tokio::time::timeout(limit, empty).await.is_ok()
    }
}

/// Serves a connection that begins with a PROXY header, with TLS, or with both.
async fn fronted(stream: TcpStream, peer: Peer, has_header: bool, mut place: Place) {
    let gate = Rc::clone(&place.gate);
    // In boxes, so that a connection does not carry the state of steps that lie behind it.
    let shared = &gate.thread.shared;
    let entering = Box::pin(shared.front.enter(stream, peer, has_header, &shared.trusted_proxies));
    let (peer, entered) = match place.unless_closing(entering).await {
        None => return,
        Some(Ok(entered)) => entered,
        Some(Err(refused)) => {
            tracing::debug!(error = &refused as &dyn std::error::Error, "a connection got no further");
            if refused.is_malformed() {
                place.count_malformed();
            }
            return;
        }
    };
    match entered {
        Entered::Clear(stream) => connection(stream, peer, place).await,
        Entered::Tls(stream) if negotiated(&stream) == Preface::Http2 => {
            Box::pin(http2::serve(Pressure::new(stream as Box<dyn Stream>, Vec::new()), peer, &mut place))
                .await;
        }
        Entered::Tls(stream) => connection(stream, peer, place).await,
    }
}

/// Serves a connection: in the lane first, by hyper from the first request on that is not plain.
async fn connection<S: Stream + 'static>(stream: S, peer: Peer, mut place: Place) {
    let gate = Rc::clone(&place.gate);
    match lane::serve(stream, peer, &gate.thread, &mut place).await {
        End::Over => (),
        // In a box, so that a connection that stays in the lane does not carry hyper's state.
        End::HandOver { stream, read, is_first } => {
            // With fewer bytes than the whole preface it is hyper's to wait for the rest.
            let is_http2 = is_first && gate.thread.shared.front.http2 && Preface::of(&read) != Preface::Http1;
            let stream: Box<dyn Stream> = Box::new(stream);
            let stream = Pressure::new(stream, read);
            if is_http2 {
                Box::pin(http2::serve(stream, peer, &mut place)).await;
            } else {
                Box::pin(general(stream, peer, &mut place)).await;
            }
        }
    }
}

async fn general(stream: Pressure<Box<dyn Stream>>, peer: Peer, place: &mut Place) {
    let edge = Edge { thread: Rc::clone(&place.gate.thread), peer };
    let mut builder = http1::Builder::new();
    builder
        .timer(SweptTimer)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        // Answers are small: one buffer, one write.
        .writev(false);
    let mut connection = std::pin::pin!(builder.serve_connection(stream, edge));
    let mut is_closing = false;
    let outcome = poll_fn(|context| {
        place.wait(context);
        let outcome = connection.as_mut().poll(context);
        if outcome.is_pending() && place.is_closing() && !is_closing {
            is_closing = true;
            connection.as_mut().graceful_shutdown();
            return connection.as_mut().poll(context);
        }
        outcome
    })
    .await;
    if let Err(error) = outcome
        && (error.is_parse() || error.is_parse_too_large())
    {
        place.count_malformed();
    }
}
