//! A thread's listener and its connections, up to the drain.

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};

use hopline_runtime::lifecycle::Shutdown;
use hopline_runtime::telemetry::EdgeOutcome;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

use crate::pressure::Pressure;
use crate::service::Edge;
use crate::thread::Thread;

/// To send a request's head, and between two requests.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// hyper's own least is 8 KiB.
const HEAD_BYTES_MAX: usize = 16 * 1024;
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
    closing: watch::Sender<bool>,
}

/// Accepts and serves until the shutdown begins, then drains.
pub(crate) async fn serve(
    listener: TcpListener,
    thread: Rc<Thread>,
    connections_max: usize,
    shutdown: &Shutdown,
) {
    let gate =
        Rc::new(Gate { thread, connections_max, left: Notify::new(), closing: watch::Sender::new(false) });
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
        gate.closing.send_replace(true);
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
    let place = Place(Rc::clone(gate));
    tokio::task::spawn_local(connection(stream, peer.ip(), place));
}

/// A connection's place; given back when it ends, however it ends.
struct Place(Rc<Gate>);

impl Drop for Place {
    fn drop(&mut self) {
        let thread = &self.0.thread;
        thread.connections.set(thread.connections.get() - 1);
        self.0.left.notify_one();
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

async fn connection(stream: TcpStream, peer: IpAddr, place: Place) {
    let gate = &place.0;
    // Without it a pipelined answer could wait for the acknowledgement of the one before; if it fails, only that.
    stream.set_nodelay(true).unwrap_or_default();
    let edge = Edge { thread: Rc::clone(&gate.thread), peer };
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        // Answers are small: one buffer, one write.
        .writev(false);
    let mut connection = std::pin::pin!(builder.serve_connection(Pressure::new(stream), edge));
    let mut closing = gate.closing.subscribe();
    let mut is_closing = false;
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = connection.as_mut() => break outcome,
            _ = closing.wait_for(|closing| *closing), if !is_closing => {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    };
    if let Err(error) = outcome
        && (error.is_parse() || error.is_parse_too_large())
    {
        let now = Instant::now();
        gate.thread.count(EdgeOutcome::Malformed, now, now);
    }
}
