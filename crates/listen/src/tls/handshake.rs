//! From a connection to a TLS connection.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::preface::Preface;

/// Why a connection did not become a TLS connection.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// The deadline passed first.
    #[error("the TLS handshake was not over in time")]
    Late,
    /// The client ended the connection first.
    #[error("the connection ended during the TLS handshake")]
    Closed,
    /// What the client sent is not TLS, or nothing both sides can do; it was sent an alert.
    #[error("the TLS handshake failed")]
    Tls(#[source] rustls::Error),
    /// The connection failed.
    #[error("the connection failed during the TLS handshake")]
    Io(#[source] io::Error),
}

/// Lets a client begin TLS. When the future is dropped, so is the stream.
///
/// # Errors
/// The handshake failed or was not over at the deadline. The stream is dropped.
pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(
    config: Arc<ServerConfig>,
    stream: S,
    deadline: Instant,
) -> Result<TlsStream<S>, HandshakeError> {
    match timeout_at(deadline, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(reason(error)),
        Err(_elapsed) => Err(HandshakeError::Late),
    }
}

fn reason(error: io::Error) -> HandshakeError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return HandshakeError::Closed;
    }
    match error.downcast::<rustls::Error>() {
        Ok(error) => HandshakeError::Tls(error),
        Err(error) => HandshakeError::Io(error),
    }
}

/// The version of HTTP that both sides agreed on by ALPN: HTTP/2 if they did, else HTTP/1, never undecided.
pub fn negotiated<S>(stream: &TlsStream<S>) -> Preface {
    match stream.get_ref().1.alpn_protocol() {
        Some(b"h2") => Preface::Http2,
        _ => Preface::Http1,
    }
}
