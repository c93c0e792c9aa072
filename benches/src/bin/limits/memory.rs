//! Memory with few and with a million links.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::{MILLION, megabytes, start, warm};

pub(crate) fn measure(directory: &Path) -> Result<()> {
    println!(
        "\nmemory of the whole process, one thread, after 20,000 clicks, MB (VmRSS; VmHWM while it started)"
    );
    for links in [1, 1_000, MILLION] {
        let server = start(None, links, 1, Duration::ZERO, &directory.join(format!("memory-{links}")))?;
        warm(server.address, links)?;
        let (now, most) = (megabytes(server.pid(), "VmRSS")?, megabytes(server.pid(), "VmHWM")?);
        println!("{links:>9} links{now:>9.1}{most:>9.1}");
    }
    Ok(())
}
