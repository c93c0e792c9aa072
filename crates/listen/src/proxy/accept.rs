//! Reads a connection's PROXY header.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncRead;
use tokio::time::{Instant, timeout_at};

use super::error::ProxyError;
use super::{Parsed, parse};
use crate::prefixed::Prefixed;

/// A connection behind its PROXY header.
#[derive(Debug)]
pub struct Proxied<S> {
    /// The connection's own bytes; those that came with the header come first.
    pub stream: Prefixed<S>,
    /// The client's address, if the proxy told one; see [`Parsed::Done`].
    pub source: Option<SocketAddr>,
}

/// Why a connection has no valid PROXY header.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// What came is no valid header.
    #[error(transparent)]
    Refused(#[from] ProxyError),
    /// The connection ended first. With 0 bytes that is how a load balancer probes an open port.
    #[error("the connection ended after {received} bytes of its PROXY header")]
    Closed {
        /// Bytes of the header that had come.
        received: usize,
    },
    /// The deadline passed first.
    #[error("the PROXY header did not come in time: {received} bytes had come")]
    Late {
        /// Bytes of the header that had come.
        received: usize,
    },
    /// The connection failed.
    #[error("cannot read the PROXY header")]
    Io(#[source] io::Error),
}

/// Reads the PROXY header a connection must begin with.
///
/// It may come in any pieces. Bytes behind it that arrived together with it are handed on in [`Proxied::stream`]. A
/// header that has already come is taken even if the deadline is past. When the future is dropped, so is the stream.
///
/// # Errors
/// No header, a header that is wrong or late, or a connection that ends or fails before its end. The stream is dropped.
pub async fn accept_proxied<S: AsyncRead + Unpin>(
    stream: S,
    deadline: Instant,
) -> Result<Proxied<S>, AcceptError> {
    let mut stream = Prefixed::bare(stream);
    match timeout_at(deadline, read_header(&mut stream)).await {
        Ok(source) => Ok(Proxied { source: source?, stream }),
        Err(_elapsed) => Err(AcceptError::Late { received: stream.ahead().len() }),
    }
}

async fn read_header<S: AsyncRead + Unpin>(
    stream: &mut Prefixed<S>,
) -> Result<Option<SocketAddr>, AcceptError> {
    loop {
        if stream.fill().await.map_err(AcceptError::Io)? == 0 {
            return Err(AcceptError::Closed { received: stream.ahead().len() });
        }
        if let Parsed::Done { source, used } = parse(stream.ahead())? {
            stream.skip(used);
            return Ok(source);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::super::tests::{HAPROXY, HAPROXY_SOURCE};
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(30)
    }

    #[tokio::test]
    async fn the_header_is_taken_off_and_the_request_behind_it_stays() {
        let sent = [HAPROXY, b"GET / HTTP/1.1\r\n\r\n"].concat();
        for room in [1, 7, HAPROXY.len(), 4096] {
            let (mut near, far) = duplex(room);
            let send = async {
                near.write_all(&sent).await.unwrap();
                drop(near);
            };
            let receive = async {
                let mut proxied = accept_proxied(far, soon()).await.unwrap();
                let mut rest = Vec::new();
                proxied.stream.read_to_end(&mut rest).await.unwrap();
                (proxied.source, rest)
            };
            let ((), (source, rest)) = tokio::join!(send, receive);
            assert_eq!(source, Some(HAPROXY_SOURCE.parse().unwrap()));
            assert_eq!(rest, b"GET / HTTP/1.1\r\n\r\n", "{room} bytes at a time");
        }
    }

    #[tokio::test]
    async fn a_header_alone_leaves_nothing_read_ahead() {
        let (mut near, far) = duplex(4096);
        near.write_all(HAPROXY).await.unwrap();
        let proxied = accept_proxied(far, Instant::now()).await.unwrap();
        assert_eq!(proxied.stream.ahead(), b"");
    }

    #[tokio::test]
    async fn a_connection_without_a_header_is_refused_at_once() {
        let (mut near, far) = duplex(4096);
        near.write_all(b"G").await.unwrap();
        let refused = accept_proxied(far, soon()).await.unwrap_err();
        assert!(
            matches!(refused, AcceptError::Refused(ProxyError::NoHeader { at: 0, found: b'G' })),
            "{refused:?}"
        );
    }

    #[tokio::test]
    async fn a_connection_that_ends_in_its_header_says_where() {
        for cut in 0..HAPROXY.len() {
            let (mut near, far) = duplex(4096);
            near.write_all(&HAPROXY[..cut]).await.unwrap();
            drop(near);
            let closed = accept_proxied(far, soon()).await.unwrap_err();
            assert!(
                matches!(closed, AcceptError::Closed { received } if received == cut),
                "{closed:?} at {cut}"
            );
        }
    }

    #[tokio::test]
    async fn a_header_that_stops_coming_is_given_up_at_the_deadline() {
        for cut in [0, 1, HAPROXY.len() - 1] {
            let (mut near, far) = duplex(4096);
            near.write_all(&HAPROXY[..cut]).await.unwrap();
            let late = accept_proxied(far, Instant::now()).await.unwrap_err();
            assert!(matches!(late, AcceptError::Late { received } if received == cut), "{late:?} at {cut}");
        }
    }
}
