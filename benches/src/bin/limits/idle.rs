//! Memory of connections that wait.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hopline_benches::clicks;

use crate::{megabytes, start, warm};

const CONNECTIONS: u32 = 10_000;
const LINKS: u32 = 1_000;

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
        let _length = stream.read(&mut answer)?;
        waiting.push(stream);
    }
    let after = megabytes(server.pid(), "VmRSS")?;
    let each = (after - before) * 1e3 / f64::from(CONNECTIONS);
    println!(
        "\n{CONNECTIONS} idle keep-alive connections after a click each: {before:.1} MB before, {after:.1} MB with them, {each:.2} kB each"
    );
    Ok(())
}
