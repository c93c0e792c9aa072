//! Sending clicks and keeping what came back.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What to send.
#[derive(Debug, Clone)]
pub struct Load {
    /// The edge; must be a loopback address.
    pub target: SocketAddr,
    /// Paths of links, such as `/abc1234`; taken in turn.
    pub paths: Vec<String>,
    /// Connections at the same time.
    pub connections: usize,
    /// Clicks in all.
    pub clicks_max: u64,
    /// Time in all.
    pub time_max: Duration,
    /// The first number for `sub1`, so that several loads on one server do not share numbers.
    pub first: u64,
}

/// A click that was answered with a redirect, read to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledged {
    /// The number sent as `sub1`.
    pub number: u64,
    /// The answer's `Location`.
    pub location: String,
}

/// What became of a load.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Redirects read to their end.
    pub acknowledged: Vec<Acknowledged>,
    /// Numbers sent whose answer did not arrive whole.
    pub open: Vec<u64>,
    /// Answers that were no redirect, by number and status.
    pub refused: Vec<(u64, u16)>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Outcome {
    fn add(&mut self, other: Self) {
        self.acknowledged.extend(other.acknowledged);
        self.open.extend(other.open);
        self.refused.extend(other.refused);
    }
}

struct Shared {
    load: Load,
    next: AtomicU64,
    stop: Arc<AtomicBool>,
    deadline: Instant,
}

/// Sends the load until it is done, `stop` is set, or nobody answers any more.
///
/// # Errors
/// The target is not on loopback, or no path is given.
pub async fn run(load: Load, stop: Arc<AtomicBool>) -> anyhow::Result<Outcome> {
    anyhow::ensure!(load.target.ip().is_loopback(), "{} is not a loopback address", load.target);
    anyhow::ensure!(!load.paths.is_empty(), "no link to click");
    let begun = Instant::now();
    let connections = load.connections;
    let shared = Arc::new(Shared { next: AtomicU64::new(0), deadline: begun + load.time_max, stop, load });
    let tasks: Vec<_> = (0..connections).map(|_| tokio::spawn(clicks(shared.clone()))).collect();
    let mut outcome = Outcome::default();
    for task in tasks {
        outcome.add(task.await.context("a connection's task")?);
    }
    outcome.elapsed = begun.elapsed();
    Ok(outcome)
}

async fn clicks(shared: Arc<Shared>) -> Outcome {
    let mut outcome = Outcome::default();
    'connections: while let Ok(mut sender) = connect(shared.load.target).await {
        loop {
            if shared.stop.load(Ordering::Relaxed) || Instant::now() >= shared.deadline {
                return outcome;
            }
            let sequence = shared.next.fetch_add(1, Ordering::Relaxed);
            if sequence >= shared.load.clicks_max {
                return outcome;
            }
            let number = shared.load.first + sequence;
            match click(&mut sender, &shared.load, number).await {
                Ok((302, location)) => outcome.acknowledged.push(Acknowledged { number, location }),
                Ok((status, _)) => outcome.refused.push((number, status)),
                Err(_broken) => {
                    outcome.open.push(number);
                    continue 'connections;
                }
            }
        }
    }
    outcome
}

async fn connect(target: SocketAddr) -> anyhow::Result<SendRequest<Empty<Bytes>>> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn click(
    sender: &mut SendRequest<Empty<Bytes>>,
    load: &Load,
    number: u64,
) -> anyhow::Result<(u16, String)> {
    let turn = usize::try_from(number).unwrap_or_default() % load.paths.len();
    let path = load.paths.get(turn).expect("the turn is below the number of paths");
    let request = hyper::Request::get(format!("{path}?sub1={number}"))
        .header("host", load.target.to_string())
        .header(
            "user-agent",
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        )
        .header("sec-fetch-dest", "document")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-user", "?1")
        .body(Empty::new())?;
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    let status = answer.status().as_u16();
    let location =
        answer.headers().get("location").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    answer.into_body().collect().await?;
    Ok((status, location))
}
