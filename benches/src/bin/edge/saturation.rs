//! Rounds at saturation, all rows in turn, and the broom that keeps the disk from filling.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::Result;
use hopline_benches::cpu::{CpuTime, core_busy};
use hopline_benches::server::Server;

use crate::options::Options;
use crate::row::Row;
use hopline_benches::wrk::{Run, Wrk};

/// One row in one round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) row: Row,
    pub(crate) run: Run,
    pub(crate) cpu: CpuTime,
    /// Seconds for which others had the server's core.
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
            samples.push(sweeping(*row, directory, || {
                undisturbed(
                    || sample(options, wrk, *row, server),
                    |sample| sample.others / sample.run.seconds,
                )
            })?);
        }
    }
    Ok(samples)
}

fn sample(options: &Options, wrk: &Wrk, row: Row, server: &Server) -> Result<Sample> {
    let (cpu, busy) = (CpuTime::of(server.pid())?, core_busy(options.server_core)?);
    let run = wrk.run(server.address, options.seconds)?;
    let cpu = CpuTime::of(server.pid())? - cpu;
    let others = core_busy(options.server_core)? - busy - cpu.total();
    Ok(Sample { row, run, cpu, others })
}

/// Measures again while others had more of the server's core than a little, up to some limit; gives the calmest try.
pub(crate) fn undisturbed<T>(
    mut measure: impl FnMut() -> Result<T>,
    others: impl Fn(&T) -> f64,
) -> Result<T> {
    const SHARE_MAX: f64 = 0.03;
    const TRIES: usize = 5;
    let mut best = measure()?;
    for _ in 1..TRIES {
        if others(&best) <= SHARE_MAX {
            break;
        }
        let next = measure()?;
        if others(&next) < others(&best) {
            best = next;
        }
    }
    Ok(best)
}

/// Does something while shipped segments, which nobody ships here, are removed; afterwards empties nginx's log.
pub(crate) fn sweeping<T>(row: Row, directory: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let directory = row.directory(directory);
    let (done, until) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || sweep(&directory, &until));
        let outcome = work();
        drop(done);
        outcome
    })
}

fn sweep(directory: &Path, until: &Receiver<()>) {
    const PAUSE: Duration = Duration::from_millis(250);
    while until.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
        for stream in entries(directory) {
            let mut segments = entries(&stream);
            segments.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
            segments.sort();
            // The one that is written, the one before, and the one made ahead stay.
            for old in segments.iter().rev().skip(3) {
                drop(std::fs::remove_file(old));
            }
        }
    }
    let log = directory.join("clicks.log");
    if log.is_file() {
        // nginx appends: the next line lands at the start.
        drop(std::fs::OpenOptions::new().write(true).truncate(true).open(log));
    }
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
