//! A network between a client and a server that a test cuts, at a moment of its choice.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Hands bytes on between its port and a server, until told otherwise; it ends when it goes out of scope.
#[derive(Debug)]
pub struct Cutter {
    address: SocketAddr,
    state: Arc<State>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    /// What a client's bytes must hold for the connection to be cut.
    pattern: Vec<u8>,
    /// Answers to swallow.
    armed: AtomicU32,
    swallowed: AtomicU32,
    /// Requests with the pattern that were handed on.
    requests: AtomicU32,
    requested: Notify,
    is_down: AtomicBool,
    /// Bytes a second that clients may send over each connection; 0: as many as they like.
    rate: AtomicU32,
    /// Wakes all connections, to look whether they are to end.
    changed: Notify,
}

impl Cutter {
    /// Stands before the server at `target`. `pattern` marks the requests whose answers [`Cutter::swallow`] takes away, such
    /// as `COMMIT` or `INSERT INTO`; it must be sent in one piece.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn start(target: &str, pattern: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("a port for the cutter")?;
        let address = listener.local_addr().context("the cutter's port")?;
        let state = Arc::new(State {
            target: target.parse().with_context(|| format!("{target} is no address"))?,
            pattern: pattern.as_bytes().to_vec(),
            armed: AtomicU32::new(0),
            swallowed: AtomicU32::new(0),
            requests: AtomicU32::new(0),
            requested: Notify::new(),
            is_down: AtomicBool::new(false),
            rate: AtomicU32::new(0),
            changed: Notify::new(),
        });
        let server = tokio::spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { address, state, server })
    }

    /// `127.0.0.1:port` that clients are given instead of the server's.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The next requests with the pattern, this many, reach the server, and when it answers, the connection is cut: what was
    /// asked is done, and the client never hears of it.
    pub fn swallow(&self, answers: u32) {
        self.state.armed.fetch_add(answers, Ordering::SeqCst);
    }

    /// Answers that were swallowed so far.
    #[must_use]
    pub fn swallowed(&self) -> u32 {
        self.state.swallowed.load(Ordering::SeqCst)
    }

    /// Requests with the pattern that began to reach the server so far.
    #[must_use]
    pub fn requests(&self) -> u32 {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// Waits until one more request with the pattern has begun to reach the server.
    pub async fn next_request(&self) {
        let before = self.requests();
        loop {
            let requested = self.state.requested.notified();
            tokio::pin!(requested);
            requested.as_mut().enable();
            if self.requests() > before {
                return;
            }
            requested.await;
        }
    }

    /// Lets each connection carry this many bytes a second to the server and no more; 0 ends that.
    pub fn slow(&self, bytes_a_second: u32) {
        self.state.rate.store(bytes_a_second, Ordering::SeqCst);
    }

    /// Cuts all connections, and lets none through until [`Cutter::mend`].
    pub fn cut(&self) {
        self.state.is_down.store(true, Ordering::SeqCst);
        self.state.changed.notify_waiters();
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.state.is_down.store(false, Ordering::SeqCst);
    }
}

impl Drop for Cutter {
    fn drop(&mut self) {
        self.server.abort();
        self.cut();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        // A connection that breaks is what this is for.
        tokio::spawn(async move { connection(client, &state).await.ok() });
    }
}

async fn connection(mut client: TcpStream, state: &State) -> std::io::Result<()> {
    let changed = state.changed.notified();
    tokio::pin!(changed);
    changed.as_mut().enable();
    if state.is_down.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut server = TcpStream::connect(state.target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let mut is_marked = false;
    loop {
        tokio::select! {
            () = &mut changed => return Ok(()),
            read = client.read(&mut asked) => {
                let Some(bytes) = asked.get(..read?).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
                let has_it = bytes.windows(state.pattern.len()).any(|window| window == state.pattern);
                is_marked |= has_it && take_one(&state.armed);
                server.write_all(bytes).await?;
                if let Some(pause) = pause(bytes.len(), state.rate.load(Ordering::SeqCst)) {
                    tokio::time::sleep(pause).await;
                }
                if has_it {
                    state.requests.fetch_add(1, Ordering::SeqCst);
                    state.requested.notify_waiters();
                }
            }
            read = server.read(&mut answered) => {
                let Some(bytes) = answered.get(..read?).filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
                if is_marked {
                    state.swallowed.fetch_add(1, Ordering::SeqCst);
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}

/// How long a line of this many bytes a second is busy with some.
fn pause(bytes: usize, rate: u32) -> Option<Duration> {
    let micros = u64::try_from(bytes).ok()?.checked_mul(1_000_000)?.checked_div(rate.into())?;
    Some(Duration::from_micros(micros))
}

/// Counts down; false at zero.
fn take_one(armed: &AtomicU32) -> bool {
    armed.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}
