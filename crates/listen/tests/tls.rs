//! TLS over 127.0.0.1 with a real client, and certificate files as operators break them.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "tls/files.rs"]
mod files;
#[path = "tls/handshakes.rs"]
mod handshakes;
#[path = "tls/harness.rs"]
mod harness;
#[path = "tls/reload.rs"]
mod reload;
