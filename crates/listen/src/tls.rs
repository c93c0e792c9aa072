//! TLS with a certificate from two files, read again when they are replaced.
//!
//! - **Versions**: TLS 1.3 and 1.2, with rustls' own choice of cipher suites on ring. No client certificates, no 0-RTT.
//! - **Files**: the chain in PEM form with the server's own certificate first, and its key in PEM form (PKCS #8, PKCS #1
//!   or SEC 1; not encrypted), each at most [`FILE_BYTES_MAX`]. They may be one and the same file. That the first
//!   certificate belongs to the key is checked; names and dates are not: an expired certificate is served, as its
//!   monitoring and not a restart should find it.
//! - **Resumption**: by tickets, under keys of this process that a reload replaces; connections then begin with a whole
//!   handshake once. Nothing is remembered per client.
//! - **Replacing**: [`Reloader::check`] compares device, inode, length and times of both files and loads both when
//!   one differs. New connections get the new certificate, those open keep theirs. What cannot be loaded changes
//!   nothing and is an error at every check until it can; so a key that arrives a moment after its certificate is only
//!   a moment's error. Symbolic links are followed.

mod error;
mod files;
mod handshake;
mod reload;

pub use error::{PemFault, TlsError};
pub use files::{FILE_BYTES_MAX, Protocols, TlsFiles};
pub use handshake::{HandshakeError, handshake, negotiated};
pub use reload::{Checked, Reloader};
pub use tokio_rustls::rustls::ServerConfig;
pub use tokio_rustls::server::TlsStream;
