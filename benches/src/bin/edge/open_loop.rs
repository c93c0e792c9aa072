//! Latency at a fixed rate.

use std::path::Path;

use anyhow::Result;
use hopline_benches::broom::sweeping;
use hopline_benches::calm::undisturbed;
use hopline_benches::cpu::{CpuTime, core_busy};
use hopline_benches::pace::{self, Paced};
use hopline_benches::server::Server;
use hopline_benches::summary::median;
use hopline_loadgen::Pace;

use crate::options::Options;
use crate::row::Row;

/// One row in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Latency {
    pub(crate) row: Row,
    pub(crate) paced: Paced,
    /// Share of the server's core that others had.
    pub(crate) others: f64,
}

/// The median of a row's rounds; NaN where it did not run.
pub(crate) fn middle(latencies: &[Latency], row: Row, value: impl Fn(&Latency) -> f64) -> f64 {
    median(latencies.iter().filter(|latency| latency.row == row).map(value))
}

/// As many rounds as at saturation, by this program once more on the load generator's core.
pub(crate) fn rounds(
    options: &Options,
    rate: u32,
    servers: &[&(Row, Server)],
    directory: &Path,
) -> Result<Vec<Latency>> {
    let mut latencies = Vec::new();
    for _ in 0..options.rounds {
        for (row, server) in servers {
            latencies.push(sweeping(&row.directory(directory), || {
                undisturbed(|| round(options, rate, *row, server), |latency| latency.others)
            })?);
        }
    }
    Ok(latencies)
}

fn round(options: &Options, rate: u32, row: Row, server: &Server) -> Result<Latency> {
    let seconds = u32::try_from(options.seconds)?;
    let (cpu, busy) = (CpuTime::of(server.pid())?, core_busy(options.server_core)?);
    let paced = pace(options, rate, seconds, server)?;
    let cpu = CpuTime::of(server.pid())? - cpu;
    let others = (core_busy(options.server_core)? - busy - cpu.total()) / f64::from(seconds);
    Ok(Latency { row, paced, others })
}

fn pace(options: &Options, rate: u32, seconds: u32, server: &Server) -> Result<Paced> {
    let (target, connections) = (server.address, options.connections);
    let pace = Pace { target, rate, requests: rate * seconds, connections };
    pace::run(Some(options.load_core), &pace, options.links)
}

/// The highest rate up to the one that is wanted at which one load generator keeps up, tried on one server.
pub(crate) fn possible(options: &Options, wanted: u32, server: &Server) -> Result<u32> {
    const KEPT: f64 = 0.98;
    const TRIES: usize = 3;
    const LEAST: u32 = 1_000;
    let mut rate = wanted;
    loop {
        // Others may disturb a try.
        for _ in 0..TRIES {
            if rate < LEAST || pace(options, rate, 1, server)?.rate >= f64::from(rate) * KEPT {
                return Ok(rate);
            }
        }
        rate = rate / 10 * 9;
    }
}
