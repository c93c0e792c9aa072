//! Memory with few and with a million links. While catalogues are swapped the old one, the new one, its plain data and
//! its snapshot's bytes are in memory at once: that row is told, and has no goal.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use hopline_benches::goals::at_most;

use crate::{MILLION, SWAP_PAUSE, megabytes, start, warm};

const GOAL_MB: f64 = 250.0;
/// Longer than it takes to compile a catalogue of a million links twice.
const SWAPPING: Duration = Duration::from_secs(8);

pub(crate) fn measure(directory: &Path) -> Result<()> {
    println!(
        "\nmemory of the whole process, one thread, after 20,000 clicks, MB (VmRSS now; VmHWM at most since its start)"
    );
    let mut large = f64::NAN;
    for links in [1, 1_000, MILLION] {
        let server = start(None, links, 1, Duration::ZERO, &directory.join(format!("memory-{links}")))?;
        warm(server.address, links)?;
        large = megabytes(server.pid(), "VmRSS")?;
        println!("{links:>9} links{large:>44.1}{:>9.1}", megabytes(server.pid(), "VmHWM")?);
    }
    let server = start(None, MILLION, 1, SWAP_PAUSE, &directory.join("memory-swapped"))?;
    warm(server.address, MILLION)?;
    std::thread::park_timeout(SWAPPING);
    let (now, most) = (megabytes(server.pid(), "VmRSS")?, megabytes(server.pid(), "VmHWM")?);
    println!("{MILLION:>9} links, a new catalogue again and again{now:>10.1}{most:>9.1}");
    println!("{}", at_most("MB with 1,000,000 links", large, GOAL_MB));
    Ok(())
}
