//! What a click costs: Hopline's edge beside nginx and a bare hyper server, as ratios.
//!
//! `cargo xtask bench edge` runs all rows in alternating rounds, the server on one core, the load generator on another,
//! and prints medians. `benches/README.md` says what each row is and how to read the table.
//!
//! # Newest results
//!
//! 2026-11-22, AMD EPYC with 2 cores and SHA instructions, nginx 1.22.1, 1,000,000 links, 64 connections, everything on
//! (`src/subject.rs`). Five runs were made; the two with calm servers are told, chosen by the column "others" (0 to 2 %,
//! 5 % in row E). The first was cut off after saturation; the second had 3 rounds of 3 s and no row A:
//!
//! | | A nginx, no log | B nginx, cookie and log | C bare hyper | D Hopline `process` | E Hopline `disk` |
//! | --- | --- | --- | --- | --- | --- |
//! | CPU, us: user and system | 6.2 + 10.7 | 9.6 + 11.4 | 5.9 + 10.5 | 8.2 + 10.3 | 9.4 + 18.2 |
//! | CPU to B | 0.82 | 1.00 (21.0 us) | 0.79 | 0.852 | 1.32 |
//! | CPU to B, the second run | | 1.00 (21.5 us) | 0.78 | 0.830 | 1.26 |
//! | rate a second | 44,800 | 39,700 | 47,300 | 47,400 | 30,100 |
//!
//! So the goal of 0.85 for D was met once and missed by a hair once. D to C was 1.08 and 1.06. E took 0.64 and 0.69 of D's
//! rate: above the floor of 0.60, short of 0.7; 8 of its 10 further microseconds are the kernel's. At half of D's rate,
//! 23,500 clicks/s in the open loop of the second run, D's p99 was 4.8 ms and C's 5.5 ms, a ratio of 0.86; B's was 2.0 ms,
//! and such lengths are probably those of a load generator that was disturbed.
//!
//! The aim of 0.70 is 3 us away. 58 % of D is the kernel's, for loopback: one `recvfrom`, one `sendto`, 0.04 `epoll_wait`
//! and 0.03 `pwrite64` per click, which alone make 0.49 of B. What was left then is 18,600 instructions, 15,100 since; `budget`
//! says whose.
//!
//! In the runs that others disturbed (4 to 120 % in column "others") D to B was 0.87, 0.91 and 0.93, E to B 1.37, 1.62 and
//! 1.40. p99 at 5,000 clicks/s is known from one of these only: D 11.7 ms, B 6.7 ms, a miss that says little either way.

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
