//! What Hopline's edge needs besides CPU: memory with a million links and with ten thousand idle connections, the jolt of
//! a new catalogue, and whether a click costs the same with more links and more threads.
//!
//! `cargo xtask bench limits` runs all, `cargo xtask bench limits memory swap` only these; `benches/README.md` says how to
//! read it.
//!
//! # Newest results
//!
//! 2026-11-22, AMD EPYC with 2 cores: 1,000,000 links take 110 MB with the whole process (157 MB at its start, 262 MB while new
//! catalogues are compiled again and again); 10,000 idle connections 80 MB in all, 1.3 kB each. A click costs 1.13 times as much
//! with 1,000,000 links as with 1,000 (goal 1.15), and 1.21 times as much on two threads as on one, where the second shares its
//! core with the load generator. The jolt of a new catalogue cannot be shown here: single answers take 12 to 15 ms without
//! any swap, and no longer with them.

#![expect(clippy::print_stdout, reason = "a measurement's output is for its user")]

mod idle;
mod memory;
mod scale;
mod swap;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use hopline_benches::server::{Server, free_address};
use hopline_benches::subject::{self, Setup};
use hopline_benches::{machine, pace};
use hopline_loadgen::Pace;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The product's own allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MILLION: u32 = 1_000_000;
/// From a swap to the next compilation: until then the edge's threads have let go of the old catalogue, which they look
/// after once a second. The program waits longer.
const SWAP_PAUSE: Duration = Duration::from_millis(1_500);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", address, links, durability, spool, threads, swap_ms] => {
            let swap_ms: u64 = swap_ms.parse()?;
            subject::serve(&Setup {
                threads: threads.parse()?,
                swap_every: (swap_ms > 0).then(|| Duration::from_millis(swap_ms)),
                ..Setup::read(address, links, durability, spool)?
            })
        }
        ["pace", rest @ ..] => {
            println!("{}", pace::child(rest)?);
            Ok(())
        }
        [] => measure(&["memory", "swap", "idle", "scale"]),
        some => measure(some),
    }
}

fn measure(parts: &[&str]) -> Result<()> {
    allow_files()?;
    let directory = tempfile::Builder::new().prefix("hopline-bench-").tempdir()?;
    let directory = directory.path();
    println!("machine: {}", machine::describe(directory));
    for part in parts {
        match *part {
            "memory" => memory::measure(directory)?,
            "swap" => swap::measure(directory)?,
            "idle" => idle::measure(directory)?,
            "scale" => scale::measure(directory)?,
            other => bail!("no part {other:?}: expected memory, swap, idle, scale"),
        }
    }
    Ok(())
}

/// Raises the number of open files as far as the system lets this program and its children.
fn allow_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    setrlimit(Resource::Nofile, raised).context("ulimit -n cannot be raised to its hard limit")
}

/// Starts this program as a server; pinned to cores where some are named.
fn start(
    cores: Option<&str>,
    links: u32,
    threads: usize,
    swap_every: Duration,
    spool: &Path,
) -> Result<Server> {
    let address = free_address()?;
    let own = std::env::current_exe()?;
    let mut command = match cores {
        Some(cores) => {
            let mut command = Command::new("taskset");
            command.args(["-c", cores]).arg(own);
            command
        }
        None => Command::new(own),
    };
    command
        .args(["serve", &address.to_string(), &links.to_string(), "process"])
        .arg(spool)
        .args([threads.to_string(), swap_every.as_millis().to_string()])
        .stdin(Stdio::null());
    Server::start(command, address)
}

/// Sends some clicks, so that everything that stays in memory is there.
fn warm(target: SocketAddr, links: u32) -> Result<()> {
    pace::run(None, &Pace { target, rate: 5_000, requests: 20_000, connections: 16 }, links)?;
    Ok(())
}

/// A figure of a process from `/proc/PID/status`, in MB of 10^6 bytes.
fn megabytes(pid: u32, name: &str) -> Result<f64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib: f64 = line
        .and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .with_context(|| format!("no {name} in {path}"))?;
    ensure!(kib > 0.0, "{name} of {pid} is 0");
    Ok(kib * 1024.0 / 1e6)
}
