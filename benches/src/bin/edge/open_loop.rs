//! Latency at a fixed rate.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use hopline_benches::clicks;
use hopline_benches::cpu::{CpuTime, core_busy};
use hopline_benches::server::{Server, pinned};
use hopline_loadgen::{Pace, paced};

use crate::options::Options;
use crate::row::Row;
use crate::saturation::{sweeping, undisturbed};

/// One row in one round, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) row: Row,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    /// Share of the server's core that others had.
    pub(crate) others: f64,
}

/// As many rounds as at saturation, by this program once more on the load generator's core.
pub(crate) fn rounds(options: &Options, servers: &[(Row, Server)], directory: &Path) -> Result<Vec<Latency>> {
    let mut latencies = Vec::new();
    for _ in 0..options.rounds {
        for (row, server) in servers {
            latencies.push(sweeping(*row, directory, || {
                undisturbed(|| round(options, *row, server), |latency| latency.others)
            })?);
        }
    }
    Ok(latencies)
}

fn round(options: &Options, row: Row, server: &Server) -> Result<Latency> {
    let seconds = u32::try_from(options.seconds)?;
    let (cpu, busy) = (CpuTime::of(server.pid())?, core_busy(options.server_core)?);
    let output = pinned(options.load_core, std::env::current_exe()?)
        .args(["pace", &server.address.to_string(), &options.rate.to_string()])
        .args([(options.rate * seconds).to_string(), options.connections.to_string()])
        .arg(options.links.to_string())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the open loop: {}", output.status);
    let cpu = CpuTime::of(server.pid())? - cpu;
    let others = (core_busy(options.server_core)? - busy - cpu.total()) / f64::from(seconds);
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [p50, p99, p999] = numbers[..] else { bail!("the open loop said: {text}") };
    Ok(Latency { row, p50, p99, p999, others })
}

/// Sends the clicks and prints three latencies in milliseconds.
pub(crate) fn child(arguments: &[&str]) -> Result<()> {
    let [target, rate, requests, connections, links] = arguments else {
        bail!("expected five arguments, given {arguments:?}");
    };
    let pace = Pace {
        target: target.parse()?,
        rate: rate.parse()?,
        requests: requests.parse()?,
        connections: connections.parse()?,
    };
    let links = links.parse()?;
    let mut latencies = paced(&pace, |number, out| clicks::write(number, links, out))?;
    latencies.sort_unstable();
    let at = |per_mille: usize| {
        let place = (latencies.len() * per_mille / 1000).min(latencies.len().saturating_sub(1));
        latencies.get(place).map(Duration::as_secs_f64).context("no answers")
    };
    println!("{} {} {}", at(500)? * 1e3, at(990)? * 1e3, at(999)? * 1e3);
    Ok(())
}
