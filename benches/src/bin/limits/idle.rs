//! Memory of connections that wait.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hopline_benches::clicks;
use hopline_benches::goals::at_most;

use crate::{megabytes, start, warm};

const CONNECTIONS: u32 = 10_000;
const LINKS: u32 = 1_000;
const GOAL_MB: f64 = 200.0;

pub(crate) fn measure(directory: &Path) -> Result<()> {
    let server = start(None, LINKS, 1, Duration::ZERO, &directory.join("idle"))?;
    warm(server.address, LINKS)?;
    let before = megabytes(server.pid(), "VmRSS")?;
    let mut waiting = Vec::new();
    let (mut request, mut answer) = (Vec::new(), [0; 4096]);
    for number in 0..CONNECTIONS {
        let stream = TcpStream::connect(server.address);
        let mut stream = stream.with_context(|| format!("connection {number}: see ulimit -n"))?;
        request.clear();
        clicks::write(number, LINKS, &mut request);
        stream.write_all(&request)?;
        let length = stream.read(&mut answer)?;
        let is_redirect = answer.get(..length).is_some_and(|answer| answer.starts_with(b"HTTP/1.1 302 "));
        ensure!(is_redirect, "connection {number} got no redirect");
        waiting.push(stream);
    }
    let after = megabytes(server.pid(), "VmRSS")?;
    let each = (after - before) * 1e3 / f64::from(CONNECTIONS);
    println!(
        "\n{CONNECTIONS} idle keep-alive connections after a click each: VmRSS {before:.1} MB before, {after:.1} MB with \
         them, {each:.2} kB each; what the kernel holds for sockets is not in it"
    );
    ensure!(still_open(&waiting)?, "some connections were closed meanwhile: the machine is too busy");
    println!("{}", at_most("MB with 10,000 idle connections", after, GOAL_MB));
    Ok(())
}

/// Whether the server has closed none of them.
fn still_open(waiting: &[TcpStream]) -> Result<bool> {
    let mut byte = [0];
    for stream in waiting {
        stream.set_nonblocking(true)?;
        if matches!(stream.peek(&mut byte), Ok(0)) {
            return Ok(false);
        }
    }
    Ok(true)
}
