//! Ports for servers that must be found at the same one after a restart.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the ports that the kernel gives to connections, so that none takes a server's place while it is down.
const FIRST: u32 = 15_000;
const COUNT: u32 = 16_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A loopback port that nobody has now. Processes begin at different places; who starts a server on it must still be
/// ready to try another one.
pub(crate) fn free() -> u16 {
    let start = std::process::id().wrapping_mul(2_654_435_761);
    loop {
        let place = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + place).expect("the range ends below 65536");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A name that no other test uses on a shared server.
pub(crate) fn unique_name() -> String {
    let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |elapsed| elapsed.as_nanos() % 1_000_000_000);
    format!("t{}_{}_{nanos}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
