//! What a connection goes through before its first request: a PROXY header from a trusted proxy, and TLS.
//!
//! Both are the listener's settings; a connection that needs neither does not come here. Header and handshake together
//! get the time of a request's head ([`HEAD_TIMEOUT`]).
//!
//! # Whose address counts (S-25)
//!
//! A trusted proxy that speaks the PROXY protocol must begin with its header; from anybody else such a header is nothing
//! but a malformed request. The address in it takes the connection's place: `X-Forwarded-For` is believed if *that*
//! address is a trusted proxy's. Where the proxy tells no address (its own health checks, unspecified, UNIX), the
//! connection's stays, but nothing forwarded is believed: nobody knows who wrote it.

use std::sync::Arc;

use hopline_listen::tls::{HandshakeError, Reloader, TlsStream, handshake};
use hopline_listen::{AcceptError, Prefixed, accept_proxied};
use hopline_runtime::config::Cidr;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::address::Peer;
use crate::lane::HEAD_TIMEOUT;

/// How connections begin.
#[derive(Debug, Default)]
pub(crate) struct Front {
    /// Trusted proxies send a PROXY header.
    pub(crate) proxy_protocol: bool,
    /// HTTP/2 is spoken in clear text; with TLS its own settings decide.
    pub(crate) http2: bool,
    pub(crate) tls: Option<Arc<Reloader>>,
}

/// A connection that can be asked for requests.
#[derive(Debug)]
pub(crate) enum Entered {
    Clear(Prefixed<TcpStream>),
    Tls(Box<TlsStream<Prefixed<TcpStream>>>),
}

/// Why a connection got no further. It is closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error(transparent)]
    Proxy(#[from] AcceptError),
    #[error(transparent)]
    Tls(#[from] HandshakeError),
}

impl Front {
    /// Takes a connection through what stands before its first request.
    pub(crate) async fn enter(
        &self,
        stream: TcpStream,
        mut peer: Peer,
        has_header: bool,
        trusted: &[Cidr],
    ) -> Result<(Peer, Entered), Refused> {
        let deadline = Instant::now() + HEAD_TIMEOUT;
        let stream = if has_header {
            let proxied = accept_proxied(stream, deadline).await?;
            peer = match proxied.source {
                Some(source) => Peer::new(source.ip(), trusted),
                None => Peer { is_trusted: false, ..peer },
            };
            proxied.stream
        } else {
            Prefixed::bare(stream)
        };
        let Some(tls) = &self.tls else { return Ok((peer, Entered::Clear(stream))) };
        let stream = handshake(tls.current(), stream, deadline).await?;
        Ok((peer, Entered::Tls(Box::new(stream))))
    }
}

impl Refused {
    /// Whether the client sent something wrong or unfinished; who only looks whether the port is open, or hangs up, did
    /// not.
    pub(crate) const fn is_malformed(&self) -> bool {
        match self {
            Self::Proxy(AcceptError::Refused(_))
            | Self::Tls(HandshakeError::Tls(_) | HandshakeError::Late) => true,
            Self::Proxy(AcceptError::Closed { received } | AcceptError::Late { received }) => *received > 0,
            Self::Proxy(AcceptError::Io(_)) | Self::Tls(HandshakeError::Closed | HandshakeError::Io(_)) => {
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hopline_listen::proxy::ProxyError;

    use super::*;

    #[test]
    fn who_only_looks_whether_the_port_is_open_sent_nothing_malformed() {
        let broken = || std::io::ErrorKind::ConnectionReset.into();
        let table = [
            (Refused::Proxy(AcceptError::Refused(ProxyError::Version1)), true),
            (Refused::Proxy(AcceptError::Closed { received: 0 }), false),
            (Refused::Proxy(AcceptError::Closed { received: 1 }), true),
            (Refused::Proxy(AcceptError::Late { received: 0 }), false),
            (Refused::Proxy(AcceptError::Late { received: 15 }), true),
            (Refused::Proxy(AcceptError::Io(broken())), false),
            (Refused::Tls(HandshakeError::Late), true),
            (Refused::Tls(HandshakeError::Closed), false),
            (Refused::Tls(HandshakeError::Io(broken())), false),
        ];
        for (refused, expected) in table {
            assert_eq!(refused.is_malformed(), expected, "{refused}");
        }
    }
}
