//! What a click takes inside the edge: heap allocations, by a counting allocator, and instructions, by valgrind.
//!
//! `cargo xtask bench budget`; system calls are counted by `cargo xtask bench edge`.
//!
//! # Newest results
//!
//! 2026-11-23, all rules on: 15,100 instructions a first visit, without SHA-256 and the kernel (18,600 the day before);
//! 0.004 allocations a click with `process`, 0.003 with `disk`.

#![expect(clippy::print_stdout, reason = "a measurement's output is for its user")]

mod allocations;
mod instructions;

use std::alloc::System;

use anyhow::{Result, bail};
use hopline_benches::subject::{self, Setup};
use hopline_benches::{machine, pace};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// Counts every call of every thread; the measured program has no other use for it.
#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LINKS: u32 = 1_000;
const CONNECTIONS: usize = 64;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", address, links, durability, spool] => {
            std::thread::spawn(allocations::tell);
            subject::serve(&Setup::read(address, links, durability, spool)?)
        }
        ["pace", rest @ ..] => {
            println!("{}", pace::child(rest)?);
            Ok(())
        }
        [] => measure(&["allocations", "instructions"]),
        some => measure(some),
    }
}

fn measure(parts: &[&str]) -> Result<()> {
    let directory = tempfile::Builder::new().prefix("hopline-bench-").tempdir()?;
    let directory = directory.path();
    println!("machine: {}", machine::describe(directory));
    for part in parts {
        match *part {
            "allocations" => allocations::measure(directory)?,
            "instructions" => instructions::measure(directory)?,
            other => bail!("no part {other:?}: expected allocations, instructions"),
        }
    }
    Ok(())
}
