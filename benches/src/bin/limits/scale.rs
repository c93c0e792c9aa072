//! CPU per click with more links, and with more threads.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use hopline_benches::cpu::CpuTime;
use hopline_benches::machine;
use hopline_benches::server::Server;
use hopline_benches::summary::median;
use hopline_benches::wrk::Wrk;

use crate::{MILLION, start};

const ROUNDS: usize = 5;
const SECONDS: u64 = 3;
const CONNECTIONS: usize = 64;

pub(crate) fn measure(directory: &Path) -> Result<()> {
    ensure!(machine::has("wrk"), "wrk is missing: install Debian's package wrk");
    println!("\nCPU per click at saturation, server on core 0, load on core 1, medians of {ROUNDS} rounds");
    let steps = [1_000, 10_000, 100_000, MILLION];
    let mut servers = Vec::new();
    for links in steps {
        let own = directory.join(format!("scale-{links}"));
        std::fs::create_dir_all(&own)?;
        let wrk = Wrk::new(1, CONNECTIONS, links, &own)?;
        servers.push((start(Some("0"), links, 1, Duration::ZERO, &own.join("spool"))?, wrk));
    }
    let costs = rounds(&servers)?;
    for (links, cost) in steps.iter().zip(&costs) {
        println!("{links:>9} links{cost:>9.2} us{:>8.2}", cost / costs.first().unwrap_or(&f64::NAN));
    }
    drop(servers);

    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("\nCPU per click at saturation with more threads, load on the same cores");
    let own = directory.join("threads");
    std::fs::create_dir_all(&own)?;
    let mut servers = Vec::new();
    for threads in 1..=cores {
        let wrk = Wrk::new(cores - 1, CONNECTIONS, 1_000, &own)?;
        let cores = format!("0-{}", threads - 1);
        let spool = own.join(format!("spool-{threads}"));
        servers.push((start(Some(&cores), 1_000, threads, Duration::ZERO, &spool)?, wrk));
    }
    let costs = rounds(&servers)?;
    for (threads, cost) in (1..).zip(&costs) {
        println!("{threads:>9} threads{cost:>9.2} us{:>8.2}", cost / costs.first().unwrap_or(&f64::NAN));
    }
    Ok(())
}

/// Microseconds per click of each server.
fn rounds(servers: &[(Server, Wrk)]) -> Result<Vec<f64>> {
    let mut costs = vec![Vec::new(); servers.len()];
    for (server, wrk) in servers {
        wrk.run(server.address, 1)?;
    }
    for _ in 0..ROUNDS {
        for ((server, wrk), costs) in servers.iter().zip(&mut costs) {
            let before = CpuTime::of(server.pid())?;
            let run = wrk.run(server.address, SECONDS)?;
            costs.push((CpuTime::of(server.pid())? - before).total() / run.requests * 1e6);
        }
    }
    Ok(costs.into_iter().map(median).collect())
}
