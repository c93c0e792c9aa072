//! A thread's listener and its connections, up to the drain.

use std::cell::Cell;
use std::future::{Future as _, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::task::Context;
use std::time::{Duration, Instant};

use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::EdgeOutcome;
use hyper::server::conn::http1;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::lane::{self, End, HEAD_BYTES_MAX, HEAD_TIMEOUT, Keeper};
use crate::pressure::Pressure;
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
    tokio::task::spawn_local(connection(stream, peer.ip(), place));
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

/// Serves a connection: in the lane first, by hyper from the first request on that is not plain.
async fn connection<S: AsyncRead + AsyncWrite + Unpin + 'static>(stream: S, peer: IpAddr, mut place: Place) {
    let gate = Rc::clone(&place.gate);
    match lane::serve(stream, peer, &gate.thread, &mut place).await {
        End::Over => (),
        // In a box, so that a connection that stays in the lane does not carry hyper's state.
        End::HandOver { stream, read } => {
            Box::pin(general(Pressure::new(stream, read), peer, &mut place)).await;
        }
    }
}

async fn general<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    stream: Pressure<S>,
    peer: IpAddr,
    place: &mut Place,
) {
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
        let now = Instant::now();
        place.gate.thread.count(EdgeOutcome::Malformed, now, now);
    }
}
