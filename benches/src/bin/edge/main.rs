//! What a click costs: Hopline's edge beside nginx and a bare hyper server, as ratios.
//!
//! `cargo xtask bench edge` runs all rows in alternating rounds, the server on one core, the load generator on another,
//! and prints medians. `benches/README.md` says what each row is and how to read the table.
//!
//! # Newest results
//!
//! 2026-11-22, AMD EPYC with 2 cores and SHA instructions, nginx 1.22.1, 64 connections, 1,000,000 links, geography, targeting,
//! rotation and caps on; CPU per request as a ratio to B, two runs in a row:
//!
//! | A nginx, no log | B nginx, cookie and log | C bare hyper | D Hopline `process` | E Hopline `disk` |
//! | --- | --- | --- | --- | --- |
//! | not run | 1.00 (21.5 us) | 0.78 | 0.83 | 1.26, 0.69 of D's rate |
//! | 0.82 | 1.00 (21.0 us) | 0.79 | 0.85 | 1.32, 0.64 of D's rate |
//!
//! So `process` is where it was to be (0.85), not where it is to go (0.70): of its 17.9 us the kernel takes 10 for loopback, what
//! is left is 8. Before the lane it was 0.96 to 0.99, without rules. D makes 1.0 `recvfrom`, 1.0 `sendto` and 0.03 `pwrite64` per
//! click. `disk` keeps to its CPU (1.35); its rate is above the floor of 0.60 and below the 0.70 wished for. At half of D's rate
//! (23,468 clicks/s) its p99 was 4.8 ms, bare hyper's 5.5. The open loop at 5,000 clicks/s was not measured in calm after the lane;
//! before it, D's p99 was 1.8 ms and nginx's 4.6. A run while the machine was compiling gave 0.93.

#![expect(clippy::print_stdout, reason = "a measurement's output is for its user")]

mod bare;
mod nginx;
mod open_loop;
mod options;
mod report;
mod row;
mod saturation;
mod trace;

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use hopline_benches::server::Server;
use hopline_benches::wrk::Wrk;
use hopline_benches::{machine, pace, subject};

use crate::open_loop::Latency;
use crate::options::Options;
use crate::row::Row;
use crate::saturation::Sample;

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", address] => bare::serve(address.parse()?),
        ["serve", address, links, durability, spool] => {
            subject::serve(&subject::Setup::read(address, links, durability, spool)?)
        }
        ["pace", rest @ ..] => {
            println!("{}", pace::child(rest)?);
            Ok(())
        }
        _ => measure(&Options::read()),
    }
}

fn measure(options: &Options) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    ensure!(cores > 1, "two cores are needed: one for the server, one for the load generator");
    ensure!(machine::has("taskset"), "taskset is missing: install Debian's package util-linux");
    let rows = rows_that_can_run(options);
    let directory = tempfile::Builder::new().prefix("hopline-bench-").tempdir_in(&options.directory);
    let directory = directory.with_context(|| options.directory.display().to_string())?;
    report::heading(options, directory.path());
    if !machine::has("wrk") {
        bail!("wrk is missing: install Debian's package wrk");
    }
    let wrk = Wrk::new(options.load_core, options.connections, options.links, directory.path())?;
    let mut servers = Vec::new();
    for row in rows {
        let server = row.start(options.server_core, options.links, directory.path());
        servers.push((row, server.with_context(|| format!("starting {}", row.name()))?));
    }
    let rounds = saturation::rounds(options, &wrk, &servers, directory.path())?;
    report::saturation(&rounds);
    let mut fixed = Vec::new();
    if options.rate > 0 {
        let all: Vec<_> = servers.iter().collect();
        fixed = open_loop::rounds(options, options.rate, &all, directory.path())?;
        report::open_loop(options.rate, &fixed);
    }
    let half = half_load(options, &rounds, &servers, directory.path())?;
    report::goals(options, &rounds, &fixed, &half);
    if machine::has("strace") {
        for (row, server) in &servers {
            report::calls(*row, &trace::calls(server, &wrk, directory.path())?);
        }
    } else {
        println!("\nsystem calls: strace is missing (Debian's package strace)");
    }
    Ok(())
}

/// Open loop at half of what D can do.
fn half_load(
    options: &Options,
    rounds: &[Sample],
    servers: &[(Row, Server)],
    directory: &Path,
) -> Result<Vec<Latency>> {
    let is_measured = |row| matches!(row, Row::NginxLogged | Row::Hyper | Row::Process);
    let compared: Vec<_> = servers.iter().filter(|(row, _)| is_measured(*row)).collect();
    let half = saturation::middle(rounds, Row::Process, Sample::rate) / 2.0;
    // A float's text without decimals is a whole number; there is none without D.
    let (Ok(wanted), Some((_, server))) = (format!("{half:.0}").parse(), compared.last()) else {
        return Ok(Vec::new());
    };
    let rate = open_loop::possible(options, wanted, server)?;
    if rate < wanted {
        println!("\none load generator cannot send {wanted} clicks/s, half of what D takes");
    }
    let latencies = open_loop::rounds(options, rate, &compared, directory)?;
    report::open_loop(rate, &latencies);
    Ok(latencies)
}

fn rows_that_can_run(options: &Options) -> Vec<Row> {
    let has_nginx = nginx::program().is_file() || machine::has("nginx");
    if !has_nginx {
        println!("rows A and B are left out: nginx is missing (Debian's package nginx-light)");
    }
    let wanted = |row: &Row| options.rows.is_empty() || options.rows.contains(row.letter());
    Row::ALL.into_iter().filter(|row| wanted(row) && (has_nginx || !row.is_nginx())).collect()
}
