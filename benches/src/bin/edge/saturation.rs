//! Rounds at saturation, all rows in turn.

use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use hopline_benches::broom::sweeping;
use hopline_benches::calm::undisturbed;
use hopline_benches::cpu::{CpuTime, core_busy};
use hopline_benches::server::Server;
use hopline_benches::summary::median;
use hopline_benches::wrk::{Run, Wrk};

use crate::options::Options;
use crate::row::Row;

/// One row in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) row: Row,
    pub(crate) run: Run,
    pub(crate) cpu: CpuTime,
    /// Share of the server's core that others had.
    pub(crate) others: f64,
}

impl Sample {
    pub(crate) fn user_micros(&self) -> f64 {
        self.cpu.user / self.run.requests * 1e6
    }

    pub(crate) fn system_micros(&self) -> f64 {
        self.cpu.system / self.run.requests * 1e6
    }

    pub(crate) fn micros(&self) -> f64 {
        self.cpu.total() / self.run.requests * 1e6
    }

    pub(crate) fn rate(&self) -> f64 {
        self.run.requests / self.run.seconds
    }
}

/// The median of a row's rounds; NaN where it did not run.
pub(crate) fn middle(samples: &[Sample], row: Row, value: impl Fn(&Sample) -> f64) -> f64 {
    median(samples.iter().filter(|sample| sample.row == row).map(value))
}

/// One round to warm up, then the measured ones.
pub(crate) fn rounds(
    options: &Options,
    wrk: &Wrk,
    servers: &[(Row, Server)],
    directory: &Path,
) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for (_, server) in servers {
        wrk.run(server.address, 1)?;
    }
    for _ in 0..options.rounds {
        for (row, server) in servers {
            samples.push(sweeping(&row.directory(directory), || {
                undisturbed(|| sample(options, wrk, *row, server), |sample| sample.others)
            })?);
        }
    }
    Ok(samples)
}

fn sample(options: &Options, wrk: &Wrk, row: Row, server: &Server) -> Result<Sample> {
    let (cpu, busy) = (CpuTime::of(server.pid())?, core_busy(options.server_core)?);
    let begun = Instant::now();
    let run = wrk.run(server.address, options.seconds)?;
    // The load generator reads its codes first: longer than the run itself.
    let elapsed = begun.elapsed().as_secs_f64();
    let cpu = CpuTime::of(server.pid())? - cpu;
    let others = (core_busy(options.server_core)? - busy - cpu.total()) / elapsed;
    Ok(Sample { row, run, cpu, others })
}
