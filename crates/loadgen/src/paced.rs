//! Load at a fixed rate, whether the server keeps up or not.
//!
//! Every request has a time at which it is to leave. Its latency counts from that time, not from when a connection was
//! free to send it: a server that stalls pays for all who came meanwhile. One thread that never sleeps, on nonblocking
//! sockets; give it a core of its own.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

/// What to send, and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The server; must be a loopback address.
    pub target: SocketAddr,
    /// Requests a second.
    pub rate: u32,
    /// Requests in all.
    pub requests: u32,
    /// Open connections; a request waits when all are busy.
    pub connections: usize,
}

struct Connection {
    stream: TcpStream,
    /// When the request under way was to leave.
    due: Option<Instant>,
    answer: Vec<u8>,
}

/// Sends the requests that `write` makes of their numbers, and gives the latency of each answer. Every answer must be a
/// 302.
///
/// # Errors
/// The target is not on loopback, a connection breaks, or an answer is no redirect.
pub fn paced(pace: &Pace, mut write: impl FnMut(u32, &mut Vec<u8>)) -> Result<Vec<Duration>> {
    ensure!(pace.target.ip().is_loopback(), "{} is not a loopback address", pace.target);
    ensure!(pace.rate > 0 && pace.connections > 0, "a rate and connections are needed, given {pace:?}");
    let mut connections = (0..pace.connections).map(|_| connect(pace.target)).collect::<Result<Vec<_>>>()?;
    let mut idle: VecDeque<usize> = (0..pace.connections).collect();
    let mut latencies = Vec::new();
    let mut request = Vec::new();
    let (begun, gap) = (Instant::now(), Duration::from_secs(1) / pace.rate);
    let mut sent = 0;
    while latencies.len() < usize::try_from(pace.requests)? {
        let due = begun + gap * sent;
        if sent < pace.requests
            && Instant::now() >= due
            && let Some(place) = idle.pop_front()
            && let Some(connection) = connections.get_mut(place)
        {
            request.clear();
            write(sent, &mut request);
            // A request is smaller than an empty socket's buffer.
            connection.stream.write_all(&request).context("sending")?;
            connection.due = Some(due);
            sent += 1;
        }
        for (place, connection) in connections.iter_mut().enumerate() {
            if let Some(due) = connection.due
                && connection.has_answered()?
            {
                latencies.push(due.elapsed());
                connection.due = None;
                idle.push_back(place);
            }
        }
    }
    Ok(latencies)
}

fn connect(target: SocketAddr) -> Result<Connection> {
    let stream = TcpStream::connect(target).with_context(|| format!("connecting to {target}"))?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(Connection { stream, due: None, answer: Vec::new() })
}

impl Connection {
    /// Takes what has arrived; tells whether the answer is whole.
    fn has_answered(&mut self) -> Result<bool> {
        let mut piece = [0; 4096];
        match self.stream.read(&mut piece) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(length) => self.answer.extend_from_slice(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error).context("receiving"),
        }
        let Some(wanted) = whole_length(&self.answer) else { return Ok(false) };
        if self.answer.len() < wanted {
            return Ok(false);
        }
        let is_redirect = self.answer.starts_with(b"HTTP/1.1 302 ") && self.answer.len() == wanted;
        ensure!(is_redirect, "no redirect, or more: {:?}", String::from_utf8_lossy(&self.answer));
        self.answer.clear();
        Ok(true)
    }
}

/// The length of an answer with its body, once its head is there. Without a length it has no body.
fn whole_length(answer: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let lines = answer.get(..head)?.split(|byte| *byte == b'\n');
    let length = lines
        .filter_map(|line| line.split_at_checked(NAME.len()))
        .find(|(name, _)| name.eq_ignore_ascii_case(NAME))
        .and_then(|(_, value)| std::str::from_utf8(value).ok()?.trim().parse::<usize>().ok());
    Some(head + length.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_announced_body_is_there() {
        let table = [
            ("HTTP/1.1 302 Found\r\nlocation: x\r\n", None),
            ("HTTP/1.1 302 Found\r\nlocation: x\r\n\r\n", Some(35)),
            ("HTTP/1.1 302 Found\r\nContent-Length: 12\r\n\r\n", Some(54)),
        ];
        for (answer, expected) in table {
            assert_eq!(whole_length(answer.as_bytes()), expected, "{answer}");
        }
    }

    #[test]
    fn latency_counts_from_the_time_at_which_a_request_was_due() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let stall = Duration::from_millis(50);
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4];
            stream.read_exact(&mut request).unwrap();
            let until = Instant::now() + stall;
            while let Some(left) = until.checked_duration_since(Instant::now()) {
                std::thread::park_timeout(left);
            }
            loop {
                stream.write_all(b"HTTP/1.1 302 Found\r\n\r\n").unwrap();
                if stream.read_exact(&mut request).is_err() {
                    break;
                }
            }
        });
        let pace = Pace { target, rate: 1000, requests: 10, connections: 1 };
        let latencies = paced(&pace, |_, out| out.extend_from_slice(b"ping")).unwrap();
        assert_eq!(latencies.len(), 10);
        // The second was due one millisecond after the first and had to wait for it.
        assert!(latencies[1] >= stall - Duration::from_millis(1), "{latencies:?}");
        server.join().unwrap();
    }
}
