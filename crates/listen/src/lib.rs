//! What stands between an accepted connection and HTTP: the PROXY protocol, TLS and the choice of HTTP's version.
//!
//! A listener accepts a connection and takes it through these steps, each of which can be left out:
//!
//! ```text
//! TcpStream ─ accept_proxied ─▶ Prefixed<TcpStream> ─ tls::handshake ─▶ TlsStream<Prefixed<TcpStream>> ─▶ HTTP by ALPN
//!             source address                        └ read_preface ──▶ Prefixed<TcpStream>             ─▶ HTTP by preface
//! ```
//!
//! The crate opens no socket, starts no task, thread or timer of its own, and writes no log: it hands back what it
//! found. It speaks no HTTP and decides on no trust: who may send a PROXY header, and whose `X-Forwarded-For` counts,
//! is the caller's knowledge.
//!
//! # The PROXY protocol
//!
//! Version 2, as HAProxy's `proxy-protocol.txt` has it; see [`proxy`]. Version 1, the text form, is refused with an
//! error that says so. A caller that expects a header demands it: a connection without one is refused, since otherwise
//! a client could choose whether its address is told.
//!
//! # TLS
//!
//! TLS 1.2 and 1.3 by rustls on ring, one certificate for all names, no client certificates, no 0-RTT data (a request
//! in it could be replayed, and here requests are clicks); see [`tls`]. The files are read again when they were
//! replaced ([`tls::Reloader`]); what cannot be used is refused and the certificate in use stays.
//!
//! # HTTP/2
//!
//! With TLS, ALPN decides ([`tls::negotiated`]); in clear text the client's first 24 bytes do ([`read_preface`]). The
//! `Upgrade: h2c` of HTTP/1.1 is not offered, RFC 9113 withdrew it.
//!
//! # Limits
//!
//! | what | limit | beyond it |
//! |---|---|---|
//! | PROXY header | [`proxy::HEADER_BYTES_MAX`], 552 bytes | refused |
//! | bytes read ahead of HTTP or TLS | one read of 2,048 bytes more than the question needed | left in the socket |
//! | time for header, handshake, preface | the caller's deadline | an error of its own, the connection is dropped |
//! | certificate and key file | [`tls::FILE_BYTES_MAX`], 1 MiB each | refused |
//!
//! # Cost
//!
//! A connection whose PROXY header came in one piece costs one read, which mostly brings the first request with it,
//! and one allocation for what was read; the preface is then looked for in the same bytes. While a connection waits for
//! its first bytes it holds no buffer. Once the bytes read ahead are consumed their memory is given back, and
//! [`Prefixed`] is one comparison per read. A deadline costs a timer only if there is something to wait for.

mod preface;
mod prefixed;
pub mod proxy;
pub mod tls;

pub use preface::{Preface, read_preface};
pub use prefixed::Prefixed;
pub use proxy::{AcceptError, Proxied, accept_proxied};
